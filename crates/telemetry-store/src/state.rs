//! Which files count: what the log's entries add up to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::civil::Date;

use crate::commit::Entry;
use crate::{Attribute, Error, Table};

/// A file that counts, and what is known about it without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its table.
    pub table: Table,
    /// Its tenant.
    pub tenant: Arc<str>,
    /// The day on which its records were received, UTC.
    pub day: Date,
    /// Its path in the store.
    pub path: Arc<str>,
    /// How many rows.
    pub rows: u64,
    /// How many bytes.
    pub size_bytes: u64,
    /// The first and the last id of people, in the order of bytes; `None`: it is about nobody who is known.
    pub people: Option<([u8; 16], [u8; 16])>,
    /// Rows about nobody who is known; they come last.
    pub nobody: u64,
    /// The earliest and the latest event, in nanoseconds since 1970.
    pub times: (i64, i64),
    /// The attributes' columns, behind the table's own.
    pub attributes: Arc<[Attribute]>,
}

/// The state after one entry of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// The number of that entry; 0 before the first.
    pub(crate) version: u64,
    /// When it was written, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// By path.
    pub(crate) files: BTreeMap<Arc<str>, Arc<DataFile>>,
    /// Files that count no more and still lie there, with the time since when.
    pub(crate) removed: BTreeMap<Arc<str>, i64>,
    /// How far each writer has come.
    pub(crate) positions: HashMap<String, u64>,
}

impl State {
    /// The state after the next entry.
    pub(crate) fn apply(&mut self, entry: Entry) -> Result<(), Error> {
        let damaged = || Error::Damaged {
            name: format!("log entry {}", entry.version),
        };
        if entry.version != self.version + 1 {
            return Err(damaged());
        }
        for path in &entry.remove {
            if self.files.remove(path).is_none() {
                return Err(damaged());
            }
            self.removed.insert(Arc::clone(path), entry.at_ms);
        }
        for path in &entry.forget {
            self.removed.remove(path);
        }
        for file in entry.add {
            self.files.insert(Arc::clone(&file.path), Arc::new(file));
        }
        if let Some(position) = entry.position {
            self.positions.insert(position.writer, position.upto);
        }
        self.version = entry.version;
        self.at_ms = entry.at_ms;
        Ok(())
    }
}
