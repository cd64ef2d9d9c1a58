//! Reading a file: for whoever policy lets hand it to the person, in ranges, on record before the first byte.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use privet_seal::{ChunkOpener, Zeroizing};
use tokio::runtime::Handle;

use super::access::CopyParts;
use super::file::{PLACE, told};
use super::machine::RequestFile;
use crate::audit::{EntryKind, Record};
use crate::keyring::RequestKey;
use crate::policy::{Action, Decision};
use crate::port::{FileError, FileName, FileStore, SubjectRequestRow};
use crate::{Caller, Error, Result, SubjectRef, SubjectRequestId, Vault};

/// Bytes that are opened and handed out together.
const PART_BYTES: usize = 1 << 20;
/// Sealed bytes that are read together: services answer each reading on its own.
const READ_BYTES: u64 = 1 << 20;

/// Which bytes of a file are wanted (RFC 9110, section 14.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileRange {
    /// All of them.
    Whole,
    /// From the first to the last of these, counted from 0; to the end where there is no last.
    From(u64, Option<u64>),
    /// So many at the end.
    Last(u64),
}

/// What is wanted of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileWish {
    /// These bytes.
    pub range: FileRange,
    /// They are wanted of the file with this [tag](FileReading::tag) alone; of any other, the whole.
    pub tag: Option<String>,
}

impl From<FileRange> for FileWish {
    fn from(range: FileRange) -> Self {
        Self { range, tag: None }
    }
}

impl FileWish {
    fn range(&self, tag: &str) -> FileRange {
        match &self.tag {
            Some(other) if other != tag => FileRange::Whole,
            _ => self.range,
        }
    }
}

impl FileRange {
    /// Where it begins, and behind its last byte; `None`: there is no byte of it.
    fn within(self, size_bytes: u64) -> Option<(u64, u64)> {
        let (start, end) = match self {
            Self::Whole => return Some((0, size_bytes)),
            Self::From(start, last) => {
                let last = last.unwrap_or(u64::MAX);
                (start, last.saturating_add(1).min(size_bytes))
            }
            Self::Last(count) => (size_bytes.saturating_sub(count), size_bytes),
        };
        (start < end).then_some((start, end))
    }
}

/// A file that is being read.
pub struct FileReading {
    vault: Vault,
    row: SubjectRequestRow,
    file: RequestFile,
    name: String,
    opener: Option<Opener>,
    /// The first byte that is handed out next, and behind the last.
    next: u64,
    end: u64,
    start: u64,
}

type Opener = ChunkOpener<Stored>;

impl std::fmt::Debug for FileReading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileReading")
            .field("request", &self.row.id)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// Begins to read the file of an access request. That it is handed out, and how much of it, is on record before this returns.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::NotFound`] for an unknown request, [`Error::Conflict`] with code `no_file` where there is none (yet, or
    /// any more), [`Error::Range`] for bytes that the file does not have, [`Error::Unready`] when it cannot be reached, or lies on
    /// another server.
    pub async fn request_file(
        &self,
        caller: &Caller,
        id: SubjectRequestId,
        wish: impl Into<FileWish>,
    ) -> Result<FileReading> {
        let decision = self
            .permit(caller, Action::ReadRequestFile, EntryKind::RequestDenied)
            .await?;
        self.file_for(caller, &decision, (id, None), &wish.into())
            .await
    }

    /// The same for a caller who was decided about; `whose` is whose request it has to be, if not anybody's.
    pub(crate) async fn file_for(
        &self,
        caller: &Caller,
        decision: &Decision,
        (id, whose): (SubjectRequestId, Option<SubjectRef>),
        wish: &FileWish,
    ) -> Result<FileReading> {
        let row = self.request_of_person(id).await?;
        if whose.is_some() && row.subject != whose {
            return Err(Error::NotFound("request"));
        }
        let file = self.file_of(&row)?;
        let open = self.subject_of(&row).await?.ok_or_else(no_file)?;
        // The row alone says whose it is: what was sealed with it has to say the same.
        self.request_details(&row).await?.ok_or_else(no_file)?;
        let (tenant, keys) = (&self.inner.config.tenant, self.inner.keyring.requests());
        let key = keys.open(tenant, *id.as_bytes(), self.now()).await?;
        let key = key.ok_or_else(no_file)?;
        let range = wish.range(&tag_of(&file));
        let size_bytes = file.size_bytes;
        let within = range.within(size_bytes);
        let (start, end) = within.ok_or(Error::Range { size_bytes })?;
        let opener = self.opener(&row, &file, &key).await?;
        let record = Record::by(EntryKind::RequestFileRead, caller)
            .ruling(self.ruling(decision))
            .fact("request", id.to_string())
            .count("from", start)
            .count("bytes", end - start)
            .subject(open.used([], 0));
        self.record(record).await?;
        let name = format!("{}.zip", self.about(&row)?.folder());
        Ok(FileReading {
            vault: self.clone(),
            row,
            file,
            name,
            opener: Some(opener),
            next: start,
            end,
            start,
        })
    }

    /// The file that a request has now.
    fn file_of(&self, row: &SubjectRequestRow) -> Result<RequestFile> {
        let progress = &row.progress;
        let file = progress.file.as_ref().filter(|_| progress.state.has_file());
        let file = file.filter(|file| file.until > self.now());
        file.cloned().ok_or_else(no_file)
    }

    async fn opener(
        &self,
        row: &SubjectRequestRow,
        file: &RequestFile,
        key: &RequestKey,
    ) -> Result<Opener> {
        let (CopyParts { files, .. }, _) = self.copies()?;
        let (files, key) = (Arc::clone(files), Arc::clone(key.files()));
        let name = FileName {
            request: row.id,
            run: file.run,
        };
        let length = match files.size_bytes(name).await {
            Ok(length) => length,
            Err(FileError::Missing) => return Err(self.missing(file)),
            Err(error) => return Err(told(error)),
        };
        let stored = Stored {
            files,
            runtime: Handle::current(),
            name,
            length,
            position: 0,
            read: (0, Vec::new()),
        };
        let opened = tokio::task::spawn_blocking(move || Opener::new(key, PLACE, stored)).await;
        let opener = opened
            .map_err(|_| DAMAGED)?
            .map_err(|error| unopened(&error))?;
        if opener.size_bytes() != file.size_bytes {
            return Err(DAMAGED);
        }
        Ok(opener)
    }

    /// A file of which the key store says that it is there.
    fn missing(&self, file: &RequestFile) -> Error {
        if file.server == self.inner.config.origin {
            return Error::unready(
                "file_missing",
                "the file is not where this server keeps them: put it back, or cancel the request and ask again",
            );
        }
        let server = &file.server;
        Error::unready(
            "file_elsewhere",
            format!(
                "the file lies with the server `{server}`: ask that one, or keep files in a bucket that all servers share"
            ),
        )
    }
}

impl FileReading {
    /// What the file is called when it is saved: `personal-data-2026-11-26.zip`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The length of the whole file.
    pub fn size_bytes(&self) -> u64 {
        self.file.size_bytes
    }

    /// Names exactly these bytes, for `ETag`: a file is never written again.
    pub fn tag(&self) -> String {
        tag_of(&self.file)
    }

    /// The first byte that is handed out, and behind the last.
    pub fn range(&self) -> (u64, u64) {
        (self.start, self.end)
    }

    /// The next bytes; `None` after the last. When the request ends meanwhile, nothing more is handed out.
    ///
    /// # Errors
    /// [`Error::Conflict`] with code `no_file` when the file is over or its person erased, [`Error::Unready`] when it cannot be reached.
    pub async fn next(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let left = self.end.saturating_sub(self.next);
        let Ok(len @ 1..) = usize::try_from(left.min(PART_BYTES as u64)) else {
            return Ok(None);
        };
        self.vault.follow_patiently().await?;
        let row = self.vault.request_of_person(self.row.id).await;
        let file = match row {
            Ok(row) => self.vault.file_of(&row)?,
            Err(Error::NotFound(_)) => return Err(no_file()),
            Err(error) => return Err(error),
        };
        if file.run != self.file.run {
            return Err(no_file());
        }
        let mut opener = self.opener.take().ok_or(DAMAGED)?;
        let next = self.next;
        let work = move || {
            let mut part = Zeroizing::new(vec![0; len]);
            opener.seek(SeekFrom::Start(next))?;
            opener.read_exact(&mut part)?;
            io::Result::Ok((opener, part))
        };
        let read = tokio::task::spawn_blocking(work).await;
        let (opener, part) = read
            .map_err(|_| DAMAGED)?
            .map_err(|error| unopened(&error))?;
        self.opener = Some(opener);
        self.next += len as u64;
        Ok(Some(part))
    }
}

fn tag_of(file: &RequestFile) -> String {
    file.run.to_string()
}

fn no_file() -> Error {
    Error::conflict(
        "no_file",
        "there is no file of this request, not yet or not any more: look at where it stands",
    )
}

const DAMAGED: Error = Error::Internal("the file of a request does not open");

fn unopened(error: &io::Error) -> Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(error) => told(FileError::clone(error)),
        None => DAMAGED,
    }
}

/// A stored file as what a [`ChunkOpener`] reads; it waits for the store, so it is used where waiting holds nobody up.
struct Stored {
    files: Arc<dyn FileStore>,
    runtime: Handle,
    name: FileName,
    length: u64,
    position: u64,
    /// What was read last, and where it begins.
    read: (u64, Vec<u8>),
}

impl Read for Stored {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() || self.position >= self.length {
            return Ok(0);
        }
        let (start, bytes) = &self.read;
        let within = self.position.checked_sub(*start);
        let at_hand = within.is_some_and(|within| within < bytes.len() as u64);
        if !at_hand {
            let end = self.length.min(self.position + READ_BYTES);
            let read = self.files.read(self.name, self.position..end);
            let read = self.runtime.block_on(read).map_err(io::Error::other)?;
            self.read = (self.position, read);
        }
        let (start, bytes) = &self.read;
        let within = usize::try_from(self.position - start).map_err(io::Error::other)?;
        let len = bytes.get(within..).unwrap_or_default().read(out)?;
        self.position += len as u64;
        Ok(len)
    }
}

impl Seek for Stored {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_lie_within_the_file() {
        let check = |range: FileRange, size, within| assert_eq!(range.within(size), within);
        check(FileRange::Whole, 10, Some((0, 10)));
        check(FileRange::Whole, 0, Some((0, 0)));
        check(FileRange::From(0, None), 10, Some((0, 10)));
        check(FileRange::From(3, Some(3)), 10, Some((3, 4)));
        check(FileRange::From(3, Some(99)), 10, Some((3, 10)));
        check(FileRange::From(0, Some(u64::MAX)), 10, Some((0, 10)));
        check(FileRange::From(10, None), 10, None);
        check(FileRange::From(3, Some(2)), 10, None);
        check(FileRange::Last(4), 10, Some((6, 10)));
        check(FileRange::Last(40), 10, Some((0, 10)));
        check(FileRange::Last(0), 10, None);
    }
}
