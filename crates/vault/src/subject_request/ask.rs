//! Asking, and taking back.

use jiff::Timestamp;

use super::book::Outcome;
use super::deadline::Deadline;
use super::details::{Bound, Details, RequestOrigin};
use super::machine::{Event, Progress, Refusal, SubjectRequestKind};
use super::view::RequestSummary;
use crate::audit::{EntryKind, Record};
use crate::erasure::Draft;
use crate::keyring::OpenSubject;
use crate::policy::{Action, Decision};
use crate::port::{StoreError, SubjectRequestFilter, SubjectRequestRow};
use crate::{
    Caller, Error, RequestRunId, Result, SubjectName, SubjectRef, SubjectRequestId, Vault,
};

/// Requests that a person sees of their own.
const OWN_MAX: u32 = 100;
/// Running requests of one subject: one of each kind.
const RUNNING_MAX: u32 = 2;

impl Vault {
    /// Enters a person's wish to be forgotten. It can be taken back for some days; then their keys and links are destroyed as by
    /// [`Vault::close_subject`].
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::NotFound`] for an unknown subject, [`Error::Invalid`] when it is not said how the identity was
    /// checked, [`Error::Conflict`] with code `request_running` when the subject has such a request already.
    pub async fn request_erasure(
        &self,
        caller: &Caller,
        subject: &SubjectName,
        origin: RequestOrigin,
    ) -> Result<RequestSummary> {
        let decision = self
            .permit(caller, Action::RequestErasure, EntryKind::RequestDenied)
            .await?;
        let kind = SubjectRequestKind::Erasure;
        self.enter_request(caller, &decision, subject, kind, origin)
            .await
    }

    /// Enters what somebody asks for on their own behalf, who was decided about.
    pub(crate) async fn enter_own(
        &self,
        caller: &Caller,
        decision: &Decision,
        open: &OpenSubject,
        kind: SubjectRequestKind,
    ) -> Result<RequestSummary> {
        if kind == SubjectRequestKind::Access {
            self.copies()?;
        }
        let name = SubjectName::Oid(open.row.oid);
        let origin = RequestOrigin::default();
        self.enter_request(caller, decision, &name, kind, origin)
            .await
    }

    /// What somebody who was decided about has asked for, the oldest first, at most the first hundred.
    pub(crate) async fn own_requests(
        &self,
        open: &OpenSubject,
        kind: SubjectRequestKind,
    ) -> Result<Vec<RequestSummary>> {
        let filter = SubjectRequestFilter {
            subject: Some(open.row.reference),
            count_max: OWN_MAX,
            ..SubjectRequestFilter::default()
        };
        let rows = self.inner.keys.subject_requests(&filter).await?;
        let of_kind = rows.iter().filter(|row| row.kind == kind);
        let (oid, now) = (Some(open.row.oid), self.now());
        Ok(of_kind
            .map(|row| RequestSummary::new(row, oid, now))
            .collect())
    }

    pub(super) async fn enter_request(
        &self,
        caller: &Caller,
        decision: &Decision,
        subject: &SubjectName,
        kind: SubjectRequestKind,
        origin: RequestOrigin,
    ) -> Result<RequestSummary> {
        let id = SubjectRequestId::random(self.inner.keyring.entropy());
        self.enter_request_as(caller, decision, (subject, kind), origin, id)
            .await
    }

    /// The same under an id that is given.
    pub(super) async fn enter_request_as(
        &self,
        caller: &Caller,
        decision: &Decision,
        (subject, kind): (&SubjectName, SubjectRequestKind),
        origin: RequestOrigin,
        id: SubjectRequestId,
    ) -> Result<RequestSummary> {
        let now = self.now();
        let origin = origin.check(caller, now)?;
        let open = self.subject(subject).await?;
        self.check_none_runs(&open, kind, now).await?;
        let keyring = &self.inner.keyring;
        let bound = Bound {
            request: id,
            subject: open.row.reference,
            kind,
        };
        let received_at = origin.received_at;
        let (key_row, key) = keyring
            .requests()
            .fresh(open.tenant(), *id.as_bytes(), now)?;
        let details = Details::new(caller, origin).seal(bound, &key, keyring.entropy())?;
        let row = SubjectRequestRow {
            id,
            subject: Some(open.row.reference),
            kind,
            received_at,
            asked_at: now,
            details,
            version: 1,
            progress: Progress::asked(
                kind,
                self.writes_to_people(),
                now,
                self.requests_book().rules(),
            ),
        };
        let record = Record::by(EntryKind::RequestAsked, caller)
            .ruling(self.ruling(decision))
            .fact("request", id.to_string())
            .fact("kind", kind.as_str())
            .subject(open.used([], 0));
        self.record(record).await?;
        match self
            .inner
            .keys
            .add_subject_request(row.clone(), Some(key_row))
            .await
        {
            Ok(()) => Ok(RequestSummary::new(&row, Some(open.row.oid), now)),
            Err(StoreError::Conflict) => {
                // Another one was first, or the subject is no more.
                self.subject(subject).await?;
                self.check_none_runs(&open, kind, now).await?;
                Err(StoreError::Conflict.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Enters the erasure of a subject that is closed at once, held by this attempt. Where the subject has one, or is gone, nothing
    /// is entered.
    pub(crate) async fn enter_erasure(
        &self,
        id: SubjectRequestId,
        subject: SubjectRef,
        run: RequestRunId,
        draft: &Draft,
    ) -> Result<()> {
        let now = self.now();
        let (config, keyring) = (&self.inner.config, &self.inner.keyring);
        let tenant = keyring.tenant(&config.tenant, now).await?;
        let kind = SubjectRequestKind::Erasure;
        let (key_row, key) = keyring.requests().fresh(&tenant, *id.as_bytes(), now)?;
        let bound = Bound {
            request: id,
            subject,
            kind,
        };
        let details = Details::of_closing().seal(bound, &key, keyring.entropy())?;
        let (server, receipt) = (config.origin.clone(), draft.to_bytes()?);
        let rules = self.requests_book().rules();
        let row = SubjectRequestRow {
            id,
            subject: Some(subject),
            kind,
            received_at: now,
            asked_at: now,
            details,
            version: 1,
            progress: Progress::closing(run, server, receipt, now, rules),
        };
        match self
            .inner
            .keys
            .add_subject_request(row, Some(key_row))
            .await
        {
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The erasure that a subject waits for.
    pub(crate) async fn running_erasure(
        &self,
        subject: SubjectRef,
    ) -> Result<Option<SubjectRequestId>> {
        let filter = SubjectRequestFilter {
            subject: Some(subject),
            states: super::running_states(),
            count_max: RUNNING_MAX,
            ..SubjectRequestFilter::default()
        };
        let rows = self.inner.keys.subject_requests(&filter).await?;
        let kind = SubjectRequestKind::Erasure;
        Ok(rows.iter().find(|row| row.kind == kind).map(|row| row.id))
    }

    async fn check_none_runs(
        &self,
        open: &OpenSubject,
        kind: SubjectRequestKind,
        now: Timestamp,
    ) -> Result<()> {
        let filter = SubjectRequestFilter {
            subject: Some(open.row.reference),
            states: super::running_states(),
            count_max: RUNNING_MAX,
            ..SubjectRequestFilter::default()
        };
        let rows = self.inner.keys.subject_requests(&filter).await?;
        let Some(running) = rows.iter().find(|row| row.kind == kind) else {
            return Ok(());
        };
        let due = match kind {
            SubjectRequestKind::Access => "the file is made",
            SubjectRequestKind::Erasure => "they are erased",
        };
        let next = running.progress.due_at.max(now);
        Err(Error::conflict(
            "request_running",
            format!(
                "this subject has a request for {} already, `{}`: {due} from {next:.0} on, and by {} at the latest; wait for it, \
                 or cancel it",
                kind.as_str(),
                running.id,
                Deadline::of(running.received_at).due_on,
            ),
        ))
    }

    /// Takes a request back: an erasure until it is carried out, an access request at any time, with its file.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::NotFound`] for an unknown request, [`Error::Conflict`] with `request_too_late` or `request_ended` when
    /// there is nothing to take back any more.
    pub async fn cancel_request(
        &self,
        caller: &Caller,
        id: SubjectRequestId,
    ) -> Result<RequestSummary> {
        let decision = self
            .permit(caller, Action::CancelRequest, EntryKind::RequestDenied)
            .await?;
        self.cancel_for(caller, &decision, id).await
    }

    /// The same for a caller who was decided about.
    pub(crate) async fn cancel_for(
        &self,
        caller: &Caller,
        decision: &Decision,
        id: SubjectRequestId,
    ) -> Result<RequestSummary> {
        let row = self.request_of_person(id).await?;
        let now = self.now();
        let refused = super::machine::next(
            &row.progress,
            &Event::Cancelled,
            now,
            self.requests_book().rules(),
        );
        if let Err(refusal) = refused {
            return Err(cannot_cancel(refusal));
        }
        // A key store that went back to a copy from before would carry out what was taken back: a start reads it from the log.
        let hold = self.inner.ledger.hold(self.inner.audit.size());
        let mut record = Record::by(EntryKind::RequestCancelled, caller)
            .ruling(self.ruling(decision))
            .fact("request", id.to_string())
            .fact("kind", row.kind.as_str());
        let open = self.subject_of(&row).await?;
        if let Some(open) = &open {
            record = record.subject(open.used([], 0));
        }
        self.record(record).await?;
        let outcome = self
            .requests_book()
            .apply(id, &Event::Cancelled, now)
            .await?;
        hold.release();
        match outcome {
            Some(Outcome::Changed(row, _)) => {
                self.delete_file_of(&row).await;
                let oid = open.map(|open| open.row.oid);
                Ok(RequestSummary::new(&row, oid, now))
            }
            Some(Outcome::Refused(refusal)) => Err(cannot_cancel(refusal)),
            Some(Outcome::Behind) => Err(StoreError::Conflict.into()),
            None => Err(Error::NotFound("request")),
        }
    }

    /// What a log says was taken back, in a key store that may not know of it.
    pub(crate) async fn replay_cancelled_request(&self, id: SubjectRequestId) -> Result<()> {
        let event = Event::Cancelled;
        // One that has ended, or is being carried out, stays as it is.
        self.requests_book().apply(id, &event, self.now()).await?;
        Ok(())
    }
}

fn cannot_cancel(refusal: Refusal) -> Error {
    match refusal {
        Refusal::TooLate => Error::conflict(
            "request_too_late",
            "the erasure has begun and cannot be taken back any more",
        ),
        _ => Error::conflict(
            "request_ended",
            "the request has ended: there is nothing to cancel",
        ),
    }
}
