//! Stores that fail or wait on purpose: each store call of an operation in turn.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use privet_seal::{KeyId, KeyKind};
use privet_vault::port::{
    AliasRow, Change, ConsentBit, ConsentEnd, ConsentPlace, ConsentRow, ConsentTold, DataStore,
    FieldErasure, GrantRequestRow, GrantRow, KeyRow, KeyStore, LogBatch, LogState, LogStore,
    NewConsentRow, NewSessionEntry, NewSubject, NoticeRow, OrphanRow, Orphans, RequestDecision,
    RetentionKey, SessionEntry, SessionEntryFilter, SessionFilter, SessionRow, SessionTally,
    SideRow, StoreError, StreamRow, SubjectRequestFilter, SubjectRequestRow, SubjectRequestStore,
    SubjectRow, TallyPeriod, Telling, TileRow, TokenRow, ValueSwap, ValueWrite,
};
use privet_vault::subject_request::Progress;
use privet_vault::{
    GrantId, GrantRequestId, Oid, PrincipalName, Puid, SessionId, SourceName, SubjectRef,
    SubjectRequestId, TenantName, TokenId,
};
use tokio::sync::Notify;

/// On which side of its effect a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was done.
    Before,
    /// It was done, but the caller is not told: the connection broke, the process died.
    After,
}

/// Which call fails; shared by all the stores that one test wraps, so that calls are counted across ports.
///
/// ```
/// # use privet_store::{FailNth, Faults, MemoryStores, Moment};
/// # use privet_vault::port::{KeyStore, StoreError};
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let faults = Faults::new();
/// let keys = FailNth::new(MemoryStores::new().keys, &faults);
/// faults.fail_nth(2, Moment::Before, StoreError::Full);
/// assert_eq!(keys.sequence().await, Ok(0));
/// assert_eq!(keys.sequence().await, Err(StoreError::Full));
/// assert_eq!(keys.sequence().await, Ok(0));
/// assert_eq!(faults.calls(), 3);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Faults {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: u64,
    plan: Option<(u64, Plan)>,
}

/// What happens to the call in question.
#[derive(Debug, Clone)]
enum Plan {
    Fail(Moment, StoreError),
    /// This call fails, and so do all that come after it.
    Die(StoreError),
    Hold(Arc<Gate>),
}

/// Where a held call waits.
#[derive(Debug, Default)]
pub struct Gate {
    reached: Notify,
    open: Notify,
}

impl Gate {
    /// Waits until the call has come.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets it go on.
    pub fn open(&self) {
        self.open.notify_one();
    }
}

impl Faults {
    /// No call fails yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Counts from the start again, and lets the `nth` call (from 1) fail.
    pub fn fail_nth(&self, nth: u64, moment: Moment, error: StoreError) {
        *self.lock() = State {
            calls: 0,
            plan: Some((nth, Plan::Fail(moment, error))),
        };
    }

    /// Counts from the start again, and lets the `nth` call (from 1) and all after it fail before they do anything.
    pub fn die_at(&self, nth: u64, error: StoreError) {
        *self.lock() = State {
            calls: 0,
            plan: Some((nth, Plan::Die(error))),
        };
    }

    /// Counts from the start again, and holds the `nth` call (from 1) before it does anything, so that a test can let
    /// something else happen in between.
    pub fn hold_nth(&self, nth: u64) -> Arc<Gate> {
        let gate = Arc::new(Gate::default());
        *self.lock() = State {
            calls: 0,
            plan: Some((nth, Plan::Hold(Arc::clone(&gate)))),
        };
        gate
    }

    /// Counts from the start again, and lets no call fail.
    pub fn clear(&self) {
        *self.lock() = State::default();
    }

    /// The calls since the start, those that failed among them: how far `nth` has to go.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    async fn around<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        match self.count() {
            None => call.await,
            Some(Plan::Fail(Moment::Before, error) | Plan::Die(error)) => Err(error),
            Some(Plan::Fail(Moment::After, error)) => {
                call.await?;
                Err(error)
            }
            Some(Plan::Hold(gate)) => {
                gate.reached.notify_one();
                gate.open.notified().await;
                call.await
            }
        }
    }

    fn count(&self) -> Option<Plan> {
        let mut state = self.lock();
        state.calls += 1;
        let (nth, plan) = state.plan.as_ref()?;
        let is_hit = match plan {
            Plan::Die(_) => state.calls >= *nth,
            Plan::Fail(..) | Plan::Hold(_) => state.calls == *nth,
        };
        is_hit.then(|| plan.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store whose calls fail as [`Faults`] says.
#[derive(Debug)]
pub struct FailNth<S: ?Sized> {
    inner: Arc<S>,
    faults: Arc<Faults>,
}

impl<S: ?Sized> FailNth<S> {
    /// Wraps a store: `FailNth<dyn DataStore>`, `FailNth<dyn KeyStore>` or `FailNth<dyn LogStore>`.
    pub fn new(inner: Arc<S>, faults: &Arc<Faults>) -> Self {
        Self {
            inner,
            faults: Arc::clone(faults),
        }
    }
}

#[async_trait]
impl DataStore for FailNth<dyn DataStore> {
    async fn put_values(&self, values: Vec<ValueWrite>) -> Result<(), StoreError> {
        self.faults.around(self.inner.put_values(values)).await
    }

    async fn swap_values(&self, swaps: Vec<ValueSwap>) -> Result<Vec<bool>, StoreError> {
        self.faults.around(self.inner.swap_values(swaps)).await
    }

    async fn values(
        &self,
        subjects: &[Puid],
        fields: &[u16],
    ) -> Result<Vec<Vec<Option<Vec<u8>>>>, StoreError> {
        self.faults
            .around(self.inner.values(subjects, fields))
            .await
    }

    async fn fields_of(&self, subject: Puid) -> Result<Vec<u16>, StoreError> {
        self.faults.around(self.inner.fields_of(subject)).await
    }

    async fn lookup(
        &self,
        field: u16,
        index: [u8; 18],
        count_max: u32,
    ) -> Result<Vec<Puid>, StoreError> {
        self.faults
            .around(self.inner.lookup(field, index, count_max))
            .await
    }

    async fn delete_subject(&self, subject: Puid) -> Result<u64, StoreError> {
        self.faults.around(self.inner.delete_subject(subject)).await
    }

    async fn append_consent(&self, rows: Vec<NewConsentRow>) -> Result<Vec<bool>, StoreError> {
        self.faults.around(self.inner.append_consent(rows)).await
    }

    async fn consent_states(
        &self,
        places: &[ConsentPlace],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.faults.around(self.inner.consent_states(places)).await
    }

    async fn consent_rows(
        &self,
        places: &[ConsentPlace],
    ) -> Result<Vec<Option<ConsentRow>>, StoreError> {
        self.faults.around(self.inner.consent_rows(places)).await
    }

    async fn delete_consent(&self, places: &[ConsentPlace]) -> Result<u64, StoreError> {
        self.faults.around(self.inner.delete_consent(places)).await
    }

    async fn consent_bits(&self) -> Result<Vec<ConsentBit>, StoreError> {
        self.faults.around(self.inner.consent_bits()).await
    }

    async fn add_notices(&self, rows: Vec<NoticeRow>) -> Result<(), StoreError> {
        self.faults.around(self.inner.add_notices(rows)).await
    }

    async fn notices(&self, versions: &[String]) -> Result<Vec<NoticeRow>, StoreError> {
        self.faults.around(self.inner.notices(versions)).await
    }

    async fn put_session(&self, session: SessionRow) -> Result<(), StoreError> {
        self.faults.around(self.inner.put_session(session)).await
    }

    async fn session(&self, id: SessionId) -> Result<Option<SessionRow>, StoreError> {
        self.faults.around(self.inner.session(id)).await
    }

    async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionRow>, StoreError> {
        self.faults.around(self.inner.sessions(filter)).await
    }

    async fn session_tallies(&self, period: &TallyPeriod) -> Result<Vec<SessionTally>, StoreError> {
        self.faults.around(self.inner.session_tallies(period)).await
    }

    async fn add_session_entries(&self, entries: Vec<NewSessionEntry>) -> Result<(), StoreError> {
        self.faults
            .around(self.inner.add_session_entries(entries))
            .await
    }

    async fn session_entries(
        &self,
        filter: &SessionEntryFilter,
    ) -> Result<Vec<SessionEntry>, StoreError> {
        self.faults.around(self.inner.session_entries(filter)).await
    }
}

#[async_trait]
impl SubjectRequestStore for FailNth<dyn KeyStore> {
    async fn add_subject_request(
        &self,
        request: SubjectRequestRow,
        key: Option<KeyRow>,
    ) -> Result<(), StoreError> {
        self.faults
            .around(self.inner.add_subject_request(request, key))
            .await
    }

    async fn subject_request(
        &self,
        id: SubjectRequestId,
    ) -> Result<Option<SubjectRequestRow>, StoreError> {
        self.faults.around(self.inner.subject_request(id)).await
    }

    async fn subject_requests(
        &self,
        filter: &SubjectRequestFilter,
    ) -> Result<Vec<SubjectRequestRow>, StoreError> {
        self.faults
            .around(self.inner.subject_requests(filter))
            .await
    }

    async fn advance_subject_request(
        &self,
        id: SubjectRequestId,
        version: u64,
        progress: Progress,
        destroys_key: bool,
    ) -> Result<bool, StoreError> {
        let advanced = self
            .inner
            .advance_subject_request(id, version, progress, destroys_key);
        self.faults.around(advanced).await
    }
}

#[async_trait]
impl KeyStore for FailNth<dyn KeyStore> {
    async fn add_keys(&self, keys: Vec<KeyRow>) -> Result<(), StoreError> {
        self.faults.around(self.inner.add_keys(keys)).await
    }

    async fn tenant_keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        self.faults.around(self.inner.tenant_keys()).await
    }

    async fn keys_of(
        &self,
        tenant: &TenantName,
        kind: KeyKind,
        owner: [u8; 16],
    ) -> Result<Vec<KeyRow>, StoreError> {
        self.faults
            .around(self.inner.keys_of(tenant, kind, owner))
            .await
    }

    async fn keys_of_subjects(
        &self,
        subjects: &[SubjectRef],
    ) -> Result<Vec<Vec<KeyRow>>, StoreError> {
        self.faults
            .around(self.inner.keys_of_subjects(subjects))
            .await
    }

    async fn keys_of_kind(
        &self,
        tenant: &TenantName,
        kind: KeyKind,
    ) -> Result<Vec<KeyRow>, StoreError> {
        self.faults
            .around(self.inner.keys_of_kind(tenant, kind))
            .await
    }

    async fn keys_by_id(&self, ids: &[KeyId]) -> Result<Vec<Option<KeyRow>>, StoreError> {
        self.faults.around(self.inner.keys_by_id(ids)).await
    }

    async fn destroy_keys(&self, ids: &[KeyId]) -> Result<u64, StoreError> {
        self.faults.around(self.inner.destroy_keys(ids)).await
    }

    async fn set_key_expiry(&self, id: KeyId, expires_on: Date) -> Result<(), StoreError> {
        self.faults
            .around(self.inner.set_key_expiry(id, expires_on))
            .await
    }

    async fn destroy_expired_keys(&self, today: Date) -> Result<u64, StoreError> {
        self.faults
            .around(self.inner.destroy_expired_keys(today))
            .await
    }

    async fn add_subjects(&self, subjects: Vec<NewSubject>) -> Result<(), StoreError> {
        self.faults.around(self.inner.add_subjects(subjects)).await
    }

    async fn add_alias(&self, alias: AliasRow) -> Result<(), StoreError> {
        self.faults.around(self.inner.add_alias(alias)).await
    }

    async fn subjects_by_oid(&self, oids: &[Oid]) -> Result<Vec<Option<SubjectRow>>, StoreError> {
        self.faults.around(self.inner.subjects_by_oid(oids)).await
    }

    async fn subjects_by_puid(
        &self,
        puids: &[Puid],
    ) -> Result<Vec<Option<SubjectRow>>, StoreError> {
        self.faults.around(self.inner.subjects_by_puid(puids)).await
    }

    async fn subjects_by_reference(
        &self,
        references: &[SubjectRef],
    ) -> Result<Vec<Option<SubjectRow>>, StoreError> {
        self.faults
            .around(self.inner.subjects_by_reference(references))
            .await
    }

    async fn subjects_by_alias(
        &self,
        source: &SourceName,
        table: &str,
        keys: &[String],
    ) -> Result<Vec<Option<(AliasRow, SubjectRow)>>, StoreError> {
        self.faults
            .around(self.inner.subjects_by_alias(source, table, keys))
            .await
    }

    async fn aliases_of(&self, subject: SubjectRef) -> Result<Vec<AliasRow>, StoreError> {
        self.faults.around(self.inner.aliases_of(subject)).await
    }

    async fn subject_count(&self) -> Result<u64, StoreError> {
        self.faults.around(self.inner.subject_count()).await
    }

    async fn destroy_subject(
        &self,
        subject: SubjectRef,
        today: Date,
        at: Timestamp,
        telling: Option<Telling>,
        consent: ConsentEnd,
    ) -> Result<Vec<RetentionKey>, StoreError> {
        let destroyed = self
            .inner
            .destroy_subject(subject, today, at, telling, consent);
        self.faults.around(destroyed).await
    }

    async fn settle_destroyed(&self) -> Result<(), StoreError> {
        self.faults.around(self.inner.settle_destroyed()).await
    }

    async fn begin_field_erasures(
        &self,
        begun: Vec<(KeyRow, FieldErasure)>,
    ) -> Result<(), StoreError> {
        let begun = self.inner.begin_field_erasures(begun);
        self.faults.around(begun).await
    }

    async fn fields_cleared(
        &self,
        erasure: &FieldErasure,
        source: &SourceName,
    ) -> Result<(), StoreError> {
        let cleared = self.inner.fields_cleared(erasure, source);
        self.faults.around(cleared).await
    }

    async fn field_erasures(&self) -> Result<Vec<FieldErasure>, StoreError> {
        self.faults.around(self.inner.field_erasures()).await
    }

    async fn end_field_erasure(
        &self,
        subject: SubjectRef,
        kind: KeyKind,
        generation: u32,
    ) -> Result<u64, StoreError> {
        let ended = self.inner.end_field_erasure(subject, kind, generation);
        self.faults.around(ended).await
    }

    async fn salts_of(&self, subjects: &[SubjectRef]) -> Result<Vec<Option<KeyRow>>, StoreError> {
        self.faults.around(self.inner.salts_of(subjects)).await
    }

    async fn subjects_with_salts(
        &self,
        after: Option<SubjectRef>,
        count_max: u32,
    ) -> Result<Vec<SubjectRow>, StoreError> {
        let seen = self.inner.subjects_with_salts(after, count_max);
        self.faults.around(seen).await
    }

    async fn add_salts(&self, salts: Vec<KeyRow>) -> Result<(), StoreError> {
        self.faults.around(self.inner.add_salts(salts)).await
    }

    async fn rotate_salt(&self, salt: KeyRow, telling: Telling) -> Result<(), StoreError> {
        self.faults
            .around(self.inner.rotate_salt(salt, telling))
            .await
    }

    async fn stream_events(&self, count_max: u32) -> Result<Vec<StreamRow>, StoreError> {
        self.faults
            .around(self.inner.stream_events(count_max))
            .await
    }

    async fn remove_stream_events(&self, through: u64) -> Result<(), StoreError> {
        self.faults
            .around(self.inner.remove_stream_events(through))
            .await
    }

    async fn orphans(&self) -> Result<Orphans, StoreError> {
        self.faults.around(self.inner.orphans()).await
    }

    async fn remove_orphans(&self, orphans: &Orphans) -> Result<(), StoreError> {
        self.faults.around(self.inner.remove_orphans(orphans)).await
    }

    async fn orphan_rows(
        &self,
        source: &SourceName,
        today: Date,
        after: Option<&OrphanRow>,
        count_max: u32,
    ) -> Result<Vec<OrphanRow>, StoreError> {
        let rows = self.inner.orphan_rows(source, today, after, count_max);
        self.faults.around(rows).await
    }

    async fn orphaned(
        &self,
        source: &SourceName,
        table: &str,
        keys: &[String],
    ) -> Result<Vec<bool>, StoreError> {
        let orphaned = self.inner.orphaned(source, table, keys);
        self.faults.around(orphaned).await
    }

    async fn settle_orphan_row(
        &self,
        row: &OrphanRow,
        again: Option<Date>,
    ) -> Result<(), StoreError> {
        let settled = self.inner.settle_orphan_row(row, again);
        self.faults.around(settled).await
    }

    async fn add_token(&self, token: TokenRow) -> Result<(), StoreError> {
        self.faults.around(self.inner.add_token(token)).await
    }

    async fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        self.faults.around(self.inner.tokens()).await
    }

    async fn token_by_sha256(&self, sha256: [u8; 32]) -> Result<Option<TokenRow>, StoreError> {
        self.faults.around(self.inner.token_by_sha256(sha256)).await
    }

    async fn tokens_of(&self, principal: &PrincipalName) -> Result<Vec<TokenRow>, StoreError> {
        self.faults.around(self.inner.tokens_of(principal)).await
    }

    async fn revoke_token(&self, token: TokenId, at: Timestamp) -> Result<bool, StoreError> {
        self.faults.around(self.inner.revoke_token(token, at)).await
    }

    async fn add_grant(&self, grant: GrantRow) -> Result<(), StoreError> {
        self.faults.around(self.inner.add_grant(grant)).await
    }

    async fn grant(&self, id: GrantId) -> Result<Option<GrantRow>, StoreError> {
        self.faults.around(self.inner.grant(id)).await
    }

    async fn grants_of(&self, session: SessionId) -> Result<Vec<GrantRow>, StoreError> {
        self.faults.around(self.inner.grants_of(session)).await
    }

    async fn grants_since(
        &self,
        since: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRow>, StoreError> {
        self.faults
            .around(self.inner.grants_since(since, count_max))
            .await
    }

    async fn add_request(&self, request: GrantRequestRow) -> Result<(), StoreError> {
        self.faults.around(self.inner.add_request(request)).await
    }

    async fn request(&self, id: GrantRequestId) -> Result<Option<GrantRequestRow>, StoreError> {
        self.faults.around(self.inner.request(id)).await
    }

    async fn requests_of(&self, session: SessionId) -> Result<Vec<GrantRequestRow>, StoreError> {
        self.faults.around(self.inner.requests_of(session)).await
    }

    async fn live_requests(
        &self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRequestRow>, StoreError> {
        self.faults
            .around(self.inner.live_requests(now, count_max))
            .await
    }

    async fn decide_request(
        &self,
        id: GrantRequestId,
        decision: RequestDecision,
    ) -> Result<bool, StoreError> {
        self.faults
            .around(self.inner.decide_request(id, decision))
            .await
    }

    async fn requests_to_tell(
        &self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRequestRow>, StoreError> {
        self.faults
            .around(self.inner.requests_to_tell(now, count_max))
            .await
    }

    async fn tell_request(
        &self,
        id: GrantRequestId,
        seen: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        self.faults
            .around(self.inner.tell_request(id, seen, next))
            .await
    }

    async fn use_request(
        &self,
        id: GrantRequestId,
        grant: GrantId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.faults
            .around(self.inner.use_request(id, grant, at))
            .await
    }

    async fn expired_owners(
        &self,
        kind: KeyKind,
        today: Date,
        count_max: u32,
    ) -> Result<Vec<[u8; 16]>, StoreError> {
        self.faults
            .around(self.inner.expired_owners(kind, today, count_max))
            .await
    }

    async fn end_grant(&self, id: GrantId, at: Timestamp) -> Result<bool, StoreError> {
        self.faults.around(self.inner.end_grant(id, at)).await
    }

    async fn end_session(&self, session: SessionId) -> Result<(), StoreError> {
        self.faults.around(self.inner.end_session(session)).await
    }

    async fn consent_changed(&self, changes: Vec<ConsentTold>) -> Result<(), StoreError> {
        self.faults
            .around(self.inner.consent_changed(changes))
            .await
    }

    async fn sequence(&self) -> Result<u64, StoreError> {
        self.faults.around(self.inner.sequence()).await
    }

    async fn changes_after(&self, position: u64) -> Result<Vec<Change>, StoreError> {
        self.faults.around(self.inner.changes_after(position)).await
    }

    async fn trim_changes(&self, through: u64) -> Result<u64, StoreError> {
        self.faults.around(self.inner.trim_changes(through)).await
    }

    async fn log_position(&self, origin: &str) -> Result<u64, StoreError> {
        self.faults.around(self.inner.log_position(origin)).await
    }

    async fn set_log_position(&self, origin: &str, position: u64) -> Result<(), StoreError> {
        self.faults
            .around(self.inner.set_log_position(origin, position))
            .await
    }
}

#[async_trait]
impl LogStore for FailNth<dyn LogStore> {
    async fn origins(&self) -> Result<Vec<String>, StoreError> {
        self.faults.around(self.inner.origins()).await
    }

    async fn state(&self, origin: &str) -> Result<Option<LogState>, StoreError> {
        self.faults.around(self.inner.state(origin)).await
    }

    async fn append(&self, origin: &str, batch: LogBatch) -> Result<(), StoreError> {
        self.faults.around(self.inner.append(origin, batch)).await
    }

    async fn entries(
        &self,
        origin: &str,
        first: u64,
        count_max: u32,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        self.faults
            .around(self.inner.entries(origin, first, count_max))
            .await
    }

    async fn tile(
        &self,
        origin: &str,
        level: u8,
        number: u64,
    ) -> Result<Option<TileRow>, StoreError> {
        self.faults
            .around(self.inner.tile(origin, level, number))
            .await
    }

    async fn side(&self, sha256: [u8; 32]) -> Result<Option<SideRow>, StoreError> {
        self.faults.around(self.inner.side(sha256)).await
    }

    async fn delete_sides(&self, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
        self.faults.around(self.inner.delete_sides(hashes)).await
    }
}
