//! Values as templates show them: what was typed in pieces, links, times, counts.

use jiff::{SignedDuration, Timestamp};

use crate::shown::{Piece, host_of, is_web_link, pieces};

/// What somebody typed.
pub(super) struct Typed {
    pub(super) pieces: Vec<Piece>,
}

impl Typed {
    pub(super) fn new(text: &str) -> Self {
        Self {
            pieces: pieces(text),
        }
    }

    /// The start of a text, for lists.
    pub(super) fn start(text: &str, chars_max: usize) -> Self {
        match text.char_indices().nth(chars_max) {
            None => Self::new(text),
            Some((end, _)) => Self::new(&format!("{}…", text.get(..end).unwrap_or_default())),
        }
    }
}

/// An address that somebody typed.
pub(super) struct Link {
    pub(super) text: Typed,
    /// Where it leads; `None` for what must not be followed.
    pub(super) address: Option<String>,
    /// The host it leads to, which the text might hide.
    pub(super) host: String,
    /// Whether it stands for the person's own consent, where the address of an evidence would be.
    pub(super) is_own_consent: bool,
}

impl Link {
    pub(super) fn new(text: &str) -> Self {
        let address = is_web_link(text).then(|| text.to_owned());
        Self {
            text: Typed::new(text),
            host: host_of(text).to_owned(),
            is_own_consent: text == privet_vault::ASK_THE_PERSON,
            address,
        }
    }

    /// Whether the text hides where the link leads, as `https://good@evil.example` does.
    pub(super) fn is_misleading(&self) -> bool {
        let text = self.address.as_deref().unwrap_or_default();
        let (_, rest) = text.split_once("://").unwrap_or_default();
        !rest.starts_with(&*self.host) || !text.is_ascii()
    }
}

/// A moment for people and for programs.
pub(super) struct Moment {
    pub(super) text: String,
    pub(super) exact: String,
}

impl From<Timestamp> for Moment {
    fn from(moment: Timestamp) -> Self {
        Self {
            text: moment.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            exact: moment.to_string(),
        }
    }
}

/// How long something took or waits, in one unit.
pub(super) fn span(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    counted(u64::try_from(count).unwrap_or_default(), unit)
}

/// A number with its noun: `1 value`, `12,345 values`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

/// A number with its thousands apart.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_read_well() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(999), "999");
        assert_eq!(counted(1, "value"), "1 value");
        let check = |seconds| span(SignedDuration::from_secs(seconds));
        assert_eq!(check(59), "59 seconds");
        assert_eq!(check(7_200), "2 hours");
        assert_eq!(check(86_400 * 3), "3 days");
        assert_eq!(check(-5), "0 seconds");
    }

    #[test]
    fn a_link_that_hides_its_host_says_so() {
        assert!(!Link::new("https://tickets.example.com/1").is_misleading());
        assert!(Link::new("https://tickets.example.com@evil.example/").is_misleading());
        assert!(
            Link::new("https://tіckets.example/").is_misleading(),
            "a Cyrillic letter"
        );
        assert!(Link::new("javascript:alert(1)").address.is_none());
    }
}
