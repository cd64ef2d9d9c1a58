//! The binary form of a sealed value:
//! `version(1) | suite(1) | key id(16) | field number(2) | nonce(12) | ciphertext | tag(16)`.

use std::fmt;

use crate::primitive::{SUITE_AES_256_GCM_SIV, TAG_LEN};
use crate::{FieldNumber, KeyId, Nonce, ParseError};

/// Version of the format.
pub(crate) const VERSION: u8 = 1;

/// Length in bytes of everything before the ciphertext.
pub(crate) const HEADER_LEN: usize = 2 + 16 + 2 + Nonce::LEN;

/// Longest sealed value in bytes, binary: 1 MiB.
pub const SEALED_SIZE_BYTES_MAX: usize = 1 << 20;

/// Shortest sealed value in bytes, binary: an empty text without padding.
pub const SEALED_SIZE_BYTES_MIN: usize = HEADER_LEN + 2 + TAG_LEN;

/// How a value is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Suite {
    /// AES-256-GCM-SIV (RFC 8452) under HKDF-Expand(subject key, `privet/v1/value` and suite).
    Aes256GcmSiv,
}

impl Suite {
    /// The byte in the header.
    pub fn code(self) -> u8 {
        match self {
            Self::Aes256GcmSiv => SUITE_AES_256_GCM_SIV,
        }
    }
}

/// A sealed value whose header was understood. Nothing about it is authentic until it opens.
#[derive(Clone, Copy)]
pub struct SealedRef<'a> {
    bytes: &'a [u8],
    key_id: KeyId,
    field: FieldNumber,
    pub(crate) nonce: &'a [u8; Nonce::LEN],
    pub(crate) ciphertext: &'a [u8],
    pub(crate) tag: &'a [u8; TAG_LEN],
}

impl<'a> SealedRef<'a> {
    /// Reads the header and checks the length.
    ///
    /// # Errors
    /// The position of what does not fit; an unknown version or suite is refused.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        if bytes.len() > SEALED_SIZE_BYTES_MAX {
            return Err(ParseError::new(
                SEALED_SIZE_BYTES_MAX,
                "the end of a sealed value",
            ));
        }
        let (&[version, suite], rest) = split(bytes, bytes)?;
        if version != VERSION {
            return Err(ParseError::new(0, "a known version"));
        }
        if suite != SUITE_AES_256_GCM_SIV {
            return Err(ParseError::new(1, "a known suite"));
        }
        let (key_id, rest) = split::<16>(rest, bytes)?;
        let (field, rest) = split::<2>(rest, bytes)?;
        let (nonce, rest) = split(rest, bytes)?;
        let (ciphertext, tag) = rest.split_last_chunk().ok_or(truncated(bytes))?;
        if ciphertext.len() < 2 {
            return Err(truncated(bytes));
        }
        Ok(Self {
            bytes,
            key_id: KeyId(*key_id),
            field: FieldNumber(u16::from_be_bytes(*field)),
            nonce,
            ciphertext,
            tag,
        })
    }

    /// The key that sealed it.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The field it was sealed for.
    pub fn field(&self) -> FieldNumber {
        self.field
    }

    /// How it is encrypted.
    pub fn suite(&self) -> Suite {
        Suite::Aes256GcmSiv
    }

    /// The whole sealed value.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl fmt::Debug for SealedRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedRef")
            .field("key_id", &self.key_id)
            .field("field", &self.field)
            .field("size_bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

#[inline]
fn split<'a, const N: usize>(
    rest: &'a [u8],
    whole: &[u8],
) -> Result<(&'a [u8; N], &'a [u8]), ParseError> {
    rest.split_first_chunk().ok_or(truncated(whole))
}

fn truncated(whole: &[u8]) -> ParseError {
    ParseError::new(whole.len(), "more bytes of a sealed value")
}
