//! What tests of this crate's parts share: numbers that look random, pages that lie in memory, and rows one by one.

use datafusion::parquet::column::page::{Page, PageMetadata, PageReader};
use datafusion::parquet::errors::ParquetError;

use crate::spans::Spans;

/// Numbers that look random and are the same each time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % n
    }
}

/// Pages, one after the other.
pub(crate) struct Pages(pub(crate) std::vec::IntoIter<Page>);

impl Iterator for Pages {
    type Item = Result<Page, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>, ParquetError> {
        Ok(self.0.next())
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>, ParquetError> {
        Ok(None)
    }

    fn skip_next_page(&mut self) -> Result<(), ParquetError> {
        Ok(())
    }
}

/// Whether each of so many rows is among these.
pub(crate) fn rows_of(spans: Spans, rows: usize) -> Vec<bool> {
    let expected = spans.count();
    let mut all = vec![false; rows];
    let count = spans.walk().advance(rows, |range| {
        all[range].fill(true);
        Some(())
    });
    let count = count.unwrap();
    assert_eq!(count, expected);
    assert_eq!(all.iter().filter(|seen| **seen).count(), count);
    all
}
