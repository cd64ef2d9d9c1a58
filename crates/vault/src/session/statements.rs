//! The record of statements. Protected: what ran within 100 ms is one entry, written behind the statements; a log
//! that cannot keep up stops the session. Decrypted: an entry before the first opened row, and one after.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::grant::LiveGrant;
use super::justification::LiveSession;
use super::lock;
use super::opener::Counts;
use crate::audit::{Actor, EntryKind, Record};
use crate::{Caller, Result, SessionId, Vault};

/// How long statements gather before their entry.
const INTERVAL: Duration = Duration::from_millis(100);
/// How many may gather; more are written at once, with the client waiting.
const GATHERED_MAX: usize = 500;
/// The same in bytes of text.
const GATHERED_BYTES_MAX: usize = 256 * 1024;
/// A longer statement is recorded by its first bytes and its SHA-256.
const TEXT_BYTES_MAX: usize = 64 * 1024;

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
    scheduled: bool,
}

/// One connection's recorder.
#[derive(Clone)]
pub(crate) struct Recorder {
    vault: Vault,
    actor: Actor,
    session: Arc<LiveSession>,
    gathered: Arc<Mutex<Gathered>>,
}

impl Recorder {
    pub(crate) fn new(vault: Vault, caller: &Caller, session: Arc<LiveSession>) -> Self {
        Self {
            vault,
            actor: Actor::from(caller),
            session,
            gathered: Arc::default(),
        }
    }

    /// Takes a protected statement; it is written within the interval, or now when there is too much.
    pub(crate) async fn protected(&self, statement: &Statement<'_>) -> Result<()> {
        let value = described(statement, self.vault.now());
        let (write_now, schedule) = {
            let mut gathered = lock(&self.gathered);
            gathered.bytes += statement.sql.len();
            gathered.statements.push(value);
            let full =
                gathered.statements.len() >= GATHERED_MAX || gathered.bytes >= GATHERED_BYTES_MAX;
            let schedule = !full && !gathered.scheduled;
            gathered.scheduled |= schedule;
            (full, schedule)
        };
        if write_now {
            return self.flush().await;
        }
        if schedule {
            let recorder = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(INTERVAL).await;
                // The session was stopped and the next statement says so; there is nobody to answer here.
                let _ = recorder.flush().await;
            });
        }
        Ok(())
    }

    /// Writes what has gathered. When the log does not take it, the session ends.
    pub(crate) async fn flush(&self) -> Result<()> {
        let statements = {
            let mut gathered = lock(&self.gathered);
            gathered.scheduled = false;
            gathered.bytes = 0;
            std::mem::take(&mut gathered.statements)
        };
        if statements.is_empty() {
            return Ok(());
        }
        let count = statements.len() as u64;
        let record = Record::new(EntryKind::SessionStatements, self.actor.clone())
            .session(self.session.id())
            .count("statements", count)
            .personal("statements", statements);
        let written = self.vault.record_in(&self.session, record).await;
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
        statement: &Statement<'_>,
    ) -> Result<Permit> {
        self.flush().await?;
        let now = self.vault.now();
        let record = Record::new(EntryKind::StatementOpened, self.actor.clone())
            .session(self.session.id())
            .grant(grant.id())
            .subject(grant.used())
            .personal("statements", vec![described(statement, now)]);
        let entry = self
            .vault
            .record_under(&self.session, grant.key(), record)
            .await?;
        self.touch(1, 0, true);
        Ok(Permit { entry: Some(entry) })
    }

    /// Writes what a decrypted statement showed, behind the result.
    pub(crate) fn shown(&self, grant: &Arc<LiveGrant>, permit: Permit, counts: &Counts, rows: u64) {
        let fields: BTreeMap<u16, u64> = std::mem::take(&mut lock(counts));
        let values: u64 = fields.values().sum();
        let names = fields.iter().map(|(field, count)| {
            let known = self.vault.map().field_by_number(*field);
            let name = known.map_or_else(|| field.to_string(), |field| field.name.to_string());
            (name, Value::from(*count))
        });
        let record = Record::new(EntryKind::StatementShown, self.actor.clone())
            .session(self.session.id())
            .grant(grant.id())
            .fact("opened", permit.entry)
            .fact("fields", names.collect::<serde_json::Map<_, _>>())
            .count("rows", rows)
            .count("values", values)
            .subject(grant.used());
        self.touch(0, values, true);
        let (recorder, grant) = (self.clone(), Arc::clone(grant));
        tokio::spawn(async move {
            let vault = &recorder.vault;
            let written = vault
                .record_under(&recorder.session, grant.key(), record)
                .await;
            if written.is_err() {
                grant.end();
                recorder.session.stop("the audit log could not keep up");
            }
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

    /// Makes an entry durable and notes that it belongs to the session.
    pub(crate) async fn record_session(
        &self,
        session: SessionId,
        key: &crate::audit::SideKey,
        record: Record,
    ) -> Result<u64> {
        // The entry itself names the session: should noting fail, or the server die before it, the next start finds it
        // again, because the ledger's position stays before it.
        let hold = self.inner.ledger.hold(self.inner.audit.size());
        let entry = self
            .inner
            .audit
            .record(record.session(session), key)
            .await?;
        let origin = self.inner.config.origin.clone();
        let entries = vec![(session, origin, entry)];
        if let Err(error) = self.inner.data.add_session_entries(entries).await {
            hold.keep();
            tracing::warn!(%error, "a session's entry is not in its list until the next start");
        }
        Ok(entry)
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

fn described(statement: &Statement<'_>, at: jiff::Timestamp) -> Value {
    let mut value = json!({ "at": at.to_string() });
    let (text, cut) = match statement.sql.get(..TEXT_BYTES_MAX) {
        None if statement.sql.len() <= TEXT_BYTES_MAX => (statement.sql, false),
        Some(text) if text.len() == statement.sql.len() => (text, false),
        cut => (cut.unwrap_or_default(), true),
    };
    if let Value::Object(map) = &mut value {
        map.insert("sql".to_owned(), text.into());
        if cut {
            map.insert("bytes".to_owned(), statement.sql.len().into());
        }
        if !statement.parameters.is_empty() {
            map.insert("parameters".to_owned(), json!(statement.parameters));
        }
    }
    value
}
