//! Sealed files of any length, in chunks: written as a stream, read in order or from anywhere.
//!
//! The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse
//! Misuse-Resistance", CRYPTO 2015) over AES-256-GCM-SIV, with `prefix(7) | counter(4) | last(1)` as nonce: a chunk that is
//! altered, moved, repeated, left out or another file's does not open, and neither does a file that was cut off. Format:
//! `docs/formats/sealed-files.md`.

mod opener;
mod sealer;

use std::fmt;
use std::io;

pub use opener::ChunkOpener;
pub use sealer::ChunkSealer;

use crate::associated_data::AssociatedData;
use crate::primitive::{Aead, SUITE_AES_256_GCM_SIV, TAG_LEN};
use crate::{Entropy, KeyId, Nonce, OpenError, Scope, Secret32};

/// Plaintext bytes of every chunk but the last.
pub const CHUNK_SIZE_BYTES: usize = 64 << 10;

const MAGIC: [u8; 4] = *b"pvsf";
const VERSION: u8 = 1;
const LABEL: &str = "privet/v1/file";
/// `magic(4) | version(1) | suite(1) | key id(16) | nonce prefix(7)`.
const HEADER_LEN: usize = MAGIC.len() + 2 + 16 + FilePrefix::LEN;
const SEALED_CHUNK_LEN: usize = CHUNK_SIZE_BYTES + TAG_LEN;
/// Longest name of a place: it is hashed with every chunk.
const PLACE_LEN_MAX: usize = 1024;

/// Begins the nonces of one file: random, so that a chunk of one file is none of another. It is used for one file: it is
/// not `Clone`, and sealing consumes it.
pub struct FilePrefix([u8; FilePrefix::LEN]);

impl FilePrefix {
    /// Length in bytes.
    pub const LEN: usize = 7;

    /// A fresh random prefix.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; Self::LEN];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// A prefix chosen by the caller, who promises that it is fresh. For test vectors.
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for FilePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilePrefix").finish_non_exhaustive()
    }
}

/// Seals and opens the files of one key. Wiped on drop.
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub struct FileKey {
    aead: Aead,
    key_id: KeyId,
    /// Label, version, suite, environment, tenant and key id; a file's place follows.
    associated_data: AssociatedData,
}

impl FileKey {
    /// The key of files under a secret: HKDF-Expand(secret, `privet/v1/file` ‖ suite). `key_id` names the secret in each
    /// file's header.
    pub fn new(secret: &Secret32, scope: &Scope, key_id: KeyId) -> Self {
        let associated_data = AssociatedData::new(LABEL)
            .with(&[VERSION])
            .with(&[SUITE_AES_256_GCM_SIV])
            .with(scope.environment().as_bytes())
            .with(scope.tenant().as_bytes())
            .with(key_id.as_bytes());
        Self {
            aead: Aead::derive(secret.expose(), LABEL),
            key_id,
            associated_data,
        }
    }

    /// The id that stands in every file this key seals.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The id of the key that sealed the file with this beginning; nothing says yet that this is authentic.
    ///
    /// # Errors
    /// [`OpenError`], if these bytes are not the beginning of a sealed file, or of one in a version or suite that is not known.
    pub fn key_id_of(beginning: &[u8]) -> Result<KeyId, OpenError> {
        Header::parse(beginning).map(|header| header.key_id)
    }

    /// What every chunk of a file at this place is bound to.
    fn bound_to(&self, place: &[u8]) -> Result<Box<[u8]>, OpenError> {
        if place.len() > PLACE_LEN_MAX {
            return Err(OpenError);
        }
        // The place is last, so no length is needed to tell where it ends.
        Ok([self.associated_data.as_ref(), place].concat().into())
    }
}

/// A file's first bytes.
struct Header {
    key_id: KeyId,
    prefix: [u8; FilePrefix::LEN],
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, OpenError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(OpenError)?;
        let rest = rest
            .strip_prefix(&[VERSION, SUITE_AES_256_GCM_SIV])
            .ok_or(OpenError)?;
        let (key_id, rest) = rest.split_first_chunk().ok_or(OpenError)?;
        let prefix = rest.first_chunk().ok_or(OpenError)?;
        Ok(Self {
            key_id: KeyId(*key_id),
            prefix: *prefix,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[VERSION, SUITE_AES_256_GCM_SIV]);
        bytes.extend_from_slice(self.key_id.as_bytes());
        bytes.extend_from_slice(&self.prefix);
        bytes
    }

    /// The nonce of a chunk (section 4 of the paper: the place and whether it is the last are part of it).
    fn nonce(&self, chunk: u32, last: bool) -> [u8; Nonce::LEN] {
        let mut nonce = [0; Nonce::LEN];
        let parts = (self.prefix.into_iter())
            .chain(chunk.to_be_bytes())
            .chain([u8::from(last)]);
        for (byte, part) in nonce.iter_mut().zip(parts) {
            *byte = part;
        }
        nonce
    }
}

/// How a caller of [`io::Read`] and [`io::Write`] learns that something does not open: nothing in it says why.
fn does_not_open(error: OpenError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
