//! What becomes of a person's answers when their account closes: they are deleted, or, where the data map says so, all of
//! them stay under their own key until a day. Nothing leads from an operational id or a reference to them any more.

use jiff::civil::Date;
use privet_seal::{KeyId, KeyKind};

use super::sealed::ConsentKey;
use crate::port::{ConsentEnd, ConsentPlace, KeyRow, SubjectRow};
use crate::{Error, Result, SubjectRef, Vault};

/// How many owners of expired keys are looked through at once.
const OWNERS_MAX: u32 = 1_000;
/// How many events may lie behind the last one that was told without being deleted, when the data store cannot be asked.
const UNTOLD_MAX: u64 = 16;
/// How many places are deleted at once.
const PLACES_MAX: u64 = 10_000;
/// More events than anybody has. A number beyond that was not written by this program, and must not cost its memory.
const EVENTS_MAX: u64 = 1_000_000;

impl Vault {
    /// What is to become of a subject's answers, found out before their key is destroyed. Done again afterwards, it is
    /// nothing. `subject`: its row, as long as there is one.
    pub(crate) async fn end_of_consent(
        &self,
        reference: SubjectRef,
        subject: Option<&SubjectRow>,
        today: Date,
    ) -> Result<ConsentEnd> {
        let keys = self.inner.keys.keys_of_subjects(&[reference]).await?;
        let mut keys = keys.into_iter().flatten();
        let Some(row) = keys.find(KeyRow::is_of_consent) else {
            return Ok(ConsentEnd::default());
        };
        let end = match (&self.inner.map.consent().keep, subject) {
            (Some(keep), Some(subject)) => {
                let until = keep.for_.after(today);
                let until = until.ok_or(Error::Internal("clock out of range"))?;
                let keyring = &self.inner.keyring;
                let kept = keyring.kept_consent_key(subject, &row, until, self.now());
                kept.await.map(|kept| ConsentEnd {
                    places: Vec::new(),
                    kept: Some(kept),
                })
            }
            _ => self
                .places(&row)
                .await
                .map(|places| ConsentEnd { places, kept: None }),
        };
        match end {
            // An erasure must not depend on keys that open.
            Err(Error::Internal(why)) => {
                tracing::error!(
                    why,
                    "rows of the consent ledger stay where they are, and nothing opens them: their key did not open, and is destroyed"
                );
                Ok(ConsentEnd::default())
            }
            end => end,
        }
    }

    /// Where the rows lie that this key seals.
    async fn places(&self, row: &KeyRow) -> Result<Vec<ConsentPlace>> {
        let key = self.inner.keyring.open_consent_key(row, self.now()).await?;
        let last = self.last_number(&key).await.min(EVENTS_MAX);
        Ok((1..=last).map(|number| key.place(number)).collect())
    }

    /// The number of the last event. Keys are destroyed also while the data store does not answer; an event that it holds
    /// and nobody was told of may be missed then.
    async fn last_number(&self, key: &ConsentKey) -> u64 {
        match self.last_rows(&[key]).await {
            Ok(last) => last.first().map_or(0, super::ledger::Last::number),
            Err(_) => key.told().saturating_add(UNTOLD_MAX),
        }
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
            let owners: Vec<_> = owners.into_iter().map(SubjectRef::from_bytes).collect();
            let rows = keys.keys_of_subjects(&owners).await?;
            let expired = rows.into_iter().flatten().filter(|row| {
                row.kind == KeyKind::SubjectRetention
                    && row.expires_on.is_some_and(|day| day <= today)
            });
            let expired: Vec<KeyRow> = expired.collect();
            for row in expired.iter().filter(|row| row.is_of_consent()) {
                self.delete_kept(row).await?;
            }
            let all: Vec<KeyId> = expired.into_iter().map(|row| row.id).collect();
            if all.is_empty() {
                return Ok(count);
            }
            count += keys.destroy_keys(&all).await?;
            if is_last {
                return Ok(count);
            }
        }
    }

    async fn delete_kept(&self, row: &KeyRow) -> Result<()> {
        let key = match self.inner.keyring.open_consent_key(row, self.now()).await {
            Err(Error::Internal(why)) => {
                tracing::error!(
                    why,
                    "kept rows of the consent ledger stay unread: their key does not open"
                );
                return Ok(());
            }
            key => key?,
        };
        let last = self.last_rows(&[&key]).await?;
        let last = last.first().map_or(0, super::ledger::Last::number);
        let last = last.min(EVENTS_MAX);
        let mut first = 1;
        while first <= last {
            let beyond = first.saturating_add(PLACES_MAX).min(last.saturating_add(1));
            let places = (first..beyond).map(|number| key.place(number));
            let places: Vec<ConsentPlace> = places.collect();
            self.inner.data.delete_consent(&places).await?;
            first = beyond;
        }
        Ok(())
    }
}
