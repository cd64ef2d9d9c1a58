//! The copy of the log where no restore of the stores reaches: compared before anything is opened, and written from then on.
//!
//! A log that was put back is brought to where its mirror is, so that erasures that it forgot are carried out again. A mirror
//! that holds another history stops the server: one of the two is not what happened.

mod bounded;
mod compare;
mod missing;
mod shipping;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::AuditLog;
use super::start::StartError;
use crate::port::{LogMirror, MirrorError, MirrorVersion, StoreError};
use crate::{Error, Reason};

pub(crate) use bounded::Bounded;
pub(crate) use compare::compare;
pub(crate) use missing::Missing;

use shipping::Shipping;

/// How long the mirror may lack entries before that is put on record and told.
const LATE: Duration = Duration::from_secs(10);

/// How long the end of a server waits for its last entries to be in the mirror; the next start brings what is left.
const LAST_TIME: Duration = Duration::from_secs(5);

/// Why a log cannot go on beside its mirror. Nothing may be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MirrorFault {
    /// It does not answer.
    #[error(
        "the log's mirror cannot be read ({0}), and without it nobody can tell whether the log was put back: let it answer \
         and start again, or name another place in [log.mirror], which then gets the whole log"
    )]
    Unreachable(#[from] MirrorError),
    /// Its checkpoint is not one of this log.
    #[error(
        "what the mirror holds of the log `{0}` was not signed with that log's key: name this environment's own mirror in \
         [log.mirror], and the log's own key in [log]"
    )]
    Foreign(String),
    /// It and the log were written differently.
    #[error(
        "the log `{origin}` and its mirror, which has {size} entries, are not one history: keep both, find out with `privet \
         audit verify` which of them is whole, and restore that one"
    )]
    Differs {
        /// The log.
        origin: String,
        /// Entries of the mirror's checkpoint.
        size: u64,
    },
    /// What the log lacks cannot be read from it.
    #[error(
        "the log `{origin}` was put back, and what it lacks cannot be taken from its mirror, where `{path}` is missing or \
         damaged: restore a later copy of the log, or that file"
    )]
    Damaged {
        /// The log.
        origin: String,
        /// The file.
        path: String,
    },
    /// It holds a log that the store does not.
    #[error(
        "the mirror holds the log `{0}`, of which the log store has nothing: if the store was put back, start the server of \
         `{0}` first, which brings its log back; if that is a log of another environment, give each a mirror of its own"
    )]
    Unknown(String),
    /// The log itself is not right.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Its store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl MirrorFault {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "mirror_unreachable",
            Self::Foreign(_) | Self::Unknown(_) => "mirror_foreign",
            Self::Differs { .. } => "mirror_differs",
            Self::Damaged { .. } => "mirror_damaged",
            Self::Start(error) => error.code(),
            Self::Store(_) => "audit_store",
        }
    }
}

impl From<MirrorFault> for Error {
    fn from(fault: MirrorFault) -> Self {
        match fault {
            MirrorFault::Start(error) => error.into(),
            MirrorFault::Store(error) => Self::Store(error),
            fault => Self::Unready(Reason {
                code: fault.code(),
                text: fault.to_string(),
            }),
        }
    }
}

/// What a start found in the mirror.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// Entries of this server's log that it holds.
    size: u64,
    /// The checkpoint that says so.
    version: Option<MirrorVersion>,
    /// Entries that this server's log lacked, and has again.
    pub(crate) fetched: u64,
    /// Whether a log that has entries already is copied to a place that has none of them.
    pub(crate) is_first: bool,
    /// What other servers' logs lack, which their servers fetch.
    pub(crate) others: Vec<Missing>,
}

/// How the mirror is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorHealth {
    /// Entries that it holds.
    pub size: u64,
    /// Entries that it lacks.
    pub behind: u64,
    /// For how long it has lacked any.
    pub late: Duration,
    /// Why, if writing to it failed.
    pub why: Option<String>,
}

impl MirrorHealth {
    /// What to tell about it, if it is late enough for that.
    pub fn warning(&self) -> Option<Reason> {
        (self.late >= LATE).then(|| Reason {
            code: "mirror_behind",
            text: format!(
                "the log's mirror has lacked {} entries for {} seconds ({}): reveals go on, erasures are confirmed when it \
                 has them",
                self.behind,
                self.late.as_secs(),
                self.why.as_deref().unwrap_or("it is slow")
            ),
        })
    }
}

/// How far the mirror is, for whoever waits for it or tells of it.
#[derive(Debug)]
pub(crate) struct Mirroring {
    reached: watch::Sender<u64>,
    waiting: Mutex<Waiting>,
    task: Mutex<Option<AbortHandle>>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// When the first entry that is not there was seen, by the monotonic clock.
    since: Option<Duration>,
    why: Option<String>,
    /// Whether it was put on record that it is late.
    is_told: bool,
}

impl Mirroring {
    fn new(size: u64) -> Self {
        Self {
            reached: watch::Sender::new(size),
            waiting: Mutex::default(),
            task: Mutex::default(),
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is to be written; it may have been already.
    fn begin(&self, now: Duration) {
        self.waiting().since.get_or_insert(now);
    }

    /// Everything up to `size`, which was seen at `began`, is there.
    fn reach(&self, size: u64, is_all: bool, began: Duration) {
        let mut waiting = self.waiting();
        if waiting.why.take().is_some() {
            tracing::info!("the log's mirror is written again");
        }
        waiting.since = (!is_all).then_some(began);
        waiting.is_told &= !is_all;
        drop(waiting);
        self.reached.send_replace(size);
    }

    fn fail(&self, why: String) {
        let mut waiting = self.waiting();
        if waiting.why.is_none() {
            tracing::warn!(why, "the log's mirror cannot be written; it is tried again");
        }
        waiting.why = Some(why);
    }

    pub(super) fn stop(&self) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }

    /// Waits until the entry is there, at most for so long; answers whether it is.
    async fn holds(&self, index: u64, patience: Duration) -> bool {
        let mut reached = self.reached.subscribe();
        let there = reached.wait_for(|size| *size > index);
        tokio::time::timeout(patience, there)
            .await
            .is_ok_and(|there| there.is_ok())
    }
}

impl AuditLog {
    /// Writes every entry to the mirror from here on, beginning with what it lacks; nothing without one.
    pub(crate) fn follow_with(&self, mirror: Option<Arc<dyn LogMirror>>, standing: &Standing) {
        let Some(mirror) = mirror else { return };
        let inner = &self.inner;
        let mirroring = Arc::new(Mirroring::new(standing.size));
        if inner.mirror.set(Arc::clone(&mirroring)).is_err() {
            return;
        }
        let shipping = Shipping {
            store: Arc::clone(&inner.store),
            origin: inner.origin.clone(),
            key: inner.verifier.clone(),
            clock: Arc::clone(&inner.clock),
            status: Arc::clone(&inner.status),
            mirroring: Arc::clone(&mirroring),
            mirror,
            version: standing.version.clone(),
            written: standing.size,
            whole_edge: true,
        };
        let task = tokio::spawn(shipping.run()).abort_handle();
        *mirroring
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// How the mirror is doing; `None` if there is none.
    pub(super) fn mirror_health(&self) -> Option<MirrorHealth> {
        let mirroring = self.inner.mirror.get()?;
        let size = *mirroring.reached.borrow();
        let behind = self.inner.status.published().size.saturating_sub(size);
        let waiting = mirroring.waiting();
        let since = waiting.since.filter(|_| behind > 0);
        let now = self.inner.clock.monotonic();
        Some(MirrorHealth {
            size,
            behind,
            late: since.map_or(Duration::ZERO, |since| now.saturating_sub(since)),
            why: waiting.why.clone(),
        })
    }

    /// Whether the mirror has become late since this was last asked: each time that it does is told once.
    pub(crate) fn became_late(&self) -> Option<MirrorHealth> {
        let health = self.mirror_health()?;
        health.warning()?;
        let mirroring = self.inner.mirror.get()?;
        let was_told = std::mem::replace(&mut mirroring.waiting().is_told, true);
        (!was_told).then_some(health)
    }

    /// Number of entries that no restore of the stores loses; without a mirror, of durable ones.
    pub(crate) fn size_mirrored(&self) -> u64 {
        match self.inner.mirror.get() {
            None => self.size(),
            Some(mirroring) => *mirroring.reached.borrow(),
        }
    }

    /// Waits until the mirror holds an entry, at most for so long. Without a mirror, the log itself is all there is.
    pub(crate) async fn is_mirrored(&self, index: u64, patience: Duration) -> bool {
        match self.inner.mirror.get() {
            None => true,
            Some(mirroring) => mirroring.holds(index, patience).await,
        }
    }

    /// Gives the mirror a moment for the last entries, and lets go of it.
    pub(super) async fn end_mirror(&self) {
        let Some(mirroring) = self.inner.mirror.get() else {
            return;
        };
        let last = self.inner.status.published().size.saturating_sub(1);
        if !mirroring.holds(last, LAST_TIME).await {
            tracing::warn!("the log's mirror lacks the last entries; the next start brings them");
        }
        mirroring.stop();
    }
}
