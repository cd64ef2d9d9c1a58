//! One database: its pool of connections, its schema and format, its bounds on waiting, and what its errors mean.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use deadpool_postgres::{
    BuildError, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod,
    Runtime,
};
use privet_postgres::{Address, Distrust};
use privet_vault::port::StoreError;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;

use super::PostgresOptions;
use super::server::{self, Server};

/// What distinguishes the three databases.
#[derive(Debug)]
pub(super) struct DatabaseSpec {
    /// As messages name it: `data store`.
    pub(super) name: &'static str,
    /// Where its tables are.
    pub(super) schema: &'static str,
    /// The steps from nothing to today's format; table `format` counts those done. Steps are never changed or taken
    /// back, only added.
    pub(super) migrations: &'static [&'static str],
    /// Tables of which dead rows are removed after something was destroyed.
    pub(super) vacuumed: &'static [&'static str],
}

/// A connection that is taken from the pool.
pub(super) type Client = Object;

/// What a piece of work answers.
pub(super) type Answer<'c, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'c>>;

/// Why a piece of work failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Already in the port's words.
    Store(StoreError),
    /// In the driver's.
    Driver(tokio_postgres::Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

/// How long bringing a schema up to date may take, the wait for other servers that do it included.
const MIGRATION_WAIT: Duration = Duration::from_secs(10 * 60);

/// One of the three databases. Cloning shares it.
#[derive(Clone)]
pub(super) struct Database {
    spec: &'static DatabaseSpec,
    pool: Pool,
    answer_wait: Duration,
    vacuum: mpsc::Sender<()>,
}

impl Database {
    /// Connects and asks the server who it is. Nothing is written, and nothing of the store read.
    pub(super) async fn connect(
        spec: &'static DatabaseSpec,
        address: &Address,
        options: &PostgresOptions,
        access: Access,
    ) -> Result<(Self, Server), StoreError> {
        let pool = pool(spec, address, options, access)
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let (vacuum, asked) = mpsc::channel(1);
        let database = Self {
            spec,
            pool,
            answer_wait: options.answer_wait,
            vacuum,
        };
        let server = database
            .run(|client| Box::pin(server::ask(client, spec.name)))
            .await?;
        tokio::spawn(vacuum_when_asked(spec, database.pool.clone(), asked));
        Ok((database, server))
    }

    /// Runs `work` on a connection, within the time that a call may take.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: for<'c> FnOnce(&'c mut Client) -> Answer<'c, T>,
    {
        self.run_within(self.answer_wait, work).await
    }

    async fn run_within<T, F>(&self, wait: Duration, work: F) -> Result<T, StoreError>
    where
        F: for<'c> FnOnce(&'c mut Client) -> Answer<'c, T>,
    {
        let mut client = self.client().await?;
        match timeout(wait, work(&mut client)).await {
            Ok(outcome) => outcome.map_err(|failure| self.told(failure)),
            Err(_) => {
                // Whoever got it next would wait for what is still under way on it.
                drop(Object::take(client));
                Err(self.slow())
            }
        }
    }

    /// Asks for dead rows to be removed; it happens soon, once for all who asked meanwhile.
    pub(super) fn remove_dead_rows(&self) {
        // Full: it is asked for already. Closed: the runtime ends.
        let _ = self.vacuum.try_send(());
    }

    /// A connection, waited for no longer than a call may.
    pub(super) async fn client(&self) -> Result<Client, StoreError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => self.told(error.into()),
            PoolError::PostCreateHook(HookError::Backend(error)) => self.told(error.into()),
            PoolError::Timeout(_) => self.slow(),
            _ => self.unavailable("has no connection to give"),
        })
    }

    /// Brings the schema up to date, under a lock that all servers share.
    pub(super) async fn migrate(&self) -> Result<(), StoreError> {
        let spec = self.spec;
        self.run_within(MIGRATION_WAIT, move |client| {
            Box::pin(async move {
                let transaction = client.transaction().await?;
                // A large table is not rewritten in the time of a call, and whoever waits for the lock waits for all of it.
                let wait_ms = MIGRATION_WAIT.as_millis();
                let patience = format!(
                    "SET LOCAL statement_timeout = {wait_ms}; SET LOCAL lock_timeout = {wait_ms}"
                );
                transaction.batch_execute(&patience).await?;
                // Released with the transaction; a second server that starts waits here.
                transaction
                    .execute(
                        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
                        &[&spec.schema],
                    )
                    .await?;
                transaction
                    .batch_execute(&format!(
                        "CREATE SCHEMA IF NOT EXISTS {0};
                         CREATE TABLE IF NOT EXISTS {0}.format (version integer NOT NULL)",
                        spec.schema
                    ))
                    .await?;
                let found: Option<i32> = transaction
                    .query_opt("SELECT version FROM format", &[])
                    .await?
                    .map(|row| row.get(0));
                let found = u32::try_from(found.unwrap_or(0)).unwrap_or(u32::MAX);
                let known = u32::try_from(spec.migrations.len()).unwrap_or(u32::MAX);
                if found > known {
                    return Err(StoreError::NewerVersion { found, known }.into());
                }
                if found < known {
                    for step in spec.migrations.iter().skip(found as usize) {
                        transaction.batch_execute(step).await?;
                    }
                    let record = format!(
                        "DELETE FROM format; INSERT INTO format (version) VALUES ({known})"
                    );
                    transaction.batch_execute(&record).await?;
                }
                Ok(transaction.commit().await?)
            })
        })
        .await
    }

    /// Refuses a schema that this program does not know, or that does not exist.
    pub(super) async fn check_format(&self) -> Result<(), StoreError> {
        let spec = self.spec;
        let known = u32::try_from(spec.migrations.len()).unwrap_or(u32::MAX);
        let found = self
            .run(|client| {
                Box::pin(async move {
                    let name = format!("{}.format", spec.schema);
                    let row = client
                        .query_one("SELECT to_regclass($1) IS NOT NULL", &[&name])
                        .await?;
                    if !row.try_get::<_, bool>(0)? {
                        return Ok(None);
                    }
                    let row = client.query_opt("SELECT version FROM format", &[]).await?;
                    Ok(row.map(|row| row.try_get::<_, i32>(0)).transpose()?)
                })
            })
            .await?;
        match found.map(|found| u32::try_from(found).unwrap_or(u32::MAX)) {
            Some(found) if found == known => Ok(()),
            Some(found) if found > known => Err(StoreError::NewerVersion { found, known }),
            Some(_) => Err(self.unavailable("has an older format: start the server once")),
            None => Err(self.unavailable("holds no store yet: start the server once")),
        }
    }

    /// In the port's words. The server's message is dropped, since only its code is sure to hold no value.
    pub(super) fn told(&self, failure: Failure) -> StoreError {
        let error = match failure {
            Failure::Store(error) => return error,
            Failure::Driver(error) => error,
        };
        let Some(code) = error.code() else {
            return self.unavailable(&broken(&error));
        };
        let what = match *code {
            SqlState::UNIQUE_VIOLATION | SqlState::FOREIGN_KEY_VIOLATION => {
                return StoreError::Conflict;
            }
            SqlState::DISK_FULL => return StoreError::Full,
            SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => return self.slow(),
            SqlState::READ_ONLY_SQL_TRANSACTION => "takes no writes: is it a replica?",
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
                "is starting or stopping: it is tried again on the next call"
            }
            SqlState::TOO_MANY_CONNECTIONS => {
                "has no connection left: raise its `max_connections`, which each server of ours needs 17 of"
            }
            SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                "does not let us in: correct user and password in its address"
            }
            SqlState::INVALID_CATALOG_NAME => {
                "does not exist: make it, or correct the name in its address"
            }
            SqlState::INSUFFICIENT_PRIVILEGE => {
                "does not let our user do that: let it own the database (`ALTER DATABASE … OWNER TO …`)"
            }
            ref code => {
                let code = code.code();
                let what = format!("refused a statement (SQLSTATE {code}): see the database's log");
                return self.unavailable(&what);
            }
        };
        self.unavailable(what)
    }

    /// How long an answer may take.
    pub(super) fn answer_wait(&self) -> Duration {
        self.answer_wait
    }

    /// It took longer.
    pub(super) fn slow(&self) -> StoreError {
        self.unavailable("did not answer in time: check the database, then try again")
    }

    /// `the database of the data store …`.
    pub(super) fn unavailable(&self, what: &str) -> StoreError {
        StoreError::Unavailable(format!("the database of the {} {what}", self.spec.name))
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("schema", &self.spec.schema)
            .finish_non_exhaustive()
    }
}

/// What a failure without an answer of the server was.
fn broken(error: &tokio_postgres::Error) -> String {
    if let Some(why) = Distrust::of(error) {
        return format!("is not trusted: {why}");
    }
    if error.is_closed() {
        return "lost its connection: it is made again on the next call".to_owned();
    }
    // The driver's own words (connecting, reading, writing) and the system's.
    let source = std::error::Error::source(error);
    let source = source.map(|source| format!(" ({source})"));
    format!("cannot be used: {error}{}", source.unwrap_or_default())
}

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// By a server.
    Write,
    /// Beside servers that may be running.
    Read,
}

fn pool(
    spec: &'static DatabaseSpec,
    address: &Address,
    options: &PostgresOptions,
    access: Access,
) -> Result<Pool, BuildError> {
    let mut config = address.config();
    config
        .application_name("privet")
        .connect_timeout(options.connect_wait)
        .tcp_user_timeout(options.answer_wait * 2);
    if access == Access::Write {
        // After a failover the old primary may still answer reads.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    let manager = Manager::from_config(
        config,
        address.tls().clone(),
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    let settings = settings(spec, options.answer_wait, access);
    Pool::builder(manager)
        .max_size(options.connections_max.max(1))
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(options.connect_wait))
        .create_timeout(Some(options.connect_wait))
        .recycle_timeout(Some(options.connect_wait))
        .post_create(Hook::async_fn(move |client, _| {
            let settings = settings.clone();
            Box::pin(async move {
                let set = client.batch_execute(&settings).await;
                set.map_err(HookError::Backend)
            })
        }))
        .build()
}

/// Removes dead rows, once for all who asked meanwhile; ends with the last holder of the database.
async fn vacuum_when_asked(spec: &'static DatabaseSpec, pool: Pool, mut asked: mpsc::Receiver<()>) {
    let sql = format!("VACUUM {}", spec.vacuumed.join(", "));
    while asked.recv().await.is_some() {
        let Ok(client) = pool.get().await else {
            tracing::warn!(
                store = spec.name,
                "dead rows are not removed: no connection"
            );
            continue;
        };
        let vacuum = async {
            // It may take longer than a call may.
            client.batch_execute("SET statement_timeout = 0").await?;
            client.batch_execute(&sql).await
        };
        if vacuum.await.is_err() {
            tracing::warn!(store = spec.name, "dead rows could not be removed");
        }
        // Its settings are no longer those of the pool.
        drop(Object::take(client));
    }
}

/// What each connection is told first. An answer must be durable: `synchronous_commit` may be stronger than `on`, not
/// weaker.
fn settings(spec: &DatabaseSpec, answer_wait: Duration, access: Access) -> String {
    let wait_ms = answer_wait.as_millis();
    let read_only = access == Access::Read;
    format!(
        "SET search_path = {};
         SET statement_timeout = {wait_ms};
         SET lock_timeout = {wait_ms};
         SET idle_in_transaction_session_timeout = {wait_ms};
         SET default_transaction_read_only = {read_only};
         SELECT set_config('synchronous_commit', 'on', false)
          WHERE current_setting('synchronous_commit') <> 'remote_apply'",
        spec.schema
    )
}
