//! What became of what was to be forwarded, in numbers.

use tokio::sync::watch;

use crate::message::Signal;

/// Why a record did not get to the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unsent {
    /// More waited than may, and it was among the oldest.
    Overflow,
    /// The collector's answer to its request was final.
    Refused,
    /// The collector took its request without it.
    Rejected,
    /// It could not be kept or read.
    Lost,
    /// It waited for so long that the data map no longer keeps it.
    Outdated,
}

impl Unsent {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::Overflow,
        Self::Refused,
        Self::Rejected,
        Self::Lost,
        Self::Outdated,
    ];

    /// The name, for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overflow => "overflow",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::Lost => "lost",
            Self::Outdated => "outdated",
        }
    }
}

/// The numbers of now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forwarded {
    sent: [u64; Signal::ALL.len()],
    unsent: [u64; Unsent::ALL.len()],
    /// Bytes that wait.
    pub waiting_bytes: u64,
    /// Since when nothing goes out, in milliseconds since 1970, UTC; `None`: all is well.
    pub failing_since_ms: Option<i64>,
}

impl Forwarded {
    /// Log records, spans or points that the collector took.
    pub fn sent(&self, signal: Signal) -> u64 {
        let mut all = Signal::ALL.iter().zip(self.sent);
        let found = all.find(|(of, _)| **of == signal);
        found.map_or(0, |(_, count)| count)
    }

    /// Log records, spans and points that it did not get for that reason.
    pub fn unsent(&self, why: Unsent) -> u64 {
        let mut all = Unsent::ALL.iter().zip(self.unsent);
        let found = all.find(|(of, _)| **of == why);
        found.map_or(0, |(_, count)| count)
    }
}

/// The numbers while they change.
#[derive(Debug, Default)]
pub(super) struct Counting(watch::Sender<Forwarded>);

impl Counting {
    pub(super) fn watch(&self) -> watch::Receiver<Forwarded> {
        self.0.subscribe()
    }

    /// A request was taken, but for some records.
    pub(super) fn sent(&self, signal: Signal, records: u64, rejected: u64) {
        let rejected = rejected.min(records);
        self.0.send_modify(|counts| {
            counts.failing_since_ms = None;
            let mut all = Signal::ALL.iter().zip(&mut counts.sent);
            if let Some((_, count)) = all.find(|(of, _)| **of == signal) {
                *count += records - rejected;
            }
        });
        self.unsent(Unsent::Rejected, rejected);
    }

    pub(super) fn unsent(&self, why: Unsent, records: u64) {
        self.0.send_modify(|counts| {
            let mut all = Unsent::ALL.iter().zip(&mut counts.unsent);
            if let Some((_, count)) = all.find(|(of, _)| **of == why) {
                *count += records;
            }
        });
    }

    /// Nothing goes out at that moment.
    pub(super) fn failing(&self, now_ms: i64) {
        self.0.send_modify(|counts| {
            counts.failing_since_ms.get_or_insert(now_ms);
        });
    }

    /// So much waits when it is asked.
    pub(super) fn waiting(&self, bytes: impl Fn() -> u64) {
        self.0.send_modify(|counts| counts.waiting_bytes = bytes());
    }
}
