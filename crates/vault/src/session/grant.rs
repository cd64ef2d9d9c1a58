//! Grants: a few subjects, some fields, a while, on the evidence of these people's consent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use privet_seal::KeyId;

use super::justification::LiveSession;
use crate::audit::{Record, SideKey, SubjectUse};
use crate::keyring::{CipherRef, OpenSubject};
use crate::port::GrantRow;
use crate::{GrantId, Result, SessionId, SubjectRef, Vault};

/// Names of subjects that are shown of a longer list.
const NAMES_SHOWN: usize = 3;

/// What was granted, in words for the client.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The grant, which another connection can join.
    pub grant: GrantId,
    /// Whom, as the client typed it.
    pub subject: String,
    /// Names of the fields that open.
    pub fields: Vec<String>,
    /// Until when.
    pub until: Timestamp,
    /// Whether a live grant was there already, and none was made.
    pub reused: bool,
    /// Whether it was taken in an emergency.
    pub emergency: bool,
    /// What the client is told.
    pub note: String,
}

/// A grant in force on this server.
pub(crate) struct LiveGrant {
    row: GrantRow,
    /// The subjects, as the engineer named them, and what it rests on: personal, and never printed.
    label: String,
    evidence: String,
    open: Vec<Arc<OpenSubject>>,
    fields: BTreeSet<u16>,
    ends: Duration,
    ended: AtomicBool,
    key: Arc<SideKey>,
}

impl LiveGrant {
    /// A grant that is durable, until `ends` on the clock that never goes backwards.
    pub(super) fn new(
        row: GrantRow,
        said: Said,
        open: Vec<Arc<OpenSubject>>,
        fields: BTreeSet<u16>,
        ends: Duration,
        key: SideKey,
    ) -> Self {
        Self {
            row,
            label: said.label,
            evidence: said.evidence,
            open,
            fields,
            ends,
            ended: AtomicBool::new(false),
            key: Arc::new(key),
        }
    }

    pub(crate) fn id(&self) -> GrantId {
        self.row.id
    }

    pub(super) fn row(&self) -> &GrantRow {
        &self.row
    }

    pub(crate) fn session(&self) -> SessionId {
        self.row.session
    }

    pub(crate) fn is_for(&self, subject: SubjectRef) -> bool {
        self.row.subjects.contains(&subject)
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// The label, of a long list its start.
    pub(super) fn short_label(&self) -> String {
        let names: Vec<&str> = self.label.split(", ").collect();
        match names.get(..NAMES_SHOWN) {
            Some(first) if names.len() > NAMES_SHOWN => {
                let more = names.len() - NAMES_SHOWN;
                format!("{} and {more} more", first.join(", "))
            }
            _ => self.label.clone(),
        }
    }

    pub(super) fn evidence(&self) -> &str {
        &self.evidence
    }

    pub(super) fn fields(&self) -> &BTreeSet<u16> {
        &self.fields
    }

    pub(super) fn is_emergency(&self) -> bool {
        self.row.emergency
    }

    pub(crate) fn until(&self) -> Timestamp {
        self.row.ends_at
    }

    /// The cipher that a sealed value names, if it is of one of this grant's subjects.
    pub(crate) fn cipher(&self, id: KeyId) -> Option<CipherRef<'_>> {
        self.open.iter().find_map(|subject| subject.cipher(id))
    }

    pub(crate) fn key(&self) -> &Arc<SideKey> {
        &self.key
    }

    /// Whether it was ended (revoked, given back, its subject erased), apart from its time.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Whether it opens anything now: not ended, in time by both clocks (the monotonic one stands still while a machine
    /// sleeps, the other one can be set back), and the shared sequence was read within a second.
    pub(crate) fn is_live(&self, vault: &Vault) -> bool {
        !self.is_ended()
            && vault.inner.clock.monotonic() < self.ends
            && vault.now() < self.row.ends_at
            && vault.fresh().is_ok()
    }

    /// Ends it at once; nothing opens any more.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// The subjects as an entry names them.
    pub(crate) fn used(&self) -> Vec<SubjectUse> {
        let fields: Arc<[u16]> = self.fields.iter().copied().collect();
        let used = self.row.subjects.iter().map(|subject| SubjectUse {
            reference: *subject,
            fields: Arc::clone(&fields),
            count: 1,
        });
        used.collect()
    }
}

/// What the engineer said of a grant, as its sealed record keeps it.
pub(super) struct Said {
    pub(super) label: String,
    /// Where the consent can be found, or why it could not wait.
    pub(super) evidence: String,
}

impl Vault {
    /// Ends a grant for good, with its entry; one that somebody else has ended already has its entry.
    pub(crate) async fn end_grant(
        &self,
        session: &LiveSession,
        grant: &LiveGrant,
        record: Record,
    ) -> Result<()> {
        grant.end();
        let record = record.session(session.id()).grant(grant.id());
        if self.inner.keys.end_grant(grant.id(), self.now()).await? {
            self.record_in(session, record).await?;
        }
        Ok(())
    }
}
