//! Whose rows may be seen: everybody's, or those of the people who agree.
//!
//! Ids are compared as numbers, in the order of their bytes, in which both the answer of the ledger and the files are sorted:
//! deciding is walking two sorted lists, a step for each run of rows and not one for each row.

use std::sync::Arc;

use datafusion::arrow::array::{Array, FixedSizeBinaryArray};
use datafusion::parquet::arrow::arrow_reader::RowSelector;

use crate::error::Error;

/// The bytes of an id.
const ID_SIZE_BYTES: usize = 16;

/// Whose rows may be seen.
#[derive(Clone, PartialEq, Eq)]
pub enum People {
    /// All rows, also those about nobody known: the purpose does not rest on consent.
    Everybody,
    /// Rows of these people alone; the ids are sorted and differ.
    Only(Arc<[u128]>),
}

/// Ids of people do not belong into logs.
impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everybody => f.write_str("Everybody"),
            Self::Only(ids) => write!(f, "Only({} people)", ids.len()),
        }
    }
}

impl People {
    /// From ids of 16 bytes each, one after the other.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if they are not sorted or one is there twice: whoever wrote them has made a mistake, and mistakes about
    /// who agrees show nothing.
    pub fn from_sorted_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (ids, rest) = bytes.as_chunks::<ID_SIZE_BYTES>();
        let ids: Arc<[u128]> = ids.iter().map(|id| u128::from_be_bytes(*id)).collect();
        if !rest.is_empty() || !ids.is_sorted_by(|a, b| a < b) {
            return Err(Error::Request("the people's ids are not sorted"));
        }
        Ok(Self::Only(ids))
    }

    /// Those of `wanted` who may be seen; nobody known is not among them.
    pub(crate) fn among(&self, wanted: &[u128]) -> Self {
        let mut ids: Vec<u128> = match self {
            Self::Everybody => wanted.to_vec(),
            Self::Only(ids) => wanted
                .iter()
                .filter(|id| ids.binary_search(id).is_ok())
                .copied()
                .collect(),
        };
        ids.sort_unstable();
        ids.dedup();
        Self::Only(ids.into())
    }
}

/// The ids from `first` to `last`, both included.
pub(crate) fn within(ids: &[u128], first: u128, last: u128) -> &[u128] {
    let from = ids.partition_point(|id| *id < first);
    let to = ids.partition_point(|id| *id <= last);
    ids.get(from..to).unwrap_or_default()
}

/// An id as a number; `None`: it is none.
pub(crate) fn id(bytes: &[u8]) -> Option<u128> {
    bytes.try_into().map(u128::from_be_bytes).ok()
}

/// The rows of people in `ids`; nobody known is not among them. `None`: the column holds no ids.
pub(crate) fn select(rows: &FixedSizeBinaryArray, ids: &[u128]) -> Option<Vec<RowSelector>> {
    let (values, rest) = rows.value_data().as_chunks::<ID_SIZE_BYTES>();
    if !rest.is_empty() || values.len() != rows.len() {
        return None;
    }
    let mut walk = Walk::new(ids);
    let mut selected = Selectors::default();
    let mut known = |values: &[[u8; ID_SIZE_BYTES]], selected: &mut Selectors| {
        for run in values.chunk_by(|a, b| a == b) {
            let agrees = run
                .first()
                .is_some_and(|id| walk.has(u128::from_be_bytes(*id)));
            selected.push(agrees, run.len());
        }
    };
    match rows.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => known(values, &mut selected),
        Some(nulls) => {
            let mut done = 0;
            for (start, end) in nulls.valid_slices() {
                selected.push(false, start - done);
                known(values.get(start..end)?, &mut selected);
                done = end;
            }
            selected.push(false, values.len() - done);
        }
    }
    Some(selected.finish())
}

/// A walk along a sorted list, as long as what is asked for ascends, which it does in sorted files.
pub(crate) struct Walk<'a> {
    ids: &'a [u128],
    rest: &'a [u128],
    before: u128,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(ids: &'a [u128]) -> Self {
        Self {
            ids,
            rest: ids,
            before: 0,
        }
    }

    /// Whether it is in the list.
    #[inline]
    pub(crate) fn has(&mut self, id: u128) -> bool {
        if id < self.before {
            self.rest = self.ids;
        }
        self.before = id;
        // Steps that double find the place in the time of the distance, not of the list's length.
        let mut reach = 1;
        while self.rest.get(reach).is_some_and(|at| *at < id) {
            reach *= 2;
        }
        let near = self.rest.get(..=reach).unwrap_or(self.rest);
        let at = near.partition_point(|at| *at < id);
        self.rest = self.rest.get(at..).unwrap_or_default();
        self.rest.first() == Some(&id)
    }
}

/// Runs of rows, put together where neighbours are alike.
#[derive(Default)]
struct Selectors {
    done: Vec<RowSelector>,
}

impl Selectors {
    fn push(&mut self, select: bool, rows: usize) {
        match self.done.last_mut() {
            _ if rows == 0 => {}
            Some(last) if last.skip != select => last.row_count += rows,
            _ => self.done.push(RowSelector {
                row_count: rows,
                skip: !select,
            }),
        }
    }

    fn finish(self) -> Vec<RowSelector> {
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(rows: &[Option<u128>], ids: &[u128]) -> Vec<(bool, usize)> {
        let rows = rows.iter().map(|row| row.map(u128::to_be_bytes));
        let rows = FixedSizeBinaryArray::try_from_sparse_iter_with_size(rows, 16).unwrap();
        let runs = select(&rows, ids).unwrap();
        runs.iter().map(|run| (!run.skip, run.row_count)).collect()
    }

    #[test]
    fn runs_of_people_who_agree_are_selected() {
        let rows = [1, 1, 5, 5, 5, 7, u128::MAX].map(Some);
        assert_eq!(
            selected(&rows, &[5, 6, 7, 9]),
            [(false, 2), (true, 4), (false, 1)]
        );
        assert_eq!(selected(&rows, &[]), [(false, 7)]);
        assert_eq!(
            selected(&rows, &[1, u128::MAX]),
            [(true, 2), (false, 4), (true, 1)]
        );
    }

    #[test]
    fn nobody_is_in_no_list() {
        let rows = [None, Some(0), None];
        assert_eq!(selected(&rows, &[0]), [(false, 1), (true, 1), (false, 1)]);
        assert_eq!(selected(&[None], &[0]), [(false, 1)]);
    }

    /// Rows in any order are decided as sorted ones, only more slowly.
    #[test]
    fn order_changes_no_decision() {
        let mut x = 7_u32;
        let mut next = move || {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u128::from(x >> 24)
        };
        for _ in 0..300 {
            let mut ids: Vec<_> = (0..40).map(|_| next()).collect();
            ids.sort_unstable();
            ids.dedup();
            let rows: Vec<_> = (0..30)
                .map(|_| Some(next()).filter(|id| id % 7 != 0))
                .collect();
            let slow = rows
                .iter()
                .map(|row| row.is_some_and(|id| ids.contains(&id)));
            let fast = selected(&rows, &ids);
            let fast = fast
                .iter()
                .flat_map(|(seen, rows)| std::iter::repeat_n(*seen, *rows));
            assert!(fast.eq(slow));
        }
    }

    #[test]
    fn ids_out_of_order_are_refused() {
        let bytes = |ids: &[u128]| {
            ids.iter()
                .flat_map(|id| id.to_be_bytes())
                .collect::<Vec<_>>()
        };
        assert!(People::from_sorted_bytes(&bytes(&[1, 2, 3])).is_ok());
        assert!(People::from_sorted_bytes(&[]).is_ok());
        for ids in [&[2, 1][..], &[1, 1]] {
            assert!(People::from_sorted_bytes(&bytes(ids)).is_err());
        }
        assert!(People::from_sorted_bytes(&bytes(&[1, 2])[..31]).is_err());
    }

    #[test]
    fn wanted_people_have_to_agree() {
        let all = People::Only([1, 3, 5].into());
        assert_eq!(all.among(&[5, 4, 3, 3]), People::Only([3, 5].into()));
        assert_eq!(People::Everybody.among(&[4]), People::Only([4].into()));
        assert_eq!(within(&[1, 3, 5, 7], 3, 6), &[3, 5]);
    }
}
