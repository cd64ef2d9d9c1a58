//! The lock on a folder that keeps a second server out for as long as the first lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use privet_vault::port::StoreError;

use super::file::io_failure;

const NAME: &str = "privet.lock";

/// An exclusive `flock(2)` on `privet.lock`; the system lets go of it when the process ends, however it ends. The file
/// stays: removing it would let two servers lock two files of the same name.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(super) fn acquire(dir: &Path) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(dir.join(NAME))
            .map_err(|error| io_failure(NAME, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
            Err(TryLockError::Error(error)) => Err(io_failure(NAME, &error)),
        }
    }
}
