//! Language tags (BCP 47), which say what language a text for people is in.

use std::fmt;
use std::str::FromStr;

use oxilangtag::LanguageTag;
use serde::{Deserialize, Serialize};

/// Characters of a tag; RFC 5646 (section 4.4.1) counts 35 for every tag that is of use.
const LENGTH_MAX: usize = 35;

/// What language a text is in: a well-formed tag of RFC 5646 whose first part is a language code of ISO 639, in the
/// standard's own spelling (section 2.1.1), so that two tags of one meaning are one.
///
/// ```
/// use privet_classify::Language;
///
/// let language: Language = "ZH-hant-tw".parse()?;
/// assert_eq!(language.as_str(), "zh-Hant-TW");
/// # Ok::<(), privet_classify::LanguageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

impl Language {
    /// The tag.
    ///
    /// ```
    /// # use privet_classify::Language;
    /// assert_eq!("de-at".parse::<Language>()?.as_str(), "de-AT");
    /// # Ok::<(), privet_classify::LanguageError>(())
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Language {
    type Err = LanguageError;

    fn from_str(text: &str) -> Result<Self, LanguageError> {
        if text.len() > LENGTH_MAX {
            return Err(LanguageError);
        }
        let tag = LanguageTag::parse_and_normalize(text).map_err(|_| LanguageError)?;
        // Longer first parts are well-formed and mean nothing, as `german`; `x` and `i` begin tags of somebody's own.
        match tag.primary_language().len() {
            2 | 3 => Ok(Self(tag.into_inner())),
            _ => Err(LanguageError),
        }
    }
}

impl TryFrom<String> for Language {
    type Error = LanguageError;

    fn try_from(text: String) -> Result<Self, LanguageError> {
        text.parse()
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.0
    }
}

/// Not the tag of a language. Safe to log and to show: it does not repeat the text.
///
/// ```
/// use privet_classify::{Language, LanguageError};
///
/// assert_eq!("german".parse::<Language>(), Err(LanguageError));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a language tag of BCP 47: write one as `de`, `pt-BR` or `zh-Hant`")]
pub struct LanguageError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_spelled_one_way() {
        let check = |text: &str| {
            text.parse::<Language>()
                .map(|language| language.to_string())
        };
        for (text, expected) in [
            ("de", "de"),
            ("DE-at", "de-AT"),
            ("sr-LATN-rs", "sr-Latn-RS"),
            ("es-419", "es-419"),
            ("gsw", "gsw"),
            ("de-CH-1996", "de-CH-1996"),
        ] {
            assert_eq!(check(text), Ok(expected.to_owned()));
        }
        let long = format!("de-{}", "x-".repeat(20));
        for wrong in [
            "",
            "d",
            "german",
            "deutsch",
            "de_AT",
            "de-",
            "-de",
            "x-shop",
            "i-klingon",
            "de AT",
            "dé",
            "de\n",
            &long,
        ] {
            assert_eq!(check(wrong), Err(LanguageError), "{wrong}");
        }
    }
}
