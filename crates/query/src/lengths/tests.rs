//! Deciding by lengths beside deciding row by row, and lengths that decide nothing.

use super::*;

use datafusion::parquet::basic::Encoding;

use crate::testing::{Pages, Random, rows_of};

/// Decides by how many rows each of these people has.
fn decided_by(
    people: &[u128],
    lengths: &[u32],
    nobody: usize,
    rows: usize,
    ids: &[u128],
) -> Option<Vec<bool>> {
    let values: Vec<u8> = people.iter().flat_map(|id| id.to_be_bytes()).collect();
    let mut pages = Pages(vec![dictionary(values)].into_iter());
    let decided = decide_by_lengths(&mut pages, lengths, nobody, rows, ids).unwrap();
    decided.map(|spans| rows_of(spans, rows))
}

fn dictionary(values: Vec<u8>) -> Page {
    Page::DictionaryPage {
        num_values: 0,
        buf: values.into(),
        encoding: Encoding::PLAIN,
        is_sorted: false,
    }
}

/// Lengths decide as rows do: each person's rows follow one another, and nobody's come last.
#[test]
fn lengths_decide_as_rows_do() {
    let mut random = Random(23);
    for round in 0..300 {
        let mut people: Vec<_> = (0..random.below(200))
            .map(|_| u128::from(random.below(400)) << 64)
            .collect();
        people.sort_unstable();
        people.dedup();
        // As many as there are people, and, in every fourth round, many more.
        let some = [400, 400, 400, 20_000][round % 4];
        let ids: Vec<_> = (0..some)
            .filter(|_| random.below(2) == 0)
            .map(|id| id << 64)
            .collect();
        let longest = [3, 100, 300][round % 3];
        let lengths: Vec<u32> = people
            .iter()
            .map(|_| 1 + random.below(longest) as u32)
            .collect();
        let nobody = random.below(300) as usize;
        let slow = people
            .iter()
            .zip(&lengths)
            .flat_map(|(id, length)| std::iter::repeat_n(ids.contains(id), *length as usize));
        let slow: Vec<_> = slow.chain(std::iter::repeat_n(false, nobody)).collect();
        let fast = decided_by(&people, &lengths, nobody, slow.len(), &ids);
        assert_eq!(fast.unwrap(), slow, "round {round}");
    }
}

/// Lengths that do not add up to the group decide nothing: the rows have to say.
#[test]
fn lengths_that_do_not_add_up_decide_nothing() {
    let right = decided_by(&[1, 2], &[2, 1], 1, 4, &[2]);
    assert_eq!(right.unwrap(), [false, false, true, false]);
    // Of a person more than there are rows, or none; one without rows of their own; too few rows; too many.
    assert_eq!(decided_by(&[1, 2], &[3, 1], 1, 4, &[2]), None);
    assert_eq!(decided_by(&[1, 2], &[0, 3], 1, 4, &[2]), None);
    assert_eq!(decided_by(&[1, 2], &[u32::MAX, 2], 1, 4, &[2]), None);
    assert_eq!(decided_by(&[1, 2], &[2, 1], 0, 4, &[2]), None);
    assert_eq!(decided_by(&[1, 2], &[2, 1], 2, 4, &[2]), None);
    assert_eq!(decided_by(&[1, 2], &[2, 1], 5, 4, &[2]), None);
    // More people than lengths, and fewer.
    assert_eq!(decided_by(&[1, 2, 3], &[2, 1], 1, 4, &[2]), None);
    assert_eq!(decided_by(&[1], &[2, 1], 1, 4, &[2]), None);
    // Somebody twice, and people out of order.
    assert_eq!(decided_by(&[2, 2], &[2, 1], 1, 4, &[2]), None);
    assert_eq!(decided_by(&[2, 1], &[2, 1], 1, 4, &[2]), None);
    // No dictionary, and one of other values.
    let mut none = Pages(Vec::new().into_iter());
    let decided = decide_by_lengths(&mut none, &[], 4, 4, &[2]).unwrap();
    assert!(decided.is_none());
    let mut short = Pages(vec![dictionary(vec![0; 15])].into_iter());
    let decided = decide_by_lengths(&mut short, &[], 4, 4, &[2]).unwrap();
    assert!(decided.is_none());
}
