//! Rows as bytes, for the files that they wait in until the archive is made of them.
//!
//! `count of values (4) | value …`, each value a tag and, big endian, what it holds: nothing, 1, 8 or 8 bytes, or a length
//! (8) and that many bytes. The files live as long as one run on one server does, so this is no format that anybody else reads.

use std::io::{self, Read, Write};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::{Row, Value};

const NULL: u8 = 0;
const BOOLEAN: u8 = 1;
const INTEGER: u8 = 2;
const REAL: u8 = 3;
const TEXT: u8 = 4;
const BYTES: u8 = 5;

/// Most values of a row: no table has as many columns.
const VALUES_MAX: u32 = 1 << 16;
/// Room that is made before bytes came: a length that was made up costs no more.
const ROOM_BYTES: u64 = 64 << 10;

impl Row {
    /// Writes the row so that [`SpooledRows`] reads it again.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        let count = u32::try_from(self.values().len()).map_err(|_| malformed())?;
        out.write_all(&count.to_be_bytes())?;
        for value in self.values() {
            match value {
                Value::Null => out.write_all(&[NULL])?,
                Value::Boolean(value) => out.write_all(&[BOOLEAN, u8::from(*value)])?,
                Value::Integer(value) => fixed(out, INTEGER, value.to_be_bytes())?,
                Value::Real(value) => fixed(out, REAL, value.to_bits().to_be_bytes())?,
                Value::Text(text) => long(out, TEXT, text.as_bytes())?,
                Value::Bytes(bytes) => long(out, BYTES, bytes)?,
            }
        }
        Ok(())
    }
}

fn fixed(out: &mut impl Write, tag: u8, bytes: [u8; 8]) -> io::Result<()> {
    out.write_all(&[tag])?;
    out.write_all(&bytes)
}

fn long(out: &mut impl Write, tag: u8, bytes: &[u8]) -> io::Result<()> {
    fixed(out, tag, (bytes.len() as u64).to_be_bytes())?;
    out.write_all(bytes)
}

/// The rows in a file of rows, one after the other.
#[expect(missing_debug_implementations, reason = "it is personal")]
pub struct SpooledRows<R: Read> {
    input: R,
    /// Which values of a row are handed out; those that it says nothing of are.
    only: Arc<[bool]>,
    /// Whether the end was reached, or something that cannot be read: there is no more after it.
    over: bool,
}

impl<R: Read> SpooledRows<R> {
    /// Reads rows to the end of `input`. Values are read in small pieces: pass a reader with a buffer.
    pub fn new(input: R) -> Self {
        Self {
            input,
            only: Arc::new([]),
            over: false,
        }
    }

    /// Leaves out of each row the values in whose places there is a `false`.
    #[must_use]
    pub fn only(self, only: Arc<[bool]>) -> Self {
        Self { only, ..self }
    }

    /// The next row; `None` at the end of the file.
    fn row(&mut self) -> io::Result<Option<Row>> {
        let mut first = [0];
        if self.input.read(&mut first)? == 0 {
            return Ok(None);
        }
        let [second, third, fourth] = self.bytes()?;
        let [first] = first;
        let count = u32::from_be_bytes([first, second, third, fourth]);
        if count > VALUES_MAX {
            return Err(malformed());
        }
        let mut row = Row::new(Vec::new());
        for place in 0..count as usize {
            let value = self.value()?;
            if self
                .only
                .get(place)
                .is_none_or(|is_handed_out| *is_handed_out)
            {
                row.0.push(value);
            }
        }
        Ok(Some(row))
    }

    fn value(&mut self) -> io::Result<Value> {
        let [tag] = self.bytes()?;
        Ok(match tag {
            NULL => Value::Null,
            BOOLEAN => Value::Boolean(self.bytes()? != [0]),
            INTEGER => Value::Integer(i64::from_be_bytes(self.bytes()?)),
            REAL => Value::Real(f64::from_bits(u64::from_be_bytes(self.bytes()?))),
            TEXT => Value::Text(String::from_utf8(self.long()?).map_err(|_| malformed())?),
            BYTES => Value::Bytes(self.long()?),
            _ => return Err(malformed()),
        })
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn long(&mut self) -> io::Result<Vec<u8>> {
        let len = u64::from_be_bytes(self.bytes()?);
        let size = usize::try_from(len.min(ROOM_BYTES)).map_err(|_| malformed())?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        if (&mut self.input).take(len).read_to_end(&mut bytes)? as u64 != len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(std::mem::take(&mut *bytes))
    }
}

impl<R: Read> Iterator for SpooledRows<R> {
    type Item = io::Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let row = self.row().transpose();
        self.over = !matches!(row, Some(Ok(_)));
        row
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a file of rows")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row::new(vec![
            Value::Null,
            Value::Boolean(true),
            Value::Integer(i64::MIN),
            Value::Real(-0.0),
            Value::text("é\0"),
            Value::Bytes(vec![0, 255]),
            Value::text(""),
        ])
    }

    #[test]
    fn rows_come_back() {
        let mut spool = Vec::new();
        for _ in 0..3 {
            row().write_to(&mut spool).unwrap();
        }
        Row::new(vec![]).write_to(&mut spool).unwrap();
        let rows: Vec<Row> = SpooledRows::new(&*spool).map(Result::unwrap).collect();
        assert!(rows == [row(), row(), row(), Row::new(vec![])]);
        let some = SpooledRows::new(&*spool).only(Arc::new([false, true, false, false]));
        let some: Vec<Row> = some.map(Result::unwrap).collect();
        let rest = || {
            let mut rest = vec![Value::Boolean(true)];
            rest.extend([
                Value::text("é\0"),
                Value::Bytes(vec![0, 255]),
                Value::text(""),
            ]);
            Row::new(rest)
        };
        assert!(some == [rest(), rest(), rest(), Row::new(vec![])]);
    }

    #[test]
    fn what_was_cut_off_is_an_error_and_then_the_end() {
        let mut spool = Vec::new();
        row().write_to(&mut spool).unwrap();
        for len in 1..spool.len() {
            let mut rows = SpooledRows::new(spool.get(..len).unwrap());
            assert!(rows.next().unwrap().is_err(), "{len}");
            assert!(rows.next().is_none());
        }
        let made_up: [&[u8]; 4] = [
            &[0xff; 4],
            &[0, 0, 0, 1, 9],
            &[0, 0, 0, 1, 4, 0xff, 0, 0, 0, 0, 0, 0, 0, 1],
            &[0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0xff],
        ];
        for spool in made_up {
            assert!(SpooledRows::new(spool).next().unwrap().is_err());
        }
    }
}
