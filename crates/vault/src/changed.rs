//! Whether anything about a subject changed since it was read.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::SubjectRef;

/// How many counters subjects share. One more reading is all that sharing costs.
const COUNTERS: usize = 1 << 16;

/// A change is about a subject, and what is kept ready is found by other ids; a second map between them could lose what the
/// first still holds. So every subject has one of a fixed number of counters, which a change advances, and what was read
/// is valid while its subject's counter is what it was before the reading.
pub(crate) struct Changed(Box<[AtomicU64]>);

/// Taken before something about a subject is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    counter: u16,
    count: u64,
}

impl Default for Changed {
    fn default() -> Self {
        Self((0..COUNTERS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Changed {
    pub(crate) fn ticket(&self, subject: SubjectRef) -> Ticket {
        // References are random, so that any two of their bytes are.
        let [high, low, ..] = *subject.as_bytes();
        self.now(u16::from_be_bytes([high, low]))
    }

    /// Whether nothing changed since the ticket was taken.
    pub(crate) fn holds(&self, ticket: Ticket) -> bool {
        self.now(ticket.counter) == ticket
    }

    /// Something about this subject changed.
    pub(crate) fn note(&self, subject: SubjectRef) {
        let counter = usize::from(self.ticket(subject).counter);
        if let Some(counter) = self.0.get(counter) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Anything may have changed.
    pub(crate) fn note_all(&self) {
        for counter in &self.0 {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn now(&self, counter: u16) -> Ticket {
        let count = self.0.get(usize::from(counter));
        let count = count.map_or(0, |count| count.load(Ordering::SeqCst));
        Ticket { counter, count }
    }
}
