//! What a collection looks like in the copy that a person gets: its columns, and why they are held.

use privet_archive::{Field, Kind, Purpose, Value};
use privet_classify::{Class, DataMap, Field as MapField};

use super::words::Words;
use super::{CollectedValue, SourceCollection};
use crate::port::EventTable;

/// A collection without its rows; of which kind the values of a column are shows when they are read.
pub(crate) struct Shape {
    /// A stable name, as `shop.customer`.
    pub(crate) name: String,
    /// The name for people.
    pub(crate) title: String,
    /// What it is and where it comes from.
    pub(crate) what: String,
    /// The columns, in the order of a row's values.
    pub(crate) fields: Vec<Field>,
    /// Whether a column in which a person has no value at all is told: telemetry has one for every attribute of the data map, of which
    /// an event has a few.
    pub(crate) tells_empty: bool,
}

/// Of which kind the values of one person's column are. It rests on that person's rows alone, so that whoever else is in the
/// batch changes nothing in their file.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen(Option<Kind>);

impl Seen {
    /// Takes notice of a value.
    pub(crate) fn see(&mut self, value: &Value) {
        let kind = match value {
            Value::Null => return,
            Value::Boolean(_) => Kind::Boolean,
            Value::Integer(_) => Kind::Integer,
            Value::Real(_) => Kind::Number,
            Value::Text(_) => Kind::Text,
            Value::Bytes(_) => Kind::Bytes,
        };
        self.0 = match self.0 {
            None => Some(kind),
            Some(known) if known == kind => Some(known),
            Some(_) => Some(Kind::Text),
        };
    }

    /// What most of them are; text where there are several kinds, or no value.
    pub(crate) fn kind(self) -> Kind {
        self.0.unwrap_or(Kind::Text)
    }

    /// Whether there is no value.
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_none()
    }
}

impl Shape {
    /// What the vault itself holds: since when, under which id, and these fields of the data map.
    pub(crate) fn of_account(map: &DataMap, fields: &[&MapField], words: &Words) -> Self {
        let mut columns = vec![
            plain("since", words.since, Class::Sys),
            plain("oid", words.oid, Class::Upi),
        ];
        columns.extend(fields.iter().map(|field| of_field(map, field)));
        Self {
            name: "account".to_owned(),
            title: words.account.to_owned(),
            what: words.account_what.to_owned(),
            fields: columns,
            tells_empty: true,
        }
    }

    /// What was answered to questions for consent.
    pub(crate) fn of_consents(words: &Words) -> Self {
        Self {
            name: "consents".to_owned(),
            title: words.consents.to_owned(),
            what: words.consents_what.to_owned(),
            fields: vec![
                plain("number", words.number, Class::Sys),
                plain("time", words.time, Class::Sys),
                plain("purpose", words.purpose, Class::Udi),
                plain("agreed", words.agreed, Class::Udi),
                plain("notice", words.notice, Class::Sys),
                plain("channel", words.channel, Class::Sys),
                plain("language", words.language, Class::Udi),
                plain("evidence", words.evidence, Class::Uii),
            ],
            tells_empty: true,
        }
    }

    /// Who looked.
    pub(crate) fn of_looks(words: &Words) -> Self {
        Self {
            name: "looks".to_owned(),
            title: words.looks.to_owned(),
            what: words.looks_what.to_owned(),
            fields: vec![
                plain("time", words.time, Class::Sys),
                plain("who", words.who, Class::Sys),
                plain("what", words.what, Class::Sys),
                plain("purpose", words.purpose, Class::Sys),
                plain("reason", words.reason, Class::Sys),
                plain("form", words.form, Class::Sys),
                plain("fields", words.fields, Class::Sys),
                plain("you_agreed", words.you_agreed, Class::Sys),
                plain("log", words.log, Class::Sys),
                plain("entry", words.entry, Class::Sys),
            ],
            tells_empty: true,
        }
    }

    /// A table of an application.
    pub(crate) fn of_table(map: &DataMap, collection: &SourceCollection, words: &Words) -> Self {
        let (source, table) = (collection.source.as_str(), &collection.table);
        let columns = collection.columns.iter().map(|column| match &column.field {
            Some(field) => Field {
                name: column.name.clone(),
                title: spoken(&column.name),
                ..of_field(map, field)
            },
            None => Field::new(
                column.name.clone(),
                spoken(&column.name),
                Kind::Text,
                column.class,
            ),
        });
        Self {
            name: format!("{source}.{table}"),
            title: format!("{}: {}", spoken(source), spoken(table)),
            what: if collection.is_fact {
                words.fact_what.to_owned()
            } else {
                String::new()
            },
            fields: columns.collect(),
            tells_empty: true,
        }
    }

    /// A kind of events of telemetry.
    pub(crate) fn of_events(table: &EventTable, words: &Words) -> Self {
        let columns = table.columns.iter().map(|column| {
            Field::new(
                column.name.clone(),
                spoken(&column.name),
                Kind::Text,
                column.class,
            )
        });
        Self {
            name: format!("telemetry.{}", table.name),
            title: format!("{}: {}", words.telemetry, spoken(&table.name)),
            what: words.telemetry_what.to_owned(),
            fields: columns.collect(),
            tells_empty: false,
        }
    }
}

fn plain(name: &str, title: &str, class: Class) -> Field {
    Field::new(name, title, Kind::Text, class)
}

fn of_field(map: &DataMap, field: &MapField) -> Field {
    let name = field.name.to_string();
    let purposes = field.purposes.iter();
    let purposes = purposes.filter_map(|name| map.purpose(name.as_str()));
    let purposes = purposes.map(|purpose| Purpose {
        title: spoken(purpose.name.as_str()),
        basis: purpose.basis,
    });
    let retained = field.retain.as_ref();
    Field {
        purposes: purposes.collect(),
        // The data map says why in the operator's own words, in whichever language they are.
        until: retained.map(|retain| format!("{} ({})", retain.for_, retain.why)),
        title: spoken(&name),
        ..Field::new(name, "", Kind::Text, field.class)
    }
}

/// A name of the data map or of a database, as people read it.
fn spoken(name: &str) -> String {
    name.replace('_', " ")
}

/// A value for the file. What does not open is none: it is of somebody who left.
pub(crate) fn archived(value: &CollectedValue) -> Value {
    match value {
        CollectedValue::Null | CollectedValue::Unreadable => Value::Null,
        CollectedValue::Integer(integer) => Value::Integer(*integer),
        CollectedValue::Real(real) => Value::Real(*real),
        CollectedValue::Text(text) => Value::text(text.as_str()),
        CollectedValue::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_of_the_kind_that_all_its_values_are() {
        let check = |values: &[Value], kind| {
            let mut seen = Seen::default();
            values.iter().for_each(|value| seen.see(value));
            assert_eq!(seen.kind(), kind);
        };
        check(&[], Kind::Text);
        check(&[Value::Null], Kind::Text);
        check(&[Value::Null, Value::Integer(1)], Kind::Integer);
        check(&[Value::Integer(1), Value::Real(1.5)], Kind::Text);
        check(
            &[Value::Integer(1), Value::text("x"), Value::Integer(1)],
            Kind::Text,
        );
    }
}
