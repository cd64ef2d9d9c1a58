//! What stands in a column of invented rows.

use std::ops::RangeInclusive;

use super::children::Children;
use super::key::Key;
use super::{Fill, Value};
use crate::name::TableName;
use crate::synthetic::part::{Part, Slot, Someone};
use crate::synthetic::rng::{Rng, Stream};
use crate::synthetic::{places, words};

/// What stands in a column.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// The row's own key.
    Key(Key),
    /// The key of the row so many steps above.
    Above(usize, Key),
    /// The key of a row of another table, which has one for each person.
    RowOf {
        table: TableName,
        stream: Stream,
        key: Key,
    },
    /// Which row it is among those of the row above, from 1.
    Place,
    /// What a field of the person holds, and whether that is a number.
    Person(Box<Slot>, bool),
    /// Name and number, as people call themselves.
    Handle,
    /// The same tenant for all rows of a person.
    Tenant(Stream),
    /// Something drawn for each row.
    Drawn(Stream, Drawn),
}

/// Something drawn for each row.
#[derive(Clone, Debug)]
pub(super) enum Drawn {
    Day,
    Moment,
    Whole(RangeInclusive<i64>),
    Flag,
    Word(&'static [&'static str]),
    Company,
    Product,
    Given(Vec<String>),
}

/// A row for which values are asked.
pub(super) struct Row<'t> {
    pub(super) index: u64,
    /// The way from the row to its person.
    pub(super) way: &'t [Children],
    /// The person's own row.
    pub(super) root: u64,
    pub(super) someone: Someone,
}

impl Row<'_> {
    fn above(&self, steps: usize) -> u64 {
        let steps = self.way.iter().take(steps);
        steps.fold(self.index, |row, children| children.parent(row).0)
    }
}

/// How many tenants there are.
const TENANTS: u64 = 3;

impl Content {
    pub(super) fn filled(fill: &Fill, stream: Stream) -> Option<Self> {
        let drawn = match fill {
            Fill::Nothing | Fill::Rows(_) => return None,
            Fill::Numbers(range) => Drawn::Whole(range.clone()),
            Fill::Words(words) => Drawn::Given(words.clone()),
        };
        Some(Self::Drawn(stream, drawn))
    }

    pub(super) fn day(stream: Stream) -> Self {
        Self::Drawn(stream, Drawn::Day)
    }

    pub(super) fn value(&self, row: &Row<'_>) -> Value {
        match self {
            Self::Key(key) => key.value(row.index),
            Self::Above(steps, key) => key.value(row.above(*steps)),
            // Up to the person's own place: for all those there are rows by then, however many follow.
            Self::RowOf { stream, key, .. } => {
                let bound = row.root.saturating_add(1);
                key.value(stream.at(row.index).below(bound))
            }
            Self::Place => {
                let nth = row.way.first().map_or(0, |above| above.parent(row.index).1);
                integer(nth.saturating_add(1))
            }
            Self::Person(slot, false) => Value::Text(slot.value(&row.someone, row.index)),
            Self::Person(slot, true) => {
                let text = slot.value(&row.someone, row.index);
                text.parse().map_or(Value::Text(text), Value::Integer)
            }
            Self::Handle => Value::Text(row.someone.handle(row.index, ".")),
            Self::Tenant(stream) => {
                let number = 1 + stream.at(row.someone.index).below(TENANTS);
                Value::Text(format!("tenant_{number}"))
            }
            Self::Drawn(stream, drawn) => drawn.value(&mut stream.at(row.index)),
        }
    }
}

impl Drawn {
    fn value(&self, rng: &mut Rng) -> Value {
        Value::Text(match self {
            Self::Whole(range) => return whole(range, rng),
            Self::Flag => return Value::Boolean(rng.below(2) == 1),
            Self::Day => day(rng),
            Self::Moment => {
                let day = day(rng);
                let (hour, minute) = (rng.below(24), rng.below(60));
                format!("{day} {hour:02}:{minute:02}:{:02}", rng.below(60))
            }
            Self::Word(list) => rng.pick(list).to_owned(),
            Self::Company => {
                let city = rng.pick(places::CITIES);
                format!("{city} {}", rng.pick(words::COMPANIES))
            }
            Self::Product => [words::LOOKS, words::MATERIALS, words::THINGS]
                .map(|list| rng.pick(list))
                .join(" "),
            Self::Given(list) => {
                let place = usize::try_from(rng.below(list.len() as u64)).unwrap_or(0);
                list.get(place).cloned().unwrap_or_default()
            }
        })
    }
}

fn day(rng: &mut Rng) -> String {
    let days = Part::Day.different().unwrap_or(1);
    Part::Day.nth(rng.below(days))
}

/// A number of the range. A range of all 64 bits has one number too many to be counted, and does
/// without its last.
fn whole(range: &RangeInclusive<i64>, rng: &mut Rng) -> Value {
    let more = range.end().abs_diff(*range.start());
    let step = rng.below(more.saturating_add(1));
    Value::Integer(range.start().wrapping_add_unsigned(step))
}

fn integer(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
