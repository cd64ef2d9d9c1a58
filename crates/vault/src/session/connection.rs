//! One client's connection: justified or not, protected or decrypted.

use std::sync::Arc;

use super::Desk;
use super::ending::Ending;
use super::grant::LiveGrant;
use super::justification::{LiveSession, Reason};
use super::mode::{Mode, Status};
use super::showing::Showing;
use super::statements::Recorder;
use crate::audit::{Actor, EntryKind, Record};
use crate::policy::Action;
use crate::port::{
    Catalog, RunMode, Runner, Serving, SessionFilter, SessionRow, Source, Upstream, UpstreamError,
};
use crate::vault::{Question, denied_by_policy};
use crate::{Caller, Error, Result, SessionId, SourceName, Vault};

/// One client's connection to a source. Dropping it ends its grant and writes what it has still to write.
pub struct Connection {
    pub(super) vault: Vault,
    pub(super) caller: Caller,
    pub(super) source: SourceName,
    pub(super) joined: Option<(Arc<LiveSession>, Recorder)>,
    pub(super) grant: Option<Arc<LiveGrant>>,
    /// The decrypted statement whose result is not whole yet.
    pub(super) showing: Option<Showing>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// Opens a connection to a source for an authenticated caller; it joins the caller's live session, if there is
    /// one from the same token and address.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown source, [`Error::Denied`] by policy.
    pub async fn connect(&self, caller: Caller, source: &str) -> Result<Connection> {
        let source: SourceName = source.parse().map_err(|_| Error::NotFound("database"))?;
        if !self.inner.sources.contains_key(&source) {
            return Err(Error::NotFound("database"));
        }
        let question = Question::about(Action::OpenSession).source(&source);
        let decision = self.decide(&caller, &question)?;
        if !decision.allowed {
            let record = Record::by(EntryKind::SessionRefused, &caller)
                .reason("policy_denied")
                .fact("source", source.as_str())
                .ruling(self.ruling(&decision));
            self.record(record).await?;
            return Err(denied_by_policy(&caller, Action::OpenSession));
        }
        let mut connection = Connection {
            vault: self.clone(),
            caller,
            source,
            joined: None,
            grant: None,
            showing: None,
        };
        connection.join().await?;
        Ok(connection)
    }
}

impl Connection {
    /// Who is connected.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The source.
    pub fn source(&self) -> &SourceName {
        &self.source
    }

    /// The time, as the vault reads it.
    pub fn time(&self) -> jiff::Timestamp {
        self.vault.now()
    }

    /// The source's description of itself.
    pub async fn catalog(&self) -> Result<Catalog> {
        let source = self.behind()?;
        source
            .catalog()
            .await
            .map_err(|error| Error::unready("source_unavailable", error.to_string()))
    }

    fn behind(&self) -> Result<&Arc<dyn Source>> {
        self.vault
            .inner
            .sources
            .get(&self.source)
            .ok_or(Error::NotFound("database"))
    }

    fn desk(&self) -> Desk {
        Desk {
            principal: self.caller.principal().name.clone(),
            token: self.caller.token(),
            address: self.caller.address().to_owned(),
            source: self.source.clone(),
        }
    }

    /// Joins the live session of the same person, token, address and source, if this connection has none: another
    /// connection may have stated the reason since this one was opened.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the caller's token was revoked or has expired, [`Error::AuditUnavailable`] when
    /// joining could not be put on record.
    pub async fn join(&mut self) -> Result<()> {
        self.vault.alive(&self.caller)?;
        if self.session().is_ok() {
            return Ok(());
        }
        let Some(session) = self.vault.session_at(&self.desk()).await? else {
            return Ok(());
        };
        let limits = &self.vault.inner.config.sessions;
        if session
            .ended(self.vault.inner.clock.monotonic(), limits)
            .is_some()
        {
            // It may be idle here alone.
            self.vault.refresh_session(&session).await?;
            if self.vault.inner.sessions.live(session.id()).is_none() {
                return Ok(());
            }
        }
        let now = self.vault.inner.clock.monotonic();
        if let Some(why) = session.ended(now, limits) {
            return self.end_session(&session, why).await;
        }
        let record = Record::by(EntryKind::SessionJoined, &self.caller);
        self.vault.record_in(&session, record).await?;
        self.leave().await?;
        self.adopt(session);
        Ok(())
    }

    /// Gives up a session that has ended: what this connection still had to write of it is written.
    async fn leave(&mut self) -> Result<()> {
        self.end_grant("its session ended").await?;
        if let Some((_, recorder)) = self.joined.take() {
            recorder.flush().await?;
        }
        Ok(())
    }

    fn adopt(&mut self, session: Arc<LiveSession>) {
        let recorder = Recorder::new(self.vault.clone(), &self.caller, Arc::clone(&session));
        self.joined = Some((session, recorder));
    }

    /// What the connection may do right now. A grant that ended by itself is protected again.
    pub fn mode(&self) -> Mode {
        if self.session().is_err() {
            return Mode::Unjustified;
        }
        match &self.grant {
            Some(grant) if grant.is_live(&self.vault) => Mode::Decrypted {
                subject: grant.short_label(),
                until: grant.until(),
                grant: grant.id(),
                emergency: grant.is_emergency(),
            },
            _ => Mode::Protected,
        }
    }

    /// The state in words.
    pub fn status(&self) -> Status {
        Status {
            principal: self.caller.principal().name.to_string(),
            environment: self.vault.inner.config.environment.to_string(),
            source: self.source.to_string(),
            session: self.session().ok().map(|(session, _)| session.id()),
            mode: self.mode(),
        }
    }

    /// The session, if it is justified and has not ended.
    pub(super) fn session(&self) -> Result<(&Arc<LiveSession>, &Recorder)> {
        self.vault.alive(&self.caller)?;
        let (session, recorder) = self.joined.as_ref().ok_or_else(|| {
            Error::denied("session_unjustified", "this session needs a reason first")
        })?;
        session.check(
            self.vault.inner.clock.monotonic(),
            &self.vault.inner.config.sessions,
        )?;
        Ok((session, recorder))
    }

    /// States why; durable before it takes effect. The other connections of the same person, token, address and
    /// source join it, whether they are open already or not.
    ///
    /// # Errors
    /// [`Error::Invalid`] with code `reason_too_weak`, `reason_repeated` or `link_not_url`.
    pub async fn justify(&mut self, reason: &str, link: Option<&str>) -> Result<SessionId> {
        self.vault.alive(&self.caller)?;
        let reason = Reason::check(reason, link)?;
        if let Some(last) = self.repeated(&reason).await? {
            // A second connection that says what the first one said belongs to the same session.
            let at_desk = self.vault.session_at(&self.desk()).await?;
            if self.session().is_err() && at_desk.is_some_and(|session| session.id() == last) {
                self.join().await?;
                return self.session().map(|(session, _)| session.id());
            }
            return Err(Error::invalid(
                "reason_repeated",
                "that was the reason and link of your last session: say what is different now",
            ));
        }
        self.end_grant("a new reason was stated").await?;
        if let Some((former, recorder)) = self.joined.take() {
            recorder.flush().await?;
            self.end_session(&former, "a new reason was stated").await?;
        }
        let vault = &self.vault;
        let (now, monotonic) = (vault.now(), vault.inner.clock.monotonic());
        let id = SessionId::random(&*vault.inner.entropy);
        let row = SessionRow {
            id,
            principal: self.caller.principal().name.clone(),
            token: self.caller.token(),
            source: self.source.clone(),
            started_at: now,
            active_at: now,
            ended_at: None,
            decrypted: false,
            statements: 0,
            opened: 0,
            emergency_at: None,
            review: None,
        };
        let tenant = &vault.inner.config.tenant;
        let (key, secret) = vault.inner.keyring.new_session_key(tenant, id, now).await?;
        let session = Arc::new(LiveSession::new(row.clone(), key, secret, monotonic, now));
        let mut record = Record::by(EntryKind::SessionOpened, &self.caller)
            .fact("source", self.source.as_str())
            .personal("reason", reason.text);
        if let Some(link) = reason.link {
            record = record.personal("link", link);
        }
        vault.inner.data.put_session(row).await?;
        vault.record_in(&session, record).await?;
        // Other servers find the reason by the session's list.
        vault.inner.listing.written().await;
        let session = vault.inner.sessions.remember(self.desk(), session);
        self.adopt(session);
        Ok(id)
    }

    /// The person's last session, if this was its reason and link.
    async fn repeated(&self, reason: &Reason) -> Result<Option<SessionId>> {
        let filter = SessionFilter {
            principal: Some(self.caller.principal().name.clone()),
            count_max: 1,
            ..SessionFilter::default()
        };
        let Some(last) = self
            .vault
            .inner
            .data
            .sessions(&filter)
            .await?
            .into_iter()
            .next()
        else {
            return Ok(None);
        };
        let said = self.vault.stated(last.id).await?;
        let same = said.is_some_and(|said| reason.repeats(&said.reason, said.link.as_deref()));
        Ok(same.then_some(last.id))
    }

    pub(super) async fn end_grant(&mut self, why: &'static str) -> Result<()> {
        let (Some(grant), Some((session, recorder))) = (self.grant.take(), self.joined.as_ref())
        else {
            return Ok(());
        };
        grant.end();
        // A client that reads half of a result and gives the grant back has seen that half.
        let shown = match self.showing.take() {
            Some(showing) => recorder.shown(&grant, &showing, None).await,
            None => Ok(()),
        };
        let record = Record::by(EntryKind::GrantEnded, &self.caller).fact("why", why);
        self.vault
            .end_grant(session, &grant, record)
            .await
            .and(shown)
    }

    async fn end_session(&self, session: &LiveSession, why: &'static str) -> Result<()> {
        let actor = Actor::from(&self.caller);
        self.vault.end_session(session, actor, why).await
    }

    /// Whether a database server runs this connection's statements, so that they are forwarded to it; a child process of
    /// ours runs them otherwise.
    pub fn is_forwarded(&self) -> bool {
        let upstream = self.behind();
        upstream.is_ok_and(|source| matches!(source.serving(), Serving::Upstream(_)))
    }

    /// What runs this connection's statements: outside this process, read-only while decrypted.
    ///
    /// # Errors
    /// [`Error::Denied`] without a session, [`Error::Unready`] when there is none to be had.
    pub async fn runner(&self) -> Result<Box<dyn Runner>> {
        self.session()?;
        let Serving::Runner(runners) = self.behind()?.serving() else {
            return Err(Error::Internal("a database server has no runner"));
        };
        let limits = self.vault.inner.config.statements;
        let runner = runners.runner(self.run_mode(), limits).await;
        runner.map_err(|error| Error::unready("source_unavailable", error.to_string()))
    }

    /// A connection to the database server behind the source, under the role of `mode`: the one without write rights is for
    /// connections that are, or are about to be, decrypted. `settings` are what the client wants set. There is one before a
    /// reason was stated, too: who forwards to it lets nothing pass then that shows data.
    ///
    /// # Errors
    /// [`Error::Denied`] for rights to write while decrypted; inside, what the server or the check of its role said, for
    /// the client.
    pub async fn upstream(
        &self,
        mode: RunMode,
        settings: &[(String, String)],
    ) -> Result<std::result::Result<Upstream, UpstreamError>> {
        self.vault.alive(&self.caller)?;
        if mode == RunMode::Ordinary && self.run_mode() == RunMode::ReadOnly {
            return Err(Error::denied(
                "decrypted",
                "a decrypted connection reads, and nothing else",
            ));
        }
        match self.behind()?.serving() {
            Serving::Upstream(upstreams) => Ok(upstreams.upstream(mode, settings).await),
            Serving::Runner(_) => Err(Error::Internal("a file has no database server")),
        }
    }

    fn run_mode(&self) -> RunMode {
        match self.mode() {
            Mode::Decrypted { .. } => RunMode::ReadOnly,
            Mode::Protected | Mode::Unjustified => RunMode::Ordinary,
        }
    }

    /// Ends the connection: its grant is given back, what it did is on record. The session stays for others.
    pub async fn close(mut self) -> Result<()> {
        match self.ending() {
            Some(ending) => ending.run().await,
            None => Ok(()),
        }
    }

    /// What is left to do at the end; the connection itself is unjustified from here on.
    fn ending(&mut self) -> Option<Ending> {
        let (session, recorder) = self.joined.take()?;
        let (grant, showing) = (self.grant.take(), self.showing.take());
        if let Some(grant) = &grant {
            grant.end();
        }
        let (vault, caller) = (self.vault.clone(), self.caller.clone());
        Some(Ending {
            vault,
            caller,
            session,
            recorder,
            grant,
            showing,
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(ending) = self.ending() else { return };
        // Outside a runtime the process is ending; the grant has ended above in any case.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = ending.run().await {
                    tracing::warn!(%error, "a dropped connection could not be put on record");
                }
            });
        }
    }
}
