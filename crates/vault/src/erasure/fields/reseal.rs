//! Sealing anew what stays, and deleting what is erased, value by value and by compare-and-swap: a value that somebody writes
//! meanwhile is newer than what is erased, and stays.

use privet_seal::{Block, FieldNumber, Nonce, SealedRef};

use super::place;
use crate::keyring::Generations;
use crate::port::{FieldErasure, SubjectRow, ValueSwap};
use crate::subject::padding_block;
use crate::{Error, Result, Vault};

/// How often a subject's values are gone through. Each time but the last, others wrote values under an old key meanwhile.
const PASSES_MAX: u32 = 64;
/// Values that are read at a time, each of at most 256 KiB.
const VALUES_READ: usize = 16;

/// What was done with a subject's values.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resealed {
    /// Deleted.
    pub(crate) deleted: u64,
    /// Sealed under the new key.
    pub(crate) resealed: u64,
    /// Left as they are, since they do not open: no key that there is sealed them.
    pub(crate) unreadable: u64,
}

/// What is to be done with one value.
enum Verdict {
    Stays,
    Unreadable,
    Delete,
    Replace(Vec<u8>),
}

/// One pass over a subject's values.
struct Pass<'p> {
    vault: &'p Vault,
    subject: &'p SubjectRow,
    erasure: &'p FieldErasure,
    /// What is erased of the subject with this generation, or with one before it that was cut short.
    pending: &'p [FieldErasure],
    keys: &'p Generations,
}

impl Vault {
    /// Leaves nothing under keys older than the erasure's. Whoever writes a value looks afterwards whether its key is still the
    /// newest, so that nothing comes after the last pass that is not sealed anew by its writer.
    pub(super) async fn reseal_fields(&self, erasure: &FieldErasure) -> Result<Resealed> {
        let mut done = Resealed::default();
        for _ in 0..PASSES_MAX {
            let pending = self.inner.keys.field_erasures().await?;
            let is_due = |other: &FieldErasure| {
                other.subject == erasure.subject
                    && other.kind == erasure.kind
                    && other.generation <= erasure.generation
            };
            let pending: Vec<FieldErasure> = pending.into_iter().filter(is_due).collect();
            let reference = [erasure.subject];
            let rows = self.inner.keys.subjects_by_reference(&reference).await?;
            let subject = rows.into_iter().flatten().next();
            // Another server was faster, or the subject was closed.
            let is_there = pending.iter().any(|other| place(other) == place(erasure));
            let (true, Some(subject)) = (is_there, subject) else {
                return Ok(done);
            };
            let keyring = &self.inner.keyring;
            let keys = keyring.generations(&subject, erasure.kind, self.now());
            let Some(keys) = keys.await? else {
                return Ok(done);
            };
            let pass = Pass {
                vault: self,
                subject: &subject,
                erasure,
                pending: &pending,
                keys: &keys,
            };
            if pass.run(&mut done).await? == 0 {
                return Ok(done);
            }
        }
        Err(Error::Internal(
            "a subject's values are written all the time: their fields are erased later",
        ))
    }
}

impl Pass<'_> {
    /// Answers how many values there were under an old key.
    async fn run(&self, done: &mut Resealed) -> Result<usize> {
        let (puid, data) = (self.subject.puid, &self.vault.inner.data);
        let mut found = 0;
        done.unreadable = 0;
        for fields in data.fields_of(puid).await?.chunks(VALUES_READ) {
            let values = data.values(&[puid], fields).await?;
            let mut swaps = Vec::new();
            for (field, sealed) in fields.iter().zip(values.into_iter().flatten()) {
                let Some(old) = sealed else { continue };
                let new = match self.verdict(*field, &old).await? {
                    Verdict::Stays => continue,
                    Verdict::Unreadable => {
                        done.unreadable += 1;
                        continue;
                    }
                    Verdict::Delete => None,
                    Verdict::Replace(new) => Some(new),
                };
                swaps.push(ValueSwap {
                    puid,
                    field: *field,
                    old,
                    new,
                });
            }
            found += swaps.len();
            let deletes: Vec<bool> = swaps.iter().map(|swap| swap.new.is_none()).collect();
            let swapped = match swaps.is_empty() {
                true => Vec::new(),
                false => data.swap_values(swaps).await?,
            };
            for (deletes, _) in deletes.iter().zip(swapped).filter(|(_, swapped)| *swapped) {
                match deletes {
                    true => done.deleted += 1,
                    false => done.resealed += 1,
                }
            }
        }
        Ok(found)
    }

    async fn verdict(&self, field: u16, sealed: &[u8]) -> Result<Verdict> {
        let parsed = SealedRef::parse(sealed);
        let key = parsed.as_ref().map(|parsed| parsed.key_id());
        let erased_below = |generation: u32| {
            let mut pending = self.pending.iter();
            pending.any(|one| one.fields.contains(&field) && generation < one.generation)
        };
        let held = key.as_ref().ok().and_then(|id| self.keys.by_id(*id));
        let Some((generation, cipher)) = held else {
            // Made since the keys were read: newer than this.
            if let Ok(id) = key
                && let [Some(_)] = *self.vault.inner.keys.keys_by_id(&[id]).await?
            {
                return Ok(Verdict::Stays);
            }
            return Ok(match erased_below(0) {
                true => Verdict::Delete,
                false => Verdict::Unreadable,
            });
        };
        if generation >= self.erasure.generation {
            return Ok(Verdict::Stays);
        }
        if erased_below(generation) {
            return Ok(Verdict::Delete);
        }
        let opened = parsed
            .as_ref()
            .map(|parsed| cipher.open(FieldNumber(field), parsed));
        let Ok(Ok(value)) = opened else {
            return Ok(Verdict::Unreadable);
        };
        let new = self.keys.from(self.erasure.generation);
        let new = new.ok_or(Error::Internal("a subject's new key is gone"))?;
        let block = match self.vault.inner.map.field_by_number(field) {
            Some(field) => padding_block(field)?,
            // One that the data map had before.
            None => Block::SHORT,
        };
        let nonce = Nonce::random(self.vault.inner.keyring.entropy());
        let new = new
            .seal(FieldNumber(field), value.as_value(), block, nonce)
            .map_err(|_| Error::Internal("a value is too long to be sealed anew"))?;
        Ok(Verdict::Replace(new))
    }
}
