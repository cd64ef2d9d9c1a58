//! Which postal addresses are reserved for examples: those that the generator makes, and their
//! lines.

use crate::synthetic;

/// Whether every part of a normalized address (between commas) is a house number with a listed
/// street, a listed city, an example's postal code, or a city with its code.
pub(super) fn is_reserved(normal: &str) -> bool {
    normal.split(',').all(|part| is_reserved_part(part.trim()))
}

fn is_reserved_part(part: &str) -> bool {
    let is_code = |text: &str| text.len() == 5 && text.starts_with("00") && is_digits(text);
    if synthetic::is_listed_city(part) || is_code(part) {
        return true;
    }
    let with_code = part.rsplit_once(' ').is_some_and(|(before, after)| {
        (is_code(before) && synthetic::is_listed_city(after))
            || (synthetic::is_listed_city(before) && is_code(after))
    });
    let with_number = part.split_once(' ').is_some_and(|(number, street)| {
        number.len() <= 3 && is_digits(number) && synthetic::is_listed_street(street)
    });
    with_code || with_number
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
