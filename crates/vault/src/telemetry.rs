//! What the telemetry door is lent: ids that can be severed, what is stamped beside them, and what the stream has to be told.
//!
//! A [`Pseudonymizer`] turns operational ids into telemetry ids and says what those people agree to; it yields no byte of
//! a salt. What it has ready is forgotten as soon as the shared sequence says that a person's consent, salt or life here
//! changed, and when the sequence cannot be read it answers nothing.

mod rotation;
mod stamps;

use std::sync::Arc;

use privet_classify::{Basis, Purpose};
use privet_seal::{ObjectId, ObjectSalt, Tyid};

pub use rotation::Rotation;
pub(crate) use stamps::Stamps;

use crate::consent::ConsentState;
use crate::keyring::{OpenSalt, OpenSubject};
use crate::port::{ConsentTold, StoreError, StreamEvent, StreamRow, SubjectRow, Telling};
use crate::{Error, Oid, Result, SubjectRef, Vault};

/// How often something is tried anew when the salt was replaced meanwhile.
const ATTEMPTS_MAX: u32 = 16;

/// What a record about a person bears.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The person's id until the next rotation.
    pub tyid: Tyid,
    /// The purposes that they agree to, each a yes to the notice in force, by their bits in the consent map.
    pub bits: u32,
    /// Of two records about one id the one with the higher number bears the later answer; 0: they have answered nothing.
    pub number: u32,
    /// How often the salt was made anew; what object ids are made with.
    rotation: u32,
}

impl std::fmt::Debug for Stamp {
    // The id is one person's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stamp")
            .field("bits", &self.bits)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Lent to the telemetry door. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Pseudonymizer {
    vault: Vault,
}

/// Names the things in one batch of records; an epoch's handle, so take a new one for each batch.
#[derive(Clone)]
pub struct Objects {
    salt: Arc<ObjectSalt>,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Objects")
            .field("epoch", &self.salt.epoch())
            .finish_non_exhaustive()
    }
}

impl Objects {
    /// The id of what an application calls `value`, in a record about this person (`None`: about nobody known).
    pub fn id(&self, whose: Option<&Stamp>, value: &[u8]) -> ObjectId {
        let rotation = whose.map_or(0, |stamp| stamp.rotation);
        self.salt.id(rotation, value)
    }
}

impl Vault {
    /// The handle for the telemetry door.
    pub fn pseudonymizer(&self) -> Pseudonymizer {
        Pseudonymizer {
            vault: self.clone(),
        }
    }

    /// What waits to be written into telemetry's stream, oldest first, at most `count_max`. It waits for people whom telemetry
    /// has seen alone, so that there is nothing where there is no telemetry.
    ///
    /// # Errors
    /// [`Error::Store`] when the key store fails.
    pub async fn stream_events(&self, count_max: u32) -> Result<Vec<StreamRow>> {
        Ok(self.inner.keys.stream_events(count_max).await?)
    }

    /// Events up to this number are in the stream, durably. Several servers may write the same ones; saying so twice is
    /// harmless.
    ///
    /// # Errors
    /// [`Error::Store`] when the key store fails; the events are answered again then.
    pub async fn stream_events_written(&self, through: u64) -> Result<()> {
        Ok(self.inner.keys.remove_stream_events(through).await?)
    }

    /// Tells every server, and telemetry, that this subject's consent is as `state` says, whose row is durable.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the subject's telemetry id was rotated again and again in the same moment.
    pub(crate) async fn tell_of_consent(
        &self,
        open: &OpenSubject,
        state: Option<&ConsentState>,
    ) -> Result<()> {
        let subject = open.row.reference;
        for _ in 0..ATTEMPTS_MAX {
            let telling = Some(self.telling(open, state).await?);
            let told = vec![ConsentTold {
                subject,
                number: number(state),
                telling,
            }];
            let changed = self.inner.keys.consent_changed(told).await;
            // Also after an error: it may have been told all the same.
            self.inner.stamps.forget(subject);
            match changed {
                Err(StoreError::Conflict) => {}
                changed => return Ok(changed?),
            }
        }
        Err(busy())
    }

    /// The same after the key store lost the change.
    pub(crate) async fn consent_changed_again(&self, subject: SubjectRef) -> Result<()> {
        let rows = self.inner.keys.subjects_by_reference(&[subject]).await?;
        let opened = self.inner.keyring.open_rows(rows, self.now()).await?;
        let Some(open) = opened.into_iter().next().flatten() else {
            return Ok(());
        };
        let state = self.consent_states(&[&open]).await?.pop().flatten();
        self.tell_of_consent(&open, state.as_ref()).await
    }

    /// What telemetry is told when this subject's consent is as `state` says.
    async fn telling(&self, open: &OpenSubject, state: Option<&ConsentState>) -> Result<Telling> {
        let (keyring, now) = (&self.inner.keyring, self.now());
        let salt = keyring.salts(&[&open.row], now).await?.pop().flatten();
        Ok(salt.map_or(UNSEEN, |salt| {
            let stamp = self.stamp(&open.row, &salt, state);
            Telling {
                generation: salt.generation,
                event: Some(StreamEvent {
                    tyid: stamp.tyid,
                    tenant: open.row.tenant.clone(),
                    bits: stamp.bits,
                    stamp: stamp.number,
                    is_final: false,
                    at: now,
                }),
            }
        }))
    }

    /// What telemetry is told when the id ends that it knows this subject by.
    pub(crate) async fn last_telling(&self, row: &SubjectRow) -> Result<Telling> {
        let (keyring, now) = (&self.inner.keyring, self.now());
        keyring.tenant(&row.tenant, now).await?.check_subject(row)?;
        let salt = keyring.salts(&[row], now).await?.pop().flatten();
        Ok(salt.map_or(UNSEEN, |salt| {
            let tyid = salt.salt.tyid(row.oid.as_bytes());
            let last = StreamEvent::last(tyid, row.tenant.clone(), now);
            Telling {
                generation: salt.generation,
                event: Some(last),
            }
        }))
    }

    pub(crate) fn stamp(
        &self,
        row: &SubjectRow,
        salt: &OpenSalt,
        state: Option<&ConsentState>,
    ) -> Stamp {
        let purposes = self.inner.map.purposes();
        let agreed = purposes.filter_map(|purpose| {
            let (bit, notice) = bit_and_notice(purpose)?;
            let answer = state?.answer(bit)?;
            (answer.agreed && answer.notice == notice).then_some(bit)
        });
        Stamp {
            tyid: salt.salt.tyid(row.oid.as_bytes()),
            bits: agreed.fold(0, |bits, bit| {
                bits | 1_u32.checked_shl(bit.into()).unwrap_or(0)
            }),
            number: stamped(number(state), salt.salt.first()),
            rotation: salt.generation,
        }
    }
}

/// What somebody is told whose wish met others' again and again.
fn busy() -> Error {
    Error::conflict(
        "telemetry_id_busy",
        "others rotated this telemetry id at the same time: look whether it is done, then try again",
    )
}

/// Telemetry has no id of somebody without a salt.
const UNSEEN: Telling = Telling {
    generation: 0,
    event: None,
};

/// The number of a person's last answer; 0: there is none.
fn number(state: Option<&ConsentState>) -> u64 {
    state.map_or(0, |state| state.number)
}

/// With which event a salt begins that is made now.
fn stamps_from(state: Option<&ConsentState>) -> u32 {
    u32::try_from(number(state).max(1)).unwrap_or(u32::MAX)
}

/// What is stamped for an event of the ledger under a salt that begins with `first`: 1 for that one, 0 for none. A state that
/// was read before a rotation counts as none. Never the stamp of the last word.
fn stamped(number: u64, first: u32) -> u32 {
    let stamp = (number + 1).saturating_sub(u64::from(first));
    let stamp = if number == 0 { 0 } else { stamp };
    u32::try_from(stamp).map_or(StreamEvent::STAMP_FINAL - 1, |stamp| {
        stamp.min(StreamEvent::STAMP_FINAL - 1)
    })
}

/// Of a purpose that rests on consent.
fn bit_and_notice(purpose: &Purpose) -> Option<(u8, &str)> {
    match (purpose.basis, purpose.bit, &purpose.notice) {
        (Basis::Consent, Some(bit), Some(notice)) => Some((bit, notice)),
        _ => None,
    }
}

impl Pseudonymizer {
    /// Puts what is ready for each of these people into `found`, in their order, and answers for how many nothing is: ask
    /// [`stamps`](Self::stamps) for those. Waits for nothing.
    ///
    /// # Errors
    /// [`Error::Unready`] when the shared sequence was not read within a second.
    pub fn warm(&self, oids: &[Oid], found: &mut Vec<Option<Stamp>>) -> Result<usize> {
        self.vault.fresh()?;
        found.clear();
        let ready = oids.iter().map(|oid| self.vault.inner.stamps.ready(oid));
        found.extend(ready);
        Ok(found.iter().filter(|stamp| stamp.is_none()).count())
    }

    /// What records about these people bear, in their order; `None`: there is no such subject, or it is another tenant's, among
    /// whose records it must not be found. Somebody whom telemetry sees for the first time gets a salt.
    ///
    /// # Errors
    /// [`Error::Unready`] when the shared sequence was not read within a second,
    /// [`Error::Store`] when a store fails.
    pub async fn stamps(&self, oids: &[Oid]) -> Result<Vec<Option<Stamp>>> {
        let mut stamps = Vec::with_capacity(oids.len());
        if self.warm(oids, &mut stamps)? == 0 {
            return Ok(stamps);
        }
        let vault = &self.vault;
        let missing = oids.iter().zip(&stamps);
        let mut missing: Vec<Oid> = missing
            .filter(|(_, stamp)| stamp.is_none())
            .map(|(oid, _)| *oid)
            .collect();
        missing.sort_unstable();
        missing.dedup();
        let now = vault.now();
        let opened = vault.inner.keyring.subjects(&missing, now).await?;
        let opened = opened.iter().flatten().map(|open| &**open);
        // The door's records are this tenant's alone.
        let opened = opened.filter(|open| open.row.tenant == vault.inner.config.tenant);
        let opened: Vec<&OpenSubject> = opened.collect();
        // Before anything is read that can change.
        let tickets: Vec<_> = opened
            .iter()
            .map(|open| vault.inner.stamps.ticket(open.row.reference))
            .collect();
        let rows: Vec<&SubjectRow> = opened.iter().map(|open| &open.row).collect();
        let salts = vault.inner.keyring.salts_or_create(&rows, now).await?;
        let states = vault.consent_states(&opened).await?;
        let mut made = Vec::with_capacity(opened.len());
        for (((open, ticket), salt), state) in opened.iter().zip(tickets).zip(salts).zip(states) {
            if let Some(salt) = salt {
                let stamp = vault.stamp(&open.row, &salt, state.as_ref());
                vault.inner.stamps.keep(open.row.oid, ticket, stamp);
                made.push((open.row.oid, stamp));
            }
        }
        made.sort_unstable_by_key(|(oid, _)| *oid);
        for (oid, stamp) in oids
            .iter()
            .zip(&mut stamps)
            .filter(|(_, stamp)| stamp.is_none())
        {
            let place = made.binary_search_by_key(oid, |(oid, _)| *oid);
            *stamp = place
                .ok()
                .and_then(|place| made.get(place))
                .map(|(_, stamp)| *stamp);
        }
        Ok(stamps)
    }

    /// What names things in records that arrive now.
    ///
    /// # Errors
    /// As [`stamps`](Self::stamps).
    pub async fn objects(&self) -> Result<Objects> {
        self.vault.fresh()?;
        let inner = &self.vault.inner;
        let salt = inner
            .keyring
            .object_salt(&inner.config.tenant, self.vault.now());
        Ok(Objects { salt: salt.await? })
    }

    /// Which notices the bits are about, as [`DataMap::notices`](privet_classify::DataMap::notices) words it.
    pub fn notice(&self) -> String {
        self.vault.inner.map.notices()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_count_from_what_the_salt_begins_with() {
        // Number of the event, what the salt begins with, stamp.
        for (number, first, stamp) in [
            (0, 1, 0),
            (1, 1, 1),
            (7, 1, 7),
            (7, 7, 1),
            (8, 7, 2),
            // Read before the rotation.
            (6, 7, 0),
            (5, 7, 0),
            (0, 7, 0),
            (u64::from(u32::MAX) - 1, 1, u32::MAX - 1),
            (u64::from(u32::MAX), 1, u32::MAX - 1),
            (u64::from(u32::MAX) + 9, 1, u32::MAX - 1),
        ] {
            assert_eq!(stamped(number, first), stamp, "{number} {first}");
        }
    }
}
