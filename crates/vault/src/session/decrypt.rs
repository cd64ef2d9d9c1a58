//! From what is asked to a grant: checked, found, decided, reused or made or asked of a second person. Whatever is granted
//! is durable, its entry and its row, before it takes effect.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use privet_classify::Field;
use privet_seal::RecordKey;

use super::asked::{Asked, DecryptRequest};
use super::grant::{Granted, LiveGrant, Said};
use super::granted::granted;
use super::justification::LiveSession;
use super::request::{Approval, Approver};
use super::rule::Way;
use crate::audit::{EntryKind, Record, SideKey, SubjectUse};
use crate::keyring::OpenSubject;
use crate::policy::Decision;
use crate::port::GrantRow;
use crate::{Caller, Error, GrantId, Result, SourceName, SubjectRef, Vault};

/// Who asks, in which session, over which source.
#[derive(Clone, Copy)]
pub(super) struct Desired<'a> {
    pub(super) caller: &'a Caller,
    pub(super) source: &'a SourceName,
    pub(super) session: &'a Arc<LiveSession>,
}

/// What is asked, with its subjects found and its fields decided.
pub(super) struct Wanted<'a> {
    pub(super) asked: Asked,
    pub(super) subjects: Vec<Arc<OpenSubject>>,
    pub(super) fields: Vec<&'a Field>,
    /// Fields that were not named and would take an approval: left out, and said so.
    pub(super) left_out: Vec<&'a Field>,
    pub(super) decision: Decision,
    way: Way,
}

impl Wanted<'_> {
    pub(super) fn references(&self) -> Vec<SubjectRef> {
        let subjects = self.subjects.iter();
        subjects.map(|subject| subject.row.reference).collect()
    }

    pub(super) fn numbers(&self) -> BTreeSet<u16> {
        self.fields.iter().map(|field| field.number).collect()
    }

    pub(super) fn names(&self) -> Vec<String> {
        let names = self.fields.iter().map(|field| field.name.to_string());
        names.collect()
    }

    /// The subjects as an entry names them.
    pub(super) fn used(&self) -> Vec<SubjectUse> {
        let numbers: Arc<[u16]> = self.numbers().into_iter().collect();
        let subjects = self.subjects.iter();
        subjects
            .map(|subject| subject.used(Arc::clone(&numbers), 0))
            .collect()
    }
}

impl Vault {
    /// Finds or makes the grant that is asked for.
    ///
    /// # Errors
    /// [`Error::Denied`] with code `approval_needed` when a second person is asked first.
    pub(super) async fn grant(
        &self,
        desired: Desired<'_>,
        request: &DecryptRequest,
    ) -> Result<(Arc<LiveGrant>, Granted)> {
        let limits = &self.inner.config.sessions;
        let asked = Asked::check(request, desired.source, limits)?;
        let wanted = self.wanted(desired, asked).await?;
        if let Some(grant) = self.covering(desired, &wanted).await? {
            return self.reuse(desired, grant).await;
        }
        let way = match wanted.asked.asks_person {
            true => {
                // Where there are no pages, nobody could ever answer.
                self.own_provider()?;
                Way::AfterApproval
            }
            false => wanted.way,
        };
        match way {
            Way::AtOnce => self.issue(desired, &wanted, None).await,
            Way::AfterApproval => match self.approved_as(desired, &wanted).await? {
                Some(approval) => self.issue(desired, &wanted, Some(approval)).await,
                None => Err(self.ask(desired, &wanted).await?),
            },
        }
    }

    /// Makes the grant of a request that a second person approved.
    pub(super) async fn grant_approved(
        &self,
        desired: Desired<'_>,
        approval: Approval,
    ) -> Result<(Arc<LiveGrant>, Granted)> {
        let limits = &self.inner.config.sessions;
        let asked = Asked::check(&approval.request, desired.source, limits)?;
        let wanted = self.wanted(desired, asked).await?;
        let numbers = wanted.numbers().into_iter();
        if wanted.references() != approval.row.subjects
            || !numbers.eq(approval.fields().iter().copied())
        {
            // A name leads to somebody else than it did when it was approved.
            return Err(Error::NotFound("subject"));
        }
        self.issue(desired, &wanted, Some(approval)).await
    }

    /// Finds the subjects and asks policy; a "no" is on record before it is told.
    async fn wanted(&self, desired: Desired<'_>, asked: Asked) -> Result<Wanted<'_>> {
        let Desired {
            caller,
            source,
            session,
        } = desired;
        let mut subjects: Vec<Arc<OpenSubject>> = Vec::with_capacity(asked.names.len());
        for name in &asked.names {
            match self.subject(name).await {
                Ok(open) => {
                    // Two names of one person are one subject.
                    if !subjects
                        .iter()
                        .any(|known| known.row.reference == open.row.reference)
                    {
                        subjects.push(open);
                    }
                }
                Err(error @ Error::NotFound(_)) => {
                    // Asking whether somebody is in there is worth a line as well.
                    let record = said(Record::by(EntryKind::GrantDenied, caller), &asked)
                        .reason(error.code());
                    self.record_in(session, record).await?;
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        match self.rule(caller, source, &asked) {
            Ok(ruled) => Ok(Wanted {
                asked,
                subjects,
                fields: ruled.fields,
                left_out: ruled.left_out,
                decision: ruled.decision,
                way: ruled.way,
            }),
            Err((error, decision)) => {
                let mut record = Record::by(EntryKind::GrantDenied, caller)
                    .reason(error.code())
                    .subjects(subjects.iter().map(|open| open.used(Arc::default(), 0)));
                if let Some(consent) = &asked.consent {
                    record = record.personal("evidence", consent.clone());
                }
                if let Some(decision) = &decision {
                    record = record.ruling(self.ruling(decision));
                }
                self.record_in(session, record).await?;
                Err(error)
            }
        }
    }

    /// A live grant of the same session that opens all of this, on the same evidence.
    async fn covering(
        &self,
        desired: Desired<'_>,
        wanted: &Wanted<'_>,
    ) -> Result<Option<Arc<LiveGrant>>> {
        let subjects: BTreeSet<SubjectRef> = wanted.references().into_iter().collect();
        let fields = wanted.numbers();
        let rows = self.inner.keys.grants_of(desired.session.id()).await?;
        for row in rows.into_iter().rev() {
            let likely = row.ended_at.is_none()
                && self.now() < row.ends_at
                && row.principal == desired.caller.principal().name
                && row.subjects.iter().copied().collect::<BTreeSet<_>>() == subjects;
            if !likely {
                continue;
            }
            let found = match self.inner.sessions.grant(row.id) {
                Some(grant) => Some(grant),
                None => self.found_grant(desired.session, row.id).await?,
            };
            let covers = |grant: &Arc<LiveGrant>| {
                grant.session() == desired.session.id()
                    && grant.evidence() == wanted.asked.evidence()
                    && grant.fields().is_superset(&fields)
                    && grant.is_live(self)
            };
            if let Some(grant) = found.filter(covers) {
                return Ok(Some(grant));
            }
        }
        Ok(None)
    }

    async fn reuse(
        &self,
        desired: Desired<'_>,
        grant: Arc<LiveGrant>,
    ) -> Result<(Arc<LiveGrant>, Granted)> {
        let record = Record::by(EntryKind::SessionJoined, desired.caller)
            .grant(grant.id())
            .fact("reused", true);
        self.record_in(desired.session, record).await?;
        let granted = self.reused(&grant);
        Ok((grant, granted))
    }

    /// Makes the grant: approval used up, entry and row durable, then in effect.
    async fn issue(
        &self,
        desired: Desired<'_>,
        wanted: &Wanted<'_>,
        approval: Option<Approval>,
    ) -> Result<(Arc<LiveGrant>, Granted)> {
        let Desired {
            caller, session, ..
        } = desired;
        let grant = self.live_grant(desired, wanted, approval.as_ref())?;
        let mut record = said(Record::by(EntryKind::GrantIssued, caller), &wanted.asked)
            .grant(grant.id())
            .ruling(self.ruling(&wanted.decision))
            .subjects(grant.used())
            .fact("until", grant.until().to_string());
        if let Some(approval) = &approval {
            let (request, now) = (approval.row.id, self.now());
            let keys = &self.inner.keys;
            // Used up before anything opens: of two connections, or two servers, one gets the grant.
            if !keys.use_request(request, grant.id(), now).await? {
                return Err(approval_over());
            }
            record = record.fact("request", request.to_string());
            record = match &approval.by {
                Approver::Colleague(name) => record.fact("approved_by", name.as_str()),
                Approver::Themself => record.fact("own_consent", true),
            };
        }
        if wanted.asked.emergency.is_some() {
            record = record.fact("emergency", true);
            self.mark_emergency(session).await?;
        }
        // Whatever ends grants must find this one from here on.
        let grant = self.inner.sessions.remember_grant(Arc::new(grant));
        self.record_under(session, grant.key(), record).await?;
        // Other servers find it by the session's list.
        self.inner.listing.written().await;
        self.inner.keys.add_grant(grant.row().clone()).await?;
        self.check_granted(caller, session, &grant).await?;
        let granted = granted(&grant, wanted, approval.as_ref());
        Ok((grant, granted))
    }

    /// Whoever lists emergencies sees this session before anything opens in it.
    async fn mark_emergency(&self, session: &LiveSession) -> Result<()> {
        let clock = &self.inner.clock;
        session.touch(clock.monotonic(), clock.now(), |row| {
            row.emergency_at.get_or_insert(clock.now());
        });
        Ok(self.inner.data.put_session(session.row()).await?)
    }

    /// Between finding the subjects and making the grant, one may have been erased and the token revoked.
    async fn check_granted(
        &self,
        caller: &Caller,
        session: &LiveSession,
        grant: &LiveGrant,
    ) -> Result<()> {
        let subjects = &grant.row().subjects;
        let rows = self.inner.keys.subjects_by_reference(subjects).await?;
        let known = rows.iter().all(Option::is_some);
        let alive = self.alive(caller);
        if known && alive.is_ok() && !grant.is_ended() {
            return Ok(());
        }
        let why = if known {
            "it was revoked while it was made"
        } else {
            "its subject was erased while it was made"
        };
        let record = Record::by(EntryKind::GrantEnded, caller).fact("why", why);
        self.end_grant(session, grant, record).await?;
        alive?;
        Err(Error::NotFound("subject"))
    }

    fn live_grant(
        &self,
        desired: Desired<'_>,
        wanted: &Wanted<'_>,
        approval: Option<&Approval>,
    ) -> Result<LiveGrant> {
        let Desired {
            caller, session, ..
        } = desired;
        let (now, minutes) = (self.now(), wanted.asked.minutes);
        let keys = wanted.subjects.iter().map(|open| &open.operational_key);
        let key = RecordKey::combine(session.secret(), keys);
        let ends_at = now
            .checked_add(SignedDuration::from_mins(i64::from(minutes)))
            .map_err(|_| Error::Internal("clock out of range"))?;
        let fields = wanted.numbers();
        let row = GrantRow {
            id: GrantId::random(&*self.inner.entropy),
            session: session.id(),
            principal: caller.principal().name.clone(),
            subjects: wanted.references(),
            fields: fields.iter().copied().collect(),
            request: approval.map(|approval| approval.row.id),
            emergency: wanted.asked.emergency.is_some(),
            starts_at: now,
            ends_at,
            ended_at: None,
        };
        let ends = self.inner.clock.monotonic() + Duration::from_secs(u64::from(minutes) * 60);
        let key = SideKey::new(session.key().id(), key);
        let said = Said {
            label: wanted.asked.label.clone(),
            evidence: wanted.asked.evidence().to_owned(),
        };
        let subjects = wanted.subjects.clone();
        Ok(LiveGrant::new(row, said, subjects, fields, ends, key))
    }
}

/// An approval is there no more.
pub(super) fn approval_over() -> Error {
    Error::conflict(
        "request_over",
        "this approval was used, taken back or has expired: ask again",
    )
}

/// What was typed, for the side record.
pub(super) fn said(mut record: Record, asked: &Asked) -> Record {
    record = record.personal("subject", asked.label.clone());
    if let Some(consent) = &asked.consent {
        record = record.personal("evidence", consent.clone());
    }
    if let Some(why) = &asked.emergency {
        record = record.personal("emergency", why.clone());
    }
    record
}
