//! By when a request has to be answered: within one month of its receipt (GDPR article 12(3)), a month being one of the
//! calendar, which ends with its last day (Regulation 1182/71, article 3).

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// After so many days a request that still runs is pointed out.
const WARNED_AFTER_DAYS: i32 = 20;

/// The days that count for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// From this day on it is pointed out.
    pub warned_on: Date,
    /// The last day on which it is in time.
    pub due_on: Date,
}

/// How a request that still runs stands to its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// There is time.
    InTime,
    /// The deadline is near.
    Soon,
    /// It has passed.
    Late,
}

impl Urgency {
    /// `in_time`, `soon` or `late`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InTime => "in_time",
            Self::Soon => "soon",
            Self::Late => "late",
        }
    }
}

impl Deadline {
    /// The deadline of what was received at this moment.
    pub fn of(received_at: Timestamp) -> Self {
        let received = received_at.to_zoned(TimeZone::UTC).date();
        // The 31st of a month that is followed by a shorter one is due on that one's last day.
        Self {
            warned_on: received.saturating_add(WARNED_AFTER_DAYS.days()),
            due_on: received.saturating_add(1.month()),
        }
    }

    /// When it begins to be near.
    pub(super) fn soon_from(&self) -> Timestamp {
        begin(self.warned_on)
    }

    /// When it is past.
    pub(super) fn late_from(&self) -> Timestamp {
        begin(self.due_on.saturating_add(1.day()))
    }

    /// How it stands at this moment.
    pub fn urgency(&self, now: Timestamp) -> Urgency {
        let today = now.to_zoned(TimeZone::UTC).date();
        if today > self.due_on {
            Urgency::Late
        } else if today >= self.warned_on {
            Urgency::Soon
        } else {
            Urgency::InTime
        }
    }
}

/// The first moment of a day; that of no day is long ago.
fn begin(day: Date) -> Timestamp {
    let begin = day.to_zoned(TimeZone::UTC);
    begin.map_or(Timestamp::MIN, |begin| begin.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_one_of_the_calendar() {
        let check = |received: &str, due: &str| {
            let received: Timestamp = received.parse().unwrap();
            assert_eq!(Deadline::of(received).due_on.to_string(), due);
        };
        check("2026-11-26T23:59:59Z", "2026-12-26");
        check("2027-01-31T00:00:00Z", "2027-02-28");
        check("2028-01-31T00:00:00Z", "2028-02-29");
        check("2026-12-31T12:00:00Z", "2027-01-31");
    }

    #[test]
    fn the_last_day_is_in_time() {
        let deadline = Deadline::of("2026-11-26T10:00:00Z".parse().unwrap());
        let check = |now: &str, urgency| {
            assert_eq!(deadline.urgency(now.parse().unwrap()), urgency, "{now}");
        };
        check("2026-12-15T23:59:59Z", Urgency::InTime);
        check("2026-12-16T00:00:00Z", Urgency::Soon);
        check("2026-12-26T23:59:59Z", Urgency::Soon);
        check("2026-12-27T00:00:00Z", Urgency::Late);
    }
}
