//! Rows and their values.

use std::io;

use zeroize::Zeroize;

/// A value as the database had it.
///
/// It is plaintext: there is no `Debug`, and a [`Row`] wipes its values.
#[expect(missing_debug_implementations, reason = "it is personal")]
#[derive(PartialEq)]
pub enum Value {
    /// There is none.
    Null,
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text, also dates, times and exact decimals.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// The values of one row, in the order of its collection's fields. Wiped on drop.
#[expect(missing_debug_implementations, reason = "it is personal")]
#[derive(PartialEq)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// A row of these values.
    pub fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// Its values.
    pub fn values(&self) -> &[Value] {
        &self.0
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        for value in &mut self.0 {
            match value {
                Value::Null => {}
                Value::Boolean(value) => value.zeroize(),
                Value::Integer(value) => value.zeroize(),
                Value::Real(value) => value.zeroize(),
                Value::Text(text) => text.zeroize(),
                Value::Bytes(bytes) => bytes.zeroize(),
            }
        }
    }
}

/// One reading of a collection.
pub type RowIterator<'a> = Box<dyn Iterator<Item = io::Result<Row>> + 'a>;

/// Rows that can be read again, in the same order each time. Closures that make an iterator are rows.
pub trait Rows {
    /// Begins a reading.
    ///
    /// # Errors
    /// Those of what the rows are read from.
    fn read(&self) -> io::Result<RowIterator<'_>>;
}

impl<F, I> Rows for F
where
    F: Fn() -> io::Result<I>,
    I: Iterator<Item = io::Result<Row>> + 'static,
{
    fn read(&self) -> io::Result<RowIterator<'_>> {
        Ok(Box::new(self()?))
    }
}
