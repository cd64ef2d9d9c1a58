//! Requests as the second person sees them, with what there is to judge by.

use jiff::Timestamp;

use super::step::{LogStep, SessionReader};
use crate::audit::{EntryKind, Record};
use crate::policy::{Action, Decision};
use crate::port::{GrantRequestRow, SessionPart};
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
    /// Whether the person is asked themself, and nobody can approve it for them.
    pub asks_person: bool,
    /// Why the session is there.
    pub reason: Option<String>,
    /// Its ticket or incident.
    pub link: Option<String>,
    /// Whether that session has ended: it cannot use an approval any more.
    pub session_ended: bool,
    /// What the second person wrote with their decision.
    pub note: Option<String>,
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

    /// One request, decided or not, for whoever may approve it and for whoever made it. Reading it is on record.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] for whoever may not approve it.
    pub async fn grant_request(&self, caller: &Caller, id: GrantRequestId) -> Result<RequestView> {
        self.alive(caller)?;
        let Some(row) = self.inner.keys.request(id).await? else {
            // Whoever may approve nothing is not told which requests there are.
            self.permit_approving(caller).await?;
            return Err(Error::NotFound("request"));
        };
        let mut record = Record::by(EntryKind::GrantRead, caller)
            .fact("what", "request")
            .fact("request", id.to_string());
        if row.principal != caller.principal().name {
            let decision = self.permit_deciding(caller, &row).await?;
            record = record.ruling(self.ruling(&decision));
        }
        let view = self.request_view(row).await?;
        self.record(record).await?;
        Ok(view)
    }

    /// Refuses whoever may approve nothing at all.
    async fn permit_approving(&self, caller: &Caller) -> Result<()> {
        let no = match self.approves_anything(caller)? {
            (true, _) => return Ok(()),
            (false, no) => no,
        };
        let mut record = Record::by(EntryKind::GrantDenied, caller).reason("policy_denied");
        if let Some(decision) = no {
            record = record.ruling(self.ruling(&decision));
        }
        self.record(record).await?;
        Err(denied_by_policy(caller, Action::ApproveDecrypt))
    }

    /// Whether the caller may approve anything at all, and a decision that says why not.
    pub(super) fn approves_anything(&self, caller: &Caller) -> Result<(bool, Option<Decision>)> {
        // A second pair of eyes has eyes.
        let is_person = caller.principal().kind == PrincipalKind::Person;
        let mut no = None;
        for field in self.inner.map.fields() {
            let question = Question::about(Action::ApproveDecrypt).field(field);
            let sources = self.inner.sources.keys();
            for question in sources.map(|source| question.source(source)) {
                let decision = self.decide(caller, &question)?;
                if decision.allowed && is_person {
                    return Ok((true, None));
                }
                no = Some(decision);
            }
        }
        Ok((false, no))
    }

    pub(crate) async fn request_view(&self, row: GrantRequestRow) -> Result<RequestView> {
        let mut reader = SessionReader::open(self, row.session).await?;
        let steps = reader.steps(SessionPart::Frame, 0, FRAME_MAX).await?;
        let opening = steps
            .iter()
            .find(|step| step.kind() == Some(EntryKind::SessionOpened));
        let asked = steps.iter().find(|step| step.is_asking(&row));
        // Of a yes that was taken back, the last word counts.
        let decided = steps.iter().rev().find(|step| {
            step.is_about(EntryKind::GrantApproved, &row)
                || step.is_about(EntryKind::GrantRejected, &row)
        });
        let session = self.inner.data.session(row.session).await?;
        let names = row.fields.iter().map(|number| self.field_name(*number));
        let fields = names.collect();
        Ok(RequestView {
            fields,
            subject: asked.and_then(|step| step.personal("subject")),
            evidence: asked.and_then(|step| step.personal("evidence")),
            asks_person: asked.is_some_and(LogStep::asks_person),
            reason: opening.and_then(|step| step.personal("reason")),
            link: opening.and_then(|step| step.personal("link")),
            session_ended: session.is_none_or(|session| session.ended_at.is_some()),
            note: decided
                .and_then(|step| step.personal("note"))
                .filter(|note| !note.is_empty()),
            row,
        })
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
