//! The texts of an archive, in the languages there are.

mod english;
mod german;

use std::str::FromStr;

use privet_classify::{Basis, Class};

/// The language of an archive's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

impl Language {
    /// The tag of BCP 47.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    pub(crate) fn words(self) -> &'static Words {
        match self {
            Self::English => &english::WORDS,
            Self::German => &german::WORDS,
        }
    }
}

/// By tag, as `de` or `de-AT`.
impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(tag: &str) -> Result<Self, UnknownLanguage> {
        let language = tag.split(['-', '_']).next().unwrap_or_default();
        [Self::English, Self::German]
            .into_iter()
            .find(|known| known.tag().eq_ignore_ascii_case(language))
            .ok_or(UnknownLanguage)
    }
}

/// There are no texts in this language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such language: take `en` or `de`")]
pub struct UnknownLanguage;

/// Every text of one language. What stands in braces is filled in.
pub(crate) struct Words {
    pub(crate) title: &'static str,
    lead: &'static str,
    pub(crate) keep_safe: &'static str,
    pub(crate) contents: &'static str,
    pub(crate) skip: &'static str,
    pub(crate) nothing_at_all: &'static str,
    pub(crate) nothing: &'static str,
    pub(crate) one_entry: &'static str,
    entries: &'static str,
    pub(crate) thousands: char,
    pub(crate) why: &'static str,
    pub(crate) data: &'static str,
    pub(crate) nature: &'static str,
    pub(crate) purpose: &'static str,
    pub(crate) until: &'static str,
    pub(crate) unknown: &'static str,
    first_rows: &'static str,
    pub(crate) read_all: &'static str,
    left_out: &'static str,
    page: &'static str,
    pub(crate) previous: &'static str,
    pub(crate) next: &'static str,
    pub(crate) overview: &'static str,
    pub(crate) files: &'static str,
    pub(crate) csv: &'static str,
    pub(crate) json_lines: &'static str,
    pub(crate) schema: &'static str,
    pub(crate) receipts: &'static str,
    pub(crate) receipts_what: &'static str,
    pub(crate) rights: &'static str,
    pub(crate) rights_what: &'static [&'static str],
    pub(crate) ask: &'static str,
    ask_what: &'static str,
    pub(crate) about_files: &'static str,
    pub(crate) about_files_what: &'static [(&'static str, &'static str)],
    pub(crate) none: &'static str,
    pub(crate) yes: &'static str,
    pub(crate) no: &'static str,
    bytes: &'static str,
    more: &'static str,
    class: fn(Class) -> &'static str,
    basis: fn(Basis) -> &'static str,
}

impl Words {
    pub(crate) fn lead(&self, company: &str, date: &str, request: &str) -> String {
        fill(
            self.lead,
            &[("company", company), ("date", date), ("request", request)],
        )
    }

    pub(crate) fn ask(&self, company: &str, contact: &str, request: &str) -> String {
        let parts = [
            ("company", company),
            ("contact", contact),
            ("request", request),
        ];
        fill(self.ask_what, &parts)
    }

    pub(crate) fn entries(&self, count: u64) -> String {
        match count {
            1 => self.one_entry.to_owned(),
            _ => fill(self.entries, &[("count", &self.number(count))]),
        }
    }

    pub(crate) fn first_rows(&self, shown: u64, rows: u64) -> String {
        let parts = [
            ("shown", &*self.number(shown)),
            ("rows", &self.number(rows)),
        ];
        fill(self.first_rows, &parts)
    }

    pub(crate) fn left_out(&self, shown: u64, rows: u64) -> String {
        let parts = [
            ("shown", &*self.number(shown)),
            ("rows", &self.number(rows)),
        ];
        fill(self.left_out, &parts)
    }

    pub(crate) fn page(&self, page: usize, pages: usize) -> String {
        let parts = [("page", &*page.to_string()), ("pages", &pages.to_string())];
        fill(self.page, &parts)
    }

    pub(crate) fn bytes(&self, count: usize) -> String {
        fill(self.bytes, &[("count", &self.number(count as u64))])
    }

    pub(crate) fn more(&self, count: usize) -> String {
        fill(self.more, &[("count", &self.number(count as u64))])
    }

    pub(crate) fn class(&self, class: Class) -> &'static str {
        (self.class)(class)
    }

    pub(crate) fn basis(&self, basis: Basis) -> &'static str {
        (self.basis)(basis)
    }

    /// A number with its thousands apart.
    fn number(&self, number: u64) -> String {
        let digits = number.to_string();
        let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                grouped.push(self.thousands);
            }
            grouped.push(digit);
        }
        grouped
    }
}

/// Puts each part where its name stands in braces; what parts hold is not looked at again.
fn fill(text: &str, parts: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let part = parts.iter().find(|(known, _)| *known == name);
        filled.push_str(part.map_or("", |(_, part)| part));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_parts() {
        let words = Language::English.words();
        assert_eq!(words.entries(1), "1 entry");
        assert_eq!(words.entries(0), "0 entries");
        assert_eq!(words.entries(1_234_567), "1,234,567 entries");
        assert_eq!(Language::German.words().entries(1_000), "1.000 Einträge");
        // A company may be called whatever it likes.
        assert!(words.lead("{date}", "today", "{x}").contains("{date}"));
        assert_eq!("de-AT".parse(), Ok(Language::German));
        assert_eq!("EN".parse(), Ok(Language::English));
        assert_eq!("fr".parse::<Language>(), Err(UnknownLanguage));
    }
}
