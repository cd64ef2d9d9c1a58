//! Messages that the gateway sends, encoded into one buffer that is written in one go.

use bytes::BufMut;
use zeroize::Zeroize;

use super::FrameError;
use crate::fault::Fault;

/// Text or binary form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// As a person reads it.
    Text,
    /// As the type's `send` function writes it.
    Binary,
}

/// What ReadyForQuery says about the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransactionStatus {
    /// None open.
    Idle,
    /// Open.
    Open,
    /// Open and failed: only its end is accepted.
    Failed,
}

/// One column of a RowDescription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: String,
    /// The type's object id.
    pub(crate) oid: u32,
    /// The type's size; -1: it varies.
    pub(crate) size: i16,
    /// In which form its values come.
    pub(crate) format: Format,
}

/// The buffer of what is to be sent. It may hold opened values, so it has no `Debug`, and is wiped when it is emptied
/// after rows that may have held some.
#[derive(Default)]
pub(crate) struct Out {
    bytes: Vec<u8>,
    /// Whether a value may have been opened into it.
    personal: bool,
}

impl Drop for Out {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Out {
    /// The bytes to write.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was written.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.personal) {
            self.bytes.as_mut_slice().zeroize();
        }
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES_MAX);
    }

    /// Appends frames as a database server sent them.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// One row as a database server sent it (`body`: the count, then each cell with its length), with every cell replaced
    /// for which `open` appends another value. Leaves everything as it was and answers `false` when there was none.
    ///
    /// # Errors
    /// A body that is no row.
    pub(crate) fn row_with(
        &mut self,
        body: &[u8],
        mut open: impl FnMut(&[u8], &mut Vec<u8>) -> bool,
    ) -> Result<bool, FrameError> {
        let start = self.bytes.len();
        let mut opened = Ok(false);
        self.message(b'D', |out| opened = put_row(out, body, &mut open));
        match opened {
            Ok(true) => self.personal = true,
            Ok(false) | Err(_) => self.bytes.truncate(start),
        }
        opened
    }

    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// A single byte without a frame: the answer to a TLS or GSS request.
    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.put_u8(byte);
    }

    /// Authentication request: SASL with these mechanisms.
    pub(crate) fn authentication_sasl(&mut self, mechanisms: &[&str]) {
        self.message(b'R', |body| {
            body.put_i32(10);
            mechanisms
                .iter()
                .for_each(|mechanism| put_text(body, mechanism));
            body.put_u8(0);
        });
    }

    /// Authentication request: the SASL conversation goes on (`11`) or ends (`12`) with this text.
    pub(crate) fn authentication_sasl_step(&mut self, last: bool, data: &str) {
        self.message(b'R', |body| {
            body.put_i32(if last { 12 } else { 11 });
            body.put_slice(data.as_bytes());
        });
    }

    /// Authentication succeeded.
    pub(crate) fn authentication_ok(&mut self) {
        self.message(b'R', |body| body.put_i32(0));
    }

    /// Which minor protocol version is spoken, and which `_pq_.` options are unknown.
    pub(crate) fn negotiate_protocol_version(&mut self, minor: u16, unknown: &[&str]) {
        self.message(b'v', |body| {
            body.put_u16(3);
            body.put_u16(minor);
            body.put_u32(u32::try_from(unknown.len()).unwrap_or(0));
            unknown.iter().for_each(|name| put_text(body, name));
        });
    }

    /// A parameter that clients should know.
    pub(crate) fn parameter_status(&mut self, name: &str, value: &str) {
        self.message(b'S', |body| {
            put_text(body, name);
            put_text(body, value);
        });
    }

    /// What a CancelRequest has to name.
    pub(crate) fn backend_key_data(&mut self, process: u32, secret: &[u8]) {
        self.message(b'K', |body| {
            body.put_u32(process);
            body.put_slice(secret);
        });
    }

    /// The next statement may come.
    pub(crate) fn ready_for_query(&mut self, status: TransactionStatus) {
        self.message(b'Z', |body| {
            body.put_u8(match status {
                TransactionStatus::Idle => b'I',
                TransactionStatus::Open => b'T',
                TransactionStatus::Failed => b'E',
            });
        });
    }

    /// The columns of the rows that follow.
    pub(crate) fn row_description(&mut self, columns: &[Column]) {
        self.message(b'T', |body| {
            put_count(body, columns.len());
            for column in columns {
                put_text(body, &column.name);
                // Table and attribute number: rows of SQLite do not say them reliably.
                body.put_u32(0);
                body.put_i16(0);
                body.put_u32(column.oid);
                body.put_i16(column.size);
                body.put_i32(-1);
                body.put_u16(u16::from(column.format == Format::Binary));
            }
        });
    }

    /// The parameter types of a statement.
    pub(crate) fn parameter_description(&mut self, types: &[u32]) {
        self.message(b't', |body| {
            put_count(body, types.len());
            types.iter().for_each(|oid| body.put_u32(*oid));
        });
    }

    /// One row; `cell` appends the value of each column and says whether there is one.
    pub(crate) fn data_row(
        &mut self,
        columns: usize,
        mut cell: impl FnMut(usize, &mut Vec<u8>) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        let start = self.bytes.len();
        self.personal = true;
        let written = self.data_row_unchecked(columns, &mut cell);
        if written.is_err() {
            self.bytes.truncate(start);
        }
        written
    }

    fn data_row_unchecked(
        &mut self,
        columns: usize,
        cell: &mut impl FnMut(usize, &mut Vec<u8>) -> Result<bool, Fault>,
    ) -> Result<(), Fault> {
        let mut result = Ok(());
        let length = self.message(b'D', |body| {
            put_count(body, columns);
            for index in 0..columns {
                let at = body.len();
                body.put_i32(-1);
                match cell(index, body) {
                    Ok(true) => {
                        let length = body.len() - at - 4;
                        put_length_at(body, at, length);
                    }
                    Ok(false) => body.truncate(at + 4),
                    Err(fault) => {
                        result = Err(fault);
                        return;
                    }
                }
            }
        });
        if result.is_ok() && length > ROW_BYTES_MAX {
            return Err(Fault::error("54000", "a row is longer than 256 MiB"));
        }
        result
    }

    /// A statement is done.
    pub(crate) fn command_complete(&mut self, tag: &str) {
        self.message(b'C', |body| put_text(body, tag));
    }

    /// A message without a body.
    fn empty(&mut self, tag: u8) {
        self.message(tag, |_| ());
    }

    /// Parse is done.
    pub(crate) fn parse_complete(&mut self) {
        self.empty(b'1');
    }

    /// Bind is done.
    pub(crate) fn bind_complete(&mut self) {
        self.empty(b'2');
    }

    /// Close is done.
    pub(crate) fn close_complete(&mut self) {
        self.empty(b'3');
    }

    /// The statement answers no rows.
    pub(crate) fn no_data(&mut self) {
        self.empty(b'n');
    }

    /// The row limit is reached; the portal can go on.
    pub(crate) fn portal_suspended(&mut self) {
        self.empty(b's');
    }

    /// The statement was empty.
    pub(crate) fn empty_query(&mut self) {
        self.empty(b'I');
    }

    /// An error.
    pub(crate) fn error(&mut self, fault: &Fault) {
        self.message(b'E', |body| put_fault(body, fault));
    }

    /// A notice: the same fields as an error, but the work goes on.
    pub(crate) fn notice(&mut self, fault: &Fault) {
        self.message(b'N', |body| put_fault(body, fault));
    }

    /// Writes a frame around what `fill` appends and answers the body's length.
    fn message(&mut self, tag: u8, fill: impl FnOnce(&mut Vec<u8>)) -> usize {
        self.bytes.put_u8(tag);
        let at = self.bytes.len();
        self.bytes.put_u32(0);
        fill(&mut self.bytes);
        let length = self.bytes.len() - at;
        put_length_at(&mut self.bytes, at, length);
        length
    }
}

/// The buffer that is kept between writes.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// The longest row that is sent; the runner's memory limit lies below it.
const ROW_BYTES_MAX: usize = 256 << 20;

fn put_text(body: &mut Vec<u8>, text: &str) {
    // A zero inside would end the text early and turn the rest into other fields.
    body.extend(text.bytes().filter(|byte| *byte != 0));
    body.put_u8(0);
}

fn put_count(body: &mut Vec<u8>, count: usize) {
    body.put_u16(u16::try_from(count).unwrap_or(u16::MAX));
}

/// Appends a row with the cells that `open` replaces; answers whether it replaced any.
fn put_row(
    out: &mut Vec<u8>,
    body: &[u8],
    open: &mut impl FnMut(&[u8], &mut Vec<u8>) -> bool,
) -> Result<bool, FrameError> {
    let (count, mut rest) = body.split_first_chunk::<2>().ok_or(FrameError::Malformed)?;
    out.put_slice(count);
    let mut opened = false;
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, cells) = rest.split_first_chunk::<4>().ok_or(FrameError::Malformed)?;
        out.put_slice(length);
        // A negative length is NULL.
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            rest = cells;
            continue;
        };
        let (cell, after) = cells
            .split_at_checked(length)
            .ok_or(FrameError::Malformed)?;
        rest = after;
        let at = out.len();
        if open(cell, out) {
            opened = true;
            let length = out.len() - at;
            put_length_at(out, at - 4, length);
        } else {
            out.put_slice(cell);
        }
    }
    if rest.is_empty() {
        Ok(opened)
    } else {
        Err(FrameError::Malformed)
    }
}

fn put_length_at(body: &mut [u8], at: usize, length: usize) {
    let field = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(place) = body.get_mut(at..at + 4) {
        place.copy_from_slice(&field);
    }
}

fn put_fault(body: &mut Vec<u8>, fault: &Fault) {
    let severity = fault.severity.as_str();
    let fields = [
        (b'S', Some(severity)),
        (b'V', Some(severity)),
        (b'C', Some(fault.code)),
        (b'M', Some(fault.message.as_str())),
        (b'D', fault.detail.as_deref()),
        (b'H', fault.hint.as_deref()),
    ];
    for (kind, text) in fields {
        if let Some(text) = text {
            body.put_u8(kind);
            put_text(body, text);
        }
    }
    body.put_u8(0);
}
