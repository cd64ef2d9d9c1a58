//! An application's database on a server of PostgreSQL.

mod catalog;
mod connect;
mod erase;
mod error;
mod finish;
mod index;
mod name;
mod obstacle;
mod person;
mod plan;
mod reseal;
mod roles;
mod rows;
mod schema;
mod seal;
mod undo;
mod upstream;

pub use roles::{RolePlan, RoleTable};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use privet_postgres::Address;
use privet_vault::SourceName;
use privet_vault::port::{
    Affected, Catalog, Clearing, ErasePlan, EraseStep, Erased, Integrity, PersonalRow, ReadPlan,
    Retained, RootKeys, RowKey, RunMode, SealPlan, SealedPlan, SealedRow, SealedSwap, SealedUnder,
    Serving, Source, SourceError, SourceRow, TableScan, Upstream, UpstreamError, Upstreams, Wanted,
};
use tokio::sync::{Mutex, MutexGuard};

use connect::Session;
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
    waits: Waits,
    reader: Slot,
    writer: Slot,
}

/// How long changes of the schema wait for locks.
#[derive(Debug, Clone, Copy)]
struct Waits {
    /// Each time: everybody else who wants the table waits as long.
    lock: Duration,
    /// In all, until it is given up.
    total: Duration,
    /// Where nobody else waits meanwhile.
    aside: Duration,
}

/// Long enough for a few transactions of an application, short enough for nobody to notice.
const WAITS: Waits = Waits {
    lock: Duration::from_millis(250),
    total: Duration::from_secs(120),
    aside: Duration::from_secs(30 * 60),
};

/// A connection that is kept while all goes well.
#[derive(Default)]
struct Slot(Mutex<Option<Session>>);

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

/// Which connection works, so that one can read ahead while the other writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// A connection at work; it is lost when that fails or is broken off, for who knows what it waits for.
struct Lent<'s> {
    slot: MutexGuard<'s, Option<Session>>,
    session: Session,
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
                waits: WAITS,
                reader: Slot::default(),
                writer: Slot::default(),
            }),
        }
    }

    /// The addresses of its roles.
    pub fn addresses(&self) -> &PostgresAddresses {
        &self.shared.addresses
    }

    async fn lend(&self, access: Access) -> Result<Lent<'_>, SourceError> {
        let Shared {
            name, addresses, ..
        } = &*self.shared;
        // Looking needs no right to change anything, though the owner's role sees what others may not.
        let address = match (&addresses.owner, access) {
            (Some(owner), _) => owner,
            (None, Access::Read) => &addresses.reader,
            (None, Access::Write) => {
                return Err(SourceError::Schema(format!(
                    "source `{name}` has no address for the role that owns its tables: add `postgres.owner` to \
                     `[sources.{name}]`"
                )));
            }
        };
        let slot = match access {
            Access::Read => &self.shared.reader,
            Access::Write => &self.shared.writer,
        };
        let mut slot = slot.0.lock().await;
        let session = match slot.take() {
            Some(session) => session,
            None => Session::connect(address)
                .await
                .map_err(|failing| failing.named(name))?,
        };
        Ok(Lent { slot, session })
    }

    fn done<T>(&self, mut lent: Lent<'_>, done: Result<T, Failing>) -> Result<T, SourceError> {
        let done = done.map_err(|failing| failing.named(&self.shared.name))?;
        *lent.slot = Some(lent.session);
        Ok(done)
    }
}

#[async_trait]
impl Source for PostgresSource {
    fn name(&self) -> &SourceName {
        &self.shared.name
    }

    async fn catalog(&self) -> Result<Catalog, SourceError> {
        let lent = self.lend(Access::Read).await?;
        let read = catalog::read(&lent.session.client).await;
        self.done(lent, read)
    }

    async fn obstacles(&self, plans: &[SealPlan]) -> Result<Vec<String>, SourceError> {
        let lent = self.lend(Access::Read).await?;
        let found = obstacle::find(&lent.session, plans).await;
        self.done(lent, found)
    }

    async fn gaps(&self, plans: &[SealPlan]) -> Result<Vec<String>, SourceError> {
        let lent = self.lend(Access::Read).await?;
        let mut gaps = Vec::new();
        let mut outcome = Ok(());
        for plan in plans {
            match schema::gaps(&lent.session.client, plan).await {
                Ok(found) => gaps.extend(found),
                Err(failing) => {
                    outcome = Err(failing);
                    break;
                }
            }
        }
        self.done(lent, outcome.map(|()| gaps))
    }

    /// Nothing is counted: rows come and go while the application writes, and the server itself keeps references.
    async fn integrity(&self) -> Result<Integrity, SourceError> {
        Ok(Integrity::default())
    }

    async fn scan(&self, plan: &SealPlan) -> Result<TableScan, SourceError> {
        let mut lent = self.lend(Access::Read).await?;
        let scan = seal::scan(&mut lent.session, plan).await;
        self.done(lent, scan)
    }

    async fn prepare(&self, plan: &SealPlan) -> Result<(), SourceError> {
        let lent = self.lend(Access::Write).await?;
        let prepared = schema::prepare(&lent.session.client, plan, self.shared.waits).await;
        self.done(lent, prepared)
    }

    async fn read(
        &self,
        plan: &SealPlan,
        wanted: Wanted,
        after: Option<&RowKey>,
        rows_max: u32,
    ) -> Result<Vec<SourceRow>, SourceError> {
        let mut lent = self.lend(Access::Read).await?;
        let read = seal::read(&mut lent.session, plan, wanted, after, rows_max).await;
        self.done(lent, read)
    }

    async fn indexed(
        &self,
        plan: &SealPlan,
        column: usize,
        after: Option<&RowKey>,
        rows_max: u32,
    ) -> Result<Vec<(RowKey, String)>, SourceError> {
        let mut lent = self.lend(Access::Read).await?;
        let indexed = seal::indexed(&mut lent.session, plan, column, after, rows_max).await;
        self.done(lent, indexed)
    }

    async fn write(&self, plan: &SealPlan, rows: Vec<SealedRow>) -> Result<Affected, SourceError> {
        let mut lent = self.lend(Access::Write).await?;
        let affected = seal::write(&mut lent.session, plan, &rows).await;
        self.done(lent, affected)
    }

    async fn guard(&self, plans: &[SealPlan]) -> Result<(), SourceError> {
        let lent = self.lend(Access::Write).await?;
        let (client, waits) = (&lent.session.client, self.shared.waits);
        let guarded = async {
            for plan in plans {
                index::make(client, plan, waits).await?;
            }
            for plan in plans {
                schema::guard(client, plan, waits).await?;
            }
            Ok(())
        };
        let guarded = guarded.await;
        self.done(lent, guarded)
    }

    async fn finish(
        &self,
        plans: &[SealPlan],
        clearing: Clearing,
    ) -> Result<Vec<String>, SourceError> {
        let lent = self.lend(Access::Write).await?;
        let notes = finish::finish(&lent.session.client, plans, clearing, self.shared.waits).await;
        self.done(lent, notes)
    }

    async fn unguard(&self, plans: &[SealPlan]) -> Result<(), SourceError> {
        let lent = self.lend(Access::Write).await?;
        let opened = undo::unguard(&lent.session.client, plans, self.shared.waits).await;
        self.done(lent, opened)
    }

    async fn unprepare(&self, plans: &[SealPlan]) -> Result<Vec<String>, SourceError> {
        let lent = self.lend(Access::Write).await?;
        let notes = undo::unprepare(&lent.session.client, plans, self.shared.waits).await;
        self.done(lent, notes)
    }

    async fn rows_of(
        &self,
        plan: &ReadPlan,
        people: &RootKeys,
        after: Option<&RowKey>,
        rows_max: u32,
    ) -> Result<Vec<PersonalRow>, SourceError> {
        let mut lent = self.lend(Access::Read).await?;
        let read = rows::read(&mut lent.session, plan, people, after, rows_max).await;
        self.done(lent, read)
    }

    async fn erase(
        &self,
        plan: &ErasePlan,
        person: &str,
        rows_max: u32,
    ) -> Result<Erased, SourceError> {
        let mut lent = self.lend(Access::Write).await?;
        let erased = erase::erase(&mut lent.session, plan, person, rows_max).await;
        self.done(lent, erased)
    }

    async fn sealed_under(
        &self,
        plan: &SealedPlan,
        person: &str,
        keys: &[String],
        after: Option<&RowKey>,
        rows_max: u32,
    ) -> Result<Vec<SealedUnder>, SourceError> {
        let mut lent = self.lend(Access::Read).await?;
        let read = reseal::read(&mut lent.session, plan, person, keys, after, rows_max).await;
        self.done(lent, read)
    }

    async fn swap_sealed(
        &self,
        plan: &SealedPlan,
        swaps: Vec<SealedSwap>,
    ) -> Result<Vec<bool>, SourceError> {
        let mut lent = self.lend(Access::Write).await?;
        let swapped = reseal::swap(&mut lent.session, plan, &swaps).await;
        self.done(lent, swapped)
    }

    async fn retained(&self, step: &EraseStep, person: &str) -> Result<Retained, SourceError> {
        let mut lent = self.lend(Access::Write).await?;
        let retained = erase::retained(&mut lent.session, step, person).await;
        self.done(lent, retained)
    }

    /// Nothing that is ours to empty: dead rows are the server's to vacuum, and its log and copies its operator's.
    async fn scrub(&self) -> Result<(), SourceError> {
        Ok(())
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
