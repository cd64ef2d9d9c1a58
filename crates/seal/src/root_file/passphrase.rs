//! From a passphrase to a key: Argon2id (RFC 9106).

use argon2::{Algorithm, Argon2, Params, Version};

use crate::primitive::Aead;
use crate::{Entropy, Error, Secret32};

/// Names this use of the key that Argon2id yields.
pub(super) const LABEL: &str = "privet/v1/root-file";

/// What Argon2id costs. Recorded in the file, so that it can be raised later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PassphraseCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl PassphraseCost {
    /// 64 MiB, three passes, four lanes: the second recommendation of RFC 9106, section 4.
    pub const RECOMMENDED: Self = Self {
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 4,
    };

    /// Most memory in KiB: 1 GiB. A file that asks for more is refused, not obeyed.
    pub const MEMORY_KIB_MAX: u32 = 1 << 20;

    /// Most passes, and most lanes.
    pub const PASSES_AND_LANES_MAX: u32 = 16;

    /// A cost of memory (at least 8 KiB a lane), passes and lanes.
    ///
    /// # Errors
    /// [`Error::PassphraseCost`] outside the limits.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, Error> {
        let lanes_fit = 1 <= lanes && lanes <= Self::PASSES_AND_LANES_MAX;
        let passes_fit = 1 <= passes && passes <= Self::PASSES_AND_LANES_MAX;
        if !lanes_fit || !passes_fit {
            return Err(Error::PassphraseCost);
        }
        if memory_kib < 8 * lanes || memory_kib > Self::MEMORY_KIB_MAX {
            return Err(Error::PassphraseCost);
        }
        Ok(Self {
            memory_kib,
            passes,
            lanes,
        })
    }

    /// Memory in KiB.
    pub fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// Number of passes over the memory.
    pub fn passes(&self) -> u32 {
        self.passes
    }

    /// Number of lanes.
    pub fn lanes(&self) -> u32 {
        self.lanes
    }
}

/// What opens the secrets in a protected file, kept so that the file can be written again.
pub(super) struct Lock {
    pub(super) cost: PassphraseCost,
    pub(super) salt: [u8; 16],
    pub(super) aead: Aead,
}

impl Lock {
    /// A lock with a fresh salt.
    pub(super) fn new(
        passphrase: &[u8],
        cost: PassphraseCost,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        Self::derive(passphrase, cost, salt)
    }

    /// The lock of a file with this cost and salt.
    pub(super) fn derive(
        passphrase: &[u8],
        cost: PassphraseCost,
        salt: [u8; 16],
    ) -> Result<Self, Error> {
        let mut secret = Secret32::zero();
        let PassphraseCost {
            memory_kib,
            passes,
            lanes,
        } = cost;
        Params::new(memory_kib, passes, lanes, Some(32))
            .map(|params| Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
            .and_then(|argon2| argon2.hash_password_into(passphrase, &salt, secret.expose_mut()))
            .map_err(|_| Error::PassphraseCost)?;
        Ok(Self {
            cost,
            salt,
            aead: Aead::derive(secret.expose(), LABEL),
        })
    }
}
