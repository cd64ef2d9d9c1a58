//! How long something is kept: `7y`, `18m`, `2w`, `30d`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::problems::{Problems, quoted};
use super::read::Item;

/// A calendar period: a count and a unit. Text form: `7y`, `18m`, `2w`, `30d`.
///
/// ```
/// use privet_classify::{Period, PeriodUnit};
///
/// let period: Period = "18m".parse()?;
/// assert_eq!((period.count(), period.unit()), (18, PeriodUnit::Months));
/// # Ok::<(), privet_classify::PeriodError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    count: u16,
    unit: PeriodUnit,
}

/// The unit of a [`Period`].
///
/// ```
/// use privet_classify::{Period, PeriodUnit};
///
/// assert_eq!("7y".parse::<Period>()?.unit(), PeriodUnit::Years);
/// # Ok::<(), privet_classify::PeriodError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeriodUnit {
    /// `d`
    Days,
    /// `w`
    Weeks,
    /// `m`, calendar months
    Months,
    /// `y`, calendar years
    Years,
}

impl PeriodUnit {
    const ALL: [(char, Self, u16); 4] = [
        ('d', Self::Days, 36_500),
        ('w', Self::Weeks, 5_200),
        ('m', Self::Months, 1_200),
        ('y', Self::Years, 100),
    ];
}

/// A text that is no period.
///
/// ```
/// use privet_classify::{Period, PeriodError};
///
/// assert_eq!("seven years".parse::<Period>(), Err(PeriodError));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a period; {RIGHT}")]
pub struct PeriodError;

/// What would be right, for messages.
const RIGHT: &str =
    "write a number and a unit, as `7y`, `18m` (months), `2w` or `30d`, up to 100 years";

impl Period {
    /// A stand-in while a map with problems is read.
    pub(super) const ONE_DAY: Self = Self {
        count: 1,
        unit: PeriodUnit::Days,
    };

    /// How long telemetry is kept where the map does not say.
    pub(super) const THIRTEEN_MONTHS: Self = Self {
        count: 13,
        unit: PeriodUnit::Months,
    };

    /// How many units; at least 1.
    ///
    /// ```
    /// # use privet_classify::Period;
    /// assert_eq!("30d".parse::<Period>()?.count(), 30);
    /// # Ok::<(), privet_classify::PeriodError>(())
    /// ```
    #[must_use]
    pub fn count(self) -> u16 {
        self.count
    }

    /// The unit.
    ///
    /// ```
    /// # use privet_classify::{Period, PeriodUnit};
    /// assert_eq!("2w".parse::<Period>()?.unit(), PeriodUnit::Weeks);
    /// # Ok::<(), privet_classify::PeriodError>(())
    /// ```
    #[must_use]
    pub fn unit(self) -> PeriodUnit {
        self.unit
    }

    /// The day on which a period that starts on `start` is over. A month or year whose end has no
    /// such day ends on its last: one year from 29 February is 28 February. `None` past the year
    /// 9999.
    ///
    /// ```
    /// # use privet_classify::Period;
    /// use jiff::civil::date;
    ///
    /// let period: Period = "1y".parse()?;
    /// assert_eq!(period.after(date(2024, 2, 29)), Some(date(2025, 2, 28)));
    /// # Ok::<(), privet_classify::PeriodError>(())
    /// ```
    #[must_use]
    pub fn after(self, start: Date) -> Option<Date> {
        start.checked_add(self.span()).ok()
    }

    /// The day on which a period began that is over on `end`, as [`after`](Self::after) counts. `None` before the year -9999.
    ///
    /// ```
    /// # use privet_classify::Period;
    /// use jiff::civil::date;
    ///
    /// let period: Period = "1m".parse()?;
    /// assert_eq!(period.before(date(2026, 3, 31)), Some(date(2026, 2, 28)));
    /// # Ok::<(), privet_classify::PeriodError>(())
    /// ```
    #[must_use]
    pub fn before(self, end: Date) -> Option<Date> {
        end.checked_sub(self.span()).ok()
    }

    fn span(self) -> Span {
        let count = i64::from(self.count);
        match self.unit {
            PeriodUnit::Days => count.days(),
            PeriodUnit::Weeks => count.weeks(),
            PeriodUnit::Months => count.months(),
            PeriodUnit::Years => count.years(),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = PeriodUnit::ALL
            .iter()
            .find(|(_, unit, _)| *unit == self.unit);
        write!(
            f,
            "{}{}",
            self.count,
            unit.map_or('d', |(letter, ..)| *letter)
        )
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let (letter, unit, count_max) = PeriodUnit::ALL
            .iter()
            .find(|(letter, ..)| text.ends_with(*letter))
            .ok_or(PeriodError)?;
        let digits = text.strip_suffix(*letter).ok_or(PeriodError)?;
        // `parse` alone would take a sign.
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PeriodError);
        }
        match digits.parse() {
            Ok(count) if (1..=*count_max).contains(&count) => Ok(Self { count, unit: *unit }),
            _ => Err(PeriodError),
        }
    }
}

/// A period of the map.
pub(super) fn read(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<Period> {
    let text = item.string(problems)?;
    let period = text.parse().ok();
    if period.is_none() {
        let problem = format!("{} is not a period", quoted(text));
        problems.add(&item.key, problem, RIGHT);
    }
    period
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(period: &str, start: &str, want: &str) {
        let end = period
            .parse::<Period>()
            .unwrap()
            .after(start.parse().unwrap());
        assert_eq!(
            end.map(|date| date.to_string()).as_deref(),
            Some(want),
            "{period} from {start}"
        );
    }

    #[test]
    fn ends_on_the_calendar() {
        check("7y", "2021-01-01", "2028-01-01");
        check("1y", "2024-02-29", "2025-02-28");
        check("1m", "2026-01-31", "2026-02-28");
        check("2w", "2026-12-25", "2027-01-08");
        check("30d", "2026-11-20", "2026-12-20");
    }

    #[test]
    fn text_form_round_trips() {
        for text in ["1d", "30d", "36500d", "2w", "18m", "7y", "100y"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for bad in [
            "", "y", "0y", "101y", "+7y", "-7y", "7", "7 y", "7Y", "7h", "1.5y", "70000d", "७y",
        ] {
            assert_eq!(bad.parse::<Period>(), Err(PeriodError), "{bad:?}");
        }
    }

    #[test]
    fn does_not_run_past_the_calendar() {
        assert_eq!("100y".parse::<Period>().unwrap().after(Date::MAX), None);
    }
}
