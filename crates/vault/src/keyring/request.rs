//! Keys of subject requests: one each, which seals all that a request puts on disk. Destroying it is what makes that
//! unreadable, wherever copies lie.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use privet_seal::{FileKey, KeyId, KeyKind, RecordKey, Secret32};

use super::{Keyring, TenantKeys};
use crate::{Result, TenantName};

/// A request has one key in all its life.
const GENERATION: u32 = 1;

/// The keys of subject requests; see [`Keyring::requests`].
pub(crate) struct RequestKeys<'k>(&'k Keyring);

/// An opened key of one request.
pub(crate) struct RequestKey {
    id: KeyId,
    files: Arc<FileKey>,
    records: RecordKey,
}

impl RequestKey {
    fn new(id: KeyId, secret: Secret32, tenant: &TenantKeys) -> Self {
        Self {
            id,
            files: Arc::new(FileKey::new(&secret, tenant.scope(), id)),
            records: RecordKey::from(secret),
        }
    }

    /// Names it in the audit log.
    pub(crate) fn id(&self) -> KeyId {
        self.id
    }

    /// Seals and opens its files; each under its own place.
    pub(crate) fn files(&self) -> &Arc<FileKey> {
        &self.files
    }

    /// Seals and opens what is short: an address, how the identity was checked.
    pub(crate) fn records(&self) -> &RecordKey {
        &self.records
    }
}

impl Keyring {
    /// The keys of subject requests, kept in no cache: each is used by one run at a time, and must be gone at once when it
    /// is destroyed.
    pub(crate) fn requests(&self) -> RequestKeys<'_> {
        RequestKeys(self)
    }
}

impl RequestKeys<'_> {
    /// The key of a request, made if it has none yet, to be destroyed on `expires_on` at the latest. `made` says when, as
    /// exactly as the store may know it.
    pub(crate) async fn make(
        &self,
        tenant: &TenantName,
        request: [u8; 16],
        expires_on: Date,
        made: Timestamp,
    ) -> Result<RequestKey> {
        let tenant = self.0.tenant(tenant, made).await?;
        let (kind, until) = (KeyKind::Request, Some(expires_on));
        let (id, secret) = self
            .0
            .key_or_create(&tenant, kind, request, GENERATION, made, until)
            .await?;
        Ok(RequestKey::new(id, secret, &tenant))
    }

    /// The key of a request; `None`: it was destroyed, or never made.
    pub(crate) async fn open(
        &self,
        tenant: &TenantName,
        request: [u8; 16],
        now: Timestamp,
    ) -> Result<Option<RequestKey>> {
        let kind = KeyKind::Request;
        let rows = self.0.store.keys_of(tenant, kind, request).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let tenant = self.0.tenant(tenant, now).await?;
        Ok(Some(RequestKey::new(row.id, tenant.unwrap(row)?, &tenant)))
    }

    /// Destroys the key of a request; `false`: it has none (any more). Repeating it is harmless.
    pub(crate) async fn destroy(&self, tenant: &TenantName, request: [u8; 16]) -> Result<bool> {
        let kind = KeyKind::Request;
        let rows = self.0.store.keys_of(tenant, kind, request).await?;
        let ids: Vec<KeyId> = rows.iter().map(|row| row.id).collect();
        if ids.is_empty() {
            return Ok(false);
        }
        Ok(self.0.store.destroy_keys(&ids).await? > 0)
    }
}
