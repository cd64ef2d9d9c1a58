//! One column while rows are collected.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, FixedSizeBinaryBuilder, Float64Builder, Int32Builder,
    Int64Builder, ListBuilder, StringBuilder, TimestampMillisecondBuilder,
    TimestampNanosecondBuilder, UInt32Builder, UInt64Builder,
};

use crate::record::Value;
use crate::table::{Kind, UTC};

/// What goes into one row of one column.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    Null,
    Text(&'a str),
    Flag(bool),
    Int(i64),
    Unsigned(u64),
    Double(f64),
    Id16(&'a [u8; 16]),
    Id8(&'a [u8; 8]),
    Doubles(&'a [f64]),
    Counts(&'a [u64]),
}

impl<'a> Cell<'a> {
    pub(crate) fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }

    /// The bytes of memory that the value takes, beside what a row without one takes.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Doubles(values) => size_of_val(*values),
            Self::Counts(values) => size_of_val(*values),
            Self::Id16(_) => size_of::<u64>(),
            _ => 0,
        }
    }

    pub(crate) fn id16(id: Option<&'a [u8; 16]>) -> Self {
        id.map_or(Self::Null, Self::Id16)
    }

    pub(crate) fn id8(id: Option<&'a [u8; 8]>) -> Self {
        id.map_or(Self::Null, Self::Id8)
    }
}

impl<'a> From<Value<'a>> for Cell<'a> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            Value::Int(number) => Self::Int(number),
            Value::Double(number) => Self::Double(number),
            Value::Bool(flag) => Self::Flag(flag),
        }
    }
}

/// The values of a column so far.
#[derive(Debug)]
pub(crate) enum Column {
    Nanoseconds(TimestampNanosecondBuilder),
    Milliseconds(TimestampMillisecondBuilder),
    Id(FixedSizeBinaryBuilder),
    Text(StringBuilder),
    Flag(BooleanBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    UInt32(UInt32Builder),
    UInt64(UInt64Builder),
    Double(Float64Builder),
    Doubles(ListBuilder<Float64Builder>),
    Counts(ListBuilder<UInt64Builder>),
}

impl Column {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Nanoseconds => {
                Self::Nanoseconds(TimestampNanosecondBuilder::new().with_timezone(UTC))
            }
            Kind::Milliseconds => {
                Self::Milliseconds(TimestampMillisecondBuilder::new().with_timezone(UTC))
            }
            Kind::Id16 => Self::Id(FixedSizeBinaryBuilder::new(16)),
            Kind::Id8 => Self::Id(FixedSizeBinaryBuilder::new(8)),
            Kind::Text => Self::Text(StringBuilder::new()),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
            Kind::Int32 => Self::Int32(Int32Builder::new()),
            Kind::Int64 => Self::Int64(Int64Builder::new()),
            Kind::UInt32 => Self::UInt32(UInt32Builder::new()),
            Kind::UInt64 => Self::UInt64(UInt64Builder::new()),
            Kind::Double => Self::Double(Float64Builder::new()),
            Kind::Doubles => Self::Doubles(ListBuilder::new(Float64Builder::new())),
            Kind::Counts => Self::Counts(ListBuilder::new(UInt64Builder::new())),
        }
    }

    /// Adds one row. `false`: the value does not fit into the column, and the row holds nothing.
    pub(crate) fn append(&mut self, cell: Cell<'_>) -> bool {
        match (&mut *self, cell) {
            (_, Cell::Null) => self.append_nulls(1),
            (Self::Nanoseconds(column), Cell::Int(value)) => column.append_value(value),
            (Self::Milliseconds(column), Cell::Int(value)) => column.append_value(value),
            (Self::Id(column), Cell::Id16(id)) => return column.append_value(id).is_ok(),
            (Self::Id(column), Cell::Id8(id)) => return column.append_value(id).is_ok(),
            (Self::Text(column), Cell::Text(text)) => column.append_value(text),
            (Self::Flag(column), Cell::Flag(flag)) => column.append_value(flag),
            (Self::Int64(column), Cell::Int(value)) => column.append_value(value),
            (Self::UInt64(column), Cell::Unsigned(value)) => column.append_value(value),
            (Self::Double(column), Cell::Double(value)) => column.append_value(value),
            (Self::Doubles(column), Cell::Doubles(values)) => {
                column.append_value(values.iter().copied().map(Some));
            }
            (Self::Counts(column), Cell::Counts(values)) => {
                column.append_value(values.iter().copied().map(Some));
            }
            (Self::Int32(column), Cell::Int(value)) => match i32::try_from(value) {
                Ok(value) => column.append_value(value),
                Err(_) => return self.misfit(),
            },
            (Self::UInt32(column), Cell::Unsigned(value)) => match u32::try_from(value) {
                Ok(value) => column.append_value(value),
                Err(_) => return self.misfit(),
            },
            // A whole number is a number, as far as it is exact.
            (Self::Double(column), Cell::Int(value)) => {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "beyond 2^53 a double column rounds, as OTLP's own doubles do"
                )]
                column.append_value(value as f64);
            }
            _ => return self.misfit(),
        }
        true
    }

    fn misfit(&mut self) -> bool {
        self.append_nulls(1);
        false
    }

    /// Adds rows that hold nothing.
    pub(crate) fn append_nulls(&mut self, rows: usize) {
        match self {
            Self::Nanoseconds(column) => column.append_nulls(rows),
            Self::Milliseconds(column) => column.append_nulls(rows),
            Self::Id(column) => column.append_nulls(rows),
            Self::Text(column) => column.append_nulls(rows),
            Self::Flag(column) => column.append_nulls(rows),
            Self::Int32(column) => column.append_nulls(rows),
            Self::Int64(column) => column.append_nulls(rows),
            Self::UInt32(column) => column.append_nulls(rows),
            Self::UInt64(column) => column.append_nulls(rows),
            Self::Double(column) => column.append_nulls(rows),
            Self::Doubles(column) => (0..rows).for_each(|_| column.append_null()),
            Self::Counts(column) => (0..rows).for_each(|_| column.append_null()),
        }
    }

    /// The rows so far.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Nanoseconds(column) => column.len(),
            Self::Milliseconds(column) => column.len(),
            Self::Id(column) => column.len(),
            Self::Text(column) => column.len(),
            Self::Flag(column) => column.len(),
            Self::Int32(column) => column.len(),
            Self::Int64(column) => column.len(),
            Self::UInt32(column) => column.len(),
            Self::UInt64(column) => column.len(),
            Self::Double(column) => column.len(),
            Self::Doubles(column) => column.len(),
            Self::Counts(column) => column.len(),
        }
    }

    /// The column as an array; it is empty afterwards.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Nanoseconds(column) => Arc::new(column.finish()),
            Self::Milliseconds(column) => Arc::new(column.finish()),
            Self::Id(column) => Arc::new(column.finish()),
            Self::Text(column) => Arc::new(column.finish()),
            Self::Flag(column) => Arc::new(column.finish()),
            Self::Int32(column) => Arc::new(column.finish()),
            Self::Int64(column) => Arc::new(column.finish()),
            Self::UInt32(column) => Arc::new(column.finish()),
            Self::UInt64(column) => Arc::new(column.finish()),
            Self::Double(column) => Arc::new(column.finish()),
            Self::Doubles(column) => Arc::new(column.finish()),
            Self::Counts(column) => Arc::new(column.finish()),
        }
    }
}
