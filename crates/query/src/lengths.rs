//! Deciding by how many rows each person has. A file that says so, beside the dictionary of its ids, spares every row's own
//! index: deciding is merging two sorted lists of people, and a row costs nothing.

use datafusion::parquet::column::page::{Page, PageReader};
use datafusion::parquet::errors::ParquetError;

use crate::people::Walk;
use crate::spans::Spans;

/// The bytes of an id.
const ID_SIZE_BYTES: usize = 16;
/// With so many times as many people who are looked for as there are in the group, most are passed over without a look.
const FAR: usize = 8;

/// The rows that are about one of `ids`, of a row group that says how many rows each person has. `lengths` are those of its
/// ids, in their order; rows about nobody come last. `None`: this does not add up to the group, and the rows themselves have to
/// say.
pub(crate) fn decide_by_lengths(
    pages: &mut dyn PageReader,
    lengths: &[u32],
    nobody: usize,
    rows: usize,
    ids: &[u128],
) -> Result<Option<Spans>, ParquetError> {
    let Some(Page::DictionaryPage { buf, .. }) = pages.get_next_page()? else {
        return Ok(None);
    };
    let (people, rest) = buf.as_chunks::<ID_SIZE_BYTES>();
    if !rest.is_empty() || !adds_up(people, lengths, nobody, rows) {
        return Ok(None);
    }
    let agree = if ids.len() / FAR > people.len() {
        search(people, ids)
    } else {
        merge(people, ids)
    };
    Ok(Some(Spans::between(&places(&agree, lengths), rows)))
}

/// The order is what ties the lengths to the rows: of ids that ascend, each has its rows in one place.
fn adds_up(people: &[[u8; ID_SIZE_BYTES]], lengths: &[u32], nobody: usize, rows: usize) -> bool {
    let known: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
    let known = usize::try_from(known).ok();
    people.len() == lengths.len()
        && !lengths.contains(&0)
        && known.and_then(|known| known.checked_add(nobody)) == Some(rows)
        && ascend(people)
}

/// Every pair is looked at, since a branch for each costs more than it spares.
fn ascend(people: &[[u8; ID_SIZE_BYTES]]) -> bool {
    let pairs = people.array_windows();
    pairs.fold(true, |so_far, [a, b]| so_far & (id(a) < id(b)))
}

fn id(bytes: &[u8; ID_SIZE_BYTES]) -> u128 {
    u128::from_be_bytes(*bytes)
}

/// Who of these people are among `ids`.
///
/// Each step of a merge waits for the one before it, so that a processor does little else meanwhile. So the people are merged in
/// three places at once.
fn merge(people: &[[u8; ID_SIZE_BYTES]], ids: &[u128]) -> Vec<bool> {
    let mut agree = vec![false; people.len()];
    let size = people.len() / 3;
    let all = Merge {
        people,
        agree: &mut agree,
        ids,
        at: 0,
        at_id: 0,
    };
    let (mut first, rest) = all.split(size);
    let (mut second, mut third) = rest.split(size);
    while first.step() & second.step() & third.step() {}
    for mut part in [first, second, third] {
        while part.step() {}
    }
    agree
}

/// People who are not decided about, and the ids that can be theirs.
struct Merge<'a> {
    people: &'a [[u8; ID_SIZE_BYTES]],
    agree: &'a mut [bool],
    ids: &'a [u128],
    at: usize,
    at_id: usize,
}

impl<'a> Merge<'a> {
    /// So many people, and those after them; before the first step.
    fn split(self, people: usize) -> (Self, Self) {
        let (before, after) = self.people.split_at(people);
        let (agree_before, agree_after) = self.agree.split_at_mut(people);
        let first = after.first().map(id);
        let is_before = |id: &u128| first.is_none_or(|first| *id < first);
        let ids = self.ids.split_at(self.ids.partition_point(is_before));
        let part = |people, agree, ids| Self {
            people,
            agree,
            ids,
            at: 0,
            at_id: 0,
        };
        (
            part(before, agree_before, ids.0),
            part(after, agree_after, ids.1),
        )
    }

    /// One person, one id, or both; `false`: nobody is left, or no id.
    ///
    /// About every second person agrees, at random: a branch that depends on it would be taken wrongly half of the time, which costs
    /// more than all else. So nothing branches on it.
    #[inline(always)]
    fn step(&mut self) -> bool {
        let (Some(person), Some(wanted)) = (self.people.get(self.at), self.ids.get(self.at_id))
        else {
            return false;
        };
        let person = id(person);
        let (passes, follows) = (person <= *wanted, person >= *wanted);
        if let Some(agrees) = self.agree.get_mut(self.at) {
            *agrees = passes & follows;
        }
        self.at += usize::from(passes);
        self.at_id += usize::from(follows);
        true
    }
}

/// Where rows begin that are about people who agree, and where they end, in turn.
fn places(agree: &[bool], lengths: &[u32]) -> Vec<usize> {
    let mut places = vec![0; agree.len() + 1];
    let mut found = 0;
    let (mut row, mut is_seen) = (0, false);
    for (agrees, length) in agree.iter().zip(lengths) {
        // Written each time, and kept where it counts, which is as random as agreeing.
        if let Some(place) = places.get_mut(found) {
            *place = row;
        }
        found += usize::from(*agrees != is_seen);
        is_seen = *agrees;
        row += *length as usize;
    }
    if is_seen && let Some(place) = places.get_mut(found) {
        *place = row;
        found += 1;
    }
    places.truncate(found);
    places
}

/// The same as [`merge`] where few of `ids` are in the group.
fn search(people: &[[u8; ID_SIZE_BYTES]], ids: &[u128]) -> Vec<bool> {
    let mut walk = Walk::new(ids);
    people.iter().map(|person| walk.has(id(person))).collect()
}

#[cfg(test)]
mod tests;
