//! An application's database on a server of PostgreSQL.

mod catalog;
mod connect;
mod error;

use std::sync::Arc;

use async_trait::async_trait;
use privet_vault::SourceName;
use privet_vault::port::{
    Affected, Catalog, Integrity, RowKey, RunMode, SealPlan, SealedRow, Serving, Source,
    SourceError, SourceRow, TableScan, Upstream, UpstreamError, Upstreams,
};
use tokio::sync::Mutex;
use tokio_postgres::Client;

use error::Failing;

/// Under which roles a database is reached: addresses as libpq writes them, `postgresql://ROLE:PASSWORD@HOST/DATABASE`.
#[derive(Clone)]
pub struct PostgresAddresses {
    /// The role of protected sessions.
    pub console: String,
    /// The role of decrypted sessions, without write rights.
    pub reader: String,
    /// The role that owns the tables; used for adopting, undoing and checking alone. Without it, these are refused.
    pub owner: Option<String>,
}

impl std::fmt::Debug for PostgresAddresses {
    // An address may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresAddresses").finish_non_exhaustive()
    }
}

/// A database of PostgreSQL as a source. Cloning shares its connections.
#[derive(Debug, Clone)]
pub struct PostgresSource {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: SourceName,
    addresses: PostgresAddresses,
    reader: Slot,
    writer: Slot,
}

/// A connection that is kept while all goes well.
#[derive(Default)]
struct Slot(Mutex<Option<Client>>);

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

impl PostgresSource {
    /// A source at these addresses; nothing is opened yet.
    pub fn new(name: SourceName, addresses: PostgresAddresses) -> Self {
        Self {
            shared: Arc::new(Shared {
                name,
                addresses,
                reader: Slot::default(),
                writer: Slot::default(),
            }),
        }
    }

    /// The addresses of its roles.
    pub fn addresses(&self) -> &PostgresAddresses {
        &self.shared.addresses
    }

    fn told(&self, failing: Failing) -> SourceError {
        failing.named(&self.shared.name)
    }

    fn not_yet(&self) -> SourceError {
        SourceError::Failed {
            name: self.shared.name.clone(),
            why: "this version does not adopt databases of PostgreSQL yet".to_owned(),
        }
    }
}

impl Shared {
    /// Looking needs no right to change anything; the owner's role sees what others may not.
    fn reading_address(&self) -> &str {
        let owner = self.addresses.owner.as_deref();
        owner.unwrap_or(&self.addresses.reader)
    }
}

#[async_trait]
impl Source for PostgresSource {
    fn name(&self) -> &SourceName {
        &self.shared.name
    }

    async fn catalog(&self) -> Result<Catalog, SourceError> {
        let mut slot = self.shared.reader.0.lock().await;
        let client = match slot.take() {
            Some(client) => client,
            None => connect::connect(self.shared.reading_address())
                .await
                .map_err(|failing| self.told(failing))?,
        };
        let read = catalog::read(&client).await;
        let read = read.map_err(|failing| self.told(failing))?;
        *slot = Some(client);
        Ok(read)
    }

    async fn obstacles(&self, _plans: &[SealPlan]) -> Result<Vec<String>, SourceError> {
        Err(self.not_yet())
    }

    async fn gaps(&self, _plans: &[SealPlan]) -> Result<Vec<String>, SourceError> {
        Err(self.not_yet())
    }

    async fn integrity(&self) -> Result<Integrity, SourceError> {
        Ok(Integrity::default())
    }

    async fn scan(&self, _plan: &SealPlan) -> Result<TableScan, SourceError> {
        Err(self.not_yet())
    }

    async fn prepare(&self, _plan: &SealPlan) -> Result<(), SourceError> {
        Err(self.not_yet())
    }

    async fn read(
        &self,
        _plan: &SealPlan,
        _after: Option<RowKey>,
        _rows_max: u32,
    ) -> Result<Vec<SourceRow>, SourceError> {
        Err(self.not_yet())
    }

    async fn indexed(
        &self,
        _plan: &SealPlan,
        _column: usize,
        _after: Option<RowKey>,
        _rows_max: u32,
    ) -> Result<Vec<(RowKey, String)>, SourceError> {
        Err(self.not_yet())
    }

    async fn write(
        &self,
        _plan: &SealPlan,
        _rows: Vec<SealedRow>,
    ) -> Result<Affected, SourceError> {
        Err(self.not_yet())
    }

    async fn finish(&self, _plans: &[SealPlan]) -> Result<(), SourceError> {
        Err(self.not_yet())
    }

    async fn close(&self) {
        for slot in [&self.shared.reader, &self.shared.writer] {
            slot.0.lock().await.take();
        }
    }

    fn serving(&self) -> Serving<'_> {
        Serving::Upstream(self)
    }
}

#[async_trait]
impl Upstreams for PostgresSource {
    async fn upstream(
        &self,
        _mode: RunMode,
        _settings: &[(String, String)],
    ) -> Result<Upstream, UpstreamError> {
        Err(UpstreamError::Unreachable {
            source_name: self.shared.name.to_string(),
            why: "this version does not forward to databases of PostgreSQL yet".to_owned(),
        })
    }
}
