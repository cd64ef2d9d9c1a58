//! Messages that clients send, decoded from whole frames.

use bytes::{Buf, Bytes};

use super::{Format, Frame, FrameError};

/// The first message of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum First {
    /// Asks for TLS.
    Tls,
    /// Asks for GSSAPI encryption.
    Gss,
    /// Asks to stop what another connection runs.
    Cancel {
        /// Which connection.
        process: u32,
        /// The secret it was given: 4 bytes in protocol 3.0, up to 256 in 3.2.
        secret: Bytes,
    },
    /// Starts a session.
    Startup {
        /// Minor protocol version asked for; the major one is 3.
        minor: u16,
        /// Names and values in the order sent.
        parameters: Vec<(String, String)>,
    },
    /// A start-up message of another major version.
    OtherVersion,
}

/// What a Describe or Close message names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A prepared statement.
    Statement(String),
    /// A portal.
    Portal(String),
}

/// The parts of a Bind message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bind {
    /// The portal to make.
    pub(crate) portal: String,
    /// The statement it runs.
    pub(crate) statement: String,
    /// Formats of the parameters: none (all text), one for all, or one each.
    pub(crate) formats: Vec<Format>,
    /// The parameters; `None` is NULL.
    pub(crate) parameters: Vec<Option<Bytes>>,
    /// Formats wanted for the result: none, one for all, or one each.
    pub(crate) result_formats: Vec<Format>,
}

/// A message after login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frontend {
    /// Simple query.
    Query(String),
    /// Prepares a statement.
    Parse {
        /// Its name; empty: the unnamed one.
        name: String,
        /// Its text.
        sql: String,
        /// Parameter types as object ids; 0: not stated.
        types: Vec<u32>,
    },
    /// Binds parameters.
    Bind(Bind),
    /// Asks what a statement or portal looks like.
    Describe(Target),
    /// Runs a portal.
    Execute {
        /// Which.
        portal: String,
        /// At most so many rows; 0: all.
        rows_max: u32,
    },
    /// Forgets a statement or portal.
    Close(Target),
    /// Asks for what is buffered.
    Flush,
    /// Ends a run of extended messages.
    Sync,
    /// Says goodbye.
    Terminate,
    /// Data, end or failure of a COPY; there is none to belong to.
    Copy,
    /// Calls a function by its object id: refused.
    FunctionCall,
}

/// Decodes the first message's body.
///
/// # Errors
/// Anything that is not exactly one such message.
pub(crate) fn decode_first(body: &Bytes) -> Result<First, FrameError> {
    const TLS: u32 = 80_877_103;
    const GSS: u32 = 80_877_104;
    const CANCEL: u32 = 80_877_102;
    let mut fields = Fields(body.clone());
    match fields.u32()? {
        TLS => fields.end(First::Tls),
        GSS => fields.end(First::Gss),
        CANCEL => {
            let process = fields.u32()?;
            let secret = fields.0;
            if (4..=256).contains(&secret.len()) {
                Ok(First::Cancel { process, secret })
            } else {
                Err(FrameError::Malformed)
            }
        }
        version if version >> 16 == 3 => {
            let parameters = startup_parameters(&mut fields)?;
            // INVARIANT: the mask leaves 16 bits.
            let minor = u16::try_from(version & 0xffff).map_err(|_| FrameError::Malformed)?;
            fields.end(First::Startup { minor, parameters })
        }
        _ => Ok(First::OtherVersion),
    }
}

fn startup_parameters(fields: &mut Fields) -> Result<Vec<(String, String)>, FrameError> {
    let mut parameters = Vec::new();
    loop {
        let name = fields.text()?;
        if name.is_empty() {
            return Ok(parameters);
        }
        parameters.push((name, fields.text()?));
    }
}

/// Decodes a message after login.
///
/// # Errors
/// [`FrameError::Encoding`] where the connection can go on; anything else ends it.
pub(crate) fn decode(frame: &Frame) -> Result<Frontend, FrameError> {
    let mut fields = Fields(frame.body.clone());
    match frame.tag {
        b'Q' => {
            let sql = fields.text()?;
            fields.end(Frontend::Query(sql))
        }
        b'P' => {
            let (name, sql) = (fields.text()?, fields.text()?);
            let count = fields.count(4)?;
            let types = (0..count).map(|_| fields.u32()).collect::<Result<_, _>>()?;
            fields.end(Frontend::Parse { name, sql, types })
        }
        b'B' => bind(fields),
        b'D' => fields.target().map(Frontend::Describe),
        b'C' => fields.target().map(Frontend::Close),
        b'E' => {
            let portal = fields.text()?;
            // PostgreSQL takes a negative number for "all".
            let rows_max = fields.u32()?;
            let rows_max = if rows_max > i32::MAX.unsigned_abs() {
                0
            } else {
                rows_max
            };
            fields.end(Frontend::Execute { portal, rows_max })
        }
        b'H' => fields.end(Frontend::Flush),
        b'S' => fields.end(Frontend::Sync),
        b'X' => fields.end(Frontend::Terminate),
        b'd' | b'c' | b'f' => Ok(Frontend::Copy),
        b'F' => Ok(Frontend::FunctionCall),
        _ => Err(FrameError::UnknownType),
    }
}

fn bind(mut fields: Fields) -> Result<Frontend, FrameError> {
    let (portal, statement) = (fields.text()?, fields.text()?);
    let formats = fields.formats()?;
    let count = fields.count(4)?;
    let parameters = (0..count)
        .map(|_| fields.value())
        .collect::<Result<_, _>>()?;
    let result_formats = fields.formats()?;
    let bind = Bind {
        portal,
        statement,
        formats,
        parameters,
        result_formats,
    };
    fields.end(Frontend::Bind(bind))
}

/// Reads fields off the front of a body; never past its end.
struct Fields(Bytes);

impl Fields {
    fn u8(&mut self) -> Result<u8, FrameError> {
        self.0.try_get_u8().map_err(|_| FrameError::Malformed)
    }

    fn u16(&mut self) -> Result<u16, FrameError> {
        self.0.try_get_u16().map_err(|_| FrameError::Malformed)
    }

    fn u32(&mut self) -> Result<u32, FrameError> {
        self.0.try_get_u32().map_err(|_| FrameError::Malformed)
    }

    /// A zero-terminated text.
    fn text(&mut self) -> Result<String, FrameError> {
        let end = memchr::memchr(0, &self.0).ok_or(FrameError::Malformed)?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        match std::str::from_utf8(&text) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(FrameError::Encoding),
        }
    }

    /// A count of items of at least `size` bytes each: more than the body can hold is malformed, so that nothing is
    /// reserved for a mere claim.
    fn count(&mut self, size: usize) -> Result<u16, FrameError> {
        let count = self.u16()?;
        if usize::from(count) * size > self.0.len() {
            Err(FrameError::Malformed)
        } else {
            Ok(count)
        }
    }

    fn formats(&mut self) -> Result<Vec<Format>, FrameError> {
        let count = self.count(2)?;
        (0..count)
            .map(|_| match self.u16()? {
                0 => Ok(Format::Text),
                1 => Ok(Format::Binary),
                _ => Err(FrameError::Malformed),
            })
            .collect()
    }

    /// A value with its length before it; length -1 is NULL.
    fn value(&mut self) -> Result<Option<Bytes>, FrameError> {
        let length = self.u32()?;
        if length == u32::MAX {
            return Ok(None);
        }
        match usize::try_from(length) {
            Ok(length) if length <= self.0.len() => Ok(Some(self.0.split_to(length))),
            _ => Err(FrameError::Malformed),
        }
    }

    fn target(mut self) -> Result<Target, FrameError> {
        let kind = self.u8()?;
        let name = self.text()?;
        match kind {
            b'S' => self.end(Target::Statement(name)),
            b'P' => self.end(Target::Portal(name)),
            _ => Err(FrameError::Malformed),
        }
    }

    /// `message`, if nothing is left over.
    fn end<T>(&self, message: T) -> Result<T, FrameError> {
        if self.0.is_empty() {
            Ok(message)
        } else {
            Err(FrameError::Malformed)
        }
    }
}
