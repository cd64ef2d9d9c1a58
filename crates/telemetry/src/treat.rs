//! What passes of a request: pure functions from OTLP messages to treated records.
//!
//! Nothing is taken over that the data map does not name. Names (of events, spans, scopes, metrics) pass if it lists them; values
//! pass by the class of their attribute; texts that nobody can classify (status messages, severity texts, descriptions, versions,
//! schema addresses, trace states) never do. Of the rest there are numbers and enumerations, which are checked, and the ids
//! of traces and spans, which pass as they are: a client that uses one of them twice for different things ties these together.

mod about;
mod attributes;
mod buckets;
mod logs;
mod points;
mod spans;

use rustc_hash::FxHashMap;

use privet_vault::Oid;

use crate::counts::{Counts, Dropped};
use crate::limits::Limits;
use crate::people::{People, Stamp};
use crate::record::{Attribute, Batch, Common, Origin, Person};
use crate::rules::{Level, NameId, PurposeRule, Rules};
use about::{About, Purposes, Stated, Subject};
use attributes::Source;

pub(crate) use about::subject_of;
pub(crate) use points::points_of;

/// What became of a request.
#[derive(Debug, Default)]
pub struct Treated {
    /// What passed.
    pub batch: Batch,
    /// What became of all of it.
    pub counts: Counts,
}

/// What treating a request needs to know.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// What the data map says.
    pub rules: &'a Rules,
    /// Whom the request is about.
    pub people: &'a dyn People,
    /// Bounds of records.
    pub limits: &'a Limits,
    /// When the door took it, in milliseconds since 1970, UTC.
    pub received_ms: i64,
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

/// A request while it is treated.
pub(crate) struct Treating<'a> {
    pub(crate) with: Surroundings<'a>,
    pub(crate) batch: Batch,
    pub(crate) counts: Counts,
    /// The names of the data map that the batch has already, by their ids.
    names: Vec<Option<u32>>,
    people: FxHashMap<Oid, Option<Known>>,
    /// Bytes of the attributes of all origins.
    origin_bytes: usize,
}

/// A person of the batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    oid: Oid,
    index: u32,
    stamp: Stamp,
}

/// A record that may pass, and as what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admitted {
    person: Option<Known>,
    purpose: Option<NameId>,
    exportable: bool,
}

impl Admitted {
    /// Whom it is about.
    fn whose(&self) -> Option<Oid> {
        self.person.map(|known| known.oid)
    }
}

impl<'a> Treating<'a> {
    pub(crate) fn new(with: Surroundings<'a>) -> Self {
        let batch = Batch {
            received_ms: with.received_ms,
            notice: with.people.notice().to_owned(),
            ..Batch::default()
        };
        Self {
            with,
            batch,
            counts: Counts::default(),
            names: vec![None; with.rules.names()],
            people: FxHashMap::default(),
            origin_bytes: 0,
        }
    }

    pub(crate) fn finish(self) -> Treated {
        Treated {
            batch: self.batch,
            counts: self.counts,
        }
    }

    /// A name's place in the batch.
    pub(crate) fn name(&mut self, id: NameId) -> u32 {
        let slot = usize::try_from(id)
            .ok()
            .and_then(|id| self.names.get_mut(id));
        match slot {
            Some(Some(place)) => *place,
            Some(slot) => {
                let place = index(self.batch.names.len());
                *slot = Some(place);
                self.batch.names.push(self.with.rules.name(id).to_owned());
                place
            }
            // INVARIANT: ids come from the rules alone, and are below their number.
            None => u32::MAX,
        }
    }

    /// Decides whether a record passes.
    pub(crate) fn admit(
        &mut self,
        about: &About,
        purposes: Purposes,
        exportable: bool,
    ) -> Result<Admitted, Dropped> {
        let purpose = match about.purpose {
            Stated::Unknown => return Err(Dropped::Purpose),
            Stated::Known(purpose) => Some(purpose),
            Stated::Not => purposes.first(),
        };
        let person = match about.subject {
            Subject::Person(oid) => self.person(oid),
            Subject::Nobody | Subject::Unstated => None,
        };
        if let Some(PurposeRule { bit: Some(bit), .. }) = purpose
            && !person.is_some_and(|known| known.stamp.agrees(bit))
        {
            return Err(Dropped::Consent);
        }
        Ok(Admitted {
            person,
            purpose: purpose.map(|purpose| purpose.name),
            exportable: exportable || about.user_initiated,
        })
    }

    fn person(&mut self, oid: Oid) -> Option<Known> {
        if let Some(known) = self.people.get(&oid) {
            return *known;
        }
        let known = self.with.people.stamp(&oid).map(|stamp| {
            let index = index(self.batch.people.len());
            self.batch.people.push(Person {
                tyid: stamp.tyid.to_vec(),
                consent: stamp.bits,
                stamp: stamp.number,
            });
            Known { oid, index, stamp }
        });
        self.people.insert(oid, known);
        known
    }

    /// What every record has; its attributes are filled in by whoever has them.
    pub(crate) fn common(
        &mut self,
        admitted: &Admitted,
        time_ns: i64,
        origin: Option<u32>,
    ) -> Common {
        Common {
            time_ns,
            person: admitted.person.map(|known| known.index),
            purpose: admitted.purpose.map(|purpose| self.name(purpose)),
            exportable: admitted.exportable,
            origin,
            attributes: Vec::new(),
        }
    }

    /// The origin of a record. Object ids in it belong to a person's telemetry id, so that there may be several of one source.
    pub(crate) fn origin(
        &mut self,
        source: &mut Source<'_>,
        whose: Option<Oid>,
    ) -> Result<Option<u32>, Dropped> {
        let key = whose.filter(|_| source.has_objects);
        if let Some(place) = source.origins.get(&key) {
            return Ok(*place);
        }
        // The same long attributes for each of many people would be many times what was sent.
        if self.origin_bytes > self.with.limits.message_bytes_max {
            return Err(Dropped::TooLarge);
        }
        // What is lost is lost once, however many origins there are.
        let before = self.counts;
        let mut attributes = Vec::new();
        self.attributes(source.resource, Level::Resource, whose, &mut attributes);
        self.attributes(source.scope, Level::Scope, whose, &mut attributes);
        if !source.origins.is_empty() {
            self.counts = before;
        }
        self.origin_bytes += attributes.iter().map(Attribute::size_bytes).sum::<usize>();
        let scope = source.named.map(|named| self.name(named.name));
        let place = (scope.is_some() || !attributes.is_empty()).then(|| {
            let place = index(self.batch.origins.len());
            self.batch.origins.push(Origin { scope, attributes });
            place
        });
        source.origins.insert(key, place);
        Ok(place)
    }

    /// The event's own time; where it has none that a column can hold, the time of the door.
    pub(crate) fn time(&self, stated: &[u64]) -> i64 {
        let stated = stated.iter().find(|time| **time != 0);
        stated
            .and_then(|time| i64::try_from(*time).ok())
            .unwrap_or_else(|| self.with.received_ms.saturating_mul(1_000_000))
    }
}

/// The place of what is added next to a list of that length.
fn index(length: usize) -> u32 {
    // The parts of a message are counted before it is decoded, and are fewer.
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// An id of `LENGTH` bytes that is not all zeros; nothing in its place if it is none.
pub(crate) fn id<const LENGTH: usize>(bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() == LENGTH && bytes.iter().any(|byte| *byte != 0) {
        bytes
    } else {
        Vec::new()
    }
}
