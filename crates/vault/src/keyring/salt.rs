//! Salts: of a subject's telemetry ids, made when telemetry first sees them, and of a tenant's object ids, one an epoch.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use privet_seal::{KeyKind, ObjectSalt, Salt};

use super::{Keyring, day_of};
use crate::port::{KeyRow, SubjectRow};
use crate::{Error, Result, SubjectRef, TenantName};

/// Days of an epoch (docs/formats/ids.md).
const EPOCH_DAYS: i64 = 30;
const SECONDS_A_DAY: i64 = 86_400;
/// How often first salts are read after they were added: whoever was first is there then, unless somebody rotates at once.
const ATTEMPTS_MAX: u32 = 2;

/// A subject's salt and how often it was replaced.
pub(crate) struct OpenSalt {
    /// From 1.
    pub(crate) generation: u32,
    pub(crate) salt: Salt,
}

impl Keyring {
    /// The salts of these subjects as they are now, from no cache; `None`: telemetry has not seen them, or they are gone.
    pub(crate) async fn salts(
        &self,
        subjects: &[&SubjectRow],
        now: Timestamp,
    ) -> Result<Vec<Option<OpenSalt>>> {
        let references: Vec<SubjectRef> = subjects.iter().map(|row| row.reference).collect();
        let salts = self.store.salts_of(&references).await?;
        let mut opened = Vec::with_capacity(salts.len());
        for (subject, salt) in subjects.iter().zip(salts) {
            opened.push(match salt {
                None => None,
                Some(salt) => Some(OpenSalt {
                    generation: salt.generation,
                    salt: Salt::from(self.tenant(&subject.tenant, now).await?.unwrap(&salt)?),
                }),
            });
        }
        Ok(opened)
    }

    /// The same, made where they are missing. `None`: the subject is gone.
    pub(crate) async fn salts_or_create(
        &self,
        subjects: &[&SubjectRow],
        now: Timestamp,
    ) -> Result<Vec<Option<OpenSalt>>> {
        for _ in 0..ATTEMPTS_MAX {
            let salts = self.salts(subjects, now).await?;
            let missing = subjects.iter().zip(&salts);
            let missing = missing.filter(|(_, salt)| salt.is_none());
            let mut rows = Vec::new();
            for (subject, _) in missing {
                rows.push(self.new_salt(subject, 1, 1, now).await?);
            }
            if rows.is_empty() {
                return Ok(salts);
            }
            self.store.add_salts(rows).await?;
        }
        // Who has none after that is no subject any more.
        self.salts(subjects, now).await
    }

    /// A fresh salt of this generation, which begins with the event `first` of the subject's consent ledger.
    pub(crate) async fn new_salt(
        &self,
        subject: &SubjectRow,
        generation: u32,
        first: u32,
        now: Timestamp,
    ) -> Result<KeyRow> {
        let salt = Salt::generate(&*self.entropy, first);
        let (owner, secret) = (*subject.reference.as_bytes(), salt.secret());
        // The moment of a rotation stands in telemetry, beside the last record of the former id.
        let day = day_of(now)?;
        let tenant = self.tenant(&subject.tenant, now).await?;
        tenant.wrap(
            KeyKind::Salt,
            owner,
            generation,
            secret,
            &*self.entropy,
            day,
        )
    }

    /// The salt of object ids in this epoch, made on first use.
    pub(crate) async fn object_salt(
        &self,
        tenant: &TenantName,
        now: Timestamp,
    ) -> Result<Arc<ObjectSalt>> {
        let epoch = Epoch::of(now)?;
        let name = (tenant.clone(), epoch.number);
        if let Some(salt) = self.object_salts.get(&name) {
            return Ok(salt);
        }
        let mark = self.object_salts.mark();
        let tenant = self.tenant(tenant, now).await?;
        let (kind, owner) = (KeyKind::ObjectSalt, u128::from(epoch.number).to_be_bytes());
        let (_, secret) = self
            .key_or_create(&tenant, kind, owner, 1, now, Some(epoch.ends_on()?))
            .await?;
        let salt = Arc::new(ObjectSalt::new(secret, epoch.number));
        self.object_salts.insert(mark, name, Arc::clone(&salt));
        Ok(salt)
    }
}

/// Thirty days in which a thing has the same id.
struct Epoch {
    number: u16,
}

impl Epoch {
    fn of(now: Timestamp) -> Result<Self> {
        let number = now.as_second().div_euclid(SECONDS_A_DAY * EPOCH_DAYS);
        let number = u16::try_from(number).map_err(|_| OUT_OF_RANGE)?;
        Ok(Self { number })
    }

    /// The day on which its salt is destroyed: the first one after it.
    fn ends_on(&self) -> Result<Date> {
        let days = (i64::from(self.number) + 1) * EPOCH_DAYS;
        let end = Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_hours(24 * days));
        Ok(end
            .map_err(|_| OUT_OF_RANGE)?
            .to_zoned(TimeZone::UTC)
            .date())
    }
}

const OUT_OF_RANGE: Error = Error::Internal("clock out of range");

#[cfg(test)]
mod tests {
    use super::*;

    fn check(at: &str, number: u16, ends_on: Date) {
        let epoch = Epoch::of(at.parse().unwrap()).unwrap();
        assert_eq!(
            (epoch.number, epoch.ends_on().unwrap()),
            (number, ends_on),
            "{at}"
        );
    }

    #[test]
    fn an_epoch_has_thirty_days_and_ends_with_the_last() {
        let date = Date::constant;
        check("1970-01-01T00:00:00Z", 0, date(1970, 1, 31));
        check("1970-01-30T23:59:59.999999999Z", 0, date(1970, 1, 31));
        check("1970-01-31T00:00:00Z", 1, date(1970, 3, 2));
        check("2026-11-26T10:00:00Z", 692, date(2026, 12, 3));
        check("2026-12-02T23:59:59Z", 692, date(2026, 12, 3));
        check("2026-12-03T00:00:00Z", 693, date(2027, 1, 2));
    }

    #[test]
    fn a_clock_that_cannot_be_right_is_refused() {
        for at in ["1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z"] {
            assert!(Epoch::of(at.parse().unwrap()).is_err(), "{at}");
        }
    }
}
