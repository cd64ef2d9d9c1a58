//! Events for the copies that people get of their own data: those that are marked for it, of every id asked for, in one reading of
//! the store by `privet-query`, whoever agrees to what.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use privet_classify::{Class, DataMap};
use privet_telemetry_store::{Kind, Table};
use privet_vault::port::{
    EventColumn, EventError, EventReader, EventTable, People, PersonalEvent, PersonalIds,
    QueryAnswer, QueryEngine, QueryError, QueryFormat, QueryTask, TelemetryEvents,
};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::{QueryProgram, Rules};

/// What events of a copy are for, as the program hears it.
const PURPOSE: &str = "access";
/// The column that says whose an event is.
const TYID: &str = "tyid";
/// What is waited for, and handed on together.
const TOGETHER_BYTES: usize = 256 << 10;
/// The longest event: longer ones cannot come, since the door takes no longer records.
const EVENT_BYTES_MAX: usize = 64 << 20;
/// Columns that say nothing to a person.
const UNTOLD: [&str; 4] = [TYID, "exportable", "consent", "stamp"];

/// Reads people's events.
#[derive(Debug)]
pub struct EventCopies {
    program: QueryProgram,
    tables: Vec<EventTable>,
}

impl EventCopies {
    /// By a program whose limits allow for the whole of an answer.
    pub fn new(program: QueryProgram, rules: &Rules, map: &DataMap) -> Self {
        let attributes = &map.telemetry().attributes;
        let of_attributes = rules.columns().iter().map(|(name, _)| {
            let attribute = rules.attribute_of(name);
            let attribute = attribute.and_then(|attribute| attributes.get(attribute));
            EventColumn {
                name: name.to_string(),
                // One that the data map does not list may be anything.
                class: attribute.map_or(Class::Upi, |attribute| attribute.class),
            }
        });
        let of_attributes: Vec<_> = of_attributes.collect();
        // What people agree to is told apart, with more about it.
        let tables = Table::ALL
            .into_iter()
            .filter(|table| *table != Table::Consents);
        let tables = tables.map(|table| {
            let told = table.columns().filter(|column| {
                let is_id = matches!(column.kind, Kind::Id16 | Kind::Id8);
                !is_id && !UNTOLD.contains(&column.name)
            });
            let told = told.map(|column| EventColumn {
                name: column.name.to_owned(),
                class: Class::Sys,
            });
            EventTable {
                name: table.name().to_owned(),
                columns: told.chain(of_attributes.iter().cloned()).collect(),
            }
        });
        Self {
            tables: tables.collect(),
            program,
        }
    }
}

/// A name as a statement may write it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// All columns, and the person first. Rows that are alike in all of them may change places.
fn statement(table: &EventTable) -> String {
    let names: Vec<_> = table
        .columns
        .iter()
        .map(|column| quoted(&column.name))
        .collect();
    let names = names.join(", ");
    let order = (1..=table.columns.len() + 1).map(|place| place.to_string());
    let order = order.collect::<Vec<_>>().join(", ");
    let from = quoted(&table.name);
    format!("SELECT {TYID}, {names} FROM {from} WHERE exportable ORDER BY {order}")
}

#[async_trait]
impl TelemetryEvents for EventCopies {
    async fn tables(&self) -> Result<Vec<EventTable>, EventError> {
        Ok(self.tables.clone())
    }

    async fn events_of(
        &self,
        table: &EventTable,
        people: &[PersonalIds],
    ) -> Result<Box<dyn EventReader>, EventError> {
        let of_person = people.iter().enumerate().flat_map(|(person, ids)| {
            let ids = ids.tyids.iter();
            ids.map(move |id| (*id.as_bytes(), person))
        });
        let people: HashMap<[u8; 16], usize> = of_person.collect();
        let mut ids: Vec<_> = people.keys().copied().collect();
        ids.sort_unstable();
        let task = QueryTask {
            purpose: PURPOSE.to_owned(),
            sql: statement(table),
            format: QueryFormat::JsonLines,
            people: People::Agreeing(ids.into()),
        };
        let answer = self.program.start(task).await.map_err(unavailable)?;
        Ok(Box::new(Reading {
            answer,
            people,
            columns: table.columns.iter().map(|c| c.name.clone()).collect(),
            rest: Vec::new(),
        }))
    }
}

/// An answer on its way, a line for each event.
struct Reading {
    answer: Box<dyn QueryAnswer>,
    people: HashMap<[u8; 16], usize>,
    columns: Vec<String>,
    /// The beginning of a line.
    rest: Vec<u8>,
}

#[async_trait]
impl EventReader for Reading {
    async fn next(&mut self) -> Result<Option<Vec<PersonalEvent>>, EventError> {
        let mut is_over = false;
        loop {
            match self.answer.next().await.map_err(unavailable)? {
                Some(piece) => self.rest.extend_from_slice(&piece),
                None => is_over = true,
            }
            // A pipe hands over little at a time.
            if self.rest.len() < TOGETHER_BYTES && !is_over {
                continue;
            }
            if let Some(end) = memchr::memrchr(b'\n', &self.rest) {
                let rest = self.rest.split_off(end + 1);
                let lines = std::mem::replace(&mut self.rest, rest);
                let lines = lines.split(|byte| *byte == b'\n');
                let lines = lines.filter(|line| !line.is_empty());
                let events = lines.map(|line| self.event(line));
                return events.collect::<Result<_, _>>().map(Some);
            }
            match (is_over, self.rest.len()) {
                (true, 0) => return Ok(None),
                (false, ..=EVENT_BYTES_MAX) => {}
                _ => return Err(broken()),
            }
        }
    }
}

impl Reading {
    fn event(&self, line: &[u8]) -> Result<PersonalEvent, EventError> {
        let mut json = serde_json::Deserializer::from_slice(line);
        let read = Line(&self.columns).deserialize(&mut json);
        let (id, values) = read.map_err(|_| broken())?;
        json.end().map_err(|_| broken())?;
        // Nobody gets an event of which it is not certain that it is theirs.
        let person = id.and_then(|id| self.people.get(&id)).ok_or_else(broken)?;
        Ok(PersonalEvent {
            person: *person,
            values,
        })
    }
}

/// A line that is read: whose it is, and a value for each of these columns.
struct Line<'c>(&'c [String]);

/// The name of a member.
#[derive(Deserialize)]
struct Name<'n>(#[serde(borrow)] Cow<'n, str>);

impl<'de> DeserializeSeed<'de> for Line<'_> {
    type Value = (Option<[u8; 16]>, Vec<Value>);

    fn deserialize<D: Deserializer<'de>>(self, line: D) -> Result<Self::Value, D::Error> {
        line.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Line<'_> {
    type Value = (Option<[u8; 16]>, Vec<Value>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let (mut id, mut values) = (None, vec![Value::Null; self.0.len()]);
        // Members come in the order of the columns, without those that have no value.
        let mut next = 0;
        while let Some(Name(name)) = members.next_key()? {
            if name == TYID {
                let Name(digits) = members.next_value()?;
                id = id_of(&digits);
                continue;
            }
            let mut place = (next..values.len()).chain(0..next);
            let place =
                place.find(|place| self.0.get(*place).is_some_and(|column| *column == name));
            match place.and_then(|place| Some((place, values.get_mut(place)?))) {
                Some((place, value)) => {
                    *value = members.next_value()?;
                    next = place + 1;
                }
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok((id, values))
    }
}

/// An id in hexadecimal digits.
fn id_of(text: &str) -> Option<[u8; 16]> {
    let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u128::from_str_radix(text, 16).ok().filter(|_| is_hex);
    id.map(u128::to_be_bytes)
}

fn unavailable(error: QueryError) -> EventError {
    EventError::Unavailable(match error {
        QueryError::Unavailable(why) | QueryError::Limit(why) => why,
        // The statement is this module's own; the engine's words about it can quote what the store holds.
        QueryError::Invalid(_) => "its columns are not those of the data map".to_owned(),
    })
}

fn broken() -> EventError {
    EventError::Unavailable("the process for questions wrote something else than events".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_in_full() {
        let digits = "000102030405060708090a0b0c0d0e0f";
        let id = id_of(digits).unwrap();
        assert_eq!(id, std::array::from_fn(|place| place as u8));
        for wrong in [
            "",
            "0",
            "00102030405060708090a0b0c0d0e0f",
            "+00102030405060708090a0b0c0d0e0f",
        ] {
            assert_eq!(id_of(wrong), None, "{wrong}");
        }
    }

    /// Values find their columns, in whatever order they come and however names are written.
    #[test]
    fn an_event_has_a_value_for_each_column() {
        let columns = ["time", "a\"b", "count"].map(str::to_owned);
        let read = |line: &str| {
            let mut json = serde_json::Deserializer::from_str(line);
            Line(&columns).deserialize(&mut json).ok()
        };
        let id = Some(std::array::from_fn(|place| place as u8));
        let digits = "000102030405060708090a0b0c0d0e0f";
        for line in [
            format!(r#"{{"tyid":"{digits}","a\"b":"x","count":2}}"#),
            format!(r#"{{"count":2,"other":{{"count":[1]}},"a\u0022b":"x","tyid":"{digits}"}}"#),
        ] {
            let values = vec![Value::Null, "x".into(), 2.into()];
            assert_eq!(read(&line), Some((id, values)), "{line}");
        }
        assert_eq!(read("{}"), Some((None, vec![Value::Null; 3])));
        for wrong in [
            r#"{"tyid":null}"#,
            r#"{"tyid":1}"#,
            "[]",
            "{",
            r#"{"count":}"#,
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    /// A name is a name, whatever it looks like.
    #[test]
    fn statements_name_what_the_data_map_says() {
        let column = |name: &str| EventColumn {
            name: name.to_owned(),
            class: Class::Sys,
        };
        let table = EventTable {
            name: "logs".to_owned(),
            columns: vec![column("time"), column("a\" FROM logs; --")],
        };
        let expected = "SELECT tyid, \"time\", \"a\"\" FROM logs; --\" FROM \"logs\" WHERE exportable ORDER BY 1, 2, 3";
        assert_eq!(statement(&table), expected);
    }
}
