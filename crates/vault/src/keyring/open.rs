//! A subject with its keys opened, ready to seal and open its values and nobody else's.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, RwLock};

use jiff::civil::Date;
use privet_seal::{KeyId, KeyKind, SubjectKey, ValueCipher};

use super::TenantKeys;
use crate::audit::SubjectUse;
use crate::changed::Ticket;
use crate::consent::ConsentKey;
use crate::port::{KeyRow, SubjectRow};
use crate::{Error, Result};

/// A subject with its keys opened.
pub(crate) struct OpenSubject {
    pub(crate) row: SubjectRow,
    tenant: Arc<TenantKeys>,
    account: Vec<ValueCipher>,
    operational: Vec<ValueCipher>,
    pub(super) retention: RwLock<HashMap<u32, Retained>>,
    pub(super) consent: OnceLock<ConsentKey>,
    /// Kept for what is derived from it (pseudonyms, side records); never leaves this crate.
    pub(crate) account_key: SubjectKey,
    pub(crate) operational_key: SubjectKey,
}

/// A retention key, ready to use.
pub(super) struct Retained {
    pub(super) cipher: Arc<ValueCipher>,
    /// The day on which it dies, as far as is known here: another server may have put it off.
    pub(super) expires_on: Option<Date>,
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

    /// Whether these are all of the other's keys: the same ids, which the commitments that were checked on opening tie to
    /// the same secrets.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        let mut needed = other.operational.iter().chain(&other.account);
        let retained = other.retention.read().map(|retention| {
            let ids = retention.values().map(|retained| retained.cipher.key_id());
            ids.collect::<Vec<_>>()
        });
        let Ok(retained) = retained else {
            return false;
        };
        self.row.reference == other.row.reference
            && needed.all(|cipher| self.cipher(cipher.key_id()).is_some())
            && retained.into_iter().all(|id| self.cipher(id).is_some())
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
            .find(|retained| retained.cipher.key_id() == id)
            .map(|retained| CipherRef::Shared(Arc::clone(&retained.cipher)))
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

pub(super) fn open_subject(
    row: SubjectRow,
    keys: Vec<KeyRow>,
    tenant: Arc<TenantKeys>,
    ticket: Ticket,
) -> Result<Option<OpenSubject>> {
    let mut account = Vec::new();
    let mut operational = Vec::new();
    let mut retention = HashMap::new();
    let consent = OnceLock::new();
    let mut newest: [Option<(u32, SubjectKey)>; 2] = [None, None];
    let mut keys = keys;
    keys.sort_by_key(|key| std::cmp::Reverse(key.generation));
    for key in &keys {
        if key.is_of_consent() {
            let opened = ConsentKey::new(tenant.unwrap(key)?, key.told, ticket);
            consent.get_or_init(|| opened);
            continue;
        }
        let secret = SubjectKey::from(tenant.unwrap(key)?);
        let cipher = secret.cipher(tenant.scope(), key.id);
        let [newest_account, newest_operational] = &mut newest;
        let (list, newest) = match key.kind {
            KeyKind::SubjectAccount => (&mut account, newest_account),
            KeyKind::SubjectOperational => (&mut operational, newest_operational),
            KeyKind::SubjectRetention => {
                let retained = Retained {
                    cipher: Arc::new(cipher),
                    expires_on: key.expires_on,
                };
                retention.insert(key.generation, retained);
                continue;
            }
            _ => return Err(Error::Internal("a subject owns a key of another kind")),
        };
        list.push(cipher);
        newest.get_or_insert((key.generation, secret));
    }
    let [Some((_, account_key)), Some((_, operational_key))] = newest else {
        // Erased between the reading of its row and of its keys; a key that law keeps may be left.
        return Ok(None);
    };
    Ok(Some(OpenSubject {
        row,
        tenant,
        account,
        operational,
        retention: RwLock::new(retention),
        consent,
        account_key,
        operational_key,
    }))
}
