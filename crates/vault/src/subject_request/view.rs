//! What may be known of requests: where each stands, by when it is due, and how it came.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use privet_seal::Zeroizing;

use super::deadline::{Deadline, Urgency};
use super::details::{Bound, Details, RequestChannel};
use super::machine::{RequestFile, SubjectRequestKind, SubjectRequestState};
use crate::audit::{EntryKind, Record};
use crate::erasure::fields_erased;
use crate::keyring::OpenSubject;
use crate::policy::Action;
use crate::port::{SubjectRequestFilter, SubjectRequestRow};
use crate::{Caller, Error, Oid, PrincipalName, Result, SubjectName, SubjectRequestId, Vault};

/// Requests in one answer, at most.
pub const REQUESTS_MAX: u32 = 200;

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSummary {
    /// The request.
    pub id: SubjectRequestId,
    /// What is asked for.
    pub kind: SubjectRequestKind,
    /// How far it is.
    pub state: SubjectRequestState,
    /// The fields, where single ones are erased. Whose they are is not known of such a request.
    pub fields: Vec<String>,
    /// Whose it is; `None` once they are erased.
    pub oid: Option<Oid>,
    /// When it came.
    pub received_at: Timestamp,
    /// When it was entered.
    pub asked_at: Timestamp,
    /// The last day on which an answer is in time.
    pub due_on: Date,
    /// How it stands to that day; `None` if it does not run any more.
    pub urgency: Option<Urgency>,
    /// From when on the next step is taken; `None` if nothing follows.
    pub next_at: Option<Timestamp>,
    /// Whether the person is still to be told by mail that their file is there.
    pub tells: bool,
    /// Attempts at that step that failed.
    pub attempts: u32,
    /// The stable code of the last failure.
    pub failure: Option<String>,
    /// The file, while it is there.
    pub file: Option<RequestFile>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl RequestSummary {
    pub(super) fn new(row: &SubjectRequestRow, oid: Option<Oid>, now: Timestamp) -> Self {
        let deadline = Deadline::of(row.received_at);
        let progress = &row.progress;
        let runs = progress.state.is_running();
        Self {
            id: row.id,
            kind: row.kind,
            state: progress.state,
            fields: fields_erased(row),
            oid,
            received_at: row.received_at,
            asked_at: row.asked_at,
            due_on: deadline.due_on,
            urgency: runs.then(|| deadline.urgency(now)),
            next_at: progress.wakes_at(),
            tells: progress.state == SubjectRequestState::Ready && progress.notify,
            attempts: progress.attempts,
            failure: progress.failure.clone(),
            file: progress.file.clone().filter(|_| progress.state.has_file()),
            ended_at: progress.ended_at,
        }
    }
}

/// One request, with how it came.
pub struct RequestDetail {
    /// Where it stands.
    pub summary: RequestSummary,
    /// Who entered it; nothing is known of that once the request's key is destroyed, nor of what follows.
    pub by: Option<PrincipalName>,
    /// How it came.
    pub channel: Option<RequestChannel>,
    /// How it was made sure that it was this person who asked.
    pub checked: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for RequestDetail {
    // How an identity was checked is personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestDetail")
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

/// Which requests are asked for.
#[derive(Debug, Clone, Default)]
pub struct RequestQuery {
    /// Those of one subject.
    pub subject: Option<SubjectName>,
    /// Those that run, alone.
    pub running: bool,
    /// Those behind this one.
    pub after: Option<SubjectRequestId>,
    /// At most so many, and never more than [`REQUESTS_MAX`]; 0: as many as that.
    pub count_max: u32,
}

/// A page of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestList {
    /// In the order in which they were entered, the oldest first.
    pub requests: Vec<RequestSummary>,
    /// Behind which there may be more.
    pub next: Option<SubjectRequestId>,
}

impl Vault {
    /// Requests, the oldest first. Reading them is put on record.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::NotFound`] for an unknown subject or request to begin behind.
    pub async fn requests(&self, caller: &Caller, query: &RequestQuery) -> Result<RequestList> {
        let decision = self
            .permit(caller, Action::ReadRequests, EntryKind::RequestDenied)
            .await?;
        let mut record = Record::by(EntryKind::RequestRead, caller).ruling(self.ruling(&decision));
        let mut filter = SubjectRequestFilter {
            count_max: match query.count_max {
                0 => REQUESTS_MAX,
                count_max => count_max.min(REQUESTS_MAX),
            },
            ..SubjectRequestFilter::default()
        };
        if query.running {
            filter.states = super::running_states();
        }
        if let Some(name) = &query.subject {
            let open = self.subject(name).await?;
            filter.subject = Some(open.row.reference);
            record = record.subject(open.used([], 0));
        }
        if let Some(after) = query.after {
            let row = self.request_of_person(after).await?;
            filter.after = Some((row.asked_at, row.id));
        }
        self.record(record).await?;
        let rows = self.inner.keys.subject_requests(&filter).await?;
        let next = rows.last().map(|row| row.id);
        let next = next.filter(|_| rows.len() >= filter.count_max as usize);
        let now = self.now();
        let subjects = self.subjects_of(&rows).await?;
        let requests = rows.iter().zip(subjects).map(|(row, open)| {
            let oid = open.map(|open| open.row.oid);
            RequestSummary::new(row, oid, now)
        });
        Ok(RequestList {
            requests: requests.collect(),
            next,
        })
    }

    /// One request, with how it came. Reading it is put on record.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::NotFound`] for an unknown request.
    pub async fn request(&self, caller: &Caller, id: SubjectRequestId) -> Result<RequestDetail> {
        let decision = self
            .permit(caller, Action::ReadRequests, EntryKind::RequestDenied)
            .await?;
        let row = self.request_of_person(id).await?;
        let open = self.subject_of(&row).await?;
        let mut record = Record::by(EntryKind::RequestRead, caller)
            .ruling(self.ruling(&decision))
            .fact("request", id.to_string());
        if let Some(open) = &open {
            record = record.subject(open.used([], 0));
        }
        self.record(record).await?;
        let details = self.request_details(&row).await?;
        let oid = open.map(|open| open.row.oid);
        let (by, channel, checked) = match details {
            None => (None, None, None),
            Some(details) => (details.by, Some(details.channel), details.checked),
        };
        Ok(RequestDetail {
            summary: RequestSummary::new(&row, oid, self.now()),
            by,
            channel,
            checked,
        })
    }

    pub(super) async fn request_of_person(
        &self,
        id: SubjectRequestId,
    ) -> Result<SubjectRequestRow> {
        self.fresh()?;
        let row = self.inner.keys.subject_request(id).await?;
        row.ok_or(Error::NotFound("request"))
    }

    /// How a request came, which says at the same time that it is this person's; `None` once its key is destroyed.
    pub(super) async fn request_details(&self, row: &SubjectRequestRow) -> Result<Option<Details>> {
        let Some(subject) = row.subject else {
            return Ok(None);
        };
        let (tenant, keyring) = (&self.inner.config.tenant, &self.inner.keyring);
        let keys = keyring.requests();
        let Some(key) = keys.open(tenant, *row.id.as_bytes(), self.now()).await? else {
            return Ok(None);
        };
        let bound = Bound {
            request: row.id,
            subject,
            kind: row.kind,
        };
        Details::open(&row.details, bound, &key).map(Some)
    }

    /// Whose request it is; `None` once they are erased.
    pub(super) async fn subject_of(
        &self,
        row: &SubjectRequestRow,
    ) -> Result<Option<Arc<OpenSubject>>> {
        let mut subjects = self.subjects_of(std::slice::from_ref(row)).await?;
        Ok(subjects.pop().flatten())
    }

    async fn subjects_of(
        &self,
        rows: &[SubjectRequestRow],
    ) -> Result<Vec<Option<Arc<OpenSubject>>>> {
        let references: Vec<_> = rows.iter().filter_map(|row| row.subject).collect();
        let found = self.inner.keys.subjects_by_reference(&references).await?;
        let opened = self.inner.keyring.open_rows(found, self.now()).await?;
        let mut opened = opened.into_iter();
        let subjects = rows.iter().map(|row| match row.subject {
            None => None,
            Some(_) => opened.next().flatten(),
        });
        Ok(subjects.collect())
    }
}
