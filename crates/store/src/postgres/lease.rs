//! One server writes a log: a lock on its origin that the database lets go of when the server's connection ends,
//! however the server ended.
//!
//! The lock makes a second server say so at its start instead of stopping the first one later. It is not what keeps
//! the log whole: each append compares the size it expects, so that of two writers one stops, with or without it.

use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use privet_vault::port::StoreError;
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::database::{Client, Database, Failure};

/// How long the lock of a server that has just died may take to be let go.
const WAIT: Duration = Duration::from_secs(5);
/// How often a lock that is taken is tried again.
const PAUSE: Duration = Duration::from_millis(100);
/// How often it is made sure that the lock is still held.
const PERIOD: Duration = Duration::from_secs(1);

/// The database asks a silent connection for signs of life, so that a machine that vanished lets go within half a
/// minute instead of two hours.
const SETTINGS: &str = "SET statement_timeout = 0;
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

/// Held for as long as it lives.
#[derive(Debug)]
pub(super) struct Lease(AbortHandle);

impl Drop for Lease {
    fn drop(&mut self) {
        // The connection goes with the task.
        self.0.abort();
    }
}

impl Lease {
    /// Takes the lock on an origin.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another server holds it.
    pub(super) async fn acquire(database: &Database, origin: &str) -> Result<Self, StoreError> {
        let began = Instant::now();
        loop {
            if let Some(holder) = taken(database, origin).await? {
                let held = tokio::spawn(hold(database.clone(), origin.to_owned(), holder));
                return Ok(Self(held.abort_handle()));
            }
            if began.elapsed() >= WAIT {
                return Err(StoreError::InUse);
            }
            sleep(PAUSE).await;
        }
    }
}

/// A connection of its own that holds the lock; `None` when another server has it.
async fn taken(database: &Database, origin: &str) -> Result<Option<ClientWrapper>, StoreError> {
    let key = format!("privet log {origin}");
    let mut client = database.client().await?;
    let locked = lock(&mut client, &key).await;
    // Its settings are no longer those of the pool, and the lock must not go back to it.
    let client = Client::take(client);
    match locked {
        Ok(true) => Ok(Some(client)),
        Ok(false) => Ok(None),
        Err(failure) => Err(database.told(failure)),
    }
}

async fn lock(client: &mut Client, key: &str) -> Result<bool, Failure> {
    client.batch_execute(SETTINGS).await?;
    let row = client
        .query_one(
            "SELECT pg_try_advisory_lock(hashtextextended($1, 0))",
            &[&key],
        )
        .await?;
    Ok(row.try_get(0)?)
}

/// Takes the lock again whenever its connection ended: a database that was restarted knows it no longer.
async fn hold(database: Database, origin: String, mut holder: ClientWrapper) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if !holder.is_closed() {
            continue;
        }
        match taken(&database, &origin).await {
            Ok(Some(again)) => holder = again,
            Ok(None) => tracing::error!(
                origin,
                "another server has begun to write this log: stop one of them, and give each an origin of its own"
            ),
            // Whoever wants to write learns of it with better words.
            Err(error) => tracing::debug!(%error, "the lock on the log could not be taken again"),
        }
    }
}
