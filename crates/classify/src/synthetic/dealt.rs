//! How many different values there are of what a person has, and each of them by its number. Values
//! that must be unique are dealt out by it, others are drawn.

use jiff::ToSpan;
use jiff::civil::{Date, date};

use super::part::Part;
use super::{Address, BIRTHDAY_DAYS, BIRTHDAY_FIRST, names, places, words};

/// Days on which something happens in an invented life as a customer: 2022 to 2025.
const DAY_FIRST: Date = date(2022, 1, 1);
const DAYS: u64 = 1_461;

/// House numbers, line numbers after `555-01`, postal codes after `00`.
const HOUSES: u64 = 199;
const LINES: u64 = 100;
const POSTAL_CODES: u64 = 900;
const INTEGERS: u64 = 10_000;

const HOSTS: u64 = 254;

/// A number that no count of ours shares a divisor with, so that steps of it reach every value
/// before one returns.
const STEP: u64 = 7_919;

/// Which of `count` values is the next: the `turn`-th of a way through all of them that starts at
/// `start`. Different for the first `count` turns.
pub(super) fn deal(count: u64, start: u64, turn: u64) -> u64 {
    let way = u128::from(turn) * u128::from(STEP) + u128::from(start);
    let place = way.checked_rem(u128::from(count)).unwrap_or(0);
    u64::try_from(place).unwrap_or(0)
}

impl Part {
    /// How many different values there are; `None` if there is one for every index.
    pub(super) fn different(self) -> Option<u64> {
        let (first, last) = (size(names::FIRST), size(names::LAST));
        Some(match self {
            Self::Email | Self::Url => return None,
            Self::FullName => first * last,
            Self::FirstName => first,
            Self::LastName => last,
            Self::Phone => size(places::AREA_CODES) * LINES,
            Self::Address => Address::DIFFERENT,
            Self::Street => HOUSES * size(places::STREETS) * size(places::STREET_KINDS),
            Self::City => size(places::CITIES),
            Self::PostalCode => POSTAL_CODES,
            Self::Country => size(places::COUNTRIES),
            Self::Birthday => BIRTHDAY_DAYS,
            Self::Day => DAYS,
            Self::Note => size(words::NOTES) * size(words::NOTES),
            Self::Message => words::MESSAGE.iter().map(|list| size(list)).product(),
            Self::Integer => INTEGERS,
            Self::Ip => size(places::NETWORKS) * HOSTS,
        })
    }

    /// The value of that number, below [`Self::different`].
    pub(super) fn nth(self, number: u64) -> String {
        let mut rest = Rest(number);
        match self {
            Self::FullName => {
                let first = rest.pick(names::FIRST);
                format!("{first} {}", rest.pick(names::LAST))
            }
            Self::FirstName => rest.pick(names::FIRST).to_owned(),
            Self::LastName => rest.pick(names::LAST).to_owned(),
            Self::Phone => {
                let line = rest.below(LINES);
                format!("+1 {} 555 01{line:02}", rest.pick(places::AREA_CODES))
            }
            Self::Address => Address::nth(number).to_string(),
            Self::Street => street(&mut rest),
            Self::City => rest.pick(places::CITIES).to_owned(),
            Self::PostalCode => postal_code(&mut rest),
            Self::Country => rest.pick(places::COUNTRIES).to_owned(),
            Self::Birthday => day(BIRTHDAY_FIRST, number),
            Self::Day => day(DAY_FIRST, number),
            Self::Note => {
                let first = rest.pick(words::NOTES);
                super::two_sentences(first, rest.pick(words::NOTES))
            }
            Self::Message => words::MESSAGE.map(|list| rest.pick(list)).join(" "),
            Self::Integer => number.to_string(),
            Self::Ip => {
                let host = 1 + rest.below(HOSTS);
                format!("{}.{host}", rest.pick(places::NETWORKS))
            }
            // There is one for every index, made from a person.
            Self::Email => format!("nobody.{number}@example.com"),
            Self::Url => format!("https://www.example.org/{number}"),
        }
    }
}

impl Address {
    /// How many different ones there are.
    pub(super) const DIFFERENT: u64 = HOUSES
        * size(places::STREETS)
        * size(places::STREET_KINDS)
        * POSTAL_CODES
        * size(places::CITIES);

    /// The address of that number, below [`Self::DIFFERENT`].
    pub(super) fn nth(number: u64) -> Self {
        let mut rest = Rest(number);
        Self {
            street: street(&mut rest),
            postal_code: postal_code(&mut rest),
            city: rest.pick(places::CITIES).to_owned(),
        }
    }
}

/// What is left of a number from which digits of different bases are taken, one for each choice.
struct Rest(u64);

impl Rest {
    fn below(&mut self, base: u64) -> u64 {
        let digit = self.0.checked_rem(base).unwrap_or(0);
        self.0 = self.0.checked_div(base).unwrap_or(0);
        digit
    }

    fn pick(&mut self, list: &[&'static str]) -> &'static str {
        let place = usize::try_from(self.below(size(list))).unwrap_or(0);
        list.get(place).copied().unwrap_or_default()
    }
}

const fn size(list: &[&str]) -> u64 {
    list.len() as u64
}

fn street(rest: &mut Rest) -> String {
    let house = 1 + rest.below(HOUSES);
    let street = rest.pick(places::STREETS);
    format!("{house} {street} {}", rest.pick(places::STREET_KINDS))
}

fn postal_code(rest: &mut Rest) -> String {
    format!("00{:03}", 100 + rest.below(POSTAL_CODES))
}

fn day(first: Date, days: u64) -> String {
    let days = i64::try_from(days).unwrap_or(0);
    first.saturating_add(days.days()).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::ValueType;

    const COUNTED: [(Part, ValueType); 15] = [
        (Part::FullName, ValueType::Name),
        (Part::FirstName, ValueType::Name),
        (Part::LastName, ValueType::Name),
        (Part::Phone, ValueType::Phone),
        (Part::Address, ValueType::Address),
        (Part::Street, ValueType::Address),
        (Part::City, ValueType::Address),
        (Part::PostalCode, ValueType::PostalCode),
        (Part::Country, ValueType::CountryCode),
        (Part::Birthday, ValueType::Date),
        (Part::Day, ValueType::Date),
        (Part::Note, ValueType::Text),
        (Part::Message, ValueType::Text),
        (Part::Integer, ValueType::Integer),
        (Part::Ip, ValueType::Ip),
    ];

    /// What is unique is unique as a blind index sees it: compared in its normal form.
    #[test]
    fn there_are_as_many_different_values_as_are_said() {
        for (part, value_type) in COUNTED {
            let count = part.different().unwrap();
            // All of the small ones; of the two billion addresses, the first and the last.
            let numbers = (0..count.min(30_000)).chain(count.saturating_sub(10_000)..count);
            let numbers: HashSet<_> = numbers.collect();
            let values: HashSet<_> = numbers
                .iter()
                .map(|number| value_type.normalize(&part.nth(*number)).unwrap())
                .collect();
            assert_eq!(values.len(), numbers.len(), "{part:?}");
            let last = part.nth(count - 1);
            assert!(value_type.is_reserved_example(&last), "{part:?}: {last}");
        }
    }

    #[test]
    fn dealing_reaches_every_value_before_one_returns() {
        for (part, _) in COUNTED {
            let count = part.different().unwrap();
            assert_ne!(count % STEP, 0, "{part:?}");
            let turns = count.min(30_000);
            let dealt: HashSet<_> = (0..turns).map(|turn| deal(count, 17, turn)).collect();
            assert_eq!(dealt.len() as u64, turns, "{part:?}");
            assert_eq!(deal(count, 17, count), deal(count, 17, 0), "{part:?}");
        }
    }
}
