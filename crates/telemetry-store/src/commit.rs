//! Entries of the log and checkpoints, as JSON (`docs/formats/telemetry-store.md`).

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::state::{DataFile, State};
use crate::store::Position;
use crate::{Attribute, Error, Table};

/// The format that is written.
pub(crate) const FORMAT: u32 = 1;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) version: u64,
    /// By which its writer knows it again.
    pub(crate) id: Uuid,
    pub(crate) at_ms: i64,
    pub(crate) add: Vec<DataFile>,
    pub(crate) remove: Vec<Arc<str>>,
    pub(crate) forget: Vec<Arc<str>>,
    pub(crate) position: Option<Position>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct EntryText {
    format: u32,
    version: u64,
    id: Uuid,
    at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    columns: Vec<Arc<[Attribute]>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    add: Vec<FileText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remove: Vec<Arc<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    forget: Vec<Arc<str>>,
}

#[derive(Serialize, Deserialize)]
struct CheckpointText {
    format: u32,
    version: u64,
    at_ms: i64,
    positions: std::collections::BTreeMap<String, u64>,
    columns: Vec<Arc<[Attribute]>>,
    files: Vec<FileText>,
    removed: std::collections::BTreeMap<Arc<str>, i64>,
}

#[derive(Serialize, Deserialize)]
struct FileText {
    table: Table,
    tenant: Arc<str>,
    day: Date,
    path: Arc<str>,
    rows: u64,
    size_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    people: Option<(Uuid, Uuid)>,
    nobody: u64,
    times: (i64, i64),
    /// The number of the list of columns.
    columns: usize,
}

/// Lists of columns, each written once.
#[derive(Default)]
struct Columns {
    lists: Vec<Arc<[Attribute]>>,
    numbers: HashMap<Arc<[Attribute]>, usize>,
}

impl Columns {
    fn number(&mut self, list: &Arc<[Attribute]>) -> usize {
        let next = self.lists.len();
        let number = *self.numbers.entry(Arc::clone(list)).or_insert(next);
        if number == next {
            self.lists.push(Arc::clone(list));
        }
        number
    }

    fn write(&mut self, file: &DataFile) -> FileText {
        FileText {
            table: file.table,
            tenant: Arc::clone(&file.tenant),
            day: file.day,
            path: Arc::clone(&file.path),
            rows: file.rows,
            size_bytes: file.size_bytes,
            people: file
                .people
                .map(|(first, last)| (Uuid::from_bytes(first), Uuid::from_bytes(last))),
            nobody: file.nobody,
            times: file.times,
            columns: self.number(&file.attributes),
        }
    }
}

/// `None`: it names a list that there is not.
fn read(file: FileText, lists: &[Arc<[Attribute]>]) -> Option<DataFile> {
    Some(DataFile {
        attributes: Arc::clone(lists.get(file.columns)?),
        table: file.table,
        tenant: file.tenant,
        day: file.day,
        path: file.path,
        rows: file.rows,
        size_bytes: file.size_bytes,
        people: file
            .people
            .map(|(first, last)| (first.into_bytes(), last.into_bytes())),
        nobody: file.nobody,
        times: file.times,
    })
}

fn parse<T: for<'a> Deserialize<'a>>(bytes: &[u8], name: &str) -> Result<T, Error> {
    let damaged = |_| Error::Damaged {
        name: name.to_owned(),
    };
    let header: Header = serde_json::from_slice(bytes).map_err(damaged)?;
    if header.format != FORMAT {
        return Err(Error::Format {
            found: header.format,
            known: FORMAT,
        });
    }
    serde_json::from_slice(bytes).map_err(damaged)
}

fn print<T: Serialize>(text: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(text).map_err(|_| Error::Damaged {
        name: "a new log entry".into(),
    })
}

impl Entry {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut columns = Columns::default();
        let add = self.add.iter().map(|file| columns.write(file)).collect();
        print(&EntryText {
            format: FORMAT,
            version: self.version,
            id: self.id,
            at_ms: self.at_ms,
            position: self.position.clone(),
            columns: columns.lists,
            add,
            remove: self.remove.clone(),
            forget: self.forget.clone(),
        })
    }

    pub(crate) fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, Error> {
        let text: EntryText = parse(bytes, name)?;
        let add: Option<Vec<_>> = text
            .add
            .into_iter()
            .map(|file| read(file, &text.columns))
            .collect();
        Ok(Self {
            version: text.version,
            id: text.id,
            at_ms: text.at_ms,
            add: add.ok_or_else(|| Error::Damaged {
                name: name.to_owned(),
            })?,
            remove: text.remove,
            forget: text.forget,
            position: text.position,
        })
    }
}

impl State {
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut columns = Columns::default();
        let files = self
            .files
            .values()
            .map(|file| columns.write(file))
            .collect();
        print(&CheckpointText {
            format: FORMAT,
            version: self.version,
            at_ms: self.at_ms,
            positions: self.positions.clone().into_iter().collect(),
            columns: columns.lists,
            files,
            removed: self.removed.clone(),
        })
    }

    pub(crate) fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, Error> {
        let text: CheckpointText = parse(bytes, name)?;
        let mut files = std::collections::BTreeMap::new();
        for file in text.files {
            let file = read(file, &text.columns).ok_or_else(|| Error::Damaged {
                name: name.to_owned(),
            })?;
            files.insert(Arc::clone(&file.path), Arc::new(file));
        }
        Ok(Self {
            version: text.version,
            at_ms: text.at_ms,
            files,
            removed: text.removed,
            positions: text.positions.into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        let text = include_str!("../../../docs/formats/vectors/telemetry-store.json");
        serde_json::from_str(text).unwrap()
    }

    fn entry(text: &Value) -> Result<Entry, Error> {
        Entry::from_bytes(text.to_string().as_bytes(), "vector")
    }

    /// The vectors are read and written as they stand, and add up to the checkpoint.
    #[test]
    fn vectors_hold() {
        let vectors = vectors();
        let mut state = State::default();
        for text in vectors["entries"].as_array().unwrap() {
            let entry = entry(text).unwrap();
            let written: Value = serde_json::from_slice(&entry.to_bytes().unwrap()).unwrap();
            assert_eq!(&written, text);
            state.apply(entry).unwrap();
        }
        let text = &vectors["checkpoint"];
        let written: Value = serde_json::from_slice(&state.to_bytes().unwrap()).unwrap();
        assert_eq!(&written, text);
        assert_eq!(
            State::from_bytes(text.to_string().as_bytes(), "vector").unwrap(),
            state
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for case in vectors()["refused"].as_array().unwrap() {
            let applied = entry(&case["entry"]).and_then(|entry| State::default().apply(entry));
            assert!(applied.is_err(), "{}", case["why"]);
        }
    }
}
