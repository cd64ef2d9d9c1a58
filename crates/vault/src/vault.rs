//! The vault as one value: what it is made of, and how it starts.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use privet_classify::{DataMap, Field};
use privet_seal::{Entropy, KeyProvider};
use privet_tlog::note::SigningKey;

use crate::adopt::Jobs;
use crate::audit::{Actor, AuditLog, EntryKind, Record, Ruling, SideKey, Standing};
use crate::changed::Changed;
use crate::consent::{self, Roll};
use crate::erasure::{FieldsInHand, InHand};
use crate::keyring::Keyring;
use crate::log_read::Readings;
use crate::login::Logins;
use crate::maintenance::{Ledger, Started};
use crate::me::OwnLogins;
use crate::mirrored::compared;
use crate::policy::{Action, Context, Decision, Policy, Resource};
use crate::port::{
    DataStore, KeyBackup, KeyStore, LogMirror, LogStore, MailToPeople, QueryEngine, Source,
};
use crate::receipt::ReceiptKey;
use crate::session::{Listing, Sessions};
use crate::subject_request::{CopyParts, Requests};
use crate::telemetry::Stamps;
use crate::token::Tokens;
use crate::watch::Watch;
use crate::{Caller, Clock, Config, Error, Form, PrincipalKind, Result, SourceName};

/// What the binary puts together, in one place.
pub struct Parts {
    /// The operator's settings.
    pub config: Config,
    /// Where personal data is.
    pub map: DataMap,
    /// Who may do what.
    pub policy: Policy,
    /// Sealed values, sessions and reviews.
    pub data: Arc<dyn DataStore>,
    /// Keys, links, tokens and grants.
    pub keys: Arc<dyn KeyStore>,
    /// The audit log.
    pub log: Arc<dyn LogStore>,
    /// Applications' databases by the data map's names.
    pub sources: BTreeMap<SourceName, Arc<dyn Source>>,
    /// What wraps tenant keys.
    pub root: Arc<dyn KeyProvider>,
    /// Signs checkpoints; lies outside every store.
    pub signer: SigningKey,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// The monitor. Cloning shares it.
#[derive(Clone)]
pub struct Vault {
    pub(crate) inner: Arc<Inner>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) map: DataMap,
    pub(crate) policy: Policy,
    pub(crate) keyring: Keyring,
    pub(crate) audit: AuditLog,
    pub(crate) data: Arc<dyn DataStore>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) sources: BTreeMap<SourceName, Arc<dyn Source>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) tokens: Tokens,
    pub(crate) watch: Watch,
    pub(crate) sessions: Sessions,
    pub(crate) ledger: Arc<Ledger>,
    /// Rows of applications' databases that are being erased.
    pub(crate) in_hand: Arc<InHand>,
    /// People whose fields are being erased here.
    pub(crate) fields_in_hand: Arc<FieldsInHand>,
    pub(crate) listing: Listing,
    pub(crate) started: Started,
    pub(crate) readings: Readings,
    pub(crate) logins: Logins,
    pub(crate) own: OwnLogins,
    pub(crate) stamps: Stamps,
    pub(crate) jobs: Jobs,
    pub(crate) key_backup: OnceLock<Arc<dyn KeyBackup>>,
    pub(crate) queries: OnceLock<Arc<dyn QueryEngine>>,
    pub(crate) roll: Roll,
    pub(crate) receipts: OnceLock<ReceiptKey>,
    pub(crate) copies: OnceLock<CopyParts>,
    pub(crate) mail: OnceLock<Arc<dyn MailToPeople>>,
    pub(crate) requests: Requests,
}

/// How long a job, or a start, waits for its entry to be durable.
const RECORD_PATIENCE: Duration = Duration::from_secs(30);

impl Vault {
    /// States where the key store is backed up, once: adopting reads from there what it seals under. Nothing else needs it,
    /// so that it is no part of what a vault is made of.
    pub fn back_keys_up(&self, backup: Arc<dyn KeyBackup>) {
        // A second one would be a mistake of the binary's; the first stays.
        let _ = self.inner.key_backup.set(backup);
    }

    /// Starts the monitor: opens the tenant's keys, checks where the log stands, finishes what an erasure left
    /// undone, and follows the shared sequence. Nothing can be opened before all of that succeeded.
    ///
    /// # Errors
    /// [`Error::Unready`] when the data map contradicts what people answered, the root key is not the one that wrapped the stores' keys, or the log does not match its
    /// checkpoint, [`Error::Store`] when a store fails.
    pub async fn start(parts: Parts) -> Result<Self> {
        Self::start_beside(parts, None).await
    }

    /// Starts beside the log's mirror, if there is one.
    pub(crate) async fn start_beside(
        parts: Parts,
        mirror: Option<Arc<dyn LogMirror>>,
    ) -> Result<Self> {
        consent::check_bits(&*parts.data, &parts.map).await?;
        consent::refuse_changed(&*parts.data, &parts.map).await?;
        let changed = Arc::<Changed>::default();
        let keyring = Keyring::new(
            Arc::clone(&parts.keys),
            Arc::clone(&parts.root),
            parts.config.environment.clone(),
            Arc::clone(&parts.entropy),
            &parts.clock,
            Arc::clone(&changed),
        );
        let tenant = keyring
            .tenant(&parts.config.tenant, parts.clock.now())
            .await?;
        let standing = compared(&parts, mirror.as_ref()).await?;
        let audit = AuditLog::start(
            parts.log,
            parts.config.origin.clone(),
            parts.config.environment.clone(),
            parts.signer,
            Arc::clone(&parts.clock),
            Arc::clone(&parts.entropy),
            parts.config.audit,
        )
        .await?;
        audit.follow_with(mirror, &standing);
        let watch = Watch::start(&*parts.keys, &*parts.clock).await?;
        let vault = Self {
            inner: Arc::new(Inner {
                tokens: Tokens::new(&tenant.mock_secret(), &parts.clock),
                sessions: Sessions::default(),
                ledger: Arc::default(),
                in_hand: Arc::default(),
                fields_in_hand: Arc::default(),
                listing: Listing::start(Arc::clone(&parts.data)),
                started: Started {
                    wall: parts.clock.now(),
                    monotonic: parts.clock.monotonic(),
                },
                readings: Readings::default(),
                logins: Logins::default(),
                own: OwnLogins::default(),
                stamps: Stamps::new(changed),
                jobs: Jobs::default(),
                key_backup: OnceLock::new(),
                queries: OnceLock::new(),
                roll: Roll::default(),
                receipts: OnceLock::new(),
                copies: OnceLock::new(),
                mail: OnceLock::new(),
                requests: Requests::new(Arc::clone(&parts.keys), parts.config.requests),
                config: parts.config,
                map: parts.map,
                policy: parts.policy,
                keyring,
                audit,
                data: parts.data,
                keys: parts.keys,
                sources: parts.sources,
                clock: parts.clock,
                entropy: parts.entropy,
                watch,
            }),
        };
        vault.pick_up(&standing).await?;
        vault.maintain();
        Ok(vault)
    }

    /// What a start does before anybody can ask: what was cut short goes on, and what this server goes by is on record.
    async fn pick_up(&self, standing: &Standing) -> Result<()> {
        self.go_on_from(standing).await?;
        self.record_policy().await?;
        self.keep_notices().await?;
        self.end_abandoned().await?;
        self.resume_requests().await
    }

    /// Stops in good order: what waits is committed, the ledger's position is moved, and nothing opens any more.
    /// Stores are free once the last holder of the vault is gone.
    pub async fn stop(&self) {
        self.inner.listing.written().await;
        if let Err(error) = self.move_ledger().await {
            tracing::warn!(%error, "the ledger's position could not be moved");
        }
        self.inner.audit.shutdown().await;
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The data map.
    pub fn map(&self) -> &DataMap {
        &self.inner.map
    }

    /// The audit log, for its health and its read side.
    pub fn audit(&self) -> &AuditLog {
        &self.inner.audit
    }

    /// The time, as everything here reads it.
    pub fn time(&self) -> Timestamp {
        self.now()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    async fn record_policy(&self) -> Result<()> {
        let record = Record::new(EntryKind::PolicyLoaded, Actor::System)
            .fact("bundle", hex(&self.inner.policy.digest()));
        self.record_patiently(record).await.map(drop)
    }

    /// Today's key for side records outside sessions.
    pub(crate) async fn side_key(&self) -> Result<Arc<SideKey>> {
        self.inner
            .keyring
            .side_key(&self.inner.config.tenant, self.now())
            .await
    }

    /// Makes an entry durable under today's side-record key.
    pub(crate) async fn record(&self, record: Record) -> Result<u64> {
        let key = self.side_key().await?;
        self.inner.audit.record(record, &key).await
    }

    /// The same for what nobody waits for at a door, such as a job or a start, and what must not end for one slow commit.
    pub(crate) async fn record_patiently(&self, record: Record) -> Result<u64> {
        let key = self.side_key().await?;
        let audit = &self.inner.audit;
        audit.record_within(record, &key, RECORD_PATIENCE).await
    }

    /// Puts a refusal on record before it is told; where that cannot be, it is what is told.
    pub(crate) async fn refuse(&self, record: Record, error: Error) -> Error {
        match self.record(record.reason(error.code())).await {
            Ok(_) => error,
            Err(unwritten) => unwritten,
        }
    }

    /// A decision as the log states it.
    pub(crate) fn ruling(&self, decision: &Decision) -> Ruling {
        Ruling {
            allow: decision.allowed,
            policies: Arc::clone(&decision.policies),
            bundle: self.inner.policy.digest(),
        }
    }

    /// Asks the policy for a caller whose token still lives. Every decision goes through here.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the token was revoked or has expired since it was shown.
    pub(crate) fn decide(&self, caller: &Caller, question: &Question<'_>) -> Result<Decision> {
        self.alive(caller)?;
        let resource = Resource {
            tenant: &self.inner.config.tenant,
            field: question
                .field
                .map(|field| (field.name.as_str(), field.class)),
            source: question.source,
        };
        let context = Context {
            purpose: question.purpose,
            // Only calls that take no name of a subject ask like that; anything else that a subject might reach is denied.
            is_self: question.own && caller.principal().kind == PrincipalKind::Subject,
            grant: question.grant,
        };
        // What a bundle may make stricter, and never looser.
        let clear = matches!(
            question.action,
            Action::Reveal(Form::Clear) | Action::Open(Form::Clear)
        );
        let principal = caller.principal();
        if clear && principal.kind == PrincipalKind::Person && !question.grant {
            return Ok(Decision {
                allowed: false,
                policies: Arc::default(),
            });
        }
        let policy = &self.inner.policy;
        Ok(policy.decide(principal, question.action, &resource, &context))
    }

    /// Asks the policy; a "no" is recorded as `denied` before it is answered.
    pub(crate) async fn permit(
        &self,
        caller: &Caller,
        action: Action,
        denied: EntryKind,
    ) -> Result<Decision> {
        self.permit_as(caller, action, &Question::about(action), denied)
            .await
    }

    /// Asks the policy about the record of sessions, of one source where the question names one.
    pub(crate) async fn permit_question(
        &self,
        caller: &Caller,
        action: Action,
        question: &Question<'_>,
    ) -> Result<Decision> {
        self.permit_as(caller, action, question, EntryKind::LogDenied)
            .await
    }

    pub(crate) async fn permit_as(
        &self,
        caller: &Caller,
        action: Action,
        question: &Question<'_>,
        denied: EntryKind,
    ) -> Result<Decision> {
        let decision = self.decide(caller, question)?;
        if decision.allowed {
            return Ok(decision);
        }
        let record = Record::by(denied, caller).ruling(self.ruling(&decision));
        self.record(record).await?;
        Err(denied_by_policy(caller, action))
    }
}

/// What a caller wants to do, and with what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    action: Action,
    field: Option<&'a Field>,
    source: Option<&'a SourceName>,
    purpose: Option<&'a str>,
    grant: bool,
    own: bool,
}

impl<'a> Question<'a> {
    pub(crate) fn about(action: Action) -> Self {
        Self {
            action,
            field: None,
            source: None,
            purpose: None,
            grant: false,
            own: false,
        }
    }

    pub(crate) fn field(mut self, field: &'a Field) -> Self {
        self.field = Some(field);
        self
    }

    pub(crate) fn source(mut self, source: &'a SourceName) -> Self {
        self.source = Some(source);
        self
    }

    /// As [`source`](Self::source), where there is one.
    pub(crate) fn of(mut self, source: Option<&'a SourceName>) -> Self {
        self.source = source;
        self
    }

    pub(crate) fn purpose_if(mut self, purpose: Option<&'a str>) -> Self {
        self.purpose = purpose;
        self
    }

    /// About the caller's own data, whatever the call says: it has no other subject.
    pub(crate) fn own(mut self) -> Self {
        self.own = true;
        self
    }

    /// Under a person's grant.
    pub(crate) fn with_grant(mut self) -> Self {
        self.grant = true;
        self
    }
}

/// What a principal is told when policy says no.
pub(crate) fn denied_by_policy(caller: &Caller, action: Action) -> Error {
    Error::denied(
        "policy_denied",
        format!(
            "policy does not let `{}` {action}: ask the owner of the policy bundle",
            caller.principal().name
        ),
    )
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
