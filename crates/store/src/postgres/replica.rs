//! A second database with the keys, which somebody else keeps up to date.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use privet_postgres::Address;
use privet_vault::port::{KeyBackup, KeyStore, StoreError};
use tokio::time::{Instant, sleep};

use super::database::{Access, Client, Database, Failure};
use super::keys::{self, PostgresKeys};
use super::server::Server;
use super::{Clusters, PostgresOptions};

/// How long a standby may take to do what the key store has done; after that it is read as it is.
const FOLLOW: Duration = Duration::from_secs(30);
/// How often it is asked.
const PAUSE: Duration = Duration::from_millis(50);

/// A lock that nobody else can have taken, until the transaction ends.
const MARK: &str = "SELECT key, pg_advisory_xact_lock(key)::text
    FROM (SELECT hashtextextended(gen_random_uuid()::text, 0) OFFSET 0) AS random (key)";

/// Whether the server that is asked has that lock, and in the database that is asked (`pg_locks` has the halves of a
/// lock's key in two columns, section 54.12 of PostgreSQL's manual).
const MARKED: &str =
    "SELECT database = (SELECT oid FROM pg_database WHERE datname = current_database())
    FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1
     AND ((classid::bigint << 32) | objid::bigint) = $1";

/// A replica of the key store, or a copy that was restored from a backup; it is only read.
#[derive(Debug, Clone)]
pub struct PostgresKeyReplica {
    keys: Address,
    replica: Address,
    options: PostgresOptions,
}

impl PostgresKeyReplica {
    /// The replica of the key store at `keys`; nothing is opened yet.
    pub fn new(keys: Address, replica: Address, options: PostgresOptions) -> Self {
        Self {
            keys,
            replica,
            options,
        }
    }

    async fn connect(
        &self,
        address: &Address,
        access: Access,
    ) -> Result<(Database, Server), StoreError> {
        Database::connect(&keys::SPEC, address, &self.options, access).await
    }
}

#[async_trait]
impl KeyBackup for PostgresKeyReplica {
    /// Refuses the key store itself, whatever it is called, and what goes down with it: outside development, every database on
    /// its server.
    async fn open(&self) -> Result<Arc<dyn KeyStore>, StoreError> {
        let (live, server) = self.connect(&self.keys, Access::Write).await?;
        let (copy, other) = self.connect(&self.replica, Access::Read).await?;
        match (place(&live, &copy).await?, self.options.clusters) {
            (Place::Same, _) => {
                return Err(refused(
                    "is the key store itself, which is no backup of it: name a replica, or a copy that was restored",
                ));
            }
            (Place::SameServer, Clusters::Apart) => {
                return Err(refused(
                    "lies on the key store's own server, so that one failure ends both: name one on another server",
                ));
            }
            (Place::SameServer, Clusters::MayBeShared) | (Place::Elsewhere, _) => {}
        }
        if server == other {
            follow(&live, &copy).await?;
        }
        copy.check_format().await?;
        Ok(Arc::new(PostgresKeys::new(copy)))
    }
}

fn refused(what: &str) -> StoreError {
    StoreError::Unavailable(format!("the database {what}"))
}

/// Where a copy lies, seen from the key store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is the key store.
    Same,
    /// In another database of its server.
    SameServer,
    /// On another server.
    Elsewhere,
}

/// Addresses can differ and lead to one server, and a replica bears the identifier of the cluster that it was copied from;
/// but a lock is where it was taken, and nowhere else.
async fn place(live: &Database, copy: &Database) -> Result<Place, StoreError> {
    let mut client = live.client().await?;
    let marked = async {
        let transaction = client.transaction().await?;
        let key: i64 = transaction.query_one(MARK, &[]).await?.try_get(0)?;
        let found = copy
            .run(move |client| Box::pin(async move { marked(client, key).await }))
            .await?;
        transaction.rollback().await?;
        Ok::<_, Failure>(found)
    };
    marked.await.map_err(|failure| live.told(failure))
}

async fn marked(client: &mut Client, key: i64) -> Result<Place, Failure> {
    let found = client.query_opt(MARKED, &[&key]).await?;
    Ok(match found.map(|row| row.try_get(0)).transpose()? {
        None => Place::Elsewhere,
        Some(true) => Place::Same,
        Some(false) => Place::SameServer,
    })
}

/// Waits until a standby has done what the key store has done by now. A copy that takes writes of its own follows nobody,
/// and one that was told to wait is not waited for: whatever keys it lacks are found out.
async fn follow(live: &Database, copy: &Database) -> Result<(), StoreError> {
    let place: String = live
        .run(|client| {
            Box::pin(async move {
                let row = client
                    .query_one("SELECT pg_current_wal_flush_lsn()::text", &[])
                    .await?;
                Ok(row.try_get(0)?)
            })
        })
        .await?;
    let began = Instant::now();
    while began.elapsed() < FOLLOW {
        let place = place.clone();
        let follows = copy.run(move |client| Box::pin(async move { behind(client, &place).await }));
        if !follows.await? {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    tracing::warn!("the replica of the key store is behind by more than {FOLLOW:?}");
    Ok(())
}

/// Whether a standby follows and has not come so far yet.
async fn behind(client: &mut Client, place: &str) -> Result<bool, Failure> {
    // Only a server in recovery answers the second question.
    let standby = "SELECT CASE WHEN pg_is_in_recovery() THEN NOT pg_is_wal_replay_paused() END,
                          pg_last_wal_replay_lsn() < $1::text::pg_lsn";
    let row = client.query_one(standby, &[&place]).await?;
    let follows: Option<bool> = row.try_get(0)?;
    Ok(follows.unwrap_or(false) && row.try_get::<_, Option<bool>>(1)?.unwrap_or(false))
}
