//! Stores of SQLite and a mirror, in folders that can be copied and put back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use privet_store::{MemoryStores, SqliteStores};
use privet_vault::port::StoreError;
use tempfile::TempDir;

use crate::bed::HandClock;
use crate::place::{PATIENCE, files};

pub(crate) const STORES: [&str; 3] = ["data", "keys", "log"];

/// An erasure dies at each call of a store.
pub(crate) const STEP: usize = 1;

/// Stores and mirror in folders, for servers that come and go.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) clock: Arc<HandClock>,
}

impl World {
    pub(crate) fn new(clock: Arc<HandClock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["stores", "mirror"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder, clock }
    }

    pub(crate) fn mirror_folder(&self) -> PathBuf {
        self.folder.path().join("mirror")
    }

    /// All of it, elsewhere. Nobody is at work on it.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new(self.clock.clone());
        for (name, bytes) in files(self.folder.path()) {
            let path = copy.folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        copy
    }

    /// Puts back what these stores were.
    pub(crate) fn restore(&self, from: &Self, stores: &[&str]) {
        let [ours, theirs] = [self, from].map(|world| world.folder.path().join("stores"));
        let of = |name: &Path| {
            let name = name.to_string_lossy();
            stores.iter().any(|store| name.starts_with(*store))
        };
        for name in files(&ours).into_keys().filter(|name| of(name)) {
            std::fs::remove_file(ours.join(name)).unwrap();
        }
        for (name, bytes) in files(&theirs).into_iter().filter(|(name, _)| of(name)) {
            std::fs::write(ours.join(name), bytes).unwrap();
        }
    }

    /// The stores, as soon as whoever held them last has let go.
    pub(crate) async fn stores(&self) -> MemoryStores {
        let path = self.folder.path().join("stores");
        let opened = async {
            loop {
                match SqliteStores::open(&path) {
                    Ok(stores) => return stores,
                    Err(StoreError::InUse) => {
                        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        };
        let SqliteStores { data, keys, log } =
            tokio::time::timeout(PATIENCE, opened).await.unwrap();
        MemoryStores { data, keys, log }
    }

    /// Waits until whoever was at work here has ended.
    pub(crate) async fn rests(&self) {
        drop(self.stores().await);
    }
}
