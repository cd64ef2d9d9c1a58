//! Which rows of a group may be seen, as ranges: of people in a sorted file some rows follow one another, so that a range costs
//! less than a bit for each of its rows.

use std::ops::Range;

use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::parquet::arrow::arrow_reader::RowSelection;

/// Rows of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spans {
    /// Ranges that ascend, are not empty and do not touch one another.
    ranges: Vec<Range<usize>>,
    count: usize,
    rows: usize,
}

impl Spans {
    /// Those of so many rows that lie between the first and the second place, the third and the fourth, and so on. The places
    /// ascend.
    pub(crate) fn between(places: &[usize], rows: usize) -> Self {
        let (pairs, rest) = places.as_chunks::<2>();
        let mut ranges: Vec<_> = pairs.iter().map(|[start, end]| *start..*end).collect();
        // What begins and does not end goes to the end.
        ranges.extend(rest.first().map(|start| *start..rows));
        let count = ranges.iter().map(ExactSizeIterator::len).sum();
        Self {
            ranges,
            count,
            rows,
        }
    }

    /// Those with a bit that is set.
    pub(crate) fn of_bits(bits: &BooleanBuffer) -> Self {
        let ranges = bits.set_slices().map(|(start, end)| start..end);
        let ranges: Vec<_> = ranges.collect();
        Self {
            count: ranges.iter().map(ExactSizeIterator::len).sum(),
            ranges,
            rows: bits.len(),
        }
    }

    /// How many they are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The same for the library, which skips the others.
    pub(crate) fn selection(self) -> RowSelection {
        RowSelection::from_consecutive_ranges(self.ranges.into_iter(), self.rows)
    }

    /// Goes through them from the first row.
    pub(crate) fn walk(self) -> SpansWalk {
        SpansWalk {
            spans: self,
            next: 0,
            done: 0,
        }
    }
}

/// A way through rows, some at a time.
pub(crate) struct SpansWalk {
    spans: Spans,
    /// The first range that is not over.
    next: usize,
    /// Rows that lie behind.
    done: usize,
}

impl SpansWalk {
    /// Rows that are still to come.
    pub(crate) fn left(&self) -> usize {
        self.spans.rows - self.done
    }

    /// Hands over which of the next rows may be seen, counted from the first of them, and answers how many these are. `None`: there
    /// are fewer rows, or somebody could not take them.
    pub(crate) fn advance(
        &mut self,
        rows: usize,
        mut take: impl FnMut(Range<usize>) -> Option<()>,
    ) -> Option<usize> {
        let start = self.done;
        let end = start
            .checked_add(rows)
            .filter(|end| *end <= self.spans.rows)?;
        let mut count = 0;
        while let Some(range) = self.spans.ranges.get(self.next)
            && range.start < end
        {
            let part = range.start.max(start) - start..range.end.min(end) - start;
            count += part.len();
            take(part)?;
            if range.end > end {
                break;
            }
            self.next += 1;
        }
        self.done = end;
        Some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranges, bits and steps of any length say the same.
    #[test]
    fn rows_are_the_same_in_every_form() {
        let mut x = 5_u32;
        let mut next = move |below: usize| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 8) as usize % below
        };
        for _ in 0..300 {
            let rows = 1 + next(300);
            let longest = 1 + next(20);
            let mut bits = Vec::new();
            while bits.len() < rows {
                let bit = next(2) == 0;
                bits.extend((0..=next(longest)).map(|_| bit));
            }
            bits.truncate(rows);
            let spans = Spans::of_bits(&BooleanBuffer::from_iter(bits.iter().copied()));
            let edges: Vec<_> = (0..rows)
                .filter(|row| bits[*row] != (*row > 0 && bits[*row - 1]))
                .collect();
            assert_eq!(Spans::between(&edges, rows), spans);
            assert_eq!(spans.count(), bits.iter().filter(|bit| **bit).count());

            let selected = spans.clone().selection();
            let selected = selected
                .iter()
                .flat_map(|part| std::iter::repeat_n(!part.skip, part.row_count));
            let selected: Vec<_> = selected.collect();
            // What is not selected at the end need not be there.
            assert!(selected.iter().eq(&bits[..selected.len()]));
            assert!(!bits[selected.len()..].contains(&true));

            let mut walk = spans.walk();
            let mut walked = Vec::new();
            while walk.left() > 0 {
                let step = (1 + next(70)).min(walk.left());
                let mut seen: Vec<Range<usize>> = Vec::new();
                let count = walk.advance(step, |range| {
                    seen.push(range);
                    Some(())
                });
                let count = count.unwrap();
                let part = (0..step).map(|row| seen.iter().any(|range| range.contains(&row)));
                let part: Vec<_> = part.collect();
                assert_eq!(part.iter().filter(|seen| **seen).count(), count);
                walked.extend(part);
            }
            assert_eq!(walked, bits);
            assert!(walk.advance(1, |_| Some(())).is_none());
        }
    }
}
