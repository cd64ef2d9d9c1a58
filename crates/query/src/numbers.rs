//! Decoding columns of whole numbers that have a value in each row, which is what is counted and summed most: a page at a time,
//! and of it only the rows that may be seen are kept. The library's own decoder is made for every kind of column, and takes a few
//! thousand rows through several buffers each.
//!
//! The layouts are those of <https://parquet.apache.org/docs/file-format/data-pages/encodings/>: differences (`DELTA_BINARY_PACKED`),
//! indexes into a dictionary, and numbers as they are. A column that is written in another way, or lacks a value somewhere, is left
//! to the reader of Parquet.

use datafusion::parquet::basic::Encoding;
use datafusion::parquet::column::page::{Page, PageReader};
use datafusion::parquet::errors::ParquetError;

use crate::packed::{BEHIND, Packed, TOGETHER};
use crate::runs::Runs;
use crate::spans::{Spans, SpansWalk};

/// The bytes of a number.
const SIZE_BYTES: usize = 8;
/// A part of a block has a multiple of so many differences …
const PART_ROWS: usize = 32;
/// … and never more than this in files that make sense.
const PART_ROWS_MAX: usize = 1 << 16;
/// So many numbers are copied at a time.
const COPIED_ROWS: usize = 16;

/// The numbers in these rows (`None`: in all) of a column chunk without repetition, whose rows are so many. `None`: it is written in
/// another way, or is damaged, which whoever reads it instead will find.
///
/// # Errors
///
/// What `pages` fails with.
pub(crate) fn numbers(
    pages: &mut dyn PageReader,
    rows: usize,
    seen: Option<&Spans>,
) -> Result<Option<Vec<i64>>, ParquetError> {
    let mut kept = Vec::with_capacity(seen.map_or(rows, Spans::count) + COPIED_ROWS);
    let mut walk = seen.map(|seen| seen.clone().walk());
    let mut memory = Vec::new();
    let mut dictionary: Vec<i64> = Vec::new();
    let mut done = 0;
    while let Some(page) = pages.get_next_page()? {
        let decoded = match &page {
            Page::DictionaryPage { buf, .. } => {
                dictionary.clear();
                plain(buf, &mut dictionary)
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls: 0,
                def_levels_byte_len,
                rep_levels_byte_len: 0,
                ..
            } => {
                let part = Part {
                    values: buf.get(*def_levels_byte_len as usize..).unwrap_or_default(),
                    encoding: *encoding,
                    dictionary: &dictionary,
                    rows: *num_values as usize,
                };
                done += part.rows;
                part.decode(&mut memory)
                    .and_then(|page| keep(page, walk.as_mut(), &mut kept))
            }
            _ => None,
        };
        if decoded.is_none() {
            return Ok(None);
        }
    }
    Ok((done == rows).then_some(kept))
}

/// Copies those that may be seen.
///
/// Somebody has a few rows, and a copy of just these costs more than one whose length the compiler knows. What was copied too much
/// is cut off again.
fn keep(page: &[i64], walk: Option<&mut SpansWalk>, kept: &mut Vec<i64>) -> Option<()> {
    let Some(walk) = walk else {
        kept.extend_from_slice(page);
        return Some(());
    };
    walk.advance(page.len(), |range| {
        let end = kept.len() + range.len();
        let mut rows = page.get(range.start..)?;
        while kept.len() < end {
            let Some((some, rest)) = rows.split_first_chunk::<COPIED_ROWS>() else {
                kept.extend_from_slice(rows.get(..end - kept.len())?);
                break;
            };
            kept.extend_from_slice(some);
            rows = rest;
        }
        kept.truncate(end);
        Some(())
    })?;
    Some(())
}

/// The values of a data page.
struct Part<'a> {
    values: &'a [u8],
    encoding: Encoding,
    dictionary: &'a [i64],
    rows: usize,
}

impl Part<'_> {
    /// Exactly as many numbers as the page has rows, in memory that held any others before.
    fn decode<'m>(&self, memory: &'m mut Vec<i64>) -> Option<&'m [i64]> {
        match self.encoding {
            Encoding::DELTA_BINARY_PACKED => return differences(self.values, self.rows, memory),
            Encoding::PLAIN => {
                memory.clear();
                plain(self.values, memory)?;
            }
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {
                let (width, indexes) = self.values.split_first()?;
                let mut indexes = Runs::new(indexes, usize::from(*width))?;
                memory.clear();
                indexes.look_up(self.rows, self.dictionary, memory)?;
            }
            _ => return None,
        }
        (memory.len() == self.rows).then_some(memory)
    }
}

fn plain(bytes: &[u8], out: &mut Vec<i64>) -> Option<()> {
    let (values, rest) = bytes.as_chunks::<SIZE_BYTES>();
    out.extend(values.iter().map(|value| i64::from_le_bytes(*value)));
    rest.is_empty().then_some(())
}

/// Numbers as the first of them and differences: blocks of a smallest difference and what each is above it, in parts whose
/// numbers have as many bits as the part's largest.
fn differences<'m>(bytes: &[u8], rows: usize, memory: &'m mut Vec<i64>) -> Option<&'m [i64]> {
    let mut bytes = Bytes(bytes);
    let (block, parts) = (bytes.size()?, bytes.size()?);
    let total = bytes.size()?;
    let mut value = bytes.signed()?;
    let part_rows = block.checked_div(parts)?;
    let fits = part_rows.is_multiple_of(PART_ROWS) && (1..=PART_ROWS_MAX).contains(&part_rows);
    if !fits || total != rows {
        return None;
    }
    let mut left = total.checked_sub(1)?;
    // The last part is whole, also where fewer numbers are left. What was filled before is not filled with zeros again.
    let filled = rows.checked_add(part_rows)?;
    if memory.len() < filled {
        memory.resize(filled, 0);
    }
    let (first, mut free) = memory.split_first_mut()?;
    *first = value;
    while left > 0 {
        let least = bytes.signed()?;
        for width in bytes.take(parts)? {
            if left == 0 {
                break;
            }
            let width = usize::from(*width);
            let size_bytes = part_rows / TOGETHER * width;
            // The last groups are read behind their end, where at the end of a page nothing is.
            let mut padded;
            let packed = match bytes.0.get(..size_bytes + BEHIND) {
                Some(packed) => packed,
                None => {
                    padded = bytes.0.get(..size_bytes)?.to_vec();
                    padded.resize(size_bytes + BEHIND, 0);
                    &padded
                }
            };
            let part = Packed {
                bytes: packed,
                width,
                least,
            };
            let (numbers, rest) = free.split_at_mut_checked(part_rows)?;
            let (numbers, _) = numbers.as_chunks_mut();
            value = part.add_up(value, numbers)?;
            free = rest;
            left = left.saturating_sub(part_rows);
            bytes.take(size_bytes)?;
        }
    }
    memory.get(..rows)
}

/// Bytes that are taken from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number in groups of seven bits, the lowest first (ULEB128).
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for (place, byte) in self.0.iter().enumerate().take(10) {
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                self.0 = self.0.get(place + 1..)?;
                return Some(number);
            }
        }
        None
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    /// One with its sign in the lowest bit.
    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

#[cfg(test)]
mod tests;
