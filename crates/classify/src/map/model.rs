//! What a data map holds, once it is read and checked.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::class::Class;
use crate::error::UnknownName;
use crate::name::{ColumnName, FieldName, PurposeName, SourceName, TableName, TenantName};
use crate::value_type::ValueType;

use super::period::Period;

/// How many consent bits there are: bits 0 to 31, so that a consent map is one `u32`.
pub const CONSENT_BITS: u8 = 32;

/// A legal basis of Art. 6(1) GDPR. The text form is in lower snake case.
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
    pub const ALL: [Self; 6] = [
        Self::Consent,
        Self::Contract,
        Self::LegalObligation,
        Self::VitalInterest,
        Self::PublicTask,
        Self::LegitimateInterest,
    ];

    /// The name, as the data map writes it.
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
}

/// One kind of personal data.
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
    /// What the law demands to keep after an erasure, if anything.
    pub retain: Option<Retain>,
}

/// How a field can be looked up by its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lookup {
    /// Whether a value occurs once: per column in a source, and among the subjects of the vault.
    pub unique: bool,
    /// Whether the operator accepts that equal values show and can be guessed, as with birthdays.
    pub weak: bool,
}

/// What is kept after an erasure, how long and why.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetainFrom {
    /// On the date in that column of the same row; every table with the field has the column,
    /// unsealed.
    Column(ColumnName),
    /// On the day on which the account closes.
    Closure,
}

/// An application's own database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// Which tenant a row belongs to.
    pub tenant: TenantRule,
    /// The tables with personal data, by name.
    pub tables: Vec<Table>,
}

impl Source {
    /// The table of that name, letter for letter.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name.as_str() == name)
    }
}

/// Which tenant the rows of a source belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantRule {
    /// All to one.
    Fixed(TenantName),
    /// To the one that this column of the subject's row (the root of the subject path) names.
    Column(ColumnName),
}

/// A table with personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Whose a row is; always there if a column is a field.
    pub subject: Option<SubjectPath>,
    /// All its columns but those of blind indexes, by name.
    pub columns: Vec<Column>,
}

impl Table {
    /// The column of that name, letter for letter.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| column.name.as_str() == name)
    }

    /// The columns to seal, each with its field.
    pub fn sealed_columns(&self) -> impl Iterator<Item = (&Column, &FieldName)> {
        self.columns
            .iter()
            .filter_map(|column| column.field().map(|field| (column, field)))
    }
}

/// How the subject of a row is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectPath {
    /// The table is a root: this column of its own names the subject, whose alias is `table:value`.
    Own {
        /// The column.
        column: ColumnName,
    },
    /// The row belongs to whom the row in another table belongs to.
    Via {
        /// The foreign key.
        column: ColumnName,
        /// The table that it leads to.
        table: TableName,
        /// The column there that it refers to, where the map says so (`a -> t.b`).
        parent_column: Option<ColumnName>,
    },
}

impl SubjectPath {
    /// The column of the row itself with which the path starts.
    #[must_use]
    pub fn column(&self) -> &ColumnName {
        match self {
            Self::Own { column } | Self::Via { column, .. } => column,
        }
    }
}

/// The way from a row to its subject: foreign keys to follow one after the other, then the root.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectChain {
    /// The foreign keys; none if the table is itself a root.
    pub hops: Vec<Hop>,
    /// Where the way ends.
    pub root: Root,
}

/// One foreign key on the way to a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hop {
    /// The table that has the foreign key.
    pub table: TableName,
    /// The foreign key.
    pub column: ColumnName,
    /// The table that it leads to.
    pub parent_table: TableName,
    /// The column there that it refers to: as stated, else the subject column of a root; `None`
    /// means the primary key of `parent_table`.
    pub parent_column: Option<ColumnName>,
}

/// The end of every subject path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Root {
    /// The table, first half of the subject's alias.
    pub table: TableName,
    /// The column whose value names the subject, second half of the alias.
    pub column: ColumnName,
}

/// A column of an application's table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: ColumnName,
    /// What Privet does with it.
    pub treatment: Treatment,
}

impl Column {
    /// The field that the column is sealed as, if it is.
    #[must_use]
    pub fn field(&self) -> Option<&FieldName> {
        match &self.treatment {
            Treatment::Field(field) => Some(field),
            Treatment::Class { .. } => None,
        }
    }
}

impl ColumnName {
    /// The column of the blind index over this one: `email_px` for `email`. `None` if that name
    /// would be too long; a checked map has no such column with a look-up.
    #[must_use]
    pub fn index_column(&self) -> Option<Self> {
        Self::new(&format!("{self}_px")).ok()
    }
}

/// What Privet does with a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// Seals it as a value of this field.
    Field(FieldName),
    /// Leaves it as it is.
    Class {
        /// How personal it is; never `UII`.
        class: Class,
        /// Whether the map says in so many words that it stays readable; always so for `UDI` and
        /// `CC`.
        clear: bool,
    },
}

/// What happens to the attributes of telemetry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Telemetry {
    /// What happens to an attribute that is not listed.
    pub default: TelemetryDefault,
    /// The listed attributes with their classes, by name.
    pub attributes: BTreeMap<String, Class>,
}

impl Telemetry {
    /// The class of an attribute; `None` means that it is not listed and [`Self::default`] applies.
    #[must_use]
    pub fn class(&self, attribute: &str) -> Option<Class> {
        self.attributes.get(attribute).copied()
    }
}

/// What happens to telemetry that nobody classified. There is one answer, so that nothing passes by
/// oversight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TelemetryDefault {
    /// It is dropped.
    #[default]
    Drop,
}
