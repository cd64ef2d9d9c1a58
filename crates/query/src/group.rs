//! Reading one row group of a file: which rows may be seen, then those rows of the columns that are asked for.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, FixedSizeBinaryArray, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit, TimestampNanosecondType};
use datafusion::common::Result;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use datafusion::parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaDataReader,
};
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use datafusion::parquet::file::reader::ChunkReader;
use datafusion::parquet::file::serialized_reader::SerializedPageReader;
use object_store::ObjectStore;
use object_store::path::Path;
use privet_telemetry_store::DataFile;
use privet_telemetry_store::runs;

use crate::error::unreadable;
use crate::fetch::{Chunks, Place, ranges};
use crate::lengths::decide_by_lengths;
use crate::numbers::numbers;
use crate::people::{People, id, select, within};
use crate::runs::{Decided, decide};
use crate::sieve::Sieve;
use crate::spans::Spans;

/// The column that says whose a row is.
const TYID: &str = "tyid";
/// What is read at the end of a file at once, in which small files' metadata lie whole.
const FOOTER_SIZE_BYTES: usize = 64 * 1024;
/// Up to so many people are looked for by pages; for more, whole columns are read.
const PEOPLE_BY_PAGES: usize = 64;
/// Numbers of larger groups than a store writes are decoded a few at a time.
const WHOLE_ROWS_MAX: usize = 1 << 20;
/// Of so many rows one may be seen, or fewer: then the others are skipped.
const FEW: usize = 32;

/// A file whose metadata are known.
#[derive(Debug)]
pub(crate) struct OpenFile {
    place: Place,
    metadata: ArrowReaderMetadata,
    tyid: usize,
    /// Where each group says how many rows each person has.
    runs: Option<Vec<Range<u64>>>,
}

/// What of a row group may be seen.
enum Seen {
    Nothing,
    All,
    /// So few rows that others are better skipped than decoded.
    Few(RowSelection),
    /// These, among others that are decoded with them.
    Many(Spans),
}

/// Where a group says how many rows each person has.
struct Counted {
    lengths: Range<u64>,
    /// Whom they are about.
    dictionary: Range<u64>,
    /// Rows about nobody who is known.
    nobody: usize,
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
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(policy)
            .with_prefetch_hint(Some(FOOTER_SIZE_BYTES))
            .load_and_finish(&place, file.size_bytes)
            .await
            .map_err(unreadable)?;
        let runs = runs::places(&metadata);
        let metadata = Arc::new(metadata);
        let metadata = ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new())
            .map_err(unreadable)?;
        let tyid = metadata.schema().index_of(TYID).map_err(unreadable)?;
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

    /// The rows that are about one of these people, and the bytes of the columns if they were fetched with those of the ids.
    async fn seen(
        &self,
        group: usize,
        ids: &[u128],
        columns: &[usize],
    ) -> Result<(Seen, Option<Chunks>)> {
        let ids = match self.ends(group) {
            Some((first, last)) => within(ids, first, last),
            None => ids,
        };
        if ids.is_empty() {
            return Ok((Seen::Nothing, None));
        }
        if let Some(pages) = self.pages(group, ids) {
            return Ok((self.seen_in(group, ids, pages).await?, None));
        }
        // Where many people are looked for, some are found, and one way to the store fetches all.
        let (wanted, is_whole) = match ids.len() > PEOPLE_BY_PAGES {
            true => (columns, true),
            false => (&[][..], false),
        };
        if let Some(counted) = self.counted(group) {
            let mut ranges = ranges(self.metadata.metadata(), group, &self.mask(wanted), None);
            ranges.push(counted.lengths.clone());
            if !wanted.contains(&self.tyid) {
                ranges.push(counted.dictionary.clone());
            }
            let chunks = self.place.fetch(&ranges).await?;
            if let Some(spans) = self.decide_counted(group, ids, &counted, &chunks)? {
                return Ok((self.seen_by(group, spans), is_whole.then_some(chunks)));
            }
        }
        let wanted: Vec<_> = wanted.iter().copied().chain([self.tyid]).collect();
        let chunks = self.fetch(group, &wanted, None).await?;
        let seen = self.decide(group, ids, &chunks)?;
        Ok((seen, is_whole.then_some(chunks)))
    }

    /// Among the rows of some pages.
    async fn seen_in(&self, group: usize, ids: &[u128], pages: RowSelection) -> Result<Seen> {
        if !pages.selects_any() {
            return Ok(Seen::Nothing);
        }
        let chunks = self.fetch(group, &[self.tyid], Some(&pages)).await?;
        let found = self.compare(group, ids, Some(pages.clone()), chunks)?;
        Ok(self.seen_of(group, pages.and_then(&found)))
    }

    /// What takes part in deciding by the rows that each person has, where the group says so.
    fn counted(&self, group: usize) -> Option<Counted> {
        let lengths = self.runs.as_ref()?.get(group)?.clone();
        let column = self.ids(group)?;
        let dictionary = u64::try_from(column.dictionary_page_offset()?).ok()?
            ..u64::try_from(column.data_page_offset()).ok()?;
        let nobody = usize::try_from(column.statistics()?.null_count_opt()?).ok()?;
        let is_there = |part: &Range<u64>| !part.is_empty() && part.end <= self.place.size_bytes;
        (is_there(&lengths) && is_there(&dictionary)).then_some(Counted {
            lengths,
            dictionary,
            nobody,
        })
    }

    /// Among all rows, by how many each person has; `None`: that does not add up.
    fn decide_counted(
        &self,
        group: usize,
        ids: &[u128],
        counted: &Counted,
        chunks: &Chunks,
    ) -> Result<Option<Spans>> {
        let Range { start, end } = counted.lengths;
        let size_bytes = usize::try_from(end - start).map_err(unreadable)?;
        let lengths = chunks.get_bytes(start, size_bytes).map_err(unreadable)?;
        let rows = self.count(group);
        let mut pages = self.id_pages(group, chunks)?;
        let Some(lengths) = runs::lengths(&lengths) else {
            return Ok(None);
        };
        decide_by_lengths(&mut pages, &lengths, counted.nobody, rows, ids).map_err(unreadable)
    }

    /// Among all rows, by runs where the file is written so.
    fn decide(&self, group: usize, ids: &[u128], chunks: &Chunks) -> Result<Seen> {
        let rows = self.count(group);
        let column = self.ids(group).ok_or_else(|| unreadable(()))?;
        let levels = column.column_descr();
        if levels.max_rep_level() == 0 && levels.max_def_level() <= 1 {
            let mut pages = self.id_pages(group, chunks)?;
            let is_nullable = levels.max_def_level() == 1;
            let decided = decide(&mut pages, is_nullable, rows, ids).map_err(unreadable)?;
            if let Decided::Rows(spans) = decided {
                return Ok(self.seen_by(group, spans));
            }
        }
        let found = self.compare(group, ids, None, chunks.clone())?;
        Ok(self.seen_of(group, found))
    }

    /// The column chunk of ids.
    fn ids(&self, group: usize) -> Option<&ColumnChunkMetaData> {
        let group = self.metadata.metadata().row_groups().get(group)?;
        group.columns().get(self.tyid)
    }

    fn id_pages(&self, group: usize, chunks: &Chunks) -> Result<SerializedPageReader<Chunks>> {
        self.pages_of(group, self.tyid, chunks)
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

    /// Among the selected rows, id by id.
    fn compare(
        &self,
        group: usize,
        ids: &[u128],
        selection: Option<RowSelection>,
        chunks: Chunks,
    ) -> Result<RowSelection> {
        let rows = self.count(group);
        let reader = self.reader(group, &[self.tyid], selection, chunks, rows)?;
        let mut found = Vec::new();
        for batch in reader {
            let batch = batch?;
            let column = batch.column(0).as_any();
            let column = column.downcast_ref::<FixedSizeBinaryArray>();
            let selectors = column.and_then(|column| select(column, ids));
            found.extend(selectors.ok_or_else(|| unreadable(()))?);
        }
        Ok(RowSelection::from(found))
    }

    fn seen_by(&self, group: usize, spans: Spans) -> Seen {
        let rows = self.count(group);
        match spans.count() {
            count if count > rows / FEW && count < rows => Seen::Many(spans),
            _ => self.seen_of(group, spans.selection()),
        }
    }

    fn seen_of(&self, group: usize, found: RowSelection) -> Seen {
        match found.row_count() {
            0 => Seen::Nothing,
            count if count == self.count(group) => Seen::All,
            _ => Seen::Few(found),
        }
    }

    /// The first and the last person of a group, if its statistics say so.
    fn ends(&self, group: usize) -> Option<(u128, u128)> {
        let statistics = self.ids(group)?.statistics()?;
        Some((
            id(statistics.min_bytes_opt()?)?,
            id(statistics.max_bytes_opt()?)?,
        ))
    }

    /// The rows of pages that can be about one of these people, if there are indexes and few people.
    fn pages(&self, group: usize, ids: &[u128]) -> Option<RowSelection> {
        if ids.len() > PEOPLE_BY_PAGES {
            return None;
        }
        let metadata = self.metadata.metadata();
        let index = metadata.column_index()?.get(group)?.get(self.tyid)?;
        let ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(index) = index else {
            return None;
        };
        let pages = metadata.offset_index()?.get(group)?.get(self.tyid)?;
        let starts = pages
            .page_locations()
            .iter()
            .map(|page| usize::try_from(page.first_row_index).ok())
            .collect::<Option<Vec<_>>>()?;
        let ends = starts.iter().skip(1).copied().chain([self.count(group)]);
        let mut selectors = Vec::new();
        for (page, (start, end)) in starts.iter().zip(ends).enumerate() {
            let matches = if index.is_null_page(page) {
                false
            } else {
                match (
                    index.min_value(page).and_then(id),
                    index.max_value(page).and_then(id),
                ) {
                    (Some(first), Some(last)) => !within(ids, first, last).is_empty(),
                    _ => true,
                }
            };
            let rows = end.checked_sub(*start)?;
            selectors.push(if matches {
                RowSelector::select(rows)
            } else {
                RowSelector::skip(rows)
            });
        }
        Some(RowSelection::from(selectors))
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
