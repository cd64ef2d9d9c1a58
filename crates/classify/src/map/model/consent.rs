//! What a data map says about consent beside its purposes.

use jiff::civil::Date;

use super::super::period::Period;
use crate::language::Language;
use crate::name::PurposeName;

/// What holds for all consent.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let keep = map.consent().keep.as_ref().ok_or("nothing is kept")?;
/// assert_eq!(format!("{} for {}", keep.for_, keep.why), "3y for proof of consent, Art. 7(1) GDPR");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsentRules {
    /// What is kept of a person's answers after their account closed; without it, nothing that opens.
    pub keep: Option<KeptConsent>,
    /// The language of notices' texts that say none.
    pub language: Option<Language>,
    /// Since when Global Privacy Control is honoured as the map says, for the web site's statement of it.
    pub gpc_since: Option<Date>,
}

/// How long a person's answers and their evidence are kept after the account closed.
///
/// ```
/// # use privet_classify::DataMap;
/// let map = DataMap::parse("[consent]\nkeep = { for = \"18m\", why = \"claims\" }\n")?;
/// assert_eq!(map.consent().keep.as_ref().map(|keep| keep.for_.count()), Some(18));
/// # Ok::<(), privet_classify::MapErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptConsent {
    /// From the day of the closing.
    pub for_: Period,
    /// The reason in words.
    pub why: String,
}

/// What people are shown when they are asked for one purpose, in one language.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let mut texts = map.notice_texts().filter(|text| text.version == "2026-11");
/// let german = texts.find(|text| text.language.as_str() == "de").ok_or("no text")?;
/// assert_eq!(german.text, "Wir sehen uns an, was Sie benutzen, um es besser zu machen.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoticeText {
    /// The version of the notice.
    pub version: String,
    /// What the data would be used for.
    pub purpose: PurposeName,
    /// The language of the text.
    pub language: Language,
    /// The text: 1 to 16,384 bytes without control characters but line feeds, and without white space around it.
    pub text: String,
}

/// Who decides what the data is used for (Art. 4(7) GDPR), and answers for it.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let controller = map.controller().ok_or("nobody")?;
/// assert_eq!(controller.contact, "privacy@shop.example");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Controller {
    /// The name, as people know it.
    pub name: String,
    /// Where it can be reached: an address of mail, the web or the post.
    pub contact: String,
}
