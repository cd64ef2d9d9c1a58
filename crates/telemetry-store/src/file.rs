//! How rows become a Parquet file, and what the file is called.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_schema::{DataType, Schema, SchemaRef};
use bytes::Bytes;
use jiff::civil::Date;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use uuid::Uuid;

use crate::runs::Runs;
use crate::table::{TIME, TYID};
use crate::{Error, Table};

/// Rows of a row group: small enough that one person's rows are found within a few hundred kilobytes, large enough that
/// what each group costs does not count.
const GROUP_ROWS_MAX: usize = 128 * 1024;
/// Rows of a page, by which the page index finds one person's rows.
const PAGE_ROWS_MAX: usize = 8 * 1024;
/// Dictionaries up to here are kept: one id for every row of a group at most.
const DICTIONARY_SIZE_BYTES_MAX: usize = GROUP_ROWS_MAX * 16;
/// Dictionaries of numbers up to here: a few thousand values. Of more, differences are smaller, and faster to read than a
/// dictionary that is no smaller than the numbers themselves.
const DICTIONARY_OF_NUMBERS_SIZE_BYTES_MAX: usize = 16 * 1024;

/// Where a new file of a table, tenant and day goes.
pub(crate) fn path(table: Table, tenant: &str, day: Date, id: Uuid) -> Path {
    Path::from_iter([
        table.name().to_owned(),
        format!("tenant={tenant}"),
        format!("day={day}"),
        format!("{id}.parquet"),
    ])
}

/// The file, whole.
pub(crate) fn encode(rows: &RecordBatch) -> Result<Bytes, Error> {
    let mut writer = Writer::new(&rows.schema())?;
    writer.write(rows)?;
    writer.finish()
}

/// A file that is being written.
pub(crate) struct Writer {
    parquet: ArrowWriter<Vec<u8>>,
    runs: Runs,
}

impl Writer {
    pub(crate) fn new(schema: &SchemaRef) -> Result<Self, Error> {
        let properties = properties(schema);
        Ok(Self {
            parquet: ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties))?,
            runs: Runs::new(GROUP_ROWS_MAX),
        })
    }

    /// Adds rows, which are sorted.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        if let Some(ids) = rows.columns().get(TYID) {
            self.runs.push(ids.as_fixed_size_binary());
        }
        Ok(self.parquet.write(rows)?)
    }

    /// The file, whole.
    pub(crate) fn finish(mut self) -> Result<Bytes, Error> {
        self.parquet.flush()?;
        if let Some((lengths, places)) = self.runs.finish(self.parquet.bytes_written()) {
            let written = self.parquet.write_all(&lengths);
            written.map_err(|error| ParquetError::External(error.into()))?;
            self.parquet.append_key_value_metadata(places);
        }
        Ok(self.parquet.into_inner()?.into())
    }
}

/// What each column's values are like decides how they are written.
fn properties(schema: &Schema) -> WriterProperties {
    let column = |name: &str| ColumnPath::new(vec![name.to_owned()]);
    let sorted = |index: usize| SortingColumn {
        column_idx: i32::try_from(index).unwrap_or_default(),
        descending: false,
        nulls_first: false,
    };
    let mut properties = WriterProperties::builder()
        // The second version has dictionaries of ids, and differences of numbers.
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
        .set_data_page_row_count_limit(PAGE_ROWS_MAX)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(concat!("privet ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_sorting_columns(Some(vec![sorted(TYID), sorted(TIME)]));
    for field in schema.fields() {
        let path = column(field.name());
        match (field.name().as_str(), field.data_type()) {
            // Sorted by person, the dictionary's indexes are long runs, which decide for many rows at once. Groups and pages say
            // from whom to whom they go; in sorted files that leads to somebody's rows as a Bloom filter could not.
            ("tyid", _) => {
                properties = properties
                    .set_column_compression(path.clone(), Compression::UNCOMPRESSED)
                    .set_column_encoding(path.clone(), Encoding::PLAIN)
                    .set_column_dictionary_page_size_limit(path.clone(), DICTIONARY_SIZE_BYTES_MAX)
                    .set_column_statistics_enabled(path, EnabledStatistics::Page);
            }
            // Random bytes.
            (_, DataType::FixedSizeBinary(_)) => {
                properties = properties
                    .set_column_compression(path.clone(), Compression::UNCOMPRESSED)
                    .set_column_encoding(path.clone(), Encoding::PLAIN)
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_statistics_enabled(path, EnabledStatistics::None);
            }
            // No two alike.
            (name, DataType::Timestamp(..)) => {
                properties = properties
                    .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
                    .set_column_dictionary_enabled(path.clone(), false);
                if name == "time" {
                    properties =
                        properties.set_column_statistics_enabled(path, EnabledStatistics::Page);
                }
            }
            (_, of) if of.is_integer() => {
                // Differences of large numbers, which are mostly measured, are as random as their lowest digits: compression
                // finds little in them, and takes longer to undo than the differences do.
                if matches!(of, DataType::Int64 | DataType::UInt64) {
                    properties =
                        properties.set_column_compression(path.clone(), Compression::UNCOMPRESSED);
                }
                properties = properties
                    .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
                    .set_column_dictionary_page_size_limit(
                        path,
                        DICTIONARY_OF_NUMBERS_SIZE_BYTES_MAX,
                    );
            }
            (_, DataType::Float64) => {
                properties = properties.set_column_dictionary_page_size_limit(
                    path,
                    DICTIONARY_OF_NUMBERS_SIZE_BYTES_MAX,
                );
            }
            // Every reader reads plain texts.
            (_, DataType::Utf8) => {
                properties = properties.set_column_encoding(path, Encoding::PLAIN);
            }
            _ => {}
        }
    }
    properties.build()
}
