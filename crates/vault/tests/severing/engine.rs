//! The stores of the attacked, in files. The attacker gets those of data and log, and not that of the keys.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use privet_store::{MemoryStores, SqliteStores};
use tempfile::TempDir;

static FOLDERS: Mutex<Vec<TempDir>> = Mutex::new(Vec::new());

/// Stores that no other test uses.
pub(crate) async fn new_stores() -> MemoryStores {
    let folder = tempfile::tempdir().unwrap();
    let files = SqliteStores::open(folder.path()).unwrap();
    let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    folders.push(folder);
    MemoryStores {
        data: files.data,
        keys: files.keys,
        log: files.log,
    }
}

/// The folder of the stores that were made last.
pub(crate) fn folder() -> PathBuf {
    let folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    folders.last().unwrap().path().to_owned()
}
