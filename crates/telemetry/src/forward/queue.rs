//! What waits to be forwarded: whole files of the journal, moved here once they are stored, and how far the oldest one has been sent.
//!
//! Moving a file writes nothing anew, so that it takes neither time nor room from the door; and what is stored is in one of the two
//! folders at any moment, whenever the process ends.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::journal::{Journal, JournalError, Segment, first_of};

/// The folder, in the journal's.
const FOLDER: &str = "forward";
/// How far it has been sent.
const POSITION: &str = "position";

/// A file that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) path: PathBuf,
    first: u64,
    bytes: u64,
}

/// The queue of one journal. Clones share it.
#[derive(Debug, Clone)]
pub struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    /// The journal's own name: positions of another one say nothing.
    writer: String,
    bytes_max: u64,
    files: Mutex<VecDeque<Waiting>>,
    /// What was sent last.
    position: AtomicU64,
    changed: Notify,
}

impl Queue {
    /// Opens the queue of `journal`, and takes up what an earlier process left. It holds `bytes_max` bytes, or one file.
    ///
    /// # Errors
    /// [`JournalError::Disk`]
    pub fn open(journal: &Journal, bytes_max: u64) -> Result<Self, JournalError> {
        let folder = Self::folder(journal.folder());
        let disk = |source| JournalError::Disk {
            path: folder.clone(),
            source,
        };
        fs::create_dir_all(&folder).map_err(disk)?;
        let files = left(&folder).map_err(disk)?;
        let writer = journal.writer().to_owned();
        let position = position(&folder.join(POSITION), &writer).map_err(disk)?;
        Ok(Self(Arc::new(Shared {
            folder,
            writer,
            bytes_max,
            files: Mutex::new(files),
            position: AtomicU64::new(position),
            changed: Notify::new(),
        })))
    }

    /// Where the queue of the journal in that folder lies.
    pub fn folder(journal: &Path) -> PathBuf {
        journal.join(FOLDER)
    }

    /// Whether a process has left something in the queue of that folder.
    pub fn is_left(queue: &Path) -> bool {
        left(queue).is_ok_and(|files| !files.is_empty())
    }

    /// Takes a stored file over from the journal.
    ///
    /// # Errors
    /// What the system says; the journal still has the file.
    pub(crate) fn take(&self, journal: &Journal, segment: &Segment) -> io::Result<()> {
        let waiting = self.place(segment);
        journal.hand_over(segment, &waiting.path)?;
        self.add(waiting);
        Ok(())
    }

    /// Takes what can be read of a damaged file, which the journal keeps.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn share(&self, segment: &Segment) -> io::Result<()> {
        let waiting = self.place(segment);
        match fs::hard_link(&segment.path, &waiting.path) {
            // Shared before, and the process ended then.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            linked => linked?,
        }
        self.add(waiting);
        Ok(())
    }

    /// Bytes of all that waits.
    pub(super) fn bytes(&self) -> u64 {
        self.files().iter().map(|file| file.bytes).sum()
    }

    /// Whether more waits than may.
    pub(super) fn is_over(&self) -> bool {
        self.files().len() > 1 && self.bytes() > self.0.bytes_max
    }

    pub(super) fn oldest(&self) -> Option<Waiting> {
        self.files().front().cloned()
    }

    /// Waits until a file has come.
    pub(super) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// The position of the last batch that was sent.
    pub(super) fn position(&self) -> u64 {
        self.0.position.load(Ordering::Relaxed)
    }

    /// Says that everything up to that position was sent. It is not waited for the disk: what a loss of power takes away is sent again.
    pub(super) fn passed(&self, position: u64) {
        self.0.position.store(position, Ordering::Relaxed);
        let file = self.0.folder.join(POSITION);
        let staged = file.with_extension("new");
        let text = format!("{} {position}\n", self.0.writer);
        let written = fs::write(&staged, text).and_then(|()| fs::rename(&staged, &file));
        if let Err(error) = written {
            tracing::warn!(
                kind = %error.kind(),
                "how far telemetry was forwarded cannot be written: a part is sent twice if the server ends now"
            );
        }
    }

    /// Lets go of a file.
    pub(super) fn remove(&self, file: &Waiting) {
        self.files().retain(|other| other != file);
        match fs::remove_file(&file.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(
                    file = %file.path.display(), kind = %error.kind(),
                    "a file that was forwarded cannot be removed: it is sent again at the next start"
                );
            }
            _ => {}
        }
    }

    fn place(&self, segment: &Segment) -> Waiting {
        let name = segment.path.file_name().unwrap_or_default();
        Waiting {
            path: self.0.folder.join(name),
            first: segment.first,
            bytes: segment.bytes,
        }
    }

    fn add(&self, waiting: Waiting) {
        let mut files = self.files();
        // A file whose way into the queue was interrupted comes twice.
        files.retain(|other| other.first != waiting.first);
        files.push_back(waiting);
        drop(files);
        self.0.changed.notify_one();
    }

    fn files(&self) -> std::sync::MutexGuard<'_, VecDeque<Waiting>> {
        self.0.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn left(folder: &Path) -> io::Result<VecDeque<Waiting>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if let Some(first) = first_of(&path) {
            let bytes = entry.metadata()?.len();
            files.push(Waiting { path, first, bytes });
        }
    }
    files.sort_by_key(|file| file.first);
    Ok(files.into())
}

/// What is not of this journal, or was not written to its end, is no position: then everything is sent again.
fn position(file: &Path, writer: &str) -> io::Result<u64> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(0),
        text => text?,
    };
    let said = text
        .trim_end()
        .split_once(' ')
        .filter(|(of, _)| *of == writer);
    Ok(said
        .and_then(|(_, position)| position.parse().ok())
        .unwrap_or(0))
}
