//! Frames from the server: most pass as they came; few are looked at. The server is not trusted with more than its own
//! data: what is no frame ends the connection.

use std::sync::LazyLock;

use bytes::Buf;
use memchr::memmem::Finder;

use super::Forward;
use crate::fault::Fault;
use crate::frame::{FrameError, HEAD, TransactionStatus, head};
use crate::stream::{End, WRITE_BYTES};

/// A longer row passes sealed, as it comes: it is not held.
const ROW_BYTES_MAX: usize = 1 << 20;
/// A longer sealed value stays sealed.
const CELL_BYTES_MAX: usize = 64 * 1024;
/// Errors and settings of the server that have to be read whole; longer ones are none of those.
const WORD_BYTES_MAX: usize = 64 * 1024;
/// What every sealed value's text begins with.
const SEALED: &[u8] = b"pv1_";
/// Finds it anywhere in a row. Made once: making it takes longer than looking through a short row.
static SEALED_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(SEALED));

/// What is to be done with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Treatment {
    /// It passes as it comes.
    Passes,
    /// It has to be read whole, unless it is longer than this.
    IsRead(usize),
    /// No server sends it here.
    IsForeign,
}

impl Forward {
    /// Passes on the frames that are there, as long as the client takes them.
    pub(super) fn server_frames(&mut self) -> Result<(), End> {
        if let Some(shown) = &mut self.shown {
            shown.at = shown.opener.moment();
        }
        // What passes as it is goes over in one piece: from `from` up to `at`.
        let (mut from, mut at) = (0, 0);
        while at - from + self.session.wire.out.len() < 2 * WRITE_BYTES {
            let rest = self.link.input.get(at..).unwrap_or_default();
            if self.link.passing > 0 {
                let passed = self.link.passing.min(rest.len());
                self.link.passing -= passed;
                at += passed;
                if passed == 0 {
                    break;
                }
                continue;
            }
            let Some((tag, length)) = head(rest).map_err(foreign)? else {
                break;
            };
            match self.treatment(tag) {
                Treatment::IsForeign => return Err(foreign(FrameError::UnknownType)),
                Treatment::IsRead(bytes_max) if length <= bytes_max => {
                    if rest.len() < HEAD + length {
                        break;
                    }
                    let before = self.link.input.get(from..at).unwrap_or_default();
                    self.session.wire.out.raw(before);
                    from = at;
                    let is_replaced = self.read_frame(tag, at, length)?;
                    at += HEAD + length;
                    if is_replaced {
                        from = at;
                    }
                }
                Treatment::IsRead(_) | Treatment::Passes => {
                    if tag == b'D'
                        && let Some(notice) = self.row_passed(length)
                    {
                        let before = self.link.input.get(from..at).unwrap_or_default();
                        self.session.wire.out.raw(before);
                        self.session.wire.out.notice(&notice);
                        from = at;
                    }
                    self.link.passing = HEAD + length;
                }
            }
        }
        let run = self.link.input.get(from..at).unwrap_or_default();
        self.session.wire.out.raw(run);
        self.link.input.advance(at);
        Ok(())
    }

    fn treatment(&self, tag: u8) -> Treatment {
        match tag {
            b'D' if self.shown.is_some() => Treatment::IsRead(ROW_BYTES_MAX),
            b'E' if !self.refusals.is_empty() => Treatment::IsRead(WORD_BYTES_MAX),
            b'Z' | b'S' => Treatment::IsRead(WORD_BYTES_MAX),
            b'D' | b'E' | b'T' | b't' | b'C' | b'I' | b'N' | b'A' | b'n' | b's' | b'1' | b'2'
            | b'3' | b'G' | b'H' | b'd' | b'c' => Treatment::Passes,
            // Another login (R, K, v), replication (W) and calls by object id (V) have no place here.
            _ => Treatment::IsForeign,
        }
    }

    /// Reads a whole frame at `at`; answers whether something else was sent in its place.
    fn read_frame(&mut self, tag: u8, at: usize, length: usize) -> Result<bool, End> {
        let body = self.link.input.get(at + HEAD..at + HEAD + length);
        let body = body.unwrap_or_default();
        let out = &mut self.session.wire.out;
        match tag {
            b'D' => {
                let Some(shown) = &mut self.shown else {
                    return Ok(false);
                };
                shown.rows += 1;
                if SEALED_FINDER.find(body).is_none() {
                    return Ok(false);
                }
                let (opener, at) = (&mut shown.opener, shown.at);
                let opened = out.row_with(body, |cell, out| {
                    cell.starts_with(SEALED)
                        && cell.len() <= CELL_BYTES_MAX
                        && opener.open_text_at(at, cell, out)
                });
                opened.map_err(foreign)
            }
            b'E' => {
                let fault = self.refusals.recognize(body);
                fault.iter().for_each(|fault| out.error(fault));
                Ok(fault.is_some())
            }
            b'S' => {
                check_setting(body)?;
                Ok(false)
            }
            _ => {
                let status = status(body)?;
                self.ready(status);
                Ok(false)
            }
        }
    }

    /// The server has answered everything up to a Query or Sync.
    fn ready(&mut self, status: TransactionStatus) {
        self.status = status;
        self.outstanding = self.outstanding.saturating_sub(1);
        if self.outstanding == 0 {
            self.refusals.clear();
            self.finish_shown();
        }
        if self.session.shows_decrypted() {
            self.session.report_mode();
        }
    }

    /// A row passes unread: it is counted, and where it might have been opened, the client is told once why it is not.
    fn row_passed(&mut self, length: usize) -> Option<Fault> {
        let shown = self.shown.as_mut()?;
        shown.rows += 1;
        let is_first = length > ROW_BYTES_MAX && !std::mem::replace(&mut shown.told_long, true);
        is_first.then(|| {
            Fault::notice(
                "rows longer than 1 MiB are passed on as they are: their values stay sealed",
            )
        })
    }
}

/// A setting that the server reports. Other encodings use ASCII bytes inside characters, so that a marker or a sealed
/// value would not be seen for what it is.
fn check_setting(body: &[u8]) -> Result<(), End> {
    let mut texts = body.split(|byte| *byte == 0);
    let (name, value) = (texts.next().unwrap_or_default(), texts.next());
    if name == b"client_encoding" && value != Some(b"UTF8") {
        return Err(End::Told(
            Fault::fatal("22023", "only UTF8 is spoken here")
                .hint("leave client_encoding as it is"),
        ));
    }
    Ok(())
}

fn status(body: &[u8]) -> Result<TransactionStatus, End> {
    match body {
        b"I" => Ok(TransactionStatus::Idle),
        b"T" => Ok(TransactionStatus::Open),
        b"E" => Ok(TransactionStatus::Failed),
        _ => Err(foreign(FrameError::Malformed)),
    }
}

/// The server says what is no PostgreSQL protocol.
fn foreign(error: FrameError) -> End {
    tracing::error!(%error, "a database server sent what is no PostgreSQL protocol");
    End::Told(Fault::fatal(
        "08P01",
        "the database server sent what is no PostgreSQL protocol",
    ))
}
