//! The three primitives everything here is made of, each through `aws-lc-rs`: HKDF-Expand,
//! AES-256-GCM-SIV and comparing in constant time.

use aws_lc_rs::{aead, constant_time, hkdf};
use zeroize::Zeroizing;

use crate::{Nonce, OpenError};

/// Length in bytes of the authentication tag (RFC 8452).
pub(crate) const TAG_LEN: usize = 16;

/// Code of suite 1, AES-256-GCM-SIV, in every header and in the derivation of every AEAD key.
pub(crate) const SUITE_AES_256_GCM_SIV: u8 = 1;

/// HKDF-Expand (RFC 5869, section 2.3) with SHA-256 to 32 bytes. The secret is uniformly random,
/// so the extract step would add nothing (section 3.3).
pub(crate) fn expand(secret: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    expand_prk(&hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret), info)
}

#[expect(
    clippy::expect_used,
    reason = "32 bytes are within HKDF's limit of 255 x 32"
)]
fn expand_prk(prk: &hkdf::Prk, info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    // INVARIANT: fails only for more than 255 x 32 bytes, or if `out` had another length.
    prk.expand(info, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(out.as_mut_slice()))
        .expect("HKDF-Expand to one block");
    out
}

/// A ready AES-256-GCM-SIV key: key schedule done, wiped by the library when dropped.
pub(crate) struct Aead(aead::LessSafeKey);

impl Aead {
    /// Derives the key for one use, named by `label`, from a secret: HKDF-Expand with the label
    /// and the suite, so that two uses or two suites never share a key.
    pub(crate) fn derive(secret: &[u8; 32], label: &str) -> Self {
        Self::from_prk(&hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret), label)
    }

    /// As [`Aead::derive`], after an extract step.
    #[expect(
        clippy::expect_used,
        reason = "the key has the length that the algorithm wants"
    )]
    pub(crate) fn from_prk(prk: &hkdf::Prk, label: &str) -> Self {
        let key = expand_prk(prk, &[label.as_bytes(), &[SUITE_AES_256_GCM_SIV]]);
        // INVARIANT: fails only for a key that is not 32 bytes long.
        let key = aead::UnboundKey::new(&aead::AES_256_GCM_SIV, key.as_slice())
            .expect("a key of 32 bytes");
        Self(aead::LessSafeKey::new(key))
    }

    /// Encrypts `body` in place and writes the tag.
    ///
    /// # Errors
    /// Only for a body beyond the algorithm's limit of 2^36 bytes; callers have smaller ones.
    #[inline]
    pub(crate) fn seal(
        &self,
        nonce: Nonce,
        aad: &[u8],
        body: &mut [u8],
        tag: &mut [u8; TAG_LEN],
    ) -> Result<(), OpenError> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce.0);
        self.0
            .seal_in_place_scatter(nonce, aead::Aad::from(aad), body, &[], tag)
            .map_err(|_| OpenError)
    }

    /// Decrypts `ciphertext` into `out`, which has its length. On failure `out` holds zeros.
    #[inline]
    pub(crate) fn open(
        &self,
        nonce: &[u8; Nonce::LEN],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; TAG_LEN],
        out: &mut [u8],
    ) -> Result<(), OpenError> {
        let nonce = aead::Nonce::assume_unique_for_key(*nonce);
        self.0
            .open_separate_gather(nonce, aead::Aad::from(aad), ciphertext, tag, out)
            .map_err(|_| OpenError)
    }
}

/// Whether two byte strings are equal, in time that depends only on their length.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}
