//! Secrets: 32 random bytes that are wiped on drop and cannot be printed, cloned or serialized.

use zeroize::Zeroize;

use crate::primitive::{self, Aead};
use crate::{Entropy, Error, KeyId, PseudonymKey, Scope, ValueCipher};

/// 32 secret bytes of any use. Typed keys are made from one; wrapping takes one.
///
/// On the heap, so that moving it leaves no copy on the stack.
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub struct Secret32(Box<[u8; 32]>);

impl Secret32 {
    /// A fresh random secret.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut secret = Self::zero();
        entropy.fill(secret.0.as_mut_slice());
        secret
    }

    /// A secret from elsewhere (a key management service). The caller wipes its own copy.
    ///
    /// # Errors
    /// [`Error::SecretLength`] unless there are exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() != 32 {
            return Err(Error::SecretLength);
        }
        let mut secret = Self::zero();
        secret.0.copy_from_slice(bytes);
        Ok(secret)
    }

    /// The bytes, for a key provider that wraps them elsewhere. Never log or store them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A commitment to this key, stored beside its wrapped form and checked after unwrapping:
    /// AES-GCM-SIV alone can be made to open under two keys. HKDF-Expand(secret,
    /// `privet/v1/commitment`); tells nothing about the secret.
    pub fn commitment(&self) -> [u8; 32] {
        *primitive::expand(&self.0, &[b"privet/v1/commitment"])
    }

    pub(crate) fn zero() -> Self {
        Self(Box::new([0; 32]))
    }

    pub(crate) fn expose_mut(&mut self) -> &mut [u8; 32] {
        &mut self.0
    }
}

impl Drop for Secret32 {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

/// The key of one subject and side. Destroying it in the key store erases what it sealed.
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub struct SubjectKey(Secret32);

impl SubjectKey {
    /// A fresh random key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Secret32::generate(entropy))
    }

    /// The commitment that is stored beside the wrapped key; see [`Secret32::commitment`].
    pub fn commitment(&self) -> [u8; 32] {
        self.0.commitment()
    }

    /// The bytes to wrap.
    pub fn secret(&self) -> &Secret32 {
        &self.0
    }

    /// A ready cipher for this subject's values. Costs an HKDF-Expand and a key schedule (about a
    /// microsecond): make it once per key and keep it in a bounded cache.
    pub fn cipher(&self, scope: &Scope, key_id: KeyId) -> ValueCipher {
        ValueCipher::new(
            Aead::derive(self.0.expose(), crate::cipher::LABEL),
            scope,
            key_id,
        )
    }

    /// The key of this subject's pseudonyms, so that they die with the subject:
    /// HKDF-Expand(subject key, `privet/v1/pseudonym-key`).
    pub fn pseudonym_key(&self) -> PseudonymKey {
        PseudonymKey::new(&primitive::expand(
            self.0.expose(),
            &[b"privet/v1/pseudonym-key"],
        ))
    }
}

impl From<Secret32> for SubjectKey {
    fn from(secret: Secret32) -> Self {
        Self(secret)
    }
}
