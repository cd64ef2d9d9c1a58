//! A tenant's keys: the wrapping keys of all live versions, and the key that protects link rows.

use std::collections::HashMap;

use jiff::Timestamp;
use privet_seal::{
    Entropy, KeyId, KeyKind, KeyProvider, MacKey, Nonce, Scope, Secret32, WrapContext, WrappedRef,
    WrappingKey,
};

use crate::port::{AliasRow, KeyRow, KeyStore, StoreError, SubjectRow};
use crate::{Environment, Error, Puid, Result, TenantName};

const NO_OWNER: [u8; 16] = [0; 16];

/// One tenant's opened keys.
pub(crate) struct TenantKeys {
    name: TenantName,
    scope: Scope,
    current: KeyId,
    versions: HashMap<KeyId, WrappingKey>,
    link: MacKey,
}

impl TenantKeys {
    /// Opens the tenant's keys under the root, making them when the tenant has none.
    pub(crate) async fn open_or_create(
        store: &dyn KeyStore,
        root: &dyn KeyProvider,
        environment: &Environment,
        name: &TenantName,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<Self> {
        let scope = Scope::new(environment.as_str(), name.as_str())
            .map_err(|_| Error::Internal("environment or tenant name"))?;
        let mut rows = store.keys_of(name, KeyKind::Tenant, NO_OWNER).await?;
        if rows.is_empty() {
            match store
                .add_keys(vec![new_tenant_row(root, &scope, name, entropy, now)?])
                .await
            {
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
            rows = store.keys_of(name, KeyKind::Tenant, NO_OWNER).await?;
        }
        let current = rows
            .first()
            .ok_or(Error::Internal("tenant key vanished"))?
            .id;
        let mut versions = HashMap::with_capacity(rows.len());
        for row in &rows {
            let context = context(&scope, row);
            let secret = root
                .unwrap(&context, &row.wrapped, &row.commitment)
                .map_err(|_| foreign(environment, name))?;
            versions.insert(row.id, WrappingKey::new(row.id, secret));
        }
        let link = open_link(store, &scope, name, current, &versions, entropy, now).await?;
        Ok(Self {
            name: name.clone(),
            scope,
            current,
            versions,
            link,
        })
    }

    pub(crate) fn name(&self) -> &TenantName {
        &self.name
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// A row that holds `secret` wrapped under the newest tenant key.
    pub(crate) fn wrap(
        &self,
        kind: KeyKind,
        owner: [u8; 16],
        generation: u32,
        secret: &Secret32,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<KeyRow> {
        let key = self
            .versions
            .get(&self.current)
            .ok_or(Error::Internal("tenant key vanished"))?;
        let mut row = blank_row(&self.name, kind, owner, generation, secret, entropy, now);
        row.wrapped = key.wrap(&context(&self.scope, &row), secret, Nonce::random(entropy));
        Ok(row)
    }

    /// Opens a key row of this tenant.
    pub(crate) fn unwrap(&self, row: &KeyRow) -> Result<Secret32> {
        unwrap_under(&self.versions, &self.scope, row)
    }

    /// Refuses a subject row that this tenant's link key did not make.
    pub(crate) fn check_subject(&self, row: &SubjectRow) -> Result<()> {
        let made = created_at(row);
        checked(
            self.link
                .verify(&subject_parts(row, &made), &row.mac)
                .is_ok(),
        )
    }

    /// What mock salts are made of: the same after a restart, as real salts are, and nobody's to guess.
    pub(crate) fn mock_secret(&self) -> [u8; 32] {
        self.link.mac(&[b"mock verifiers"])
    }

    /// What a key belongs to that keeps the answers of an account which was closed.
    pub(crate) fn kept_owner(&self, puid: Puid) -> [u8; 16] {
        let [owner @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
            self.link.mac(&[b"kept consent", puid.as_bytes()]);
        owner
    }

    /// Refuses an alias row that this tenant's link key did not make.
    pub(crate) fn check_alias(&self, row: &AliasRow) -> Result<()> {
        checked(self.link.verify(&alias_parts(row), &row.mac).is_ok())
    }

    pub(crate) fn sign_subject(&self, row: &mut SubjectRow) {
        let made = created_at(row);
        row.mac = self.link.mac(&subject_parts(row, &made));
    }

    pub(crate) fn sign_alias(&self, row: &mut AliasRow) {
        row.mac = self.link.mac(&alias_parts(row));
    }
}

async fn open_link(
    store: &dyn KeyStore,
    scope: &Scope,
    name: &TenantName,
    current: KeyId,
    versions: &HashMap<KeyId, WrappingKey>,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<MacKey> {
    let mut rows = store.keys_of(name, KeyKind::Link, NO_OWNER).await?;
    if rows.is_empty() {
        let secret = Secret32::generate(entropy);
        let mut row = blank_row(name, KeyKind::Link, NO_OWNER, 1, &secret, entropy, now);
        let key = versions
            .get(&current)
            .ok_or(Error::Internal("tenant key vanished"))?;
        row.wrapped = key.wrap(&context(scope, &row), &secret, Nonce::random(entropy));
        match store.add_keys(vec![row]).await {
            Ok(()) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        rows = store.keys_of(name, KeyKind::Link, NO_OWNER).await?;
    }
    let row = rows.first().ok_or(Error::Internal("link key vanished"))?;
    Ok(MacKey::from(unwrap_under(versions, scope, row)?))
}

/// A key opens under its own root key, environment and tenant only, and does not say which of them is wrong.
fn foreign(environment: &Environment, tenant: &TenantName) -> Error {
    Error::unready(
        "root_key",
        format!(
            "the stores' keys do not open with this root key in environment `{environment}` for tenant `{tenant}`: \
             put back the root key file and the `environment` that the stores were made with"
        ),
    )
}

fn new_tenant_row(
    root: &dyn KeyProvider,
    scope: &Scope,
    name: &TenantName,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<KeyRow> {
    let secret = Secret32::generate(entropy);
    let mut row = blank_row(name, KeyKind::Tenant, NO_OWNER, 1, &secret, entropy, now);
    row.wrapped = root
        .wrap(&context(scope, &row), &secret, Nonce::random(entropy))
        .map_err(|_| Error::Internal("the root key could not wrap a tenant key"))?;
    Ok(row)
}

fn blank_row(
    tenant: &TenantName,
    kind: KeyKind,
    owner: [u8; 16],
    generation: u32,
    secret: &Secret32,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> KeyRow {
    KeyRow {
        id: KeyId::random(entropy),
        tenant: tenant.clone(),
        kind,
        owner,
        generation,
        wrapped: Vec::new(),
        commitment: secret.commitment(),
        created_at: now,
        expires_on: None,
        told: 0,
    }
}

fn unwrap_under(
    versions: &HashMap<KeyId, WrappingKey>,
    scope: &Scope,
    row: &KeyRow,
) -> Result<Secret32> {
    let broken = Error::Internal("a wrapped key does not open");
    let Ok(wrapped) = WrappedRef::parse(&row.wrapped) else {
        return Err(broken);
    };
    let Some(key) = versions.get(&wrapped.wrapping_key_id()) else {
        return Err(broken);
    };
    key.unwrap(&context(scope, row), &row.wrapped, &row.commitment)
        .map_err(|_| broken)
}

fn context<'a>(scope: &'a Scope, row: &KeyRow) -> WrapContext<'a> {
    WrapContext {
        scope,
        key_id: row.id,
        subject: (row.owner != NO_OWNER).then_some(row.owner),
        kind: row.kind,
        generation: row.generation,
    }
}

fn checked(holds: bool) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::Internal("a link row was changed outside Privet"))
    }
}

/// When the subject was made, as nanoseconds since 1970-01-01, big endian.
fn created_at(row: &SubjectRow) -> [u8; 16] {
    row.created_at.as_nanosecond().to_be_bytes()
}

fn subject_parts<'r>(row: &'r SubjectRow, created_at: &'r [u8; 16]) -> [&'r [u8]; 6] {
    [
        b"subject",
        row.reference.as_bytes(),
        row.tenant.as_str().as_bytes(),
        row.puid.as_bytes(),
        row.oid.as_bytes(),
        created_at,
    ]
}

fn alias_parts(row: &AliasRow) -> [&[u8]; 5] {
    [
        b"alias",
        row.source.as_str().as_bytes(),
        row.table.as_bytes(),
        row.key.as_bytes(),
        row.subject.as_bytes(),
    ]
}
