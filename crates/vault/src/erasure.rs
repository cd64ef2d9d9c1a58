//! Erasure by destroying keys and links, with the log as its ledger: intent, destruction, done. An intent without its
//! "done" is finished on the next start, before anything is opened; so is every erasure that a restored key store
//! does not know of.

use jiff::tz::TimeZone;
use memchr::memmem;
use privet_seal::{KeyId, KeyKind};

use crate::audit::{Actor, EntryKind, Record};
use crate::policy::Action;
use crate::port::RetentionKey;
use crate::{Caller, Error, Result, SessionId, SubjectName, SubjectRef, Vault};

/// How many entries a replay reads at once.
const BATCH: u32 = 2_000;

/// What an erasure destroyed and what it had to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The index of the durable `erasure.done` entry.
    pub entry: u64,
    /// Keys destroyed.
    pub keys_destroyed: u64,
    /// Sealed values deleted from the vault.
    pub values_deleted: u64,
    /// Keys that law keeps, with the day on which each dies.
    pub kept: Vec<RetentionKey>,
}

impl Vault {
    /// Closes a subject: a durable intent, then its keys and links are destroyed (never a retention key before its
    /// date), a durable "done", then its values are deleted. Repeating it after a crash is harmless.
    pub async fn close_subject(&self, caller: &Caller, subject: &SubjectName) -> Result<Closed> {
        self.permit(caller, Action::CloseSubject, EntryKind::ErasureDenied)
            .await?;
        let open = self.subject(subject).await?;
        let (reference, puid) = (open.row.reference, open.row.puid);
        let keys = self.doomed_keys(reference).await?;
        let _running = self.inner.ledger.run();
        let intent = Record::by(EntryKind::ErasureIntended, caller)
            .fact("erased", reference.to_string())
            .fact("keys", key_list(&keys));
        self.record(intent).await?;
        let kept = self.destroy(reference).await?;
        let done = Record::by(EntryKind::ErasureDone, caller)
            .fact("erased", reference.to_string())
            .fact("keys", key_list(&keys))
            .count("kept", kept.len() as u64);
        let entry = self.record(done).await?;
        let values_deleted = self.inner.data.delete_subject(puid).await?;
        Ok(Closed {
            entry,
            keys_destroyed: keys.len() as u64,
            values_deleted,
            kept,
        })
    }

    /// The keys that die now: all but retention keys before their date.
    async fn doomed_keys(&self, subject: SubjectRef) -> Result<Vec<KeyId>> {
        let today = self.now().to_zoned(TimeZone::UTC).date();
        let rows = self.inner.keys.keys_of_subjects(&[subject]).await?;
        let doomed = rows.into_iter().flatten().filter(|row| {
            row.kind != KeyKind::SubjectRetention || row.expires_on.is_some_and(|day| day <= today)
        });
        Ok(doomed.map(|row| row.id).collect())
    }

    async fn destroy(&self, subject: SubjectRef) -> Result<Vec<RetentionKey>> {
        let now = self.now();
        let today = now.to_zoned(TimeZone::UTC).date();
        let kept = self.inner.keys.destroy_subject(subject, today, now).await?;
        self.inner.keyring.forget(subject);
        self.catch_up().await?;
        Ok(kept)
    }

    /// Carries out every erasure that the log records and this key store may have missed.
    pub(crate) async fn replay_erasures(&self) -> Result<()> {
        let origin = self.inner.config.origin.clone();
        let size = self.inner.audit.size();
        let mut position = self.inner.keys.log_position(&origin).await?;
        if position > size {
            return Err(Error::Internal(
                "the key store has seen more of the log than there is: restore the log first",
            ));
        }
        while position < size {
            let entries = self.inner.audit.entries(position, BATCH).await?;
            if entries.is_empty() {
                return Err(Error::Internal(
                    "the log is shorter than its checkpoint says",
                ));
            }
            for entry in &entries {
                self.replay(position, entry).await?;
                position += 1;
            }
        }
        self.inner.keys.set_log_position(&origin, position).await?;
        Ok(())
    }

    /// A crash may have come between an entry and the note that it belongs to a session.
    async fn index_session_entry(&self, index: u64, entry: &[u8]) -> Result<()> {
        let Some(session) = session_of(entry) else {
            return Ok(());
        };
        let origin = self.inner.config.origin.clone();
        Ok(self
            .inner
            .data
            .add_session_entries(vec![(session, origin, index)])
            .await?)
    }

    async fn replay(&self, index: u64, entry: &[u8]) -> Result<()> {
        self.index_session_entry(index, entry).await?;
        let Some((kind, subject)) = erased_subject(entry) else {
            return Ok(());
        };
        let rows = self.inner.keys.subjects_by_reference(&[subject]).await?;
        let missed = rows.into_iter().flatten().next();
        if missed.is_none() && kind == EntryKind::ErasureDone {
            return Ok(());
        }
        self.destroy(subject).await?;
        if let Some(row) = missed {
            self.inner.data.delete_subject(row.puid).await?;
            let record = Record::new(EntryKind::ErasureDone, Actor::System)
                .fact("erased", subject.to_string())
                .fact("replayed", true);
            self.record(record).await?;
        }
        Ok(())
    }
}

/// The session that an entry belongs to; cheap for entries of none.
fn session_of(entry: &[u8]) -> Option<SessionId> {
    memmem::find(entry, b"\"session\"")?;
    let value: serde_json::Value = serde_json::from_slice(entry).ok()?;
    value.get("session")?.as_str()?.parse().ok()
}

/// The subject that an erasure entry names; cheap for all others.
fn erased_subject(entry: &[u8]) -> Option<(EntryKind, SubjectRef)> {
    memmem::find(entry, b"\"erasure.")?;
    let value: serde_json::Value = serde_json::from_slice(entry).ok()?;
    let kind = match value.get("t")?.as_str()? {
        "erasure.intended" => EntryKind::ErasureIntended,
        "erasure.done" => EntryKind::ErasureDone,
        _ => return None,
    };
    let subject = value.get("facts")?.get("erased")?.as_str()?.parse().ok()?;
    Some((kind, subject))
}

fn key_list(keys: &[KeyId]) -> serde_json::Value {
    keys.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .into()
}
