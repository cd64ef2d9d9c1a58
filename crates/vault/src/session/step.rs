//! One entry of a session as it lies in the log, with what can still be opened of its side record.

use std::collections::HashMap;

use privet_seal::{RecordKey, Secret32};
use serde_json::{Map, Value};

use crate::audit::{Entry, EntryKind, SideKey, SideRecord, SubjectUse};
use crate::port::{SessionEntry, SessionEntryFilter, SessionPart};
use crate::{GrantId, Result, SessionId, Vault};

/// An entry of a session, read.
pub(super) struct LogStep {
    pub(super) number: u64,
    /// The log that holds it, where that is another server's.
    pub(super) elsewhere: Option<String>,
    pub(super) index: u64,
    pub(super) entry: Entry,
    /// What its side record holds; `None` where there is none, or its key is destroyed.
    pub(super) side: Option<Map<String, Value>>,
    /// The subjects that it names.
    pub(super) used: Vec<SubjectUse>,
}

impl LogStep {
    pub(super) fn kind(&self) -> Option<EntryKind> {
        self.entry.kind()
    }

    /// A text of the side record.
    pub(super) fn personal(&self, name: &str) -> Option<String> {
        let text = self.side.as_ref()?.get(name)?.as_str()?;
        Some(text.to_owned())
    }

    /// Whether it had a side record that does not open any more.
    pub(super) fn is_destroyed(&self) -> bool {
        self.entry.side().is_some() && self.side.is_none()
    }
}

/// Opens the side records of one session: its key is unwrapped once, and so is that of each grant.
pub(crate) struct SessionReader<'a> {
    vault: &'a Vault,
    session: SessionId,
    secret: Option<Secret32>,
    key: Option<SideKey>,
    grants: HashMap<GrantId, Option<SideKey>>,
}

impl<'a> SessionReader<'a> {
    pub(crate) async fn open(vault: &'a Vault, session: SessionId) -> Result<Self> {
        // What this server has just written belongs to it as well.
        vault.inner.listing.written().await;
        let (now, tenant) = (vault.now(), &vault.inner.config.tenant);
        let keyring = &vault.inner.keyring;
        let secret = keyring.session_secret(tenant, session, now).await?;
        let key = keyring.session_secret(tenant, session, now).await?;
        Ok(Self {
            vault,
            session,
            secret: secret.map(|(_, secret)| secret),
            key: key.map(|(id, secret)| SideKey::new(id, RecordKey::from(secret))),
            grants: HashMap::new(),
        })
    }

    /// Whether anything of the session can still be opened.
    pub(super) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// Reads entries in the order noted; those that are not in a log that can be reached are left out.
    pub(super) async fn steps(
        &mut self,
        at_least: SessionPart,
        after: u64,
        count_max: u32,
    ) -> Result<Vec<LogStep>> {
        let filter = SessionEntryFilter {
            session: self.session,
            at_least,
            after,
            count_max,
        };
        let mut steps = Vec::new();
        for noted in self.vault.inner.data.session_entries(&filter).await? {
            steps.extend(self.step(noted).await?);
        }
        Ok(steps)
    }

    pub(super) async fn step(&mut self, noted: SessionEntry) -> Result<Option<LogStep>> {
        let audit = &self.vault.inner.audit;
        let Some(bytes) = audit.entry_of(&noted.origin, noted.index).await? else {
            return Ok(None);
        };
        let entry = Entry::parse(&bytes)?;
        let (side, used) = match self.side(&entry).await? {
            Some(record) => (Some(record.data), record.subjects),
            None => (None, Vec::new()),
        };
        Ok(Some(LogStep {
            number: noted.number,
            elsewhere: (noted.origin != audit.origin()).then_some(noted.origin),
            index: noted.index,
            entry,
            side,
            used,
        }))
    }

    /// Opens an entry's side record: under the session's key, or with a grant under that key and the subjects'.
    pub(crate) async fn side(&mut self, entry: &Entry) -> Result<Option<SideRecord>> {
        let Some(sealed) = self.vault.inner.audit.side(entry).await? else {
            return Ok(None);
        };
        if let Some(grant) = entry.grant
            && let Some(key) = self.grant_key(grant).await?
            && let Ok(side) = sealed.open(key)
        {
            return Ok(Some(side));
        }
        let key = self.key.as_ref();
        Ok(key.and_then(|key| sealed.open(key).ok()))
    }

    async fn grant_key(&mut self, grant: GrantId) -> Result<Option<&SideKey>> {
        if !self.grants.contains_key(&grant) {
            let key = self.combined_key(grant).await?;
            self.grants.insert(grant, key);
        }
        Ok(self.grants.get(&grant).and_then(Option::as_ref))
    }

    async fn combined_key(&self, grant: GrantId) -> Result<Option<SideKey>> {
        let inner = &self.vault.inner;
        let (Some(secret), Some(key)) = (&self.secret, &self.key) else {
            return Ok(None);
        };
        let Some(row) = inner.keys.grant(grant).await? else {
            return Ok(None);
        };
        let rows = inner.keys.subjects_by_reference(&row.subjects).await?;
        let opened = inner.keyring.open_rows(rows, self.vault.now()).await?;
        // With the key of one of them all of it is gone: what was typed may be about any of them.
        let Some(subjects) = opened.into_iter().collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let keys = subjects.iter().map(|subject| &subject.operational_key);
        Ok(Some(SideKey::new(
            key.id(),
            RecordKey::combine(secret, keys),
        )))
    }
}
