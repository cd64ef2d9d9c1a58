//! Personal values in free text: mail addresses, telephone numbers, card numbers, IP addresses and
//! account numbers (IBAN).
//!
//! This is the weaker tool, for text that nobody classified: messages of libraries, lines of
//! programs of others. It finds what has a form. It does not find names, addresses, or numbers
//! written in words, and it takes some numbers for telephone numbers that are none: where it is not
//! sure, it redacts.
//!
//! ```
//! use privet_classify::free_text;
//!
//! let mut shown = String::new();
//! free_text::redact("mail to ada@example.org from 192.0.2.7 failed after 3 attempts", &mut shown);
//! assert_eq!(shown, "mail to [email] from [ip] failed after 3 attempts");
//! ```

mod number;
mod word;

use std::ops::Range;

/// What was found.
///
/// ```
/// use privet_classify::free_text::{Found, find};
///
/// let kinds: Vec<Found> = find("ada@example.org, 192.0.2.1").map(|(_, found)| found).collect();
/// assert_eq!(kinds, [Found::Email, Found::Ip]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Found {
    /// A mail address.
    Email,
    /// A telephone number: with `+`, or in groups of at most four digits.
    Phone,
    /// The number of a payment card: 13 to 19 digits whose check digit fits (ISO/IEC 7812, Luhn).
    Card,
    /// An IPv4 or IPv6 address.
    Ip,
    /// An account number whose check digits fit (ISO 13616, ISO/IEC 7064 mod 97-10).
    Iban,
}

impl Found {
    /// What stands in place of the value.
    ///
    /// ```
    /// # use privet_classify::free_text::Found;
    /// assert_eq!(Found::Email.placeholder(), "[email]");
    /// ```
    #[must_use]
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Email => "[email]",
            Self::Phone => "[phone]",
            Self::Card => "[card]",
            Self::Ip => "[ip]",
            Self::Iban => "[iban]",
        }
    }
}

/// Appends `text` to `out` with a placeholder for each value that was found; answers whether any was.
///
/// ```
/// # use privet_classify::free_text::redact;
/// let mut out = String::from("warn: ");
/// assert!(redact("no answer from 192.0.2.7", &mut out));
/// assert_eq!(out, "warn: no answer from [ip]");
/// ```
pub fn redact(text: &str, out: &mut String) -> bool {
    let mut copied = 0;
    for (range, found) in find(text) {
        out.push_str(text.get(copied..range.start).unwrap_or_default());
        out.push_str(found.placeholder());
        copied = range.end;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    copied > 0
}

/// The values in `text`, from left to right, none over another, each with its place in bytes.
///
/// ```
/// use privet_classify::free_text::{Found, find};
///
/// let found: Vec<_> = find("card 4111 1111 1111 1111").collect();
/// assert_eq!(found, [(5..24, Found::Card)]);
/// ```
pub fn find(text: &str) -> impl Iterator<Item = (Range<usize>, Found)> {
    Finder {
        bytes: text.as_bytes(),
        start: 0,
        next: 0,
    }
}

struct Finder<'t> {
    bytes: &'t [u8],
    /// The end of the last value: none begins before it.
    start: usize,
    /// What is looked at next.
    next: usize,
}

impl Iterator for Finder<'_> {
    type Item = (Range<usize>, Found);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let at = self.next + next_start(self.bytes.get(self.next..)?)?;
            let (range, found) = match self.bytes.get(at)? {
                b'@' => word::email(self.bytes, self.start, at),
                b':' => word::ipv6(self.bytes, self.start, at),
                _ => number::any(self.bytes, self.start, at),
            };
            self.next = range.end.max(at + 1);
            if let Some(found) = found {
                self.start = range.end;
                return Some((range, found));
            }
        }
    }
}

/// Where the first byte is that a value may be found by. Looks at sixteen at once, which compilers
/// turn into a few instructions; most of a text has none.
fn next_start(bytes: &[u8]) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<16>();
    let quiet = |block: &&[u8; 16]| !block.iter().fold(false, |any, byte| any | starts(*byte));
    let skipped = blocks.iter().take_while(quiet).count() * 16;
    let rest = bytes.get(skipped..)?;
    let found = rest.iter().position(|byte| starts(*byte))?;
    Some(skipped + found)
}

/// Every value holds one of these.
fn starts(byte: u8) -> bool {
    // No shortcuts: sixteen bytes are asked at once.
    byte.is_ascii_digit() | (byte == b'@') | (byte == b':')
}

/// What was looked at, and what it is; the search goes on behind it.
type Seen = (Range<usize>, Option<Found>);

/// The byte before `at`, if there is one.
fn before(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at.checked_sub(1)?).copied()
}

/// Whether a byte can belong to a word: letters of any script do, as far as bytes can tell.
fn in_word(byte: Option<u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte >= 0x80 || byte == b'_')
}

/// Where the run of bytes of a kind ends that goes through `from`.
fn end_of(bytes: &[u8], from: usize, mut kind: impl FnMut(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let run = rest.iter().take_while(|byte| kind(**byte)).count();
    from + run
}

/// Where the run of bytes of a kind begins that ends before `to`, not before `from`.
fn start_of(bytes: &[u8], from: usize, to: usize, kind: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..to).unwrap_or_default();
    let run = rest.iter().rev().take_while(|byte| kind(**byte)).count();
    to - run
}
