//! Grants: one subject, some fields, a while, on the evidence of that person's consent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use privet_classify::Field;
use privet_seal::RecordKey;

use super::justification::{LiveSession, check_url};
use crate::audit::{EntryKind, Record, SideKey, SubjectUse};
use crate::keyring::OpenSubject;
use crate::policy::{Action, Decision};
use crate::port::GrantRow;
use crate::vault::Question;
use crate::{
    Caller, Error, Form, GrantId, Result, SessionId, SourceName, SubjectName, SubjectRef, Vault,
};

/// What a client asks to open.
#[derive(Debug, Clone, Default)]
pub struct DecryptRequest {
    /// Where the person's consent can be found: a web address.
    pub consent: String,
    /// Whose data: an operational id or a row such as `customer:42`.
    pub subject: String,
    /// Which fields; all that policy allows without it.
    pub fields: Option<Vec<String>>,
    /// For how long.
    pub minutes: Option<u32>,
}

/// What was granted, in words for the client.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The grant, which another connection can join.
    pub grant: GrantId,
    /// Whom, as the client typed it.
    pub subject: String,
    /// Names of the fields that open.
    pub fields: Vec<String>,
    /// Until when.
    pub until: Timestamp,
    /// What the client is told.
    pub note: String,
}

/// A grant in force on this server.
pub(crate) struct LiveGrant {
    row: GrantRow,
    label: String,
    open: Arc<OpenSubject>,
    fields: BTreeSet<u16>,
    ends: Duration,
    ended: AtomicBool,
    key: Arc<SideKey>,
}

impl LiveGrant {
    /// A grant that is durable, until `ends` on the clock that never goes backwards.
    pub(crate) fn new(
        row: GrantRow,
        label: String,
        open: Arc<OpenSubject>,
        fields: BTreeSet<u16>,
        ends: Duration,
        key: SideKey,
    ) -> Self {
        Self {
            row,
            label,
            open,
            fields,
            ends,
            ended: AtomicBool::new(false),
            key: Arc::new(key),
        }
    }

    pub(crate) fn id(&self) -> GrantId {
        self.row.id
    }

    pub(crate) fn session(&self) -> SessionId {
        self.row.session
    }

    pub(crate) fn subject(&self) -> SubjectRef {
        self.row.subject
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    pub(crate) fn until(&self) -> Timestamp {
        self.row.ends_at
    }

    pub(crate) fn open(&self) -> &OpenSubject {
        &self.open
    }

    pub(crate) fn key(&self) -> &Arc<SideKey> {
        &self.key
    }

    pub(crate) fn covers(&self, field: u16) -> bool {
        self.fields.contains(&field)
    }

    /// Whether it was ended (revoked, given back, its subject erased), apart from its time.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Whether it opens anything now: not ended, in time by both clocks (the monotonic one stands still while a machine
    /// sleeps, the other one can be set back), and the shared sequence was read within a second.
    pub(crate) fn is_live(&self, vault: &Vault) -> bool {
        !self.is_ended()
            && vault.inner.clock.monotonic() < self.ends
            && vault.now() < self.row.ends_at
            && vault.fresh().is_ok()
    }

    /// Ends it at once; nothing opens any more.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    pub(crate) fn used(&self) -> SubjectUse {
        SubjectUse {
            reference: self.row.subject,
            fields: self.fields.iter().copied().collect(),
            count: 1,
        }
    }
}

impl Vault {
    /// Makes a grant: checked, decided, its entry and its row durable before it takes effect.
    pub(crate) async fn grant(
        &self,
        caller: &Caller,
        source: &SourceName,
        session: &LiveSession,
        request: &DecryptRequest,
    ) -> Result<(Arc<LiveGrant>, Granted)> {
        let minutes = self.grant_minutes(request.minutes)?;
        check_url(
            &request.consent,
            "evidence_not_url",
            "the evidence of the person's consent",
        )?;
        let open = match self.grant_subject(source, &request.subject).await {
            Err(error @ Error::NotFound(_)) => {
                // Asking whether somebody is in there is worth a line as well.
                let record = Record::by(EntryKind::GrantDenied, caller)
                    .reason(error.code())
                    .personal("subject", request.subject.clone())
                    .personal("evidence", request.consent.clone());
                self.record_in(session, record).await?;
                return Err(error);
            }
            found => found?,
        };
        let (fields, decision) = match self.grant_fields(caller, source, request) {
            Ok(allowed) => allowed,
            Err((error, decision)) => {
                let mut record = Record::by(EntryKind::GrantDenied, caller)
                    .session(session.id())
                    .reason(error.code())
                    .subject(SubjectUse {
                        reference: open.row.reference,
                        fields: Arc::default(),
                        count: 0,
                    })
                    .personal("evidence", request.consent.clone());
                if let Some(decision) = &decision {
                    record = record.ruling(self.ruling(decision));
                }
                self.record_in(session, record).await?;
                return Err(error);
            }
        };
        let grant = Arc::new(self.live_grant(caller, session, request, open, &fields, minutes)?);
        let record = Record::by(EntryKind::GrantIssued, caller)
            .session(session.id())
            .grant(grant.id())
            .ruling(self.ruling(&decision))
            .subject(grant.used())
            .fact("until", grant.until().to_string())
            .personal("evidence", request.consent.clone())
            .personal("subject", request.subject.clone());
        // Whatever ends grants must find this one from here on.
        let grant = self.inner.sessions.remember_grant(grant);
        self.record_under(session, grant.key(), record).await?;
        // Other servers find it by the session's list.
        self.inner.listing.written().await;
        self.inner.keys.add_grant(grant.row.clone()).await?;
        self.check_granted(caller, session, &grant).await?;
        let granted = granted(&grant, &fields, request.fields.is_none(), minutes);
        Ok((grant, granted))
    }

    /// Between finding the subject and making the grant, the subject may have been erased and the token revoked.
    async fn check_granted(
        &self,
        caller: &Caller,
        session: &LiveSession,
        grant: &LiveGrant,
    ) -> Result<()> {
        let subject = [grant.subject()];
        let rows = self.inner.keys.subjects_by_reference(&subject);
        let known = rows.await?.into_iter().flatten().next().is_some();
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

    fn grant_minutes(&self, minutes: Option<u32>) -> Result<u32> {
        let limits = &self.inner.config.sessions;
        let max = u32::try_from(limits.grant_max.as_secs() / 60).unwrap_or(u32::MAX);
        let default = u32::try_from(limits.grant.as_secs() / 60).unwrap_or(u32::MAX);
        let minutes = minutes.unwrap_or(default);
        if (1..=max).contains(&minutes) {
            return Ok(minutes);
        }
        Err(Error::invalid(
            "minutes",
            format!("a grant lasts 1 to {max} minutes"),
        ))
    }

    async fn grant_subject(&self, source: &SourceName, name: &str) -> Result<Arc<OpenSubject>> {
        let mut name: SubjectName = name.parse().map_err(|_| {
            Error::invalid(
                "subject",
                "name one subject: an oid, or a row such as 'customer:42'",
            )
        })?;
        if let SubjectName::Alias {
            source: named @ None,
            ..
        } = &mut name
        {
            *named = Some(source.clone());
        }
        self.subject(&name).await
    }

    /// The fields asked for, which policy must all allow; or all that it allows.
    #[expect(
        clippy::type_complexity,
        reason = "a refusal carries the decision that caused it"
    )]
    fn grant_fields<'a>(
        &'a self,
        caller: &Caller,
        source: &SourceName,
        request: &DecryptRequest,
    ) -> Result<(Vec<&'a Field>, Decision), (Error, Option<Decision>)> {
        // Whoever may ask must also be allowed to see: a policy that forbids clear values binds the console too.
        let decide = |field: &'a Field| {
            let ask = |action| {
                let question = Question::about(action).field(field).source(source);
                let decision = self.decide(caller, &question.with_grant());
                decision.map_err(|error| (error, None))
            };
            Ok(ask(Action::Decrypt)?.and(ask(Action::Open(Form::Clear))?))
        };
        let all = |former: Option<Decision>, decision| match former {
            Some(former) => former.and(decision),
            None => decision,
        };
        let denied = || Error::denied("decrypt_denied", "policy does not let you decrypt this");
        if let Some(names) = &request.fields {
            if names.is_empty() {
                let error =
                    Error::invalid("fields", "name at least one field, or leave `fields` out");
                return Err((error, None));
            }
            let mut fields = Vec::with_capacity(names.len());
            let mut last = None;
            for name in names {
                let field = self.field(name).map_err(|error| (error, None))?;
                let decision = decide(field)?;
                if !decision.allowed {
                    return Err((denied(), Some(decision)));
                }
                fields.push(field);
                last = Some(all(last, decision));
            }
            return last
                .map(|decision| (fields, decision))
                .ok_or_else(|| (denied(), None));
        }
        let mut allowed = Vec::new();
        let mut yes = None;
        let mut no = None;
        for field in self.inner.map.fields() {
            let decision = decide(field)?;
            if decision.allowed {
                allowed.push(field);
                yes = Some(all(yes, decision));
            } else {
                no = Some(decision);
            }
        }
        yes.map(|decision| (allowed, decision))
            .ok_or_else(|| (denied(), no))
    }

    fn live_grant(
        &self,
        caller: &Caller,
        session: &LiveSession,
        request: &DecryptRequest,
        open: Arc<OpenSubject>,
        fields: &[&Field],
        minutes: u32,
    ) -> Result<LiveGrant> {
        let now = self.now();
        let fields: BTreeSet<u16> = fields.iter().map(|field| field.number).collect();
        let key = RecordKey::combine(session.secret(), &open.operational_key);
        let ends_at = now
            .checked_add(SignedDuration::from_mins(i64::from(minutes)))
            .map_err(|_| Error::Internal("clock out of range"))?;
        let row = GrantRow {
            id: GrantId::random(&*self.inner.entropy),
            session: session.id(),
            principal: caller.principal().name.clone(),
            subject: open.row.reference,
            fields: fields.iter().copied().collect(),
            starts_at: now,
            ends_at,
            ended_at: None,
        };
        let ends = self.inner.clock.monotonic() + Duration::from_secs(u64::from(minutes) * 60);
        let key = SideKey::new(session.key().id(), key);
        let label = request.subject.clone();
        Ok(LiveGrant::new(row, label, open, fields, ends, key))
    }

    /// Ends a grant for good, with its entry.
    pub(crate) async fn end_grant(
        &self,
        session: &LiveSession,
        grant: &LiveGrant,
        record: Record,
    ) -> Result<()> {
        grant.end();
        let record = record.session(session.id()).grant(grant.id());
        self.inner.keys.end_grant(grant.id(), self.now()).await?;
        self.record_in(session, record).await.map(drop)
    }
}

fn granted(grant: &LiveGrant, fields: &[&Field], all: bool, minutes: u32) -> Granted {
    let names: Vec<String> = fields.iter().map(|field| field.name.to_string()).collect();
    let which = if all { "all that policy allows: " } else { "" };
    let note = format!(
        "decrypted for {} until {} ({minutes} min), {which}{}. Only this subject's values open. The \
         connection is read-only now; its temporary tables and prepared statements are gone. \
         `CALL privet.encrypt()` ends it. Another connection of this session joins with grant {}.",
        grant.label(),
        grant.until().strftime("%H:%M:%S UTC"),
        names.join(", "),
        grant.id(),
    );
    Granted {
        grant: grant.id(),
        subject: grant.label().to_owned(),
        fields: names,
        until: grant.until(),
        note,
    }
}
