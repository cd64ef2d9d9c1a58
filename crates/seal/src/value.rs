//! Values as they go in and come out, and the plaintext that is encrypted:
//! `type tag(1) | value | 0x80 | zeros` to a whole number of blocks.

use std::fmt::Write;

use zeroize::{Zeroize, Zeroizing};

use crate::primitive::TAG_LEN;
use crate::sealed::HEADER_LEN;
use crate::{Error, OpenError, SEALED_SIZE_BYTES_MAX};

const TAG_TEXT: u8 = 1;
const TAG_INTEGER: u8 = 2;
const TAG_REAL: u8 = 3;
const TAG_BYTES: u8 = 4;

/// Ends the value: what follows is padding (ISO/IEC 7816-4).
const END: u8 = 0x80;

/// A value to seal, or opened into a caller's buffer. Its type is sealed with it, because a
/// column of SQLite may hold any of them. There is no `NULL`: it stays `NULL` outside.
///
/// It is plaintext: there is no `Debug`.
#[derive(Clone, Copy, PartialEq)]
#[expect(
    missing_debug_implementations,
    reason = "plaintext cannot be printed by accident"
)]
pub enum Value<'a> {
    /// UTF-8 text.
    Text(&'a str),
    /// A signed integer.
    Integer(i64),
    /// A floating-point number; all bits survive, also those of a NaN.
    Real(f64),
    /// Any bytes.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The value as text for display: numbers in their shortest exact form, bytes as `\x` and
    /// hexadecimal digits (as PostgreSQL shows them).
    pub fn as_text(&self) -> Zeroizing<String> {
        match *self {
            Self::Text(text) => Zeroizing::new(text.to_owned()),
            Self::Integer(integer) => render(NUMBER_SIZE_MAX, format_args!("{integer}")),
            Self::Real(real) => render(NUMBER_SIZE_MAX, format_args!("{real:?}")),
            Self::Bytes(bytes) => {
                let mut text = render(2 + 2 * bytes.len(), format_args!("\\x"));
                for byte in bytes {
                    // Writing to a `String` does not fail.
                    let _ = write!(text, "{byte:02x}");
                }
                text
            }
        }
    }

    /// Appends the value to `out` as [`as_text`](Self::as_text) shows it. Text is copied once, to where it is wanted.
    #[inline]
    pub fn append_text(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            _ => out.extend_from_slice(self.as_text().as_bytes()),
        }
    }

    /// Length in bytes of the sealed form, binary; `None`: it would exceed [`SEALED_SIZE_BYTES_MAX`].
    #[inline]
    pub fn sealed_len(&self, block: Block) -> Option<usize> {
        self.padded_len(block)
            .and_then(|len| len.checked_add(HEADER_LEN + TAG_LEN))
            .filter(|size| *size <= SEALED_SIZE_BYTES_MAX)
    }

    /// Length in bytes of the padded plaintext, if it can be told.
    #[inline]
    pub(crate) fn padded_len(&self, block: Block) -> Option<usize> {
        let value_len = match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Integer(_) | Self::Real(_) => 8,
        };
        let (len, block) = (value_len.checked_add(2)?, usize::from(block.0));
        if block.is_power_of_two() {
            // What nearly every value has; a division would take longer than all else here.
            return Some(len.checked_add(block - 1)? & !(block - 1));
        }
        len.checked_next_multiple_of(block)
    }

    /// Writes the padded plaintext over `out`, which has the padded length.
    #[inline]
    pub(crate) fn encode(&self, out: &mut [u8]) -> Option<()> {
        match *self {
            Self::Text(text) => encode(TAG_TEXT, text.as_bytes(), out),
            Self::Integer(integer) => encode(TAG_INTEGER, &integer.to_be_bytes(), out),
            Self::Real(real) => encode(TAG_REAL, &real.to_bits().to_be_bytes(), out),
            Self::Bytes(bytes) => encode(TAG_BYTES, bytes, out),
        }
    }

    /// Reads a padded plaintext. It is authentic, so the time this takes tells nothing to
    /// anybody who could have chosen it.
    #[inline]
    pub(crate) fn decode(plaintext: &'a [u8]) -> Result<Self, OpenError> {
        let (end, value) = without_zeros(plaintext).split_last().ok_or(OpenError)?;
        let (tag, value) = value.split_first().ok_or(OpenError)?;
        if *end != END {
            return Err(OpenError);
        }
        match *tag {
            TAG_TEXT => str::from_utf8(value).map(Self::Text).map_err(|_| OpenError),
            TAG_INTEGER => eight(value).map(i64::from_be_bytes).map(Self::Integer),
            TAG_REAL => eight(value)
                .map(u64::from_be_bytes)
                .map(f64::from_bits)
                .map(Self::Real),
            TAG_BYTES => Ok(Self::Bytes(value)),
            _ => Err(OpenError),
        }
    }
}

#[inline]
fn encode(tag: u8, value: &[u8], out: &mut [u8]) -> Option<()> {
    let (first, rest) = out.split_first_mut()?;
    let (content, padding) = rest.split_at_mut_checked(value.len())?;
    *first = tag;
    content.copy_from_slice(value);
    padding.fill(0);
    *padding.first_mut()? = END;
    Some(())
}

/// The bytes without the zeros at their end; looks at eight at a time where it can.
#[inline]
fn without_zeros(mut bytes: &[u8]) -> &[u8] {
    while let Some((rest, &[0, 0, 0, 0, 0, 0, 0, 0])) = bytes.split_last_chunk() {
        bytes = rest;
    }
    while let Some((0, rest)) = bytes.split_last() {
        bytes = rest;
    }
    bytes
}

#[inline]
fn eight(value: &[u8]) -> Result<[u8; 8], OpenError> {
    value.try_into().map_err(|_| OpenError)
}

/// Longer than any `i64` in decimal or `f64` in its shortest exact form.
const NUMBER_SIZE_MAX: usize = 32;

/// Formats into a buffer of sufficient size: growing it would leave a copy behind.
fn render(size: usize, arguments: std::fmt::Arguments<'_>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(size));
    // Writing to a `String` does not fail.
    let _ = text.write_fmt(arguments);
    text
}

/// An opened value that owns its plaintext and wipes it on drop.
#[expect(
    missing_debug_implementations,
    reason = "plaintext cannot be printed by accident"
)]
pub enum OpenedValue {
    /// UTF-8 text.
    Text(Zeroizing<String>),
    /// A signed integer.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Any bytes.
    Bytes(Zeroizing<Vec<u8>>),
}

impl OpenedValue {
    /// The value as text for display; see [`Value::as_text`].
    pub fn as_text(&self) -> Zeroizing<String> {
        self.as_value().as_text()
    }

    /// The value, borrowed.
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(text),
            Self::Integer(integer) => Value::Integer(*integer),
            Self::Real(real) => Value::Real(*real),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }

    /// Reads a padded plaintext and keeps its buffer, so that there is no second copy to wipe.
    pub(crate) fn decode(mut plaintext: Zeroizing<Vec<u8>>) -> Result<Self, OpenError> {
        let (is_text, len) = match Value::decode(&plaintext)? {
            Value::Integer(integer) => return Ok(Self::Integer(integer)),
            Value::Real(real) => return Ok(Self::Real(real)),
            Value::Text(text) => (true, text.len()),
            Value::Bytes(bytes) => (false, bytes.len()),
        };
        plaintext.truncate(1 + len);
        plaintext.rotate_left(1);
        plaintext.truncate(len);
        if !is_text {
            return Ok(Self::Bytes(plaintext));
        }
        match String::from_utf8(std::mem::take(&mut *plaintext)) {
            Ok(text) => Ok(Self::Text(Zeroizing::new(text))),
            Err(error) => {
                error.into_bytes().zeroize();
                Err(OpenError)
            }
        }
    }
}

impl Drop for OpenedValue {
    fn drop(&mut self) {
        match self {
            Self::Integer(integer) => integer.zeroize(),
            Self::Real(real) => real.zeroize(),
            Self::Text(_) | Self::Bytes(_) => (), // they wipe themselves
        }
    }
}

/// The padding block of a value type: the plaintext is padded to a whole number of blocks, so
/// that a short value does not show its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block(u8);

impl Block {
    /// For free text, whose length shows: no padding beyond the end mark.
    pub const FREE_TEXT: Self = Self(1);

    /// For everything else: 32 bytes, which hides the length of names, numbers and dates.
    pub const SHORT: Self = Self(32);

    /// A block of `size` bytes.
    ///
    /// # Errors
    /// [`Error::Block`] for 0.
    pub const fn new(size: u8) -> Result<Self, Error> {
        if size == 0 {
            Err(Error::Block)
        } else {
            Ok(Self(size))
        }
    }
}
