//! Erasure by destroying keys and links, with the log as its ledger: intent, destruction, done. An intent without its
//! "done" is finished on the next start, before anything is opened; so is every erasure that a restored key store
//! does not know of.

mod replay;

use jiff::tz::TimeZone;
use privet_seal::{KeyId, KeyKind};

use crate::audit::{Actor, EntryKind, Record};
use crate::policy::Action;
use crate::port::RetentionKey;
use crate::session::lock;
use crate::{Caller, Error, Result, SubjectName, SubjectRef, Vault};

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
        // Seen here, it is done again if a failover of the key store loses it.
        self.catch_up().await?;
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

    pub(crate) async fn destroy(&self, subject: SubjectRef) -> Result<Vec<RetentionKey>> {
        let now = self.now();
        let today = now.to_zoned(TimeZone::UTC).date();
        let destroyed = self
            .inner
            .keys
            .destroy_subject(subject, today, now, None)
            .await;
        // Also after an error: it may have been destroyed all the same.
        self.inner.keyring.forget(subject);
        self.inner.sessions.end_subject(subject);
        destroyed.map_err(Into::into)
    }
}

fn key_list(keys: &[KeyId]) -> serde_json::Value {
    keys.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .into()
}
