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
    let places = if ids.len() / FAR > people.len() {
        search(people, lengths, ids)
    } else {
        merge(people, lengths, ids)
    };
    Ok(places.map(|places| Spans::between(&places, rows)))
}

/// The order is what ties the lengths to the rows: of ids that ascend, each has its rows in one place.
fn adds_up(people: &[[u8; ID_SIZE_BYTES]], lengths: &[u32], nobody: usize, rows: usize) -> bool {
    let known: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
    let known = usize::try_from(known).ok();
    people.len() == lengths.len()
        && !lengths.contains(&0)
        && known.and_then(|known| known.checked_add(nobody)) == Some(rows)
        && people.is_sorted_by(|a, b| id(a) < id(b))
}

fn id(bytes: &[u8; ID_SIZE_BYTES]) -> u128 {
    u128::from_be_bytes(*bytes)
}

/// Where rows begin that are about one of `ids`, and where they end, in turn.
///
/// About every second person agrees, at random: a branch that depends on it would be taken wrongly half of the time, which costs
/// more than all else. So nothing branches on it.
fn merge(people: &[[u8; ID_SIZE_BYTES]], lengths: &[u32], ids: &[u128]) -> Option<Vec<usize>> {
    let mut places = vec![0; people.len() + 2];
    let mut found = 0;
    let (mut row, mut is_seen) = (0, false);
    let (mut at, mut at_id) = (0, 0);
    while let (Some(person), Some(length), Some(wanted)) =
        (people.get(at), lengths.get(at), ids.get(at_id))
    {
        let person = id(person);
        let (passes, follows) = (person <= *wanted, person >= *wanted);
        let agrees = passes & follows;
        *places.get_mut(found)? = row;
        found += usize::from(passes & (agrees != is_seen));
        is_seen = (passes & agrees) | (!passes & is_seen);
        row += usize::from(passes) * (*length as usize);
        at += usize::from(passes);
        at_id += usize::from(follows);
    }
    if is_seen {
        *places.get_mut(found)? = row;
        found += 1;
    }
    places.truncate(found);
    Some(places)
}

/// The same where few of `ids` are in the group.
fn search(people: &[[u8; ID_SIZE_BYTES]], lengths: &[u32], ids: &[u128]) -> Option<Vec<usize>> {
    let mut walk = Walk::new(ids);
    let mut places = Vec::new();
    let (mut row, mut is_seen) = (0, false);
    for (person, length) in people.iter().zip(lengths) {
        let agrees = walk.has(id(person));
        if agrees != is_seen {
            places.push(row);
            is_seen = agrees;
        }
        row += usize::try_from(*length).ok()?;
    }
    if is_seen {
        places.push(row);
    }
    Some(places)
}

#[cfg(test)]
mod tests;
