//! What is ready for telemetry: stamps by operational id, bounded in number, each valid until something about its subject changes.

use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;

use super::Stamp;
use crate::{Oid, SubjectRef};

/// How many people's stamps are ready: about 20 MiB.
const STAMPS_MAX: usize = 200_000;
/// How many counters subjects share. One more reading is all that sharing costs.
const COUNTERS: usize = 1 << 16;

/// A change is about a subject, and a record names an operational id; a second map between them could lose what the first
/// still holds. So every subject has one of a fixed number of counters, which a change advances, and a stamp is valid
/// while its counter is what it was before the stamp was read.
pub(crate) struct Stamps {
    ready: Cache<Oid, Ready>,
    counters: Box<[AtomicU64]>,
}

#[derive(Clone, Copy)]
struct Ready {
    stamp: Stamp,
    ticket: Ticket,
}

/// Taken before what a stamp says is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    counter: u16,
    count: u64,
}

impl Default for Stamps {
    fn default() -> Self {
        Self {
            ready: Cache::new(STAMPS_MAX),
            counters: (0..COUNTERS).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Stamps {
    pub(crate) fn ready(&self, oid: &Oid) -> Option<Stamp> {
        let Ready { stamp, ticket } = self.ready.get(oid)?;
        (self.now(ticket.counter) == ticket).then_some(stamp)
    }

    pub(crate) fn ticket(&self, subject: SubjectRef) -> Ticket {
        // References are random, so that any two of their bytes are.
        let [high, low, ..] = *subject.as_bytes();
        self.now(u16::from_be_bytes([high, low]))
    }

    /// Keeps a stamp that was read after its ticket was taken.
    pub(crate) fn keep(&self, oid: Oid, ticket: Ticket, stamp: Stamp) {
        self.ready.insert(oid, Ready { stamp, ticket });
    }

    /// Something about this subject changed.
    pub(crate) fn forget(&self, subject: SubjectRef) {
        let counter = usize::from(self.ticket(subject).counter);
        if let Some(counter) = self.counters.get(counter) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Anything may have changed.
    pub(crate) fn forget_all(&self) {
        for counter in &self.counters {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        self.ready.clear();
    }

    fn now(&self, counter: u16) -> Ticket {
        let count = self.counters.get(usize::from(counter));
        let count = count.map_or(0, |count| count.load(Ordering::SeqCst));
        Ticket { counter, count }
    }
}

#[cfg(test)]
mod tests {
    use privet_seal::Tyid;

    use super::*;

    fn stamp(byte: u8) -> Stamp {
        Stamp {
            tyid: Tyid::from_bytes([byte; 16]),
            bits: 1,
            number: 1,
            rotation: 1,
        }
    }

    fn ids(n: u32) -> (Oid, SubjectRef) {
        let mut bytes = [0; 16];
        let [.., a, b, c, d] = n.to_be_bytes();
        bytes[..4].copy_from_slice(&[c, d, a, b]);
        (Oid::from_bytes(bytes), SubjectRef::from_bytes(bytes))
    }

    #[test]
    fn a_stamp_is_ready_until_its_subject_changes() {
        let stamps = Stamps::default();
        let ((oid, subject), (other, neighbour)) = (ids(1), ids(2));
        for (oid, subject) in [(oid, subject), (other, neighbour)] {
            stamps.keep(oid, stamps.ticket(subject), stamp(1));
        }
        stamps.forget(subject);
        assert!(stamps.ready(&oid).is_none());
        assert!(stamps.ready(&other) == Some(stamp(1)));
        stamps.keep(oid, stamps.ticket(subject), stamp(2));
        assert!(stamps.ready(&oid) == Some(stamp(2)));
        stamps.forget_all();
        assert!(stamps.ready(&oid).is_none() && stamps.ready(&other).is_none());
    }

    /// Whoever read the state of before brings nothing back.
    #[test]
    fn what_was_read_before_a_change_is_not_ready_after_it() {
        let stamps = Stamps::default();
        let (oid, subject) = ids(1);
        let ticket = stamps.ticket(subject);
        stamps.forget(subject);
        stamps.keep(oid, ticket, stamp(1));
        assert!(stamps.ready(&oid).is_none());
        let ticket = stamps.ticket(subject);
        stamps.forget_all();
        stamps.keep(oid, ticket, stamp(1));
        assert!(stamps.ready(&oid).is_none());
    }

    /// However many people there are, a change is never missed: nothing that finds a stamp can be pushed out.
    #[test]
    fn no_change_is_missed_among_many_people() {
        let stamps = Stamps::default();
        let people: Vec<_> = (0..300_000).map(ids).collect();
        for (oid, subject) in &people {
            stamps.keep(*oid, stamps.ticket(*subject), stamp(1));
        }
        for (_, subject) in people.iter().step_by(3) {
            stamps.forget(*subject);
        }
        let stale = people
            .iter()
            .step_by(3)
            .filter(|(oid, _)| stamps.ready(oid).is_some());
        assert_eq!(stale.count(), 0);
        let held = people
            .iter()
            .filter(|(oid, _)| stamps.ready.get(oid).is_some());
        assert!((1..=STAMPS_MAX).contains(&held.count()));
    }
}
