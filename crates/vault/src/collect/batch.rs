//! The people of one batch, each with what was gathered for them so far.

use std::collections::HashMap;
use std::sync::Arc;

use privet_archive::Language;
use privet_seal::Entropy;

use super::spooling::{Filled, Spooling, Target};
use super::words::Words;
use crate::keyring::{OpenSubject, RequestKey};
use crate::port::{Spools, SubjectRequestRow, TelemetryEvents};
use crate::{Error, RequestRunId, SubjectRef};

/// One person of a batch.
pub(crate) struct Member {
    /// The request, claimed.
    pub(crate) row: SubjectRequestRow,
    /// The attempt that claimed it.
    pub(crate) run: RequestRunId,
    /// The person.
    pub(crate) open: Arc<OpenSubject>,
    /// The request's key.
    pub(crate) key: RequestKey,
    /// What was gathered, collection by collection.
    pub(crate) filled: Vec<Filled>,
    /// The first thing that went wrong; nothing is gathered for them from then on.
    pub(crate) failed: Option<Error>,
}

impl Member {
    pub(crate) fn reference(&self) -> SubjectRef {
        self.open.row.reference
    }
}

/// People for whom everything is read once.
pub(crate) struct Batch {
    pub(crate) members: Vec<Member>,
    pub(crate) words: &'static Words,
    /// Telemetry; `None` where none is kept.
    pub(crate) telemetry: Option<Arc<dyn TelemetryEvents>>,
    spools: Arc<dyn Spools>,
    places: HashMap<SubjectRef, usize>,
    targets: Arc<[Target]>,
    collections: u32,
}

impl Batch {
    pub(crate) fn new(
        members: Vec<Member>,
        spools: Arc<dyn Spools>,
        telemetry: Option<Arc<dyn TelemetryEvents>>,
        language: Language,
    ) -> Self {
        let places = members.iter().enumerate();
        let targets = members.iter().map(|member| Target {
            run: member.run,
            key: Arc::clone(member.key.files()),
        });
        Self {
            places: places
                .map(|(place, member)| (member.reference(), place))
                .collect(),
            targets: targets.collect(),
            members,
            words: Words::of(language),
            telemetry,
            spools,
            collections: 0,
        }
    }

    /// The spools of the next collection.
    pub(crate) fn spooling(&mut self, entropy: &Arc<dyn Entropy>) -> Spooling {
        self.collections += 1;
        Spooling::new(
            Arc::clone(&self.spools),
            Arc::clone(entropy),
            Arc::clone(&self.targets),
            self.collections,
        )
    }

    /// What a collection came to.
    pub(crate) fn take(&mut self, filled: Vec<(usize, Filled)>) {
        for (place, filled) in filled {
            if let Some(member) = self.members.get_mut(place) {
                member.filled.push(filled);
            }
        }
    }

    /// Where somebody is, if anything is still gathered for them.
    pub(crate) fn place(&self, subject: SubjectRef) -> Option<usize> {
        let place = *self.places.get(&subject)?;
        self.members.get(place)?.failed.is_none().then_some(place)
    }

    /// Those for whom something is still gathered, with their places.
    pub(crate) fn going(&self) -> impl Iterator<Item = (usize, &Member)> {
        let members = self.members.iter().enumerate();
        members.filter(|(_, member)| member.failed.is_none())
    }

    /// Whom telemetry, a source or the disk failed: these people are tried again later, and nobody else.
    pub(crate) fn fail(&mut self, places: impl IntoIterator<Item = usize>, error: &Error) {
        for place in places {
            let member = self.members.get_mut(place);
            if let Some(member) = member.filter(|member| member.failed.is_none()) {
                member.failed = Some(Error::unready(error.code(), error.to_string()));
            }
        }
    }

    /// The same of everybody.
    pub(crate) fn fail_all(&mut self, error: &Error) {
        self.fail(0..self.members.len(), error);
    }
}
