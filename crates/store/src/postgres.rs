//! The three stores on PostgreSQL: one database each, on clusters that one restore cannot roll back together.
//!
//! Every table lies in a schema of its store (`privet_data`, `privet_keys`, `privet_log`), so that a development
//! environment may put all three into one database. `docs/scaling.md` says by which key each table can be spread.

mod column;
mod data;
mod database;
mod keys;
mod lease;
mod log;
mod replica;
mod server;

use std::sync::Arc;
use std::time::Duration;

pub use self::replica::PostgresKeyReplica;
use privet_postgres::Address;
use privet_vault::port::{DataStore, KeyStore, LogStore, StoreError};

use self::data::PostgresData;
use self::database::{Access, Database, DatabaseSpec};
use self::keys::PostgresKeys;
use self::log::PostgresLog;
use self::server::Server;

/// Where the three stores are. Several hosts may be named for each; the one that takes writes is used.
#[derive(Debug, Clone)]
pub struct PostgresAddresses {
    /// Sealed values, blind indexes, sessions.
    pub data: Address,
    /// Keys, links, tokens, grants.
    pub keys: Address,
    /// The audit log.
    pub log: Address,
}

/// Whether two stores may lie in one cluster, where one restore rolls both back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clusters {
    /// Each store has its own.
    Apart,
    /// They may share one: backups of the data then hold the keys, and an erasure is not final while those are kept.
    MayBeShared,
}

/// How to use the databases; [`PostgresOptions::default`] is right for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Connections to each database.
    pub connections_max: usize,
    /// How long a call waits for a connection.
    pub connect_wait: Duration,
    /// How long a call waits for its answer once it has a connection; the server gives up then, too.
    pub answer_wait: Duration,
    /// Whether two stores may lie in one cluster.
    pub clusters: Clusters,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections_max: 16,
            connect_wait: Duration::from_secs(5),
            answer_wait: Duration::from_secs(5),
            clusters: Clusters::Apart,
        }
    }
}

/// The stores of one environment on PostgreSQL. Several servers may share them.
#[derive(Clone)]
pub struct PostgresStores {
    /// Sealed values, blind indexes, sessions.
    pub data: Arc<dyn DataStore>,
    /// Keys, links, tokens, grants.
    pub keys: Arc<dyn KeyStore>,
    /// The audit log.
    pub log: Arc<dyn LogStore>,
    writer: Arc<PostgresLog>,
    shared: bool,
}

impl std::fmt::Debug for PostgresStores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStores").finish_non_exhaustive()
    }
}

impl PostgresStores {
    /// Connects to the databases, makes what does not exist yet and brings older formats up to date, one server at a
    /// time. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`StoreError::NewerVersion`] when a newer `privet` wrote a store, [`StoreError::Unavailable`] when a database
    /// cannot be reached or does not do what a store needs of it: clusters that must be apart are one, a server would
    /// lose what it says is written.
    pub async fn connect(
        addresses: &PostgresAddresses,
        options: &PostgresOptions,
    ) -> Result<Self, StoreError> {
        let connect = |spec: &'static DatabaseSpec, address| {
            Database::connect(spec, address, options, Access::Write)
        };
        let (data, keys, log) = tokio::try_join!(
            connect(&data::SPEC, &addresses.data),
            connect(&keys::SPEC, &addresses.keys),
            connect(&log::SPEC, &addresses.log),
        )?;
        let servers = named([data.1, keys.1, log.1]);
        if options.clusters == Clusters::Apart {
            server::all_apart(&servers)?;
        }
        tokio::try_join!(data.0.migrate(), keys.0.migrate(), log.0.migrate())?;
        let writer = Arc::new(PostgresLog::new(log.0));
        Ok(Self {
            data: Arc::new(PostgresData::new(data.0)),
            keys: Arc::new(PostgresKeys::new(keys.0)),
            log: Arc::clone(&writer) as Arc<dyn LogStore>,
            writer,
            shared: !server::shared(&servers).is_empty(),
        })
    }

    /// The log alone, for reading beside servers that may be running; every writing method fails.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database cannot be reached, or holds no log or an older format of it.
    pub async fn read_log(
        address: &Address,
        options: &PostgresOptions,
    ) -> Result<Arc<dyn LogStore>, StoreError> {
        let (log, _) = Database::connect(&log::SPEC, address, options, Access::Read).await?;
        log.check_format().await?;
        Ok(Arc::new(PostgresLog::new(log)))
    }

    /// The data alone, for reading beside servers that may be running; every writing method fails.
    ///
    /// # Errors
    /// As [`read_log`](Self::read_log).
    pub async fn read_data(
        address: &Address,
        options: &PostgresOptions,
    ) -> Result<Arc<dyn DataStore>, StoreError> {
        let (data, _) = Database::connect(&data::SPEC, address, options, Access::Read).await?;
        data.check_format().await?;
        Ok(Arc::new(PostgresData::new(data)))
    }

    /// Whether a server could use these databases; changes nothing.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub async fn inspect(
        addresses: &PostgresAddresses,
        options: &PostgresOptions,
    ) -> Result<(), Vec<StoreError>> {
        let connect = |spec: &'static DatabaseSpec, address| {
            Database::connect(spec, address, options, Access::Write)
        };
        let (data, keys, log) = tokio::join!(
            connect(&data::SPEC, &addresses.data),
            connect(&keys::SPEC, &addresses.keys),
            connect(&log::SPEC, &addresses.log),
        );
        let (mut found, mut wrong) = (Vec::new(), Vec::new());
        for (name, connected) in NAMES.into_iter().zip([data, keys, log]) {
            match connected {
                Ok((_, server)) => found.push((name, server)),
                Err(error) => wrong.push(error),
            }
        }
        if options.clusters == Clusters::Apart {
            wrong.extend(server::all_apart(&found).err());
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }

    /// Keeps every other server from writing the log of this origin, for as long as these stores live; the database
    /// lets go when the process ends, however it ends.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another server writes it.
    pub async fn lease(&self, origin: &str) -> Result<(), StoreError> {
        self.writer.lease(origin).await
    }

    /// Whether two stores lie in one cluster, so that backups of the data hold the keys.
    pub fn share_a_cluster(&self) -> bool {
        self.shared
    }
}

const NAMES: [&str; 3] = [data::SPEC.name, keys::SPEC.name, log::SPEC.name];

fn named(servers: [Server; 3]) -> Vec<(&'static str, Server)> {
    NAMES.into_iter().zip(servers).collect()
}
