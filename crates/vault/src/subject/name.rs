//! How callers name a subject.

use std::fmt;
use std::str::FromStr;

use crate::{NameError, Oid, SourceName};

/// How a caller names a subject: by operational id, or by a row of an application's table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SubjectName {
    /// The operational id.
    Oid(Oid),
    /// `customer:42`, or `shop/customer:42` where several sources exist.
    Alias {
        /// The source; may be left out where only one is configured or a session fixes it.
        source: Option<SourceName>,
        /// The table as the data map writes it.
        table: String,
        /// The row's key as text.
        key: String,
    },
}

impl FromStr for SubjectName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Ok(oid) = text.parse() {
            return Ok(Self::Oid(oid));
        }
        let (source, row) = match text.split_once('/') {
            Some((source, row)) => (Some(source.parse()?), row),
            None => (None, text),
        };
        let (table, key) = row.split_once(':').ok_or(NameError::Id)?;
        let plausible = |part: &str| (1..=128).contains(&part.len());
        if plausible(table) && plausible(key) {
            Ok(Self::Alias {
                source,
                table: table.to_owned(),
                key: key.to_owned(),
            })
        } else {
            Err(NameError::Id)
        }
    }
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oid(oid) => oid.fmt(f),
            Self::Alias {
                source: Some(source),
                table,
                key,
            } => write!(f, "{source}/{table}:{key}"),
            Self::Alias {
                source: None,
                table,
                key,
            } => write!(f, "{table}:{key}"),
        }
    }
}
