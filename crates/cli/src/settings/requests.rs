//! `[requests]`: when what people ask for is carried out, for how long it can be taken back, and where files lie. Within bounds:
//! the law counts a month.

use std::ops::RangeInclusive;

use anyhow::{Context as _, Result, bail};
use jiff::SignedDuration;
use jiff::civil::Time;
use privet_vault::subject_request::{Language, RequestRules};
use serde::Deserialize;

use super::Bucket;

/// A person who changes their mind does so within days, and an answer is due within a month.
const COOLING_DAYS: RangeInclusive<u32> = 0..=21;
/// Long enough for a holiday.
const FILE_DAYS: RangeInclusive<u32> = 1..=90;

/// Where files lie unless it is stated.
const STORE: &str = "requests";

/// What is set; what is not is as [`RequestRules`] has it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Requests {
    /// For how many days an erasure can be taken back.
    cooling_days: Option<u32>,
    /// When access requests are collected each day, UTC.
    batch_at: Option<Time>,
    /// How long a file is kept.
    file_days: Option<u32>,
    /// Where files lie: a folder, or the address of a bucket.
    store: Option<String>,
    /// How the bucket's service is reached.
    pub(crate) bucket: Option<Bucket>,
    /// The language of the copies' texts.
    language: Option<String>,
}

impl Requests {
    /// Whether all that is set is within its bounds.
    ///
    /// # Errors
    /// The first that is not, with its bounds.
    pub(crate) fn check(&self) -> Result<()> {
        for (name, set, bounds) in [
            ("cooling_days", self.cooling_days, COOLING_DAYS),
            ("file_days", self.file_days, FILE_DAYS),
        ] {
            let Some(set) = set.filter(|set| !bounds.contains(set)) else {
                continue;
            };
            let (least, most) = (bounds.start(), bounds.end());
            bail!("`{name}` in [requests] is `{set}`: it can be {least} to {most}");
        }
        self.language().map(drop)
    }

    /// Where files lie: a folder of the server's, unless it is stated.
    pub(crate) fn store(&self) -> &str {
        self.store.as_deref().unwrap_or(STORE)
    }

    /// The language of the copies' texts.
    ///
    /// # Errors
    /// When there are none in it.
    pub(crate) fn language(&self) -> Result<Language> {
        let Some(tag) = &self.language else {
            return Ok(Language::English);
        };
        let unknown = || format!("`language` in [requests] is `{tag}`");
        tag.parse().with_context(unknown)
    }

    /// The rules of requests.
    pub(crate) fn rules(&self) -> RequestRules {
        let days = |days: u32| SignedDuration::from_hours(24 * i64::from(days));
        let default = RequestRules::default();
        RequestRules {
            batch_at: self.batch_at.unwrap_or(default.batch_at),
            cooling: self.cooling_days.map_or(default.cooling, days),
            file_life: self.file_days.map_or(default.file_life, days),
            ..default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> String {
        let requests: Requests = match toml::from_str(text) {
            Ok(requests) => requests,
            Err(error) => return error.message().to_owned(),
        };
        match requests.check() {
            Ok(()) => {
                let rules = requests.rules();
                let hours = [rules.cooling, rules.file_life].map(|days| days.as_hours());
                format!("{hours:?} {}", rules.batch_at)
            }
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn what_is_set_is_within_bounds() {
        assert_eq!(check(""), "[168, 720] 02:00:00");
        assert_eq!(
            check("cooling_days = 14\nfile_days = 7\nbatch_at = \"23:30\""),
            "[336, 168] 23:30:00"
        );
        assert_eq!(
            check("cooling_days = 22"),
            "`cooling_days` in [requests] is `22`: it can be 0 to 21"
        );
        assert_eq!(
            check("file_days = 0"),
            "`file_days` in [requests] is `0`: it can be 1 to 90"
        );
        assert_eq!(
            check("language = \"fr\""),
            "`language` in [requests] is `fr`: no such language: take `en` or `de`"
        );
        assert!(check("cooling = 3").contains("unknown field"));
    }
}
