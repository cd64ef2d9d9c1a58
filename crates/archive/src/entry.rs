//! The ZIP as it is written: a stream of entries, of which each one's checksum is kept.

use std::cell::Cell;
use std::io::{self, BufWriter, Write};
use std::rc::Rc;

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::Error;

/// Above this a size does not fit into 32 bits, or might not once deflated: what cannot be compressed grows by less than this margin.
const LARGE_BYTES: u64 = 0xff00_0000;
/// What is written in small pieces goes to the compressor in pieces of this size.
const BUFFER_BYTES: usize = 32 << 10;

/// A file that was written.
pub(crate) struct Entry {
    /// Its path below the archive's folder.
    pub(crate) path: String,
    pub(crate) size_bytes: u64,
    /// Lowercase hexadecimal.
    pub(crate) sha256: String,
}

/// Writes files, one after the other, below one folder. Nothing is ever read back or written over.
pub(crate) struct Entries<W: Write> {
    /// Dropped in front of the ZIP.
    stop: StopOnDrop,
    zip: ZipWriter<StreamWriter<Stoppable<W>>>,
    folder: String,
    options: SimpleFileOptions,
}

impl<W: Write> Entries<W> {
    pub(crate) fn new(out: W, folder: String, date: Timestamp) -> Self {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(dos_time(date))
            .unix_permissions(0o644);
        let stopped = Rc::new(Cell::new(false));
        let stop = StopOnDrop(Rc::clone(&stopped));
        Self {
            stop,
            zip: ZipWriter::new_stream(Stoppable { out, stopped }),
            folder,
            options,
        }
    }

    /// A file of which all is at hand.
    pub(crate) fn write(&mut self, path: &str, content: &[u8]) -> Result<Entry, Error> {
        let size = content.len() as u64;
        self.stream(path, size, |out| Ok(out.write_all(content)?))
    }

    /// A file that `write` writes; it will have at most `size_bytes_max`.
    pub(crate) fn stream(
        &mut self,
        path: &str,
        size_bytes_max: u64,
        write: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
    ) -> Result<Entry, Error> {
        let options = self.options.large_file(size_bytes_max >= LARGE_BYTES);
        self.zip
            .start_file(format!("{}/{path}", self.folder), options)?;
        let hashed = Hashed {
            out: &mut self.zip,
            context: Context::new(&SHA256),
            size_bytes: 0,
        };
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, hashed);
        write(&mut out)?;
        let hashed = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Entry {
            path: path.to_owned(),
            size_bytes: hashed.size_bytes,
            sha256: hexadecimal(hashed.context.finish().as_ref()),
        })
    }

    /// Writes the directory and hands back what was written to.
    pub(crate) fn finish(self) -> Result<W, Error> {
        let Self { stop, zip, .. } = self;
        let mut out = zip.finish()?.into_inner().out;
        drop(stop);
        out.flush()?;
        Ok(out)
    }
}

/// A [`ZipWriter`] that is dropped writes its directory, as if nothing were missing, and prints what fails then. From an error
/// on, nothing may reach what is written to any more.
struct Stoppable<W> {
    out: W,
    stopped: Rc<Cell<bool>>,
}

impl<W: Write> Write for Stoppable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stopped.get() {
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes);
        if let Err(error) = &written {
            self.stopped.set(error.kind() != io::ErrorKind::Interrupted);
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.stopped.get() {
            return Ok(());
        }
        self.out.flush()
    }
}

struct StopOnDrop(Rc<Cell<bool>>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

struct Hashed<W> {
    out: W,
    context: Context,
    size_bytes: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.out.write(bytes)?;
        self.context.update(bytes.get(..len).unwrap_or(bytes));
        self.size_bytes += len as u64;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The moment as ZIP can say it: between 1980 and 2107, to two seconds. In UTC, since the archive knows no other zone.
fn dos_time(date: Timestamp) -> DateTime {
    let date = date.to_zoned(TimeZone::UTC).datetime();
    let part = |number: i8| u8::try_from(number).unwrap_or_default();
    u16::try_from(date.year())
        .ok()
        .and_then(|year| {
            let (month, day) = (part(date.month()), part(date.day()));
            let (hour, minute, second) =
                (part(date.hour()), part(date.minute()), part(date.second()));
            DateTime::from_date_and_time(year, month, day, hour, minute, second & !1).ok()
        })
        .unwrap_or_default()
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a `String` does not fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
