//! Blind indexes: finding a value by equality without storing it in the clear.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{ParseError, Secret32};

/// Characters after the prefix: 18 bytes in base64url.
const ENCODED_CHARS: usize = 24;

/// The key of the blind index of one field, in one version. Wiped on drop.
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub struct IndexKey {
    key: hmac::Key,
    version: u16,
}

impl IndexKey {
    /// The index key of this version.
    pub fn new(secret: Secret32, version: u16) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose()),
            version,
        }
    }

    /// The version of the key, which every index carries.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// The index of a normalized value: the first 128 bits of HMAC-SHA-256 over it.
    pub fn index(&self, normalized: &str) -> BlindIndex {
        let tag = hmac::sign(&self.key, normalized.as_bytes());
        let mut bytes = [0; BlindIndex::LEN];
        let version = self.version.to_be_bytes();
        for (to, from) in bytes.iter_mut().zip(version.iter().chain(tag.as_ref())) {
            *to = *from;
        }
        BlindIndex(bytes)
    }
}

/// `index version(2) | 16 bytes`. Equal values of a field have equal indexes, so it is treated
/// as personal: `Debug` shows only the version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlindIndex([u8; BlindIndex::LEN]);

impl BlindIndex {
    /// Length in bytes.
    pub const LEN: usize = 18;

    /// What every blind index in text form starts with.
    pub const PREFIX: &'static str = "px1_";

    /// The text form: `px1_` and 24 characters of base64url.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(Self::PREFIX.len() + ENCODED_CHARS);
        text.push_str(Self::PREFIX);
        URL_SAFE_NO_PAD.encode_string(self.0, &mut text);
        text
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// The position of what does not fit.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let encoded = text
            .strip_prefix(Self::PREFIX)
            .ok_or(ParseError::new(0, "the prefix `px1_`"))?;
        if encoded.len() != ENCODED_CHARS {
            return Err(ParseError::new(
                text.len(),
                "28 characters of a blind index",
            ));
        }
        let mut bytes = [0; Self::LEN];
        URL_SAFE_NO_PAD
            .decode_slice(encoded, &mut bytes)
            .map_err(|_| ParseError::new(Self::PREFIX.len(), "unpadded base64url"))?;
        Ok(Self(bytes))
    }

    /// The 18 bytes.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The version of the key that made it.
    pub fn version(&self) -> u16 {
        let [high, low, ..] = self.0;
        u16::from_be_bytes([high, low])
    }
}

impl fmt::Debug for BlindIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlindIndex")
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
