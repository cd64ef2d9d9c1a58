//! From what was gathered to the file: the archive is written as a stream, sealed in chunks, and passed on in parts, so that
//! in memory are a few parts of 1 MiB, however long it is.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use privet_archive::{About, Archive, Document};
use privet_seal::{ChunkSealer, Entropy, FileKey, FilePrefix};
use tokio::sync::mpsc;

use super::access::CopyParts;
use super::book::Outcome;
use super::machine::Event;
use crate::collect::{Filled, Member, Words};
use crate::port::{FileError, FileName, NewFile, Spools, SubjectRequestRow};
use crate::{Error, Result, SubjectRequestId, Vault};

/// What the sealed file is bound to (docs/formats/sealed-files.md).
pub(super) const PLACE: &[u8] = b"archive";
/// Bytes that are passed on together.
const PART_BYTES: usize = 1 << 20;
/// Parts that wait to be taken.
const PARTS: usize = 2;

impl Vault {
    /// Makes the file of a request; `false`, and there is none, when the request ended meanwhile or another attempt took over.
    pub(super) async fn make_file(&self, parts: &CopyParts, member: Member) -> Result<bool> {
        let now = self.inner.keys.subject_request(member.row.id).await?;
        if !now.is_some_and(|row| row.progress.needs(member.run)) {
            return Ok(false);
        }
        self.follow_patiently().await?;
        let words = Words::of(parts.language);
        let documents = self.receipts_for_copy(&member.open, words.receipt).await?;
        let name = FileName {
            request: member.row.id,
            run: member.run,
        };
        let assembly = Assembly {
            about: self.about(&member.row)?,
            filled: member.filled,
            documents,
            spools: Arc::clone(&parts.spools),
            key: Arc::clone(member.key.files()),
            entropy: Arc::clone(&self.inner.entropy),
        };
        let file = parts.files.begin(name).await.map_err(told)?;
        let size_bytes = assembly.write_to(file).await?;
        let event = Event::Collected {
            run: member.run,
            size_bytes,
        };
        let outcome = self
            .requests_book()
            .apply(member.row.id, &event, self.now())
            .await?;
        let counts = matches!(outcome, Some(Outcome::Changed(..)));
        if !counts {
            self.delete_file(parts, name).await;
        }
        Ok(counts)
    }

    /// Deletes the bytes of a file whose key is destroyed, or that is another attempt's. What is left the next sweep deletes.
    async fn delete_file(&self, parts: &CopyParts, name: FileName) {
        if let Err(error) = parts.files.delete(name).await {
            tracing::warn!(request = %name.request, %error, "a file that says nothing any more could not be deleted");
        }
    }

    /// Deletes the file that a request had, which has just ended.
    pub(super) async fn delete_file_of(&self, row: &SubjectRequestRow) {
        let (Some(parts), Some(file)) = (self.inner.copies.get(), &row.progress.file) else {
            return;
        };
        let name = FileName {
            request: row.id,
            run: file.run,
        };
        self.delete_file(parts, name).await;
    }

    /// Deletes files that no request needs: of attempts that were cut short, and of people who were erased.
    ///
    /// # Errors
    /// [`Error::Unready`] when the files cannot be reached, [`Error::Store`] when a store fails.
    pub(crate) async fn sweep_files(&self) -> Result<()> {
        let Some(parts) = self.inner.copies.get() else {
            return Ok(());
        };
        // What is listed was there before its request is looked at: an attempt that goes on is never taken for one that ended.
        let mut by_request: HashMap<SubjectRequestId, Vec<FileName>> = HashMap::new();
        for name in parts.files.list().await.map_err(told)? {
            by_request.entry(name.request).or_default().push(name);
        }
        for (request, names) in by_request {
            let row = self.inner.keys.subject_request(request).await?;
            let progress = row.map(|row| row.progress);
            for name in names {
                if !progress.as_ref().is_some_and(|p| p.needs(name.run)) {
                    self.delete_file(parts, name).await;
                }
            }
        }
        Ok(())
    }
}

/// What an operator is told of the place where files lie.
pub(super) fn told(error: FileError) -> Error {
    Error::unready("files_unavailable", error.to_string())
}

/// All that becomes one file.
struct Assembly {
    about: About,
    filled: Vec<Filled>,
    documents: Vec<Document>,
    spools: Arc<dyn Spools>,
    key: Arc<FileKey>,
    entropy: Arc<dyn Entropy>,
}

impl Assembly {
    /// Writes it, and answers how long the archive inside is.
    async fn write_to(self, mut file: Box<dyn NewFile>) -> Result<u64> {
        let (passing, mut parts) = mpsc::channel(PARTS);
        let writing = tokio::task::spawn_blocking(move || self.seal_into(Parts::new(passing)));
        while let Some(part) = parts.recv().await {
            let part: Vec<u8> = part;
            if let Err(error) = file.append(&part).await {
                // Whoever writes finds nobody to pass anything to, and ends.
                drop(parts);
                file.abandon().await;
                return Err(told(error));
            }
        }
        let written = writing.await;
        let written = written.map_err(|_| Error::Internal("making a file broke off"));
        match written.and_then(|written| written) {
            Ok(size_bytes) => {
                file.finish().await.map_err(told)?;
                Ok(size_bytes)
            }
            Err(error) => {
                file.abandon().await;
                Err(error)
            }
        }
    }

    fn seal_into(self, parts: Parts) -> Result<u64> {
        let prefix = FilePrefix::random(&*self.entropy);
        let sealer = ChunkSealer::new(Arc::clone(&self.key), PLACE, prefix, parts);
        let out = Counted {
            out: sealer.map_err(|_| BROKEN)?,
            bytes: 0,
        };
        let collections = self.filled.iter();
        let archive = Archive {
            about: self.about,
            collections: collections
                .map(|filled| filled.collection(&self.spools, &self.key))
                .collect(),
            documents: self.documents,
        };
        let Counted { out, bytes } = archive.write_to(out).map_err(|error| {
            // Names of collections are in it, and no value.
            tracing::warn!(error = %error, "the copy of what is held of somebody could not be made");
            Error::unready(
                "copy_failed",
                "a copy could not be made of what was gathered: look into the server's log; it is gathered again",
            )
        })?;
        out.finish().and_then(Parts::end).map_err(|_| BROKEN)?;
        Ok(bytes)
    }
}

const BROKEN: Error = Error::Internal("sealing a file broke off");

/// Counts what goes through.
struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Passes sealed bytes on, in parts, to whoever stores them, and waits while that one is behind.
struct Parts {
    passing: mpsc::Sender<Vec<u8>>,
    part: Vec<u8>,
}

impl Parts {
    fn new(passing: mpsc::Sender<Vec<u8>>) -> Self {
        Self {
            passing,
            part: Vec::new(),
        }
    }

    fn pass(&mut self) -> io::Result<()> {
        if self.part.is_empty() {
            return Ok(());
        }
        let part = std::mem::take(&mut self.part);
        let passed = self.passing.blocking_send(part);
        passed.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn end(mut self) -> io::Result<()> {
        self.pass()
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART_BYTES {
            self.pass()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // Parts stay whole; the last is passed on at the end.
        Ok(())
    }
}
