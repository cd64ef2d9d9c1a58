//! Which rows of a row group may be seen.

use std::ops::Range;

use datafusion::arrow::array::FixedSizeBinaryArray;
use datafusion::common::Result;
use datafusion::parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use datafusion::parquet::file::metadata::ColumnChunkMetaData;
use datafusion::parquet::file::page_index::column_index::ColumnIndexMetaData;
use datafusion::parquet::file::reader::ChunkReader;
use datafusion::parquet::file::serialized_reader::SerializedPageReader;
use privet_telemetry_store::runs;

use super::{OpenFile, PEOPLE_BY_PAGES};
use crate::error::unreadable;
use crate::fetch::{Chunks, ranges};
use crate::lengths::decide_by_lengths;
use crate::people::{id, select, within};
use crate::runs::{Decided, decide};
use crate::spans::Spans;

/// Of so many rows one may be seen, or fewer: then the others are skipped.
const FEW: usize = 32;

/// What of a row group may be seen.
pub(super) enum Seen {
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

impl OpenFile {
    /// The rows that are about one of these people, and the bytes of the columns if they were fetched with those of the ids.
    pub(super) async fn seen(
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
}
