//! What parent and child say to each other: `length(4, little endian) | kind(1) | payload`.
//!
//! Version 2. Numbers are little endian; text and bytes have a 32-bit length before them. The child
//! answers each request but [`Request::Cancel`] with one reply, in order; a request names nothing that
//! the child could resolve by itself but the path of the database in the first one.

mod rows;

use std::io::{self, Read};

use privet_vault::port::{Described, RunMode, SqlValue};

use super::bytes::{Frame, Malformed, split};
pub(crate) use rows::RowsFrame;

/// The version that both sides must speak; they are the same executable, so anything else is a
/// mixed-up installation.
pub(crate) const VERSION: u16 = 2;
/// The longest statement text.
pub(crate) const SQL_SIZE_BYTES_MAX: usize = 1 << 20;
/// The longest value, and the largest row.
pub(crate) const VALUE_SIZE_BYTES_MAX: usize = 64 << 20;
/// The longest frame: a row at its largest and what stands around it.
pub(crate) const FRAME_SIZE_BYTES_MAX: usize = VALUE_SIZE_BYTES_MAX + (4 << 20);
/// Rows are sent when they take this much.
pub(crate) const ROWS_SIZE_BYTES: usize = 256 << 10;

/// What the parent asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    Open(Open),
    Describe {
        sql: String,
    },
    Start {
        statement: u64,
        sql: String,
        parameters: Vec<SqlValue>,
    },
    Next {
        rows_max: u32,
    },
    Finish,
    /// Stops the statement of this number if it still runs; not answered.
    Cancel {
        statement: u64,
    },
}

/// The first request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) path: Vec<u8>,
    pub(crate) mode: RunMode,
    pub(crate) statement_ms_max: u64,
    pub(crate) memory_bytes_max: u64,
}

/// What the child answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    Ready {
        /// Whether the system keeps the child from other files.
        confined: bool,
    },
    Described {
        in_transaction: bool,
        /// With the bytes that the statement takes.
        statement: Option<(Described, u32)>,
    },
    Started {
        in_transaction: bool,
        described: Described,
        /// The rows that it changed, when it has ended already.
        ended: Option<u64>,
    },
    Rows {
        in_transaction: bool,
        rows: Vec<Vec<SqlValue>>,
        /// The rows that it changed, when these were the last.
        ended: Option<u64>,
    },
    Ended {
        in_transaction: bool,
        changed: u64,
    },
    Failed {
        in_transaction: bool,
        /// Position in the list of SQLSTATEs.
        code: u8,
        message: String,
        hint: Option<String>,
    },
}

const OPEN: u8 = 1;
const DESCRIBE: u8 = 2;
const START: u8 = 3;
const NEXT: u8 = 4;
const FINISH: u8 = 5;
const CANCEL: u8 = 6;
const READY: u8 = 129;
const DESCRIBED: u8 = 130;
const STARTED: u8 = 131;
const ROWS: u8 = 132;
const ENDED: u8 = 133;
const FAILED: u8 = 134;

impl Request {
    /// The whole frame.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Open(open) => {
                let mut frame = Frame::new(OPEN);
                frame.u16(VERSION);
                frame.u8(u8::from(open.mode == RunMode::ReadOnly));
                frame.u64(open.statement_ms_max);
                frame.u64(open.memory_bytes_max);
                frame.bytes(&open.path);
                frame.end()
            }
            Self::Describe { sql } => {
                let mut frame = Frame::new(DESCRIBE);
                frame.bytes(sql.as_bytes());
                frame.end()
            }
            Self::Start {
                statement,
                sql,
                parameters,
            } => encode_start(*statement, sql, parameters),
            Self::Next { rows_max } => {
                let mut frame = Frame::new(NEXT);
                frame.u32(*rows_max);
                frame.end()
            }
            Self::Finish => Frame::new(FINISH).end(),
            Self::Cancel { statement } => {
                let mut frame = Frame::new(CANCEL);
                frame.u64(*statement);
                frame.end()
            }
        }
    }

    /// The request that a frame without its length is.
    pub(crate) fn decode(frame: &[u8]) -> Result<Self, Malformed> {
        let (kind, mut rest) = split(frame)?;
        let request = match kind {
            OPEN => {
                if rest.u16()? != VERSION {
                    return Err(Malformed);
                }
                let mode = if rest.bool()? {
                    RunMode::ReadOnly
                } else {
                    RunMode::Ordinary
                };
                Self::Open(Open {
                    mode,
                    statement_ms_max: rest.u64()?,
                    memory_bytes_max: rest.u64()?,
                    path: rest.bytes()?.to_vec(),
                })
            }
            DESCRIBE => Self::Describe { sql: rest.text()? },
            START => {
                let statement = rest.u64()?;
                let sql = rest.text()?;
                let count = rest.u16()?;
                let parameters = (0..count).map(|_| rest.value()).collect::<Result<_, _>>()?;
                Self::Start {
                    statement,
                    sql,
                    parameters,
                }
            }
            NEXT => Self::Next {
                rows_max: rest.u32()?,
            },
            FINISH => Self::Finish,
            CANCEL => Self::Cancel {
                statement: rest.u64()?,
            },
            _ => return Err(Malformed),
        };
        rest.finish(request)
    }
}

/// A [`Request::Start`] without owning what it holds: statements and parameters can be large. More
/// than 65,535 parameters are cut, which the engine then refuses.
pub(crate) fn encode_start(statement: u64, sql: &str, parameters: &[SqlValue]) -> Vec<u8> {
    let mut frame = Frame::new(START);
    frame.u64(statement);
    frame.bytes(sql.as_bytes());
    let count = u16::try_from(parameters.len()).unwrap_or(u16::MAX);
    frame.u16(count);
    for value in parameters.iter().take(usize::from(count)) {
        frame.value(value);
    }
    frame.end()
}

impl Reply {
    /// The whole frame. Rows are encoded by [`RowsFrame`], straight from the engine's buffers.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ready { confined } => {
                let mut frame = Frame::new(READY);
                frame.u16(VERSION);
                frame.bool(*confined);
                frame.end()
            }
            Self::Described {
                in_transaction,
                statement,
            } => {
                let mut frame = Frame::new(DESCRIBED);
                frame.bool(*in_transaction);
                frame.bool(statement.is_some());
                if let Some((described, size)) = statement {
                    frame.described(described);
                    frame.u32(*size);
                }
                frame.end()
            }
            Self::Started {
                in_transaction,
                described,
                ended,
            } => {
                let mut frame = Frame::new(STARTED);
                frame.bool(*in_transaction);
                frame.ended(*ended);
                frame.described(described);
                frame.end()
            }
            Self::Rows {
                in_transaction,
                rows,
                ended,
            } => {
                let mut frame = RowsFrame::new();
                for row in rows {
                    frame.start_row(row.len());
                    row.iter().for_each(|value| frame.frame.value(value));
                    frame.end_row();
                }
                frame.end(*in_transaction, *ended)
            }
            Self::Ended {
                in_transaction,
                changed,
            } => {
                let mut frame = Frame::new(ENDED);
                frame.bool(*in_transaction);
                frame.u64(*changed);
                frame.end()
            }
            Self::Failed {
                in_transaction,
                code,
                message,
                hint,
            } => {
                let mut frame = Frame::new(FAILED);
                frame.bool(*in_transaction);
                frame.u8(*code);
                frame.bytes(message.as_bytes());
                frame.bool(hint.is_some());
                frame.bytes(hint.as_deref().unwrap_or_default().as_bytes());
                frame.end()
            }
        }
    }

    /// The reply that a frame without its length is.
    pub(crate) fn decode(frame: &[u8]) -> Result<Self, Malformed> {
        let (kind, mut rest) = split(frame)?;
        if kind == READY {
            let version = rest.u16()?;
            return if version == VERSION {
                let confined = rest.bool()?;
                rest.finish(Self::Ready { confined })
            } else {
                Err(Malformed)
            };
        }
        let in_transaction = rest.bool()?;
        let reply = match kind {
            DESCRIBED => {
                let statement = if rest.bool()? {
                    Some((rest.described()?, rest.u32()?))
                } else {
                    None
                };
                Self::Described {
                    in_transaction,
                    statement,
                }
            }
            STARTED => {
                let ended = rest.ended()?;
                Self::Started {
                    in_transaction,
                    ended,
                    described: rest.described()?,
                }
            }
            ROWS => {
                let ended = rest.ended()?;
                let mut rows = Vec::new();
                for _ in 0..rest.u32()? {
                    let columns = rest.u16()?;
                    rows.push(
                        (0..columns)
                            .map(|_| rest.value())
                            .collect::<Result<_, _>>()?,
                    );
                }
                Self::Rows {
                    in_transaction,
                    rows,
                    ended,
                }
            }
            ENDED => Self::Ended {
                in_transaction,
                changed: rest.u64()?,
            },
            FAILED => {
                let code = rest.u8()?;
                let message = rest.text()?;
                let hint = if rest.bool()? {
                    Some(rest.text()?)
                } else {
                    rest.text().map(|_| None)?
                };
                Self::Failed {
                    in_transaction,
                    code,
                    message,
                    hint,
                }
            }
            _ => return Err(Malformed),
        };
        rest.finish(reply)
    }
}

/// The size that a frame's first four bytes announce.
pub(crate) fn announced_size(head: [u8; 4]) -> Result<usize, Malformed> {
    let size = usize::try_from(u32::from_le_bytes(head)).map_err(|_| Malformed)?;
    if (1..=FRAME_SIZE_BYTES_MAX).contains(&size) {
        Ok(size)
    } else {
        Err(Malformed)
    }
}

/// The next frame without its length; `None` at the end of the stream.
pub(crate) fn read_frame(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 4];
    if let Err(error) = input.read_exact(&mut head) {
        let ended = error.kind() == io::ErrorKind::UnexpectedEof;
        return if ended { Ok(None) } else { Err(error) };
    }
    let mut frame = vec![0; announced_size(head)?];
    input.read_exact(&mut frame)?;
    Ok(Some(frame))
}

#[cfg(test)]
mod tests;
