//! Records of any length: the side records of the audit log, which hold what is long or personal
//! and end with their key. Format: `version(1) | suite(1) | nonce(12) | ciphertext | tag(16)`.

use aws_lc_rs::hkdf;
use zeroize::{Zeroize, Zeroizing};

use crate::primitive::{Aead, SUITE_AES_256_GCM_SIV, TAG_LEN};
use crate::{Error, Nonce, OpenError, Secret32, SubjectKey};

const VERSION: u8 = 1;
const HEADER_LEN: usize = 2 + Nonce::LEN;
const LABEL: &str = "privet/v1/record";
const SALT_COMBINED: &str = "privet/v1/record-combined";
/// Subjects for whose keys there is room at once.
const SUBJECTS_EXPECTED: usize = 20;

/// Longest record in bytes before sealing: 16 MiB. Its associated data may be as long.
pub const RECORD_SIZE_BYTES_MAX: usize = 16 << 20;

/// Seals and opens records. Wiped on drop.
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub struct RecordKey(Aead);

impl RecordKey {
    /// The key of records that end with the session's key, or with that of any of the subjects. HKDF (RFC 5869) with
    /// SHA-256 over session key and subject keys, one after the other, with the salt `privet/v1/record-combined`.
    pub fn combine<'k>(
        session: &Secret32,
        subjects: impl IntoIterator<Item = &'k SubjectKey>,
    ) -> Self {
        let subjects = subjects.into_iter();
        let mut input = Zeroizing::new(Vec::with_capacity(32 * (1 + SUBJECTS_EXPECTED)));
        input.extend_from_slice(session.expose());
        for subject in subjects {
            if input.len() + 32 > input.capacity() {
                // A vector that grows leaves its former bytes behind.
                let mut larger = Zeroizing::new(Vec::with_capacity(2 * input.capacity()));
                larger.extend_from_slice(&input);
                input = larger;
            }
            input.extend_from_slice(subject.secret().expose());
        }
        let extract = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT_COMBINED.as_bytes());
        Self(Aead::from_prk(&extract.extract(input.as_slice()), LABEL))
    }

    /// Seals a record under associated data that says what it belongs to.
    ///
    /// # Errors
    /// [`Error::TooLong`] if record or associated data exceed [`RECORD_SIZE_BYTES_MAX`].
    pub fn seal(&self, record: &[u8], aad: &[u8], nonce: Nonce) -> Result<Vec<u8>, Error> {
        if record.len().max(aad.len()) > RECORD_SIZE_BYTES_MAX {
            return Err(TOO_LONG);
        }
        let size = HEADER_LEN + record.len() + TAG_LEN;
        let mut sealed = Vec::with_capacity(size);
        sealed.extend_from_slice(&[VERSION, SUITE_AES_256_GCM_SIV]);
        sealed.extend_from_slice(&nonce.0);
        sealed.extend_from_slice(record);
        sealed.resize(size, 0);
        let done = sealed
            .split_at_mut_checked(HEADER_LEN)
            .and_then(|(_, rest)| rest.split_last_chunk_mut())
            .map(|(body, tag)| self.0.seal(nonce, &associated_data(aad), body, tag));
        if let Some(Ok(())) = done {
            return Ok(sealed);
        }
        sealed.zeroize();
        Err(TOO_LONG)
    }

    /// Opens a record.
    ///
    /// # Errors
    /// [`OpenError`], the same for every cause.
    pub fn open(&self, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let rest = sealed
            .strip_prefix(&[VERSION, SUITE_AES_256_GCM_SIV])
            .ok_or(OpenError)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or(OpenError)?;
        let (ciphertext, tag) = rest.split_last_chunk().ok_or(OpenError)?;
        if ciphertext.len().max(aad.len()) > RECORD_SIZE_BYTES_MAX {
            return Err(OpenError);
        }
        let mut record = Zeroizing::new(vec![0; ciphertext.len()]);
        self.0
            .open(nonce, &associated_data(aad), ciphertext, tag, &mut record)?;
        Ok(record)
    }
}

impl From<Secret32> for RecordKey {
    fn from(secret: Secret32) -> Self {
        Self(Aead::derive(secret.expose(), LABEL))
    }
}

/// Label, version and suite, each after its length in 16 bits; then all of the caller's bytes.
fn associated_data(aad: &[u8]) -> Vec<u8> {
    let head = crate::associated_data::AssociatedData::new(LABEL)
        .with(&[VERSION])
        .with(&[SUITE_AES_256_GCM_SIV]);
    [head.as_ref(), aad].concat()
}

const TOO_LONG: Error = Error::TooLong {
    size_bytes_max: RECORD_SIZE_BYTES_MAX,
};
