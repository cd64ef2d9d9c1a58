//! Asking for an adoption to be taken back, and approving it: two people, one source, once.

use std::sync::PoisonError;

use jiff::{Timestamp, ToSpan};
use zeroize::Zeroizing;

use super::{JobStatus, Jobs, run};
use crate::audit::{EntryKind, Record};
use crate::policy::Action;
use crate::session::Reason;
use crate::vault::{Question, denied_by_policy};
use crate::{Caller, Error, JobId, PrincipalKind, PrincipalName, Result, SourceName, Vault};

/// How long a request waits for somebody else.
const HOURS: i64 = 24;
/// How many wait at a time.
const REQUESTS_MAX: usize = 20;

/// A wish that waits for its approval. It is kept in memory alone: a server that starts anew has to be asked again.
pub(super) struct Request {
    id: JobId,
    source: SourceName,
    requester: PrincipalName,
    reason: Zeroizing<String>,
    until: Timestamp,
}

/// A request that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoRequested {
    /// By which it is approved; the job has the same.
    pub id: JobId,
    /// Until when.
    pub until: Timestamp,
}

impl Jobs {
    fn ask(&self, request: Request, now: Timestamp) -> Result<()> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.retain(|other| other.until > now && other.source != request.source);
        if requests.len() >= REQUESTS_MAX {
            return Err(Error::limited(
                "too_many_requests",
                format!(
                    "{REQUESTS_MAX} requests wait for their approval already: approve one, or wait"
                ),
            ));
        }
        requests.push(request);
        Ok(())
    }

    fn find_request(&self, id: JobId, now: Timestamp) -> Option<(SourceName, PrincipalName)> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let found = requests
            .iter()
            .find(|one| one.id == id && one.until > now)?;
        Some((found.source.clone(), found.requester.clone()))
    }

    /// Takes a request out, so that it is good once.
    fn take_request(&self, id: JobId, now: Timestamp) -> Option<Request> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let at = requests
            .iter()
            .position(|one| one.id == id && one.until > now)?;
        Some(requests.remove(at))
    }
}

impl Vault {
    /// Asks for a source's adoption to be taken back. Nothing happens until another person approves it; a later request
    /// for the same source takes the place of this one.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a source that the server does not have, [`Error::Denied`] by policy or for a program,
    /// [`Error::Invalid`] for a reason that says nothing.
    pub async fn undo_request(
        &self,
        caller: &Caller,
        source: &SourceName,
        reason: &str,
    ) -> Result<UndoRequested> {
        self.permit_adopt(caller, source).await?;
        only_people(caller)?;
        if !self.inner.sources.contains_key(source) {
            return Err(Error::NotFound("source"));
        }
        let reason = Reason::check(reason, None)?.text;
        let now = self.now();
        let id = JobId::random(&*self.inner.entropy);
        let until = now
            .saturating_add(HOURS.hours())
            .map_err(|_| Error::Internal("clock out of range"))?;
        let record = Record::by(EntryKind::UndoRequested, caller)
            .fact("job", id.to_string())
            .fact("source", source.as_str())
            .personal("reason", reason.as_str());
        self.record(record).await?;
        let request = Request {
            id,
            source: source.clone(),
            requester: caller.principal().name.clone(),
            reason: Zeroizing::new(reason),
            until,
        };
        self.inner.jobs.ask(request, now)?;
        Ok(UndoRequested { id, until })
    }

    /// Approves a request, which starts the job at once. Whoever may adopt the source or review its sessions may, except
    /// the person who asked.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a request that there is not (any more), [`Error::Denied`] by policy, for a program and for
    /// the requester, [`Error::Conflict`] while the source has another job.
    pub async fn undo_approve(&self, caller: &Caller, id: JobId) -> Result<JobId> {
        let now = self.now();
        let found = self.inner.jobs.find_request(id, now);
        let (source, requester) = found.ok_or(Error::NotFound("request"))?;
        self.permit_watching(caller, &source).await?;
        only_people(caller)?;
        if caller.principal().name == requester {
            return Err(Error::denied(
                "own_request",
                "whoever asked for it cannot approve it: ask a colleague",
            ));
        }
        let port = self.inner.sources.get(&source).cloned();
        let port = port.ok_or(Error::NotFound("source"))?;
        let status = JobStatus {
            undo: true,
            ..JobStatus::new(id, source, false)
        };
        let job = self.inner.jobs.add(status)?;
        let Some(request) = self.inner.jobs.take_request(id, now) else {
            job.fail("the request was approved by somebody else at the same moment");
            return Err(Error::NotFound("request"));
        };
        let work = run::undo(
            self.clone(),
            caller.clone(),
            port.clone(),
            job.clone(),
            request.requester,
            request.reason,
        );
        super::spawn(work, port, job);
        Ok(id)
    }

    /// Lets pass who may adopt the source, and who may review its sessions.
    pub(super) async fn permit_watching(&self, caller: &Caller, source: &SourceName) -> Result<()> {
        for action in [Action::Adopt, Action::ReviewSession] {
            let question = Question::about(action).source(source);
            if self.decide(caller, &question)?.allowed {
                return Ok(());
            }
        }
        self.permit_adopt(caller, source).await
    }
}

fn only_people(caller: &Caller) -> Result<()> {
    if caller.principal().kind == PrincipalKind::Person {
        return Ok(());
    }
    Err(denied_by_policy(caller, Action::Adopt))
}
