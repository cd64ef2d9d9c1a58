//! `[grants]`: how long, for how many people, and how long somebody is waited for. Within bounds: a grant for a day, or for a
//! table, is none.

use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::{Result, bail};
use privet_vault::{SUBJECTS_MAX, SessionLimits};
use serde::Deserialize;

/// A session lasts eight hours: nothing of it can be longer.
const MINUTES: RangeInclusive<u32> = 1..=480;
/// An emergency is over, or somebody can be asked.
const EMERGENCY_MINUTES: RangeInclusive<u32> = 1..=60;
const SUBJECTS: RangeInclusive<u32> = 1..=SUBJECTS_MAX;

/// What is set; what is not is as [`SessionLimits`] has it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Grants {
    /// How long a grant lasts unless said otherwise.
    minutes: Option<u32>,
    /// The longest grant.
    minutes_max: Option<u32>,
    /// How many people one grant is for at most.
    subjects_max: Option<u32>,
    /// How long a request waits for a second person, and an approval for being used.
    approval_minutes: Option<u32>,
    /// How long a grant lasts that was taken in an emergency, unless said otherwise.
    emergency_minutes: Option<u32>,
    /// The longest of these.
    emergency_minutes_max: Option<u32>,
}

impl Grants {
    /// Whether all that is set is within its bounds.
    ///
    /// # Errors
    /// The first that is not, with its bounds.
    pub(crate) fn check(&self) -> Result<()> {
        let limits = self.limits();
        let (longest, emergency) = (minutes(limits.grant_max), minutes(limits.emergency_max));
        for (name, set, bounds) in [
            ("minutes_max", self.minutes_max, MINUTES),
            ("minutes", self.minutes, 1..=longest),
            ("subjects_max", self.subjects_max, SUBJECTS),
            ("approval_minutes", self.approval_minutes, MINUTES),
            (
                "emergency_minutes_max",
                self.emergency_minutes_max,
                EMERGENCY_MINUTES,
            ),
            ("emergency_minutes", self.emergency_minutes, 1..=emergency),
        ] {
            let Some(set) = set.filter(|set| !bounds.contains(set)) else {
                continue;
            };
            let (least, most) = (bounds.start(), bounds.end());
            bail!("`{name}` in [grants] is `{set}`: it can be {least} to {most}");
        }
        Ok(())
    }

    /// The limits of sessions. A default is never longer than the longest that is set.
    pub(crate) fn limits(&self) -> SessionLimits {
        let of = |minutes: u32| Duration::from_secs(60 * u64::from(minutes));
        let default = SessionLimits::default();
        let grant_max = self.minutes_max.map_or(default.grant_max, of);
        let emergency_max = self.emergency_minutes_max.map_or(default.emergency_max, of);
        SessionLimits {
            grant: self.minutes.map_or(default.grant.min(grant_max), of),
            grant_max,
            emergency: self
                .emergency_minutes
                .map_or(default.emergency.min(emergency_max), of),
            emergency_max,
            subjects_max: self.subjects_max.unwrap_or(default.subjects_max),
            request: self.approval_minutes.map_or(default.request, of),
            ..default
        }
    }
}

fn minutes(length: Duration) -> u32 {
    u32::try_from(length.as_secs() / 60).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minutes of a grant, the longest, subjects, minutes of a request, of an emergency, the longest; or what is wrong.
    fn check(text: &str) -> String {
        let grants: Grants = match toml::from_str(text) {
            Ok(grants) => grants,
            Err(error) => return error.message().to_owned(),
        };
        if let Err(error) = grants.check() {
            return error.to_string();
        }
        let limits = grants.limits();
        let SessionLimits {
            grant,
            grant_max,
            emergency,
            emergency_max,
            ..
        } = limits;
        let [grant, grant_max, emergency, emergency_max, request] =
            [grant, grant_max, emergency, emergency_max, limits.request].map(minutes);
        let subjects = limits.subjects_max;
        format!("{grant}/{grant_max} {subjects} {request} {emergency}/{emergency_max}")
    }

    #[test]
    fn what_is_set_holds_and_the_rest_fits_it() {
        assert_eq!(check(""), "15/60 20 60 5/15");
        assert_eq!(check("minutes_max = 5"), "5/5 20 60 5/15");
        assert_eq!(check("minutes = 60"), "60/60 20 60 5/15");
        assert_eq!(
            check("minutes_max = 480\nminutes = 120"),
            "120/480 20 60 5/15"
        );
        assert_eq!(
            check("subjects_max = 1\napproval_minutes = 240"),
            "15/60 1 240 5/15"
        );
        assert_eq!(check("emergency_minutes_max = 2"), "15/60 20 60 2/2");
        assert_eq!(
            check("emergency_minutes_max = 60\nemergency_minutes = 30"),
            "15/60 20 60 30/60"
        );
    }

    #[test]
    fn what_is_out_of_bounds_is_named_with_its_bounds() {
        for (text, said) in [
            (
                "minutes_max = 0",
                "`minutes_max` in [grants] is `0`: it can be 1 to 480",
            ),
            (
                "minutes_max = 481",
                "`minutes_max` in [grants] is `481`: it can be 1 to 480",
            ),
            (
                "minutes = 61",
                "`minutes` in [grants] is `61`: it can be 1 to 60",
            ),
            (
                "minutes_max = 10\nminutes = 11",
                "`minutes` in [grants] is `11`: it can be 1 to 10",
            ),
            (
                "minutes = 0",
                "`minutes` in [grants] is `0`: it can be 1 to 60",
            ),
            (
                "subjects_max = 101",
                "`subjects_max` in [grants] is `101`: it can be 1 to 100",
            ),
            (
                "approval_minutes = 481",
                "`approval_minutes` in [grants] is `481`: it can be 1 to 480",
            ),
            (
                "emergency_minutes_max = 61",
                "`emergency_minutes_max` in [grants] is `61`: it can be 1 to 60",
            ),
            (
                "emergency_minutes = 16",
                "`emergency_minutes` in [grants] is `16`: it can be 1 to 15",
            ),
        ] {
            assert_eq!(check(text), said);
        }
        assert!(check("minute = 5").contains("unknown field"));
        assert!(check("minutes = -1").contains("invalid value"));
        assert!(check("minutes = \"5\"").contains("invalid type"));
    }
}
