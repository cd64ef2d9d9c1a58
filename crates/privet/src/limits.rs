//! How long a call may take, how often it is tried, how much of it runs at once.

use std::time::Duration;

/// Limits of a [`Client`](crate::Client). Each call is bounded by them, whatever server and network do.
///
/// ```
/// use std::time::Duration;
///
/// // A page that is waited for rather shows an error soon.
/// let limits = privet::Limits { deadline: Duration::from_secs(1), ..privet::Limits::default() };
/// assert_eq!(limits.attempts_max, 4);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a call may take, all attempts, pauses and requests of a batch together: 10 s.
    pub deadline: Duration,
    /// How long one attempt may take: 5 s.
    pub attempt: Duration,
    /// How long it may take to reach the server: 2 s.
    pub connect: Duration,
    /// How often a request is sent at most, the first time included: 4.
    pub attempts_max: u32,
    /// The longest pause before the second attempt: 50 ms. It doubles with each further one; what is waited is a random part
    /// of it, so that clients do not come back together.
    pub pause_first: Duration,
    /// The longest pause: 2 s.
    pub pause_max: Duration,
    /// How many requests of one batch run at once: 4.
    pub requests_at_once: usize,
    /// The longest body that is sent, in bytes; what the server takes unless configured otherwise: 1 MiB.
    pub body_bytes_max: usize,
    /// The longest answer that is read, in bytes: 64 MiB.
    pub answer_bytes_max: usize,
}

impl Limits {
    /// What each limit is unless it is set.
    ///
    /// ```
    /// use privet::Limits;
    ///
    /// const HASTY: Limits = Limits { attempts_max: 1, ..Limits::USUAL };
    /// assert_eq!(HASTY.requests_at_once, Limits::default().requests_at_once);
    /// ```
    pub const USUAL: Self = Self {
        deadline: Duration::from_secs(10),
        attempt: Duration::from_secs(5),
        connect: Duration::from_secs(2),
        attempts_max: 4,
        pause_first: Duration::from_millis(50),
        pause_max: Duration::from_secs(2),
        requests_at_once: 4,
        body_bytes_max: 1024 * 1024,
        answer_bytes_max: 64 * 1024 * 1024,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::USUAL
    }
}
