//! A small chart: a bar for each day or week, what was decrypted at its foot. It is SVG without scripts and styles of its
//! own; the numbers stand beside it as a table.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use privet_vault::Counts;

use super::text::{counted, grouped};

/// Width of a bar with its gap, and of the bar.
const PITCH: u64 = 16;
const BAR: u64 = 12;
/// Height of the largest bar.
const HEIGHT: u64 = 48;

/// A chart of one source.
pub(super) struct Chart {
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) bars: Vec<Bar>,
    /// What it shows, in a sentence.
    pub(super) said: String,
    /// What a bar stands for: `day` or `week`.
    pub(super) unit: &'static str,
}

/// One step of the period.
pub(super) struct Bar {
    pub(super) x: u64,
    pub(super) width: u64,
    /// Of all sessions, and of those in which something was decrypted.
    pub(super) y: u64,
    pub(super) height: u64,
    pub(super) hot_y: u64,
    pub(super) hot_height: u64,
    pub(super) day: String,
    pub(super) sessions: String,
    pub(super) decrypted: String,
}

impl Chart {
    /// `scale` is the largest number of all charts of the page, so that they can be compared.
    pub(super) fn new(steps: &[Counts], from: Timestamp, step: SignedDuration, scale: u64) -> Self {
        let bars: Vec<Bar> = (0..)
            .zip(steps)
            .map(|(place, counts)| bar(place, counts, from + step * place, scale))
            .collect();
        let sum = |count: fn(&Counts) -> u64| steps.iter().map(count).sum::<u64>();
        let is_by_day = step.as_hours() <= 24;
        let unit = if is_by_day { "day" } else { "week" };
        let most = steps
            .iter()
            .map(|counts| counts.sessions)
            .max()
            .unwrap_or(0);
        Self {
            width: PITCH * steps.len() as u64,
            height: HEIGHT,
            bars,
            said: format!(
                "{}, {} of them decrypted; at most {} in one {unit}",
                counted(sum(|counts| counts.sessions), "session"),
                grouped(sum(|counts| counts.decrypted)),
                grouped(most)
            ),
            unit,
        }
    }
}

fn bar(place: i32, counts: &Counts, start: Timestamp, scale: u64) -> Bar {
    // Whatever there is can be seen.
    let tall = |count: u64| match count {
        0 => 0,
        count => (count * HEIGHT / scale.max(1)).max(2),
    };
    let (height, hot_height) = (tall(counts.sessions), tall(counts.decrypted));
    Bar {
        x: PITCH * u64::try_from(place).unwrap_or_default(),
        width: BAR,
        y: HEIGHT - height.min(HEIGHT),
        height,
        hot_y: HEIGHT - hot_height.min(HEIGHT),
        hot_height,
        day: start.to_zoned(TimeZone::UTC).date().to_string(),
        sessions: grouped(counts.sessions),
        decrypted: grouped(counts.decrypted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_on_their_foot_and_none_is_lost() {
        let counts = |sessions, decrypted| Counts {
            sessions,
            decrypted,
            ..Counts::default()
        };
        let steps = [counts(0, 0), counts(1, 0), counts(1_000, 10)];
        let day = SignedDuration::from_hours(24);
        let chart = Chart::new(&steps, Timestamp::UNIX_EPOCH, day, 1_000);
        let heights: Vec<_> = chart
            .bars
            .iter()
            .map(|bar| (bar.height, bar.hot_height))
            .collect();
        assert_eq!(heights, [(0, 0), (2, 0), (48, 2)]);
        assert!(chart.bars.iter().all(|bar| bar.y + bar.height == HEIGHT));
        assert_eq!(chart.bars[1].day, "1970-01-02");
        assert_eq!(
            chart.said,
            "1,001 sessions, 10 of them decrypted; at most 1,000 in one day"
        );
    }
}
