//! Requests as the second person sees them: listed with what there is to judge by, approved or rejected. Never one's own,
//! whichever token it was made with.

use jiff::Timestamp;

use super::connection::Connection;
use super::request::Approval;
use super::review::check_note;
use super::step::SessionReader;
use crate::audit::{EntryKind, Record};
use crate::policy::{Action, Decision};
use crate::port::{GrantRequestRow, RequestDecision, SessionPart};
use crate::vault::{Question, denied_by_policy};
use crate::{Caller, Error, GrantRequestId, PrincipalKind, Result, Vault};

/// Requests that are listed at most.
pub const GRANT_REQUESTS_MAX: u32 = 200;
/// How many of a session's reasons, grants and requests are looked through.
const FRAME_MAX: u32 = 1_000;

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// Nobody has decided.
    Waiting,
    /// Approved, and not used yet.
    Approved,
    /// Rejected, withdrawn, or its approval was taken back.
    Rejected,
    /// A grant was made of it.
    Used,
    /// Its time is over.
    Expired,
}

impl RequestState {
    /// As a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Used => "used",
            Self::Expired => "expired",
        }
    }
}

/// A request with what there is to judge it by.
#[derive(Clone)]
pub struct RequestView {
    /// The facts, with the subjects' references.
    pub row: GrantRequestRow,
    /// Names of the fields.
    pub fields: Vec<String>,
    /// The subjects, as the engineer named them.
    pub subject: Option<String>,
    /// Where their consent can be found.
    pub evidence: Option<String>,
    /// Why the session is there.
    pub reason: Option<String>,
    /// Its ticket or incident.
    pub link: Option<String>,
}

impl std::fmt::Debug for RequestView {
    // Reasons, links and names of subjects are personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestView")
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// The requests whose time is not over, oldest first: those that the caller may approve, and their own. Reading them
    /// is on record.
    ///
    /// # Errors
    /// [`Error::Denied`] for whoever may approve nothing.
    pub async fn grant_requests(&self, caller: &Caller) -> Result<Vec<RequestView>> {
        self.permit_approving(caller).await?;
        let (keys, now) = (&self.inner.keys, self.now());
        let mut views = Vec::new();
        for row in keys.live_requests(now, GRANT_REQUESTS_MAX).await? {
            let own = row.principal == caller.principal().name;
            if own || self.may_approve(caller, &row)?.allowed {
                views.push(self.request_view(row).await?);
            }
        }
        let record = Record::by(EntryKind::GrantRead, caller)
            .fact("what", "requests")
            .count("requests", views.len() as u64);
        self.record(record).await?;
        Ok(views)
    }

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

    async fn request_row(&self, id: GrantRequestId) -> Result<GrantRequestRow> {
        let row = self.inner.keys.request(id).await?;
        row.ok_or(Error::NotFound("request"))
    }

    /// The entry is durable before the row says so. Of two who decide at the same moment one is told that it was late; a
    /// "no" in the log stops the request whatever its row says.
    async fn decide_on_record(
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

    /// Whether the caller may approve anything at all.
    async fn permit_approving(&self, caller: &Caller) -> Result<()> {
        let mut no = None;
        for field in self.inner.map.fields() {
            let question = Question::about(Action::ApproveDecrypt).field(field);
            let sources = self.inner.sources.keys();
            for question in sources.map(|source| question.source(source)) {
                let decision = self.decide(caller, &question)?;
                if decision.allowed && caller.principal().kind == PrincipalKind::Person {
                    return Ok(());
                }
                no = Some(decision);
            }
        }
        let mut record = Record::by(EntryKind::GrantDenied, caller).reason("policy_denied");
        if let Some(decision) = no {
            record = record.ruling(self.ruling(&decision));
        }
        self.record(record).await?;
        Err(denied_by_policy(caller, Action::ApproveDecrypt))
    }

    /// Whether policy lets the caller approve every field of a request.
    fn may_approve(&self, caller: &Caller, row: &GrantRequestRow) -> Result<Decision> {
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

    async fn permit_deciding(&self, caller: &Caller, row: &GrantRequestRow) -> Result<Decision> {
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

    async fn request_view(&self, row: GrantRequestRow) -> Result<RequestView> {
        let mut reader = SessionReader::open(self, row.session).await?;
        let steps = reader.steps(SessionPart::Frame, 0, FRAME_MAX).await?;
        let opening = steps
            .iter()
            .find(|step| step.kind() == Some(EntryKind::SessionOpened));
        let asked = steps.iter().find(|step| step.is_asking(&row));
        let names = row.fields.iter().map(|number| self.field_name(*number));
        let fields = names.collect();
        Ok(RequestView {
            fields,
            subject: asked.and_then(|step| step.personal("subject")),
            evidence: asked.and_then(|step| step.personal("evidence")),
            reason: opening.and_then(|step| step.personal("reason")),
            link: opening.and_then(|step| step.personal("link")),
            row,
        })
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

impl RequestView {
    /// Where it stands at this moment.
    pub fn state(&self, now: Timestamp) -> RequestState {
        match &self.row.decision {
            _ if self.row.grant.is_some() => RequestState::Used,
            _ if now >= self.row.expires_at => RequestState::Expired,
            None => RequestState::Waiting,
            Some(decision) if decision.approved => RequestState::Approved,
            Some(_) => RequestState::Rejected,
        }
    }
}

impl Approval {
    /// The request's fields by number.
    pub(super) fn fields(&self) -> &[u16] {
        &self.row.fields
    }
}

fn over() -> Error {
    Error::conflict(
        "request_over",
        "this request was decided or used, or has expired: the engineer asks again",
    )
}
