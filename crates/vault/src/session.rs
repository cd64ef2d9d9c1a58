//! The protected console: who may work, why, what was typed, what was opened, and what an auditor made of it.
//!
//! A [`Connection`] is one client's. Its *justification* (a [session](crate::SessionId) with a reason) is shared by
//! all connections of the same person, token, address and source; its *grant* is its own. Nothing here knows a wire
//! protocol.

mod connection;
mod ending;
mod grant;
mod justification;
mod list;
mod marker;
mod mode;
mod opener;
mod part;
mod probe;
mod review;
mod showing;
mod statements;
mod step;
mod summary;
mod view;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

pub use connection::Connection;
pub use grant::{DecryptRequest, Granted};
pub use list::{LIST_MAX, ListedSession, SEARCH_MAX, SessionList, SessionQuery};
pub use mode::{Mode, Status};
pub use opener::Opener;
pub use statements::{Permit, Statement};
pub use summary::{Counts, ReasonCounts, ReviewerCounts, SourceCounts, Summary};
pub use view::{GrantView, NoteView, SessionView, StepPage, StepQuery, StepView};

use crate::audit::{Actor, EntryKind, Record};
use crate::port::SessionFilter;
use crate::{GrantId, PrincipalName, Result, SessionId, SourceName, SubjectRef, TokenId, Vault};
use grant::LiveGrant;
use justification::LiveSession;

/// What a justification holds for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Desk {
    principal: PrincipalName,
    token: TokenId,
    address: String,
    source: SourceName,
}

/// How long one entry covers what one person reads of one session.
const READING: Duration = Duration::from_secs(300);

/// The live sessions and grants of this server.
#[derive(Default)]
pub(crate) struct Sessions {
    live: Mutex<HashMap<SessionId, (Desk, Arc<LiveSession>)>>,
    grants: Mutex<HashMap<GrantId, Weak<LiveGrant>>>,
    /// Who reads which session, and since when. It holds what was read within one [`READING`] alone.
    readings: Mutex<HashMap<(PrincipalName, SessionId), Duration>>,
}

impl Sessions {
    /// The newest session at a desk.
    fn justified(&self, desk: &Desk) -> Option<Arc<LiveSession>> {
        let live = lock(&self.live);
        let at_desk = live.values().filter(|(at, _)| at == desk);
        at_desk
            .map(|(_, session)| session)
            .max_by_key(|session| session.started())
            .cloned()
    }

    /// Every session is kept, also a second one at the same desk: what ends a token must find both.
    fn remember(&self, desk: Desk, session: Arc<LiveSession>) {
        lock(&self.live).insert(session.id(), (desk, session));
    }

    fn forget(&self, session: SessionId) {
        lock(&self.live).remove(&session);
    }

    fn remember_grant(&self, grant: &Arc<LiveGrant>) {
        let mut grants = lock(&self.grants);
        grants.retain(|_, known| known.strong_count() > 0);
        grants.insert(grant.id(), Arc::downgrade(grant));
    }

    fn grant(&self, id: GrantId) -> Option<Arc<LiveGrant>> {
        lock(&self.grants).get(&id).and_then(Weak::upgrade)
    }

    /// Ends a grant at once, also in the middle of a result.
    pub(crate) fn end_grant(&self, id: GrantId) {
        if let Some(grant) = self.grant(id) {
            grant.end();
        }
    }

    /// Ends what rests on a revoked token.
    pub(crate) fn end_token(&self, token: TokenId) {
        for (desk, session) in lock(&self.live).values() {
            if desk.token != token {
                continue;
            }
            // It stays among the live ones until its end is on record.
            session.stop("its token was revoked");
            self.end_grants_of(session.id());
        }
    }

    /// Ends what was opened in a session.
    fn end_grants_of(&self, session: SessionId) {
        let grants = lock(&self.grants);
        let of_session = grants.values().filter_map(Weak::upgrade);
        of_session
            .filter(|grant| grant.session() == session)
            .for_each(|grant| grant.end());
    }

    /// Ends every grant for an erased subject.
    pub(crate) fn end_subject(&self, subject: SubjectRef) {
        let grants = lock(&self.grants);
        let of_subject = grants.values().filter_map(Weak::upgrade);
        of_subject
            .filter(|grant| grant.subject() == subject)
            .for_each(|grant| grant.end());
    }

    /// A session that goes on here.
    fn live(&self, id: SessionId) -> Option<Arc<LiveSession>> {
        lock(&self.live)
            .get(&id)
            .map(|(_, session)| Arc::clone(session))
    }

    /// Whether an entry covers what this person reads of the session now.
    fn is_being_read(&self, who: &PrincipalName, id: SessionId, now: Duration) -> bool {
        let readings = lock(&self.readings);
        let since = readings.get(&(who.clone(), id));
        since.is_some_and(|since| now.saturating_sub(*since) < READING)
    }

    /// A reading is on record.
    fn reads(&self, who: PrincipalName, id: SessionId, now: Duration) {
        let mut readings = lock(&self.readings);
        readings.retain(|_, since| now.saturating_sub(*since) < READING);
        readings.insert((who, id), now);
    }

    /// Justified sessions of this server.
    pub(crate) fn live_count(&self) -> usize {
        lock(&self.live).len()
    }
}

impl Vault {
    /// Ends sessions that this server left open when it stopped last: their justification ended with it.
    pub(crate) async fn end_orphans(&self) -> Result<()> {
        let open = SessionFilter {
            open: Some(true),
            count_max: 1_000,
            ..SessionFilter::default()
        };
        loop {
            let rows = self.inner.data.sessions(&open).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for mut row in rows {
                row.ended_at = Some(row.active_at);
                self.inner.data.put_session(row).await?;
            }
        }
    }

    /// Ends sessions that were idle for too long or are too old.
    pub(crate) async fn end_stale(&self) -> Result<()> {
        let now = self.inner.clock.monotonic();
        let limits = &self.inner.config.sessions;
        let ended: Vec<_> = {
            let live = lock(&self.inner.sessions.live);
            let ended = live.values().filter_map(|(_, session)| {
                Some((Arc::clone(session), session.ended(now, limits)?))
            });
            ended.collect()
        };
        let mut outcome = Ok(());
        for (session, why) in ended {
            // The others are ended all the same; this one is tried again.
            outcome = outcome.and(self.end_session(&session, Actor::System, why).await);
        }
        outcome
    }

    /// Ends a session for all its connections, with its entry.
    pub(crate) async fn end_session(
        &self,
        session: &LiveSession,
        actor: Actor,
        why: &'static str,
    ) -> Result<()> {
        session.stop(why);
        self.inner.sessions.end_grants_of(session.id());
        let record = Record::new(EntryKind::SessionEnded, actor).fact("why", why);
        self.record_in(session, record).await?;
        let mut row = session.row();
        row.ended_at = Some(self.now());
        self.inner.data.put_session(row).await?;
        self.inner.sessions.forget(session.id());
        Ok(())
    }
}

/// A panic elsewhere must not turn a lock into a second failure: the guarded maps are valid after any panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
