//! Deciding by runs beside deciding row by row, the format's own example, and pages that are none.

use super::*;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, FixedSizeBinaryArray, RecordBatch};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::{WriterProperties, WriterVersion};
use datafusion::parquet::file::serialized_reader::SerializedPageReader;

use crate::testing::{Pages, Random, rows_of};

impl Random {
    /// Ids in runs, some rows about nobody.
    fn column(&mut self, rows: usize, longest: u64) -> Vec<Option<u128>> {
        let people = 1 + self.below(400);
        let mut column = Vec::new();
        while column.len() < rows {
            let id = Some(u128::from(self.below(people)) << 64).filter(|_| self.below(9) > 0);
            let run = 1 + self.below(longest);
            column.extend((0..run).map(|_| id));
        }
        column.truncate(rows);
        column
    }
}

fn properties(version: WriterVersion, dictionary: bool) -> WriterProperties {
    WriterProperties::builder()
        .set_writer_version(version)
        .set_dictionary_enabled(dictionary)
        .set_compression(Compression::UNCOMPRESSED)
        .set_data_page_row_count_limit(300)
        .set_write_batch_size(100)
        .build()
}

/// Writes a column as a file and decides by its pages.
fn decided(
    column: &[Option<u128>],
    properties: WriterProperties,
    ids: &[u128],
) -> Option<Vec<bool>> {
    let ids_of_rows = column.iter().map(|id| id.map(u128::to_be_bytes));
    let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids_of_rows, 16).unwrap();
    let batch =
        RecordBatch::try_from_iter_with_nullable([("tyid", Arc::new(array) as ArrayRef, true)])
            .unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    let file = bytes::Bytes::from(writer.into_inner().unwrap());
    let metadata = ParquetRecordBatchReaderBuilder::try_new(file.clone())
        .unwrap()
        .metadata()
        .clone();
    let chunk = metadata.row_group(0).column(0);
    let mut pages = SerializedPageReader::new(Arc::new(file), chunk, column.len(), None).unwrap();
    match decide(&mut pages, true, column.len(), ids).unwrap() {
        Decided::Rows(spans) => Some(rows_of(spans, column.len())),
        Decided::Otherwise => None,
    }
}

/// Whatever the runs are like, each row is decided as if it were compared alone.
#[test]
fn runs_decide_as_rows_do() {
    let mut random = Random(11);
    for round in 0..200 {
        let longest = [1, 3, 12, 200][round % 4];
        let rows = 1 + random.below(2_000) as usize;
        let column = random.column(rows, longest);
        let ids: Vec<_> = (0..400)
            .filter(|_| random.below(2) == 0)
            .map(|id| id << 64)
            .collect();
        let slow = column
            .iter()
            .map(|id| id.is_some_and(|id| ids.contains(&id)));
        let fast = decided(&column, properties(WriterVersion::PARQUET_2_0, true), &ids);
        assert!(fast.unwrap().into_iter().eq(slow), "round {round}");
    }
}

#[test]
fn what_is_written_in_another_way_is_left_to_others() {
    let column = Random(5).column(1_000, 20);
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        assert_eq!(decided(&column, properties(version, false), &[0]), None);
    }
    let nobody = vec![None; 500];
    let properties = properties(WriterVersion::PARQUET_2_0, true);
    let fast = decided(&nobody, properties, &[0]);
    assert!(fast.is_none_or(|rows| !rows.contains(&true)));
}

/// The format's own example: the numbers 0 to 7 in three bits each; then one number a hundred times.
#[test]
fn values_are_packed_as_the_format_says() {
    let bytes = [3, 0b1000_1000, 0b1100_0110, 0b1111_1010, 0xc8, 0x01, 5];
    let mut runs = Runs::new(&bytes, 3).unwrap();
    let mut mask = Bits::with_capacity(0);
    let known = [false, true, false, false, false, true, false, true];
    runs.decide(108, &known, &mut mask).unwrap();
    let mask = mask.finish();
    assert_eq!(mask.slice(0, 8).iter().collect::<Vec<_>>(), known);
    assert_eq!(mask.slice(8, 100).count_set_bits(), 100);
    assert!(
        runs.decide(1, &known, &mut Bits::with_capacity(0))
            .is_none()
    );
}

/// Bytes that are no page show nobody: there is an error, or a mask of as many rows as there are, for people who are asked
/// for alone.
#[test]
fn damaged_pages_show_nobody() {
    let mut random = Random(3);
    let mut refused = 0;
    for _ in 0..5_000 {
        let bytes: Vec<u8> = (0..random.below(40))
            .map(|_| random.below(256) as u8)
            .collect();
        let dictionary = Page::DictionaryPage {
            buf: [[1; 16], [2; 16]].concat().into(),
            num_values: 2,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let rows = 50;
        let page = Page::DataPageV2 {
            buf: bytes.into(),
            num_values: rows,
            encoding: Encoding::RLE_DICTIONARY,
            num_nulls: 0,
            num_rows: rows,
            def_levels_byte_len: random.below(20) as u32,
            rep_levels_byte_len: 0,
            is_compressed: false,
            statistics: None,
        };
        let mut pages = Pages(vec![dictionary, page].into_iter());
        match decide(&mut pages, true, 50, &[3]) {
            Ok(Decided::Rows(spans)) => {
                assert_eq!(spans.count(), 0);
                assert_eq!(spans.walk().left(), 50);
            }
            Ok(Decided::Otherwise) | Err(_) => refused += 1,
        }
    }
    assert!(refused > 0);
}
