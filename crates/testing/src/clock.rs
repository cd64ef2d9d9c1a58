//! The time of a Privet for tests: the machine's, and moved on by hand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use privet_vault::{Clock, SystemClock};

/// A clock that a test moves on: tokens expire, grants end, retention runs out.
///
/// ```
/// use std::time::Duration;
/// use privet_testing::TestClock;
///
/// let clock = TestClock::default();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(3600));
/// assert!(clock.now().duration_since(before) >= jiff::SignedDuration::from_hours(1));
/// ```
#[derive(Debug)]
pub struct TestClock {
    machine: SystemClock,
    moved_ms: AtomicU64,
}

impl Default for TestClock {
    fn default() -> Self {
        Self {
            machine: SystemClock::start(),
            moved_ms: AtomicU64::new(0),
        }
    }
}

impl TestClock {
    /// Moves the time on.
    ///
    /// ```
    /// let clock = privet_testing::TestClock::default();
    /// clock.advance(std::time::Duration::from_secs(86_400));
    /// ```
    pub fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.moved_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// The time.
    ///
    /// ```
    /// let clock = privet_testing::TestClock::default();
    /// let (first, second) = (clock.now(), clock.now());
    /// assert!(first <= second);
    /// ```
    pub fn now(&self) -> Timestamp {
        // At the end of time, it stands still.
        let now = self.machine.now().checked_add(self.moved());
        now.unwrap_or(Timestamp::MAX)
    }

    fn moved(&self) -> Duration {
        Duration::from_millis(self.moved_ms.load(Ordering::SeqCst))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }

    fn monotonic(&self) -> Duration {
        self.machine.monotonic() + self.moved()
    }
}
