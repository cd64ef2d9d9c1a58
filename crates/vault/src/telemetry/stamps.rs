//! What is ready for telemetry: stamps by operational id, bounded in number, each valid until something about its subject changes.

use std::sync::Arc;

use quick_cache::sync::Cache;

use super::Stamp;
use crate::changed::{Changed, Ticket};
use crate::{Oid, SubjectRef};

/// How many people's stamps are ready: about 20 MiB.
const STAMPS_MAX: usize = 200_000;

/// Ready stamps, each with the ticket that was taken before what it says was read.
pub(crate) struct Stamps {
    ready: Cache<Oid, Ready>,
    changed: Arc<Changed>,
}

#[derive(Clone, Copy)]
struct Ready {
    stamp: Stamp,
    ticket: Ticket,
}

impl Stamps {
    pub(crate) fn new(changed: Arc<Changed>) -> Self {
        Self {
            ready: Cache::new(STAMPS_MAX),
            changed,
        }
    }

    pub(crate) fn ready(&self, oid: &Oid) -> Option<Stamp> {
        let Ready { stamp, ticket } = self.ready.get(oid)?;
        self.changed.holds(ticket).then_some(stamp)
    }

    /// Taken before what a stamp says is read.
    pub(crate) fn ticket(&self, subject: SubjectRef) -> Ticket {
        self.changed.ticket(subject)
    }

    /// Keeps a stamp that was read after its ticket was taken.
    pub(crate) fn keep(&self, oid: Oid, ticket: Ticket, stamp: Stamp) {
        self.ready.insert(oid, Ready { stamp, ticket });
    }

    /// Something about this subject changed.
    pub(crate) fn forget(&self, subject: SubjectRef) {
        self.changed.note(subject);
    }

    /// Anything may have changed.
    pub(crate) fn forget_all(&self) {
        self.changed.note_all();
        self.ready.clear();
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
        let stamps = Stamps::new(Arc::default());
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
        let stamps = Stamps::new(Arc::default());
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
        let stamps = Stamps::new(Arc::default());
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
