//! Leaving out of decoded rows those that may not be seen.
//!
//! People who agree and those who do not lie mixed, so that most pages have rows of both. Decoding a page as a whole and copying
//! what may be seen, a run at a time, costs less than skipping a few rows at a time within the decoder.

use std::cell::LazyCell;
use std::ops::{Deref, Range};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, PrimitiveArray, RecordBatch};
use datafusion::arrow::compute::{FilterBuilder, FilterPredicate};
use datafusion::arrow::datatypes::ArrowPrimitiveType;
use datafusion::arrow::downcast_primitive_array;
use datafusion::common::Result;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use crate::bits::Bits;
use crate::error::unreadable;
use crate::spans::{Spans, SpansWalk};

/// Rows that are decoded, and of them those that may be seen.
pub(crate) struct Sieve {
    reader: ParquetRecordBatchReader,
    /// Of the reader's rows; `None`: all may be seen.
    seen: Option<SpansWalk>,
}

impl Sieve {
    /// `seen` are some of the reader's rows.
    pub(crate) fn new(reader: ParquetRecordBatchReader, seen: Option<Spans>) -> Self {
        Self {
            reader,
            seen: seen.map(Spans::walk),
        }
    }

    /// The next rows that may be seen, at least one.
    pub(crate) fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let batch = self.reader.next().transpose()?;
            let Some(seen) = &mut self.seen else {
                return Ok(batch);
            };
            let Some(batch) = batch else {
                return match seen.left() {
                    0 => Ok(None),
                    _ => Err(unreadable(())),
                };
            };
            let rows = batch.num_rows();
            // Of rows that were not decided about nobody knows whose they are.
            let mut runs = Vec::new();
            let count = seen.advance(rows, |run| {
                runs.push(run);
                Some(())
            });
            match count.ok_or_else(|| unreadable(()))? {
                0 => {}
                count if count == rows => return Ok(Some(batch)),
                count => return keep(&batch, &runs, count).map(Some),
            }
        }
    }
}

/// These rows, which are so many.
fn keep(batch: &RecordBatch, runs: &[Range<usize>], count: usize) -> Result<RecordBatch> {
    let others = LazyCell::new(|| {
        let mut seen = Bits::with_capacity(batch.num_rows());
        for run in runs {
            seen.push_run(false, run.start - seen.len());
            seen.push_run(true, run.len());
        }
        seen.push_run(false, batch.num_rows() - seen.len());
        let seen = BooleanArray::new(seen.finish(), None);
        FilterBuilder::new(&seen).optimize().build()
    });
    let columns = batch.columns().iter();
    let columns = columns.map(|column| keep_of(column, runs, count, &others));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

fn keep_of(
    column: &ArrayRef,
    runs: &[Range<usize>],
    count: usize,
    others: &impl Deref<Target = FilterPredicate>,
) -> Result<ArrayRef> {
    if column.null_count() == 0 {
        downcast_primitive_array! {
            column => {
                return copy(column, runs, count);
            }
            _ => {}
        }
    }
    Ok(others.filter(column)?)
}

/// Numbers of which each is there are copied a run at a time; the library would go from one to the next.
fn copy<T: ArrowPrimitiveType>(
    column: &PrimitiveArray<T>,
    runs: &[Range<usize>],
    count: usize,
) -> Result<ArrayRef> {
    let mut kept = Vec::with_capacity(count);
    for run in runs {
        let run = column.values().get(run.clone());
        kept.extend_from_slice(run.ok_or_else(|| unreadable(()))?);
    }
    let kept = PrimitiveArray::<T>::new(kept.into(), None);
    Ok(Arc::new(kept.with_data_type(column.data_type().clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use datafusion::arrow::array::{
        FixedSizeBinaryArray, Int64Array, StringArray, TimestampNanosecondArray,
    };
    use datafusion::arrow::compute::{concat_batches, filter_record_batch};
    use datafusion::parquet::arrow::ArrowWriter;
    use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    const ROWS: usize = 1_000;

    /// Columns of each kind, with and without values that are missing.
    fn rows() -> RecordBatch {
        let numbers = || 0..i64::try_from(ROWS).unwrap();
        let times = TimestampNanosecondArray::from_iter_values(numbers()).with_timezone("+00:00");
        let some = numbers().map(|n| (n % 7 > 0).then_some(n));
        let ids = numbers().map(|n| Some(u128::from(n.unsigned_abs()).to_be_bytes()));
        let ids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, 16).unwrap();
        let texts = numbers().map(|n| (n % 5 > 0).then(|| format!("text {n}")));
        RecordBatch::try_from_iter([
            ("times", Arc::new(times) as ArrayRef),
            ("all", Arc::new(Int64Array::from_iter_values(numbers()))),
            ("some", Arc::new(some.collect::<Int64Array>())),
            ("ids", Arc::new(ids)),
            ("texts", Arc::new(texts.collect::<StringArray>())),
        ])
        .unwrap()
    }

    fn sieve(seen: &[bool]) -> Sieve {
        let rows = rows();
        let mut file = ArrowWriter::try_new(Vec::new(), rows.schema(), None).unwrap();
        file.write(&rows).unwrap();
        let file = Bytes::from(file.into_inner().unwrap());
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let reader = reader.with_batch_size(64).build().unwrap();
        let seen = seen.iter().copied().collect();
        Sieve::new(reader, Some(Spans::of_bits(&seen)))
    }

    #[test]
    fn rows_that_may_be_seen_are_kept_whole() {
        let rows = rows();
        for each in [1, 2, 9, 64, 100, 2_000] {
            let seen: Vec<bool> = (0..ROWS).map(|row| row / each % 2 == 0).collect();
            let mut sieve = sieve(&seen);
            let mut kept = Vec::new();
            while let Some(batch) = sieve.next().unwrap() {
                assert!(batch.num_rows() > 0);
                kept.push(batch);
            }
            let expected = filter_record_batch(&rows, &BooleanArray::from(seen)).unwrap();
            assert_eq!(concat_batches(&rows.schema(), &kept).unwrap(), expected);
        }
        let mut nothing = sieve(&[false; ROWS]);
        assert!(nothing.next().unwrap().is_none());
    }

    /// More rows than were decided about, or fewer, are an error, and not rows.
    #[test]
    fn rows_that_nobody_decided_about_are_not_shown() {
        for decided in [ROWS - 1, ROWS + 1, 10] {
            let mut sieve = sieve(&vec![true; decided]);
            let mut shown = 0;
            let error = loop {
                match sieve.next() {
                    Ok(Some(batch)) => shown += batch.num_rows(),
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
            assert!(error.is_some() && shown <= decided, "{decided}");
        }
    }
}
