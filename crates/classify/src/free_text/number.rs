//! What begins with digits: IPv4 addresses, card numbers, telephone numbers, account numbers.

use std::net::Ipv4Addr;
use std::str::FromStr;

use super::{Found, Seen, before, end_of, in_word, start_of};

/// How many bytes a number with its separators may take.
const NUMBER_BYTES_MAX: usize = 40;
/// The longest account number, ISO 13616, and the shortest in use (Norway).
const IBAN_MAX: usize = 34;
const IBAN_MIN: usize = 15;

/// What the digit at `at` begins.
pub(super) fn any(bytes: &[u8], from: usize, at: usize) -> Seen {
    if let Some(seen) = iban(bytes, from, at) {
        return seen;
    }
    // Inside of a word (`v2`, a hash, `order-4711-1`) a digit begins nothing: the word is skipped.
    let glued = matches!(before(bytes, at), Some(b'-' | b'.'))
        && at > from + 1
        && in_word(before(bytes, at - 1));
    if at > from && in_word(before(bytes, at)) || glued {
        return (at..end_of(bytes, at, |byte| in_word(Some(byte))), None);
    }
    let number = Number::at(bytes, at);
    if let Some(seen) = number.ipv4(bytes) {
        return seen;
    }
    // Letters behind it: `4711abc`, `550e8400-…`. Skipped with what hangs on it.
    if in_word(bytes.get(number.end).copied()) {
        let of_token = |byte: u8| in_word(Some(byte)) || byte == b'-';
        return (at..end_of(bytes, at, of_token), None);
    }
    if number.is_card() {
        return (at..number.end, Some(Found::Card));
    }
    let signed = number.signed(bytes, from);
    if signed.found {
        return (signed.start..number.end, Some(Found::Phone));
    }
    (at..number.end, None)
}

/// Digits in groups.
struct Number {
    start: usize,
    end: usize,
    digits: [u8; 20],
    count: usize,
    /// How many digits each group has.
    groups: [usize; 8],
    group_count: usize,
    /// Whether only spaces and hyphens part the groups, as on a card.
    plain: bool,
}

impl Number {
    fn at(bytes: &[u8], start: usize) -> Self {
        let mut number = Self {
            start,
            end: start,
            digits: [0; 20],
            count: 0,
            groups: [0; 8],
            group_count: 0,
            plain: true,
        };
        let limit = (start + NUMBER_BYTES_MAX).min(bytes.len());
        let mut at = start;
        while at < limit {
            let end = end_of(bytes, at, |byte| byte.is_ascii_digit());
            number.push_group(bytes.get(at..end).unwrap_or_default());
            number.end = end;
            // One sign between two groups, or two where one is a bracket: `(044) 668`.
            let gap = end_of(bytes, end, is_separator);
            let signs = bytes.get(end..gap).unwrap_or_default();
            let bracket = signs.len() == 2 && signs.iter().any(|sign| matches!(sign, b'(' | b')'));
            let digit = bytes.get(gap).is_some_and(u8::is_ascii_digit);
            if !(signs.len() == 1 || bracket) || !digit {
                break;
            }
            number.plain &= matches!(signs, b" " | b"-");
            at = gap;
        }
        number
    }

    fn push_group(&mut self, group: &[u8]) {
        for digit in group {
            if let Some(place) = self.digits.get_mut(self.count) {
                *place = digit - b'0';
            }
            self.count += 1;
        }
        if let Some(place) = self.groups.get_mut(self.group_count) {
            *place = group.len();
        }
        self.group_count += 1;
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    /// The groups, or none if there were too many to be of a number.
    fn groups(&self) -> &[usize] {
        self.groups.get(..self.group_count).unwrap_or_default()
    }

    fn ipv4(&self, bytes: &[u8]) -> Option<Seen> {
        let end = end_of(bytes, self.start, |b| b.is_ascii_digit() || b == b'.');
        // A sentence may end behind the address.
        let end = start_of(bytes, self.start, end, |byte| byte == b'.').min(end);
        let text = std::str::from_utf8(bytes.get(self.start..end)?).ok()?;
        if !(7..=15).contains(&text.len()) || in_word(bytes.get(end).copied()) {
            return None;
        }
        Ipv4Addr::from_str(text).ok()?;
        Some((self.start..end, Some(Found::Ip)))
    }

    fn is_card(&self) -> bool {
        let first = self.digits.first().copied().unwrap_or(0);
        (13..=19).contains(&self.count)
            && self.plain
            && (2..=6).contains(&first)
            && luhn(self.digits())
    }

    /// A number without `+`: at least two groups of two to four digits each, 7 to 15 in all, and not
    /// a date.
    fn is_grouped_phone(&self) -> bool {
        let groups = self.groups();
        groups.len() >= 2
            && (7..=15).contains(&self.count)
            && groups.iter().all(|group| (1..=4).contains(group))
            && groups.iter().filter(|group| **group == 1).count() <= 1
            && groups != [4, 2, 2]
            && groups != [2, 2, 4]
    }

    /// Where the number begins with its sign or bracket, and whether its length is a phone's.
    fn signed(&self, bytes: &[u8], from: usize) -> Signed {
        let sign = |byte| matches!(byte, b'+' | b'(');
        let start = start_of(
            bytes,
            from.max(self.start.saturating_sub(2)),
            self.start,
            sign,
        );
        let plus = bytes
            .get(start..self.start)
            .is_some_and(|signs| signs.contains(&b'+'));
        let found = if plus {
            (7..=15).contains(&self.count)
        } else {
            self.is_grouped_phone()
        };
        Signed { start, found }
    }
}

struct Signed {
    start: usize,
    found: bool,
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'-' | b'.' | b'/' | b'(' | b')')
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let digit = u32::from(*digit);
            match (index % 2, digit * 2) {
                (0, _) => digit,
                (_, doubled) if doubled > 9 => doubled - 9,
                (_, doubled) => doubled,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The account number whose two check digits begin at `at`, in one piece or in groups of four.
fn iban(bytes: &[u8], from: usize, at: usize) -> Option<Seen> {
    let start = at.checked_sub(2).filter(|start| *start >= from)?;
    let country = bytes.get(start..at)?;
    let check = bytes.get(at..at + 2)?;
    let fits = country.iter().all(u8::is_ascii_uppercase) && check.iter().all(u8::is_ascii_digit);
    if !fits || start > from && in_word(before(bytes, start)) {
        return None;
    }
    // The first four signs count last: the remainder of the rest, then of them.
    let head = [
        *country.first()?,
        *country.get(1)?,
        *check.first()?,
        *check.get(1)?,
    ];
    let (mut rest, mut count, mut place, mut best) = (0, 4, at + 2, None);
    while count < IBAN_MAX {
        let byte = bytes.get(place).copied();
        match byte {
            Some(byte) if byte.is_ascii_digit() || byte.is_ascii_uppercase() => {
                rest = mod_97(rest, byte);
                count += 1;
                let last = !in_word(bytes.get(place + 1).copied());
                let whole = head.iter().fold(rest, |rest, byte| mod_97(rest, *byte));
                if last && count >= IBAN_MIN && whole == 1 {
                    best = Some(place + 1);
                }
            }
            Some(b' ') if count.is_multiple_of(4) => {}
            _ => break,
        }
        place += 1;
    }
    best.map(|end| (start..end, Some(Found::Iban)))
}

/// Appends a sign to a number of which only the remainder is kept; letters count from 10.
fn mod_97(rest: u32, byte: u8) -> u32 {
    if byte.is_ascii_digit() {
        (rest * 10 + u32::from(byte - b'0')) % 97
    } else {
        (rest * 100 + u32::from(byte - b'A') + 10) % 97
    }
}
