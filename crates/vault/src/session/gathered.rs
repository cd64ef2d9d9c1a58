//! What a session has still to write of its statements: JSON text as side records will hold it, made as the statements
//! pass, so that whatever writes them later copies and seals it, and nothing more.

use std::borrow::Cow;

use aws_lc_rs::digest;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::vault::hex;
use crate::{Error, Result};

/// How many statements may gather. At an eighth of them writing begins before the interval is over; at all of them the
/// client waits.
const STATEMENTS_MAX: usize = 8_000;
/// The same in bytes of text.
const BYTES_MAX: usize = 4 << 20;
/// How many statements one entry names, and about how many bytes: who reads a session takes whole entries.
const ENTRY_STATEMENTS_MAX: usize = 500;
const ENTRY_BYTES_MAX: usize = 256 * 1024;
/// A longer statement is recorded by its first and last bytes and its SHA-256.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// The same for each parameter.
const PARAMETER_BYTES_MAX: usize = 4 * 1024;
/// What all parameters of a statement may take; of the rest only lengths and hashes are recorded.
const PARAMETERS_BYTES_MAX: usize = 64 * 1024;

/// A statement as the client sent it, after markers were replaced.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// The text.
    pub sql: &'a str,
    /// Its parameters as text.
    pub parameters: &'a [Option<String>],
}

/// What the connections of a session have still to write.
#[derive(Default)]
pub(crate) struct Gathered {
    entries: Vec<Entry>,
    statements: usize,
    bytes: usize,
    scheduled: Schedule,
}

/// When what has gathered will be written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Schedule {
    /// Nobody has been asked to.
    #[default]
    Nothing,
    /// When the interval is over.
    Later,
    /// As soon as what came before is.
    Now,
}

/// When somebody has to be asked to write what has gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// When the interval is over.
    Later,
    /// As soon as what came before is.
    Now,
}

impl Gathered {
    pub(crate) fn has_room(&self) -> bool {
        self.statements < STATEMENTS_MAX && self.bytes < BYTES_MAX
    }

    /// Adds a statement of the session's connection of this number; answers when to write it, if nobody was asked yet.
    pub(crate) fn add(
        &mut self,
        statement: &Statement<'_>,
        connection: u32,
        at: Timestamp,
    ) -> Result<Option<Due>> {
        if !self.entries.last().is_some_and(Entry::has_room) {
            self.entries.push(Entry::default());
        }
        if let Some(entry) = self.entries.last_mut() {
            self.bytes += entry.add(statement, connection, at)?;
            self.statements += 1;
        }
        let much = self.statements >= STATEMENTS_MAX / 8 || self.bytes >= BYTES_MAX / 8;
        let (due, scheduled) = match (self.scheduled, much) {
            (Schedule::Nothing, false) => (Due::Later, Schedule::Later),
            (Schedule::Nothing | Schedule::Later, true) => (Due::Now, Schedule::Now),
            _ => return Ok(None),
        };
        self.scheduled = scheduled;
        Ok(Some(due))
    }

    /// Takes what has gathered, one after the other what each entry names.
    pub(crate) fn take(&mut self) -> Vec<Entry> {
        std::mem::take(self).entries
    }
}

/// The statements that one entry names.
#[derive(Default)]
pub(crate) struct Entry {
    /// A JSON array without its end.
    json: Vec<u8>,
    statements: usize,
}

impl Entry {
    /// All of these, however many.
    pub(crate) fn of(statements: &[Statement<'_>], connection: u32, at: Timestamp) -> Result<Self> {
        let mut entry = Self::default();
        for statement in statements {
            entry.add(statement, connection, at)?;
        }
        Ok(entry)
    }

    fn has_room(&self) -> bool {
        self.statements < ENTRY_STATEMENTS_MAX && self.json.len() < ENTRY_BYTES_MAX
    }

    /// Answers how many bytes longer it is.
    fn add(&mut self, statement: &Statement<'_>, connection: u32, at: Timestamp) -> Result<usize> {
        let before = self.json.len();
        self.json
            .push(if self.statements == 0 { b'[' } else { b',' });
        let described = Described::of(statement, connection, at);
        if serde_json::to_writer(&mut self.json, &described).is_err() {
            self.json.truncate(before);
            return Err(NO_JSON);
        }
        self.statements += 1;
        Ok(self.json.len() - before)
    }

    pub(crate) fn statements(&self) -> u64 {
        u64::try_from(self.statements).unwrap_or(u64::MAX)
    }

    /// The statements as a JSON array.
    pub(crate) fn into_json(mut self) -> Result<Box<RawValue>> {
        if self.statements == 0 {
            self.json.push(b'[');
        }
        self.json.push(b']');
        let json = String::from_utf8(self.json).map_err(|_| NO_JSON)?;
        RawValue::from_string(json).map_err(|_| NO_JSON)
    }
}

const NO_JSON: Error = Error::Internal("a statement cannot be JSON");

/// A statement as the record keeps it.
#[derive(Serialize)]
struct Described<'a> {
    at: Timestamp,
    /// Which of the session's connections sent it: those of one session are listed together.
    connection: u32,
    sql: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<Option<Cow<'a, str>>>,
}

impl<'a> Described<'a> {
    fn of(statement: &Statement<'a>, connection: u32, at: Timestamp) -> Self {
        let sql = excerpt(statement.sql, TEXT_BYTES_MAX);
        let is_cut = matches!(sql, Cow::Owned(_));
        Self {
            at,
            connection,
            sql,
            bytes: is_cut.then_some(statement.sql.len()),
            sha256: is_cut.then(|| sha256(statement.sql)),
            parameters: parameters(statement.parameters),
        }
    }
}

fn parameters(parameters: &[Option<String>]) -> Vec<Option<Cow<'_, str>>> {
    let mut room = PARAMETERS_BYTES_MAX;
    let described = parameters.iter().map(|parameter| {
        let whole = parameter.as_ref()?;
        let text = match excerpt(whole, PARAMETER_BYTES_MAX.min(room)) {
            Cow::Owned(ends) => {
                format!("{ends} [{} bytes, SHA-256 {}]", whole.len(), sha256(whole)).into()
            }
            whole => whole,
        };
        room = room.saturating_sub(text.len());
        Some(text)
    });
    described.collect()
}

/// A text, or the two ends of one that is too long: whoever wants to hide a statement puts something long before it or
/// behind it.
fn excerpt(text: &str, bytes_max: usize) -> Cow<'_, str> {
    if text.len() <= bytes_max {
        return text.into();
    }
    let half = bytes_max / 2;
    let (start, end) = (
        text.floor_char_boundary(half),
        text.ceil_char_boundary(text.len() - half),
    );
    let start = text.get(..start).unwrap_or_default();
    let end = text.get(end..).unwrap_or_default();
    format!("{start} […] {end}").into()
}

fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn described(statements: &[Statement<'_>]) -> Value {
        let entry = Entry::of(statements, 1, Timestamp::UNIX_EPOCH).unwrap();
        serde_json::from_str(entry.into_json().unwrap().get()).unwrap()
    }

    fn check(sql: &str, parameters: &[Option<String>]) -> Value {
        described(&[Statement { sql, parameters }])[0].clone()
    }

    #[test]
    fn what_is_short_is_kept_whole() {
        assert_eq!(
            check("SELECT ?", &[Some("1".to_owned()), None]),
            serde_json::json!({
                "at": "1970-01-01T00:00:00Z", "connection": 1, "sql": "SELECT ?", "parameters": ["1", null],
            })
        );
        assert_eq!(described(&[]), serde_json::json!([]));
    }

    /// Whatever stands before or behind it, the part that does something is there, or its hash is.
    #[test]
    fn what_is_long_is_kept_by_both_ends_and_its_hash() {
        for padding in ["x", "é", "🦀"] {
            let sql = format!("/*{}*/ SELECT 1", padding.repeat(100_000));
            let value = check(&sql, &[]);
            let kept = value["sql"].as_str().unwrap();
            assert!(kept.starts_with("/*") && kept.ends_with("SELECT 1"));
            assert!(kept.len() <= TEXT_BYTES_MAX + 16, "{}", kept.len());
            assert_eq!(value["bytes"], sql.len());
            assert_eq!(value["sha256"], sha256(&sql));
        }
    }

    #[test]
    fn parameters_have_a_limit_together() {
        let long = Some("7".repeat(1 << 20));
        let value = check("SELECT 1", &vec![long; 1_000]);
        assert!(value.to_string().len() < 512 * 1024);
        assert_eq!(value["parameters"].as_array().unwrap().len(), 1_000);
        let first = value["parameters"][0].as_str().unwrap();
        assert!(first.contains("1048576 bytes, SHA-256 "), "{first}");
    }

    #[test]
    fn many_are_written_early_and_in_parts_and_too_many_wait() {
        let mut gathered = Gathered::default();
        let statement = Statement {
            sql: "SELECT \"\u{1}\"",
            parameters: &[],
        };
        let mut dues = Vec::new();
        while gathered.has_room() {
            let due = gathered.add(&statement, 2, Timestamp::UNIX_EPOCH).unwrap();
            dues.extend(due);
        }
        assert_eq!(dues, [Due::Later, Due::Now]);
        let entries = gathered.take();
        let counts: Vec<usize> = entries.iter().map(|entry| entry.statements).collect();
        assert_eq!(counts, [ENTRY_STATEMENTS_MAX; 16]);
        for entry in entries {
            let json: Vec<Value> = serde_json::from_str(entry.into_json().unwrap().get()).unwrap();
            assert_eq!(json.len(), ENTRY_STATEMENTS_MAX);
            assert_eq!(json[7]["sql"], statement.sql);
        }
        assert!(gathered.has_room() && gathered.take().is_empty());
    }
}
