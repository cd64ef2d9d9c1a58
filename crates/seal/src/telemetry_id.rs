//! Telemetry ids: what telemetry knows a subject by, and the secret salt that alone leads there from the operational id.

use std::fmt;

use aws_lc_rs::digest;
use zeroize::Zeroizing;

use crate::{Entropy, Secret32};

/// The bits of byte 6 that say version 5, and of byte 8 that say the variant (RFC 9562, sections 4.1 and 4.2).
const VERSION_5: u8 = 0x50;
const VARIANT: u8 = 0x80;

/// The secret salt of one subject's telemetry ids between two rotations. Wiped on drop.
///
/// It is made from a wrapped secret of 32 bytes: the first 16 are the salt, the next four say with which event of the
/// consent ledger it begins, the rest is random. So what the salt begins with lies under the same key as the salt,
/// and cannot be changed or read apart from it.
#[expect(missing_debug_implementations, reason = "a secret cannot be printed")]
pub struct Salt {
    secret: Secret32,
}

impl Salt {
    /// Length in bytes.
    pub const LEN: usize = 16;

    /// A fresh salt, in force from the event `first` of the subject's consent ledger on.
    pub fn generate(entropy: &dyn Entropy, first: u32) -> Self {
        let mut secret = Secret32::generate(entropy);
        for (to, from) in secret
            .expose_mut()
            .iter_mut()
            .skip(Self::LEN)
            .zip(first.to_be_bytes())
        {
            *to = from;
        }
        Self { secret }
    }

    /// The bytes to wrap.
    pub fn secret(&self) -> &Secret32 {
        &self.secret
    }

    /// The number of the event in the subject's consent ledger that the salt begins with. What stands beside telemetry
    /// counts from there, so that it says nothing about what was before the rotation.
    pub fn first(&self) -> u32 {
        let mut number = [0; 4];
        let stored = self.secret.expose().iter().skip(Self::LEN);
        number
            .iter_mut()
            .zip(stored)
            .for_each(|(to, from)| *to = *from);
        u32::from_be_bytes(number)
    }

    /// The telemetry id of an operational id: UUIDv5 (RFC 9562, section 5.5) with the salt as namespace and the id's 16
    /// bytes as name. SHA-1 is what the RFC prescribes; what keeps the id is that the namespace is secret and random,
    /// and so is the name.
    pub fn tyid(&self, oid: &[u8; 16]) -> Tyid {
        let mut input = Zeroizing::new([0; 32]);
        let (namespace, name) = input.split_at_mut(Self::LEN);
        namespace
            .iter_mut()
            .zip(self.secret.expose())
            .for_each(|(to, from)| *to = *from);
        name.iter_mut().zip(oid).for_each(|(to, from)| *to = *from);
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, input.as_slice());
        let mut bytes = [0; 16];
        bytes
            .iter_mut()
            .zip(hash.as_ref())
            .for_each(|(to, from)| *to = *from);
        let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
        *version = *version & 0x0f | VERSION_5;
        *variant = *variant & 0x3f | VARIANT;
        Tyid(bytes)
    }
}

impl From<Secret32> for Salt {
    fn from(secret: Secret32) -> Self {
        Self { secret }
    }
}

/// A telemetry id. It leads nowhere without the salt that it was made with, but it is one person's: `Debug` does not show
/// it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tyid([u8; 16]);

impl Tyid {
    /// The id that these 16 bytes are.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes, as telemetry stores them.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The text form of a UUID: 36 characters, lowercase.
    pub fn to_text(&self) -> String {
        use fmt::Write as _;
        let mut text = String::with_capacity(36);
        for (place, byte) in self.0.iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl fmt::Debug for Tyid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tyid").finish_non_exhaustive()
    }
}
