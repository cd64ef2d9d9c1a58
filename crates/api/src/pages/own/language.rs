//! Which of the languages that there are a person reads best, as their browser says it (RFC 9110, section 12.5.4).

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

/// Languages of one browser that are looked at; the header may be as long as its sender likes.
const RANGES_MAX: usize = 20;
/// What whoever reads none of the languages that there are is shown, if it is one of them.
const USUAL: &str = "en";

/// The languages that somebody reads, best first.
#[derive(Debug)]
pub(super) struct Reads(Vec<String>);

impl Reads {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT_LANGUAGE).iter();
        let values = values.filter_map(|value| value.to_str().ok());
        let ranges = values.flat_map(|value| value.split(','));
        let mut ranges: Vec<_> = ranges.take(RANGES_MAX).filter_map(weighed).collect();
        // Of those that weigh the same the first is meant; sorting keeps it first.
        ranges.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        Self(ranges.into_iter().map(|(_, range)| range).collect())
    }

    /// The best of these; `None`: there are none.
    pub(super) fn best<'l>(&self, there: &[&'l str]) -> Option<&'l str> {
        let ranges = self.0.iter().map(String::as_str).chain([USUAL]);
        let mut found = ranges.filter_map(|range| found(range, there));
        found.next().or_else(|| there.first().copied())
    }
}

/// A range and its weight, above nothing and up to one.
fn weighed(text: &str) -> Option<(f32, String)> {
    let (range, weight) = match text.split_once(';') {
        None => (text, 1.0),
        Some((range, weight)) => {
            let weight = weight.trim();
            let weight = weight.strip_prefix("q=").or(weight.strip_prefix("Q="))?;
            (range, weight.parse().ok()?)
        }
    };
    let range = range.trim();
    let is_one = !range.is_empty() && range != "*" && weight > 0.0 && weight <= 1.0;
    is_one.then(|| (weight, range.to_owned()))
}

/// Shorter and shorter until it is there (RFC 4647, section 3.4); in the end any of the same language, since whoever reads `de` reads
/// `de-CH`.
fn found<'l>(mut range: &str, there: &[&'l str]) -> Option<&'l str> {
    loop {
        let mut exactly = there.iter().filter(|tag| tag.eq_ignore_ascii_case(range));
        if let Some(found) = exactly.next() {
            return Some(found);
        }
        match range.rsplit_once('-') {
            Some((shorter, _)) => range = shorter,
            None => break,
        }
    }
    let language = |tag: &str| {
        let first = tag.split('-').next();
        first.is_some_and(|first| first.eq_ignore_ascii_case(range))
    };
    there.iter().find(|tag| language(tag)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_what_the_browser_says_first() {
        let best = |said: &str, there: &[&'static str]| {
            let header = (ACCEPT_LANGUAGE, said.parse().unwrap());
            Reads::of(&[header].into_iter().collect()).best(there)
        };
        let two = ["de", "en"];
        for (said, expected) in [
            ("de", "de"),
            ("de-AT,de;q=0.9,en;q=0.8", "de"),
            ("en-US,en;q=0.9,de;q=0.8", "en"),
            ("fr, en;q=0.5, de;q=0.7", "de"),
            ("DE", "de"),
            ("fr", "en"),
            ("*", "en"),
            ("", "en"),
            ("de;q=0, fr", "en"),
            ("de;q=2", "en"),
            ("de;q=NaN", "en"),
            ("de;q=x", "en"),
            ("de;level=1", "en"),
            (";;,,;q=1", "en"),
        ] {
            assert_eq!(best(said, &two), Some(expected), "{said}");
        }
        assert_eq!(best("de", &["de-CH", "en"]), Some("de-CH"));
        assert_eq!(best("de-AT", &["de-CH", "en"]), Some("de-CH"));
        assert_eq!(best("zh-Hant-TW", &["zh", "zh-Hant"]), Some("zh-Hant"));
        assert_eq!(best("fr", &["de", "it"]), Some("de"));
        assert_eq!(best("fr", &[]), None);
        let long = "fr,".repeat(RANGES_MAX) + "de";
        assert_eq!(best(&long, &two), Some("en"));
    }

    /// Several headers are one list.
    #[test]
    fn a_browser_that_says_nothing_is_shown_the_usual_one() {
        assert_eq!(Reads::of(&HeaderMap::new()).best(&["de", "en"]), Some("en"));
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT_LANGUAGE, "fr;q=0.3".parse().unwrap());
        headers.append(ACCEPT_LANGUAGE, "de;q=0.2".parse().unwrap());
        assert_eq!(Reads::of(&headers).best(&["de", "en"]), Some("de"));
    }
}
