//! What is kept of a person's answers after their account closed: nothing, or, where the data map says so, all of it under
//! its own key until a day. Nothing leads from an operational id to it any more.

use jiff::civil::Date;
use privet_seal::{KeyId, KeyKind};

use crate::keyring::is_consent_key;
use crate::port::KeyRow;
use crate::{Error, Result, SubjectRef, Vault};

/// How many owners of expired keys are looked through at once.
const OWNERS_MAX: u32 = 1_000;

impl Vault {
    /// Gives the key of what a subject agreed to its last day, before the subject's others are destroyed. Done again, it
    /// changes nothing.
    pub(crate) async fn keep_consent(&self, subject: SubjectRef, today: Date) -> Result<()> {
        let Some(keep) = &self.inner.map.consent().keep else {
            return Ok(());
        };
        let keys = self.inner.keys.keys_of_subjects(&[subject]).await?;
        let mut keys = keys.into_iter().flatten();
        let endless = |row: &KeyRow| is_consent_key(row) && row.expires_on.is_none();
        let Some(key) = keys.find(endless) else {
            return Ok(());
        };
        let until = keep.for_.after(today);
        let until = until.ok_or(Error::Internal("clock out of range"))?;
        Ok(self.inner.keys.set_key_expiry(key.id, until).await?)
    }

    /// Deletes the rows of those of these keys that are no more.
    pub(crate) async fn delete_unreadable_consent(&self, keys: &[KeyId]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let left = self.inner.keys.keys_by_id(keys).await?;
        let gone = keys.iter().zip(left).filter(|(_, left)| left.is_none());
        let gone: Vec<KeyId> = gone.map(|(id, _)| *id).collect();
        self.inner.data.delete_consent(&gone).await.map(drop)?;
        Ok(())
    }

    /// Deletes the rows that were kept until today, and then their keys: a crash in between leaves keys that are found
    /// again. Answers how many keys there were.
    pub(crate) async fn end_kept_consent(&self, today: Date) -> Result<u64> {
        let keys = &self.inner.keys;
        let mut count = 0;
        loop {
            let owners = keys.expired_owners(KeyKind::SubjectRetention, today, OWNERS_MAX);
            let owners = owners.await?;
            let is_last = owners.len() < OWNERS_MAX as usize;
            let subjects: Vec<_> = owners.into_iter().map(SubjectRef::from_bytes).collect();
            let rows = keys.keys_of_subjects(&subjects).await?;
            let expired = rows.into_iter().flatten().filter(|row| {
                row.kind == KeyKind::SubjectRetention
                    && row.expires_on.is_some_and(|day| day <= today)
            });
            let (ours, others): (Vec<KeyRow>, Vec<KeyRow>) = expired.partition(is_consent_key);
            let ours: Vec<KeyId> = ours.into_iter().map(|row| row.id).collect();
            self.inner.data.delete_consent(&ours).await?;
            let all = others.into_iter().map(|row| row.id).chain(ours);
            let all: Vec<KeyId> = all.collect();
            if all.is_empty() {
                return Ok(count);
            }
            count += keys.destroy_keys(&all).await?;
            if is_last {
                return Ok(count);
            }
        }
    }
}
