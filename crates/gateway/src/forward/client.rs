//! Frames from the client: the fast way, which looks at a frame where it lies.

use std::sync::LazyLock;

use bytes::Buf;
use memchr::memchr;
use memchr::memmem::Finder;
use privet_vault::{Connection, Statement};

use super::prepared::Prepared;
use super::{Cycle, Forward, Rest};
use crate::frame::{Frame, HEAD, TAGS, head};
use crate::session::Session;
use crate::stream::End;

/// What has to be considered.
pub(super) enum Event {
    /// A frame that does not take the fast way.
    Frame(Frame),
    /// A frame above its cap; its body is thrown away.
    TooLong {
        /// The message type.
        tag: u8,
        /// The cap that it exceeds.
        bytes_max: usize,
    },
    /// The client has said goodbye.
    Terminated,
    /// Time to look whether the mode has changed.
    Looked,
}

/// What every equality marker begins with. Made once: making it takes longer than looking through a short statement.
static MARKER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"~eq:"));

impl Forward {
    /// Forwards the frames that are there, up to the first that has to be considered.
    pub(super) fn client_frames(&mut self) -> Result<Option<Event>, End> {
        let mut at = 0;
        let event = self.forward_frames(&mut at);
        let input = &mut self.session.wire.input;
        self.link.send(input.get(..at).unwrap_or_default());
        input.advance(at);
        match event? {
            Some(Found::Whole { tag, length }) => {
                input.advance(HEAD);
                let body = input.split_to(length).freeze();
                Ok(Some(match tag {
                    b'X' => Event::Terminated,
                    tag => Event::Frame(Frame { tag, body }),
                }))
            }
            Some(Found::TooLong {
                tag,
                length,
                bytes_max,
            }) => {
                input.advance(HEAD);
                self.rest = Rest::IsDropped(length);
                Ok(Some(Event::TooLong { tag, bytes_max }))
            }
            Some(Found::Dropped(count)) => {
                input.advance(count);
                // Whatever lies behind it is looked at next.
                match self.rest {
                    Rest::IsDropped(0) => {
                        self.rest = Rest::Passes(0);
                        self.client_frames()
                    }
                    _ => Ok(None),
                }
            }
            None => Ok(None),
        }
    }

    /// Finds out how many bytes pass from the start of the input on, and what stands behind them.
    fn forward_frames(&mut self, at: &mut usize) -> Result<Option<Found>, End> {
        let caps = self.session.wire.caps();
        loop {
            let Session {
                wire, connection, ..
            } = &mut self.session;
            let rest = wire.input.get(*at..).unwrap_or_default();
            match self.rest {
                Rest::Passes(0) => {}
                Rest::Passes(count) => {
                    let passed = count.min(rest.len());
                    *at += passed;
                    self.rest = Rest::Passes(count - passed);
                    if passed < count {
                        return Ok(None);
                    }
                    continue;
                }
                Rest::IsDropped(count) => {
                    let dropped = count.min(rest.len());
                    self.rest = Rest::IsDropped(count - dropped);
                    return Ok(Some(Found::Dropped(dropped)));
                }
            }
            let Some((tag, length)) = head(rest)? else {
                return Ok(None);
            };
            // Before its length is believed: what no client sends is not waited for.
            if !TAGS.contains(&tag) {
                return Err(crate::frame::FrameError::UnknownType.into());
            }
            if tag == b'd' {
                // Data of a COPY is the client's own, of any length.
                self.rest = Rest::Passes(HEAD + length);
                continue;
            }
            let bytes_max = caps.of(tag);
            if length > bytes_max {
                return Ok(Some(Found::TooLong {
                    tag,
                    length,
                    bytes_max,
                }));
            }
            let Some(body) = rest.get(HEAD..HEAD + length) else {
                return Ok(None);
            };
            let passes = self.is_plain && passes(tag, body, &mut self.prepared, connection);
            if !passes {
                return Ok(Some(Found::Whole { tag, length }));
            }
            self.sent(tag);
            *at += HEAD + length;
        }
    }

    /// Takes note of a frame that the server gets.
    pub(super) fn sent(&mut self, tag: u8) {
        match tag {
            b'Q' => {
                self.outstanding += 1;
                self.cycle = Cycle::Done;
                self.copy_in_query = true;
            }
            b'S' => {
                self.outstanding += 1;
                self.cycle = Cycle::Done;
                self.copy_in_query = false;
            }
            // A server that takes a COPY ignores the Sync that came before its data (PostgreSQL, section 55.2.6);
            // another one follows its end, unless a simple query began it.
            b'c' | b'f' => self.outstanding = u32::from(self.copy_in_query),
            b'd' => {}
            _ => self.cycle = Cycle::Forwarded,
        }
    }
}

/// What stands at the front of the input.
enum Found {
    Whole {
        tag: u8,
        length: usize,
    },
    TooLong {
        tag: u8,
        length: usize,
        bytes_max: usize,
    },
    Dropped(usize),
}

/// Whether a frame of a justified, protected connection passes as it is; a statement is on record then.
fn passes(tag: u8, body: &[u8], prepared: &mut Prepared, connection: &mut Connection) -> bool {
    match tag {
        b'Q' => query_passes(body, prepared, connection),
        b'P' => parse_passes(body, prepared),
        b'B' => bind_passes(body, prepared, connection),
        b'D' | b'E' => !prepared.has_calls(),
        b'C' => {
            let closes = !prepared.has_calls();
            if closes && let Some((b'S', name)) = body.split_first() {
                prepared.forget(text(name).map_or("", |(name, _)| name));
            }
            closes
        }
        b'S' | b'H' | b'c' | b'f' => true,
        _ => false,
    }
}

fn query_passes(body: &[u8], prepared: &mut Prepared, connection: &mut Connection) -> bool {
    let Some((sql, [])) = text(body) else {
        return false;
    };
    if !is_everyday(sql) || has_marker(body) {
        return false;
    }
    prepared.forget_unnamed();
    let statement = Statement {
        sql,
        parameters: &[],
    };
    // An error is said by the slow way.
    connection.record_behind(statement).unwrap_or(false)
}

fn parse_passes(body: &[u8], prepared: &mut Prepared) -> bool {
    let Some((name, rest)) = text(body) else {
        return false;
    };
    let Some((sql, _)) = text(rest) else {
        return false;
    };
    is_everyday(sql) && !has_marker(body) && prepared.keep(name, sql).is_ok()
}

fn bind_passes(body: &[u8], prepared: &mut Prepared, connection: &mut Connection) -> bool {
    let Some((portal, rest)) = text(body) else {
        return false;
    };
    let Some((name, rest)) = text(rest) else {
        return false;
    };
    if has_marker(body) || prepared.call(name).is_some() {
        return false;
    }
    let Some(parameters) = parameters(rest) else {
        return false;
    };
    prepared.portal.take_if(|bound| bound.name == portal);
    let sql = prepared.text(name);
    let statement = Statement {
        sql: &sql,
        parameters: &parameters,
    };
    connection.record_behind(statement).unwrap_or(false)
}

/// The parameters of a Bind message behind its names, as the record keeps them: text as it is, binary forms as
/// hexadecimal digits. `None` for a body that is none.
pub(super) fn parameters(body: &[u8]) -> Option<Vec<Option<String>>> {
    let (count, rest) = body.split_first_chunk::<2>()?;
    let (formats, rest) = rest.split_at_checked(2 * usize::from(u16::from_be_bytes(*count)))?;
    let (count, mut rest) = rest.split_first_chunk::<2>()?;
    let count = u16::from_be_bytes(*count);
    let mut parameters = Vec::with_capacity(usize::from(count).min(rest.len() / 4));
    for index in 0..usize::from(count) {
        let (length, values) = rest.split_first_chunk::<4>()?;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            rest = values;
            parameters.push(None);
            continue;
        };
        let (value, after) = values.split_at_checked(length)?;
        rest = after;
        let format = formats
            .chunks_exact(2)
            .nth(if formats.len() == 2 { 0 } else { index });
        parameters.push(Some(recorded(value, format == Some(&[0, 1]))));
    }
    Some(parameters)
}

/// A parameter as the record keeps it.
pub(super) fn recorded(value: &[u8], is_binary: bool) -> String {
    use std::fmt::Write as _;

    if !is_binary {
        return String::from_utf8_lossy(value).into_owned();
    }
    let mut text = String::with_capacity(2 + 2 * value.len());
    text.push_str("\\x");
    for byte in value {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether a statement is one that needs no closer look: one of the common words at its start, nothing behind a
/// semicolon, and no word of Privet's. Everything else is considered; nothing is refused by this.
fn is_everyday(sql: &str) -> bool {
    const WORDS: [&str; 12] = [
        "select", "insert", "update", "delete", "with", "begin", "commit", "end", "rollback",
        "fetch", "values", "explain",
    ];
    let start = sql.trim_ascii_start();
    let length = start.bytes().take_while(u8::is_ascii_alphabetic).count();
    let word = start.get(..length).unwrap_or_default();
    if !WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)) {
        return false;
    }
    match memchr(b';', start.as_bytes()) {
        None => true,
        Some(end) => start
            .get(end + 1..)
            .is_some_and(|rest| rest.trim_ascii().is_empty()),
    }
}

/// Whether there is an equality marker anywhere.
pub(super) fn has_marker(bytes: &[u8]) -> bool {
    MARKER.find(bytes).is_some()
}

/// A zero-terminated text and what follows it.
pub(super) fn text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = memchr(0, bytes)?;
    let (text, rest) = bytes.split_at_checked(end)?;
    Some((std::str::from_utf8(text).ok()?, rest.get(1..)?))
}
