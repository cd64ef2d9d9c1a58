//! The record of statements. Protected: what a session's connections ran within 100 ms is one entry, written behind the
//! statements; a log that cannot keep up stops the session. Decrypted: an entry before the first opened row, and one after.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::gathered::{Due, Entry, Statement};
use super::grant::LiveGrant;
use super::justification::LiveSession;
use super::lock;
use super::showing::Showing;
use crate::audit::{Actor, EntryKind, Record};
use crate::port::NewSessionEntry;
use crate::{Caller, Result, SessionId, Vault};

/// How long statements gather before their entry.
const INTERVAL: Duration = Duration::from_millis(100);
/// How long the log may take to catch up with statements that have run, before it stops the session.
const PATIENCE: Duration = Duration::from_secs(5);
/// Proof that a statement is on record. In a decrypted session it names the durable entry.
#[derive(Debug)]
pub struct Permit {
    pub(crate) entry: Option<u64>,
}

/// One connection's recorder.
#[derive(Clone)]
pub(crate) struct Recorder {
    vault: Vault,
    actor: Actor,
    session: Arc<LiveSession>,
    /// Which of the session's connections this is.
    connection: u32,
}

impl Recorder {
    pub(crate) fn new(vault: Vault, caller: &Caller, session: Arc<LiveSession>) -> Self {
        Self {
            vault,
            actor: Actor::from(caller),
            connection: session.next_connection(),
            session,
        }
    }

    /// Takes a protected statement; it is written within the interval. When too much has gathered, it waits until that is
    /// written.
    pub(crate) async fn protected(&self, statement: &Statement<'_>) -> Result<()> {
        while !self.gather_if_room(statement)? {
            self.flush().await?;
        }
        Ok(())
    }

    /// Takes a protected statement without waiting, if there is room; else does nothing and answers `false`.
    pub(crate) fn gather_if_room(&self, statement: &Statement<'_>) -> Result<bool> {
        let due = {
            let mut gathered = lock(self.session.gathered());
            if !gathered.has_room() {
                return Ok(false);
            }
            gathered.add(statement, self.connection, self.vault.now())?
        };
        let Some(due) = due else { return Ok(true) };
        let recorder = self.clone();
        tokio::spawn(async move {
            if due == Due::Later {
                tokio::time::sleep(INTERVAL).await;
            }
            // The session was stopped and the next statement says so; there is nobody to answer here.
            let _ = recorder.flush().await;
        });
        Ok(true)
    }

    /// Writes what the session's connections have gathered. When the log does not take it, the session ends.
    pub(crate) async fn flush(&self) -> Result<()> {
        // One entry follows the other.
        let _writing = self.session.writing().lock().await;
        let entries = lock(self.session.gathered()).take();
        for entry in entries {
            self.write(entry).await?;
        }
        Ok(())
    }

    async fn write(&self, statements: Entry) -> Result<()> {
        let count = statements.statements();
        let record = Record::new(EntryKind::SessionStatements, self.actor.clone())
            .session(self.session.id())
            .count("statements", count)
            .statements(statements.into_json()?);
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
        let statements = Entry::of(statements, self.connection, self.vault.now())?;
        let count = statements.statements();
        let record = Record::new(EntryKind::StatementOpened, self.actor.clone())
            .session(self.session.id())
            .grant(grant.id())
            .subjects(grant.used())
            .statements(statements.into_json()?);
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
        let fields = showing.counts.take();
        let values: u64 = fields.iter().map(|(_, count)| count).sum();
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

    /// Writes the session's row, behind the caller: once for all who ask before it is written.
    pub(crate) fn save_session(&self, session: &Arc<LiveSession>) {
        if !session.wants_saving() {
            return;
        }
        let (vault, session) = (self.clone(), Arc::clone(session));
        tokio::spawn(async move {
            let saving = session.saving().await;
            if let Err(error) = vault.inner.data.put_session(saving.row.clone()).await {
                tracing::warn!(%error, "a session's row could not be written");
            }
        });
    }
}
