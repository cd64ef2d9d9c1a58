//! Generations of a subject's keys: the one that replaces the newest, and all of a kind, to seal anew what the older ones sealed.

use std::sync::Arc;

use jiff::Timestamp;
use privet_seal::{KeyId, KeyKind, SealedRef, Secret32, SubjectKey, ValueCipher};

use super::{Keyring, OpenSubject, day_of};
use crate::Result;
use crate::port::{KeyRow, SubjectRow};

/// A subject's keys of one kind, opened; while fields are erased there is more than one.
pub(crate) struct Generations {
    /// The newest first.
    keys: Vec<(u32, ValueCipher)>,
}

impl Generations {
    /// The key with this id, and its generation.
    pub(crate) fn by_id(&self, id: KeyId) -> Option<(u32, &ValueCipher)> {
        let mut keys = self.keys.iter();
        let (generation, cipher) = keys.find(|(_, cipher)| cipher.key_id() == id)?;
        Some((*generation, cipher))
    }

    /// The keys older than this generation.
    pub(crate) fn below(&self, generation: u32) -> impl Iterator<Item = KeyId> {
        let keys = self.keys.iter().filter(move |(of, _)| *of < generation);
        keys.map(|(_, cipher)| cipher.key_id())
    }

    /// The keys of this generation and newer ones.
    pub(crate) fn since(&self, generation: u32) -> impl Iterator<Item = KeyId> {
        let keys = self.keys.iter().filter(move |(of, _)| *of >= generation);
        keys.map(|(_, cipher)| cipher.key_id())
    }

    /// The oldest key that is not older than this generation. A newer one may be there already, whose own erasure has to find what
    /// this one seals.
    pub(crate) fn from(&self, generation: u32) -> Option<&ValueCipher> {
        let mut keys = self.keys.iter().rev();
        keys.find(|(of, _)| *of >= generation)
            .map(|(_, cipher)| cipher)
    }
}

impl Keyring {
    /// A fresh key of this generation for a subject. Its row says the day alone: what else happened at that moment is nobody's business.
    pub(crate) async fn next_generation(
        &self,
        subject: &SubjectRow,
        kind: KeyKind,
        generation: u32,
        now: Timestamp,
    ) -> Result<KeyRow> {
        let tenant = self.tenant(&subject.tenant, now).await?;
        let secret = Secret32::generate(&*self.entropy);
        let (owner, day) = (*subject.reference.as_bytes(), day_of(now)?);
        tenant.wrap(kind, owner, generation, &secret, &*self.entropy, day)
    }

    /// A subject's keys of a kind as they are now, from no cache; `None`: the subject is gone.
    pub(crate) async fn generations(
        &self,
        subject: &SubjectRow,
        kind: KeyKind,
        now: Timestamp,
    ) -> Result<Option<Generations>> {
        let tenant = self.tenant(&subject.tenant, now).await?;
        let rows = self
            .store
            .keys_of(&subject.tenant, kind, *subject.reference.as_bytes())
            .await?;
        let keys = rows.iter().map(|row| {
            let secret = SubjectKey::from(tenant.unwrap(row)?);
            Ok((row.generation, secret.cipher(tenant.scope(), row.id)))
        });
        let keys: Vec<_> = keys.collect::<Result<_>>()?;
        Ok((!keys.is_empty()).then_some(Generations { keys }))
    }

    /// The subject with the keys that these values name, as far as there are such keys: read again where `open` lacks one, which was
    /// opened before its keys were replaced.
    pub(crate) async fn holding(
        &self,
        open: &Arc<OpenSubject>,
        sealed: impl IntoIterator<Item = &[u8]>,
        now: Timestamp,
    ) -> Result<Arc<OpenSubject>> {
        let lacks = |sealed: &[u8]| {
            SealedRef::parse(sealed).is_ok_and(|sealed| open.cipher(sealed.key_id()).is_none())
        };
        if !sealed.into_iter().any(lacks) {
            return Ok(Arc::clone(open));
        }
        self.forget(open.row.reference);
        let again = self.open_rows(vec![Some(open.row.clone())], now).await?;
        let again = again.into_iter().flatten().next();
        Ok(again.unwrap_or_else(|| Arc::clone(open)))
    }
}
