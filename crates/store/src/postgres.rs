//! The three stores on PostgreSQL: one database each, on clusters that one restore cannot roll back together.
//!
//! Every table lies in a schema of its store (`privet_data`, `privet_keys`, `privet_log`), so that a development
//! environment may put all three into one database. `docs/scaling.md` says by which key each table can be spread.

mod column;
mod data;
mod database;
mod keys;
mod log;

use std::sync::Arc;
use std::time::Duration;

use privet_vault::port::{DataStore, KeyStore, LogStore, StoreError};

use self::data::PostgresData;
use self::database::Database;
use self::keys::PostgresKeys;
use self::log::PostgresLog;

/// Where the three stores are: connection strings or URLs as libpq takes them. Several hosts may be named; the one
/// that takes writes is used.
#[derive(Clone)]
pub struct PostgresUrls {
    /// Sealed values, blind indexes, sessions.
    pub data: String,
    /// Keys, links, tokens, grants.
    pub keys: String,
    /// The audit log.
    pub log: String,
}

impl std::fmt::Debug for PostgresUrls {
    // A URL may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresUrls").finish_non_exhaustive()
    }
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
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections_max: 16,
            connect_wait: Duration::from_secs(5),
            answer_wait: Duration::from_secs(5),
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
    /// cannot be reached or does not do what a store needs of it.
    pub async fn connect(
        urls: &PostgresUrls,
        options: &PostgresOptions,
    ) -> Result<Self, StoreError> {
        let (data, keys, log) = tokio::try_join!(
            Database::connect(&data::SPEC, &urls.data, options),
            Database::connect(&keys::SPEC, &urls.keys, options),
            Database::connect(&log::SPEC, &urls.log, options),
        )?;
        Ok(Self {
            data: Arc::new(PostgresData::new(data)),
            keys: Arc::new(PostgresKeys::new(keys)),
            log: Arc::new(PostgresLog::new(log)),
        })
    }
}
