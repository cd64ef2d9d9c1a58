//! What somebody may do at all with the record, so that a door shows them only what leads somewhere.

use crate::policy::{Action, Decision};
use crate::vault::Question;
use crate::{Caller, Result, Vault};

/// What a caller may do at all. It opens nothing: each call decides anew, by what it is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights {
    /// Reads sessions, of some source at least.
    pub reads_sessions: bool,
    /// Reads the log.
    pub reads_log: bool,
    /// Approves requests of others, for some field at least.
    pub decides_requests: bool,
    /// Sees what people ask for.
    pub reads_people_requests: bool,
}

impl Vault {
    /// What a caller may do at all. Nothing is put on record, since nothing is shown and nothing refused.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`](crate::Error::Unauthenticated) when the caller's token is over.
    pub fn rights(&self, caller: &Caller) -> Result<Rights> {
        let reads_log = self.decide(caller, &Question::about(Action::ReadLog))?;
        let reads_requests = self.decide(caller, &Question::about(Action::ReadRequests))?;
        Ok(Rights {
            reads_sessions: self.reads_some(caller)?.is_some(),
            reads_log: reads_log.allowed,
            decides_requests: self.approves_anything(caller)?.0,
            reads_people_requests: reads_requests.allowed,
        })
    }

    /// What lets the caller read sessions, of some source at least.
    pub(super) fn reads_some(&self, caller: &Caller) -> Result<Option<Decision>> {
        for source in std::iter::once(None).chain(self.inner.sources.keys().map(Some)) {
            let question = Question::about(Action::ReadSessions).of(source);
            let decision = self.decide(caller, &question)?;
            if decision.allowed {
                return Ok(Some(decision));
            }
        }
        Ok(None)
    }
}
