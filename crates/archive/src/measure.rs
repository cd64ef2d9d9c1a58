//! The first reading of a collection: how much there is, of which types, and where its pages end. The page that says so is
//! written before the files, and the ZIP wants to know ahead which files are large. A short collection stays in memory, as most are.

use std::iter;

use crate::json_lines::Types;
use crate::shown::TEXT_BYTES_MAX;
use crate::{Collection, Error, Row, Value};

/// Rows that stand on the first page, of each collection.
const PREVIEW_ROWS_MAX: u64 = 20;
/// Rows of a further page.
const PAGE_ROWS_MAX: u64 = 500;
/// Text of the rows on a page, and of one collection on the first.
const PAGE_BYTES_MAX: usize = 512 << 10;
const PREVIEW_BYTES_MAX: usize = 64 << 10;
/// Text of all rows on the first page.
const INDEX_BYTES_MAX: usize = 1 << 20;
/// Further pages of a collection: nobody reads more, and the files have all.
const PAGES_MAX: usize = 100;
/// What is kept in memory of all collections together.
const KEPT_BYTES_MAX: usize = 1 << 20;
/// What a cell and a row need beside their text.
const CELL_BYTES: usize = 32;

/// What is known of a collection after the first reading.
pub(crate) struct Measure {
    pub(crate) rows: u64,
    /// Rows that stand on the first page.
    pub(crate) preview: u64,
    /// Rows of each further page; none if the first page has all.
    pub(crate) pages: Vec<u64>,
    /// Rows that are on none of the further pages.
    pub(crate) left_out: u64,
    /// For each field, what its values are in JSON.
    pub(crate) types: Vec<Types>,
    /// JSON Lines and CSV have at most so many bytes each.
    pub(crate) file_bytes_max: u64,
    /// The rows, if there are few; wiped in the end.
    pub(crate) kept: Option<Vec<Row>>,
}

/// Room that is left for all collections.
pub(crate) struct Room {
    /// On the first page.
    index: usize,
    /// In memory.
    kept: usize,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self {
            index: INDEX_BYTES_MAX,
            kept: KEPT_BYTES_MAX,
        }
    }
}

impl Measure {
    pub(crate) fn of(collection: &Collection<'_>, room: &mut Room) -> Result<Self, Error> {
        let heads = collection.fields.iter().map(|field| field.name.len());
        let head_bytes = heads.map(file_bytes).sum::<u64>();
        let mut measure = Self {
            rows: 0,
            preview: 0,
            pages: Vec::new(),
            left_out: 0,
            types: vec![Types::default(); collection.fields.len()],
            file_bytes_max: head_bytes,
            kept: None,
        };
        let mut kept = Some(Vec::new());
        let mut kept_bytes = 0;
        let preview_bytes = room.index.min(PREVIEW_BYTES_MAX);
        let (mut in_preview, mut on_page) = (0, 0);
        for row in collection.read()? {
            let row = row.map_err(|error| collection.unreadable(error))?;
            measure.note(collection, &row)?;
            measure.file_bytes_max += head_bytes;
            let shown = shown_bytes(&row);
            let is_next = measure.preview == measure.rows;
            if is_next && measure.preview < PREVIEW_ROWS_MAX && in_preview + shown <= preview_bytes
            {
                measure.preview += 1;
                in_preview += shown;
            }
            measure.put_on_page(shown, &mut on_page);
            measure.rows += 1;
            kept_bytes += row
                .values()
                .iter()
                .map(|value| len(value) + CELL_BYTES)
                .sum::<usize>();
            match &mut kept {
                Some(rows) if kept_bytes <= room.kept => rows.push(row),
                _ => kept = None,
            }
        }
        room.index -= in_preview;
        if kept.is_some() {
            room.kept -= kept_bytes;
        }
        measure.kept = kept;
        if measure.preview == measure.rows {
            measure.pages.clear();
            measure.left_out = 0;
        }
        Ok(measure)
    }

    fn note(&mut self, collection: &Collection<'_>, row: &Row) -> Result<(), Error> {
        if row.values().len() != collection.fields.len() {
            return Err(collection.misshapen("a row has another number of values than fields"));
        }
        let fields = collection.fields.iter().zip(&mut self.types);
        for (value, (field, types)) in iter::zip(row.values(), fields) {
            *types = types.with(Types::of_value(value, field.kind));
            self.file_bytes_max += file_bytes(len(value));
        }
        Ok(())
    }

    fn put_on_page(&mut self, shown: usize, on_page: &mut usize) {
        let has_room = self.pages.len() < PAGES_MAX && self.left_out == 0;
        match self.pages.last_mut() {
            Some(rows)
                if self.left_out == 0
                    && *rows < PAGE_ROWS_MAX
                    && *on_page + shown <= PAGE_BYTES_MAX =>
            {
                *rows += 1;
                *on_page += shown;
            }
            _ if has_room => {
                self.pages.push(1);
                *on_page = shown;
            }
            _ => self.left_out += 1,
        }
    }
}

/// What a value of so many bytes has at most in JSON or CSV: `\u0000` for each byte, quotes and separators.
fn file_bytes(len: usize) -> u64 {
    6 * len as u64 + 32
}

fn shown_bytes(row: &Row) -> usize {
    let cells = row
        .values()
        .iter()
        .map(|value| len(value).min(TEXT_BYTES_MAX) + CELL_BYTES);
    cells.sum()
}

fn len(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        // None is longer in digits.
        Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Real(_) => 24,
    }
}
