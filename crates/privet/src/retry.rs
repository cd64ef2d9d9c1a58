//! What is sent again, when, and how often altogether.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::StatusCode;

use crate::Limits;

/// What sending a request twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The same as once, but for a second entry in the audit log.
    Harmless,
    /// Something else: it is sent again only when it certainly was not done.
    Undone,
}

/// How an attempt ended that brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It did not leave.
    Unsent,
    /// It may have arrived.
    Lost,
    /// The server, or what stands before it, answered with this status.
    Status(StatusCode),
}

impl Failure {
    /// Whether something may have been done all the same.
    pub(crate) fn may_have_arrived(self) -> bool {
        match self {
            Self::Unsent => false,
            Self::Lost => true,
            Self::Status(status) => {
                status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
            }
        }
    }
}

/// Whether sending the request again can help and does no harm.
pub(crate) fn is_worth_repeating(repeat: Repeat, failure: Failure) -> bool {
    match failure {
        Failure::Unsent => true,
        Failure::Lost => repeat == Repeat::Harmless,
        // Limits are asked before anything is done.
        Failure::Status(StatusCode::TOO_MANY_REQUESTS) => true,
        Failure::Status(
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT,
        ) => repeat == Repeat::Harmless,
        Failure::Status(_) => false,
    }
}

/// The pause before attempt `number`, counted from 2: a random part (`part` of 1) of a length that doubles, and at least what
/// the server asks for ("full jitter": Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015).
pub(crate) fn pause(limits: &Limits, number: u32, part: f64, asked: Option<Duration>) -> Duration {
    let doubled = limits
        .pause_first
        .saturating_mul(1 << number.saturating_sub(2).min(20));
    let longest = doubled.min(limits.pause_max);
    // `mul_f64` panics where the limits are as long as durations can be.
    let part = longest.as_secs_f64() * part.clamp(0.0, 1.0);
    Duration::try_from_secs_f64(part)
        .unwrap_or(longest)
        .max(asked.unwrap_or_default())
}

/// Tenths of a repetition: what there is at the start, and at most.
const FULL: u32 = 100;
const REPETITION: u32 = 10;

/// Repetitions that a client may still make: each takes one, each answer gives a tenth of one back. So a server that is down gets
/// a tenth more requests, not four times as many (the retry budget of Finagle).
#[derive(Debug)]
pub(crate) struct Budget(AtomicU32);

impl Budget {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(FULL))
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&self) -> bool {
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tenths| {
                tenths.checked_sub(REPETITION)
            });
        taken.is_ok()
    }

    /// An answer came.
    pub(crate) fn answered(&self) {
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tenths| {
                (tenths < FULL).then_some(tenths + 1)
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_does_no_harm_is_sent_again() {
        let statuses = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::BAD_GATEWAY,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
            StatusCode::INTERNAL_SERVER_ERROR,
            StatusCode::FORBIDDEN,
        ];
        let failures: Vec<_> = [Failure::Unsent, Failure::Lost]
            .into_iter()
            .chain(statuses.map(Failure::Status))
            .collect();
        let worth = |repeat| -> Vec<bool> {
            let worth = failures.iter().map(|f| is_worth_repeating(repeat, *f));
            worth.collect()
        };
        let harmless = [true, true, true, true, true, true, true, false, false];
        assert_eq!(worth(Repeat::Harmless), harmless);
        let undone = [true, false, true, false, false, false, false, false, false];
        assert_eq!(worth(Repeat::Undone), undone);
    }

    #[test]
    fn pauses_double_up_to_their_limit_and_obey_the_server() {
        let limits = Limits::default();
        let longest = |number| pause(&limits, number, 1.0, None).as_millis();
        assert_eq!(
            [2, 3, 4, 5, 8, 40].map(longest),
            [50, 100, 200, 400, 2000, 2000]
        );
        assert_eq!(pause(&limits, 3, 0.5, None), Duration::from_millis(50));
        let asked = Duration::from_secs(1);
        assert_eq!(pause(&limits, 3, 0.5, Some(asked)), asked);
        let endless = Limits {
            pause_first: Duration::MAX,
            pause_max: Duration::MAX,
            ..limits
        };
        assert_eq!(pause(&endless, 40, 1.0, None), Duration::MAX);
    }

    #[test]
    fn a_budget_is_used_up_and_comes_back_slowly() {
        let budget = Budget::new();
        assert_eq!((0..50).filter(|_| budget.take()).count(), 10);
        (0..9).for_each(|_| budget.answered());
        assert!(!budget.take());
        budget.answered();
        assert!(budget.take() && !budget.take());
        (0..1_000).for_each(|_| budget.answered());
        assert_eq!((0..50).filter(|_| budget.take()).count(), 10);
    }
}
