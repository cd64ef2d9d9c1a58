//! Requests of an engineer: asked of a second person, and taken up once approved. A request is believed because of its
//! entries: the rows order who comes first, and the sealed records, which only a server of this environment can have
//! made, say what was asked and who approved it.

use jiff::SignedDuration;
use serde_json::Value;

use super::asked::DecryptRequest;
use super::decrypt::{Desired, Wanted, approval_over, said};
use super::justification::LiveSession;
use super::step::{LogStep, SessionReader};
use crate::audit::{EntryKind, Record};
use crate::port::{GrantRequestRow, SessionPart};
use crate::{Error, GrantRequestId, PrincipalName, Result, Vault};

/// Requests that wait in one session at most.
const WAITING_MAX: usize = 20;
/// Whom a request asks that is not for a colleague; also the kind of whoever answers it.
const SUBJECT: &str = "subject";
/// How many of a session's reasons, grants and requests are looked through.
const FRAME_MAX: u32 = 1_000;

/// Who agreed to a request.
pub(super) enum Approver {
    /// A second person of the staff.
    Colleague(PrincipalName),
    /// The person whose data it is, on their own pages.
    Themself,
}

/// A request that somebody agreed to.
pub(super) struct Approval {
    pub(super) row: GrantRequestRow,
    /// Who.
    pub(super) by: Approver,
    /// What was asked, as its sealed record says.
    pub(super) request: DecryptRequest,
}

impl Vault {
    /// Asks for an approval, or says again that one is waited for. The answer is what the client is told: nothing is
    /// decrypted.
    pub(super) async fn ask(&self, desired: Desired<'_>, wanted: &Wanted<'_>) -> Result<Error> {
        let (session, now) = (desired.session, self.now());
        let rows = self.inner.keys.requests_of(session.id()).await?;
        let waiting: Vec<_> = rows.iter().filter(|row| row.is_waiting(now)).collect();
        for row in &waiting {
            if self.is_alike(session, row, wanted).await? {
                return Ok(waits(row, "still waits", wanted.asked.asks_person));
            }
        }
        if waiting.len() >= WAITING_MAX {
            return Err(Error::limited(
                "requests_limit",
                format!("{WAITING_MAX} requests of this session wait for an approval already"),
            ));
        }
        let limits = &self.inner.config.sessions;
        // Colleagues are there; a person may look at their pages in the evening. The session cannot last longer.
        let limit = match wanted.asked.asks_person {
            true => limits.whole.max(limits.request),
            false => limits.request,
        };
        let limit = SignedDuration::try_from(limit)
            .map_err(|_| Error::Internal("a request waits for too long"))?;
        let row = GrantRequestRow {
            id: GrantRequestId::random(&*self.inner.entropy),
            session: session.id(),
            principal: desired.caller.principal().name.clone(),
            source: desired.source.clone(),
            subjects: wanted.references(),
            fields: wanted.numbers().into_iter().collect(),
            minutes: wanted.asked.minutes,
            asked_at: now,
            expires_at: now
                .checked_add(limit)
                .map_err(|_| Error::Internal("clock out of range"))?,
            decision: None,
            grant: None,
            tell_at: (wanted.asked.asks_person && self.writes_to_people()).then_some(now),
        };
        let record = Record::by(EntryKind::GrantRequested, desired.caller);
        let record = said(record, &wanted.asked)
            .ruling(self.ruling(&wanted.decision))
            .subjects(wanted.used())
            .fact("request", row.id.to_string())
            .fact("minutes", row.minutes)
            .fact("until", row.expires_at.to_string());
        let record = match wanted.asked.asks_person {
            true => record.fact("asks", SUBJECT),
            false => record,
        };
        self.record_in(session, record).await?;
        // Other servers find it by the session's list.
        self.inner.listing.written().await;
        self.inner.keys.add_request(row.clone()).await?;
        if row.tell_at.is_some() {
            // Who asks does not wait for a mail server; what is lost with this server, a later look at the rows finds.
            let vault = self.clone();
            tokio::spawn(async move { vault.tell_of_looks_at_once().await });
        }
        Ok(waits(&row, "waits", wanted.asked.asks_person))
    }

    /// The approval that this connection may use, by the request's id.
    pub(super) async fn approval(
        &self,
        desired: Desired<'_>,
        id: GrantRequestId,
    ) -> Result<Approval> {
        let now = self.now();
        let of_session = |row: &GrantRequestRow| {
            row.session == desired.session.id()
                && row.principal == desired.caller.principal().name
                && row.source == *desired.source
        };
        let row = self.inner.keys.request(id).await?.filter(of_session);
        let row = row.ok_or(Error::NotFound("request"))?;
        if row.is_waiting(now) {
            let asks_person = self.asks_person(&row).await?;
            return Err(waits(&row, "still waits", asks_person));
        }
        if !row.is_usable(now) {
            return Err(approval_over());
        }
        self.on_record(desired.session, row)
            .await?
            .ok_or_else(approval_over)
    }

    /// An approval that can be used for what is wanted.
    pub(super) async fn approved_as(
        &self,
        desired: Desired<'_>,
        wanted: &Wanted<'_>,
    ) -> Result<Option<Approval>> {
        let now = self.now();
        for row in self.inner.keys.requests_of(desired.session.id()).await? {
            if row.is_usable(now)
                && row.principal == desired.caller.principal().name
                && self.is_alike(desired.session, &row, wanted).await?
                && let Some(approval) = self.on_record(desired.session, row).await?
            {
                return Ok(Some(approval));
            }
        }
        Ok(None)
    }

    /// Whether a request is for exactly this, on the same evidence.
    async fn is_alike(
        &self,
        session: &LiveSession,
        row: &GrantRequestRow,
        wanted: &Wanted<'_>,
    ) -> Result<bool> {
        let numbers: Vec<u16> = wanted.numbers().into_iter().collect();
        if row.subjects != wanted.references()
            || row.fields != numbers
            || row.minutes != wanted.asked.minutes
        {
            return Ok(false);
        }
        let mut reader = SessionReader::open(self, session.id()).await?;
        let steps = reader.steps(SessionPart::Frame, 0, FRAME_MAX).await?;
        let asked = steps.iter().find(|step| step.is_asking(row));
        let evidence = asked.and_then(|step| step.personal("evidence"));
        Ok(evidence.as_deref() == Some(wanted.asked.evidence()))
    }

    /// Whether a request is for the person whose data it is to answer, as its entry says.
    pub(crate) async fn asks_person(&self, row: &GrantRequestRow) -> Result<bool> {
        let mut reader = SessionReader::open(self, row.session).await?;
        let steps = reader.steps(SessionPart::Frame, 0, FRAME_MAX).await?;
        let asked = steps.iter().find(|step| step.is_asking(row));
        Ok(asked.is_some_and(LogStep::asks_person))
    }

    /// The approval as the log has it: asked for by this person, approved by another one, or by whose data it is where they were
    /// asked, rejected by nobody.
    async fn on_record(
        &self,
        session: &LiveSession,
        row: GrantRequestRow,
    ) -> Result<Option<Approval>> {
        let mut reader = SessionReader::open(self, session.id()).await?;
        let steps = reader.steps(SessionPart::Frame, 0, FRAME_MAX).await?;
        let rejected = |step: &LogStep| step.is_about(EntryKind::GrantRejected, &row);
        if steps.iter().any(rejected) {
            return Ok(None);
        }
        let Some(asked) = steps.iter().find(|step| step.is_asking(&row)) else {
            return Ok(None);
        };
        let asks_person = asked.asks_person();
        let approved = steps.iter().find(|step| {
            step.is_about(EntryKind::GrantApproved, &row)
                && step.side.is_some()
                && match asks_person {
                    true => step.is_of_the_person(&row),
                    false => step.entry.actor.name.as_deref() != Some(row.principal.as_str()),
                }
        });
        let by = approved.and_then(|step| match asks_person {
            true => Some(Approver::Themself),
            false => {
                let name = step.entry.actor.name.as_deref()?.parse().ok()?;
                Some(Approver::Colleague(name))
            }
        });
        let (Some(by), Some(subject), Some(consent)) =
            (by, asked.personal("subject"), asked.personal("evidence"))
        else {
            return Ok(None);
        };
        let names = row.fields.iter().map(|number| self.field_name(*number));
        let request = DecryptRequest {
            consent,
            subject,
            fields: Some(names.collect()),
            minutes: Some(row.minutes),
            emergency: None,
        };
        Ok(Some(Approval { row, by, request }))
    }
}

impl LogStep {
    /// Whether it is an entry of this kind about a request, of the request's session.
    pub(super) fn is_about(&self, kind: EntryKind, row: &GrantRequestRow) -> bool {
        let request = self.entry.facts.get("request").and_then(Value::as_str);
        self.kind() == Some(kind)
            && self.entry.session == Some(row.session)
            && request == Some(row.id.to_string().as_str())
    }

    /// Whether it is the entry that this request was made with: nothing in the row is more than was asked.
    pub(super) fn is_asking(&self, row: &GrantRequestRow) -> bool {
        let minutes = self.entry.facts.get("minutes").and_then(Value::as_u64);
        let asker = self.entry.actor.name.as_deref();
        let used = self.used.iter();
        let same_subjects = used
            .clone()
            .map(|used| used.reference)
            .eq(row.subjects.iter().copied());
        self.is_about(EntryKind::GrantRequested, row)
            && asker == Some(row.principal.as_str())
            && minutes == Some(u64::from(row.minutes))
            && same_subjects
            && used.clone().all(|used| *used.fields == *row.fields)
    }
}

impl LogStep {
    /// Whether the request that was made with it is for the person whose data it is.
    pub(super) fn asks_person(&self) -> bool {
        self.entry.facts.get("asks").and_then(Value::as_str) == Some(SUBJECT)
    }

    /// Whether it is an answer of exactly the one whose data a request is about.
    fn is_of_the_person(&self, row: &GrantRequestRow) -> bool {
        let used = self.used.iter().map(|used| used.reference);
        self.entry.actor.kind == SUBJECT
            && row.subjects.len() == 1
            && used.eq(row.subjects.iter().copied())
    }
}

/// What the client is told while somebody is asked: nothing is decrypted.
fn waits(row: &GrantRequestRow, how: &str, asks_person: bool) -> Error {
    if asks_person {
        return Error::denied(
            "approval_needed",
            format!(
                "nothing is decrypted: this {how} for the person to agree on their own pages, as request {}, until {}. Once \
                 they did, say it again or `CALL privet.join('{}')`",
                row.id,
                row.expires_at.strftime("%H:%M:%S UTC"),
                row.id,
            ),
        );
    }
    Error::denied(
        "approval_needed",
        format!(
            "nothing is decrypted: this {how} for the approval of a second person, as request {}, until {}. Once \
             `privet grant approve {}` is done, say it again or `CALL privet.join('{}')`",
            row.id,
            row.expires_at.strftime("%H:%M:%S UTC"),
            row.id,
            row.id,
        ),
    )
}
