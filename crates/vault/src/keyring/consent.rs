//! Keys of the consent ledger: one per subject, made with its first answer. Law may ask for proof of consent longer than
//! for anything else, so it is a retention key and apart from the account's: generation 0, which no field's has.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use privet_seal::{KeyKind, Secret32};

use super::{Keyring, OpenSubject, day_of};
use crate::changed::Ticket;
use crate::consent::ConsentKey;
use crate::port::{KeyRow, StoreError, SubjectRow};
use crate::{Error, Puid, Result, SubjectRef, TenantName};

/// How often keys are made anew when other callers made some of them first.
const ATTEMPTS_MAX: u32 = 3;

impl OpenSubject {
    /// The key of its rows in the ledger, as far as is known here: another server may have made it since.
    pub(crate) fn consent_key(&self) -> Option<&ConsentKey> {
        self.consent.get()
    }

    fn learn_consent_key(&self, row: &KeyRow, ticket: Ticket) -> Result<()> {
        if let Some(known) = self.consent.get() {
            known.learn(row.told, ticket);
            return Ok(());
        }
        let key = ConsentKey::new(self.tenant().unwrap(row)?, row.told, ticket);
        self.consent.get_or_init(|| key);
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
            // The moment of a first answer stands in telemetry as well.
            let day = day_of(now)?;
            let kind = KeyKind::SubjectRetention;
            let rows = missing.values().map(|open| {
                let (owner, secret) = (open.row.reference, Secret32::generate(&*self.entropy));
                let (owner, generation) = (*owner.as_bytes(), KeyRow::CONSENT_GENERATION);
                let tenant = open.tenant();
                tenant.wrap(kind, owner, generation, &secret, &*self.entropy, day)
            });
            let rows: Vec<KeyRow> = rows.collect::<Result<_>>()?;
            let tickets = missing.keys().map(|id| self.changed.ticket(*id));
            let tickets: Vec<Ticket> = tickets.collect();
            match self.store.add_keys(rows.clone()).await {
                Ok(()) => {
                    for ((open, row), ticket) in missing.values().zip(&rows).zip(tickets) {
                        open.learn_consent_key(row, ticket)?;
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

    /// Reads the keys that others made since these subjects were opened, and which event was told last where that may have
    /// changed. Where nothing changed, nothing is read.
    pub(crate) async fn find_consent_keys(&self, subjects: &[&OpenSubject]) -> Result<()> {
        let is_current = |key: &ConsentKey| self.changed.holds(key.ticket());
        let unknown = subjects
            .iter()
            .filter(|open| !open.consent_key().is_some_and(is_current));
        let unknown: Vec<&OpenSubject> = unknown.copied().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let references: Vec<SubjectRef> = unknown.iter().map(|open| open.row.reference).collect();
        let tickets = references.iter().map(|id| self.changed.ticket(*id));
        let tickets: Vec<Ticket> = tickets.collect();
        let keys = self.store.keys_of_subjects(&references).await?;
        for ((open, keys), ticket) in unknown.into_iter().zip(keys).zip(tickets) {
            if let Some(row) = keys.iter().find(|row| row.is_of_consent()) {
                open.learn_consent_key(row, ticket)?;
            }
        }
        Ok(())
    }

    /// The keys of these people's answers as they are now, from no cache and kept in none; `None`: they have answered
    /// nothing, or are gone. Others have their turn after every `turn` people.
    pub(crate) async fn consent_keys(
        &self,
        subjects: &[SubjectRow],
        turn: usize,
        now: Timestamp,
    ) -> Result<Vec<Option<ConsentKey>>> {
        let references: Vec<SubjectRef> = subjects.iter().map(|row| row.reference).collect();
        let tickets = references.iter().map(|id| self.changed.ticket(*id));
        let tickets: Vec<Ticket> = tickets.collect();
        let keys = self.store.keys_of_subjects(&references).await?;
        let mut opened = Vec::with_capacity(subjects.len());
        for ((subject, keys), ticket) in subjects.iter().zip(keys).zip(tickets) {
            let tenant = self.tenant(&subject.tenant, now).await?;
            tenant.check_subject(subject)?;
            opened.push(match keys.iter().find(|row| row.is_of_consent()) {
                None => None,
                Some(row) => Some(ConsentKey::new(tenant.unwrap(row)?, row.told, ticket)),
            });
            if opened.len() % turn == 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok(opened)
    }

    /// The key in a row of the ledger's, ready to find and open what was sealed under it, whoever is or was its subject.
    pub(crate) async fn open_consent_key(
        &self,
        row: &KeyRow,
        now: Timestamp,
    ) -> Result<ConsentKey> {
        let ticket = self.changed.ticket(SubjectRef::from_bytes(row.owner));
        let tenant = self.tenant(&row.tenant, now).await?;
        Ok(ConsentKey::new(tenant.unwrap(row)?, row.told, ticket))
    }

    /// The key of what is kept of an account that was closed, and the day on which it dies; `None` where there is none, or its day has
    /// come.
    pub(crate) async fn find_kept_consent(
        &self,
        tenant: &TenantName,
        puid: Puid,
        today: Date,
        now: Timestamp,
    ) -> Result<Option<(ConsentKey, Date)>> {
        let tenant = self.tenant(tenant, now).await?;
        let owner = SubjectRef::from_bytes(tenant.kept_owner(puid));
        let ticket = self.changed.ticket(owner);
        let keys = self.store.keys_of_subjects(&[owner]).await?;
        let mut keys = keys.into_iter().flatten();
        // It may still be there on its day, until it is destroyed.
        let kept = keys.find_map(|row| {
            let until = row.expires_on.filter(|day| today < *day)?;
            row.is_of_consent().then_some((row, until))
        });
        match kept {
            None => Ok(None),
            Some((row, until)) => {
                let key = ConsentKey::new(tenant.unwrap(&row)?, row.told, ticket);
                Ok(Some((key, until)))
            }
        }
    }

    /// The same secret for after the subject's end, until a day. Its owner is a code over the account's id under the tenant's
    /// link key: whoever may look for the proof of an account finds it, and it leads to nobody by itself. When it was made
    /// would say when the account was closed, beside the last word about a telemetry id; what is left is the year.
    pub(crate) async fn kept_consent_key(
        &self,
        subject: &SubjectRow,
        row: &KeyRow,
        until: Date,
        now: Timestamp,
    ) -> Result<KeyRow> {
        let tenant = self.tenant(&row.tenant, now).await?;
        let owner = tenant.kept_owner(subject.puid);
        let secret = tenant.unwrap(row)?;
        let year = now.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_year();
        let year = year.to_zoned(jiff::tz::TimeZone::UTC);
        let year = year.map_err(|_| Error::Internal("clock out of range"))?;
        let (kind, generation, entropy) = (row.kind, row.generation, &*self.entropy);
        let mut kept = tenant.wrap(kind, owner, generation, &secret, entropy, year.timestamp())?;
        kept.expires_on = Some(until);
        kept.told = row.told;
        Ok(kept)
    }
}
