//! Opened keys: the one place that unwraps them, and the bounded caches that hold them ready.
//!
//! Tenant keys are opened under the root once and kept; subject keys are opened on demand and forgotten after
//! [`CACHE_AGE`] or when the shared sequence says that the subject was erased.

mod consent;
mod generation;
mod open;
mod request;
mod retention;
mod salt;
mod tenant;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use privet_classify::Field;
use privet_seal::{
    BlindIndex, Entropy, IndexKey, KeyId, KeyKind, KeyProvider, ObjectSalt, RecordKey, Secret32,
};

pub(crate) use generation::Generations;
pub(crate) use open::{CipherRef, OpenSubject};
pub(crate) use request::RequestKey;
pub(crate) use retention::RetentionWish;
pub(crate) use salt::OpenSalt;
pub(crate) use tenant::TenantKeys;

use open::open_subject;

use crate::audit::SideKey;
use crate::changed::{Changed, Ticket};
use crate::port::{KeyStore, StoreError, SubjectRow};
use crate::recent::{Mark, Recent};
use crate::{Clock, Environment, Error, Oid, Puid, Result, SessionId, SubjectRef, TenantName};

/// How long an opened subject key stays ready.
const CACHE_AGE: Duration = Duration::from_secs(300);
/// How many opened subjects stay ready.
const SUBJECTS_MAX: usize = 100_000;
/// How many fields' index keys and how many keys of side records stay ready.
const OTHERS_MAX: usize = 1_000;
/// Side records' keys, one a day outside sessions and one a session, are destroyed after this many days at the latest.
pub(crate) const SIDE_KEY_DAYS: i64 = 180;

/// The keyring of one environment.
pub(crate) struct Keyring {
    store: Arc<dyn KeyStore>,
    root: Arc<dyn KeyProvider>,
    environment: Environment,
    entropy: Arc<dyn Entropy>,
    changed: Arc<Changed>,
    tenants: tokio::sync::RwLock<HashMap<TenantName, Arc<TenantKeys>>>,
    subjects: Recent<SubjectRef, Arc<OpenSubject>>,
    by_oid: Recent<Oid, SubjectRef>,
    index: Recent<(TenantName, u16), Arc<Vec<IndexKey>>>,
    records: Recent<(KeyKind, [u8; 16]), Arc<SideKey>>,
    object_salts: Recent<(TenantName, u16), Arc<ObjectSalt>>,
}

impl Keyring {
    pub(crate) fn new(
        store: Arc<dyn KeyStore>,
        root: Arc<dyn KeyProvider>,
        environment: Environment,
        entropy: Arc<dyn Entropy>,
        clock: &Arc<dyn Clock>,
        changed: Arc<Changed>,
    ) -> Self {
        Self {
            store,
            changed,
            root,
            environment,
            entropy,
            tenants: tokio::sync::RwLock::default(),
            subjects: Recent::new(SUBJECTS_MAX, CACHE_AGE, Arc::clone(clock)),
            by_oid: Recent::new(SUBJECTS_MAX, CACHE_AGE, Arc::clone(clock)),
            index: Recent::new(OTHERS_MAX, CACHE_AGE, Arc::clone(clock)),
            records: Recent::new(OTHERS_MAX, CACHE_AGE, Arc::clone(clock)),
            object_salts: Recent::new(OTHERS_MAX, CACHE_AGE, Arc::clone(clock)),
        }
    }

    /// The same root key over another store, with nothing opened yet.
    pub(crate) fn over(&self, store: Arc<dyn KeyStore>, clock: &Arc<dyn Clock>) -> Self {
        let (root, entropy) = (Arc::clone(&self.root), Arc::clone(&self.entropy));
        let changed = Arc::default();
        Self::new(
            store,
            root,
            self.environment.clone(),
            entropy,
            clock,
            changed,
        )
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// Forgets a subject's opened keys.
    pub(crate) fn forget(&self, subject: SubjectRef) {
        if let Some(open) = self.subjects.forget(&subject) {
            self.by_oid.forget(&open.row.oid);
        }
    }

    /// Taken before subjects are looked up whose values will be shown.
    pub(crate) fn mark(&self) -> Mark {
        self.subjects.mark()
    }

    /// Forgets every opened subject: when the shared sequence cannot be followed.
    pub(crate) fn forget_all(&self) {
        self.subjects.forget_all();
        self.by_oid.forget_all();
        self.records.forget_all();
        self.object_salts.forget_all();
    }

    /// Lets go of keys that were ready for long enough.
    pub(crate) fn drop_old(&self) {
        self.subjects.drop_old();
        self.by_oid.drop_old();
        self.index.drop_old();
        self.records.drop_old();
        self.object_salts.drop_old();
    }

    /// The tenant's keys, made on first use.
    pub(crate) async fn tenant(
        &self,
        name: &TenantName,
        now: Timestamp,
    ) -> Result<Arc<TenantKeys>> {
        if let Some(keys) = self.tenants.read().await.get(name) {
            return Ok(Arc::clone(keys));
        }
        let mut tenants = self.tenants.write().await;
        if let Some(keys) = tenants.get(name) {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(
            TenantKeys::open_or_create(
                &*self.store,
                &*self.root,
                &self.environment,
                name,
                &*self.entropy,
                now,
            )
            .await?,
        );
        tenants.insert(name.clone(), Arc::clone(&keys));
        Ok(keys)
    }

    /// Opened subjects by operational id, in the list's order; `None`: no such subject.
    pub(crate) async fn subjects(
        &self,
        oids: &[Oid],
        now: Timestamp,
    ) -> Result<Vec<Option<Arc<OpenSubject>>>> {
        let mut found: Vec<Option<Arc<OpenSubject>>> = oids
            .iter()
            .map(|oid| {
                self.by_oid
                    .get(oid)
                    .and_then(|reference| self.subjects.get(&reference))
            })
            .collect();
        let missing: Vec<Oid> = missing(oids, &found);
        if missing.is_empty() {
            return Ok(found);
        }
        let rows = self.store.subjects_by_oid(&missing).await?;
        let opened = self.open_rows(rows, now).await?;
        fill(&mut found, opened);
        Ok(found)
    }

    /// Opened subjects by account id.
    pub(crate) async fn subjects_by_puid(
        &self,
        puids: &[Puid],
        now: Timestamp,
    ) -> Result<Vec<Option<Arc<OpenSubject>>>> {
        let rows = self.store.subjects_by_puid(puids).await?;
        self.open_rows(rows, now).await
    }

    /// Opens subject rows whose MAC holds, from the cache where they are ready.
    pub(crate) async fn open_rows(
        &self,
        rows: Vec<Option<SubjectRow>>,
        now: Timestamp,
    ) -> Result<Vec<Option<Arc<OpenSubject>>>> {
        let mut opened: Vec<Option<Arc<OpenSubject>>> = rows
            .iter()
            .map(|row| {
                row.as_ref()
                    .and_then(|row| self.subjects.get(&row.reference))
            })
            .collect();
        let cold: Vec<&SubjectRow> = rows
            .iter()
            .zip(&opened)
            .filter(|(_, open)| open.is_none())
            .filter_map(|(row, _)| row.as_ref())
            .collect();
        if cold.is_empty() {
            return Ok(opened);
        }
        let references: Vec<SubjectRef> = cold.iter().map(|row| row.reference).collect();
        let mark = self.subjects.mark();
        let tickets = references.iter().map(|id| self.changed.ticket(*id));
        let tickets: Vec<Ticket> = tickets.collect();
        let keys = self.store.keys_of_subjects(&references).await?;
        let mut fresh = HashMap::with_capacity(cold.len());
        for ((row, keys), ticket) in cold.into_iter().zip(keys).zip(tickets) {
            let tenant = self.tenant(&row.tenant, now).await?;
            tenant.check_subject(row)?;
            let Some(open) = open_subject(row.clone(), keys, tenant, ticket)? else {
                continue;
            };
            let open = Arc::new(open);
            self.remember(mark, &open);
            fresh.insert(row.reference, open);
        }
        for (slot, row) in opened.iter_mut().zip(&rows) {
            if slot.is_none() {
                *slot = row
                    .as_ref()
                    .and_then(|row| fresh.get(&row.reference).cloned());
            }
        }
        Ok(opened)
    }

    /// An id leads nowhere once its subject is forgotten, so that only the keys need the mark.
    fn remember(&self, mark: Mark, open: &Arc<OpenSubject>) {
        let reference = open.row.reference;
        self.by_oid
            .insert(self.by_oid.mark(), open.row.oid, reference);
        self.subjects.insert(mark, reference, Arc::clone(open));
    }

    /// Adds a key for the owner, or answers the one that another caller added first.
    async fn key_or_create(
        &self,
        tenant: &TenantKeys,
        kind: KeyKind,
        owner: [u8; 16],
        generation: u32,
        created_at: Timestamp,
        expires_on: Option<jiff::civil::Date>,
    ) -> Result<(KeyId, Secret32)> {
        for _ in 0..3 {
            let rows = self.store.keys_of(tenant.name(), kind, owner).await?;
            if let Some(row) = rows.iter().find(|row| row.generation == generation) {
                return Ok((row.id, tenant.unwrap(row)?));
            }
            let secret = Secret32::generate(&*self.entropy);
            let mut row =
                tenant.wrap(kind, owner, generation, &secret, &*self.entropy, created_at)?;
            row.expires_on = expires_on;
            let id = row.id;
            match self.store.add_keys(vec![row]).await {
                Ok(()) => return Ok((id, secret)),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Internal("key could not be made"))
    }

    /// The live index keys of a field, newest version first.
    pub(crate) async fn index_keys(
        &self,
        tenant: &TenantKeys,
        field: u16,
        now: Timestamp,
    ) -> Result<Arc<Vec<IndexKey>>> {
        let name = (tenant.name().clone(), field);
        if let Some(keys) = self.index.get(&name) {
            return Ok(keys);
        }
        let owner = u128::from(field).to_be_bytes();
        let mark = self.index.mark();
        self.key_or_create(tenant, KeyKind::Index, owner, 1, now, None)
            .await?;
        let rows = self
            .store
            .keys_of(tenant.name(), KeyKind::Index, owner)
            .await?;
        let keys = rows
            .iter()
            .map(|row| {
                let version = u16::try_from(row.generation)
                    .map_err(|_| Error::Internal("index key version out of range"))?;
                Ok(IndexKey::new(tenant.unwrap(row)?, version))
            })
            .collect::<Result<Vec<_>>>()?;
        let keys = Arc::new(keys);
        self.index.insert(mark, name, Arc::clone(&keys));
        Ok(keys)
    }

    /// The blind indexes of a value, newest version first; the value is normalized here.
    pub(crate) async fn indexes(
        &self,
        tenant: &TenantKeys,
        field: &Field,
        value: &str,
        now: Timestamp,
    ) -> Result<Vec<BlindIndex>> {
        let normalized = field.value_type.normalize(value).map_err(|error| {
            Error::invalid("value_invalid", format!("field `{}`: {error}", field.name))
        })?;
        let keys = self.index_keys(tenant, field.number, now).await?;
        Ok(keys.iter().map(|key| key.index(&normalized)).collect())
    }

    /// A new session's key, both ready for side records and as it is, to be combined with subjects' keys.
    pub(crate) async fn new_session_key(
        &self,
        tenant: &TenantName,
        session: SessionId,
        now: Timestamp,
    ) -> Result<(Arc<SideKey>, Secret32)> {
        let tenant = self.tenant(tenant, now).await?;
        let owner = *session.as_bytes();
        let expires_on = Some(day_after(now, SIDE_KEY_DAYS)?);
        let kind = KeyKind::Session;
        let (id, secret) = self
            .key_or_create(&tenant, kind, owner, 1, now, expires_on)
            .await?;
        let (_, again) = self
            .key_or_create(&tenant, kind, owner, 1, now, expires_on)
            .await?;
        Ok((Arc::new(SideKey::new(id, RecordKey::from(again))), secret))
    }

    /// The same of a session that another server made, if its key still exists.
    pub(crate) async fn found_session_key(
        &self,
        tenant: &TenantName,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<(Arc<SideKey>, Secret32)>> {
        let owner = *session.as_bytes();
        let rows = self.store.keys_of(tenant, KeyKind::Session, owner).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let tenant = self.tenant(tenant, now).await?;
        let (secret, again) = (tenant.unwrap(row)?, tenant.unwrap(row)?);
        let key = SideKey::new(row.id, RecordKey::from(again));
        Ok(Some((Arc::new(key), secret)))
    }

    /// A session's key as it is, if it still exists.
    pub(crate) async fn session_secret(
        &self,
        tenant: &TenantName,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Option<(KeyId, Secret32)>> {
        let rows = self
            .store
            .keys_of(tenant, KeyKind::Session, *session.as_bytes())
            .await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let tenant = self.tenant(tenant, now).await?;
        Ok(Some((row.id, tenant.unwrap(row)?)))
    }

    /// The key of a session's side records.
    pub(crate) async fn session_key(
        &self,
        tenant: &TenantName,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Arc<SideKey>> {
        let expires_on = Some(day_after(now, SIDE_KEY_DAYS)?);
        self.record_key(
            tenant,
            KeyKind::Session,
            *session.as_bytes(),
            expires_on,
            now,
        )
        .await
    }

    /// The key of today's side records outside sessions.
    pub(crate) async fn side_key(
        &self,
        tenant: &TenantName,
        now: Timestamp,
    ) -> Result<Arc<SideKey>> {
        let day = now.as_second().div_euclid(86_400);
        let expires_on = Some(day_after(now, SIDE_KEY_DAYS)?);
        let owner = u128::from(day.unsigned_abs()).to_be_bytes();
        self.record_key(tenant, KeyKind::Side, owner, expires_on, now)
            .await
    }

    async fn record_key(
        &self,
        tenant: &TenantName,
        kind: KeyKind,
        owner: [u8; 16],
        expires_on: Option<jiff::civil::Date>,
        now: Timestamp,
    ) -> Result<Arc<SideKey>> {
        if let Some(key) = self.records.get(&(kind, owner)) {
            return Ok(key);
        }
        let mark = self.records.mark();
        let tenant = self.tenant(tenant, now).await?;
        let (id, secret) = self
            .key_or_create(&tenant, kind, owner, 1, now, expires_on)
            .await?;
        let key = Arc::new(SideKey::new(id, RecordKey::from(secret)));
        self.records.insert(mark, (kind, owner), Arc::clone(&key));
        Ok(key)
    }

    /// The side-record key that a sealed record names; `None` when it was destroyed.
    pub(crate) async fn record_key_by_id(
        &self,
        id: KeyId,
        now: Timestamp,
    ) -> Result<Option<SideKey>> {
        let rows = self.store.keys_by_id(&[id]).await?;
        let Some(row) = rows.into_iter().flatten().next() else {
            return Ok(None);
        };
        if !matches!(row.kind, KeyKind::Session | KeyKind::Side) {
            return Ok(None);
        }
        let tenant = self.tenant(&row.tenant, now).await?;
        let key = RecordKey::from(tenant.unwrap(&row)?);
        Ok(Some(SideKey::new(id, key)))
    }
}

/// The day's beginning, for rows that must not say at which moment they were made.
fn day_of(now: Timestamp) -> Result<Timestamp> {
    const SECONDS_A_DAY: i64 = 86_400;
    let day = now.as_second().div_euclid(SECONDS_A_DAY) * SECONDS_A_DAY;
    Timestamp::from_second(day).map_err(|_| Error::Internal("clock out of range"))
}

fn day_after(now: Timestamp, days: i64) -> Result<jiff::civil::Date> {
    let then = now
        .checked_add(jiff::SignedDuration::from_hours(24 * days))
        .map_err(|_| Error::Internal("clock out of range"))?;
    Ok(then.to_zoned(jiff::tz::TimeZone::UTC).date())
}

fn missing(oids: &[Oid], found: &[Option<Arc<OpenSubject>>]) -> Vec<Oid> {
    oids.iter()
        .zip(found)
        .filter(|(_, open)| open.is_none())
        .map(|(oid, _)| *oid)
        .collect()
}

fn fill(found: &mut [Option<Arc<OpenSubject>>], opened: Vec<Option<Arc<OpenSubject>>>) {
    let gaps = found.iter_mut().filter(|slot| slot.is_none());
    for (slot, open) in gaps.zip(opened) {
        *slot = open;
    }
}
