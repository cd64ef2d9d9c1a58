//! The path of a tile or entry bundle: `tile/<L>/<N>[.p/<W>]`, strictly as tlog-tiles spells it.

use std::fmt;
use std::str::FromStr;

use super::TILE_WIDTH;
use crate::ParseError;

/// Highest level that a path can name.
const LEVEL_MAX: u8 = 63;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A tile of hashes at this level of the tree, 0 to 63.
    Hashes(u8),
    /// A bundle of entries.
    Entries,
}

/// The path of a tile or entry bundle.
///
/// One path has one spelling, and parsing accepts no other: caches and files would otherwise hold the
/// same tile twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    /// Hashes at some level, or entries.
    pub level: Level,
    /// Index within the level, from 0.
    pub n: u64,
    /// Number of hashes or entries: 1 to 255 for a partial tile, 256 for a full one.
    pub width: u16,
}

impl TilePath {
    /// The path of a bundle of entries.
    pub fn entries(n: u64, width: u16) -> Self {
        Self {
            level: Level::Entries,
            n,
            width,
        }
    }

    /// The path of a tile of hashes.
    pub fn hashes(level: u8, n: u64, width: u16) -> Self {
        Self {
            level: Level::Hashes(level),
            n,
            width,
        }
    }

    /// Whether this is a full tile or bundle, which never changes again.
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Level::Hashes(level) => write!(f, "tile/{level}/")?,
            Level::Entries => f.write_str("tile/entries/")?,
        }
        write_index(f, self.n)?;
        if self.width == TILE_WIDTH {
            Ok(())
        } else {
            write!(f, ".p/{}", self.width)
        }
    }
}

/// Writes 1234067 as `x001/x234/067`.
fn write_index(f: &mut fmt::Formatter<'_>, n: u64) -> fmt::Result {
    // 20 digits make seven elements at most.
    let mut divisor = 1_000u64.pow(6);
    while divisor > 1 {
        if n >= divisor {
            write!(f, "x{:03}/", n / divisor % 1_000)?;
        }
        divisor /= 1_000;
    }
    write!(f, "{:03}", n % 1_000)
}

impl FromStr for TilePath {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let rest = text
            .strip_prefix("tile/")
            .ok_or(malformed("`tile/` expected"))?;
        let (level, rest) = rest.split_once('/').ok_or(malformed("no index"))?;
        let level = match level {
            "entries" => Level::Entries,
            digits => Level::Hashes(parse_level(digits)?),
        };
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, parse_width(width)?),
            None => (rest, TILE_WIDTH),
        };
        Ok(Self {
            level,
            n: parse_index(index)?,
            width,
        })
    }
}

fn parse_level(text: &str) -> Result<u8, ParseError> {
    parse_decimal(text)
        .and_then(|level| u8::try_from(level).ok())
        .filter(|level| *level <= LEVEL_MAX)
        .ok_or(malformed("the level is not a number from 0 to 63"))
}

fn parse_width(text: &str) -> Result<u16, ParseError> {
    parse_decimal(text)
        .and_then(|width| u16::try_from(width).ok())
        .filter(|width| (1..TILE_WIDTH).contains(width))
        .ok_or(malformed("the width is not a number from 1 to 255"))
}

fn parse_index(text: &str) -> Result<u64, ParseError> {
    let mut n = 0u64;
    let mut elements = text.split('/').peekable();
    let mut first = true;
    while let Some(element) = elements.next() {
        let digits = match elements.peek() {
            Some(_) => element.strip_prefix('x').ok_or(malformed("`x` expected"))?,
            None => element,
        };
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed("the index is not in groups of three digits"));
        }
        if first && digits == "000" && elements.peek().is_some() {
            return Err(malformed("the index begins with an empty group"));
        }
        first = false;
        let group: u64 = digits
            .parse()
            .map_err(|_| malformed("the index is not a number"))?;
        n = n
            .checked_mul(1_000)
            .and_then(|n| n.checked_add(group))
            .ok_or(malformed("the index is too large"))?;
    }
    Ok(n)
}

/// A decimal number without sign or leading zeros; at most 20 digits, as far as 64 bits go.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (canonical && digits).then(|| text.parse().ok()).flatten()
}

fn malformed(why: &'static str) -> ParseError {
    ParseError::new("tile path", 1, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_each() {
        for (path, text) in [
            (TilePath::hashes(0, 0, 256), "tile/0/000"),
            (TilePath::hashes(0, 999, 1), "tile/0/999.p/1"),
            (TilePath::hashes(1, 1_000, 255), "tile/1/x001/000.p/255"),
            (
                TilePath::hashes(63, 1_234_067, 256),
                "tile/63/x001/x234/067",
            ),
            (TilePath::entries(5, 17), "tile/entries/005.p/17"),
            (
                TilePath::entries(1_000_000, 256),
                "tile/entries/x001/x000/000",
            ),
            (
                TilePath::hashes(0, u64::MAX, 256),
                "tile/0/x018/x446/x744/x073/x709/x551/615",
            ),
        ] {
            assert_eq!(path.to_string(), text);
            assert_eq!(text.parse(), Ok(path));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile/0/000/",
            "tile//000",
            "tile/00/000",
            "tile/01/000",
            "tile/+1/000",
            "tile/64/000",
            "tile/256/000",
            "tile/data/000",
            "tile/Entries/000",
            "tile/8/0/000",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/0/001/000",
            "tile/0/x001",
            "tile/0/x001/x000",
            "tile/0/X001/000",
            "tile/0/x000/001",
            "tile/0/x001/00a",
            "tile/0/+01",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/256",
            "tile/0/000.p/1/",
            "tile/0/000.p/1.p/1",
            "tile/0/000.p/ 1",
            "tile/0/000.P/1",
            "tile/0/000 ",
            "tile/0/../000",
            "tile/0/٠٠٠",
        ] {
            assert!(text.parse::<TilePath>().is_err(), "`{text}` was accepted");
        }
    }
}
