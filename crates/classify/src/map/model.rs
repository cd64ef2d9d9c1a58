//! What a data map holds, once it is read and checked.

mod consent;
mod rights;
mod source;
mod telemetry;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::error::UnknownName;
use crate::name::{ColumnName, FieldName, PurposeName};
use crate::value_type::ValueType;

pub use consent::{ConsentRules, Controller, KeptConsent, NoticeText};
pub use rights::{EraseRule, EraseWith, ExportRule};
pub use source::{
    Column, Hop, Root, Source, SubjectChain, SubjectPath, Table, TenantRule, Treatment,
};

pub use telemetry::{
    Attribute, AttributeType, MetricRule, NameRule, ScopeRule, Telemetry, TelemetryDefault,
};

use super::period::Period;

/// How many consent bits there are: bits 0 to 31, so that a consent map is one `u32`.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let bits = map.purposes().filter_map(|purpose| purpose.bit);
/// assert!(bits.max() < Some(privet_classify::CONSENT_BITS));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const CONSENT_BITS: u8 = 32;

/// A legal basis of Art. 6(1) GDPR. The text form is in lower snake case.
///
/// ```
/// use privet_classify::Basis;
///
/// assert_eq!("legal_obligation".parse(), Ok(Basis::LegalObligation));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The person agreed; they can withdraw at any time. Art. 6(1)(a).
    Consent,
    /// Needed for a contract with the person. Art. 6(1)(b).
    Contract,
    /// A law demands it. Art. 6(1)(c).
    LegalObligation,
    /// To protect somebody's life. Art. 6(1)(d).
    VitalInterest,
    /// A task in the public interest. Art. 6(1)(e).
    PublicTask,
    /// A legitimate interest that outweighs the person's. Art. 6(1)(f).
    LegitimateInterest,
}

impl Basis {
    /// Every basis, in the order of the law.
    ///
    /// ```
    /// # use privet_classify::Basis;
    /// assert_eq!(Basis::ALL.map(Basis::as_str)[0], "consent");
    /// ```
    pub const ALL: [Self; 6] = [
        Self::Consent,
        Self::Contract,
        Self::LegalObligation,
        Self::VitalInterest,
        Self::PublicTask,
        Self::LegitimateInterest,
    ];

    /// The name, as the data map writes it.
    ///
    /// ```
    /// # use privet_classify::Basis;
    /// assert_eq!(Basis::PublicTask.as_str(), "public_task");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Contract => "contract",
            Self::LegalObligation => "legal_obligation",
            Self::VitalInterest => "vital_interest",
            Self::PublicTask => "public_task",
            Self::LegitimateInterest => "legitimate_interest",
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Basis {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        UnknownName::find("basis", &Self::ALL, Self::as_str, text)
    }
}

/// Why data is used.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let purpose = map.purpose("improvement").ok_or("no purpose")?;
/// assert_eq!((purpose.bit, purpose.notice.as_deref()), (Some(0), Some("2026-11")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purpose {
    /// Its name.
    pub name: PurposeName,
    /// The legal basis that it rests on.
    pub basis: Basis,
    /// Its bit in the consent map, below [`CONSENT_BITS`]; there exactly if the basis is consent.
    pub bit: Option<u8>,
    /// The version of the notice that people are shown; always there if the basis is consent.
    pub notice: Option<String>,
    /// Whether Global Privacy Control says no to it for a person; only where the basis is consent.
    pub gpc: bool,
}

/// One kind of personal data.
///
/// ```
/// # use privet_classify::{Class, ValueType};
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let field = map.field("birthday").ok_or("no field")?;
/// assert_eq!((field.number, field.class), (2, Class::Udi));
/// assert_eq!(field.value_type, ValueType::Date);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// Its name.
    pub name: FieldName,
    /// Its number in sealed values, unique and never 0. It must not change while sealed values
    /// exist.
    pub number: u16,
    /// How personal it is; never `SYS`.
    pub class: Class,
    /// What its values look like.
    pub value_type: ValueType,
    /// Its blind index, if it can be looked up.
    pub lookup: Option<Lookup>,
    /// What it may be used for.
    pub purposes: Vec<PurposeName>,
    /// Whether the person is written to at this address, which the vault holds; true of one field at most, of type `email`.
    pub contact: bool,
    /// What the law demands to keep after an erasure, if anything.
    pub retain: Option<Retain>,
}

/// How a field can be looked up by its value.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let lookup = map.field("email").and_then(|field| field.lookup).ok_or("no index")?;
/// assert!(lookup.unique && !lookup.weak);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lookup {
    /// Whether a value occurs once: per column in a source, and among the subjects of the vault.
    pub unique: bool,
    /// Whether the operator accepts that equal values show and can be guessed, as with birthdays.
    pub weak: bool,
}

/// What is kept after an erasure, how long and why.
///
/// ```
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let retain = map.field("billing_address").and_then(|field| field.retain.as_ref());
/// let retain = retain.ok_or("nothing is kept")?;
/// assert_eq!(format!("{} for {}", retain.for_, retain.why), "7y for tax law");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retain {
    /// How long.
    pub for_: Period,
    /// From when.
    pub from: RetainFrom,
    /// The legal basis; never consent.
    pub basis: Basis,
    /// The reason in words, as a receipt shows it.
    pub why: String,
    /// What the kept values may still be used for; never empty, none rests on consent.
    pub purposes: Vec<PurposeName>,
}

/// When a retention period starts.
///
/// ```
/// # use privet_classify::RetainFrom;
/// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let retain = map.field("contract").and_then(|field| field.retain.as_ref());
/// assert_eq!(retain.map(|retain| &retain.from), Some(&RetainFrom::Closure));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetainFrom {
    /// On the date in that column of the same row; every table with the field has the column,
    /// unsealed.
    Column(ColumnName),
    /// On the day on which the account closes.
    Closure,
}
