//! The stores that these tests run on: in databases of a real cluster, one for each test.

use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use privet_cluster::Cluster;
use privet_postgres::{Address, Plaintext, Rules};
use privet_store::{Clusters, MemoryStores, PostgresAddresses, PostgresOptions, PostgresStores};

pub(crate) static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start().unwrap());

/// A machine that is busy with other tests may be slow.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn address(url: &str) -> Address {
    let rules = Rules {
        folder: Path::new("/"),
        plaintext: Plaintext::Local,
    };
    Address::new(url, &rules).unwrap()
}

pub(crate) fn options(clusters: Clusters) -> PostgresOptions {
    PostgresOptions {
        connections_max: 4,
        connect_wait: PATIENCE,
        answer_wait: PATIENCE,
        clusters,
    }
}

/// The URL of a database that no other test uses.
pub(crate) fn new_database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("stores_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    CLUSTER.database(&name).unwrap()
}

/// All three stores in the database at this URL.
pub(crate) async fn stores_at(url: &str) -> MemoryStores {
    let address = address(url);
    let addresses = PostgresAddresses {
        data: address.clone(),
        keys: address.clone(),
        log: address,
    };
    let connected = PostgresStores::connect(&addresses, &options(Clusters::MayBeShared)).await;
    let PostgresStores {
        data, keys, log, ..
    } = connected.unwrap();
    // The same three handles, whatever is behind them.
    MemoryStores { data, keys, log }
}

/// Stores that no other test uses.
pub(crate) async fn new_stores() -> MemoryStores {
    stores_at(&new_database()).await
}
