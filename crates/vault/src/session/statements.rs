//! The record of statements. Protected: what ran within 100 ms is one entry, written behind the statements; a log
//! that cannot keep up stops the session. Decrypted: an entry before the first opened row, and one after.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::digest;
use serde_json::{Map, Value};

use super::grant::LiveGrant;
use super::justification::LiveSession;
use super::lock;
use super::showing::Showing;
use crate::audit::{Actor, EntryKind, Record};

use crate::port::NewSessionEntry;
use crate::vault::hex;
use crate::{Caller, Result, SessionId, Vault};

/// How long statements gather before their entry.
const INTERVAL: Duration = Duration::from_millis(100);
/// How many may gather. At half of them writing begins before the interval is over; at all of them the client waits.
const GATHERED_MAX: usize = 2_000;
/// The same in bytes of text.
const GATHERED_BYTES_MAX: usize = 512 * 1024;
/// How many one entry names: who reads a session takes whole entries.
const ENTRY_STATEMENTS_MAX: usize = 500;
/// How long the log may take to catch up with statements that have run, before it stops the session.
const PATIENCE: Duration = Duration::from_secs(5);
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

/// Proof that a statement is on record. In a decrypted session it names the durable entry.
#[derive(Debug)]
pub struct Permit {
    pub(crate) entry: Option<u64>,
}

/// What a connection has still to write.
#[derive(Default)]
pub(crate) struct Gathered {
    statements: Vec<Value>,
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

/// One connection's recorder.
#[derive(Clone)]
pub(crate) struct Recorder {
    vault: Vault,
    actor: Actor,
    session: Arc<LiveSession>,
    gathered: Arc<Mutex<Gathered>>,
    /// Held while statements are written: one entry follows the other.
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl Recorder {
    pub(crate) fn new(vault: Vault, caller: &Caller, session: Arc<LiveSession>) -> Self {
        Self {
            vault,
            actor: Actor::from(caller),
            session,
            gathered: Arc::default(),
            writing: Arc::default(),
        }
    }

    /// Takes a protected statement; it is written within the interval. When too much has gathered, it waits until that is
    /// written.
    pub(crate) async fn protected(&self, statement: &Statement<'_>) -> Result<()> {
        if !self.has_room() {
            self.flush().await?;
        }
        self.gather(statement);
        Ok(())
    }

    /// Takes a protected statement without waiting, if there is room; else does nothing and answers `false`.
    pub(crate) fn gather_if_room(&self, statement: &Statement<'_>) -> bool {
        let has_room = self.has_room();
        if has_room {
            self.gather(statement);
        }
        has_room
    }

    fn has_room(&self) -> bool {
        let gathered = lock(&self.gathered);
        gathered.statements.len() < GATHERED_MAX && gathered.bytes < GATHERED_BYTES_MAX
    }

    fn gather(&self, statement: &Statement<'_>) {
        let (value, size) = described(statement, self.vault.now());
        let mut gathered = lock(&self.gathered);
        gathered.bytes += size;
        gathered.statements.push(value);
        let much = gathered.statements.len() >= GATHERED_MAX / 2
            || gathered.bytes >= GATHERED_BYTES_MAX / 2;
        let wait = match (gathered.scheduled, much) {
            (Schedule::Nothing, false) => Some(INTERVAL),
            (Schedule::Nothing | Schedule::Later, true) => Some(Duration::ZERO),
            _ => None,
        };
        let Some(wait) = wait else { return };
        gathered.scheduled = if wait.is_zero() {
            Schedule::Now
        } else {
            Schedule::Later
        };
        drop(gathered);
        let recorder = self.clone();
        tokio::spawn(async move {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            // The session was stopped and the next statement says so; there is nobody to answer here.
            let _ = recorder.flush().await;
        });
    }

    /// Writes what has gathered. When the log does not take it, the session ends.
    pub(crate) async fn flush(&self) -> Result<()> {
        let _writing = self.writing.lock().await;
        let mut statements = {
            let mut gathered = lock(&self.gathered);
            gathered.scheduled = Schedule::Nothing;
            gathered.bytes = 0;
            std::mem::take(&mut gathered.statements)
        };
        while !statements.is_empty() {
            let rest = statements.split_off(statements.len().min(ENTRY_STATEMENTS_MAX));
            self.write(std::mem::replace(&mut statements, rest)).await?;
        }
        Ok(())
    }

    async fn write(&self, statements: Vec<Value>) -> Result<()> {
        let count = statements.len() as u64;
        let record = Record::new(EntryKind::SessionStatements, self.actor.clone())
            .session(self.session.id())
            .count("statements", count)
            .personal("statements", statements);
        let key = self.session.key();
        let written = self
            .vault
            .record_session_within(self.session.id(), key, record, Some(PATIENCE))
            .await;
        if written.is_err() {
            self.session.stop("the audit log could not keep up");
        }
        self.touch(count, 0, false);
        written.map(drop)
    }

    /// Makes the entry of a decrypted statement durable; nothing opens before.
    pub(crate) async fn opened(
        &self,
        grant: &LiveGrant,
        statements: &[Statement<'_>],
    ) -> Result<Permit> {
        self.flush().await?;
        let now = self.vault.now();
        let described: Vec<Value> = statements
            .iter()
            .map(|statement| described(statement, now).0)
            .collect();
        let count = described.len() as u64;
        let record = Record::new(EntryKind::StatementOpened, self.actor.clone())
            .session(self.session.id())
            .grant(grant.id())
            .subjects(grant.used())
            .personal("statements", described);
        let entry = self
            .vault
            .record_under(&self.session, grant.key(), record)
            .await?;
        let first = !self.session.row().decrypted;
        self.touch(count, 0, true);
        if first {
            // Whoever lists decrypted sessions sees this one from before its first value on.
            let row = self.session.row();
            self.vault.inner.data.put_session(row).await?;
        }
        Ok(Permit { entry: Some(entry) })
    }

    /// Writes what a decrypted statement showed; without `rows`, its result was given up.
    pub(crate) async fn shown(
        &self,
        grant: &LiveGrant,
        showing: &Showing,
        rows: Option<u64>,
    ) -> Result<()> {
        let fields: BTreeMap<u16, u64> = std::mem::take(&mut lock(&showing.counts));
        let values: u64 = fields.values().sum();
        let names = fields.iter().map(|(field, count)| {
            let known = self.vault.map().field_by_number(*field);
            let name = known.map_or_else(|| field.to_string(), |field| field.name.to_string());
            (name, Value::from(*count))
        });
        let mut record = Record::new(EntryKind::StatementShown, self.actor.clone())
            .session(self.session.id())
            .grant(grant.id())
            .fact("opened", showing.entry)
            .fact("fields", names.collect::<serde_json::Map<_, _>>())
            .count("values", values)
            .subjects(grant.used());
        record = match rows {
            Some(rows) => record.count("rows", rows),
            None => record.fact("given_up", true),
        };
        self.touch(0, values, true);
        let written = self
            .vault
            .record_under(&self.session, grant.key(), record)
            .await;
        if written.is_err() {
            grant.end();
            self.session.stop("the audit log could not keep up");
        }
        written.map(drop)
    }

    /// The same, behind the result.
    pub(crate) fn shown_behind(&self, grant: &Arc<LiveGrant>, showing: Showing, rows: u64) {
        let (recorder, grant) = (self.clone(), Arc::clone(grant));
        tokio::spawn(async move {
            // The session was stopped and the next statement says so; there is nobody to answer here.
            let _ = recorder.shown(&grant, &showing, Some(rows)).await;
        });
    }

    fn touch(&self, statements: u64, opened: u64, decrypted: bool) {
        let clock = &self.vault.inner.clock;
        self.session.touch(clock.monotonic(), clock.now(), |row| {
            row.statements += statements;
            row.opened += opened;
            row.decrypted |= decrypted;
        });
        self.vault.save_session(&self.session);
    }
}

impl Vault {
    /// Makes an entry of a session durable, its side record under the session's key.
    pub(crate) async fn record_in(&self, session: &LiveSession, record: Record) -> Result<u64> {
        self.record_under(session, session.key(), record).await
    }

    pub(crate) async fn record_under(
        &self,
        session: &LiveSession,
        key: &crate::audit::SideKey,
        record: Record,
    ) -> Result<u64> {
        self.record_session(session.id(), key, record).await
    }

    /// Makes an entry durable, and lists it behind the caller among those of the session.
    pub(crate) async fn record_session(
        &self,
        session: SessionId,
        key: &crate::audit::SideKey,
        record: Record,
    ) -> Result<u64> {
        self.record_session_within(session, key, record, None).await
    }

    /// The same within `patience`, where that is not what callers usually have.
    async fn record_session_within(
        &self,
        session: SessionId,
        key: &crate::audit::SideKey,
        record: Record,
        patience: Option<Duration>,
    ) -> Result<u64> {
        // Taken before the entry is written, so that the ledger's position stays before it until it is listed.
        let hold = self.inner.ledger.hold(self.inner.audit.size());
        let part = record.kind.part();
        let record = record.session(session);
        let audit = &self.inner.audit;
        let index = match patience {
            None => audit.record(record, key).await?,
            Some(patience) => audit.record_within(record, key, patience).await?,
        };
        let origin = self.inner.config.origin.clone();
        let noted = NewSessionEntry {
            session,
            origin,
            index,
            part,
        };
        self.inner.listing.add(noted, hold);
        Ok(index)
    }

    /// Writes the session's row, behind the caller.
    pub(crate) fn save_session(&self, session: &LiveSession) {
        let (vault, row) = (self.clone(), session.row());
        tokio::spawn(async move {
            if let Err(error) = vault.inner.data.put_session(row).await {
                tracing::warn!(%error, "a session's row could not be written");
            }
        });
    }
}

/// A statement as the record keeps it, and about how many bytes that takes.
fn described(statement: &Statement<'_>, at: jiff::Timestamp) -> (Value, usize) {
    let mut map = Map::new();
    map.insert("at".to_owned(), at.to_string().into());
    let mut size = 0;
    match Excerpt::of(statement.sql, TEXT_BYTES_MAX) {
        Excerpt::Whole(text) => {
            size += text.len();
            map.insert("sql".to_owned(), text.into());
        }
        Excerpt::Cut(text) => {
            size += text.len();
            map.insert("sql".to_owned(), text.into());
            map.insert("bytes".to_owned(), statement.sql.len().into());
            map.insert("sha256".to_owned(), sha256(statement.sql).into());
        }
    }
    if !statement.parameters.is_empty() {
        let parameters = parameters(statement.parameters, &mut size);
        map.insert("parameters".to_owned(), parameters.into());
    }
    (Value::Object(map), size)
}

fn parameters(parameters: &[Option<String>], size: &mut usize) -> Vec<Value> {
    let mut room = PARAMETERS_BYTES_MAX;
    let described = parameters.iter().map(|parameter| {
        let Some(text) = parameter else {
            return Value::Null;
        };
        let text = match Excerpt::of(text, PARAMETER_BYTES_MAX.min(room)) {
            Excerpt::Whole(text) => text.to_owned(),
            Excerpt::Cut(start) => {
                format!("{start} [{} bytes, SHA-256 {}]", text.len(), sha256(text))
            }
        };
        room = room.saturating_sub(text.len());
        *size += text.len();
        text.into()
    });
    described.collect()
}

/// A text, or what a record keeps of one that is too long.
enum Excerpt<'t> {
    Whole(&'t str),
    Cut(String),
}

impl<'t> Excerpt<'t> {
    /// The end is kept as well: whoever wants to hide a statement puts something long before it or behind it.
    fn of(text: &'t str, bytes_max: usize) -> Self {
        if text.len() <= bytes_max {
            return Self::Whole(text);
        }
        let half = bytes_max / 2;
        let (start, end) = (
            text.floor_char_boundary(half),
            text.ceil_char_boundary(text.len() - half),
        );
        let start = text.get(..start).unwrap_or_default();
        let end = text.get(end..).unwrap_or_default();
        Self::Cut(format!("{start} […] {end}"))
    }
}

fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, parameters: &[Option<String>]) -> (Value, usize) {
        described(&Statement { sql, parameters }, jiff::Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_is_short_is_kept_whole() {
        let (value, size) = check("SELECT ?", &[Some("1".to_owned()), None]);
        assert_eq!(
            value,
            serde_json::json!({"at": "1970-01-01T00:00:00Z", "sql": "SELECT ?", "parameters": ["1", null]})
        );
        assert_eq!(size, 9);
    }

    /// Whatever stands before or behind it, the part that does something is there, or its hash is.
    #[test]
    fn what_is_long_is_kept_by_both_ends_and_its_hash() {
        for padding in ["x", "é", "🦀"] {
            let sql = format!("/*{}*/ SELECT 1", padding.repeat(100_000));
            let (value, size) = check(&sql, &[]);
            let kept = value["sql"].as_str().unwrap();
            assert!(kept.starts_with("/*") && kept.ends_with("SELECT 1"));
            assert!(size <= TEXT_BYTES_MAX + 16, "{size}");
            assert_eq!(value["bytes"], sql.len());
            assert_eq!(value["sha256"], sha256(&sql));
        }
    }

    #[test]
    fn parameters_have_a_limit_together() {
        let long = Some("7".repeat(1 << 20));
        let (value, size) = check("SELECT 1", &vec![long; 1_000]);
        assert!(size < 512 * 1024, "{size}");
        assert_eq!(value["parameters"].as_array().unwrap().len(), 1_000);
        let first = value["parameters"][0].as_str().unwrap();
        assert!(first.contains("1048576 bytes, SHA-256 "), "{first}");
    }
}
