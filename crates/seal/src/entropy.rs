//! Randomness as an argument, and nonces drawn from it.

use std::fmt;
use std::sync::Arc;

/// A source of cryptographically secure random bytes. The binary passes the operating system's;
/// tests pass a fixed one.
pub trait Entropy: Send + Sync {
    /// Fills `out` completely. A source that cannot must not return.
    fn fill(&self, out: &mut [u8]);
}

impl<T: Entropy + ?Sized> Entropy for Arc<T> {
    fn fill(&self, out: &mut [u8]) {
        T::fill(self, out);
    }
}

/// A nonce of 96 bits, used for one sealing: it is not `Clone`, and sealing consumes it.
///
/// Nonces are random. AES-GCM-SIV survives a repetition (as after restoring a snapshot of a
/// virtual machine): only the equality of equal plaintexts would show (RFC 8452, section 9).
pub struct Nonce(pub(crate) [u8; Nonce::LEN]);

impl Nonce {
    /// Length in bytes.
    pub const LEN: usize = 12;

    /// A fresh random nonce. For many of them, [`NonceSource`] is faster.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; Self::LEN];
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// A nonce chosen by the caller, who promises that it is fresh. For test vectors.
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonce").finish_non_exhaustive()
    }
}

/// Nonces in a block of 4 KiB.
const NONCES_PER_BLOCK: usize = 4096 / Nonce::LEN;

/// Draws nonces from a block of 4 KiB that is refilled from [`Entropy`]: one call of the
/// generator per nonce would cost more than the encryption itself.
///
/// One per thread or task; it is not shared.
pub struct NonceSource {
    entropy: Arc<dyn Entropy>,
    block: Box<[[u8; Nonce::LEN]; NONCES_PER_BLOCK]>,
    used: usize,
}

impl NonceSource {
    /// An empty source; the first nonce fills its block.
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        let block = Box::new([[0; Nonce::LEN]; NONCES_PER_BLOCK]);
        Self {
            entropy,
            block,
            used: NONCES_PER_BLOCK,
        }
    }

    /// The next nonce; no bytes of a block are given out twice.
    #[expect(
        clippy::should_implement_trait,
        reason = "an endless source has no `None` to return"
    )]
    #[inline]
    pub fn next(&mut self) -> Nonce {
        loop {
            if let Some(nonce) = self.block.get(self.used) {
                self.used += 1;
                return Nonce(*nonce);
            }
            self.entropy.fill(self.block.as_flattened_mut());
            self.used = 0;
        }
    }
}

impl fmt::Debug for NonceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonceSource").finish_non_exhaustive()
    }
}
