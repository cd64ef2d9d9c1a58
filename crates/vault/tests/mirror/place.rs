//! A mirror in a folder of its own, and vaults beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use privet_mirror::{FolderMirror, folder_name};
use privet_store::MemoryStores;
use privet_tlog::Checkpoint;
use privet_tlog::note::VerifierKey;
use privet_vault::audit::offline;
use privet_vault::port::LogMirror;
use privet_vault::{Error, Vault};
use tempfile::TempDir;

use crate::bed::{Bed, HandClock, ORIGIN, hand_clock, parts, request, root, shown};
use crate::engine::new_stores;
use crate::faulty::Faulty;

/// Whatever takes longer than this never comes: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A folder.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn mirror(&self) -> Arc<dyn LogMirror> {
        Arc::new(FolderMirror::open(self.0.path()).unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The files of one log.
    pub(crate) fn log(&self, origin: &str) -> PathBuf {
        self.0.path().join(folder_name(origin))
    }

    /// Checks the copy as whoever only has it would.
    pub(crate) fn verified(&self, key: &VerifierKey) -> Checkpoint {
        let origin = key.name().to_string();
        offline::verify_directory(&self.log(&origin), std::slice::from_ref(key), &[], drop).unwrap()
    }
}

/// Every file below a folder, by its path.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// A server over stores in memory, beside a mirror that does as it is told.
pub(crate) struct Mirrored {
    pub(crate) bed: Bed,
    pub(crate) place: Place,
    pub(crate) mirror: Arc<Faulty>,
}

impl Mirrored {
    pub(crate) async fn new() -> Self {
        let (stores, clock) = (new_stores().await, hand_clock());
        Self::over(stores, clock, Place::new()).await.unwrap()
    }

    /// Another one, whose history is another: it lives later.
    pub(crate) async fn later() -> Self {
        let (stores, clock) = (new_stores().await, hand_clock());
        clock.advance(Duration::from_secs(1));
        Self::over(stores, clock, Place::new()).await.unwrap()
    }

    pub(crate) async fn over(
        stores: MemoryStores,
        clock: Arc<HandClock>,
        place: Place,
    ) -> Result<Self, Error> {
        let mirror = Faulty::new(place.mirror());
        let parts = parts(&stores, &clock, "test", root());
        let vault = Vault::start_mirrored(parts, mirror.clone()).await?;
        let bed = Bed {
            vault,
            clock,
            stores,
        };
        Ok(Self { bed, place, mirror })
    }

    /// Stops and leaves what a start needs.
    pub(crate) async fn stop(self) -> (MemoryStores, Arc<HandClock>, Place) {
        self.bed.vault.stop().await;
        let Bed { clock, stores, .. } = self.bed;
        (stores, clock, self.place)
    }

    /// Waits until everything is in the mirror.
    pub(crate) async fn caught_up(&self) {
        until("the mirror has everything", || {
            self.bed.vault.audit().health().mirror.unwrap().behind == 0
        })
        .await;
    }

    pub(crate) fn key(&self) -> VerifierKey {
        self.bed.vault.audit().verifier_key().clone()
    }
}

/// Waits for what happens by itself.
pub(crate) async fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let waiting = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "it never happened: {what}");
}

/// Somebody's mail address as it is revealed, or why it is not.
pub(crate) async fn revealed(bed: &Bed, subject: &privet_vault::SubjectName) -> String {
    let job = bed.caller("job").await;
    let asked = request(subject, &["email"], "service");
    match bed.vault.reveal(&job, &asked).await {
        Ok(answer) => match &answer.subjects[0] {
            None => "nobody".to_owned(),
            Some(values) => shown(&values[0]),
        },
        Err(error) => error.code().to_owned(),
    }
}

/// The folder's name of the only log that most of these tests have.
pub(crate) fn the_log(place: &Place) -> PathBuf {
    place.log(ORIGIN)
}
