//! The audit log: a durable entry before anything is revealed, and a proof afterwards of what was there.
//!
//! [`AuditLog::record`] answers when the entry is durable and covered by a signed checkpoint, or says why it is not:
//! past its deadline, with a full queue, on a full disk, with a clock that went backwards. The bytes of entries and
//! side records are described in `docs/formats/audit-entries.md`, those of the tree in `docs/formats/log.md`.

mod background;
mod bundle;
mod check;
mod copying;
mod directory;
mod entry;
mod export;
mod hex;
mod kind;
mod mirror;
pub mod offline;
mod read;
mod record;
mod sequencer;
mod side;
mod start;
mod status;
mod subjects;
mod tiles;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use privet_seal::Entropy;
use privet_tlog::Origin;
use privet_tlog::note::{SigningKey, VerifierKey};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};

use crate::port::LogStore;
use crate::{Clock, Environment, Error, Result};

pub use check::CheckError;
pub use entry::{ENTRY_BYTES_MAX, Entry, EntryActor, EntryDecision};
pub(crate) use hex::Hex;
pub use kind::{EntryKind, UnknownKind};
pub use mirror::MirrorHealth;
pub(crate) use mirror::{Bounded, Missing, Standing, compare};
pub use read::{ENTRIES_MAX, Follower};
pub use record::{Actor, Record, Ruling};
pub use side::{SealedSide, SideKey, SideRecord};
pub use start::StartError;
pub use status::{AuditHealth, Progress};
pub use subjects::{SubjectProof, SubjectUse};
pub use tiles::TilesError;

use entry::Prepared;
use mirror::Mirroring;
use sequencer::{Sequencer, Waiting};
use status::{Published, Refusal, Status};

/// Bounds of the audit log's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditLimits {
    /// How long a caller waits for its entry to be durable.
    pub deadline: Duration,
    /// How many entries may wait.
    pub queue_max: usize,
    /// How many entries one commit takes.
    pub batch_max: usize,
}

impl Default for AuditLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_millis(250),
            queue_max: 4096,
            batch_max: 1024,
        }
    }
}

/// The log of one origin, open for writing. Cloning shares it; when the last clone is dropped, what waits is still
/// committed and the writer ends.
#[derive(Clone)]
pub struct AuditLog {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn LogStore>,
    origin: Origin,
    environment: Environment,
    verifier: VerifierKey,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    limits: AuditLimits,
    status: Arc<Status>,
    /// The time of the last entry before this start.
    resumed_after: Option<Timestamp>,
    queue: mpsc::Sender<Waiting>,
    closing: Arc<Notify>,
    /// Taken by whoever shuts down.
    writer: Mutex<Option<JoinHandle<()>>>,
    background: Mutex<Vec<AbortHandle>>,
    mirror: OnceLock<Arc<Mirroring>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop_background();
        if let Some(mirror) = self.mirror.get() {
            mirror.stop();
        }
    }
}

impl Inner {
    fn stop_background(&self) {
        let mut tasks = self
            .background
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        tasks.drain(..).for_each(|task| task.abort());
    }
}

impl AuditLog {
    /// Checks that the store holds what was last signed, writes `log.opened`, and begins to write. The full check of
    /// older entries runs on in the background and stops the log if it fails. Needs a tokio runtime.
    ///
    /// `signer` is named after `origin`, as C2SP checkpoints want it.
    ///
    /// # Errors
    /// [`StartError`]; the log never goes on from something that does not verify.
    pub async fn start(
        store: Arc<dyn LogStore>,
        origin: String,
        environment: Environment,
        signer: SigningKey,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        limits: AuditLimits,
    ) -> Result<Self, StartError> {
        let opened = start::open(&*store, origin, &signer, clock.now()).await?;
        let status = Arc::new(Status::new(Published {
            size: opened.tree.size(),
            checkpoint: opened
                .state
                .as_ref()
                .map(|s| s.checkpoint.clone())
                .unwrap_or_default(),
        }));
        let (queue, waiting) = mpsc::channel(limits.queue_max.max(1));
        let closing = Arc::new(Notify::new());
        let verifier = signer.verifier();
        let resumed_after = opened.state.as_ref().map(|state| state.last_entry_at);
        let sequencer = Sequencer {
            store: Arc::clone(&store),
            origin: opened.origin.clone(),
            signer,
            clock: Arc::clone(&clock),
            status: Arc::clone(&status),
            closing: Arc::clone(&closing),
            batch_max: limits.batch_max.max(1),
            tree: opened.tree,
            state: opened.state,
            unsettled: None,
        };
        let log = Self {
            inner: Arc::new(Inner {
                store,
                origin: opened.origin,
                environment,
                verifier,
                clock,
                entropy,
                limits,
                status,
                resumed_after,
                queue,
                closing,
                writer: Mutex::new(Some(tokio::spawn(sequencer.run(waiting)))),
                background: Mutex::new(Vec::new()),
                mirror: OnceLock::new(),
            }),
        };
        log.announce().await?;
        log.start_background();
        Ok(log)
    }

    /// Makes an entry durable and answers its index. `key` seals the side record, if there is something to seal.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] with code `audit_deadline`, `audit_queue_full`, `audit_disk_full`, `audit_clock`,
    /// `audit_store` or `audit_stopped`: nothing may be revealed. The entry may become durable all the same (after
    /// the deadline, or when a store failed after its commit): an entry too many says that something was about to be
    /// revealed. [`Error::Internal`] if the record cannot be an entry.
    pub async fn record(&self, record: Record, key: &SideKey) -> Result<u64> {
        self.record_within(record, key, self.inner.limits.deadline)
            .await
    }

    /// The same for who can wait for longer, or not so long.
    pub(crate) async fn record_within(
        &self,
        record: Record,
        key: &SideKey,
        deadline: Duration,
    ) -> Result<u64> {
        let answer = self.enqueue(record, Some(key))?;
        let late = Err(Refusal::Deadline);
        let answer = tokio::time::timeout(deadline, answer)
            .await
            .map_or(late, settled);
        answer.map_err(|refusal| {
            if refusal == Refusal::Deadline {
                self.inner.status.count_refused();
            }
            refusal.into()
        })
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        self.inner.origin.as_str()
    }

    /// The key that verifies the log's checkpoints, as text for `privet audit verify` and other C2SP tools.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.inner.verifier
    }

    /// The time of the last entry before this start; `None` in a new log.
    pub(crate) fn resumed_after(&self) -> Option<Timestamp> {
        self.inner.resumed_after
    }

    /// How the log is doing.
    pub fn health(&self) -> AuditHealth {
        let queue = &self.inner.queue;
        let depth = queue.max_capacity().saturating_sub(queue.capacity());
        AuditHealth {
            mirror: self.mirror_health(),
            ..self.inner.status.health(depth, &self.inner.limits)
        }
    }

    /// Writes `log.closed`, commits what waits, and ends the writer. Every later entry is refused.
    pub async fn shutdown(&self) {
        self.inner.stop_background();
        let record = Record::new(EntryKind::LogClosed, Actor::System)
            .count("refused", self.inner.status.refused());
        if let Err(error) = self.record_bare(record).await {
            tracing::warn!(
                code = error.code(),
                "the audit log was closed without an entry"
            );
        }
        self.inner.closing.notify_one();
        let writer = self
            .inner
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer
            && writer.await.is_err()
        {
            tracing::error!("the writer of the audit log ended with a panic");
        }
        self.end_mirror().await;
    }

    /// Makes an entry without subjects and side record durable, however long that takes.
    async fn record_bare(&self, record: Record) -> Result<u64> {
        Ok(settled(self.enqueue(record, None)?.await)?)
    }

    fn enqueue(
        &self,
        record: Record,
        key: Option<&SideKey>,
    ) -> Result<oneshot::Receiver<Result<u64, Refusal>>> {
        let inner = &*self.inner;
        let refuse = |refusal: Refusal| {
            inner.status.count_refused();
            Error::from(refusal)
        };
        if let Some(stop) = inner.status.stopped() {
            return Err(refuse(Refusal::Stopped(stop)));
        }
        let now = inner.clock.now();
        let entry = Prepared::new(record, key, &inner.environment, &*inner.entropy, now)?;
        let (reply, answer) = oneshot::channel();
        match inner.queue.try_send(Waiting { entry, reply }) {
            Ok(()) => Ok(answer),
            Err(TrySendError::Full(_)) => Err(refuse(Refusal::QueueFull)),
            Err(TrySendError::Closed(_)) => Err(refuse(Refusal::Stopped(status::Stop::Closed))),
        }
    }
}

impl std::fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditLog")
            .field("origin", &self.origin())
            .finish_non_exhaustive()
    }
}

/// A writer that dropped the question without an answer is gone.
fn settled(
    answer: Result<Result<u64, Refusal>, oneshot::error::RecvError>,
) -> Result<u64, Refusal> {
    answer.unwrap_or(Err(Refusal::Stopped(status::Stop::Closed)))
}
