//! A second place where keys are: what is sealed is lost with the last of them.

use std::sync::Arc;

use async_trait::async_trait;

use super::{KeyStore, StoreError};

/// A copy of the key store, or a replica of it.
#[async_trait]
pub trait KeyBackup: Send + Sync {
    /// Brings it up to date where that is ours to do, and opens it anew, for reading.
    ///
    /// # Errors
    /// When it cannot be written, reached or read.
    async fn open(&self) -> Result<Arc<dyn KeyStore>, StoreError>;
}
