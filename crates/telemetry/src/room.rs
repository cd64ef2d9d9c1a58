//! Room for bodies: their bytes are in memory from the first one that is read until they are decoded, so that the number of
//! connections alone bounds nothing.

use tokio::sync::{Semaphore, SemaphorePermit};

/// What is counted at once: fewer permits than bytes, as a semaphore counts with 32 bits.
const UNIT_BYTES: usize = 1024;

/// Bytes that may be in memory together.
#[derive(Debug)]
pub(crate) struct Room {
    units: Semaphore,
    all: u32,
}

/// A body's part of the room; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place<'r> {
    _permit: Option<SemaphorePermit<'r>>,
}

impl Room {
    pub(crate) fn new(bytes: usize) -> Self {
        let all = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        Self {
            units: Semaphore::new(usize::try_from(all).unwrap_or(usize::MAX)),
            all,
        }
    }

    /// Waits until there is a place for so many bytes; who came first is first. What is larger than the whole room gets all of
    /// it. All is taken at once: bodies that wait for the rest of their room while they hold a part of it would wait for each other.
    pub(crate) async fn place(&self, bytes: usize) -> Place<'_> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        let permit = self.units.acquire_many(units.min(self.all)).await;
        Place {
            // INVARIANT: nobody closes the semaphore.
            _permit: permit.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn who_finds_no_room_waits_for_it() {
        let room = Room::new(4 * UNIT_BYTES);
        let first = room.place(3 * UNIT_BYTES).await;
        let mut second = pin!(room.place(UNIT_BYTES + 1));
        assert!(poll!(&mut second).is_pending());
        // Who needs little does not overtake who needs much.
        let mut third = pin!(room.place(1));
        assert!(poll!(&mut third).is_pending());
        drop(first);
        assert!(poll!(&mut second).is_ready());
        assert!(poll!(&mut third).is_ready());
    }

    #[tokio::test]
    async fn what_is_larger_than_the_room_gets_all_of_it() {
        let room = Room::new(UNIT_BYTES);
        let large = room.place(usize::MAX).await;
        let mut other = pin!(room.place(1));
        assert!(poll!(&mut other).is_pending());
        drop(large);
        assert!(poll!(&mut other).is_ready());
    }
}
