//! One suite for every store: what the ports promise, checked on the memory model and on SQLite. A new engine joins by
//! a line in [`on_each`].
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod crash;
mod data;
mod faults;
mod keys;
mod log;
mod random;
mod rows;

use std::sync::Arc;

use privet_store::{MemoryStores, SqliteStores};
use privet_vault::port::{DataStore, KeyStore, LogStore};
use tempfile::{TempDir, tempdir};

/// One engine's three stores, empty at first.
struct Stores {
    data: Arc<dyn DataStore>,
    keys: Arc<dyn KeyStore>,
    log: Arc<dyn LogStore>,
    dir: Option<TempDir>,
}

impl Stores {
    fn memory() -> Self {
        let MemoryStores { data, keys, log } = MemoryStores::new();
        Self {
            data,
            keys,
            log,
            dir: None,
        }
    }

    fn sqlite() -> Self {
        let dir = tempdir().unwrap();
        let SqliteStores { data, keys, log } = SqliteStores::open(dir.path()).unwrap();
        Self {
            data,
            keys,
            log,
            dir: Some(dir),
        }
    }

    /// What a restart of the server sees.
    fn reopen(&mut self) {
        let Some(dir) = self.dir.take() else { return };
        let empty = Self::memory();
        (self.data, self.keys, self.log) = (empty.data, empty.keys, empty.log);
        let SqliteStores { data, keys, log } = SqliteStores::open(dir.path()).unwrap();
        *self = Self {
            data,
            keys,
            log,
            dir: Some(dir),
        };
    }
}

/// Runs a check on each engine, and again after reopening what it left behind if it asks for that itself.
async fn on_each(check: impl AsyncFn(&mut Stores)) {
    for mut stores in [Stores::memory(), Stores::sqlite()] {
        check(&mut stores).await;
    }
}
