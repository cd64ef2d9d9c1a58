//! A second database with the keys, which somebody else keeps up to date.

use std::sync::Arc;

use async_trait::async_trait;
use privet_postgres::Address;
use privet_vault::port::{KeyBackup, KeyStore, StoreError};

use super::{PostgresOptions, PostgresStores};

/// A replica of the key store, or a copy that was restored from a backup; it is only read.
#[derive(Debug, Clone)]
pub struct PostgresKeyReplica {
    address: Address,
    options: PostgresOptions,
}

impl PostgresKeyReplica {
    /// The replica at this address; nothing is opened yet.
    pub fn new(address: Address, options: PostgresOptions) -> Self {
        Self { address, options }
    }
}

#[async_trait]
impl KeyBackup for PostgresKeyReplica {
    async fn open(&self) -> Result<Arc<dyn KeyStore>, StoreError> {
        PostgresStores::read_keys(&self.address, &self.options).await
    }
}
