//! Grants as those see them who watch over them: listed, and ended at once wherever they are used.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::list::Readable;
use super::review::check_note;
use super::step::SessionReader;
use super::view::{GrantView, frame_grant};
use crate::audit::{EntryKind, Record};
use crate::policy::Action;
use crate::port::{GrantRow, SessionPart};
use crate::vault::Question;
use crate::{Caller, Error, GrantId, Result, SessionId, SourceName, Vault};

/// How far back a list of grants goes.
const RECENT: SignedDuration = SignedDuration::from_hours(24 * 14);
/// Grants of one list, unless said otherwise, and at most.
const COUNT: u32 = 50;
const COUNT_MAX: u32 = 200;
/// Grants that are looked at for a list.
const LOOKED_AT_MAX: u32 = 2_000;
/// How many of a session's reasons, grants and requests are looked through.
const FRAME_MAX: u32 = 1_000;

/// Which grants to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GrantQuery {
    /// Only those that open something now; else those of the last two weeks.
    pub live: bool,
    /// At most this many (0: 50), up to 200.
    pub count_max: u32,
}

/// A grant of a list.
#[derive(Debug, Clone)]
pub struct ListedGrant {
    /// The grant; how the subjects were named and the evidence only for whoever may read its session.
    pub grant: GrantView,
    /// Over which application's database.
    pub source: SourceName,
    /// Whether it opens anything now.
    pub live: bool,
}

impl Vault {
    /// Grants, the newest first: those of sessions that the caller may read, those that they may revoke, and their own.
    /// Reading them is on record.
    ///
    /// # Errors
    /// [`Error::Invalid`] with code `count`, [`Error::Denied`] for whoever may neither read sessions nor revoke grants.
    pub async fn grants(&self, caller: &Caller, query: GrantQuery) -> Result<Vec<ListedGrant>> {
        let count_max = match query.count_max {
            0 => COUNT,
            count_max => count_max,
        };
        if count_max > COUNT_MAX {
            let text = format!("a list has at most {COUNT_MAX} grants");
            return Err(Error::invalid("count", text));
        }
        self.permit_listing(caller).await?;
        let now = self.now();
        let since = match query.live {
            true => now,
            false => now.checked_sub(RECENT).unwrap_or(Timestamp::MIN),
        };
        let mut lister = Lister::default();
        let mut listed = Vec::new();
        for row in self.inner.keys.grants_since(since, LOOKED_AT_MAX).await? {
            let live = row.ended_at.is_none() && now < row.ends_at;
            if (live || !query.live) && listed.len() < count_max as usize {
                listed.extend(self.listed_grant(caller, &mut lister, row, live).await?);
            }
        }
        let record = Record::by(EntryKind::GrantRead, caller)
            .fact("what", "grants")
            .count("grants", listed.len() as u64);
        self.record(record).await?;
        Ok(listed)
    }

    async fn permit_listing(&self, caller: &Caller) -> Result<()> {
        let mut sources: Vec<_> = self.inner.sources.keys().map(Some).collect();
        sources.push(None);
        for source in sources {
            for action in [Action::ReadSessions, Action::RevokeGrant] {
                let question = Question::about(action).of(source);
                if self.decide(caller, &question)?.allowed {
                    return Ok(());
                }
            }
        }
        let question = Question::about(Action::ReadSessions);
        self.permit_question(caller, Action::ReadSessions, &question)
            .await
            .map(drop)
    }

    async fn listed_grant(
        &self,
        caller: &Caller,
        lister: &mut Lister,
        row: GrantRow,
        live: bool,
    ) -> Result<Option<ListedGrant>> {
        let source = match lister.sources.get(&row.session) {
            Some(known) => known.clone(),
            None => {
                let session = self.inner.data.session(row.session).await?;
                let source = session.map(|session| session.source);
                lister.sources.insert(row.session, source.clone());
                source
            }
        };
        // Its session's row is written before any grant; without it nobody can say whose affair the grant is.
        let Some(source) = source else {
            return Ok(None);
        };
        let own = row.principal == caller.principal().name;
        let reads = own || self.may_read(caller, &mut lister.readable, &source)?;
        if !reads {
            let question = Question::about(Action::RevokeGrant).source(&source);
            if !self.decide(caller, &question)?.allowed {
                return Ok(None);
            }
        }
        let mut grant = GrantView::of(self, row);
        if reads {
            let mut reader = SessionReader::open(self, grant.row.session).await?;
            let steps = reader.steps(SessionPart::Frame, 0, FRAME_MAX).await?;
            for step in &steps {
                frame_grant(std::slice::from_mut(&mut grant), step);
            }
        }
        Ok(Some(ListedGrant {
            grant,
            source,
            live,
        }))
    }

    /// Ends a grant at once, also in the middle of a result, on every server: here before this returns, elsewhere as soon as
    /// the shared sequence is read, which is several times a second. Everybody may end their own.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] by policy, [`Error::Conflict`] with code `grant_over` when it had ended before.
    pub async fn revoke_grant(&self, caller: &Caller, id: GrantId, why: &str) -> Result<()> {
        let why = why.trim();
        check_note(why)?;
        let row = self.inner.keys.grant(id).await?;
        let own = row
            .as_ref()
            .is_some_and(|row| row.principal == caller.principal().name);
        let mut record = Record::by(EntryKind::GrantEnded, caller);
        match own {
            true => self.alive(caller)?,
            false => {
                let session = match &row {
                    Some(row) => self.inner.data.session(row.session).await?,
                    None => None,
                };
                let question = Question::about(Action::RevokeGrant);
                let question = question.of(session.as_ref().map(|session| &session.source));
                let decision = self
                    .permit_as(
                        caller,
                        Action::RevokeGrant,
                        &question,
                        EntryKind::GrantDenied,
                    )
                    .await?;
                record = record.ruling(self.ruling(&decision));
            }
        }
        let row = row.ok_or(Error::NotFound("grant"))?;
        // It ends first, whatever becomes of the entry: a log that cannot be written must not keep it open.
        self.inner.sessions.end_grant(id);
        let now = self.now();
        if now >= row.ends_at || !self.inner.keys.end_grant(id, now).await? {
            return Err(Error::conflict(
                "grant_over",
                "this grant has ended already",
            ));
        }
        let record = record
            .grant(id)
            .fact("why", "revoked")
            .personal("note", why);
        let (tenant, keyring) = (&self.inner.config.tenant, &self.inner.keyring);
        let key = keyring.session_key(tenant, row.session, now).await?;
        self.record_session(row.session, &key, record)
            .await
            .map(drop)
    }
}

/// What is known while a list is made.
#[derive(Default)]
struct Lister {
    sources: BTreeMap<SessionId, Option<SourceName>>,
    readable: Readable,
}
