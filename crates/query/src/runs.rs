//! Deciding by runs. The column of ids is written as a dictionary and, for each row, an index into it; in a sorted file equal
//! indexes follow one another. So whether somebody agrees is looked up once for each id of the dictionary, and a row costs a
//! bit, which is what this module makes of the pages: a mask with a bit for each row, without the ids in between. Of files that
//! say how many rows each person has, not even the indexes are needed (`lengths.rs`).
//!
//! The layout is that of <https://parquet.apache.org/docs/file-format/data-pages/encodings/>: definition levels and indexes
//! are both "RLE / bit-packing hybrid". A column that is written in another way is left to the reader of Parquet.

use std::ops::Range;

use datafusion::parquet::basic::Encoding;
use datafusion::parquet::column::page::{Page, PageReader};
use datafusion::parquet::errors::ParquetError;

use crate::bits::Bits;
use crate::people::Walk;
use crate::spans::Spans;

/// The bytes of an id.
const ID_SIZE_BYTES: usize = 16;
/// Values that are bit-packed together.
const PACKED_TOGETHER: usize = 8;
/// The widest index: more would not be found in eight bytes from wherever it begins.
const WIDTH_MAX: usize = 32;
/// The widest index of which four lie in eight bytes, from wherever the first begins.
const WIDTH_OF_FOUR_MAX: usize = 15;

/// What a column chunk of ids says about its rows.
pub(crate) enum Decided {
    /// Those that are about one of these people.
    Rows(Spans),
    /// It is written in a way that is not read here.
    Otherwise,
}

/// The rows that are about one of `ids`, of a column chunk without repetition whose rows are all there.
///
/// # Errors
///
/// What `pages` fails with, and pages that hold less than they say.
pub(crate) fn decide(
    pages: &mut dyn PageReader,
    is_nullable: bool,
    rows: usize,
    ids: &[u128],
) -> Result<Decided, ParquetError> {
    let mut agree = None;
    let mut mask = Bits::with_capacity(rows);
    while let Some(page) = pages.get_next_page()? {
        if let Page::DictionaryPage { buf, .. } = &page {
            let (values, _) = buf.as_chunks::<ID_SIZE_BYTES>();
            let mut walk = Walk::new(ids);
            let found = values.iter().map(|id| walk.has(u128::from_be_bytes(*id)));
            agree = Some(found.collect::<Vec<_>>());
            continue;
        }
        let (Some(agree), Some(part)) = (&agree, Part::of(&page, is_nullable)) else {
            return Ok(Decided::Otherwise);
        };
        part.decide(agree, &mut mask).ok_or_else(damaged)?;
    }
    if mask.len() != rows {
        return Err(damaged());
    }
    Ok(Decided::Rows(Spans::of_bits(&mask.finish())))
}

fn damaged() -> ParquetError {
    ParquetError::General("a page of ids holds less than it says".into())
}

/// A data page, taken apart.
struct Part<'a> {
    rows: usize,
    /// Which rows have an id; `None`: all.
    levels: Option<&'a [u8]>,
    indexes: &'a [u8],
}

impl<'a> Part<'a> {
    /// `None`: it is written in another way.
    fn of(page: &'a Page, is_nullable: bool) -> Option<Self> {
        let is_dictionary = |encoding| {
            matches!(
                encoding,
                Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY
            )
        };
        match page {
            Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding,
                ..
            } if is_dictionary(*encoding) => {
                let rows = usize::try_from(*num_values).ok()?;
                if !is_nullable {
                    return Some(Self {
                        rows,
                        levels: None,
                        indexes: buf,
                    });
                }
                if *def_level_encoding != Encoding::RLE {
                    return None;
                }
                let (size, rest) = buf.split_first_chunk::<4>()?;
                let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
                let (levels, indexes) = rest.split_at_checked(size)?;
                Some(Self {
                    rows,
                    levels: Some(levels),
                    indexes,
                })
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                def_levels_byte_len,
                rep_levels_byte_len: 0,
                ..
            } if is_dictionary(*encoding) => {
                let size = usize::try_from(*def_levels_byte_len).ok()?;
                let (levels, indexes) = buf.split_at_checked(size)?;
                Some(Self {
                    rows: usize::try_from(*num_values).ok()?,
                    levels: is_nullable.then_some(levels),
                    indexes,
                })
            }
            _ => None,
        }
    }

    /// Adds its rows; `None`: it is damaged.
    fn decide(&self, agree: &[bool], mask: &mut Bits) -> Option<()> {
        let mut indexes = match self.indexes.split_first() {
            Some((width, indexes)) => Runs::new(indexes, usize::from(*width))?,
            // No row has an id.
            None => Runs::new(&[], 0)?,
        };
        let Some(levels) = self.levels else {
            return indexes.decide(self.rows, agree, mask);
        };
        let mut levels = Runs::new(levels, 1)?;
        let mut rest = self.rows;
        while rest > 0 {
            let (has_id, rows) = levels.alike(rest)?;
            if has_id {
                indexes.decide(rows, agree, mask)?;
            } else {
                mask.push_run(false, rows);
            }
            rest -= rows;
        }
        Some(())
    }
}

/// Values in the hybrid of run lengths and bit-packing.
pub(crate) struct Runs<'a> {
    bytes: &'a [u8],
    width: usize,
    current: Run<'a>,
}

#[derive(Clone, Copy)]
enum Run<'a> {
    /// One value, so many times.
    Same(usize, usize),
    /// Values one after the other, the first at this place, so many of them.
    Packed(&'a [u8], usize, usize),
}

impl<'a> Runs<'a> {
    /// Values of so many bits; `None`: those are too many.
    pub(crate) fn new(bytes: &'a [u8], width: usize) -> Option<Self> {
        (width <= WIDTH_MAX).then_some(Self {
            bytes,
            width,
            current: Run::Same(0, 0),
        })
    }

    /// The current run, or the next one where that is over.
    fn run(&mut self) -> Option<Run<'a>> {
        while let Run::Same(_, 0) | Run::Packed(_, _, 0) = self.current {
            let (header, rest) = varint(self.bytes)?;
            let (count, is_packed) = (header >> 1, header & 1 == 1);
            let size = if is_packed {
                count.checked_mul(self.width)?
            } else {
                self.width.div_ceil(8)
            };
            let (bytes, rest) = rest.split_at_checked(size)?;
            self.bytes = rest;
            self.current = if is_packed {
                Run::Packed(bytes, 0, count.checked_mul(PACKED_TOGETHER)?)
            } else {
                let value = bytes.iter().rev();
                Run::Same(
                    value.fold(0, |value, byte| value << 8 | usize::from(*byte)),
                    count,
                )
            };
        }
        Some(self.current)
    }

    /// Adds so many values as what is known about each.
    fn decide(&mut self, mut count: usize, known: &[bool], mask: &mut Bits) -> Option<()> {
        while count > 0 {
            match self.run()? {
                Run::Same(value, rest) => {
                    let now = rest.min(count);
                    mask.push_run(*known.get(value)?, now);
                    self.current = Run::Same(value, rest - now);
                    count -= now;
                }
                Run::Packed(bytes, at, rest) => {
                    let now = rest.min(count);
                    decide_packed(bytes, self.width, at..at + now, known, mask)?;
                    self.current = Run::Packed(bytes, at + now, rest - now);
                    count -= now;
                }
            }
        }
        Some(())
    }

    /// Adds so many values as what they stand for; `None`: there are fewer, or one stands for nothing.
    pub(crate) fn look_up(
        &mut self,
        mut count: usize,
        known: &[i64],
        found: &mut Vec<i64>,
    ) -> Option<()> {
        while count > 0 {
            let now = match self.run()? {
                Run::Same(value, rest) => {
                    let now = rest.min(count);
                    found.extend(std::iter::repeat_n(*known.get(value)?, now));
                    self.current = Run::Same(value, rest - now);
                    now
                }
                Run::Packed(bytes, at, rest) => {
                    let now = rest.min(count);
                    for place in at..at + now {
                        found.push(*known.get(unpack(bytes, place, self.width)?)?);
                    }
                    self.current = Run::Packed(bytes, at + now, rest - now);
                    now
                }
            };
            count -= now;
        }
        Some(())
    }

    /// Whether the next values, `count` at most, are 1, and how many of them are alike.
    fn alike(&mut self, count: usize) -> Option<(bool, usize)> {
        let (value, now) = match self.run()? {
            Run::Same(value, rest) => {
                let now = rest.min(count);
                self.current = Run::Same(value, rest - now);
                (value, now)
            }
            Run::Packed(bytes, at, rest) => {
                let value = unpack(bytes, at, self.width)?;
                let mut now = 1;
                while now < rest.min(count) && unpack(bytes, at + now, self.width)? == value {
                    now += 1;
                }
                self.current = Run::Packed(bytes, at + now, rest - now);
                (value, now)
            }
        };
        Some((value == 1, now))
    }
}

/// Adds what is known about each of the bit-packed values at these places; `None`: the bytes end before the last, or nothing
/// is known about one.
fn decide_packed(
    bytes: &[u8],
    width: usize,
    places: Range<usize>,
    known: &[bool],
    mask: &mut Bits,
) -> Option<()> {
    let mut at = places.start;
    while at < places.end {
        let together = at.is_multiple_of(PACKED_TOGETHER) && at + PACKED_TOGETHER <= places.end;
        let group = if together {
            unpack_group(bytes.get(at / PACKED_TOGETHER * width..)?, width)
        } else {
            None
        };
        let Some(group) = group else {
            mask.push(u64::from(*known.get(unpack(bytes, at, width)?)?), 1);
            at += 1;
            continue;
        };
        let mut bits = 0;
        for (place, value) in group.into_iter().enumerate() {
            bits |= u64::from(*known.get(value)?) << place;
        }
        mask.push(bits, PACKED_TOGETHER);
        at += PACKED_TOGETHER;
    }
    Some(())
}

/// The eight values that `bytes` begins with; `None`: they are too wide, or too near to the end, to be read four at a time.
fn unpack_group(bytes: &[u8], width: usize) -> Option<[usize; PACKED_TOGETHER]> {
    if width > WIDTH_OF_FOUR_MAX {
        return None;
    }
    let half = PACKED_TOGETHER / 2;
    let low = u64::from_le_bytes(*bytes.first_chunk()?);
    let high = u64::from_le_bytes(*bytes.get(half * width / 8..)?.first_chunk()?);
    let high = high >> (half * width % 8);
    let value = |word: u64, place: usize| word >> (place * width) & ((1 << width) - 1);
    let values = [
        value(low, 0),
        value(low, 1),
        value(low, 2),
        value(low, 3),
        value(high, 0),
        value(high, 1),
        value(high, 2),
        value(high, 3),
    ];
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a value has 15 bits at most"
    )]
    Some(values.map(|value| value as usize))
}

/// The value at a place; `None`: the bytes end before it.
fn unpack(bytes: &[u8], place: usize, width: usize) -> Option<usize> {
    let bit = place * width;
    let from = bytes.get(bit / 8..)?;
    let word = match from.first_chunk::<8>() {
        Some(word) => u64::from_le_bytes(*word),
        None => {
            let bytes = from.iter().rev();
            bytes.fold(0, |word, byte| word << 8 | u64::from(*byte))
        }
    };
    usize::try_from(word >> (bit % 8) & ((1 << width) - 1)).ok()
}

/// A number in groups of seven bits, the lowest first (ULEB128), and what follows it.
fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(place + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests;
