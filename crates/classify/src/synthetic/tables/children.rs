//! How many rows of one table belong to each row of another, counted without going through them.

use crate::synthetic::rng::Stream;

/// How the rows of a table hang below those of its parent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Children {
    /// One below each.
    One,
    /// None to three below each. The parents stand in blocks of four, and the children of a block
    /// are always six, so that a row finds its parent by one division; which parent of a block has
    /// how many is drawn.
    Several(Stream),
}

/// How many children the parents of a block have, in an order that is turned for each block.
const COUNTS: [u64; 4] = [2, 1, 3, 0];
const PARENTS: u64 = 4;
const CHILDREN: u64 = 6;

impl Children {
    /// How many rows belong to the first `parents` rows above.
    pub(super) fn before(self, parents: u64) -> u64 {
        let Self::Several(stream) = self else {
            return parents;
        };
        let (block, inside) = (parents / PARENTS, parents % PARENTS);
        let started: u64 = counts(stream, block)
            .zip(0..inside)
            .map(|(count, _)| count)
            .sum();
        block.saturating_mul(CHILDREN).saturating_add(started)
    }

    /// The row above a row, and how many of its rows come before this one.
    pub(super) fn parent(self, row: u64) -> (u64, u64) {
        let Self::Several(stream) = self else {
            return (row, 0);
        };
        let (block, mut nth) = (row / CHILDREN, row % CHILDREN);
        let mut parent = block * PARENTS;
        for count in counts(stream, block) {
            if nth < count {
                break;
            }
            nth -= count;
            parent += 1;
        }
        (parent, nth)
    }
}

/// The first block is not turned, so that a first person has something.
fn counts(stream: Stream, block: u64) -> impl Iterator<Item = u64> {
    let turn = match block {
        0 => 0,
        block => stream.at(block).below(PARENTS),
    };
    let turned = COUNTS
        .iter()
        .cycle()
        .skip(usize::try_from(turn).unwrap_or(0));
    turned.take(COUNTS.len()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_parent_and_every_parent_its_rows() {
        for seed in 0..20 {
            let children = Children::Several(Stream::new(seed, "orders"));
            let mut row = 0;
            for parent in 0..200 {
                assert_eq!(children.before(parent), row);
                let until = children.before(parent + 1);
                assert!(until - row <= 3);
                for nth in 0..(until - row) {
                    assert_eq!(children.parent(row), (parent, nth));
                    row += 1;
                }
            }
            assert_eq!(row, 300);
            assert_eq!(children.before(1), 2, "the first has some");
        }
    }

    #[test]
    fn the_last_rows_of_all_break_nothing() {
        let children = Children::Several(Stream::new(1, "orders"));
        let (parent, nth) = children.parent(u64::MAX);
        assert_eq!(children.before(parent) + nth, u64::MAX);
        assert_eq!(children.before(u64::MAX), u64::MAX);
        assert_eq!(Children::One.parent(7), (7, 0));
    }
}
