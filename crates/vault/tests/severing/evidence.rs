//! What an attacker has, read from the files alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use rusqlite::Connection;
use serde_json::Value;

/// Sixteen bytes of some id.
pub(crate) type Id = [u8; 16];

/// Whom the attacker takes a telemetry id to be: a puid or an oid.
pub(crate) type Claims = BTreeMap<Id, Id>;

/// A row of telemetry, of any table.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) tyid: Id,
    pub(crate) at_ms: i64,
    pub(crate) bits: u32,
    pub(crate) stamp: u32,
    /// Of table `consents`.
    pub(crate) is_consent: bool,
    pub(crate) is_final: bool,
    /// The hashed thing that it is about.
    pub(crate) object: Option<String>,
}

impl Record {
    /// As a line of the stream, with everything that is stored.
    pub(crate) fn line(&self) -> String {
        let table = if self.is_consent { "consents" } else { "logs" };
        let (time, received) = (self.at_ms * 1_000_000, self.at_ms);
        let tyid = hex(&self.tyid);
        let object = self
            .object
            .as_deref()
            .map_or("null".to_owned(), |id| format!("\"{id}\""));
        format!(
            r#"{{"table":"{table}","time":{time},"received":{received},"tyid":"{tyid}","consent":{},"stamp":{},"notice":"2026-11","purpose":null,"exportable":true,"final":{},"document.id":{object}}}"#,
            self.bits, self.stamp, self.is_final
        )
    }
}

/// A row of the consent ledger: where it lies, and everything in it.
pub(crate) struct Answer {
    pub(crate) place: Id,
    pub(crate) state: Vec<u8>,
    pub(crate) evidence: Option<Vec<u8>>,
}

/// A copy of the data store.
pub(crate) struct Copy {
    /// Accounts, with the key ids and everything else that stands in their rows, as bytes.
    pub(crate) values: Vec<(Id, Vec<u8>)>,
    /// Rows of the consent ledger in the order of the file.
    pub(crate) answers: Vec<Answer>,
    /// Every byte of the file.
    pub(crate) file: Vec<u8>,
}

impl Copy {
    pub(crate) fn read(path: &Path) -> Self {
        let file = Connection::open(path).unwrap();
        let mut select = file.prepare("SELECT puid, sealed FROM value").unwrap();
        let values = select
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        let values = values.map(Result::unwrap).collect();
        let columns = "SELECT group_concat(name) FROM pragma_table_info('consent_event')";
        let columns: String = file.query_row(columns, [], |row| row.get(0)).unwrap();
        assert_eq!(columns, "place,state,evidence", "all that a row says");
        let mut select = file
            .prepare("SELECT place, state, evidence FROM consent_event")
            .unwrap();
        let answers = select
            .query_map([], |row| {
                Ok(Answer {
                    place: row.get(0)?,
                    state: row.get(1)?,
                    evidence: row.get(2)?,
                })
            })
            .unwrap();
        let answers = answers.map(Result::unwrap).collect();
        Self {
            values,
            answers,
            file: std::fs::read(path).unwrap(),
        }
    }
}

/// An entry of the audit log, as everybody may read it.
pub(crate) struct LogEntry {
    pub(crate) kind: String,
    pub(crate) at_ms: i64,
    /// Every sixteen bytes that stand in it in hexadecimal, with hyphens or without.
    pub(crate) tokens: Vec<Id>,
}

impl LogEntry {
    pub(crate) fn read(entry: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(entry).unwrap();
        let at: jiff::Timestamp = value["ts"].as_str().unwrap().parse().unwrap();
        Self {
            kind: value["t"].as_str().unwrap().to_owned(),
            at_ms: at.as_millisecond(),
            tokens: tokens(&value),
        }
    }
}

fn tokens(value: &Value) -> Vec<Id> {
    match value {
        Value::String(text) => {
            let digits: String = text.chars().filter(|c| *c != '-').collect();
            unhex(&digits).into_iter().collect()
        }
        Value::Array(list) => list.iter().flat_map(tokens).collect(),
        Value::Object(map) => map.values().flat_map(tokens).collect(),
        _ => Vec::new(),
    }
}

/// What the attacker has.
pub(crate) struct Evidence {
    pub(crate) before: Copy,
    pub(crate) after: Copy,
    /// In the order in which it was written.
    pub(crate) stream: Vec<Record>,
    pub(crate) log: Vec<LogEntry>,
    /// Every byte of the log's file.
    pub(crate) log_file: Vec<u8>,
    /// Operational ids, as applications' databases have them.
    pub(crate) oids: Vec<Id>,
    /// What rows of the consent ledger were found to name, once it was looked for.
    pub(crate) named: OnceLock<Vec<(Id, Id)>>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<Id> {
    if digits.len() != 32 {
        return None;
    }
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}
