//! One client's connection: justified or not, protected or decrypted.

use std::sync::Arc;

use jiff::Timestamp;

use super::Desk;
use super::grant::{DecryptRequest, Granted, LiveGrant};
use super::justification::{LiveSession, Reason};
use super::marker;
use super::opener::{Counts, Opener};
use super::statements::{Permit, Recorder, Statement};
use crate::audit::{EntryKind, Record};
use crate::policy::{Action, Context, Resource};
use crate::port::{Catalog, RunMode, Runner, SessionFilter, SessionRow, Source};
use crate::vault::denied_by_policy;
use crate::{Caller, Error, GrantId, Result, SessionId, SourceName, Vault};

/// What a connection may do right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// No reason yet: only what clients send by themselves passes.
    Unjustified,
    /// Sealed values stay sealed.
    Protected,
    /// One subject's values open.
    Decrypted {
        /// Whose, as the client typed it.
        subject: String,
        /// Until when.
        until: Timestamp,
        /// The grant.
        grant: GrantId,
    },
}

/// A connection's state in words for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The principal.
    pub principal: String,
    /// The environment.
    pub environment: String,
    /// The source.
    pub source: String,
    /// The session, once justified.
    pub session: Option<SessionId>,
    /// The mode.
    pub mode: Mode,
}

/// One client's connection to a source. Dropping it ends its grant and writes what it has still to write.
pub struct Connection {
    vault: Vault,
    caller: Caller,
    source: SourceName,
    joined: Option<(Arc<LiveSession>, Recorder)>,
    grant: Option<Arc<LiveGrant>>,
    counts: Option<Counts>,
    /// It was dropped before and this is its last work: a runtime that stops drops that work unfinished, and to begin
    /// anew then would never end.
    leaving: bool,
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
        let resource = Resource {
            tenant: &self.inner.config.tenant,
            field: None,
            source: Some(&source),
        };
        let context = Context {
            purpose: None,
            is_self: false,
            grant: false,
        };
        let policy = &self.inner.policy;
        let decision = policy.decide(caller.principal(), Action::OpenSession, &resource, &context);
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
            counts: None,
            leaving: false,
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

    /// The source's description of itself.
    pub async fn catalog(&self) -> Result<Catalog> {
        let source = self.upstream()?;
        source
            .catalog()
            .await
            .map_err(|error| Error::unready("source_unavailable", error.to_string()))
    }

    fn upstream(&self) -> Result<&Arc<dyn Source>> {
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

    async fn join(&mut self) -> Result<()> {
        let sessions = &self.vault.inner.sessions;
        let Some(session) = sessions.justified(&self.desk()) else {
            return Ok(());
        };
        let limits = &self.vault.inner.config.sessions;
        if session
            .check(self.vault.inner.clock.monotonic(), limits)
            .is_err()
        {
            return self.end_session(&session, "expired").await;
        }
        let record = Record::by(EntryKind::SessionJoined, &self.caller);
        self.vault.record_in(&session, record).await?;
        self.adopt(session);
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
                subject: grant.label().to_owned(),
                until: grant.until(),
                grant: grant.id(),
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
    fn session(&self) -> Result<(&Arc<LiveSession>, &Recorder)> {
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
    /// source that open from now on join it.
    ///
    /// # Errors
    /// [`Error::Invalid`] with code `reason_too_weak`, `reason_repeated` or `link_not_url`.
    pub async fn justify(&mut self, reason: &str, link: Option<&str>) -> Result<SessionId> {
        let reason = Reason::check(reason, link)?;
        if self.repeats_last(&reason).await? {
            return Err(Error::invalid(
                "reason_repeated",
                "that was the reason and link of your last session: say what is different now",
            ));
        }
        if let Some((former, _)) = self.joined.take() {
            self.end_grant("a new reason was stated").await?;
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
            review: None,
        };
        let tenant = &vault.inner.config.tenant;
        let (key, secret) = vault.inner.keyring.new_session_key(tenant, id, now).await?;
        let session = Arc::new(LiveSession::new(row.clone(), key, secret, monotonic));
        let mut record = Record::by(EntryKind::SessionOpened, &self.caller)
            .fact("source", self.source.as_str())
            .personal("reason", reason.text);
        if let Some(link) = reason.link {
            record = record.personal("link", link);
        }
        vault.inner.data.put_session(row).await?;
        vault.record_in(&session, record).await?;
        vault
            .inner
            .sessions
            .remember(self.desk(), Arc::clone(&session));
        self.adopt(session);
        Ok(id)
    }

    async fn repeats_last(&self, reason: &Reason) -> Result<bool> {
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
            return Ok(false);
        };
        let said = self.vault.session_reason(last.id).await?;
        Ok(said.is_some_and(|(text, link)| reason.repeats(&text, link.as_deref())))
    }

    /// Opens one subject's values on the evidence of that person's consent. The connection becomes read-only.
    ///
    /// # Errors
    /// [`Error::Invalid`] with code `evidence_not_url` or `minutes`, [`Error::NotFound`] for an unknown or erased
    /// subject, [`Error::Denied`] by policy. The connection stays as it was then.
    pub async fn decrypt(&mut self, request: &DecryptRequest) -> Result<Granted> {
        let session = Arc::clone(self.session()?.0);
        let (grant, mut granted) = self
            .vault
            .grant(&self.caller, &self.source, &session, request)
            .await?;
        if self.grant.is_some() {
            self.end_grant("another grant took its place").await?;
            granted.note.push_str(" The former grant ended.");
        }
        self.grant = Some(grant);
        Ok(granted)
    }

    /// Joins a live grant of the same session.
    pub async fn join_grant(&mut self, id: GrantId) -> Result<()> {
        let session = Arc::clone(self.session()?.0);
        let found = self.vault.inner.sessions.grant(id);
        let grant = found
            .filter(|grant| grant.session() == session.id() && grant.is_live(&self.vault))
            .ok_or(Error::NotFound("grant"))?;
        let record = Record::by(EntryKind::SessionJoined, &self.caller).grant(id);
        self.vault.record_in(&session, record).await?;
        self.grant = Some(grant);
        Ok(())
    }

    /// Goes back to protected; harmless when the connection is protected already.
    pub async fn encrypt(&mut self) -> Result<()> {
        self.end_grant("given back").await
    }

    async fn end_grant(&mut self, why: &'static str) -> Result<()> {
        self.counts = None;
        let (Some(grant), Some((session, _))) = (self.grant.take(), self.joined.as_ref()) else {
            return Ok(());
        };
        let record = Record::by(EntryKind::GrantEnded, &self.caller).fact("why", why);
        self.vault.end_grant(session, &grant, record).await
    }

    async fn end_session(&self, session: &LiveSession, why: &'static str) -> Result<()> {
        self.vault.inner.sessions.forget(session.id());
        session.stop(why);
        let now = self.vault.now();
        let mut row = session.row();
        row.ended_at = Some(now);
        self.vault.inner.data.put_session(row).await?;
        let record = Record::by(EntryKind::SessionEnded, &self.caller).fact("why", why);
        self.vault.record_in(session, record).await.map(drop)
    }

    /// Replaces equality markers by blind indexes; `None`: there are none. Each is a question whether a person is in
    /// there: it must be justified, allowed, counted and on record before the statement goes anywhere.
    pub async fn substitute_markers(&mut self, statement: &[u8]) -> Result<Option<Vec<u8>>> {
        let found = marker::markers(statement)?;
        if found.is_empty() {
            return Ok(None);
        }
        let (session, _) = self.session()?;
        let vault = &self.vault;
        let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
        session.probe(count, &vault.inner.config.sessions)?;
        let now = vault.now();
        let tenant = vault
            .inner
            .keyring
            .tenant(&vault.inner.config.tenant, now)
            .await?;
        let mut indexes = Vec::with_capacity(found.len());
        let mut fields = Vec::with_capacity(found.len());
        for marker in &found {
            let field = vault.field(&marker.field)?;
            if field.lookup.is_none() {
                return Err(Error::invalid(
                    "no_lookup",
                    format!("field `{}` has no `lookup` in the data map", field.name),
                ));
            }
            self.permit_probe(session, field).await?;
            let index = vault
                .inner
                .keyring
                .indexes(&tenant, field, &marker.value, now)
                .await?;
            let newest = index.first().ok_or(Error::Internal("no index key"))?;
            indexes.push(newest.to_text());
            fields.push(field.name.to_string());
        }
        let record = Record::by(EntryKind::Probe, &self.caller)
            .fact("fields", fields)
            .count("markers", u64::from(count))
            .personal("indexes", indexes.clone());
        vault.record_in(session, record).await?;
        marker::replace(statement, &found, &indexes).map(Some)
    }

    async fn permit_probe(
        &self,
        session: &LiveSession,
        field: &privet_classify::Field,
    ) -> Result<()> {
        let resource = Resource {
            tenant: &self.vault.inner.config.tenant,
            field: Some((field.name.as_str(), field.class)),
            source: Some(&self.source),
        };
        let context = Context {
            purpose: None,
            is_self: false,
            grant: false,
        };
        let policy = &self.vault.inner.policy;
        let decision = policy.decide(self.caller.principal(), Action::Probe, &resource, &context);
        if decision.allowed {
            return Ok(());
        }
        let record =
            Record::by(EntryKind::ProbeDenied, &self.caller).ruling(self.vault.ruling(&decision));
        self.vault.record_in(session, record).await?;
        Err(denied_by_policy(&self.caller, Action::Probe))
    }

    /// Puts a statement on record. In a decrypted connection its entry is durable when this returns; the connection's
    /// [`Opener`] opens from then on until [`shown`](Self::shown).
    pub async fn record(&mut self, statement: Statement<'_>) -> Result<Permit> {
        let (_, recorder) = self.session()?;
        let live = self
            .grant
            .as_ref()
            .filter(|grant| grant.is_live(&self.vault));
        if let Some(grant) = live {
            let permit = recorder.opened(grant, &statement).await?;
            self.counts = Some(Counts::default());
            return Ok(permit);
        }
        recorder.protected(&statement).await?;
        if self.grant.is_some() {
            self.end_grant("its time was over").await?;
        }
        Ok(Permit { entry: None })
    }

    /// What opens cells of the statement on record; it opens nothing in a protected connection.
    pub fn opener(&self) -> Opener {
        let grant = self.grant.clone().zip(self.counts.clone());
        Opener::new(self.vault.clone(), grant)
    }

    /// Puts on record what a statement showed. The openers of the statement are counted up to here.
    pub fn shown(&mut self, permit: Permit, rows: u64) {
        let (Some(counts), Some(grant)) = (self.counts.take(), &self.grant) else {
            return;
        };
        if let Some((_, recorder)) = &self.joined {
            recorder.shown(grant, permit, &counts, rows);
        }
    }

    /// What runs this connection's statements: outside this process, read-only while decrypted.
    pub async fn runner(&self) -> Result<Box<dyn Runner>> {
        self.session()?;
        let source = self.upstream()?;
        let mode = match self.mode() {
            Mode::Decrypted { .. } => RunMode::ReadOnly,
            Mode::Protected | Mode::Unjustified => RunMode::Ordinary,
        };
        source
            .runner(mode, self.vault.inner.config.statements)
            .await
            .map_err(|error| Error::unready("source_unavailable", error.to_string()))
    }

    /// Ends the connection: its grant is given back, what it did is on record. The session stays for others.
    pub async fn close(mut self) -> Result<()> {
        self.finish().await
    }

    async fn finish(&mut self) -> Result<()> {
        let ended = self.end_grant("the connection ended").await;
        if let Some((session, recorder)) = self.joined.take() {
            recorder.flush().await?;
            self.vault.inner.data.put_session(session.row()).await?;
        }
        ended
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.joined.is_none() || self.leaving {
            return;
        }
        if let Some(grant) = &self.grant {
            grant.end();
        }
        let rest = Self {
            vault: self.vault.clone(),
            caller: self.caller.clone(),
            source: self.source.clone(),
            joined: self.joined.take(),
            grant: self.grant.take(),
            counts: None,
            leaving: true,
        };
        // Outside a runtime the process is ending; the grant has ended above in any case.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = rest.close().await {
                    tracing::warn!(%error, "a dropped connection could not be put on record");
                }
            });
        }
    }
}
