//! Keys of the consent ledger: one per subject, made with its first answer. Law may ask for proof of consent longer than
//! for anything else, so it is a retention key and apart from the account's: generation 0, which no field's has.

use std::collections::BTreeMap;

use jiff::Timestamp;
use privet_seal::{KeyKind, RecordKey, Secret32};

use super::{Keyring, OpenSubject};
use crate::consent::ConsentKey;
use crate::port::{KeyRow, StoreError};
use crate::{Error, Result, SubjectRef};

/// Fields are numbered from 1, and the generation of their retention keys begins with their number.
pub(crate) const CONSENT_GENERATION: u32 = 0;
/// How often keys are made anew when other callers made some of them first.
const ATTEMPTS_MAX: u32 = 3;

/// Whether it is the key of a subject's rows in the ledger.
pub(crate) fn is_consent_key(row: &KeyRow) -> bool {
    row.kind == KeyKind::SubjectRetention && row.generation == CONSENT_GENERATION
}

impl OpenSubject {
    /// The key of its rows in the ledger, as far as is known here: another server may have made it since.
    pub(crate) fn consent_key(&self) -> Option<&ConsentKey> {
        self.consent.get()
    }

    fn keep_consent_key(&self, row: &KeyRow) -> Result<()> {
        let key = RecordKey::from(self.tenant().unwrap(row)?);
        self.consent.get_or_init(|| ConsentKey::new(row.id, key));
        Ok(())
    }
}

impl Keyring {
    /// Makes the keys that are missing, all in one transaction.
    pub(crate) async fn make_consent_keys(
        &self,
        subjects: &[&OpenSubject],
        now: Timestamp,
    ) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let missing: BTreeMap<SubjectRef, &OpenSubject> = subjects
                .iter()
                .filter(|open| open.consent_key().is_none())
                .map(|open| (open.row.reference, *open))
                .collect();
            if missing.is_empty() {
                return Ok(());
            }
            let kind = KeyKind::SubjectRetention;
            let rows = missing.values().map(|open| {
                let (owner, secret) = (open.row.reference, Secret32::generate(&*self.entropy));
                let (owner, generation) = (*owner.as_bytes(), CONSENT_GENERATION);
                let tenant = open.tenant();
                tenant.wrap(kind, owner, generation, &secret, &*self.entropy, now)
            });
            let rows: Vec<KeyRow> = rows.collect::<Result<_>>()?;
            match self.store.add_keys(rows.clone()).await {
                Ok(()) => {
                    for (open, row) in missing.values().zip(&rows) {
                        open.keep_consent_key(row)?;
                    }
                }
                // Somebody was first with one of them.
                Err(StoreError::Conflict) => self.find_consent_keys(subjects).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Internal(
            "keys of the consent ledger could not be made",
        ))
    }

    /// Reads the keys that others made since these subjects were opened.
    pub(crate) async fn find_consent_keys(&self, subjects: &[&OpenSubject]) -> Result<()> {
        let unknown = subjects.iter().filter(|open| open.consent_key().is_none());
        let unknown: Vec<&OpenSubject> = unknown.copied().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let references: Vec<SubjectRef> = unknown.iter().map(|open| open.row.reference).collect();
        let keys = self.store.keys_of_subjects(&references).await?;
        for (open, keys) in unknown.into_iter().zip(keys) {
            if let Some(row) = keys.iter().find(|row| is_consent_key(row)) {
                open.keep_consent_key(row)?;
            }
        }
        Ok(())
    }
}
