//! Values of the source as cells of the wire.

use bytes::BufMut;
use privet_vault::port::SqlValue;

use super::Type;
use crate::fault::Fault;
use crate::frame::{Column, Format};

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

/// A value as the record shows it.
pub(crate) fn recorded(value: &SqlValue) -> Option<String> {
    let mut text = Vec::new();
    match value {
        SqlValue::Null => return None,
        value => encode_text(value, 0, &mut text),
    }
    String::from_utf8(text).ok()
}
