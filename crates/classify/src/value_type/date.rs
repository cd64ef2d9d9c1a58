//! Days: `1990-12-31`, with or without a time after it, which does not count.

use jiff::civil::{Date, Time};

use super::Wrong;

const RIGHT: &str = "write year, month and day, as `1990-12-31`, at most with a time after it";

/// The day as ISO 8601. A time and an offset after it must be well formed and are dropped: what
/// counts is the day as written, in whatever zone.
pub(super) fn normalize(value: &str) -> Result<String, Wrong> {
    let value = value.trim();
    let (day, time) = match value.split_once(['T', 't', ' ']) {
        Some((day, time)) => (day, Some(time)),
        None => (value, None),
    };
    if time.is_some_and(|time| !is_time(time)) {
        return Err(("what follows the day is not a time", RIGHT));
    }
    // Only the long form: `19901231` is as likely a number, and `1990-W52-1` another calendar.
    let form = |(at, b): (usize, u8)| {
        if at == 4 || at == 7 {
            b == b'-'
        } else {
            b.is_ascii_digit()
        }
    };
    if day.len() != 10 || !day.bytes().enumerate().all(form) {
        return Err(("it is not a day", RIGHT));
    }
    match day.parse::<Date>() {
        Ok(date) if date.year() >= 1 => Ok(date.to_string()),
        _ => Err(("the calendar has no such day", RIGHT)),
    }
}

/// `23:59`, `23:59:59`, `23:59:59.999`, each also with `Z` or an offset such as `+01:00`.
fn is_time(text: &str) -> bool {
    let (time, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let time = time.trim_end();
    let has_minutes = time.len() >= 5 && time.as_bytes().get(2) == Some(&b':');
    has_minutes && time.parse::<Time>().is_ok() && is_offset(offset)
}

/// Nothing, `Z`, `+01`, `+0100` or `+01:00`: what RFC 3339 and PostgreSQL write.
fn is_offset(text: &str) -> bool {
    if matches!(text, "" | "Z" | "z") {
        return true;
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or("");
    let digits: Vec<_> = digits.split(':').collect();
    let lengths: Vec<_> = digits.iter().map(|part| part.len()).collect();
    let numeric = digits
        .iter()
        .all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    numeric && matches!(lengths.as_slice(), [2] | [4] | [2, 2])
}
