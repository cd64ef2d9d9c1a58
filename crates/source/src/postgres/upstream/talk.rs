//! The few words that are exchanged before a client's: frames, one question at a time. The server is not trusted: it can
//! say no more than a bounded amount.

use std::io;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{Header, Message};
use postgres_protocol::message::frontend;
use privet_postgres::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The longest message that is taken before a client's.
const MESSAGE_BYTES_MAX: i32 = 1 << 20;
/// The most messages that answer one question.
const MESSAGES_MAX: usize = 100_000;

/// Why the talk ended.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The server said no.
    Said {
        /// SQLSTATE.
        code: String,
        /// Its words.
        message: String,
    },
    /// The connection broke, or what came over it is no PostgreSQL protocol.
    Lost(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Lost(error.to_string())
    }
}

/// A stream that is talked on.
pub(super) struct Talk {
    stream: Stream,
    input: BytesMut,
}

/// A row as text; `None` is NULL.
pub(super) type Row = Vec<Option<String>>;

impl Talk {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
        }
    }

    /// What a login over TLS is bound to.
    pub(super) fn end_point(&self) -> Option<&[u8]> {
        self.stream.end_point()
    }

    /// The stream, if the server has said no more than it was asked.
    pub(super) fn into_stream(self) -> Option<Stream> {
        self.input.is_empty().then_some(self.stream)
    }

    /// Sends what was put together.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    /// The next message; errors of the server end the talk, notices are passed over.
    pub(super) async fn hear(&mut self) -> Result<Message, Refusal> {
        loop {
            if let Some(header) = Header::parse(&self.input)?
                && header.len() > MESSAGE_BYTES_MAX
            {
                return Err(Refusal::Lost("a message is too long".to_owned()));
            }
            match Message::parse(&mut self.input)? {
                Some(Message::ErrorResponse(body)) => return Err(said(&body)),
                Some(Message::NoticeResponse(_)) => continue,
                Some(message) => return Ok(message),
                None => {}
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(Refusal::Lost("the server closed the connection".to_owned()));
            }
        }
    }

    /// Asks a simple query and gathers all its rows.
    pub(super) async fn ask(&mut self, sql: &str) -> Result<Vec<Row>, Refusal> {
        let mut question = BytesMut::new();
        frontend::query(sql, &mut question)?;
        self.send(&question).await?;
        let mut rows = Vec::new();
        for _ in 0..MESSAGES_MAX {
            match self.hear().await? {
                Message::DataRow(body) => {
                    let mut row = Vec::new();
                    let mut ranges = body.ranges();
                    while let Some(range) = ranges.next()? {
                        let cell = range.and_then(|range| body.buffer().get(range));
                        row.push(cell.map(|cell| String::from_utf8_lossy(cell).into_owned()));
                    }
                    rows.push(row);
                }
                Message::ReadyForQuery(_) => return Ok(rows),
                _ => {}
            }
        }
        Err(Refusal::Lost("an answer is too long".to_owned()))
    }
}

fn said(body: &postgres_protocol::message::backend::ErrorResponseBody) -> Refusal {
    let (mut code, mut message) = (String::new(), String::new());
    let mut fields = body.fields();
    while let Ok(Some(field)) = fields.next() {
        let text = || String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => code = text(),
            b'M' => message = text(),
            _ => {}
        }
    }
    Refusal::Said { code, message }
}
