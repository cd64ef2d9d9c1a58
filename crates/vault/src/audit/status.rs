//! How the log is doing: what the sequencer tells everybody else, and why it says no.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::AuditLimits;
use super::mirror::MirrorHealth;
use crate::{Error, Reason};

/// Why an entry was not written. Nothing may be revealed that it would have recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It was not durable in time. It may still become durable: an entry too many, never one too few.
    Deadline,
    /// Too many entries wait already.
    QueueFull,
    /// The store has no space left.
    DiskFull,
    /// The clock is behind the last entry.
    Clock,
    /// The store failed otherwise.
    Store,
    /// The log has stopped for good.
    Stopped(Stop),
}

/// Why the log stopped for good: only a new start, which checks everything, may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Somebody else appended to this origin.
    OtherWriter,
    /// The store holds less than this server has signed: a copy was restored, or a standby that had not seen everything
    /// took over.
    WentBack,
    /// The full check found something that does not match.
    Damaged,
    /// A checkpoint could not be signed.
    Signer,
    /// The mirror holds another history.
    Split,
    /// Closed in good order.
    Closed,
}

impl Refusal {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Deadline => "audit_deadline",
            Self::QueueFull => "audit_queue_full",
            Self::DiskFull => "audit_disk_full",
            Self::Clock => "audit_clock",
            Self::Store => "audit_store",
            Self::Stopped(Stop::WentBack) => "audit_went_back",
            Self::Stopped(Stop::Split) => "mirror_differs",
            Self::Stopped(_) => "audit_stopped",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Deadline => "the entry was not durable in time",
            Self::QueueFull => "too many entries wait already",
            Self::DiskFull => "its disk is full: make room, it then goes on by itself",
            Self::Clock => {
                "the clock is behind the last entry: set it right, the log then goes on by itself"
            }
            Self::Store => "its store failed",
            Self::Stopped(Stop::OtherWriter) => {
                "another writer used its origin, so it stopped: end one of the two servers"
            }
            Self::Stopped(Stop::WentBack) => {
                "its store holds less than this server has signed, so it stopped: let the server of the database that \
                 has all of it take over again, then start anew"
            }
            Self::Stopped(Stop::Damaged) => {
                "the full check found it changed, so it stopped: run `privet audit verify`"
            }
            Self::Stopped(Stop::Split) => {
                "its mirror holds another history than this server has written, so it stopped: keep both, find out with \
                 `privet audit verify` which of them is whole, and end whoever writes the other"
            }
            Self::Stopped(Stop::Signer) => "its checkpoint could not be signed, so it stopped",
            Self::Stopped(Stop::Closed) => "the server is shutting down",
        }
    }

    fn reason(self) -> Reason {
        Reason {
            code: self.code(),
            text: self.text().to_owned(),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::AuditUnavailable(refusal.reason())
    }
}

/// What is committed, as one value: size and checkpoint never disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) size: u64,
    pub(crate) checkpoint: Vec<u8>,
}

/// How far something that goes through all entries has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Entries done.
    pub done: u64,
    /// Entries to do.
    pub of: u64,
}

/// The state of the log for `/health/ready` and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHealth {
    /// Number of durable entries.
    pub size: u64,
    /// Why entries are refused now; `None` while the log is written.
    pub refusing: Option<Reason>,
    /// Whether only a new start can help.
    pub stopped: bool,
    /// Entries that wait for a commit.
    pub queue_depth: usize,
    /// How many may wait.
    pub queue_max: usize,
    /// How long the last commit took.
    pub last_commit: Duration,
    /// Commits since the start.
    pub commits: u64,
    /// Entries refused since the start, for whatever reason.
    pub refused: u64,
    /// The full check of what was there at the start.
    pub check: Progress,
    /// Whether that check has ended, one way or the other.
    pub check_ended: bool,
    /// When it ended.
    pub check_ended_at: Option<Timestamp>,
    /// The log's mirror, if there is one.
    pub mirror: Option<MirrorHealth>,
}

/// Shared between the handle, the sequencer and the background tasks.
#[derive(Debug)]
pub(crate) struct Status {
    published: watch::Sender<Arc<Published>>,
    refusing: Mutex<Option<Refusal>>,
    stopped: OnceLock<Stop>,
    last_commit_us: AtomicU64,
    commits: AtomicU64,
    refused: AtomicU64,
    check: Mutex<Progress>,
    check_ended: OnceLock<Timestamp>,
}

impl Status {
    pub(crate) fn new(published: Published) -> Self {
        Self {
            refusing: Mutex::new(None),
            stopped: OnceLock::new(),
            last_commit_us: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            check: Mutex::new(Progress {
                done: 0,
                of: published.size,
            }),
            check_ended: OnceLock::new(),
            published: watch::Sender::new(Arc::new(published)),
        }
    }

    pub(crate) fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published.borrow())
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.published.subscribe()
    }

    pub(crate) fn publish(&self, published: Published) {
        self.published.send_replace(Arc::new(published));
    }

    pub(crate) fn committed(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.last_commit_us.store(took, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        if let Some(refusal) = self.set_refusing(None) {
            tracing::info!(code = refusal.code(), "the audit log is written again");
        }
    }

    /// A whole batch, or the log itself, is refused until further notice.
    pub(crate) fn failed(&self, refusal: Refusal) {
        if self.set_refusing(Some(refusal)) != Some(refusal) {
            tracing::error!(
                code = refusal.code(),
                "the audit log refuses entries: {}",
                refusal.text()
            );
        }
    }

    /// One entry was refused.
    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Stops the log; the first reason stays.
    pub(crate) fn stop(&self, stop: Stop) {
        if self.stopped.set(stop).is_ok() && stop != Stop::Closed {
            self.failed(Refusal::Stopped(stop));
        }
    }

    pub(crate) fn stopped(&self) -> Option<Stop> {
        self.stopped.get().copied()
    }

    pub(crate) fn checked(&self, progress: Progress) {
        *self.check.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    /// The full check is over.
    pub(crate) fn check_ended(&self, at: Timestamp) {
        // It ends once.
        let _ = self.check_ended.set(at);
    }

    pub(crate) fn health(&self, queue_depth: usize, limits: &AuditLimits) -> AuditHealth {
        let refusing = *self.refusing.lock().unwrap_or_else(PoisonError::into_inner);
        let refusing = self.stopped().map(Refusal::Stopped).or(refusing);
        AuditHealth {
            size: self.published.borrow().size,
            refusing: refusing.map(Refusal::reason),
            stopped: self.stopped().is_some(),
            queue_depth,
            queue_max: limits.queue_max,
            last_commit: Duration::from_micros(self.last_commit_us.load(Ordering::Relaxed)),
            commits: self.commits.load(Ordering::Relaxed),
            refused: self.refused(),
            check: *self.check.lock().unwrap_or_else(PoisonError::into_inner),
            check_ended: self.check_ended.get().is_some(),
            check_ended_at: self.check_ended.get().copied(),
            mirror: None,
        }
    }

    fn set_refusing(&self, refusal: Option<Refusal>) -> Option<Refusal> {
        let mut refusing = self.refusing.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *refusing, refusal)
    }
}
