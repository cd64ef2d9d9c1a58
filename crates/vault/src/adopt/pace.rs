//! How fast values are sealed, where that was limited: evenly, in batches of a tenth of a second.

use std::num::NonZeroU32;
use std::time::Duration;

use super::run::BATCH_ROWS;
use crate::Vault;

/// Reading is so much cheaper than writing that it may go this many times as fast.
const READING: u32 = 10;

/// Batches of one second.
const BATCHES: u32 = 10;

/// Keeps a rate. Time in which nothing was asked for is not made up for, so that no burst follows a pause.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    per_second: Option<NonZeroU32>,
    /// On the monotonic clock, when the next batch may begin.
    next: Duration,
}

impl Pace {
    /// At most this many values a second are written.
    pub(super) fn writing(per_second: Option<NonZeroU32>) -> Self {
        Self {
            per_second,
            next: Duration::ZERO,
        }
    }

    /// How fast rows are read while nothing is written, if this many values may be written a second.
    pub(super) fn reading(per_second: Option<NonZeroU32>) -> Self {
        let read =
            |rate: NonZeroU32| rate.saturating_mul(NonZeroU32::MIN.saturating_add(READING - 1));
        Self::writing(per_second.map(read))
    }

    /// How many rows of so many columns make a batch.
    pub(super) fn rows_max(&self, columns: usize) -> u32 {
        let Some(per_second) = self.per_second else {
            return BATCH_ROWS;
        };
        let columns = u32::try_from(columns).unwrap_or(u32::MAX).max(1);
        (per_second.get() / BATCHES / columns).clamp(1, BATCH_ROWS)
    }

    /// Waits until this many more may be done.
    pub(super) async fn wait(&mut self, vault: &Vault, count: u64) {
        let pause = self.pause(vault.inner.clock.monotonic(), count);
        if pause > Duration::ZERO {
            tokio::time::sleep(pause).await;
        }
    }

    /// How long it takes from `now` until this many more may be done; they count as done then.
    fn pause(&mut self, now: Duration, count: u64) -> Duration {
        let Some(per_second) = self.per_second else {
            return Duration::ZERO;
        };
        let start = self.next.max(now);
        let nanos = count.saturating_mul(1_000_000_000) / u64::from(per_second.get());
        self.next = start.saturating_add(Duration::from_nanos(nanos));
        start.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_and_pauses_are_not_made_up_for() {
        let mut pace = Pace::writing(NonZeroU32::new(1_000));
        let at = Duration::from_millis;
        assert_eq!(pace.pause(at(5_000), 100), at(0));
        // The batch before took 30 ms of its 100.
        assert_eq!(pace.pause(at(5_030), 50), at(70));
        assert_eq!(pace.pause(at(5_100), 50), at(50));
        assert_eq!(pace.pause(at(9_000), 200), at(0));
        assert_eq!(pace.pause(at(9_000), 1), at(200));
    }

    #[test]
    fn batches_are_a_tenth_of_a_second() {
        let rows = |rate, columns| Pace::writing(NonZeroU32::new(rate)).rows_max(columns);
        assert_eq!(rows(2_000, 4), 50);
        assert_eq!(rows(3, 4), 1);
        assert_eq!(rows(u32::MAX, 1), BATCH_ROWS);
        assert_eq!(Pace::writing(None).rows_max(4), BATCH_ROWS);
        assert_eq!(Pace::reading(NonZeroU32::new(2_000)).rows_max(4), 500);
    }
}
