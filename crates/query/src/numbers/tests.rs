//! Numbers beside those that the reader of Parquet finds, and pages that are none.

use super::*;
use std::sync::Arc;

use bytes::Bytes as File;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::{WriterProperties, WriterVersion};
use datafusion::parquet::file::serialized_reader::SerializedPageReader;
use datafusion::parquet::schema::types::ColumnPath;

use crate::testing::{Pages, Random};

/// How a column is written.
#[derive(Debug, Clone, Copy)]
enum Form {
    Differences,
    Plain,
    /// As a dictionary, and as differences when that is full.
    Dictionary,
}

fn file(column: &[Option<i64>], form: Form, compression: Compression) -> File {
    let array: Int64Array = column.iter().copied().collect();
    let batch =
        RecordBatch::try_from_iter_with_nullable([("number", Arc::new(array) as ArrayRef, true)]);
    let path = ColumnPath::new(vec!["number".into()]);
    let encoding = match form {
        Form::Plain => Encoding::PLAIN,
        Form::Differences | Form::Dictionary => Encoding::DELTA_BINARY_PACKED,
    };
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_column_encoding(path.clone(), encoding)
        .set_column_dictionary_enabled(path.clone(), matches!(form, Form::Dictionary))
        .set_column_dictionary_page_size_limit(path, 1_024)
        .set_compression(compression)
        .set_data_page_row_count_limit(700)
        .set_write_batch_size(100)
        .build();
    let batch = batch.unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap().into()
}

fn read(file: File, seen: Option<&Spans>) -> Option<Vec<i64>> {
    let metadata = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
    let group = metadata.metadata().row_group(0);
    let rows = usize::try_from(group.num_rows()).unwrap();
    let pages = SerializedPageReader::new(Arc::new(file), group.column(0), rows, None);
    numbers(&mut pages.unwrap(), rows, seen).unwrap()
}

/// Numbers of every width, in every layout, also where they overflow, of all rows and of some.
#[test]
fn numbers_are_those_that_were_written() {
    let mut random = Random(77);
    let forms = [Form::Differences, Form::Plain, Form::Dictionary];
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for round in 0..240_usize {
        let rows = 1 + random.below(4_000) as usize;
        let bits = random.below(56);
        let mut column: Vec<i64> = (0..rows)
            .map(|_| (random.below(1 << 31) << 31 | random.below(1 << 31)) >> (62 - bits.max(1)))
            .map(u64::cast_signed)
            .collect();
        if round.is_multiple_of(5) {
            column.iter_mut().for_each(|number| *number = -*number);
        }
        let seen = BooleanBuffer::from_iter((0..rows).map(|row| row / (1 + round % 7) % 2 == 0));
        let expected = column.iter().zip(&seen).filter(|(_, seen)| *seen);
        let expected: Vec<_> = expected.map(|(number, _)| *number).collect();
        let spans = Spans::of_bits(&seen);
        let some: Vec<_> = column.iter().copied().map(Some).collect();
        let compression = [Compression::UNCOMPRESSED, zstd][round % 2];
        let file = file(&some, forms[round % 3], compression);
        assert_eq!(read(file.clone(), None), Some(column), "round {round}");
        assert_eq!(read(file, Some(&spans)), Some(expected), "round {round}");
    }
}

/// Differences that do not fit into 57 bits, and rows without a number, are for the reader of Parquet.
#[test]
fn what_is_written_in_another_way_is_left_to_others() {
    let wide = [i64::MAX, i64::MIN, 0, 1, i64::MAX].map(Some);
    let none = Compression::UNCOMPRESSED;
    assert_eq!(read(file(&wide, Form::Differences, none), None), None);
    let expected = wide.iter().copied().collect::<Option<Vec<_>>>();
    assert_eq!(read(file(&wide, Form::Plain, none), None), expected);
    let some = [Some(1), None, Some(2)];
    for form in [Form::Differences, Form::Plain, Form::Dictionary] {
        assert_eq!(read(file(&some, form, none), None), None);
    }
}

/// The format's own examples: 1 to 5, and 7, 5, 3, 1, 2, 3, 4, 5.
#[test]
fn differences_are_as_the_format_says() {
    // Blocks of 128 in four parts; five numbers, the first is 1; the smallest difference is 1, and nothing is above it.
    let mut out = Vec::new();
    let numbers = differences(&[0x80, 1, 4, 5, 2, 2, 0, 0, 0, 0], 5, &mut out);
    assert_eq!(numbers.unwrap(), [1, 2, 3, 4, 5]);
    // Eight numbers, the first is 7; the smallest difference is -2, above it are 0, 0, 0, 3, 3, 3, 3 in two bits each.
    let mut bytes = vec![0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0b1100_0000, 0b0011_1111];
    bytes.resize(10 + 8, 0);
    // In memory that held other numbers.
    let numbers = differences(&bytes, 8, &mut out);
    assert_eq!(numbers.unwrap(), [7, 5, 3, 1, 2, 3, 4, 5]);
}

/// Whatever bytes are said to be a page, there are as many numbers as rows, or none.
#[test]
fn damaged_pages_are_left_to_others() {
    let mut random = Random(9);
    let mut refused = 0;
    for _ in 0..20_000 {
        let mut bytes: Vec<u8> = (0..random.below(60))
            .map(|_| random.below(256) as u8)
            .collect();
        let encoding = [
            Encoding::DELTA_BINARY_PACKED,
            Encoding::PLAIN,
            Encoding::RLE_DICTIONARY,
            Encoding::DELTA_BYTE_ARRAY,
        ][random.below(4) as usize];
        if random.below(2) == 0 {
            // Blocks that can be, of 5 numbers.
            bytes.splice(0..0, [0x80, 1, 4, 5, 2]);
        }
        let rows = 5;
        let page = Page::DataPageV2 {
            buf: bytes.into(),
            num_values: rows,
            encoding,
            num_nulls: 0,
            num_rows: rows,
            def_levels_byte_len: random.below(3) as u32,
            rep_levels_byte_len: 0,
            is_compressed: false,
            statistics: None,
        };
        let mut pages = Pages(vec![page].into_iter());
        match numbers(&mut pages, 5, None).unwrap() {
            Some(found) => assert_eq!(found.len(), 5),
            None => refused += 1,
        }
    }
    assert!(refused > 1_000);
}
