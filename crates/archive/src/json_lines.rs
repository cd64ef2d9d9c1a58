//! JSON Lines: one row a line, exactly as the database had it.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{Field, Kind, Row, Value};

/// Which types of JSON a column's values have, as bits.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Types(u8);

impl Types {
    pub(crate) const NULL: Self = Self(1);
    pub(crate) const BOOLEAN: Self = Self(2);
    pub(crate) const INTEGER: Self = Self(4);
    pub(crate) const NUMBER: Self = Self(8);
    pub(crate) const STRING: Self = Self(16);
    /// `{"base64": …}`: bytes where bytes are not what the field has.
    pub(crate) const OBJECT: Self = Self(32);

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What values of this kind ordinarily are.
    pub(crate) fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::Text | Kind::Bytes => Self::STRING,
            Kind::Integer => Self::INTEGER,
            Kind::Number => Self::NUMBER,
            Kind::Boolean => Self::BOOLEAN,
        }
    }

    /// What a value is in a field of this kind.
    pub(crate) fn of_value(value: &Value, kind: Kind) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Boolean(_) => Self::BOOLEAN,
            // Every whole number is a number as well.
            Value::Integer(_) if kind == Kind::Number => Self::NUMBER,
            Value::Integer(_) => Self::INTEGER,
            Value::Real(real) if real.is_finite() => Self::NUMBER,
            Value::Bytes(_) if kind != Kind::Bytes => Self::OBJECT,
            Value::Real(_) | Value::Text(_) | Value::Bytes(_) => Self::STRING,
        }
    }
}

/// Writes one row and a line feed. The row has as many values as there are fields.
pub(crate) fn write_row(out: &mut dyn Write, fields: &[Field], row: &Row) -> io::Result<()> {
    let mut before = b"{".as_slice();
    for (field, value) in fields.iter().zip(row.values()) {
        out.write_all(before)?;
        before = b",";
        text(out, &field.name)?;
        out.write_all(b":")?;
        write_value(out, value, field.kind)?;
    }
    if fields.is_empty() {
        out.write_all(before)?;
    }
    out.write_all(b"}\n")
}

fn write_value(out: &mut dyn Write, value: &Value, kind: Kind) -> io::Result<()> {
    match value {
        Value::Null => out.write_all(b"null"),
        Value::Boolean(value) => write!(out, "{value}"),
        Value::Integer(value) => write!(out, "{value}"),
        Value::Real(value) => match not_finite(*value) {
            Some(name) => text(out, name),
            None => Ok(serde_json::to_writer(out, value)?),
        },
        Value::Text(value) => text(out, value),
        Value::Bytes(bytes) if kind == Kind::Bytes => base64(out, bytes),
        Value::Bytes(bytes) => {
            out.write_all(b"{\"base64\":")?;
            base64(out, bytes)?;
            out.write_all(b"}")
        }
    }
}

fn text(out: &mut dyn Write, text: &str) -> io::Result<()> {
    Ok(serde_json::to_writer(out, text)?)
}

fn base64(out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(b"\"")?;
    write_base64(out, bytes)?;
    out.write_all(b"\"")
}

/// In pieces, so that a large value is in memory once.
pub(crate) fn write_base64(out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    // Of a length that needs no padding in between.
    for piece in bytes.chunks(3 << 10) {
        out.write_all(STANDARD.encode(piece).as_bytes())?;
    }
    Ok(())
}

/// The name of what JSON has no number for.
pub(crate) fn not_finite(value: f64) -> Option<&'static str> {
    match value {
        _ if value.is_nan() => Some("NaN"),
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}
