//! Values between two worlds: PostgreSQL types by object id on the wire, SQLite's storage classes in the source.

mod decode;
mod encode;

use privet_vault::port::SqlValue;

use crate::fault::Fault;
use crate::frame::{Column, Format, Out};
pub(crate) use decode::{decode, parameter_oid};
pub(crate) use encode::{encode, recorded};

/// The types that results have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// `int8`.
    Integer,
    /// `float8`.
    Real,
    /// `text`.
    Text,
    /// `bytea`.
    Blob,
}

impl Type {
    /// Object id, from PostgreSQL's `pg_type.dat`.
    pub(crate) fn oid(self) -> u32 {
        match self {
            Self::Integer => 20,
            Self::Real => 701,
            Self::Text => 25,
            Self::Blob => 17,
        }
    }

    fn size(self) -> i16 {
        match self {
            Self::Integer | Self::Real => 8,
            Self::Text | Self::Blob => -1,
        }
    }

    /// A result column of this type.
    pub(crate) fn column(self, name: &str, format: Format) -> Column {
        Column {
            name: name.to_owned(),
            oid: self.oid(),
            size: self.size(),
            format,
        }
    }

    /// What a declared type promises, by SQLite's rules of affinity (<https://www.sqlite.org/datatype3.html> section
    /// 3.1). NUMERIC promises nothing, so it is text; `None`: nothing was declared, as for expressions.
    pub(crate) fn declared(declared: &str) -> Option<Self> {
        let declared = declared.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        if declared.is_empty() {
            None
        } else if has("INT") {
            Some(Self::Integer)
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Some(Self::Text)
        } else if has("BLOB") || has("BYTEA") {
            Some(Self::Blob)
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Some(Self::Real)
        } else {
            Some(Self::Text)
        }
    }

    /// The type of a column that is declared so and whose first rows hold these values: declared types bind SQLite to
    /// nothing, and a sealed value is text wherever it stands.
    pub(crate) fn seen<'a>(declared: &str, values: impl Iterator<Item = &'a SqlValue>) -> Self {
        let declared = Self::declared(declared);
        let mut seen: Option<Self> = None;
        for value in values {
            let of_value = match value {
                SqlValue::Null => continue,
                SqlValue::Integer(_) => Self::Integer,
                SqlValue::Real(_) => Self::Real,
                SqlValue::Text(_) => Self::Text,
                SqlValue::Blob(_) => Self::Blob,
            };
            seen = Some(match (seen, of_value) {
                (None, only) => only,
                (Some(before), now) if before == now => now,
                (Some(Self::Integer | Self::Real), Self::Integer | Self::Real) => Self::Real,
                _ => Self::Text,
            });
        }
        match (declared, seen) {
            (Some(declared), None) => declared,
            (None, None) => Self::Text,
            (Some(Self::Real), Some(Self::Integer)) => Self::Real,
            (Some(Self::Text), Some(Self::Integer | Self::Real)) => Self::Text,
            (_, Some(seen)) => seen,
        }
    }
}

/// Sends an answer that the gateway made itself.
pub(crate) fn send_rows(
    rows: &[Vec<SqlValue>],
    columns: &[Column],
    out: &mut Out,
) -> Result<(), Fault> {
    for row in rows {
        out.data_row(columns.len(), |index, cell| {
            match (row.get(index), columns.get(index)) {
                (Some(value), Some(column)) => encode(value, column, cell),
                _ => Ok(false),
            }
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
