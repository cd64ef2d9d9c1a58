//! Sources on a real server of PostgreSQL.

#![expect(clippy::unwrap_used, reason = "tests")]

mod catalog;
mod insert;
mod obstacle;
mod roles;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use privet_cluster::Cluster;
use privet_postgres::{Address, Plaintext, Rules};
use privet_source::{PostgresAddresses, PostgresSource};

/// One server for all tests of this program: each makes databases of its own.
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start().unwrap());
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A database of its own.
pub(crate) struct Shop {
    pub(crate) database: String,
    pub(crate) address: String,
}

impl Shop {
    pub(crate) fn new(sql: &str) -> Self {
        let database = format!("shop_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let address = CLUSTER.database(&database).unwrap();
        let shop = Self { database, address };
        shop.sql(sql);
        shop
    }

    /// Runs SQL as the superuser.
    pub(crate) fn sql(&self, sql: &str) -> String {
        CLUSTER.sql(&self.database, sql).unwrap()
    }

    pub(crate) fn source(&self) -> PostgresSource {
        source(&self.address)
    }
}

/// A source whose roles are all the one of this address.
pub(crate) fn source(owner: &str) -> PostgresSource {
    source_of(owner, Some(owner))
}

pub(crate) fn rules() -> Rules<'static> {
    Rules {
        folder: Path::new("."),
        plaintext: Plaintext::Local,
    }
}

pub(crate) fn source_of(reader: &str, owner: Option<&str>) -> PostgresSource {
    let rules = rules();
    let address = |text: &str| Arc::new(Address::new(text, &rules).unwrap());
    let addresses = PostgresAddresses {
        console: address(reader),
        reader: address(reader),
        owner: owner.map(address),
    };
    PostgresSource::new("shop".parse().unwrap(), addresses, Vec::new())
}
