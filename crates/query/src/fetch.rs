//! The bytes of a row group's columns: which are needed, and handing those that were fetched to the reader of Parquet.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::RowSelection;
use datafusion::parquet::arrow::async_reader::MetadataFetch;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::parquet::file::reader::{ChunkReader, Length};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use object_store::ObjectStore;
use object_store::path::Path;

use crate::error::unreadable;

/// Where a file lies.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) path: Path,
    pub(crate) size_bytes: u64,
}

impl Place {
    /// Fetches parts of the file, all at once.
    pub(crate) async fn fetch(&self, ranges: &[Range<u64>]) -> Result<Chunks> {
        let fetched = self
            .objects
            .get_ranges(&self.path, ranges)
            .await
            .map_err(unreadable)?;
        let starts = ranges.iter().map(|range| range.start);
        Ok(Chunks {
            size_bytes: self.size_bytes,
            parts: Arc::new(starts.zip(fetched).collect()),
        })
    }
}

impl MetadataFetch for &Place {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move {
            let parts = self.objects.get_ranges(&self.path, &[range]).await;
            let parts = parts.map_err(|error| ParquetError::External(Box::new(error)))?;
            Ok(parts.into_iter().next().unwrap_or_default())
        }
        .boxed()
    }
}

/// The bytes to fetch of a group: whole columns, or, where the pages are known, those of the pages with rows to read.
pub(crate) fn ranges(
    metadata: &ParquetMetaData,
    group: usize,
    mask: &ProjectionMask,
    selection: Option<&RowSelection>,
) -> Vec<Range<u64>> {
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
        let (Some(selection), Some(pages)) = (selection, pages) else {
            ranges.push(whole);
            continue;
        };
        let pages = pages.page_locations();
        let first = pages
            .first()
            .and_then(|page| u64::try_from(page.offset).ok());
        let Some(first) = first else {
            ranges.push(whole);
            continue;
        };
        // What lies before the first page is the dictionary.
        if first > start {
            ranges.push(start..first);
        }
        ranges.extend(selection.scan_ranges(pages));
    }
    ranges
}

/// The parts of a file that were fetched, by where they begin.
#[derive(Clone)]
pub(crate) struct Chunks {
    size_bytes: u64,
    parts: Arc<BTreeMap<u64, Bytes>>,
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
