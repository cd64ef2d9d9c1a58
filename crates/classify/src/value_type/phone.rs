//! Telephone numbers: digits, whatever separates them.

use unicode_normalization::UnicodeNormalization;

use super::Wrong;

const RIGHT: &str = "write it like `+1 202 555 0142`, an extension as `x12` at its end";

/// Digits with a leading `+` where the country code is given; `00` at the front means `+`, and a
/// `(0)` after a country code is not dialled. An extension follows as `x12`. Numbers without a
/// country code are not completed: which country is meant is not known here.
pub(super) fn normalize(value: &str) -> Result<String, Wrong> {
    let value: String = value.trim().nfkc().flat_map(char::to_lowercase).collect();
    let (number, extension) = split_extension(&value);
    let number = number.trim();
    let (plus, rest) = match number
        .strip_prefix('+')
        .or_else(|| number.strip_prefix("00"))
    {
        Some(rest) => ("+", rest.replacen("(0)", "", 1)),
        None => ("", number.to_owned()),
    };
    if rest
        .chars()
        .any(|c| !c.is_ascii_digit() && !is_separator(c))
    {
        return Err(("it holds a character that is not of a number", RIGHT));
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    if !(3..=15).contains(&digits.len()) {
        return Err(("it does not have 3 to 15 digits", RIGHT));
    }
    // `00` once more would read as `+` the next time.
    if digits.starts_with("00") {
        return Err(("it starts with two zeros after the country sign", RIGHT));
    }
    match extension {
        None => Ok(format!("{plus}{digits}")),
        Some(text) if (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) => {
            Ok(format!("{plus}{digits}x{text}"))
        }
        Some(_) => Err(("the extension is not of 1 to 8 digits", RIGHT)),
    }
}

fn split_extension(value: &str) -> (&str, Option<&str>) {
    for sign in ["extension", "ext.", "ext", "x", "#"] {
        if let Some((number, extension)) = value.split_once(sign) {
            return (number, Some(extension.trim()));
        }
    }
    (value, None)
}

fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '.' | '(' | ')' | '/' | '\u{2010}'..='\u{2015}' | '\u{2212}'
        )
}

/// Numbers 555-0100 to 555-0199, which the North American Numbering Plan keeps for fiction in every
/// area: alone, with an area code, and with the country code 1.
pub(super) fn is_reserved(normal: &str) -> bool {
    let (normal, _extension) = normal.split_once('x').unwrap_or((normal, ""));
    let local = match normal.strip_prefix('+') {
        Some(rest) => rest.strip_prefix('1').filter(|rest| rest.len() == 10),
        None => match normal.len() {
            7 | 10 => Some(normal),
            11 => normal.strip_prefix('1'),
            _ => None,
        },
    };
    let end = local.and_then(|local| local.get(local.len().saturating_sub(7)..));
    end.is_some_and(|end| end.starts_with("55501"))
}
