//! Invented people: who they are, what they write, what they buy. For demos, tests and environments
//! that must not hold anybody real.
//!
//! Everything is a function of a seed and an index, the same on every machine. The lists are part
//! of that function: whoever changes one changes everybody. Nothing here is random enough for a key
//! or a token.
//!
//! ```
//! use privet_classify::synthetic::Person;
//!
//! let person = Person::new(7, 0);
//! assert_eq!(person, Person::new(7, 0));
//! assert!(person.email.contains("@example."));
//! ```
//!
//! [`Records`] are whole records for the vault, [`Tables`] the rows of an application's database,
//! both as a data map says.

mod dealt;
mod label;
mod names;
mod part;
mod places;
mod records;
mod rng;
mod tables;
mod words;

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use unicode_normalization::UnicodeNormalization;

use crate::value_type::{ValueType, fold};
pub use records::Records;
use rng::Rng;
pub use tables::{Fill, LeftOut, Table, Tables, Value, Why};

/// An invented person; the parts fit together.
///
/// ```
/// use privet_classify::{ValueType, synthetic::Person};
///
/// let person = Person::new(7, 3);
/// assert_eq!(person.email, ValueType::Email.synthesize(7, 3));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Person {
    /// From the list of first names.
    pub first_name: String,
    /// From the list of last names.
    pub last_name: String,
    /// Made of name and index, so that no two people of a seed share one; under `example.com`,
    /// `example.net` or `example.org` (RFC 2606).
    pub email: String,
    /// `+1 AAA 555 01NN`, the range kept for fiction; people share numbers.
    pub phone: String,
    /// Where they live: nowhere.
    pub address: Address,
    /// From 1940 to 2005, as `1990-12-31`.
    pub birthday: String,
    /// What somebody at support wrote about them: one or two sentences.
    pub note: String,
}

/// An invented address. Displayed on one line: `12 Juniper Lane, 00412 Larkmere`.
///
/// ```
/// use privet_classify::{ValueType, synthetic::Person};
///
/// let address = Person::new(7, 3).address;
/// assert!(address.to_string().contains(&address.city));
/// assert!(ValueType::Address.is_reserved_example(&address.to_string()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Address {
    /// House number and street: `12 Juniper Lane`.
    pub street: String,
    /// An invented city: `Larkmere`.
    pub city: String,
    /// Five digits, the first two zero: `00412`.
    pub postal_code: String,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} {}", self.street, self.postal_code, self.city)
    }
}

/// The first day on which an invented person can be born, and how many days follow.
const BIRTHDAY_FIRST: Date = date(1940, 1, 1);
const BIRTHDAY_DAYS: u64 = 66 * 365;

impl Person {
    /// The person of that index.
    ///
    /// ```
    /// # use privet_classify::synthetic::Person;
    /// assert_eq!(Person::new(7, 0), Person::new(7, 0));
    /// assert_ne!(Person::new(7, 0).email, Person::new(7, 1).email);
    /// ```
    #[must_use]
    pub fn new(seed: u64, index: u64) -> Self {
        let mut rng = Rng::new(seed, index, "person");
        let first_name = rng.pick(names::FIRST);
        let last_name = rng.pick(names::LAST);
        let domain = rng.pick(&["example.com", "example.net", "example.org"]);
        let (area, line) = (rng.pick(places::AREA_CODES), rng.below(100));
        let days = i64::try_from(rng.below(BIRTHDAY_DAYS)).unwrap_or(0);
        let birthday = BIRTHDAY_FIRST.saturating_add(days.days());
        Self {
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            email: format!(
                "{}.{}.{index}@{domain}",
                ascii(first_name),
                ascii(last_name)
            ),
            phone: format!("+1 {area} 555 01{line:02}"),
            address: Address::new(&mut rng),
            birthday: birthday.to_string(),
            note: note(&mut rng),
        }
    }

    /// First and last name.
    ///
    /// ```
    /// # use privet_classify::synthetic::Person;
    /// let person = Person::new(7, 0);
    /// assert!(person.full_name().ends_with(&person.last_name));
    /// ```
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }
}

impl Address {
    fn new(rng: &mut Rng) -> Self {
        let number = 1 + rng.below(199);
        let street = format!(
            "{number} {} {}",
            rng.pick(places::STREETS),
            rng.pick(places::STREET_KINDS)
        );
        let postal_code = format!("00{:03}", 100 + rng.below(900));
        Self {
            street,
            city: rng.pick(places::CITIES).to_owned(),
            postal_code,
        }
    }
}

/// What a customer writes to support: a greeting, two sentences, thanks. Names nobody; a listed
/// name may be put below it.
///
/// ```
/// # use privet_classify::{ValueType, synthetic::support_message};
/// let message = support_message(7, 0);
/// assert_eq!(message, support_message(7, 0));
/// assert!(ValueType::Text.is_reserved_example(&message));
/// ```
#[must_use]
pub fn support_message(seed: u64, index: u64) -> String {
    let mut rng = Rng::new(seed, index, "support message");
    words::MESSAGE.map(|list| rng.pick(list)).join(" ")
}

/// The name of something to buy: `Quiet Cedar Lamp`.
///
/// ```
/// # use privet_classify::synthetic::product_name;
/// assert_eq!(product_name(7, 0).split(' ').count(), 3);
/// ```
#[must_use]
pub fn product_name(seed: u64, index: u64) -> String {
    let mut rng = Rng::new(seed, index, "product");
    [words::LOOKS, words::MATERIALS, words::THINGS]
        .map(|list| rng.pick(list))
        .join(" ")
}

/// Whether `name` consists of one to four words, each a first or last name of the generator's
/// lists, whatever their case. Someone real may bear such a name; nobody can be told by it.
///
/// ```
/// # use privet_classify::synthetic::{Person, is_listed_name};
/// assert!(is_listed_name(&Person::new(7, 0).full_name()));
/// assert!(!is_listed_name("Ada Lovelace-King"));
/// ```
#[must_use]
pub fn is_listed_name(name: &str) -> bool {
    static LISTED: LazyLock<HashSet<String>> = LazyLock::new(|| {
        names::FIRST
            .iter()
            .chain(names::LAST)
            .map(|name| fold(name))
            .collect()
    });
    let folded = fold(name);
    let words: Vec<_> = folded.split(' ').collect();
    words.len() <= 4 && words.iter().all(|word| LISTED.contains(*word))
}

/// A value of the type for [`ValueType::synthesize`].
pub(crate) fn value(value_type: ValueType, seed: u64, index: u64) -> String {
    let person = || Person::new(seed, index);
    let mut rng = Rng::new(seed, index, value_type.as_str());
    match value_type {
        ValueType::Email => person().email,
        ValueType::Phone => person().phone,
        ValueType::Name => person().full_name(),
        ValueType::Address => person().address.to_string(),
        ValueType::Date => person().birthday,
        ValueType::Text => person().note,
        ValueType::PostalCode => person().address.postal_code,
        ValueType::CountryCode => rng.pick(places::COUNTRIES).to_owned(),
        ValueType::Integer => (1 + rng.below(9_999)).to_string(),
        ValueType::Url => {
            let person = person();
            let path = format!(
                "{}-{}-{index}",
                ascii(&person.first_name),
                ascii(&person.last_name)
            );
            format!("https://www.example.org/{path}")
        }
        ValueType::Ip => ip(&mut rng),
    }
}

/// An address that RFC 5737 keeps for documentation.
fn ip(rng: &mut Rng) -> String {
    let network = rng.pick(places::NETWORKS);
    format!("{network}.{}", 1 + rng.below(254))
}

/// Whether `text` consists of sentences of the generator, at most with a listed name at the end.
pub(crate) fn is_listed_text(text: &str) -> bool {
    static LISTED: LazyLock<Vec<String>> = LazyLock::new(|| words::sentences().map(fold).collect());
    let folded = fold(text);
    let mut rest = folded.as_str();
    while let Some(after) = LISTED
        .iter()
        .find_map(|sentence| rest.strip_prefix(sentence.as_str()))
    {
        rest = after.trim_start();
    }
    rest.len() < folded.len() && (rest.is_empty() || is_listed_name(rest))
}

/// Whether a folded text is the name of an invented city.
pub(crate) fn is_listed_city(folded: &str) -> bool {
    places::CITIES
        .iter()
        .any(|city| city.eq_ignore_ascii_case(folded))
}

/// Whether a folded text is the name of an invented street.
pub(crate) fn is_listed_street(folded: &str) -> bool {
    folded.split_once(' ').is_some_and(|(name, kind)| {
        places::STREETS
            .iter()
            .any(|listed| listed.eq_ignore_ascii_case(name))
            && places::STREET_KINDS
                .iter()
                .any(|listed| listed.eq_ignore_ascii_case(kind))
    })
}

fn note(rng: &mut Rng) -> String {
    let first = rng.pick(words::NOTES);
    let second = rng.pick(words::NOTES);
    two_sentences(first, second)
}

/// Two sentences, or one if they are the same.
fn two_sentences(first: &str, second: &str) -> String {
    if first == second {
        first.to_owned()
    } else {
        format!("{first} {second}")
    }
}

/// A name in the letters of a mail address: `Ramón O'Neill` as `ramononeill`.
fn ascii(name: &str) -> String {
    name.nfd()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_single_words_that_mail_addresses_can_hold() {
        for list in [names::FIRST, names::LAST] {
            assert!(list.len() >= 150);
            let folded: HashSet<_> = list.iter().map(|name| fold(name)).collect();
            assert_eq!(folded.len(), list.len(), "each once");
            for name in list {
                let letters = name.chars().filter(|c| c.is_alphabetic()).count();
                assert!(!name.contains(char::is_whitespace), "{name}");
                assert_eq!(
                    ascii(name).len(),
                    letters,
                    "{name} has only letters with an ASCII base"
                );
            }
        }
    }

    #[test]
    fn a_text_can_be_taken_apart_again() {
        let sentences: Vec<_> = words::sentences().map(fold).collect();
        for (index, sentence) in sentences.iter().enumerate() {
            let clash = |(other, text): (usize, &String)| {
                other != index && text.starts_with(sentence.as_str())
            };
            assert!(!sentences.iter().enumerate().any(clash), "{sentence:?}");
        }
    }
}
