//! No value is sealed whose keys are not in the backup.

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use privet_store::{MemoryStores, SqliteKeyCopy, SqliteStores};
use privet_vault::port::{KeyBackup, KeyStore, StoreError};
use privet_vault::{JobState, JobStatus, Vault};

use crate::bed::{ROWS, SCHEMA, Setting, Stores, adopt, parts, sqlite};

/// A shop over stores in files, outside of development.
async fn vault(dir: &Path) -> (Vault, Stores) {
    let path = dir.join("shop.sqlite");
    if !path.exists() {
        let shop = rusqlite::Connection::open(&path).unwrap();
        shop.execute_batch(&format!("{SCHEMA}{ROWS}")).unwrap();
    }
    let SqliteStores { data, keys, log } = SqliteStores::open(&dir.join("stores")).unwrap();
    let stores = Stores { data, keys, log };
    let mut parts = parts(
        &stores,
        Arc::new(sqlite("shop", &path)),
        &Setting::default(),
    );
    parts.config.development = false;
    (Vault::start(parts).await.unwrap(), stores)
}

async fn adopted(vault: &Vault) -> JobStatus {
    adopt(vault, &"shop".parse().unwrap(), false).await
}

fn name(dir: &Path) -> String {
    let shop = rusqlite::Connection::open(dir.join("shop.sqlite")).unwrap();
    shop.query_row("SELECT name FROM customer WHERE id = 1", [], |row| {
        row.get(0)
    })
    .unwrap()
}

#[tokio::test]
async fn without_a_backup_nothing_is_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let (vault, stores) = vault(dir.path()).await;
    let status = adopted(&vault).await;
    assert_eq!(
        status.problems,
        [
            "there is no backup of the key store, and without its keys no sealed value can ever be opened: say where one is or \
          is to be made (`key_backup` in [stores])"
        ]
    );
    assert_eq!(
        (status.state, name(dir.path())),
        (JobState::Failed, "Ada Marker".to_owned())
    );
    assert_eq!(stores.keys.subject_count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_copy_is_made_and_holds_what_sealing_needs() {
    let dir = tempfile::tempdir().unwrap();
    let (vault, _stores) = vault(dir.path()).await;
    let copy = SqliteKeyCopy::new(&dir.path().join("stores"), &dir.path().join("copy"));
    vault.back_keys_up(Arc::new(copy.clone()));
    let status = adopted(&vault).await;
    assert_eq!(status.problems, Vec::<String>::new());
    assert_eq!((status.state, status.left), (JobState::Done, 0));
    assert_eq!(copy.open().await.unwrap().subject_count().await.unwrap(), 3);
    // Adopting again needs no new one: there is nothing to seal.
    std::fs::remove_dir_all(dir.path().join("copy")).unwrap();
    assert_eq!(adopted(&vault).await.state, JobState::Done);
    assert!(!dir.path().join("copy").exists());
}

/// What was a backup once: it opens whatever it was given.
struct Old(Mutex<Option<Arc<dyn KeyStore>>>);

#[async_trait]
impl KeyBackup for Old {
    async fn open(&self) -> Result<Arc<dyn KeyStore>, StoreError> {
        let store = self.0.lock().unwrap().clone();
        store.ok_or_else(|| StoreError::Unavailable("no such folder".to_owned()))
    }
}

#[tokio::test]
async fn a_backup_that_lacks_keys_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (vault, _stores) = vault(dir.path()).await;
    let old = Arc::new(Old(Mutex::new(None)));
    vault.back_keys_up(old.clone());
    let status = adopted(&vault).await;
    assert_eq!(
        status.problems,
        ["the backup of the key store cannot be used: no such folder"]
    );
    // That of another server: it opens, under the same root, and has none of these people.
    let MemoryStores { keys, .. } = MemoryStores::new();
    *old.0.lock().unwrap() = Some(keys);
    let status = adopted(&vault).await;
    assert_eq!(
        status.problems,
        [
            "the backup of the key store lacks the keys of 3 people whose values are to be sealed: let it catch up, or make a \
          new one, then start again"
        ]
    );
    assert_eq!(name(dir.path()), "Ada Marker");
    let copy = SqliteKeyCopy::new(&dir.path().join("stores"), &dir.path().join("copy"));
    *old.0.lock().unwrap() = Some(copy.open().await.unwrap());
    assert_eq!(adopted(&vault).await.state, JobState::Done);
}
