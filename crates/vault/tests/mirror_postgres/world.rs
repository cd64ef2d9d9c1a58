//! Stores in three databases of a real cluster and a mirror in a folder, which can be copied and put back.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use privet_cluster::Cluster;
use privet_postgres::{Address, Plaintext, Rules};
use privet_store::{Clusters, MemoryStores, PostgresAddresses, PostgresOptions, PostgresStores};
use tempfile::TempDir;

use crate::bed::HandClock;
use crate::place::{PATIENCE, files};

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start().unwrap());

pub(crate) const STORES: [&str; 3] = ["data", "keys", "log"];

/// An erasure dies at each fifth call: three databases are copied for each. The one that comes between the first word in the log
/// and the end waits until the mirror has that word.
pub(crate) const STEP: usize = 5;

/// Three databases and a mirror, for servers that come and go.
pub(crate) struct World {
    mirror: TempDir,
    number: u32,
    pub(crate) clock: Arc<HandClock>,
}

impl World {
    pub(crate) fn new(clock: Arc<HandClock>) -> Self {
        let world = Self::without_databases(clock);
        for store in STORES {
            CLUSTER.database(&world.name(store)).unwrap();
        }
        world
    }

    fn without_databases(clock: Arc<HandClock>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self {
            mirror: tempfile::tempdir().unwrap(),
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            clock,
        }
    }

    /// The database of a store.
    fn name(&self, store: &str) -> String {
        format!("mirrored_{}_{store}", self.number)
    }

    pub(crate) fn mirror_folder(&self) -> PathBuf {
        self.mirror.path().to_owned()
    }

    /// All of it, elsewhere. Nobody is at work on it.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::without_databases(self.clock.clone());
        for (name, bytes) in files(self.mirror.path()) {
            let path = copy.mirror.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        for store in STORES {
            copy_database(&self.name(store), &copy.name(store));
        }
        copy
    }

    /// Puts back what these stores were.
    pub(crate) fn restore(&self, from: &Self, stores: &[&str]) {
        for store in stores {
            drop_database(&self.name(store));
            copy_database(&from.name(store), &self.name(store));
        }
    }

    pub(crate) async fn stores(&self) -> MemoryStores {
        let rules = Rules {
            folder: Path::new("/"),
            plaintext: Plaintext::Local,
        };
        let address = |store| Address::new(&CLUSTER.url(&self.name(store)), &rules).unwrap();
        let addresses = PostgresAddresses {
            data: address("data"),
            keys: address("keys"),
            log: address("log"),
        };
        let options = PostgresOptions {
            connections_max: 4,
            connect_wait: Duration::from_secs(60),
            answer_wait: Duration::from_secs(60),
            clusters: Clusters::MayBeShared,
        };
        let stores = PostgresStores::connect(&addresses, &options).await;
        let PostgresStores {
            data, keys, log, ..
        } = stores.unwrap();
        // The same three handles, whatever is behind them.
        MemoryStores { data, keys, log }
    }

    /// Waits until whoever was at work here has ended.
    pub(crate) async fn rests(&self) {
        let names = STORES.map(|store| format!("'{}'", self.name(store)));
        let connected = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname IN ({})",
            names.join(", ")
        );
        let resting = async {
            while CLUSTER.sql("postgres", &connected).unwrap().trim() != "0" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, resting).await.unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for store in STORES {
            drop_database(&self.name(store));
        }
    }
}

/// Copies a database that nobody is connected to.
fn copy_database(from: &str, to: &str) {
    let sql = format!("CREATE DATABASE {to} TEMPLATE {from}");
    CLUSTER.sql("postgres", &sql).unwrap();
}

fn drop_database(name: &str) {
    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    CLUSTER.sql("postgres", &sql).unwrap();
}
