//! Reading one row group of a file: which rows may be seen, then those rows of the columns that are asked for.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{Array, FixedSizeBinaryArray};
use datafusion::arrow::datatypes::Schema;
use datafusion::common::Result;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use datafusion::parquet::arrow::async_reader::MetadataFetch;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use datafusion::parquet::file::reader::{ChunkReader, Length};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use privet_telemetry_store::DataFile;

use crate::error::unreadable;
use crate::people::{id, select, within};

/// The column that says whose a row is.
const TYID: &str = "tyid";
/// What is read at the end of a file at once, in which small files' metadata lie whole.
const FOOTER_SIZE_BYTES: usize = 64 * 1024;
/// Up to so many people are looked for by pages; for more, whole columns are read.
const PEOPLE_BY_PAGES: usize = 64;

/// A file whose metadata are known.
#[derive(Debug)]
pub(crate) struct OpenFile {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    size_bytes: u64,
    metadata: ArrowReaderMetadata,
    tyid: usize,
}

/// What of a row group may be seen.
pub(crate) enum Seen {
    Nothing,
    All,
    Some(RowSelection),
}

struct Fetch<'a> {
    objects: &'a Arc<dyn ObjectStore>,
    path: &'a Path,
}

impl MetadataFetch for Fetch<'_> {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move {
            let bytes = self.objects.get_range(self.path, range).await;
            bytes.map_err(|error| ParquetError::External(Box::new(error)))
        }
        .boxed()
    }
}

impl OpenFile {
    /// Reads the metadata; with the indexes of pages where few people are looked for.
    pub(crate) async fn open(
        objects: &Arc<dyn ObjectStore>,
        file: &DataFile,
        people: Option<usize>,
    ) -> Result<Self> {
        let path = Path::parse(&file.path).map_err(unreadable)?;
        let by_pages = people.is_some_and(|people| people <= PEOPLE_BY_PAGES);
        let policy = if by_pages {
            PageIndexPolicy::Optional
        } else {
            PageIndexPolicy::Skip
        };
        let fetch = Fetch {
            objects,
            path: &path,
        };
        let metadata = ParquetMetaDataReader::new()
            .with_page_index_policy(policy)
            .with_prefetch_hint(Some(FOOTER_SIZE_BYTES))
            .load_and_finish(fetch, file.size_bytes)
            .await
            .map_err(unreadable)?;
        let metadata = Arc::new(metadata);
        let metadata = ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new())
            .map_err(unreadable)?;
        let tyid = metadata.schema().index_of(TYID).map_err(unreadable)?;
        Ok(Self {
            objects: Arc::clone(objects),
            path,
            size_bytes: file.size_bytes,
            metadata,
            tyid,
        })
    }

    pub(crate) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    pub(crate) fn rows(&self, group: usize) -> usize {
        let groups = self.metadata.metadata().row_groups();
        groups
            .get(group)
            .and_then(|group| usize::try_from(group.num_rows()).ok())
            .unwrap_or_default()
    }

    pub(crate) fn schema(&self) -> &Schema {
        self.metadata.schema()
    }

    /// The rows of a group that are about one of these people.
    pub(crate) async fn seen(&self, group: usize, ids: &[u128]) -> Result<Seen> {
        let ids = match self.ends(group) {
            Some((first, last)) => within(ids, first, last),
            None => ids,
        };
        if ids.is_empty() {
            return Ok(Seen::Nothing);
        }
        let pages = self.pages(group, ids);
        if pages.as_ref().is_some_and(|pages| !pages.selects_any()) {
            return Ok(Seen::Nothing);
        }
        let rows = self.rows(group);
        let mut reader = self.read(group, &[self.tyid], pages.clone(), rows).await?;
        let mut found = Vec::new();
        for batch in &mut reader {
            let batch = batch?;
            let column = batch.column(0).as_any();
            let column = column.downcast_ref::<FixedSizeBinaryArray>();
            let selectors = column.and_then(|column| select(column, ids));
            found.extend(selectors.ok_or_else(|| unreadable(()))?);
        }
        let found = RowSelection::from(found);
        let found = match pages {
            Some(pages) => pages.and_then(&found),
            None => found,
        };
        Ok(match found.row_count() {
            0 => Seen::Nothing,
            count if count == rows => Seen::All,
            _ => Seen::Some(found),
        })
    }

    /// The first and the last person of a group, if its statistics say so.
    fn ends(&self, group: usize) -> Option<(u128, u128)> {
        let group = self.metadata.metadata().row_groups().get(group)?;
        let statistics = group.columns().get(self.tyid)?.statistics()?;
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
        let ends = starts.iter().skip(1).copied().chain([self.rows(group)]);
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

    /// The rows of a group's columns, given by their indexes in the schema, in ascending order.
    pub(crate) async fn columns(
        &self,
        group: usize,
        columns: &[usize],
        seen: Seen,
        batch_rows: usize,
    ) -> Result<Option<ParquetRecordBatchReader>> {
        let selection = match seen {
            Seen::Nothing => return Ok(None),
            Seen::All => None,
            Seen::Some(selection) => Some(selection),
        };
        self.read(group, columns, selection, batch_rows)
            .await
            .map(Some)
    }

    async fn read(
        &self,
        group: usize,
        columns: &[usize],
        selection: Option<RowSelection>,
        batch_rows: usize,
    ) -> Result<ParquetRecordBatchReader> {
        let metadata = &self.metadata;
        let mask = ProjectionMask::roots(metadata.parquet_schema(), columns.iter().copied());
        let ranges = self.ranges(group, &mask, selection.as_ref());
        let fetched = self
            .objects
            .get_ranges(&self.path, &ranges)
            .await
            .map_err(unreadable)?;
        let chunks = Chunks {
            size_bytes: self.size_bytes,
            parts: ranges
                .iter()
                .map(|range| range.start)
                .zip(fetched)
                .collect(),
        };
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata.clone())
                .with_row_groups(vec![group])
                .with_projection(mask)
                .with_batch_size(batch_rows.max(1));
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        builder.build().map_err(unreadable)
    }

    /// The bytes to fetch: whole columns, or, where the pages are known, those of the pages with rows to read.
    fn ranges(
        &self,
        group: usize,
        mask: &ProjectionMask,
        selection: Option<&RowSelection>,
    ) -> Vec<Range<u64>> {
        let metadata = self.metadata.metadata();
        let offsets = metadata.offset_index().and_then(|index| index.get(group));
        let Some(group) = metadata.row_groups().get(group) else {
            return Vec::new();
        };
        let mut ranges = Vec::new();
        for (leaf, column) in group.columns().iter().enumerate() {
            if !mask.leaf_included(leaf) {
                continue;
            }
            let (start, size_bytes) = column.byte_range();
            let whole = start..start + size_bytes;
            let pages = offsets.and_then(|offsets| offsets.get(leaf));
            match (selection, pages) {
                (Some(selection), Some(pages)) => {
                    let pages = pages.page_locations();
                    let first = pages
                        .first()
                        .and_then(|page| u64::try_from(page.offset).ok());
                    match first {
                        // What lies before the first page is the dictionary.
                        Some(first) if first > start => ranges.push(start..first),
                        Some(_) => {}
                        None => {
                            ranges.push(whole);
                            continue;
                        }
                    }
                    ranges.extend(selection.scan_ranges(pages));
                }
                _ => ranges.push(whole),
            }
        }
        ranges
    }
}

/// The parts of a file that were fetched, by where they begin.
struct Chunks {
    size_bytes: u64,
    parts: BTreeMap<u64, Bytes>,
}

impl Chunks {
    fn from(&self, start: u64) -> Result<Bytes, ParquetError> {
        let missing = || ParquetError::General("a part of the file was not fetched".into());
        let (at, part) = self.parts.range(..=start).next_back().ok_or_else(missing)?;
        let skip = usize::try_from(start - at).map_err(|_| missing())?;
        if skip > part.len() {
            return Err(missing());
        }
        Ok(part.slice(skip..))
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.size_bytes
    }
}

impl ChunkReader for Chunks {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(Box::new(Cursor::new(self.from(start)?)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let part = self.from(start)?;
        if length > part.len() {
            return Err(ParquetError::General(
                "a part of the file was not fetched".into(),
            ));
        }
        Ok(part.slice(..length))
    }
}
