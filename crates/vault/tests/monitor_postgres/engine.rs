//! The stores that these tests run on: in databases of a real cluster, one for each test.

use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use privet_cluster::Cluster;
use privet_postgres::{Address, Plaintext, Rules};
use privet_store::{Clusters, MemoryStores, PostgresAddresses, PostgresOptions, PostgresStores};

static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start().unwrap());

/// Stores that no other test uses.
pub(crate) async fn new_stores() -> MemoryStores {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("monitor_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let rules = Rules {
        folder: Path::new("/"),
        plaintext: Plaintext::Local,
    };
    let address = Address::new(&CLUSTER.database(&name).unwrap(), &rules).unwrap();
    let addresses = PostgresAddresses {
        data: address.clone(),
        keys: address.clone(),
        log: address,
    };
    let options = PostgresOptions {
        connections_max: 4,
        connect_wait: Duration::from_secs(60),
        answer_wait: Duration::from_secs(60),
        clusters: Clusters::MayBeShared,
    };
    let PostgresStores {
        data, keys, log, ..
    } = PostgresStores::connect(&addresses, &options).await.unwrap();
    // The same three handles, whatever is behind them.
    MemoryStores { data, keys, log }
}
