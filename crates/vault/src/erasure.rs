//! Erasure by destroying keys and links, with the log as its ledger: intent, destruction, done. An intent without its
//! "done" is finished on the next start, before anything is opened; so is every erasure that a restored key store
//! does not know of.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use memchr::memmem;
use privet_seal::{KeyId, KeyKind};

use crate::audit::{Actor, EntryKind, Record};
use crate::policy::Action;
use crate::port::{NewSessionEntry, RetentionKey, SessionPart};
use crate::session::lock;
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

/// An erasure whose intent is durable.
#[derive(Debug, Clone)]
pub(crate) struct Erasure {
    subject: SubjectRef,
    keys: Vec<KeyId>,
    actor: Actor,
    /// The caller's network address, for the side record.
    address: Option<String>,
}

impl Vault {
    /// Closes a subject: a durable intent, then its keys and links are destroyed (never a retention key before its
    /// date), a durable "done", then its values are deleted. What fails after the intent is tried again until it is
    /// done, here and after a restart; a caller that goes away stops nothing.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::NotFound`] for an unknown subject. After any other error the erasure may
    /// be under way.
    pub async fn close_subject(&self, caller: &Caller, subject: &SubjectName) -> Result<Closed> {
        let decision = self
            .permit(caller, Action::CloseSubject, EntryKind::ErasureDenied)
            .await?;
        let open = self.subject(subject).await?;
        let reference = open.row.reference;
        let erasure = Erasure {
            subject: reference,
            keys: self.doomed_keys(reference).await?,
            actor: Actor::from(caller),
            address: Some(caller.address().to_owned()),
        };
        let intent = Record::by(EntryKind::ErasureIntended, caller)
            .ruling(self.ruling(&decision))
            .fact("erased", reference.to_string())
            .fact("keys", key_list(&erasure.keys));
        let vault = self.clone();
        let work = tokio::spawn(async move { vault.erase(intent, erasure).await });
        work.await
            .map_err(|_| Error::Internal("an erasure broke off; the next start finishes it"))?
    }

    async fn erase(&self, intent: Record, erasure: Erasure) -> Result<Closed> {
        let hold = self.inner.ledger.hold(self.inner.audit.size());
        self.record(intent).await?;
        let carried_out = self.carry_out(&erasure).await;
        match carried_out {
            Ok(_) => hold.release(),
            Err(_) => lock(&self.inner.ledger.unfinished).push(erasure),
        }
        carried_out
    }

    /// Everything after the intent; repeating it is harmless.
    async fn carry_out(&self, erasure: &Erasure) -> Result<Closed> {
        let kept = self.destroy(erasure.subject).await?;
        let mut done = Record::new(EntryKind::ErasureDone, erasure.actor.clone())
            .fact("erased", erasure.subject.to_string())
            .fact("keys", key_list(&erasure.keys))
            .count("kept", kept.len() as u64);
        if let Some(address) = &erasure.address {
            done = done.personal("address", address.as_str());
        }
        let entry = self.record(done).await?;
        let values_deleted = self.delete_orphans().await?;
        Ok(Closed {
            entry,
            keys_destroyed: erasure.keys.len() as u64,
            values_deleted,
            kept,
        })
    }

    /// Tries again what failed after its intent.
    pub(crate) async fn finish_erasures(&self) -> Result<()> {
        let unfinished = std::mem::take(&mut *lock(&self.inner.ledger.unfinished));
        let mut outcome = self.delete_orphans().await.map(drop);
        for erasure in unfinished {
            // The ledger's position stays where it is until the next start; replaying a finished erasure is harmless.
            if let Err(error) = self.carry_out(&erasure).await {
                lock(&self.inner.ledger.unfinished).push(erasure);
                outcome = Err(error);
            }
        }
        outcome
    }

    /// Deletes the values of destroyed subjects; answers how many there were.
    pub(crate) async fn delete_orphans(&self) -> Result<u64> {
        let mut count = 0;
        let orphans = self.inner.keys.orphans().await?;
        for puid in &orphans {
            count += self.inner.data.delete_subject(*puid).await?;
        }
        if !orphans.is_empty() {
            self.inner.keys.remove_orphans(&orphans).await?;
        }
        Ok(count)
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
        let destroyed = self.inner.keys.destroy_subject(subject, today, now).await;
        // Also after an error: it may have been destroyed all the same.
        self.inner.keyring.forget(subject);
        self.inner.sessions.end_subject(subject);
        let kept = destroyed?;
        self.catch_up().await?;
        Ok(kept)
    }

    /// Carries out every erasure that the log records and this key store may have missed, and finishes those that
    /// lack their "done".
    pub(crate) async fn replay_erasures(&self) -> Result<()> {
        let origin = self.inner.config.origin.clone();
        let size = self.inner.audit.size();
        let mut position = self.inner.keys.log_position(&origin).await?;
        if position > size {
            return Err(Error::Internal(
                "the key store has seen more of the log than there is: restore the log first",
            ));
        }
        // Whether each is done.
        let mut erased: BTreeMap<SubjectRef, bool> = BTreeMap::new();
        while position < size {
            let entries = self.inner.audit.entries(position, BATCH).await?;
            if entries.is_empty() {
                return Err(Error::Internal(
                    "the log is shorter than its checkpoint says",
                ));
            }
            for entry in &entries {
                self.index_session_entry(position, entry).await?;
                if let Some((kind, subject)) = erased_subject(entry) {
                    *erased.entry(subject).or_default() |= kind == EntryKind::ErasureDone;
                }
                position += 1;
            }
        }
        for (subject, done) in erased {
            self.replay(subject, done).await?;
        }
        self.delete_orphans().await?;
        Ok(self.inner.keys.set_log_position(&origin, position).await?)
    }

    async fn replay(&self, subject: SubjectRef, done: bool) -> Result<()> {
        let rows = self.inner.keys.subjects_by_reference(&[subject]).await?;
        let missed = rows.into_iter().flatten().next().is_some();
        if done && !missed {
            return Ok(());
        }
        self.destroy(subject).await?;
        let record = Record::new(EntryKind::ErasureDone, Actor::System)
            .fact("erased", subject.to_string())
            .fact("replayed", true);
        self.record(record).await.map(drop)
    }

    /// A crash may have come between an entry and the note that it belongs to a session.
    async fn index_session_entry(&self, index: u64, entry: &[u8]) -> Result<()> {
        let Some((session, kind)) = session_of(entry) else {
            return Ok(());
        };
        let noted = NewSessionEntry {
            session,
            origin: self.inner.config.origin.clone(),
            index,
            // What a newer version wrote may be anything.
            part: kind.map_or(SessionPart::Frame, EntryKind::part),
        };
        Ok(self.inner.data.add_session_entries(vec![noted]).await?)
    }
}

/// The session that an entry belongs to and its kind, if this version knows it; cheap for entries of none.
fn session_of(entry: &[u8]) -> Option<(SessionId, Option<EntryKind>)> {
    memmem::find(entry, b"\"session\"")?;
    let value: serde_json::Value = serde_json::from_slice(entry).ok()?;
    let session = value.get("session")?.as_str()?.parse().ok()?;
    Some((session, value.get("t")?.as_str()?.parse().ok()))
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
