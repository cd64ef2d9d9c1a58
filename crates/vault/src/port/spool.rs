//! Where rows wait, sealed, until the file is made of them: on a disk of this server, for one attempt.

use std::io::{self, Read, Seek, Write};

use crate::RequestRunId;

/// Which rows: those of one collection, for one attempt at one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpoolName {
    /// The attempt.
    pub run: RequestRunId,
    /// The place of the collection among those of the attempt.
    pub collection: u32,
}

/// What a spool is read from.
pub trait SpoolRead: Read + Seek + Send {}

impl<R: Read + Seek + Send> SpoolRead for R {}

/// Sealed spools. They live as long as an attempt; whoever offers them throws away what a server left that was killed, before
/// it is asked for anything.
pub trait Spools: Send + Sync {
    /// Begins an empty spool. It holds no file open between two writes: there may be thousands.
    ///
    /// # Errors
    /// Those of the disk.
    fn create(&self, name: SpoolName) -> io::Result<Box<dyn Write + Send>>;

    /// Opens a spool to be read.
    ///
    /// # Errors
    /// Those of the disk.
    fn open(&self, name: SpoolName) -> io::Result<Box<dyn SpoolRead>>;

    /// Deletes all spools of an attempt.
    ///
    /// # Errors
    /// Those of the disk.
    fn delete(&self, run: RequestRunId) -> io::Result<()>;
}
