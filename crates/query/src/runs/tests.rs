//! Deciding by runs beside deciding row by row, the format's own example, and pages that are none.

use super::*;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, FixedSizeBinaryArray, RecordBatch};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::column::page::PageMetadata;
use datafusion::parquet::file::properties::{WriterProperties, WriterVersion};
use datafusion::parquet::file::serialized_reader::SerializedPageReader;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % n
    }

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
        Decided::Rows(mask) => Some(mask.iter().collect()),
        Decided::Otherwise => None,
    }
}

/// Decides by how many rows each of these people has.
fn decided_by(
    people: &[u128],
    lengths: &[u8],
    nobody: usize,
    rows: usize,
    ids: &[u128],
) -> Option<Vec<bool>> {
    let values: Vec<u8> = people.iter().flat_map(|id| id.to_be_bytes()).collect();
    let mut pages = Pages(vec![dictionary(values)].into_iter());
    let lengths = Lengths::new(lengths);
    let decided = decide_by_lengths(&mut pages, lengths, nobody, rows, ids).unwrap();
    decided.map(|mask| mask.iter().collect())
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
        let ids: Vec<_> = (0..400)
            .filter(|_| random.below(2) == 0)
            .map(|id| id << 64)
            .collect();
        let longest = [3, 100, 127][round % 3];
        let lengths: Vec<u8> = people
            .iter()
            .map(|_| 1 + random.below(longest) as u8)
            .collect();
        let nobody = random.below(300) as usize;
        let slow = people
            .iter()
            .zip(&lengths)
            .flat_map(|(id, length)| std::iter::repeat_n(ids.contains(id), usize::from(*length)));
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
    assert_eq!(decided_by(&[1, 2], &[0x80, 2], 1, 4, &[2]), None);
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
    let decided = decide_by_lengths(&mut none, Lengths::new(&[]), 4, 4, &[2]).unwrap();
    assert!(decided.is_none());
    let mut short = Pages(vec![dictionary(vec![0; 15])].into_iter());
    let decided = decide_by_lengths(&mut short, Lengths::new(&[]), 4, 4, &[2]).unwrap();
    assert!(decided.is_none());
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

struct Pages(std::vec::IntoIter<Page>);

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
            Ok(Decided::Rows(mask)) => assert_eq!((mask.len(), mask.count_set_bits()), (50, 0)),
            Ok(Decided::Otherwise) | Err(_) => refused += 1,
        }
    }
    assert!(refused > 0);
}
