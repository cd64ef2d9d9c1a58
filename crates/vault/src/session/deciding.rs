//! What a second person says to a request: yes or no. Never to one's own, whichever token it was made with.

use super::connection::Connection;
use super::request::Approval;
use super::requests::RequestView;
use super::review::check_note;
use crate::audit::{EntryKind, Record};
use crate::policy::{Action, Decision};
use crate::port::{GrantRequestRow, RequestDecision};
use crate::vault::{Question, denied_by_policy};
use crate::{Caller, Error, GrantRequestId, PrincipalKind, Result, Vault};

impl Vault {
    /// Approves a request of somebody else.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] by policy or with code `own_request`, [`Error::Conflict`] with code
    /// `request_over` when it was decided, used or has expired, or its session ended.
    pub async fn approve_request(
        &self,
        caller: &Caller,
        id: GrantRequestId,
        note: &str,
    ) -> Result<()> {
        self.alive(caller)?;
        let row = self.request_row(id).await?;
        if row.principal == caller.principal().name {
            let error = Error::denied(
                "own_request",
                "this is your own request: somebody else has to approve it",
            );
            return Err(self.deny(caller, &row, None, error).await?);
        }
        let decision = self.permit_deciding(caller, &row).await?;
        if self.asks_person(&row).await? {
            let error = Error::denied(
                "asked_of_person",
                "the person whose data it is was asked themself: nobody answers for them",
            );
            return Err(self.deny(caller, &row, Some(decision), error).await?);
        }
        self.check_answerable(&row).await?;
        let record = Record::by(EntryKind::GrantApproved, caller).ruling(self.ruling(&decision));
        self.decide_on_record(caller, &row, true, record, note)
            .await
    }

    /// Says no to a request, takes back an approval that nobody has used yet, or withdraws one's own request.
    ///
    /// # Errors
    /// As [`approve_request`](Self::approve_request), apart from `own_request`.
    pub async fn reject_request(
        &self,
        caller: &Caller,
        id: GrantRequestId,
        note: &str,
    ) -> Result<()> {
        self.alive(caller)?;
        let row = self.request_row(id).await?;
        let mut record = Record::by(EntryKind::GrantRejected, caller);
        let mut why = "it was withdrawn";
        if row.principal != caller.principal().name {
            let decision = self.permit_deciding(caller, &row).await?;
            record = record.ruling(self.ruling(&decision));
            why = match row.decision {
                None => "a second person said no",
                Some(_) => "its approval was taken back",
            };
        }
        let decision = RequestDecision {
            approved: false,
            by: caller.principal().name.clone(),
            at: self.now(),
        };
        if !row.takes(&decision) {
            return Err(over());
        }
        let record = record.fact("why", why);
        self.decide_on_record(caller, &row, false, record, note)
            .await
    }

    /// Refuses to say yes to what nothing can come of any more.
    pub(crate) async fn check_answerable(&self, row: &GrantRequestRow) -> Result<()> {
        if !row.is_waiting(self.now()) {
            return Err(over());
        }
        let session = self.inner.data.session(row.session).await?;
        if session.is_none_or(|session| session.ended_at.is_some()) {
            return Err(Error::conflict(
                "request_over",
                "the session that asked for this has ended: it cannot use an approval any more",
            ));
        }
        Ok(())
    }

    pub(crate) async fn request_row(&self, id: GrantRequestId) -> Result<GrantRequestRow> {
        let row = self.inner.keys.request(id).await?;
        row.ok_or(Error::NotFound("request"))
    }

    /// The entry is durable before the row says so. Of two who decide at the same moment one is told that it was late; a
    /// "no" in the log stops the request whatever its row says.
    pub(crate) async fn decide_on_record(
        &self,
        caller: &Caller,
        row: &GrantRequestRow,
        approved: bool,
        record: Record,
        note: &str,
    ) -> Result<()> {
        let note = note.trim();
        check_note(note)?;
        let record = record
            .fact("request", row.id.to_string())
            .personal("note", note);
        let (tenant, now) = (&self.inner.config.tenant, self.now());
        let keyring = &self.inner.keyring;
        let key = keyring.session_key(tenant, row.session, now).await?;
        self.record_session(row.session, &key, record).await?;
        // Other servers find it by the session's list.
        self.inner.listing.written().await;
        let decision = RequestDecision {
            approved,
            by: caller.principal().name.clone(),
            at: now,
        };
        match self.inner.keys.decide_request(row.id, decision).await? {
            true => Ok(()),
            false => Err(over()),
        }
    }

    /// Whether policy lets the caller approve every field of a request.
    pub(super) fn may_approve(&self, caller: &Caller, row: &GrantRequestRow) -> Result<Decision> {
        let mut all: Option<Decision> = None;
        for number in &row.fields {
            // A field that is not in the data map any more is nobody's to approve.
            let field = self.inner.map.field_by_number(*number);
            let field = field.ok_or(Error::NotFound("field"))?;
            let question = Question::about(Action::ApproveDecrypt)
                .field(field)
                .source(&row.source);
            let mut decision = self.decide(caller, &question)?;
            // A second pair of eyes has eyes.
            decision.allowed &= caller.principal().kind == PrincipalKind::Person;
            all = Some(match all {
                None => decision,
                Some(former) => former.and(decision),
            });
        }
        all.ok_or(Error::NotFound("field"))
    }

    /// Refuses whoever may not approve this request.
    pub(super) async fn permit_deciding(
        &self,
        caller: &Caller,
        row: &GrantRequestRow,
    ) -> Result<Decision> {
        let decision = self.may_approve(caller, row)?;
        if decision.allowed {
            return Ok(decision);
        }
        let error = denied_by_policy(caller, Action::ApproveDecrypt);
        Err(self.deny(caller, row, Some(decision), error).await?)
    }

    /// A refusal is on record before it is told.
    async fn deny(
        &self,
        caller: &Caller,
        row: &GrantRequestRow,
        decision: Option<Decision>,
        error: Error,
    ) -> Result<Error> {
        let mut record = Record::by(EntryKind::GrantDenied, caller)
            .reason(error.code())
            .fact("request", row.id.to_string());
        if let Some(decision) = decision {
            record = record.ruling(self.ruling(&decision));
        }
        self.record(record).await?;
        Ok(error)
    }
}

impl Connection {
    /// The requests that wait for whoever is connected, as [`Vault::grant_requests`]. It takes no reason: nothing of the
    /// source is shown.
    ///
    /// # Errors
    /// As there.
    pub async fn grant_requests(&self) -> Result<Vec<RequestView>> {
        self.vault.grant_requests(&self.caller).await
    }

    /// Approves a request of somebody else, as [`Vault::approve_request`].
    ///
    /// # Errors
    /// As there.
    pub async fn approve_request(&self, id: GrantRequestId, note: &str) -> Result<()> {
        self.vault.approve_request(&self.caller, id, note).await
    }

    /// Says no to a request, as [`Vault::reject_request`].
    ///
    /// # Errors
    /// As there.
    pub async fn reject_request(&self, id: GrantRequestId, note: &str) -> Result<()> {
        self.vault.reject_request(&self.caller, id, note).await
    }
}

impl Approval {
    /// The request's fields by number.
    pub(super) fn fields(&self) -> &[u16] {
        &self.row.fields
    }
}

pub(crate) fn over() -> Error {
    Error::conflict(
        "request_over",
        "this request was decided or used, or has expired: the engineer asks again",
    )
}
