//! Object ids: what telemetry calls the things that people use, so that they lead to no person and nowhere after a while.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{ParseError, Secret32, mac};

/// Characters after the prefix: 18 bytes in base64url.
const ENCODED_CHARS: usize = 24;

/// A tenant's salt of object ids in one epoch. Wiped on drop.
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub struct ObjectSalt {
    key: hmac::Key,
    epoch: u16,
}

impl ObjectSalt {
    /// The salt of this epoch.
    pub fn new(secret: Secret32, epoch: u16) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose()),
            epoch,
        }
    }

    /// The epoch, which every id carries.
    pub fn epoch(&self) -> u16 {
        self.epoch
    }

    /// The id of what an application calls `value`, in records about a person whose salt was rotated `rotation` times,
    /// counted from 1 (0: about nobody known). A rotation changes the ids of the things as well, or what only one
    /// person used would lead from their former telemetry to their present one.
    pub fn id(&self, rotation: u32, value: &[u8]) -> ObjectId {
        let rotation = rotation.to_be_bytes();
        let parts = [rotation.as_slice(), value];
        let code = mac::sign(&self.key, "privet/v1/object", &parts);
        let mut bytes = [0; ObjectId::LEN];
        let epoch = self.epoch.to_be_bytes();
        for (to, from) in bytes.iter_mut().zip(epoch.iter().chain(&code)) {
            *to = *from;
        }
        ObjectId(bytes)
    }
}

/// `epoch(2) | 16 bytes`. Equal within an epoch for all people who were rotated equally often, so it is treated as personal: `Debug`
/// shows only the epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; ObjectId::LEN]);

impl ObjectId {
    /// Length in bytes.
    pub const LEN: usize = 18;

    /// What every object id in text form starts with.
    pub const PREFIX: &'static str = "po1_";

    /// The text form: `po1_` and 24 characters of base64url.
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
            .ok_or(ParseError::new(0, "the prefix `po1_`"))?;
        if encoded.len() != ENCODED_CHARS {
            return Err(ParseError::new(text.len(), "28 characters of an object id"));
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

    /// The epoch whose salt made it.
    pub fn epoch(&self) -> u16 {
        let [high, low, ..] = self.0;
        u16::from_be_bytes([high, low])
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectId")
            .field("epoch", &self.epoch())
            .finish_non_exhaustive()
    }
}
