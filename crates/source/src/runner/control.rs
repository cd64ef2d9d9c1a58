//! What stops a running statement: its time, its client, or the end of the parent.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::failure::{Code, Failure};

/// Shared between the thread that runs statements and the one that hears the parent.
pub(crate) struct Control {
    started: Instant,
    /// Nanoseconds after `started`; 0: no limit.
    deadline: AtomicU64,
    running: AtomicU64,
    cancelled: AtomicU64,
    timed_out: AtomicBool,
    gone: AtomicBool,
}

impl Control {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            deadline: AtomicU64::new(0),
            running: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            timed_out: AtomicBool::new(false),
            gone: AtomicBool::new(false),
        }
    }

    /// A statement starts, with this much time. Numbers start at 1 and grow.
    pub(crate) fn start(&self, statement: u64, time: Duration) {
        let now = self.started.elapsed();
        let deadline = u64::try_from((now + time).as_nanos()).unwrap_or(u64::MAX);
        self.timed_out.store(false, Ordering::SeqCst);
        self.running.store(statement, Ordering::SeqCst);
        self.deadline.store(deadline, Ordering::SeqCst);
    }

    /// It has ended.
    pub(crate) fn end(&self) {
        self.running.store(0, Ordering::SeqCst);
        self.deadline.store(0, Ordering::SeqCst);
    }

    /// Whether the running statement, if it is this one, was cancelled by this call.
    pub(crate) fn cancel(&self, statement: u64) -> bool {
        self.cancelled.store(statement, Ordering::SeqCst);
        self.running.load(Ordering::SeqCst) == statement
    }

    /// The parent is gone: nothing runs any more.
    pub(crate) fn leave(&self) {
        self.gone.store(true, Ordering::SeqCst);
    }

    /// Asked by SQLite every few microseconds.
    pub(crate) fn must_stop(&self) -> bool {
        if self.gone.load(Ordering::Relaxed) {
            return true;
        }
        let running = self.running.load(Ordering::Relaxed);
        if running != 0 && self.cancelled.load(Ordering::Relaxed) == running {
            return true;
        }
        let deadline = self.deadline.load(Ordering::Relaxed);
        let late = deadline != 0 && self.started.elapsed().as_nanos() >= u128::from(deadline);
        if late {
            self.timed_out.store(true, Ordering::SeqCst);
        }
        late
    }

    /// What an interruption is called.
    pub(crate) fn interruption(&self) -> Failure {
        if self.timed_out.load(Ordering::SeqCst) {
            Failure::new(
                Code::Cancelled,
                "canceling statement due to statement timeout",
            )
        } else {
            Failure::new(Code::Cancelled, "canceling statement due to user request")
        }
    }
}
