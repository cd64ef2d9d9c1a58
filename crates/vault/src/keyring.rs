//! Opened keys: the one place that unwraps them, and the bounded caches that hold them ready.
//!
//! Tenant keys are opened under the root once and kept; subject keys are opened on demand and forgotten after
//! [`CACHE_AGE`] or when the shared sequence says that the subject was erased.

mod retention;
mod tenant;

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use moka::sync::Cache;
use privet_classify::Field;
use privet_seal::{
    BlindIndex, Entropy, IndexKey, KeyId, KeyKind, KeyProvider, RecordKey, Secret32, SubjectKey,
    ValueCipher,
};

pub(crate) use retention::RetentionWish;
pub(crate) use tenant::TenantKeys;

use crate::audit::{SideKey, SubjectUse};
use crate::port::{KeyRow, KeyStore, StoreError, SubjectRow};
use crate::{Environment, Error, Oid, Puid, Result, SessionId, SubjectRef, TenantName};

/// How long an opened subject key stays ready.
const CACHE_AGE: Duration = Duration::from_secs(300);
/// How many opened subjects stay ready.
const SUBJECTS_MAX: u64 = 100_000;
/// Side records' keys, one a day outside sessions and one a session, are destroyed after this many days at the latest.
const SIDE_KEY_DAYS: i64 = 180;

/// A subject with its keys opened.
pub(crate) struct OpenSubject {
    pub(crate) row: SubjectRow,
    tenant: Arc<TenantKeys>,
    account: Vec<ValueCipher>,
    operational: Vec<ValueCipher>,
    retention: RwLock<HashMap<u32, Arc<ValueCipher>>>,
    /// Kept for what is derived from it (pseudonyms, side records); never leaves this crate.
    pub(crate) account_key: SubjectKey,
    pub(crate) operational_key: SubjectKey,
}

impl std::fmt::Debug for OpenSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenSubject")
            .field("reference", &self.row.reference)
            .finish_non_exhaustive()
    }
}

impl OpenSubject {
    /// The newest account-side cipher: values that the vault holds.
    pub(crate) fn account(&self) -> Result<&ValueCipher> {
        self.account
            .first()
            .ok_or(Error::Internal("subject has no account key"))
    }

    /// The newest operational cipher: values handed to applications.
    pub(crate) fn operational(&self) -> Result<&ValueCipher> {
        self.operational
            .first()
            .ok_or(Error::Internal("subject has no operational key"))
    }

    /// The cipher that a sealed value names, if it is one of this subject's; nobody else's can be found here.
    pub(crate) fn cipher(&self, id: KeyId) -> Option<CipherRef<'_>> {
        let mut ready = self.operational.iter().chain(&self.account);
        if let Some(cipher) = ready.find(|cipher| cipher.key_id() == id) {
            return Some(CipherRef::Ready(cipher));
        }
        let retention = self.retention.read().ok()?;
        retention
            .values()
            .find(|cipher| cipher.key_id() == id)
            .cloned()
            .map(CipherRef::Shared)
    }

    /// The subject as an entry names it.
    pub(crate) fn used(&self, fields: impl Into<Arc<[u16]>>, count: u32) -> SubjectUse {
        SubjectUse {
            reference: self.row.reference,
            fields: fields.into(),
            count,
        }
    }

    /// The subject's tenant keys.
    pub(crate) fn tenant(&self) -> &TenantKeys {
        &self.tenant
    }
}

/// A borrowed or shared cipher.
pub(crate) enum CipherRef<'a> {
    Ready(&'a ValueCipher),
    Shared(Arc<ValueCipher>),
}

impl std::ops::Deref for CipherRef<'_> {
    type Target = ValueCipher;

    fn deref(&self) -> &ValueCipher {
        match self {
            Self::Ready(cipher) => cipher,
            Self::Shared(cipher) => cipher,
        }
    }
}

/// The keyring of one environment.
pub(crate) struct Keyring {
    store: Arc<dyn KeyStore>,
    root: Arc<dyn KeyProvider>,
    environment: Environment,
    entropy: Arc<dyn Entropy>,
    tenants: tokio::sync::RwLock<HashMap<TenantName, Arc<TenantKeys>>>,
    subjects: Cache<SubjectRef, Arc<OpenSubject>>,
    by_oid: Cache<Oid, SubjectRef>,
    index: Cache<(TenantName, u16), Arc<Vec<IndexKey>>>,
    records: Cache<(KeyKind, [u8; 16]), Arc<SideKey>>,
}

impl Keyring {
    pub(crate) fn new(
        store: Arc<dyn KeyStore>,
        root: Arc<dyn KeyProvider>,
        environment: Environment,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let bounded = |max| Cache::builder().max_capacity(max).time_to_live(CACHE_AGE);
        Self {
            store,
            root,
            environment,
            entropy,
            tenants: tokio::sync::RwLock::default(),
            subjects: bounded(SUBJECTS_MAX).build(),
            by_oid: Cache::builder()
                .max_capacity(SUBJECTS_MAX)
                .time_to_live(CACHE_AGE)
                .build(),
            index: Cache::builder()
                .max_capacity(1_000)
                .time_to_live(CACHE_AGE)
                .build(),
            records: Cache::builder()
                .max_capacity(1_000)
                .time_to_live(CACHE_AGE)
                .build(),
        }
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// Forgets a subject's opened keys.
    pub(crate) fn forget(&self, subject: SubjectRef) {
        if let Some(open) = self.subjects.remove(&subject) {
            self.by_oid.invalidate(&open.row.oid);
        }
    }

    /// Forgets every opened subject: when the shared sequence cannot be followed.
    pub(crate) fn forget_all(&self) {
        self.subjects.invalidate_all();
        self.by_oid.invalidate_all();
        self.records.invalidate_all();
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
        let keys = self.store.keys_of_subjects(&references).await?;
        let mut fresh = HashMap::with_capacity(cold.len());
        for (row, keys) in cold.into_iter().zip(keys) {
            let tenant = self.tenant(&row.tenant, now).await?;
            tenant.check_subject(row)?;
            // A subject without keys was erased between the two reads.
            if keys.is_empty() {
                continue;
            }
            let open = Arc::new(open_subject(row.clone(), keys, tenant)?);
            self.remember(&open);
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

    fn remember(&self, open: &Arc<OpenSubject>) {
        self.by_oid.insert(open.row.oid, open.row.reference);
        self.subjects.insert(open.row.reference, Arc::clone(open));
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
        self.index.insert(name, Arc::clone(&keys));
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
        let tenant = self.tenant(tenant, now).await?;
        let (id, secret) = self
            .key_or_create(&tenant, kind, owner, 1, now, expires_on)
            .await?;
        let key = Arc::new(SideKey::new(id, RecordKey::from(secret)));
        self.records.insert((kind, owner), Arc::clone(&key));
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

fn open_subject(
    row: SubjectRow,
    keys: Vec<KeyRow>,
    tenant: Arc<TenantKeys>,
) -> Result<OpenSubject> {
    let mut account = Vec::new();
    let mut operational = Vec::new();
    let mut retention = HashMap::new();
    let mut newest: [Option<(u32, SubjectKey)>; 2] = [None, None];
    let mut keys = keys;
    keys.sort_by_key(|key| std::cmp::Reverse(key.generation));
    for key in &keys {
        let secret = SubjectKey::from(tenant.unwrap(key)?);
        let cipher = secret.cipher(tenant.scope(), key.id);
        let [newest_account, newest_operational] = &mut newest;
        let (list, newest) = match key.kind {
            KeyKind::SubjectAccount => (&mut account, newest_account),
            KeyKind::SubjectOperational => (&mut operational, newest_operational),
            KeyKind::SubjectRetention => {
                retention.insert(key.generation, Arc::new(cipher));
                continue;
            }
            _ => return Err(Error::Internal("a subject owns a key of another kind")),
        };
        list.push(cipher);
        newest.get_or_insert((key.generation, secret));
    }
    let [Some((_, account_key)), Some((_, operational_key))] = newest else {
        return Err(Error::Internal("subject lacks a key"));
    };
    Ok(OpenSubject {
        row,
        tenant,
        account,
        operational,
        retention: RwLock::new(retention),
        account_key,
        operational_key,
    })
}
