//! The equality marker `~eq:field:value~`: replaced by the value's blind index before a statement goes anywhere, so
//! that the plaintext reaches no server and no log.
//!
//! Replacing one token without quotes by another cannot change a statement's structure, wherever the token stands. A
//! marker that is left over afterwards means that the statement is refused.

use memchr::memmem;

use crate::{Error, Result};

const START: &[u8] = b"~eq:";
const VALUE_BYTES_MAX: usize = 1_024;

/// One marker in a statement.
pub(crate) struct Marker {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) field: String,
    pub(crate) value: String,
}

/// The markers of a statement, in order.
pub(crate) fn markers(statement: &[u8]) -> Result<Vec<Marker>> {
    let mut found = Vec::new();
    let mut position = 0;
    while let Some(offset) = statement
        .get(position..)
        .and_then(|rest| memmem::find(rest, START))
    {
        let start = position + offset;
        let marker = parse(statement, start).ok_or_else(malformed)?;
        position = marker.end;
        found.push(marker);
    }
    Ok(found)
}

/// The statement with each marker replaced by its blind index.
pub(crate) fn replace(statement: &[u8], markers: &[Marker], indexes: &[String]) -> Result<Vec<u8>> {
    let mut replaced = Vec::with_capacity(statement.len());
    let mut position = 0;
    for (marker, index) in markers.iter().zip(indexes) {
        replaced.extend_from_slice(statement.get(position..marker.start).unwrap_or_default());
        replaced.extend_from_slice(index.as_bytes());
        position = marker.end;
    }
    replaced.extend_from_slice(statement.get(position..).unwrap_or_default());
    if memmem::find(&replaced, START).is_some() {
        Err(malformed())
    } else {
        Ok(replaced)
    }
}

fn parse(statement: &[u8], start: usize) -> Option<Marker> {
    let body = statement.get(start + START.len()..)?;
    let colon = body.iter().position(|byte| !is_name(*byte))?;
    let field = std::str::from_utf8(body.get(..colon)?).ok()?;
    if field.is_empty() || body.get(colon) != Some(&b':') {
        return None;
    }
    let encoded = body.get(colon + 1..)?;
    let length = encoded.iter().position(|byte| !is_value(*byte))?;
    if encoded.get(length) != Some(&b'~') || length == 0 || length > VALUE_BYTES_MAX {
        return None;
    }
    let value = percent_decoded(encoded.get(..length)?)?;
    let end = start + START.len() + colon + 1 + length + 1;
    Some(Marker {
        start,
        end,
        field: field.to_owned(),
        value,
    })
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

fn is_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'@' | b'_' | b'+' | b'-' | b'%')
}

/// RFC 3986 section 2.1; the result must be UTF-8.
fn percent_decoded(encoded: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let mut digit = || char::from(*rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn malformed() -> Error {
    Error::invalid(
        "marker_left",
        "an equality marker is malformed: write '~eq:field:value~' and percent-encode every byte \
         of the value outside A-Z a-z 0-9 . @ _ + -",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(statement: &str, expected: Option<&str>) {
        let found = markers(statement.as_bytes());
        let replaced = found.and_then(|found| {
            let indexes: Vec<String> = found
                .iter()
                .map(|m| format!("<{}={}>", m.field, m.value))
                .collect();
            replace(statement.as_bytes(), &found, &indexes)
        });
        let text = replaced.ok().map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(text.as_deref(), expected, "{statement}");
    }

    #[test]
    fn markers_are_replaced_wherever_they_stand() {
        check("SELECT 1", Some("SELECT 1"));
        check(
            "x = '~eq:email:a@example.com~'",
            Some("x = '<email=a@example.com>'"),
        );
        check("~eq:email:a~,~eq:phone:%2B1~", Some("<email=a>,<phone=+1>"));
        check(
            "'~eq:name:Zo%C3%AB%20B~' -- ~eq:name:x~",
            Some("'<name=Zoë B>' -- <name=x>"),
        );
    }

    #[test]
    fn what_is_no_marker_is_refused() {
        for statement in [
            "'~eq:email:a b~'",
            "'~eq:email:a''b~'",
            "'~eq:email:~'",
            "'~eq::a~'",
            "'~eq:Email:a~'",
            "'~eq:email:a",
            "'~eq:email:%zz~'",
            "'~eq:email:%ff~'",
            "'~eq:email:%4~'",
            "'~eq:~eq:email:a~'",
        ] {
            check(statement, None);
        }
    }

    #[test]
    fn a_marker_cannot_be_put_together_by_a_replacement() {
        check("~e~eq:email:a~q:email:b~", Some("~e<email=a>q:email:b~"));
    }
}
