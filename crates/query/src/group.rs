//! Reading one row group of a file: which rows may be seen, then those rows of the columns that are asked for.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit, TimestampNanosecondType};
use datafusion::common::Result;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection,
};
use datafusion::parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use datafusion::parquet::file::serialized_reader::SerializedPageReader;
use object_store::ObjectStore;
use object_store::path::Path;
use privet_telemetry_store::DataFile;
use privet_telemetry_store::{TYID, runs};

use crate::error::unreadable;
use crate::fetch::{Chunks, Place, ranges};
use crate::numbers::numbers;
use crate::people::People;
use crate::sieve::Sieve;
use crate::spans::Spans;

mod seen;

use seen::Seen;

/// The column that says whose a row is.
const ID: &str = "tyid";
/// What is read at the end of a file at once, in which small files' metadata lie whole.
const FOOTER_SIZE_BYTES: usize = 64 * 1024;
/// Up to so many people are looked for by pages; for more, whole columns are read.
const PEOPLE_BY_PAGES: usize = 64;
/// Numbers of larger groups than a store writes are decoded a few at a time.
const WHOLE_ROWS_MAX: usize = 1 << 20;
/// A file whose metadata are known.
#[derive(Debug)]
pub(crate) struct OpenFile {
    place: Place,
    metadata: ArrowReaderMetadata,
    tyid: usize,
    /// Where each group says how many rows each person has.
    runs: Option<Vec<Range<u64>>>,
}

/// Rows of a group that may be seen.
pub(crate) enum Rows {
    /// So many, of which no stored column is asked for.
    Counted(usize),
    /// Their columns, to be decoded.
    Read(Box<Sieve>),
    /// Their columns, decoded, of which some rows may have been handed on.
    Whole(RecordBatch),
}

impl OpenFile {
    /// Reads the metadata; with the indexes of pages where few people are looked for.
    pub(crate) async fn open(
        objects: &Arc<dyn ObjectStore>,
        file: &DataFile,
        people: &People,
    ) -> Result<Self> {
        let place = Place {
            objects: Arc::clone(objects),
            path: Path::parse(&file.path).map_err(unreadable)?,
            size_bytes: file.size_bytes,
        };
        let policy = match people {
            People::Only(ids) if ids.len() <= PEOPLE_BY_PAGES => PageIndexPolicy::Optional,
            _ => PageIndexPolicy::Skip,
        };
        // Of all that files say about their columns, only whose rows a group has is asked.
        let options = ParquetMetaDataOptions::new()
            .with_column_stats_policy(ParquetStatisticsPolicy::skip_except(&[TYID]))
            .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
        let metadata = ParquetMetaDataReader::new()
            .with_metadata_options(Some(options))
            .with_page_index_policy(policy)
            .with_prefetch_hint(Some(FOOTER_SIZE_BYTES))
            .load_and_finish(&place, file.size_bytes)
            .await
            .map_err(unreadable)?;
        let runs = runs::places(&metadata);
        let metadata = Arc::new(metadata);
        let metadata = ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new())
            .map_err(unreadable)?;
        let tyid = metadata.schema().index_of(ID).map_err(unreadable)?;
        Ok(Self {
            place,
            metadata,
            tyid,
            runs,
        })
    }

    pub(crate) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    pub(crate) fn schema(&self) -> &Schema {
        self.metadata.schema()
    }

    fn count(&self, group: usize) -> usize {
        let groups = self.metadata.metadata().row_groups();
        groups
            .get(group)
            .and_then(|group| usize::try_from(group.num_rows()).ok())
            .unwrap_or_default()
    }

    /// The rows of a group that may be seen, of columns that are given by their indexes in the schema. `None`: there are none.
    pub(crate) async fn rows(
        &self,
        group: usize,
        people: &People,
        columns: &[usize],
        batch_rows: usize,
    ) -> Result<Option<Rows>> {
        let (seen, chunks) = match people {
            People::Everybody => (Seen::All, None),
            People::Only(ids) => self.seen(group, ids, columns).await?,
        };
        let (selection, spans) = match seen {
            Seen::Nothing => return Ok(None),
            Seen::All => (None, None),
            Seen::Few(selection) => (Some(selection), None),
            Seen::Many(spans) => (None, Some(spans)),
        };
        if columns.is_empty() {
            let count = match (&selection, &spans) {
                (Some(selection), _) => selection.row_count(),
                (None, Some(spans)) => spans.count(),
                (None, None) => self.count(group),
            };
            return Ok(Some(Rows::Counted(count)));
        }
        let chunks = match chunks {
            Some(chunks) => chunks,
            None => self.fetch(group, columns, selection.as_ref()).await?,
        };
        if selection.is_none()
            && let Some(batch) = self.numbers(group, columns, spans.as_ref(), &chunks)?
        {
            return Ok(Some(Rows::Whole(batch)));
        }
        let reader = self.reader(group, columns, selection, chunks, batch_rows)?;
        Ok(Some(Rows::Read(Box::new(Sieve::new(reader, spans)))))
    }

    /// The pages of a column, which has no columns in it, as none of a store's has.
    fn pages_of(
        &self,
        group: usize,
        column: usize,
        chunks: &Chunks,
    ) -> Result<SerializedPageReader<Chunks>> {
        let groups = self.metadata.metadata().row_groups();
        let column = groups
            .get(group)
            .and_then(|group| group.columns().get(column));
        let column = column.ok_or_else(|| unreadable(()))?;
        let (chunks, rows) = (Arc::new(chunks.clone()), self.count(group));
        SerializedPageReader::new(chunks, column, rows, None).map_err(unreadable)
    }

    /// The columns, where all of them are of whole numbers and without gaps; of the rows given, or of all.
    fn numbers(
        &self,
        group: usize,
        columns: &[usize],
        seen: Option<&Spans>,
        chunks: &Chunks,
    ) -> Result<Option<RecordBatch>> {
        let rows = self.count(group);
        let is_number = |field: &Field| {
            matches!(
                field.data_type(),
                DataType::Int64 | DataType::Timestamp(TimeUnit::Nanosecond, _)
            )
        };
        let schema = self.schema().project(columns)?;
        if rows > WHOLE_ROWS_MAX || !schema.fields().iter().all(|field| is_number(field)) {
            return Ok(None);
        }
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
        for (column, field) in columns.iter().zip(schema.fields()) {
            let mut pages = self.pages_of(group, *column, chunks)?;
            let Some(numbers) = numbers(&mut pages, rows, seen).map_err(unreadable)? else {
                return Ok(None);
            };
            let numbers = Int64Array::new(numbers.into(), None);
            arrays.push(match field.data_type() {
                DataType::Timestamp(_, zone) => {
                    let times = numbers.reinterpret_cast::<TimestampNanosecondType>();
                    Arc::new(times.with_timezone_opt(zone.clone()))
                }
                _ => Arc::new(numbers),
            });
        }
        Ok(Some(RecordBatch::try_new(Arc::new(schema), arrays)?))
    }

    fn mask(&self, columns: &[usize]) -> ProjectionMask {
        ProjectionMask::roots(self.metadata.parquet_schema(), columns.iter().copied())
    }

    async fn fetch(
        &self,
        group: usize,
        columns: &[usize],
        selection: Option<&RowSelection>,
    ) -> Result<Chunks> {
        let metadata = self.metadata.metadata();
        let ranges = ranges(metadata, group, &self.mask(columns), selection);
        self.place.fetch(&ranges).await
    }

    fn reader(
        &self,
        group: usize,
        columns: &[usize],
        selection: Option<RowSelection>,
        chunks: Chunks,
        batch_rows: usize,
    ) -> Result<ParquetRecordBatchReader> {
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, self.metadata.clone())
                .with_row_groups(vec![group])
                .with_projection(self.mask(columns))
                .with_batch_size(batch_rows.max(1));
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        builder.build().map_err(unreadable)
    }
}
