//! The end of sessions: with an entry, in the shared row, and told to every server.

use super::justification::LiveSession;
use super::lock;
use crate::audit::{Actor, EntryKind, Record, SideKey};
use crate::port::{SessionCursor, SessionFilter, SessionRow, StoreError};
use crate::{Result, SessionId, Vault};

/// How many open sessions are looked through at once.
const PAGE: u32 = 1_000;
/// How far servers' clocks may differ before one ends what another still has.
const CLOCKS_APART_MAX: std::time::Duration = std::time::Duration::from_secs(60);

impl Vault {
    /// Ends sessions that were idle for too long or are too old: those of this server, and those that nobody keeps any
    /// more because their server is gone.
    pub(crate) async fn end_stale(&self) -> Result<()> {
        self.refresh_sessions().await?;
        let now = self.inner.clock.monotonic();
        let limits = &self.inner.config.sessions;
        let ended: Vec<_> = {
            let live = lock(&self.inner.sessions.live);
            let ended = live.values().filter_map(|(_, session)| {
                Some((std::sync::Arc::clone(session), session.ended(now, limits)?))
            });
            ended.collect()
        };
        let mut outcome = Ok(());
        for (session, why) in ended {
            // The others are ended all the same; this one is tried again.
            outcome = outcome.and(self.end_session(&session, Actor::System, why).await);
        }
        outcome.and(self.end_abandoned().await)
    }

    /// Learns what other servers did in the sessions that seem idle here.
    async fn refresh_sessions(&self) -> Result<()> {
        let now = self.inner.clock.monotonic();
        // Looked at once a minute, so that none seems over before it was looked at again.
        let quiet = self.inner.config.sessions.idle / 2;
        let idle: Vec<_> = {
            let live = lock(&self.inner.sessions.live);
            let idle = live
                .values()
                .filter(|(_, session)| session.idle_for(now) > quiet);
            idle.map(|(_, session)| std::sync::Arc::clone(session))
                .collect()
        };
        for session in idle {
            self.refresh_session(&session).await?;
        }
        Ok(())
    }

    /// Learns what other servers did in a session.
    pub(super) async fn refresh_session(&self, session: &LiveSession) -> Result<()> {
        let Some(row) = self.inner.data.session(session.id()).await? else {
            return Ok(());
        };
        if row.ended_at.is_some() {
            self.inner.sessions.end_session(row.id);
        }
        session.seen_active(row.active_at, self.inner.clock.monotonic(), self.now());
        Ok(())
    }

    /// Ends sessions in the shared store whose time is over and that are not live here: whoever had them is gone, or
    /// about to do the same.
    pub(crate) async fn end_abandoned(&self) -> Result<()> {
        let mut open = SessionFilter {
            open: Some(true),
            count_max: PAGE,
            ..SessionFilter::default()
        };
        loop {
            let rows = self.inner.data.sessions(&open).await?;
            let Some(last) = rows.last().map(SessionCursor::from) else {
                return Ok(());
            };
            for row in &rows {
                if self.inner.sessions.live(row.id).is_none()
                    && let Some(why) = self.over(row, CLOCKS_APART_MAX)
                {
                    self.end_session_by_row(row, Actor::System, why).await?;
                }
            }
            if rows.len() < PAGE as usize {
                return Ok(());
            }
            open.after = Some(last);
        }
    }

    /// Why a session's time is over, by its row.
    pub(super) fn over(
        &self,
        row: &SessionRow,
        grace: std::time::Duration,
    ) -> Option<&'static str> {
        let limits = &self.inner.config.sessions;
        let passed = |since, limit: std::time::Duration| {
            let passed = std::time::Duration::try_from(self.now().duration_since(since));
            passed.is_ok_and(|passed| passed > limit.saturating_add(grace))
        };
        if passed(row.active_at, limits.idle) {
            return Some("it was idle for too long");
        }
        passed(row.started_at, limits.whole).then_some("its time was over")
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
        self.put_end(session.row(), session.key(), actor, why).await
    }

    /// Ends a session, whichever server it is live on.
    pub(crate) async fn end_session_by_row(
        &self,
        row: &SessionRow,
        actor: Actor,
        why: &'static str,
    ) -> Result<()> {
        if let Some(session) = self.inner.sessions.live(row.id) {
            return self.end_session(&session, actor, why).await;
        }
        let tenant = &self.inner.config.tenant;
        let key = self
            .inner
            .keyring
            .session_key(tenant, row.id, self.now())
            .await?;
        self.put_end(row.clone(), &key, actor, why).await
    }

    async fn put_end(
        &self,
        mut row: SessionRow,
        key: &SideKey,
        actor: Actor,
        why: &'static str,
    ) -> Result<()> {
        let id = row.id;
        let record = Record::new(EntryKind::SessionEnded, actor).fact("why", why);
        self.record_session(id, key, record).await?;
        row.ended_at = Some(self.now());
        self.inner.data.put_session(row).await?;
        // The row comes first: whoever finds the session through the store looks at it once more when it is live, and
        // whoever had it live already is told.
        let told = self.inner.keys.end_session(id).await;
        self.inner.sessions.forget(id);
        if told.is_err() {
            lock(&self.inner.sessions.untold).push(id);
        }
        Ok(told?)
    }

    /// Tells the other servers what could not be told when it happened.
    pub(crate) async fn tell_ended(&self) -> Result<()> {
        let untold: Vec<SessionId> = std::mem::take(&mut *lock(&self.inner.sessions.untold));
        let mut outcome: Result<(), StoreError> = Ok(());
        for id in untold {
            if let Err(error) = self.inner.keys.end_session(id).await {
                lock(&self.inner.sessions.untold).push(id);
                outcome = Err(error);
            }
        }
        Ok(outcome?)
    }
}
