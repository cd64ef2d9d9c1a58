//! What the door asks of the vault, and nothing else of it.

use async_trait::async_trait;
use privet_vault::{Error, Oid};

use crate::people::People;

/// Who may send, and whom records are about.
#[async_trait]
pub trait Monitor: std::fmt::Debug + Send + Sync + 'static {
    /// Whether whoever shows this token may send telemetry.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`], [`Error::Denied`] by policy, or what keeps the vault from deciding.
    async fn admit(&self, bearer: &str, address: &str) -> Result<(), Error>;

    /// The people with these operational ids, as they are now.
    ///
    /// # Errors
    /// [`Error::Unready`] when it is not known what they agree to now, [`Error::Store`] when a store fails.
    async fn people(&self, oids: Vec<Oid>) -> Result<Box<dyn People + Send>, Error>;

    /// Milliseconds since 1970, UTC.
    fn now_ms(&self) -> i64;
}
