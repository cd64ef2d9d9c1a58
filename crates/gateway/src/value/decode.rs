//! Parameters of the wire as values of the source.

use privet_vault::port::SqlValue;

use crate::fault::Fault;
use crate::frame::Format;

/// Object ids that parameters may have, from PostgreSQL's `pg_type.dat`.
pub(super) mod oid {
    pub(in crate::value) const BOOL: u32 = 16;
    pub(in crate::value) const BYTEA: u32 = 17;
    pub(in crate::value) const NAME: u32 = 19;
    pub(in crate::value) const INT8: u32 = 20;
    pub(in crate::value) const INT2: u32 = 21;
    pub(in crate::value) const INT4: u32 = 23;
    pub(in crate::value) const TEXT: u32 = 25;
    pub(in crate::value) const OID: u32 = 26;
    pub(in crate::value) const JSON: u32 = 114;
    pub(in crate::value) const FLOAT4: u32 = 700;
    pub(in crate::value) const FLOAT8: u32 = 701;
    pub(in crate::value) const UNKNOWN: u32 = 705;
    pub(in crate::value) const BPCHAR: u32 = 1042;
    pub(in crate::value) const VARCHAR: u32 = 1043;
    pub(in crate::value) const NUMERIC: u32 = 1700;
    pub(in crate::value) const UUID: u32 = 2950;
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
