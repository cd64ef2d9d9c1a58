//! Values between two worlds: PostgreSQL types by object id on the wire, SQLite's storage classes in the source.

use bytes::BufMut;
use privet_vault::port::SqlValue;

use crate::fault::Fault;
use crate::frame::{Column, Format};

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

/// Appends `value` as a cell of the given type and format; `false` is NULL.
///
/// # Errors
/// A value that the type's binary form cannot hold.
pub(crate) fn encode(value: &SqlValue, column: &Column, out: &mut Vec<u8>) -> Result<bool, Fault> {
    if *value == SqlValue::Null {
        return Ok(false);
    }
    match column.format {
        Format::Text => encode_text(value, column.oid, out),
        Format::Binary => encode_binary(value, column, out)?,
    }
    Ok(true)
}

fn encode_text(value: &SqlValue, oid: u32, out: &mut Vec<u8>) {
    match value {
        SqlValue::Null => {}
        SqlValue::Integer(number) => out.put_slice(number.to_string().as_bytes()),
        SqlValue::Real(number) => out.put_slice(real_text(*number).as_bytes()),
        SqlValue::Text(text) if oid == Type::Blob.oid() => put_hex(out, text.as_bytes()),
        SqlValue::Text(text) => out.put_slice(text.as_bytes()),
        SqlValue::Blob(bytes) => put_hex(out, bytes),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "what a column of reals shows of an integer is a real"
)]
fn encode_binary(value: &SqlValue, column: &Column, out: &mut Vec<u8>) -> Result<(), Fault> {
    let (integer, real, blob) = (Type::Integer.oid(), Type::Real.oid(), Type::Blob.oid());
    match value {
        SqlValue::Integer(number) if column.oid == integer => out.put_i64(*number),
        SqlValue::Integer(number) if column.oid == real => out.put_f64(*number as f64),
        SqlValue::Real(number) if column.oid == real => out.put_f64(*number),
        SqlValue::Text(text) if column.oid == blob => out.put_slice(text.as_bytes()),
        SqlValue::Blob(bytes) if column.oid == blob => out.put_slice(bytes),
        value if column.oid == Type::Text.oid() => encode_text(value, column.oid, out),
        _ => {
            let message = format!(
                "column `{}` holds a value that is not of its declared type, so it has no binary form",
                column.name
            );
            return Err(Fault::error("42804", message)
                .hint("write CAST(column AS TEXT), or ask for text results"));
        }
    }
    Ok(())
}

/// As PostgreSQL writes a `float8`.
fn real_text(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 {
            "Infinity".into()
        } else {
            "-Infinity".into()
        };
    }
    let text = number.to_string();
    // Rust writes every digit of large and small numbers; the shorter form reads back the same.
    if text.len() > 24 {
        format!("{number:e}")
    } else {
        text
    }
}

fn put_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.put_slice(b"\\x");
    let digit = |nibble: u8| {
        DIGITS
            .get(usize::from(nibble & 15))
            .copied()
            .unwrap_or(b'0')
    };
    out.extend(
        bytes
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(*byte)]),
    );
}

/// Object ids that parameters may have, from PostgreSQL's `pg_type.dat`.
mod oid {
    pub(super) const BOOL: u32 = 16;
    pub(super) const BYTEA: u32 = 17;
    pub(super) const NAME: u32 = 19;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const TEXT: u32 = 25;
    pub(super) const OID: u32 = 26;
    pub(super) const JSON: u32 = 114;
    pub(super) const FLOAT4: u32 = 700;
    pub(super) const FLOAT8: u32 = 701;
    pub(super) const UNKNOWN: u32 = 705;
    pub(super) const BPCHAR: u32 = 1042;
    pub(super) const VARCHAR: u32 = 1043;
    pub(super) const NUMERIC: u32 = 1700;
    pub(super) const UUID: u32 = 2950;
}

/// The type that a parameter is described as: what the client stated, else text.
pub(crate) fn parameter_oid(stated: u32) -> u32 {
    if stated == 0 || stated == oid::UNKNOWN {
        oid::TEXT
    } else {
        stated
    }
}

/// A parameter as a value of the source.
///
/// # Errors
/// Bytes that are not of the type, or a binary form of a type that has none here.
pub(crate) fn decode(
    bytes: Option<&[u8]>,
    type_oid: u32,
    format: Format,
    number: usize,
) -> Result<SqlValue, Fault> {
    let Some(bytes) = bytes else {
        return Ok(SqlValue::Null);
    };
    let decoded = match format {
        Format::Text => {
            let text = std::str::from_utf8(bytes)
                .map_err(|_| Fault::error("22021", "invalid byte sequence for encoding `UTF8`"))?;
            if text.contains('\0') {
                return Err(Fault::error("22021", "a text cannot hold a zero byte"));
            }
            decode_text(text, type_oid)
        }
        Format::Binary => match decode_binary(bytes, type_oid) {
            Some(decoded) => decoded,
            None => {
                let message = format!("parameter ${number} has a type without a binary form here");
                return Err(Fault::error("0A000", message).hint("send it as text"));
            }
        },
    };
    decoded.ok_or_else(|| Fault::error("22P02", format!("parameter ${number} is not of its type")))
}

fn decode_text(text: &str, type_oid: u32) -> Option<SqlValue> {
    Some(match type_oid {
        oid::INT2 | oid::INT4 | oid::INT8 | oid::OID => {
            SqlValue::Integer(text.trim().parse().ok()?)
        }
        oid::FLOAT4 | oid::FLOAT8 => SqlValue::Real(text.trim().parse().ok()?),
        oid::NUMERIC => match text.trim().parse() {
            Ok(integer) => SqlValue::Integer(integer),
            Err(_) => SqlValue::Real(text.trim().parse().ok()?),
        },
        oid::BOOL => match text.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "y" | "yes" | "on" | "1" => SqlValue::Integer(1),
            "f" | "false" | "n" | "no" | "off" | "0" => SqlValue::Integer(0),
            _ => return None,
        },
        oid::BYTEA => SqlValue::Blob(unhex(text)?),
        _ => SqlValue::Text(text.to_owned()),
    })
}

/// `None`: the type has no binary form here; `Some(None)`: the bytes are not of the type.
fn decode_binary(bytes: &[u8], type_oid: u32) -> Option<Option<SqlValue>> {
    let integer = |number: i64| SqlValue::Integer(number);
    Some(match type_oid {
        oid::INT2 => bytes
            .try_into()
            .ok()
            .map(|b| integer(i16::from_be_bytes(b).into())),
        oid::INT4 => bytes
            .try_into()
            .ok()
            .map(|b| integer(i32::from_be_bytes(b).into())),
        oid::OID => bytes
            .try_into()
            .ok()
            .map(|b| integer(u32::from_be_bytes(b).into())),
        oid::INT8 => bytes
            .try_into()
            .ok()
            .map(|b| integer(i64::from_be_bytes(b))),
        oid::FLOAT4 => bytes
            .try_into()
            .ok()
            .map(|b| SqlValue::Real(f32::from_be_bytes(b).into())),
        oid::FLOAT8 => bytes
            .try_into()
            .ok()
            .map(|b| SqlValue::Real(f64::from_be_bytes(b))),
        oid::BOOL => match bytes {
            [0] => Some(integer(0)),
            [1] => Some(integer(1)),
            _ => None,
        },
        oid::BYTEA => Some(SqlValue::Blob(bytes.to_vec())),
        oid::UUID => <[u8; 16]>::try_from(bytes)
            .ok()
            .map(|b| SqlValue::Text(uuid_text(b))),
        0 | oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN | oid::JSON => {
            match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => Some(SqlValue::Text(text.to_owned())),
                _ => None,
            }
        }
        _ => return None,
    })
}

fn uuid_text(bytes: [u8; 16]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// `\x` and hexadecimal digits, PostgreSQL's text form of bytes.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect()
}

/// A value as the record shows it.
pub(crate) fn recorded(value: &SqlValue) -> Option<String> {
    let mut text = Vec::new();
    match value {
        SqlValue::Null => return None,
        value => encode_text(value, 0, &mut text),
    }
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: &SqlValue, r#type: Type, format: Format) -> Result<Vec<u8>, Fault> {
        let mut out = Vec::new();
        encode(value, &r#type.column("c", format), &mut out).map(|_| out)
    }

    #[test]
    fn declared_types_follow_affinity() {
        for (declared, expected) in [
            ("", None),
            ("INTEGER", Some(Type::Integer)),
            ("bigint", Some(Type::Integer)),
            ("VARCHAR(20)", Some(Type::Text)),
            ("NVARCHAR(40)", Some(Type::Text)),
            ("DOUBLE PRECISION", Some(Type::Real)),
            ("BLOB", Some(Type::Blob)),
            ("DATE", Some(Type::Text)),
            ("NUMERIC(10,2)", Some(Type::Text)),
        ] {
            assert_eq!(Type::declared(declared), expected, "{declared}");
        }
    }

    #[test]
    fn what_is_seen_overrules_what_is_declared() {
        let text = SqlValue::Text("pv1_x".into());
        let (one, half) = (SqlValue::Integer(1), SqlValue::Real(0.5));
        assert_eq!(Type::seen("INTEGER", [&one, &text].into_iter()), Type::Text);
        assert_eq!(
            Type::seen("INTEGER", [&SqlValue::Null].into_iter()),
            Type::Integer
        );
        assert_eq!(
            Type::seen("", [&SqlValue::Null, &one].into_iter()),
            Type::Integer
        );
        assert_eq!(Type::seen("", [&one, &half].into_iter()), Type::Real);
        assert_eq!(Type::seen("NUMERIC", [&one].into_iter()), Type::Text);
        assert_eq!(Type::seen("", [].into_iter()), Type::Text);
    }

    #[test]
    fn cells_have_both_forms() {
        let big = SqlValue::Integer(i64::MIN);
        assert_eq!(
            encoded(&big, Type::Integer, Format::Text).unwrap(),
            b"-9223372036854775808"
        );
        assert_eq!(
            encoded(&big, Type::Integer, Format::Binary).unwrap(),
            i64::MIN.to_be_bytes()
        );
        let half = SqlValue::Real(0.5);
        assert_eq!(encoded(&half, Type::Real, Format::Text).unwrap(), b"0.5");
        assert_eq!(
            encoded(&half, Type::Real, Format::Binary).unwrap(),
            0.5_f64.to_be_bytes()
        );
        assert_eq!(
            encoded(&SqlValue::Real(1e300), Type::Real, Format::Text).unwrap(),
            b"1e300"
        );
        let blob = SqlValue::Blob(vec![0, 255]);
        assert_eq!(
            encoded(&blob, Type::Blob, Format::Text).unwrap(),
            b"\\x00ff"
        );
        assert_eq!(
            encoded(&blob, Type::Blob, Format::Binary).unwrap(),
            [0, 255]
        );
        let text = SqlValue::Text("Zoë".into());
        assert_eq!(
            encoded(&text, Type::Text, Format::Binary).unwrap(),
            "Zoë".as_bytes()
        );
        assert_eq!(
            encoded(&text, Type::Integer, Format::Text).unwrap(),
            "Zoë".as_bytes()
        );
        assert_eq!(
            encoded(&text, Type::Integer, Format::Binary)
                .unwrap_err()
                .code,
            "42804"
        );
    }

    #[test]
    fn parameters_decode_by_type_and_form() {
        let text = |text: &str, oid| decode(Some(text.as_bytes()), oid, Format::Text, 1);
        assert!(text("42", oid::INT4) == Ok(SqlValue::Integer(42)));
        assert!(text("42", 0) == Ok(SqlValue::Text("42".into())));
        assert!(text("1.5", oid::NUMERIC) == Ok(SqlValue::Real(1.5)));
        assert!(text("t", oid::BOOL) == Ok(SqlValue::Integer(1)));
        assert!(text("\\x00ff", oid::BYTEA) == Ok(SqlValue::Blob(vec![0, 255])));
        assert_eq!(text("x", oid::INT4).unwrap_err().code, "22P02");
        assert_eq!(text("\\x0", oid::BYTEA).unwrap_err().code, "22P02");
        let binary = |bytes: &[u8], oid| decode(Some(bytes), oid, Format::Binary, 1);
        assert!(binary(&[0, 7], oid::INT2) == Ok(SqlValue::Integer(7)));
        assert!(binary(&(-1_i64).to_be_bytes(), oid::INT8) == Ok(SqlValue::Integer(-1)));
        assert!(binary(b"a", oid::TEXT) == Ok(SqlValue::Text("a".into())));
        assert!(
            binary(&[0x11; 16], oid::UUID)
                == Ok(SqlValue::Text(
                    "11111111-1111-1111-1111-111111111111".into()
                ))
        );
        assert_eq!(binary(&[1, 2, 3], oid::INT4).unwrap_err().code, "22P02");
        assert_eq!(binary(b"a\0", oid::TEXT).unwrap_err().code, "22P02");
        assert_eq!(binary(&[0; 8], 1114).unwrap_err().code, "0A000");
        assert!(decode(None, 0, Format::Text, 1) == Ok(SqlValue::Null));
    }
}
