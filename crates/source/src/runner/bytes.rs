//! The parts that frames are made of: numbers, text and values as bytes.

use std::io;

use privet_vault::port::{Described, SqlValue};

/// The most columns SQLite can be built for.
const COLUMNS_MAX: usize = 32_767;

/// Bytes that are not a frame of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<Malformed> for io::Error {
    fn from(_: Malformed) -> Self {
        io::Error::new(io::ErrorKind::InvalidData, "malformed frame")
    }
}

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// A frame that is written: its length is filled in at the end.
pub(crate) struct Frame(Vec<u8>);

impl Frame {
    pub(crate) fn new(kind: u8) -> Self {
        Self(vec![0, 0, 0, 0, kind])
    }

    pub(crate) fn u8(&mut self, number: u8) {
        self.0.push(number);
    }

    pub(crate) fn bool(&mut self, flag: bool) {
        self.u8(u8::from(flag));
    }

    pub(crate) fn u16(&mut self, number: u16) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn ended(&mut self, ended: Option<u64>) {
        self.bool(ended.is_some());
        self.u64(ended.unwrap_or_default());
    }

    /// A length that does not fit makes the frame longer than any may be, so that it is refused.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn described(&mut self, described: &Described) {
        self.u16(described.parameters);
        self.bool(described.read_only);
        let count = u16::try_from(described.columns.len()).unwrap_or(u16::MAX);
        self.u16(count);
        for (name, declared) in described.columns.iter().take(usize::from(count)) {
            self.bytes(name.as_bytes());
            self.bytes(declared.as_bytes());
        }
    }

    pub(crate) fn null(&mut self) {
        self.u8(NULL);
    }

    pub(crate) fn integer(&mut self, integer: i64) {
        self.u8(INTEGER);
        self.0.extend_from_slice(&integer.to_le_bytes());
    }

    pub(crate) fn real(&mut self, real: f64) {
        self.u8(REAL);
        self.u64(real.to_bits());
    }

    pub(crate) fn text(&mut self, text: &[u8]) {
        self.u8(TEXT);
        self.bytes(text);
    }

    pub(crate) fn blob(&mut self, bytes: &[u8]) {
        self.u8(BLOB);
        self.bytes(bytes);
    }

    pub(crate) fn value(&mut self, value: &SqlValue) {
        match value {
            SqlValue::Null => self.null(),
            SqlValue::Integer(integer) => self.integer(*integer),
            SqlValue::Real(real) => self.real(*real),
            SqlValue::Text(text) => self.text(text.as_bytes()),
            SqlValue::Blob(bytes) => self.blob(bytes),
        }
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.0.len()
    }

    /// Writes another start of the same length over this one's.
    pub(crate) fn replace_start(&mut self, start: &Self) {
        for (to, from) in self.0.iter_mut().zip(&start.0) {
            *to = *from;
        }
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        let len = u32::try_from(self.0.len().saturating_sub(4)).unwrap_or(u32::MAX);
        for (to, from) in self.0.iter_mut().zip(len.to_le_bytes()) {
            *to = from;
        }
        self.0
    }
}

/// What is left of a frame that is read.
pub(crate) struct Rest<'a>(&'a [u8]);

/// A frame's kind and payload.
pub(crate) fn split(frame: &[u8]) -> Result<(u8, Rest<'_>), Malformed> {
    let (kind, rest) = frame.split_first().ok_or(Malformed)?;
    Ok((*kind, Rest(rest)))
}

impl<'a> Rest<'a> {
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn ended(&mut self) -> Result<Option<u64>, Malformed> {
        let ended = self.bool()?;
        let changed = self.u64()?;
        Ok(ended.then_some(changed))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.u32()?;
        self.take(usize::try_from(len).map_err(|_| Malformed)?)
    }

    pub(crate) fn text(&mut self) -> Result<String, Malformed> {
        str::from_utf8(self.bytes()?)
            .map(str::to_owned)
            .map_err(|_| Malformed)
    }

    pub(crate) fn described(&mut self) -> Result<Described, Malformed> {
        let parameters = self.u16()?;
        let read_only = self.bool()?;
        let count = self.u16()?;
        if usize::from(count) > COLUMNS_MAX {
            return Err(Malformed);
        }
        let columns = (0..count)
            .map(|_| Ok((self.text()?, self.text()?)))
            .collect::<Result<_, _>>()?;
        Ok(Described {
            columns,
            parameters,
            read_only,
        })
    }

    pub(crate) fn value(&mut self) -> Result<SqlValue, Malformed> {
        match self.u8()? {
            NULL => Ok(SqlValue::Null),
            INTEGER => self.array().map(i64::from_le_bytes).map(SqlValue::Integer),
            REAL => self.u64().map(f64::from_bits).map(SqlValue::Real),
            TEXT => self.text().map(SqlValue::Text),
            BLOB => self.bytes().map(|bytes| SqlValue::Blob(bytes.to_vec())),
            _ => Err(Malformed),
        }
    }

    /// A frame that goes on is not the frame that was read.
    pub(crate) fn finish<T>(self, read: T) -> Result<T, Malformed> {
        if self.0.is_empty() {
            Ok(read)
        } else {
            Err(Malformed)
        }
    }
}
