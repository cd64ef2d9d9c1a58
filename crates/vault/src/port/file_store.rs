//! Where the files lie that people get, sealed: a folder of this server, or a bucket that all servers share.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;

use crate::{RequestRunId, SubjectRequestId};

/// Which file. Both ids are random, so that its name says nothing of anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName {
    /// Whose request.
    pub request: SubjectRequestId,
    /// The attempt that makes it: two attempts at the same request never write the same file.
    pub run: RequestRunId,
}

/// `<request>/<run>`.
impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.request, self.run)
    }
}

/// Why a file was not written, read or deleted. It is worth trying again in every case but the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is no such file, or not as much of it.
    #[error("there is no such file of a request here")]
    Missing,
    /// There is no room.
    #[error("no space left for the files of requests: make room, then try again")]
    Full,
    /// Anything else, in words that show neither addresses nor credentials.
    #[error("the files of requests cannot be reached ({0}): check where they lie, then try again")]
    Unavailable(String),
}

/// Sealed files of requests. What they hold says nothing without the request's key; deleting them is housekeeping.
#[async_trait]
pub trait FileStore: Send + Sync {
    /// Begins a file. Nobody sees any of it before it is [finished](NewFile::finish).
    async fn begin(&self, name: FileName) -> Result<Box<dyn NewFile>, FileError>;

    /// How long a finished file is.
    async fn size_bytes(&self, name: FileName) -> Result<u64, FileError>;

    /// A part of a finished file: all of the range, or [`FileError::Missing`].
    async fn read(&self, name: FileName, range: Range<u64>) -> Result<Vec<u8>, FileError>;

    /// Deletes a file; one that is not there is as good as deleted.
    async fn delete(&self, name: FileName) -> Result<(), FileError>;

    /// Every finished file, in any order.
    async fn list(&self) -> Result<Vec<FileName>, FileError>;
}

/// A file that is being written. Dropped before its end it is never seen, and what there is of it is swept up sometime.
#[async_trait]
pub trait NewFile: Send {
    /// Adds bytes at the end. May wait until earlier ones were taken, so that few are in memory.
    async fn append(&mut self, bytes: &[u8]) -> Result<(), FileError>;

    /// Ends the file: when this returns it is there as a whole, also after a loss of power.
    async fn finish(self: Box<Self>) -> Result<(), FileError>;

    /// Gives the file up.
    async fn abandon(self: Box<Self>);
}
