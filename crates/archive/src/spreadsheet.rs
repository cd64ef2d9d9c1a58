//! CSV (RFC 4180) that a spreadsheet can open without running what somebody wrote into a value.
//!
//! A value that begins with `=` or the like is a formula to spreadsheets (OWASP, "CSV Injection"). It gets a `'` in front; so
//! does what follows a semicolon, tab or line break within a value, because a spreadsheet that takes semicolons or tabs for
//! separators begins another cell there. Control characters become U+FFFD. JSON Lines hold the exact value.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::json_lines::{not_finite, write_base64};
use crate::{Field, Row, Value};

/// Says that the file is UTF-8: without it, spreadsheets take it for the machine's old code page.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// What begins a formula, and the wide forms that some spreadsheets take for the same.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Writes rows as CSV.
pub(crate) struct Spreadsheet<W: Write>(csv::Writer<W>);

impl<W: Write> Spreadsheet<W> {
    /// Begins with the fields' names.
    pub(crate) fn new(mut out: W, fields: &[Field]) -> io::Result<Self> {
        out.write_all(BYTE_ORDER_MARK)?;
        let mut csv = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .quote_style(csv::QuoteStyle::Always)
            .from_writer(out);
        for field in fields {
            csv.write_field(harmless(&field.name).as_bytes())
                .map_err(write_error)?;
        }
        end_row(&mut csv)?;
        Ok(Self(csv))
    }

    /// Writes one row. It has as many values as there are fields.
    pub(crate) fn write_row(&mut self, row: &Row) -> io::Result<()> {
        for value in row.values() {
            match value {
                Value::Null => self.0.write_field(b""),
                Value::Boolean(value) => self.0.write_field(value.to_string()),
                Value::Integer(value) => self.0.write_field(value.to_string()),
                Value::Real(value) => match not_finite(*value) {
                    Some(name) => self.0.write_field(harmless(name).as_bytes()),
                    None => self.0.write_field(serde_json::to_string(value)?),
                },
                Value::Text(text) => self.0.write_field(harmless(text).as_bytes()),
                Value::Bytes(bytes) => {
                    let mut text = Vec::new();
                    write_base64(&mut text, bytes)?;
                    // base64 may begin with `+`.
                    let text = String::from_utf8_lossy(&text);
                    self.0.write_field(harmless(&text).as_bytes())
                }
            }
            .map_err(write_error)?;
        }
        end_row(&mut self.0)
    }

    /// Passes on what is still in the buffer.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn end_row<W: Write>(csv: &mut csv::Writer<W>) -> io::Result<()> {
    csv.write_record(None::<&[u8]>).map_err(write_error)
}

fn write_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        _ => io::Error::other("rows of different lengths"),
    }
}

/// The text as no spreadsheet takes it for more than text.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if !text
        .chars()
        .any(|letter| FORMULA.contains(&letter) || letter.is_control())
    {
        return Cow::Borrowed(text);
    }
    let mut harmless = String::with_capacity(text.len() + 8);
    let mut begins_cell = true;
    for (place, letter) in text.char_indices() {
        let rest = text.get(place..).unwrap_or_default();
        if begins_cell && begins_formula(rest, place == 0) {
            harmless.push('\'');
        }
        begins_cell = matches!(letter, ';' | '\t' | '\r' | '\n');
        let is_allowed = !letter.is_control() || matches!(letter, '\t' | '\r' | '\n');
        harmless.push(if is_allowed { letter } else { '\u{fffd}' });
    }
    Cow::Owned(harmless)
}

/// Whether a cell with this text would be taken for a formula. A tab or line break in front may be skipped by a spreadsheet,
/// as spaces may.
fn begins_formula(text: &str, is_first: bool) -> bool {
    if is_first && text.starts_with(['\t', '\r', '\n']) {
        return true;
    }
    let text = text.trim_start_matches(' ');
    text.starts_with(FORMULA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text() {
        let cases = [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("  =1", "'  =1"),
            ("＝1", "'＝1"),
            ("a;=1", "a;'=1"),
            ("a\n- b", "a\n'- b"),
            ("a;b", "a;b"),
            ("a-b=c", "a-b=c"),
            ("'quoted", "'quoted"),
            (
                "nul\0 esc\u{1b} del\u{7f} c1\u{85}",
                "nul\u{fffd} esc\u{fffd} del\u{fffd} c1\u{fffd}",
            ),
            ("two\r\nlines", "two\r\nlines"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(harmless(text), expected);
        }
    }
}
