//! One suite for every store: what the ports promise, checked on the memory model, on SQLite and on PostgreSQL. A new engine joins by
//! a line in [`on_each`].
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod consent;
mod crash;
mod data;
mod faults;
mod field_erasures;
mod keys;
mod log;
mod notice;
mod random;
mod requests;
mod rows;
mod salts;
mod subject_requests;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use privet_cluster::Cluster;
use privet_postgres::{Address, Plaintext, Rules};
use privet_store::{
    MemoryStores, PostgresAddresses, PostgresOptions, PostgresStores, SqliteStores,
};
use privet_vault::port::{DataStore, KeyStore, LogStore, StoreError};
use tempfile::{TempDir, tempdir};

/// One engine's three stores, empty at first.
struct Stores {
    data: Arc<dyn DataStore>,
    keys: Arc<dyn KeyStore>,
    log: Arc<dyn LogStore>,
    home: Home,
}

/// Where they are.
enum Home {
    Memory,
    Folder(TempDir),
    Databases(Box<PostgresAddresses>),
}

/// One cluster a store, as outside of development.
static CLUSTERS: LazyLock<[Cluster; 3]> =
    LazyLock::new(|| [(); 3].map(|()| Cluster::start().unwrap()));

/// Databases that no other test uses.
fn new_databases() -> PostgresAddresses {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("store_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let [data, keys, log] = &*CLUSTERS;
    let address = |cluster: &Cluster| {
        let rules = Rules {
            folder: Path::new("/"),
            plaintext: Plaintext::Local,
        };
        Address::new(&cluster.database(&name).unwrap(), &rules).unwrap()
    };
    PostgresAddresses {
        data: address(data),
        keys: address(keys),
        log: address(log),
    }
}

/// Opens the folder. A program that another test starts has the lock of a store as well, for the instant from its fork to
/// its exec.
fn opened(dir: &TempDir) -> SqliteStores {
    let started = std::time::Instant::now();
    loop {
        match SqliteStores::open(dir.path()) {
            Err(StoreError::InUse) if started.elapsed() < Duration::from_secs(5) => {
                std::thread::yield_now();
            }
            opened => return opened.unwrap(),
        }
    }
}

impl Stores {
    fn memory() -> Self {
        let MemoryStores { data, keys, log } = MemoryStores::new();
        Self {
            data,
            keys,
            log,
            home: Home::Memory,
        }
    }

    fn sqlite(dir: TempDir) -> Self {
        let SqliteStores { data, keys, log } = opened(&dir);
        Self {
            data,
            keys,
            log,
            home: Home::Folder(dir),
        }
    }

    async fn postgres(addresses: PostgresAddresses) -> Self {
        // The tests share their machine with others: a late answer is not what they are about.
        let options = PostgresOptions {
            connect_wait: Duration::from_secs(120),
            answer_wait: Duration::from_secs(120),
            ..PostgresOptions::default()
        };
        let stores = PostgresStores::connect(&addresses, &options).await.unwrap();
        let PostgresStores {
            data, keys, log, ..
        } = stores;
        Self {
            data,
            keys,
            log,
            home: Home::Databases(Box::new(addresses)),
        }
    }

    /// What a restart of the server sees.
    async fn reopen(&mut self) {
        let home = std::mem::replace(&mut self.home, Home::Memory);
        if let Home::Memory = home {
            return;
        }
        // The files of a folder have one server at a time.
        *self = Self::memory();
        *self = match home {
            Home::Memory => return,
            Home::Folder(dir) => Self::sqlite(dir),
            Home::Databases(addresses) => Self::postgres(*addresses).await,
        };
    }
}

/// Runs a check on each engine, and again after reopening what it left behind if it asks for that itself.
async fn on_each(check: impl AsyncFn(&mut Stores)) {
    check(&mut Stores::memory()).await;
    check(&mut Stores::sqlite(tempdir().unwrap())).await;
    check(&mut Stores::postgres(new_databases()).await).await;
}
