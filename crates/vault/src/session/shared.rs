//! Sessions and grants that were made on another server, or before a restart: found through the shared stores, and
//! believed because of their sealed records, which only a server of this environment can have made.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use privet_seal::RecordKey;
use serde_json::Value;

use super::Desk;
use super::grant::{LiveGrant, Said};
use super::justification::LiveSession;
use super::step::{LogStep, SessionReader};
use crate::audit::{EntryKind, SideKey};
use crate::keyring::OpenSubject;
use crate::port::{GrantRow, SessionFilter, SessionPart, SessionRow, Verdict};
use crate::{GrantId, Result, SessionId, Vault};

/// How many open sessions of one person are looked at.
const CANDIDATES_MAX: u32 = 20;
/// How many of a session's reasons, grants and verdicts are looked through.
const FRAME_MAX: u32 = 1_000;

/// What a sealed record says of a grant.
struct Issued {
    said: Said,
    fields: BTreeSet<u16>,
    until: Timestamp,
}

impl Vault {
    /// The newest session at a desk, wherever it was justified.
    pub(super) async fn session_at(&self, desk: &Desk) -> Result<Option<Arc<LiveSession>>> {
        if let Some(session) = self.inner.sessions.justified(desk) {
            return Ok(Some(session));
        }
        let open = SessionFilter {
            principal: Some(desk.principal.clone()),
            open: Some(true),
            count_max: CANDIDATES_MAX,
            ..SessionFilter::default()
        };
        for row in self.inner.data.sessions(&open).await? {
            if row.token == desk.token
                && row.source == desk.source
                && self.goes_on(&row)
                && let Some(session) = self.found_session(desk, row).await?
            {
                return Ok(Some(session));
            }
        }
        Ok(None)
    }

    fn goes_on(&self, row: &SessionRow) -> bool {
        row.ended_at.is_none()
            && row.verdict() != Verdict::Approved
            && self.over(row, Duration::ZERO).is_none()
    }

    async fn found_session(
        &self,
        desk: &Desk,
        mut row: SessionRow,
    ) -> Result<Option<Arc<LiveSession>>> {
        let id = row.id;
        let Some(opening) = self.opening(id).await? else {
            return Ok(None);
        };
        let actor = &opening.entry.actor;
        if actor.name.as_deref() != Some(desk.principal.as_str())
            || actor.token != Some(desk.token)
            || opening.personal("address").as_deref() != Some(desk.address.as_str())
        {
            return Ok(None);
        }
        // How old it is is the log's word, not the row's.
        row.started_at = row.started_at.min(opening.entry.ts);
        let (tenant, at) = (&self.inner.config.tenant, self.now());
        let keys = self.inner.keyring.found_session_key(tenant, id, at).await?;
        let Some((key, secret)) = keys else {
            return Ok(None);
        };
        let now = self.inner.clock.monotonic();
        let session = Arc::new(LiveSession::new(row, key, secret, now, at));
        let session = self.inner.sessions.remember(desk.clone(), session);
        // From here on this server is told when it ends; it may have ended before.
        let row = self.inner.data.session(id).await?;
        if row.is_some_and(|row| self.goes_on(&row)) {
            return Ok(Some(session));
        }
        self.inner.sessions.end_session(id);
        Ok(None)
    }

    /// A grant of this session that another server made; `None` if there is none that lives.
    pub(super) async fn found_grant(
        &self,
        session: &LiveSession,
        id: GrantId,
    ) -> Result<Option<Arc<LiveGrant>>> {
        let lives = |row: &GrantRow| {
            row.session == session.id() && row.ended_at.is_none() && self.now() < row.ends_at
        };
        let Some(mut row) = self.inner.keys.grant(id).await?.filter(lives) else {
            return Ok(None);
        };
        let subjects = row.subjects.clone();
        let rows = self.inner.keys.subjects_by_reference(&subjects).await?;
        let opened = self.inner.keyring.open_rows(rows, self.now()).await?;
        let Some(open) = opened.into_iter().collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let keys = open.iter().map(|subject| &subject.operational_key);
        let key = SideKey::new(
            session.key().id(),
            RecordKey::combine(session.secret(), keys),
        );
        let Some(issued) = self.issued(session, &row, &open, &key).await? else {
            return Ok(None);
        };
        row.ends_at = row.ends_at.min(issued.until);
        let left = Duration::try_from(row.ends_at.duration_since(self.now())).unwrap_or_default();
        let ends = self.inner.clock.monotonic().saturating_add(left);
        let grant = LiveGrant::new(row, issued.said, open, issued.fields, ends, key);
        let grant = self.inner.sessions.remember_grant(Arc::new(grant));
        // From here on this server is told when it ends; it, or its subject, may have ended before.
        let row = self.inner.keys.grant(id).await?;
        let known = self.inner.keys.subjects_by_reference(&subjects).await?;
        if row.is_none_or(|row| !lives(&row)) || known.iter().any(Option::is_none) {
            grant.end();
            return Ok(None);
        }
        Ok(Some(grant))
    }

    /// How a session was opened, if its sealed record still opens.
    async fn opening(&self, id: SessionId) -> Result<Option<LogStep>> {
        let mut reader = SessionReader::open(self, id).await?;
        let steps = reader.steps(SessionPart::Frame, 0, FRAME_MAX).await?;
        Ok(steps.into_iter().find(|step| {
            // The list of a session's entries is a store's word, the entry is the log's.
            step.entry.session == Some(id)
                && step.kind() == Some(EntryKind::SessionOpened)
                && step.side.is_some()
        }))
    }

    /// What was put on record when the grant was made, under the session's key and the subjects'.
    async fn issued(
        &self,
        session: &LiveSession,
        grant: &GrantRow,
        open: &[Arc<OpenSubject>],
        key: &SideKey,
    ) -> Result<Option<Issued>> {
        let mut reader = SessionReader::open(self, session.id()).await?;
        let steps = reader.steps(SessionPart::Frame, 0, FRAME_MAX).await?;
        let of_grant = steps.into_iter().find(|step| {
            step.kind() == Some(EntryKind::GrantIssued) && step.entry.grant == Some(grant.id)
        });
        let Some(LogStep { entry, .. }) = of_grant else {
            return Ok(None);
        };
        let Some(sealed) = self.inner.audit.side(&entry).await? else {
            return Ok(None);
        };
        let Ok(side) = sealed.open(key) else {
            return Ok(None);
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let until = text(entry.facts.get("until")).and_then(|until| until.parse().ok());
        let named = side.subjects.iter().map(|used| used.reference);
        let same = named.eq(open.iter().map(|subject| subject.row.reference));
        let (Some(until), Some(used), true) = (until, side.subjects.first(), same) else {
            return Ok(None);
        };
        let evidence = side.data.get("evidence").or(side.data.get("emergency"));
        Ok(Some(Issued {
            said: Said {
                label: text(side.data.get("subject")).unwrap_or_default(),
                evidence: text(evidence).unwrap_or_default(),
            },
            fields: used.fields.iter().copied().collect(),
            until,
        }))
    }
}
