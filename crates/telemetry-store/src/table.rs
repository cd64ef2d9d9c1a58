//! The tables and their columns.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The zone of all times, as Arrow writes UTC without a database of zones.
pub const UTC: &str = "+00:00";
/// The longest key of an attribute.
const NAME_SIZE_BYTES_MAX: usize = 255;

/// One kind of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// Log records, and the events of spans.
    Logs,
    /// Spans.
    Spans,
    /// Links from one span to another.
    Links,
    /// Points of metrics.
    Points,
    /// Exemplars of points.
    Exemplars,
    /// What people agree to, each time that changes, and the last word about an id that ends.
    Consents,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A moment in nanoseconds, UTC.
    Nanoseconds,
    /// A moment in milliseconds, UTC.
    Milliseconds,
    /// 16 bytes.
    Id16,
    /// 8 bytes.
    Id8,
    /// Text.
    Text,
    /// Yes or no.
    Flag,
    /// A number.
    Int32,
    /// A number.
    Int64,
    /// A number from 0.
    UInt32,
    /// A number from 0.
    UInt64,
    /// A number.
    Double,
    /// Numbers.
    Doubles,
    /// Numbers from 0.
    Counts,
}

/// A column that a table always has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedColumn {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may hold nothing.
    pub nullable: bool,
}

const fn filled(name: &'static str, kind: Kind) -> FixedColumn {
    FixedColumn {
        name,
        kind,
        nullable: false,
    }
}

const fn nullable(name: &'static str, kind: Kind) -> FixedColumn {
    FixedColumn {
        name,
        kind,
        nullable: true,
    }
}

/// The columns that every table begins with.
pub(crate) const COMMON: [FixedColumn; 8] = [
    filled("time", Kind::Nanoseconds),
    filled("received", Kind::Milliseconds),
    nullable("tyid", Kind::Id16),
    filled("consent", Kind::UInt32),
    filled("stamp", Kind::UInt32),
    nullable("notice", Kind::Text),
    nullable("purpose", Kind::Text),
    filled("exportable", Kind::Flag),
];
/// Where the time is among them.
pub(crate) const TIME: usize = 0;
/// Where the id of a person is in every table.
pub const TYID: usize = 2;

const LOGS: [FixedColumn; 6] = [
    nullable("event", Kind::Text),
    nullable("severity", Kind::Int32),
    nullable("body", Kind::Text),
    nullable("trace", Kind::Id16),
    nullable("span", Kind::Id8),
    nullable("scope", Kind::Text),
];
const SPANS: [FixedColumn; 8] = [
    nullable("name", Kind::Text),
    nullable("kind", Kind::Text),
    nullable("trace", Kind::Id16),
    nullable("span", Kind::Id8),
    nullable("parent", Kind::Id8),
    nullable("duration_ns", Kind::Int64),
    nullable("status", Kind::Text),
    nullable("scope", Kind::Text),
];
const LINKS: [FixedColumn; 4] = [
    nullable("trace", Kind::Id16),
    nullable("span", Kind::Id8),
    nullable("linked_trace", Kind::Id16),
    nullable("linked_span", Kind::Id8),
];
const POINTS: [FixedColumn; 11] = [
    nullable("metric", Kind::Text),
    nullable("kind", Kind::Text),
    nullable("value", Kind::Double),
    nullable("count", Kind::UInt64),
    nullable("sum", Kind::Double),
    nullable("min", Kind::Double),
    nullable("max", Kind::Double),
    nullable("bounds", Kind::Doubles),
    nullable("buckets", Kind::Counts),
    nullable("started", Kind::Nanoseconds),
    nullable("scope", Kind::Text),
];
const EXEMPLARS: [FixedColumn; 4] = [
    nullable("metric", Kind::Text),
    nullable("value", Kind::Double),
    nullable("trace", Kind::Id16),
    nullable("span", Kind::Id8),
];
const CONSENTS: [FixedColumn; 1] = [filled("final", Kind::Flag)];

impl Table {
    /// All tables.
    pub const ALL: [Self; 6] = [
        Self::Logs,
        Self::Spans,
        Self::Links,
        Self::Points,
        Self::Exemplars,
        Self::Consents,
    ];

    /// Its name, in paths and in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Spans => "spans",
            Self::Links => "links",
            Self::Points => "points",
            Self::Exemplars => "exemplars",
            Self::Consents => "consents",
        }
    }

    /// The columns of its own, after the common ones.
    pub(crate) fn own(self) -> &'static [FixedColumn] {
        match self {
            Self::Logs => &LOGS,
            Self::Spans => &SPANS,
            Self::Links => &LINKS,
            Self::Points => &POINTS,
            Self::Exemplars => &EXEMPLARS,
            Self::Consents => &CONSENTS,
        }
    }

    /// The columns that it always has, in order.
    pub fn columns(self) -> impl Iterator<Item = &'static FixedColumn> {
        COMMON.iter().chain(self.own())
    }
}

/// What the values of an attribute are, as the data map says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// Text.
    String,
    /// Whole numbers of 64 bits.
    Int,
    /// Numbers of 64 bits.
    Double,
    /// Yes or no.
    Bool,
}

impl Type {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::String => Kind::Text,
            Self::Int => Kind::Int64,
            Self::Double => Kind::Double,
            Self::Bool => Kind::Flag,
        }
    }
}

/// A column for the values of one attribute: `key` for a record's own, `resource.key`, or `scope.key`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "(Arc<str>, Type)", from = "(Arc<str>, Type)")]
pub struct Attribute {
    name: Arc<str>,
    of: Type,
}

impl From<Attribute> for (Arc<str>, Type) {
    fn from(attribute: Attribute) -> Self {
        (attribute.name, attribute.of)
    }
}

impl From<(Arc<str>, Type)> for Attribute {
    fn from((name, of): (Arc<str>, Type)) -> Self {
        Self { name, of }
    }
}

impl Attribute {
    /// A column of that name.
    ///
    /// # Errors
    ///
    /// [`Error::Attribute`] if the name is empty, too long, holds control characters, or is a fixed column's of some table
    /// (in any case of letters: warehouses do not tell `Time` from `time`).
    pub fn new(name: &str, of: Type) -> Result<Self, Error> {
        let refuse = |why| {
            Err(Error::Attribute {
                name: name.chars().filter(|c| !c.is_control()).take(80).collect(),
                why,
            })
        };
        if name.is_empty() || name.len() > NAME_SIZE_BYTES_MAX {
            return refuse("a name has 1 to 255 bytes");
        }
        if name.chars().any(char::is_control) {
            return refuse("a name has no control characters");
        }
        let fixed = Table::ALL.into_iter().flat_map(Table::columns);
        let parts = ["tenant", "day"];
        if parts
            .into_iter()
            .chain(fixed.map(|column| column.name))
            .any(|fixed| fixed.eq_ignore_ascii_case(name))
        {
            return refuse("the name is that of a column of Privet's own");
        }
        Ok(Self {
            name: name.into(),
            of,
        })
    }

    /// The column's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds.
    pub fn of(&self) -> Type {
        self.of
    }
}

impl Kind {
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Nanoseconds => DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into())),
            Self::Milliseconds => DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
            Self::Id16 => DataType::FixedSizeBinary(16),
            Self::Id8 => DataType::FixedSizeBinary(8),
            Self::Text => DataType::Utf8,
            Self::Flag => DataType::Boolean,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::UInt32 => DataType::UInt32,
            Self::UInt64 => DataType::UInt64,
            Self::Double => DataType::Float64,
            Self::Doubles => list(DataType::Float64),
            Self::Counts => list(DataType::UInt64),
        }
    }
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

/// The Arrow schema of a table with these attributes' columns behind its own.
pub fn schema(table: Table, attributes: &[Attribute]) -> SchemaRef {
    let fixed = table
        .columns()
        .map(|column| Field::new(column.name, column.kind.data_type(), column.nullable));
    let own = attributes
        .iter()
        .map(|attribute| Field::new(attribute.name(), attribute.of.kind().data_type(), true));
    Arc::new(Schema::new(fixed.chain(own).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_takes_no_columns_name() {
        for name in [
            "time",
            "Tyid",
            "BODY",
            "tenant",
            "day",
            "linked_span",
            "",
            "a\nb",
        ] {
            assert!(Attribute::new(name, Type::String).is_err(), "{name:?}");
        }
        assert!(Attribute::new(&"x".repeat(256), Type::Int).is_err());
        for name in ["http.request.method", "resource.time", "Größe", "a b\"c"] {
            assert_eq!(Attribute::new(name, Type::Int).unwrap().name(), name);
        }
    }
}
