//! Postal codes of any country: letters and digits.

use unicode_normalization::UnicodeNormalization;

use super::Wrong;

const RIGHT: &str = "write letters and digits, as `SW1V 3EN` or `10115`";

/// Capitals and digits without spaces and hyphens.
pub(super) fn normalize(value: &str) -> Result<String, Wrong> {
    let mut normal = String::with_capacity(value.len());
    for c in value.trim().nfkc() {
        match c {
            ' ' | '-' => {}
            c if c.is_ascii_alphanumeric() => normal.push(c.to_ascii_uppercase()),
            _ => return Err(("it holds a character that is not of a postal code", RIGHT)),
        }
    }
    if (2..=12).contains(&normal.len()) {
        Ok(normal)
    } else {
        Err(("it does not have 2 to 12 letters and digits", RIGHT))
    }
}
