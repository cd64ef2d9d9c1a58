//! An application's database on a server of PostgreSQL.

mod catalog;
mod connect;
mod error;
mod upstream;

use std::sync::Arc;

use async_trait::async_trait;
use privet_postgres::Address;
use privet_vault::SourceName;
use privet_vault::port::{
    Affected, Catalog, Integrity, RowKey, RunMode, SealPlan, SealedRow, Serving, Source,
    SourceError, SourceRow, TableScan, Upstream, UpstreamError, Upstreams,
};
use tokio::sync::Mutex;
use tokio_postgres::Client;

use error::Failing;
use upstream::Guard;

/// Under which roles a database is reached.
#[derive(Debug, Clone)]
pub struct PostgresAddresses {
    /// The role of protected sessions.
    pub console: Arc<Address>,
    /// The role of decrypted sessions, without write rights.
    pub reader: Arc<Address>,
    /// The role that owns the tables; used for adopting, undoing and checking alone. Without it, these are refused.
    pub owner: Option<Arc<Address>>,
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
    guard: Guard,
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
    /// A source at these addresses; nothing is opened yet. `index_columns` are its blind indexes, table and column, which no
    /// client may write.
    pub fn new(
        name: SourceName,
        addresses: PostgresAddresses,
        index_columns: Vec<(String, String)>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                name,
                addresses,
                guard: Guard::new(index_columns),
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
        let why = "this version does not adopt databases of PostgreSQL yet";
        self.told(Failing::Unfit(why.to_owned()))
    }
}

impl Shared {
    /// Looking needs no right to change anything; the owner's role sees what others may not.
    fn reading_address(&self) -> &Address {
        let owner = self.addresses.owner.as_ref();
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
        mode: RunMode,
        settings: &[(String, String)],
    ) -> Result<Upstream, UpstreamError> {
        let Shared {
            name,
            addresses,
            guard,
            ..
        } = &*self.shared;
        let address = match mode {
            RunMode::Ordinary => &addresses.console,
            RunMode::ReadOnly => &addresses.reader,
        };
        upstream::connect(name.as_str(), address, mode, settings, guard).await
    }
}
