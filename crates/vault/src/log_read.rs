//! Reading the audit log through the monitor: only for who may, and on record.
//!
//! A reader polls: a witness fetches tiles, a terminal follows the log. An entry for each fetch would drown the log in
//! its own readers, and a reader that follows the log would read of itself without end. So a first read opens a
//! *reading*: its entry is durable before anything is answered and covers the same token's reads of the next five
//! minutes. How much was read in them follows in a second entry when they are over.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::audit::{Entry, EntryKind, Follower, Record, SideRecord};
use crate::policy::Action;
use crate::{Caller, Result, TokenId, Vault, VaultHealth};

/// Side records in one answer: past this many bytes it ends early.
const DETAILS_BYTES_MAX: usize = 16 << 20;

/// How long one entry covers the reads of one token.
const READING: Duration = Duration::from_secs(300);

/// What is read of each entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogDetail {
    /// The entry as it was hashed: nothing personal.
    Bare,
    /// Also what its side record holds: reasons, addresses, whose data. Takes the right to read sessions too.
    Opened,
}

/// A stretch of the log.
#[derive(Debug)]
pub struct LogEntries {
    /// How many entries the log has.
    pub size: u64,
    /// The entries, in order.
    pub entries: Vec<ReadEntry>,
}

/// One entry as an auditor reads it.
pub struct ReadEntry {
    /// Its place in the log.
    pub index: u64,
    /// Its exact bytes, a JSON object.
    pub bytes: Vec<u8>,
    /// What its side record holds; `None` unless asked for, and where there is none or its key is destroyed.
    pub details: Option<Map<String, Value>>,
}

impl std::fmt::Debug for ReadEntry {
    // The details are personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadEntry")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

/// How the log stands.
#[derive(Debug, Clone)]
pub struct LogState {
    /// The log's name.
    pub origin: String,
    /// What verifies its checkpoints, as `privet audit verify --key` takes it.
    pub verifier_key: String,
    /// The newest signed checkpoint, a C2SP signed note.
    pub checkpoint: String,
    /// When the last entry was written.
    pub last_entry_at: Option<Timestamp>,
    /// How the vault and its log are doing: why nothing is revealed, how far the full check has come.
    pub health: VaultHealth,
}

/// The readings under way.
#[derive(Default)]
pub(crate) struct Readings {
    open: Mutex<HashMap<(TokenId, LogDetail), Reading>>,
}

struct Reading {
    caller: Caller,
    until: Duration,
    reads: u64,
    entries: u64,
}

impl Readings {
    /// Counts a read that an entry covers already.
    fn covers(&self, caller: &Caller, detail: LogDetail, now: Duration) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&(caller.token(), detail)) {
            Some(reading) if now < reading.until => {
                reading.reads += 1;
                true
            }
            _ => false,
        }
    }

    /// Begins a reading; answers the one before it, whose end is still to be recorded.
    fn open(&self, caller: &Caller, detail: LogDetail, now: Duration) -> Option<Reading> {
        let reading = Reading {
            caller: caller.clone(),
            until: now + READING,
            reads: 1,
            entries: 0,
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert((caller.token(), detail), reading)
    }

    fn count_entries(&self, caller: &Caller, detail: LogDetail, entries: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reading) = open.get_mut(&(caller.token(), detail)) {
            reading.entries += entries;
        }
    }

    fn take_ended(&self, now: Duration) -> Vec<(LogDetail, Reading)> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = open.extract_if(|_, reading| reading.until <= now);
        ended
            .map(|((_, detail), reading)| (detail, reading))
            .collect()
    }
}

impl Vault {
    /// The newest signed checkpoint.
    ///
    /// # Errors
    /// As all readers of the log: [`crate::Error::Denied`] by policy, [`crate::Error::AuditUnavailable`] when the reading cannot
    /// be put on record.
    pub async fn log_checkpoint(&self, caller: &Caller) -> Result<Vec<u8>> {
        self.reading(caller, LogDetail::Bare).await?;
        Ok(self.inner.audit.checkpoint())
    }

    /// A tile or entry bundle, by its path as in C2SP tlog-tiles: `tile/0/000`.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] for what is not a path and for what the log does not reach.
    pub async fn log_tile(&self, caller: &Caller, path: &str) -> Result<Vec<u8>> {
        self.reading(caller, LogDetail::Bare).await?;
        self.inner.audit.tile(path).await
    }

    /// The proof that an entry is in the log, as a C2SP tlog-proof.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] if the log has not reached it.
    pub async fn log_proof(&self, caller: &Caller, index: u64) -> Result<String> {
        self.reading(caller, LogDetail::Bare).await?;
        self.inner.audit.proof(index).await
    }

    /// Entries from `first` on, or the newest; at most `count_max` and [`ENTRIES_MAX`](crate::audit::ENTRIES_MAX).
    pub async fn log_entries(
        &self,
        caller: &Caller,
        first: Option<u64>,
        count_max: u32,
        detail: LogDetail,
    ) -> Result<LogEntries> {
        self.reading(caller, detail).await?;
        let audit = &self.inner.audit;
        let size = audit.size();
        let first = first.unwrap_or_else(|| size.saturating_sub(u64::from(count_max)));
        let stored = audit.entries(first, count_max).await?;
        let readings = &self.inner.readings;
        readings.count_entries(caller, detail, stored.len() as u64);
        let mut entries = Vec::with_capacity(stored.len());
        let mut room = DETAILS_BYTES_MAX;
        // In this order: past the last number there is, nothing is counted.
        for (bytes, index) in stored.into_iter().zip(first..) {
            let details = match detail {
                LogDetail::Bare => None,
                // The reader asks for the rest with its next call.
                LogDetail::Opened if room == 0 => break,
                LogDetail::Opened => self.side_details(&bytes, &mut room).await?,
            };
            entries.push(ReadEntry {
                index,
                bytes,
                details,
            });
        }
        Ok(LogEntries { size, entries })
    }

    /// How the log stands: for whoever may read it.
    ///
    /// # Errors
    /// As [`log_checkpoint`](Self::log_checkpoint).
    pub async fn log_state(&self, caller: &Caller) -> Result<LogState> {
        self.reading(caller, LogDetail::Bare).await?;
        let audit = &self.inner.audit;
        let health = self.health();
        let last = audit
            .entries(health.audit.size.saturating_sub(1), 1)
            .await?;
        let last = last.first().map(|bytes| Entry::parse(bytes)).transpose()?;
        Ok(LogState {
            origin: audit.origin().to_owned(),
            verifier_key: audit.verifier_key().to_string(),
            checkpoint: String::from_utf8_lossy(&audit.checkpoint()).into_owned(),
            last_entry_at: last.map(|entry| entry.ts),
            health,
        })
    }

    /// Wakes a reader when the log has grown; tells nothing but its size.
    ///
    /// # Errors
    /// [`crate::Error::Denied`] by policy.
    pub async fn log_follower(&self, caller: &Caller) -> Result<Follower> {
        self.permit(caller, Action::ReadLog, EntryKind::LogDenied)
            .await?;
        Ok(self.inner.audit.follow())
    }

    pub(crate) async fn reading(&self, caller: &Caller, detail: LogDetail) -> Result<()> {
        let mut decision = self
            .permit(caller, Action::ReadLog, EntryKind::LogDenied)
            .await?;
        if detail == LogDetail::Opened {
            let opened = self
                .permit(caller, Action::ReadSessions, EntryKind::LogDenied)
                .await?;
            decision = decision.and(opened);
        }
        let now = self.inner.clock.monotonic();
        if self.inner.readings.covers(caller, detail, now) {
            return Ok(());
        }
        let record = Record::by(EntryKind::LogRead, caller)
            .ruling(self.ruling(&decision))
            .fact("details", detail == LogDetail::Opened)
            .count("seconds", READING.as_secs());
        self.record(record).await?;
        match self.inner.readings.open(caller, detail, now) {
            Some(former) => self.end_reading(detail, &former).await,
            None => Ok(()),
        }
    }

    /// Writes how much was read in readings that are over; one read is told by its first entry already.
    pub(crate) async fn end_readings(&self) -> Result<()> {
        let now = self.inner.clock.monotonic();
        for (detail, reading) in self.inner.readings.take_ended(now) {
            self.end_reading(detail, &reading).await?;
        }
        Ok(())
    }

    async fn end_reading(&self, detail: LogDetail, reading: &Reading) -> Result<()> {
        if reading.reads <= 1 {
            return Ok(());
        }
        let record = Record::by(EntryKind::LogRead, &reading.caller)
            .fact("details", detail == LogDetail::Opened)
            .fact("ended", true)
            .count("reads", reading.reads)
            .count("entries", reading.entries);
        self.record(record).await.map(drop)
    }

    /// What an entry's side record holds, where its key is left. Those of grants are under the subject's key too:
    /// they open with their session alone.
    async fn side_details(
        &self,
        bytes: &[u8],
        room: &mut usize,
    ) -> Result<Option<Map<String, Value>>> {
        let entry = Entry::parse(bytes)?;
        let Some(sealed) = self.inner.audit.side(&entry).await? else {
            return Ok(None);
        };
        *room = room.saturating_sub(sealed.len());
        let keyring = &self.inner.keyring;
        let key = keyring
            .record_key_by_id(sealed.key_id(), self.now())
            .await?;
        let opened = key.and_then(|key| sealed.open(&key).ok());
        Ok(opened.map(|side| self.readable(side)))
    }

    fn readable(&self, side: SideRecord) -> Map<String, Value> {
        let mut details = side.data;
        if !side.subjects.is_empty() {
            let subjects = side.subjects.iter().map(|subject| {
                let fields = subject.fields.iter().map(|number| self.field_name(*number));
                json!({
                    "reference": subject.reference,
                    "fields": fields.collect::<Vec<_>>(),
                    "count": subject.count,
                })
            });
            details.insert("subjects".to_owned(), subjects.collect());
        }
        details
    }
}
