//! Keys of legal retention rules: one per subject, field and calendar year of its start.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use privet_seal::{KeyKind, Secret32, SubjectKey, ValueCipher};

use super::open::Retained;
use super::{Keyring, OpenSubject};
use crate::port::StoreError;
use crate::{Error, Result, SubjectRef};

/// A retention key that somebody needs.
pub(crate) struct RetentionWish {
    pub(crate) subject: Arc<OpenSubject>,
    pub(crate) field: u16,
    /// Of the retention's start.
    pub(crate) year: i16,
    /// The day on which it dies.
    pub(crate) expires_on: Date,
}

impl RetentionWish {
    /// `field number << 16 | calendar year`.
    fn generation(&self) -> Result<u32> {
        let year = u16::try_from(self.year).map_err(|_| {
            Error::invalid(
                "date_out_of_range",
                "a retention date must lie in the years 0 to 9999",
            )
        })?;
        Ok(u32::from(self.field) << 16 | u32::from(year))
    }
}

impl OpenSubject {
    /// The cipher, and the day on which its key dies.
    fn retained(&self, generation: u32) -> Option<(Arc<ValueCipher>, Option<Date>)> {
        let map = self.retention.read().ok()?;
        let retained = map.get(&generation)?;
        Some((Arc::clone(&retained.cipher), retained.expires_on))
    }

    fn retain(&self, generation: u32, cipher: Arc<ValueCipher>, expires_on: Option<Date>) {
        if let Ok(mut map) = self.retention.write() {
            let new = Retained { cipher, expires_on };
            let kept = map.entry(generation).or_insert(new);
            kept.expires_on = kept.expires_on.max(expires_on);
        }
    }
}

impl Keyring {
    /// The ciphers of these retention keys, in order; those that do not exist are made, all in one transaction.
    pub(crate) async fn retention_ciphers(
        &self,
        wishes: &[RetentionWish],
        now: Timestamp,
    ) -> Result<Vec<Arc<ValueCipher>>> {
        for _ in 0..3 {
            let mut found = Vec::with_capacity(wishes.len());
            let mut missing = Vec::new();
            for wish in wishes {
                let generation = wish.generation()?;
                match wish.subject.retained(generation) {
                    Some((cipher, until)) => {
                        if until.is_some_and(|day| day < wish.expires_on) {
                            self.prolong(wish, generation, &cipher).await?;
                        }
                        found.push(cipher);
                    }
                    None => missing.push((wish, generation)),
                }
            }
            if missing.is_empty() {
                return Ok(found);
            }
            if !self.make_retention(&missing, now).await? {
                self.reload_retention(&missing).await?;
            }
        }
        Err(Error::Internal("retention keys could not be made"))
    }

    /// Puts the end of a key off: its rule asks for longer now than when it was made. A shorter rule changes nothing, since
    /// what was sealed under the longer one was promised to be kept.
    async fn prolong(
        &self,
        wish: &RetentionWish,
        generation: u32,
        cipher: &Arc<ValueCipher>,
    ) -> Result<()> {
        let until = wish.expires_on;
        self.store.set_key_expiry(cipher.key_id(), until).await?;
        wish.subject
            .retain(generation, Arc::clone(cipher), Some(until));
        Ok(())
    }

    /// `false` when another caller was first with one of them.
    async fn make_retention(
        &self,
        missing: &[(&RetentionWish, u32)],
        now: Timestamp,
    ) -> Result<bool> {
        let mut rows = Vec::new();
        let mut made: HashMap<(SubjectRef, u32), (&RetentionWish, Arc<ValueCipher>)> =
            HashMap::new();
        for (wish, generation) in missing {
            let reference = wish.subject.row.reference;
            if made.contains_key(&(reference, *generation)) {
                continue;
            }
            let tenant = wish.subject.tenant();
            let secret = Secret32::generate(&*self.entropy);
            let owner = *reference.as_bytes();
            let kind = KeyKind::SubjectRetention;
            let mut row = tenant.wrap(kind, owner, *generation, &secret, &*self.entropy, now)?;
            row.expires_on = Some(wish.expires_on);
            let cipher = SubjectKey::from(secret).cipher(tenant.scope(), row.id);
            made.insert((reference, *generation), (wish, Arc::new(cipher)));
            rows.push(row);
        }
        match self.store.add_keys(rows).await {
            Ok(()) => {}
            Err(StoreError::Conflict) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        for ((_, generation), (wish, cipher)) in made {
            wish.subject
                .retain(generation, cipher, Some(wish.expires_on));
        }
        Ok(true)
    }

    async fn reload_retention(&self, missing: &[(&RetentionWish, u32)]) -> Result<()> {
        let references: Vec<SubjectRef> = missing
            .iter()
            .map(|(wish, _)| wish.subject.row.reference)
            .collect();
        let keys = self.store.keys_of_subjects(&references).await?;
        for ((wish, generation), keys) in missing.iter().zip(keys) {
            let tenant = wish.subject.tenant();
            let found = keys
                .iter()
                .find(|row| row.kind == KeyKind::SubjectRetention && row.generation == *generation);
            if let Some(row) = found {
                let secret = SubjectKey::from(tenant.unwrap(row)?);
                let cipher = secret.cipher(tenant.scope(), row.id);
                wish.subject
                    .retain(*generation, Arc::new(cipher), row.expires_on);
            }
        }
        Ok(())
    }
}
