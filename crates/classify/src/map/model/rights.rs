//! What a data map says about people's rights to rows: what they get a copy of, and what is left when they leave.

use std::fmt;
use std::str::FromStr;

use crate::error::UnknownName;
use crate::name::ColumnName;

/// What becomes of the rows of somebody who left.
///
/// ```
/// use privet_classify::EraseRule;
///
/// assert_eq!("tombstone".parse(), Ok(EraseRule::Tombstone));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EraseRule {
    /// The row is deleted.
    Row,
    /// The row stays, and its personal columns become NULL.
    Null,
    /// As [`Null`](Self::Null), but sealed columns become a sealed value that never opens, for where NULL is not allowed.
    Tombstone,
}

impl EraseRule {
    const ALL: [Self; 3] = [Self::Row, Self::Null, Self::Tombstone];

    /// The name, as the data map writes it.
    ///
    /// ```
    /// # use privet_classify::EraseRule;
    /// assert_eq!(EraseRule::Row.as_str(), "row");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Row => "row",
            Self::Null => "null",
            Self::Tombstone => "tombstone",
        }
    }
}

impl fmt::Display for EraseRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for EraseRule {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        UnknownName::find("rule", &Self::ALL, Self::as_str, text)
    }
}

/// With whose leaving a shared row is erased.
///
/// ```
/// use privet_classify::EraseWith;
///
/// assert_eq!("either".parse(), Ok(EraseWith::Either));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EraseWith {
    /// With the one whose row it is. When somebody else leaves who may see it, the row stays without its reference to them.
    #[default]
    Owner,
    /// With the first of all who may see it.
    Either,
}

impl EraseWith {
    const ALL: [Self; 2] = [Self::Owner, Self::Either];

    /// The name, as the data map writes it.
    ///
    /// ```
    /// # use privet_classify::EraseWith;
    /// assert_eq!(EraseWith::default().as_str(), "owner");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Either => "either",
        }
    }
}

impl FromStr for EraseWith {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        UnknownName::find("word", &Self::ALL, Self::as_str, text)
    }
}

/// How the rows of a table appear in the copy that a person gets of their data.
///
/// ```
/// use privet_classify::{DataMap, ExportRule};
///
/// let map = DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
/// let log = map.source("crm").and_then(|crm| crm.table("change")).ok_or("no table")?;
/// assert!(matches!(&log.export, ExportRule::Fact { at } if at.as_str() == "at"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ExportRule {
    /// With every column that is not withheld; also where the map does not say.
    #[default]
    Whole,
    /// As the fact that the person changed something: table, key, and the time in this column.
    Fact {
        /// The column with the time, in clear.
        at: ColumnName,
    },
    /// Not at all.
    Nothing {
        /// Why.
        why: String,
    },
}
