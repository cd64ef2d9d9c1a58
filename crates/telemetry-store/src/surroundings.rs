//! Time and randomness, which callers pass.

use uuid::{Builder, Uuid};

/// The wall clock, and randomness for names of files and commits.
pub trait Surroundings: Send + Sync + std::fmt::Debug {
    /// Milliseconds since 1970, UTC.
    fn now_ms(&self) -> i64;

    /// Bytes that nobody has seen before.
    fn random(&self) -> [u8; 16];
}

/// The machine's clock and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Surroundings for Machine {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that callers pass"
    )]
    fn now_ms(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond()
    }

    fn random(&self) -> [u8; 16] {
        Uuid::new_v4().into_bytes()
    }
}

/// A UUID of version 7 (RFC 9562, 5.7), so that names sort by the time they were made.
pub(crate) fn new_id(surroundings: &dyn Surroundings) -> Uuid {
    let now = u64::try_from(surroundings.now_ms()).unwrap_or_default();
    let [a, b, c, d, e, f, g, h, i, j, ..] = surroundings.random();
    Builder::from_unix_timestamp_millis(now, &[a, b, c, d, e, f, g, h, i, j]).into_uuid()
}
