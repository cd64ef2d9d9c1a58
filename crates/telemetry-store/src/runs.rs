//! How many rows each person has, beside the rows.
//!
//! A file's rows are sorted by person, so that a row group is described by its dictionary of ids and one length for each. Whoever
//! asks which rows are about some people reads these lengths, a byte a person mostly, and no row's own index into the dictionary.
//! The layout is in `docs/formats/telemetry-store.md`; other readers of Parquet pass over it.

use std::ops::Range;

use arrow_array::FixedSizeBinaryArray;
use parquet::file::metadata::{KeyValue, ParquetMetaData};

/// The name of the list that says where each row group's lengths lie.
const NAME: &str = "privet.runs";
/// The bits of a byte that count; the highest says whether another follows.
const BITS: u32 = 7;
const MORE: u8 = 1 << BITS;
/// The longest length, of a number with 32 bits.
const LENGTH_SIZE_BYTES_MAX: u32 = 5;

/// Where each row group's lengths lie in the file; `None`: it has none, or not for each group.
pub fn places(metadata: &ParquetMetaData) -> Option<Vec<Range<u64>>> {
    let named = metadata.file_metadata().key_value_metadata()?;
    let places = named.iter().find(|named| named.key == NAME)?;
    let places: Vec<(u64, u64)> = serde_json::from_str(places.value.as_ref()?).ok()?;
    let places = places
        .iter()
        .map(|(start, size_bytes)| Some(*start..start.checked_add(*size_bytes)?))
        .collect::<Option<Vec<_>>>()?;
    (places.len() == metadata.num_row_groups()).then_some(places)
}

/// The lengths of a row group, from the bytes at one of [`places`], in the order of its dictionary of ids; after them come rows
/// about nobody. `None`: they are none.
pub fn lengths(bytes: &[u8]) -> Option<Vec<u32>> {
    // Almost always nobody has as many rows in a group as two bytes would say.
    if !bytes.iter().any(|byte| byte & MORE > 0) {
        return Some(bytes.iter().map(|byte| u32::from(*byte)).collect());
    }
    let mut lengths = Vec::new();
    let (mut length, mut place) = (0_u64, 0);
    for byte in bytes {
        length |= u64::from(byte & !MORE) << (place * BITS);
        place += 1;
        if byte & MORE == 0 {
            lengths.push(u32::try_from(length).ok()?);
            (length, place) = (0, 0);
        } else if place == LENGTH_SIZE_BYTES_MAX {
            return None;
        }
    }
    (place == 0).then_some(lengths)
}

/// The lengths of a file that is being written.
#[derive(Debug)]
pub(crate) struct Runs {
    group_rows_max: usize,
    groups: Vec<Vec<u8>>,
    /// Rows of the last group so far.
    rows: usize,
    /// Whose rows come at the moment, and how many there are in this group.
    current: Option<([u8; 16], usize)>,
    order: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    People,
    Nobody,
    /// The rows are not sorted: there is nothing to be said.
    Broken,
}

impl Runs {
    /// Of a file whose row groups have so many rows each but the last.
    pub(crate) fn new(group_rows_max: usize) -> Self {
        Self {
            group_rows_max,
            groups: Vec::new(),
            rows: group_rows_max,
            current: None,
            order: Order::People,
        }
    }

    /// The next rows are about these people.
    pub(crate) fn push(&mut self, ids: &FixedSizeBinaryArray) {
        for id in ids {
            if self.rows == self.group_rows_max {
                self.end_run();
                self.groups.push(Vec::new());
                self.rows = 0;
            }
            self.rows += 1;
            let id = id.map(<[u8; 16]>::try_from);
            match (&mut self.current, id, self.order) {
                (_, None, Order::People | Order::Nobody) => {
                    self.end_run();
                    self.current = None;
                    self.order = Order::Nobody;
                }
                (Some((current, rows)), Some(Ok(id)), Order::People) if *current == id => {
                    *rows += 1;
                }
                (current, Some(Ok(id)), Order::People)
                    if current.is_none_or(|(before, _)| before < id) =>
                {
                    self.end_run();
                    self.current = Some((id, 1));
                }
                _ => self.order = Order::Broken,
            }
        }
    }

    /// Writes down the rows of the current person in this group, who may have more in the next.
    fn end_run(&mut self) {
        let (Some((_, rows)), Some(group)) = (&mut self.current, self.groups.last_mut()) else {
            return;
        };
        let mut length = std::mem::take(rows);
        if length == 0 {
            return;
        }
        while length >> BITS > 0 {
            group.push(low(length) | MORE);
            length >>= BITS;
        }
        group.push(low(length));
    }

    /// The lengths of all groups, one after the other, and what names their places, if they begin at `start`. `None`: there is
    /// nothing to be said about the rows.
    pub(crate) fn finish(mut self, start: usize) -> Option<(Vec<u8>, KeyValue)> {
        self.end_run();
        if self.order == Order::Broken {
            return None;
        }
        let mut at = start;
        let mut places = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            places.push((at, group.len()));
            at += group.len();
        }
        let places = serde_json::to_string(&places).ok()?;
        Some((
            self.groups.concat(),
            KeyValue::new(NAME.to_owned(), Some(places)),
        ))
    }
}

/// The lowest bits of a length.
fn low(length: usize) -> u8 {
    u8::try_from(length & usize::from(!MORE)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lengths of each group of four rows, and all bytes.
    fn written(ids: &[Option<u8>], group_rows_max: usize) -> Option<Vec<Vec<u8>>> {
        let mut runs = Runs::new(group_rows_max);
        // However the rows are cut into batches.
        for ids in ids.chunks(3) {
            let ids = ids.iter().map(|id| id.map(|id| [id; 16]));
            runs.push(&FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, 16).unwrap());
        }
        let (bytes, places) = runs.finish(100)?;
        let places: Vec<(usize, usize)> = serde_json::from_str(&places.value.unwrap()).unwrap();
        let group =
            |(start, size): &(usize, usize)| bytes[start - 100..start - 100 + size].to_vec();
        assert_eq!(
            places.iter().map(|(_, size)| size).sum::<usize>(),
            bytes.len()
        );
        Some(places.iter().map(group).collect())
    }

    #[test]
    fn each_person_of_a_group_has_a_length() {
        let ids = [1, 1, 1, 2, 2, 5, 5, 5, 5, 5].map(Some);
        assert_eq!(written(&ids, 4).unwrap(), [vec![3, 1], vec![1, 3], vec![2]]);
        let ids = [Some(1), Some(1), None, None, None];
        assert_eq!(written(&ids, 4).unwrap(), [vec![2], vec![]]);
        assert_eq!(written(&[], 4).unwrap(), Vec::<Vec<u8>>::new());
        assert_eq!(
            written(&[None; 5], 4).unwrap(),
            [Vec::<u8>::new(), Vec::new()]
        );
        let ids = [Some(9); 300];
        assert_eq!(written(&ids, 1_000).unwrap(), [vec![0xac, 0x02]]);
    }

    #[test]
    fn of_rows_that_are_not_sorted_nothing_is_said() {
        for ids in [
            &[Some(2), Some(1)][..],
            &[Some(1), Some(2), Some(1), Some(1)],
            &[None, Some(1)],
        ] {
            assert_eq!(written(ids, 4), None, "{ids:?}");
        }
    }

    #[test]
    fn lengths_are_read_as_they_were_written() {
        assert_eq!(lengths(&[3, 1]), Some(vec![3, 1]));
        assert_eq!(lengths(&[3, 0xac, 0x02, 7]), Some(vec![3, 300, 7]));
        assert_eq!(lengths(&[]), Some(vec![]));
        // One that does not end, one that is too long, and one that is too large.
        assert_eq!(lengths(&[3, 0xac]), None);
        assert_eq!(lengths(&[0xff; 9]), None);
        assert_eq!(lengths(&[0xff, 0xff, 0xff, 0xff, 0x7f]), None);
    }
}
