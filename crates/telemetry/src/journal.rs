//! What the door has acknowledged and not stored yet: treated records in files, synced before the answer.
//!
//! One thread writes. While the disk syncs, what comes next gathers, and is synced together. A file that is long enough, or that
//! whoever stores asks for, is closed and never changed again, so that what is stored of it is stored as a whole, with its
//! position, however often that is tried. Format: `docs/formats/telemetry-journal.md`.

mod folder;
mod segment;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use privet_seal::Entropy;
use prost::Message as _;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::record::Batch;
use folder::Folder;
use writer::{Order, Writer};

pub(crate) use folder::first_of;
pub use segment::Damage;
pub(crate) use segment::read_behind;

/// Orders that wait for the writer. Requests that find no place wait before they are read.
const ORDERS_MAX: usize = 256;

/// Bounds of a journal.
#[derive(Debug, Clone, Copy)]
pub struct JournalLimits {
    /// Bytes of all its files; beyond it nothing is taken.
    pub bytes_max: u64,
    /// Bytes of one file; a longer one is closed.
    pub segment_bytes: u64,
}

/// Why a batch was not taken. It may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// What waits to be stored has reached its bound.
    #[error("the telemetry store does not keep up: send the same again later")]
    Full,
    /// The disk does not take it.
    #[error("the journal's disk does not take it: send the same again later")]
    Disk,
    /// The door is closing.
    #[error("the server is stopping: send the same to another one, or later")]
    Closed,
}

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process writes to it.
    #[error("another server uses the journal in `{}`: stop that one first, or give this one a folder of its own", .0.display())]
    InUse(PathBuf),
    /// A file of it is of a later version.
    #[error("`{}` was written by a later version: update this program", .0.display())]
    Version(PathBuf),
    /// The disk fails.
    #[error("the journal in `{}` cannot be used", .path.display())]
    Disk {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A closed file of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The file.
    pub path: PathBuf,
    /// The position of its first frame.
    pub first: u64,
    /// The position of its last frame.
    pub last: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Segment {
    /// Reads it batch by batch. What `take` answers ends it.
    ///
    /// # Errors
    /// [`Damage`]; the batches before it were given.
    pub fn read<E>(
        &self,
        mut take: impl FnMut(Batch) -> Result<(), E>,
    ) -> Result<Result<(), E>, Damage> {
        segment::read_behind(&self.path, 0, |_, batch| take(batch))
    }
}

/// The journal of one door. Clones share it.
#[derive(Debug, Clone)]
pub struct Journal {
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
}

/// What the writer and whoever stores both know.
#[derive(Debug)]
pub(crate) struct Shared {
    folder: Folder,
    limits: JournalLimits,
    /// Bytes of all files.
    bytes: AtomicU64,
    /// Closed files that are not stored yet, the oldest first.
    closed: Mutex<Vec<Segment>>,
    /// Told when a file was closed because it is long enough.
    pub(crate) long_enough: Notify,
}

impl Journal {
    /// Opens the journal in `path`, makes it if there is none, and takes up what an earlier process left.
    ///
    /// # Errors
    /// [`JournalError`]
    pub fn open(
        path: &Path,
        limits: JournalLimits,
        entropy: &dyn Entropy,
    ) -> Result<Self, JournalError> {
        let disk = |source| JournalError::Disk {
            path: path.to_owned(),
            source,
        };
        let folder = Folder::open(path, entropy)?;
        let (closed, last) = folder.take_up()?;
        let bytes = closed.iter().map(|segment| segment.bytes).sum();
        let shared = Arc::new(Shared {
            folder,
            limits,
            bytes: AtomicU64::new(bytes),
            closed: Mutex::new(closed),
            long_enough: Notify::new(),
        });
        let (orders, received) = mpsc::channel(ORDERS_MAX);
        let writer = Writer::new(Arc::clone(&shared), last + 1).map_err(disk)?;
        std::thread::Builder::new()
            .name("telemetry-journal".to_owned())
            .spawn(move || writer.run(received))
            .map_err(disk)?;
        Ok(Self { orders, shared })
    }

    /// The name under which the store knows this journal's positions.
    pub fn writer(&self) -> &str {
        self.shared.folder.writer()
    }

    /// Makes the batch durable.
    ///
    /// # Errors
    /// [`Refused`]; nothing was acknowledged then.
    pub async fn append(&self, batch: &Batch) -> Result<(), Refused> {
        let (done, answered) = oneshot::channel();
        let order = Order::Append {
            payload: batch.encode_to_vec(),
            done,
        };
        self.orders.send(order).await.map_err(|_| Refused::Closed)?;
        answered.await.unwrap_or(Err(Refused::Closed))
    }

    /// Closes the file that is being written, if anything is in it, and says which files wait to be stored, the oldest first.
    ///
    /// # Errors
    /// [`Refused`] if the disk does not take a new file, or the writer is gone.
    pub async fn close_file(&self) -> Result<Vec<Segment>, Refused> {
        let (done, answered) = oneshot::channel();
        let order = Order::Close { done };
        self.orders.send(order).await.map_err(|_| Refused::Closed)?;
        answered.await.unwrap_or(Err(Refused::Closed))?;
        Ok(self.waiting())
    }

    /// Goes on behind `position`, where the store is further than this journal knows: it was restored from a backup, and no position
    /// is given twice.
    ///
    /// # Errors
    /// As [`close_file`](Self::close_file).
    pub async fn go_behind(&self, position: u64) -> Result<(), Refused> {
        let (done, answered) = oneshot::channel();
        let order = Order::GoBehind { position, done };
        self.orders.send(order).await.map_err(|_| Refused::Closed)?;
        answered.await.unwrap_or(Err(Refused::Closed))
    }

    /// The closed files that wait to be stored, the oldest first.
    pub fn waiting(&self) -> Vec<Segment> {
        let closed = self.shared.closed.lock();
        closed.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Removes a file whose records were stored.
    ///
    /// # Errors
    /// What the system says; the file waits on, and storing it again changes nothing.
    pub fn stored(&self, segment: &Segment) -> std::io::Result<()> {
        self.shared.folder.remove(&segment.path)?;
        self.forget(segment);
        Ok(())
    }

    /// Puts a file aside of which a part cannot be read, for the operator to look at.
    ///
    /// # Errors
    /// What the system says.
    pub fn put_aside(&self, segment: &Segment) -> std::io::Result<PathBuf> {
        let aside = self.shared.folder.put_aside(&segment.path)?;
        self.forget(segment);
        Ok(aside)
    }

    /// Moves a file whose records were stored to `to`, on the same file system, and lets go of it.
    ///
    /// # Errors
    /// What the system says; the file waits on.
    pub(crate) fn hand_over(&self, segment: &Segment, to: &Path) -> std::io::Result<()> {
        match std::fs::rename(&segment.path, to) {
            // Moved before, and the process ended then.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && to.exists() => {}
            moved => moved?,
        }
        self.forget(segment);
        Ok(())
    }

    /// Where its files lie.
    pub(crate) fn folder(&self) -> &Path {
        self.shared.folder.path()
    }

    /// Bytes that are acknowledged and not stored.
    pub fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// Waits until a file is long enough to be stored.
    pub async fn long_enough(&self) {
        self.shared.long_enough.notified().await;
    }

    /// Ends the writing thread, once what was ordered is done. The folder is free when the last clone is gone.
    pub async fn end(&self) {
        let (done, ended) = oneshot::channel();
        if self.orders.send(Order::End { done }).await.is_ok() {
            // An error means that it ended before.
            let _ = ended.await;
        }
    }

    fn forget(&self, segment: &Segment) {
        let closed = self.shared.closed.lock();
        let mut closed = closed.unwrap_or_else(PoisonError::into_inner);
        closed.retain(|other| other.path != segment.path);
        self.shared
            .bytes
            .fetch_sub(segment.bytes, Ordering::Relaxed);
    }
}
