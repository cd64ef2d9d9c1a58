//! Framing of the PostgreSQL protocol, version 3: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
//!
//! A frame is `tag(1) | length(4, big endian, counts itself) | body`; the first messages of a connection lack the tag.
//! Lengths are checked before anything is reserved for them, so what a stranger claims to send costs nothing. A frame
//! above its cap is not held: its header is reported and its body thrown away as it arrives.

mod backend;
mod frontend;
#[cfg(test)]
mod tests;

use bytes::{Buf, Bytes, BytesMut};

pub(crate) use backend::{Column, Format, Out, TransactionStatus};
pub(crate) use frontend::{Bind, First, Frontend, Target, decode, decode_first};

/// Most bytes of any message before login; PostgreSQL's own limit is 10,000 as well.
pub(crate) const LOGIN_BYTES_MAX: usize = 10_000;

/// Beyond this PostgreSQL itself calls a length garbage (`PQ_LARGE_MESSAGE_LIMIT`, 1 GiB - 1).
const LENGTH_MAX: usize = 0x3fff_ffff;

/// What is wrong with the bytes of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// A length that no frame can have.
    #[error("a message has an impossible length")]
    Length,
    /// More than the cap before login.
    #[error("a message before login is too long")]
    LoginTooLong,
    /// A tag that no client message has.
    #[error("a message of an unknown type")]
    UnknownType,
    /// A body that is not what its tag promises.
    #[error("a message is malformed")]
    Malformed,
    /// Text that is not UTF-8; the only case after which the connection can go on.
    #[error("invalid byte sequence for encoding `UTF8`")]
    Encoding,
}

/// One complete frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The message type.
    pub(crate) tag: u8,
    /// What follows the length.
    pub(crate) body: Bytes,
}

impl Frame {
    /// The bytes before the body.
    pub(crate) fn head(&self) -> [u8; HEAD] {
        let length = u32::try_from(self.body.len() + HEAD - 1).unwrap_or(u32::MAX);
        let [a, b, c, d] = length.to_be_bytes();
        [self.tag, a, b, c, d]
    }
}

/// What [`Deframer::take`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Not yet a whole frame.
    More,
    /// A frame.
    Frame(Frame),
    /// A frame above its cap; its body is being thrown away.
    TooLong {
        /// The message type.
        tag: u8,
        /// The cap that it exceeds.
        bytes_max: usize,
    },
}

/// How long frames may be after login, by what they carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caps {
    /// Query and Parse: the statement.
    pub(crate) statement: usize,
    /// Bind: its parameters.
    pub(crate) bind: usize,
}

impl Caps {
    /// The cap of a message of this type.
    pub(crate) fn of(self, tag: u8) -> usize {
        match tag {
            // A little more than the statement itself: name, terminators, parameter types (65,535 of 4 bytes).
            b'Q' => self.statement.saturating_add(1),
            b'P' => self.statement.saturating_add(64 + 2 + 4 * 65_535),
            b'B' => self.bind,
            b'd' => 64 * 1024,
            _ => LOGIN_BYTES_MAX,
        }
    }
}

/// Cuts a stream of bytes into frames.
#[derive(Debug, Default)]
pub(crate) struct Deframer {
    skip: usize,
}

impl Deframer {
    /// Takes the next frame off `buffer`.
    ///
    /// # Errors
    /// [`FrameError::Length`] and [`FrameError::UnknownType`]; the connection cannot go on.
    pub(crate) fn take(&mut self, buffer: &mut BytesMut, caps: Caps) -> Result<Taken, FrameError> {
        let skipped = self.skip.min(buffer.len());
        buffer.advance(skipped);
        self.skip -= skipped;
        if self.skip > 0 {
            return Ok(Taken::More);
        }
        let Some((tag, length)) = head(buffer)? else {
            return Ok(Taken::More);
        };
        // Before its length is believed: what no client sends is not waited for.
        if !TAGS.contains(&tag) {
            return Err(FrameError::UnknownType);
        }
        let bytes_max = caps.of(tag);
        if length > bytes_max {
            buffer.advance(HEAD);
            self.skip = length;
            return Ok(Taken::TooLong { tag, bytes_max });
        }
        if buffer.len() < HEAD + length {
            return Ok(Taken::More);
        }
        buffer.advance(HEAD);
        Ok(Taken::Frame(Frame {
            tag,
            body: buffer.split_to(length).freeze(),
        }))
    }

    /// Whether a frame has begun and is not complete: the client owes bytes.
    pub(crate) fn is_inside(&self, buffer: &BytesMut) -> bool {
        self.skip > 0 || !buffer.is_empty()
    }
}

/// The types of messages after login.
pub(crate) const TAGS: &[u8] = b"QPBDCEHSXFdcf";

/// Bytes before the body.
pub(crate) const HEAD: usize = 5;

/// Tag and body length, once they are there.
pub(crate) fn head(buffer: &[u8]) -> Result<Option<(u8, usize)>, FrameError> {
    let Some((&tag, rest)) = buffer.split_first() else {
        return Ok(None);
    };
    let Some(length) = rest.first_chunk::<4>() else {
        return Ok(None);
    };
    body_length(*length).map(|length| Some((tag, length)))
}

/// The body's length from the length field, which counts itself. Negative numbers are huge ones here.
fn body_length(field: [u8; 4]) -> Result<usize, FrameError> {
    let length = usize::try_from(u32::from_be_bytes(field)).map_err(|_| FrameError::Length)?;
    match length.checked_sub(4) {
        Some(body) if length <= LENGTH_MAX => Ok(body),
        _ => Err(FrameError::Length),
    }
}

/// Takes one message without a tag (start-up, TLS and cancel requests) off `buffer`.
///
/// # Errors
/// A length that is impossible or above [`LOGIN_BYTES_MAX`].
pub(crate) fn take_first(buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
    let Some(field) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = body_length(*field)?;
    if length > LOGIN_BYTES_MAX {
        return Err(FrameError::LoginTooLong);
    }
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    buffer.advance(4);
    Ok(Some(buffer.split_to(length).freeze()))
}

/// Takes one message of the login conversation, which must be a password message (`p`), off `buffer`.
///
/// # Errors
/// Any other tag, or a length that is impossible or above [`LOGIN_BYTES_MAX`].
pub(crate) fn take_login(buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
    let Some((tag, length)) = head(buffer)? else {
        return Ok(None);
    };
    if tag != b'p' {
        return Err(FrameError::UnknownType);
    }
    if length > LOGIN_BYTES_MAX {
        return Err(FrameError::LoginTooLong);
    }
    if buffer.len() < HEAD + length {
        return Ok(None);
    }
    buffer.advance(HEAD);
    Ok(Some(buffer.split_to(length).freeze()))
}
