//! Time and randomness as arguments: the two things that the binary hands in and tests replace.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use privet_seal::Entropy;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The wall clock. It may go backwards; the audit log refuses to write when it does.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment of this process; never goes backwards.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug, Clone)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts the monotonic side at zero.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the wall clock"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The operating system's randomness, stretched by a per-thread ChaCha generator that reseeds itself: a system call
/// for each nonce would cost more than the encryption.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadEntropy;

impl Entropy for ThreadEntropy {
    fn fill(&self, out: &mut [u8]) {
        rand::RngCore::fill_bytes(&mut rand::rng(), out);
    }
}
