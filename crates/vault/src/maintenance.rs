//! What the server does by itself: follows the shared sequence, moves the erasure ledger's position, ends stale
//! sessions, lets go of keys that were ready for long enough, and destroys keys whose day has come.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::time::{MissedTickBehavior, interval};

use crate::audit::{Actor, EntryKind, Record};
use crate::vault::Inner;
use crate::{Result, Vault};

/// How often the shared sequence is read; a server that has not read it for a second opens nothing.
const SEQUENCE_PERIOD: Duration = Duration::from_millis(200);
/// How often the ledger's position is moved, so that a start has little to replay.
const LEDGER_PERIOD: Duration = Duration::from_secs(2);
/// How often stale sessions and ended readings of the log are looked for.
const SESSIONS_PERIOD: Duration = Duration::from_secs(60);
/// How often opened keys and tokens that nobody asks for any more are let go.
const CACHE_PERIOD: Duration = Duration::from_secs(30);
/// How often expired keys are looked for.
const KEYS_PERIOD: Duration = Duration::from_secs(3_600);

/// Erasures under way: the ledger's position must not pass an intent that is not carried out.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    running: AtomicU64,
}

/// Held while an erasure is under way.
pub(crate) struct Running<'a>(&'a Ledger);

impl Ledger {
    pub(crate) fn run(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::AcqRel);
        Running(self)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

type Task = fn(Vault) -> Pin<Box<dyn Future<Output = Result<()>> + Send>>;

impl Vault {
    /// Starts the tasks; they end with the last holder of the vault.
    pub(crate) fn maintain(&self) {
        let every = Self::every;
        every(self, SEQUENCE_PERIOD, "the shared sequence", |v| {
            Box::pin(async move { v.catch_up().await })
        });
        every(self, LEDGER_PERIOD, "the ledger's position", |v| {
            Box::pin(async move { v.move_ledger().await })
        });
        every(self, SESSIONS_PERIOD, "stale sessions", |v| {
            Box::pin(async move { v.end_stale().await })
        });
        every(self, SESSIONS_PERIOD, "ended readings of the log", |v| {
            Box::pin(async move { v.end_readings().await })
        });
        every(self, CACHE_PERIOD, "what was ready for too long", |v| {
            Box::pin(async move {
                v.inner.keyring.drop_old();
                v.inner.tokens.drop_old();
                Ok(())
            })
        });
        every(self, KEYS_PERIOD, "expired keys", |v| {
            Box::pin(async move { v.destroy_expired().await })
        });
    }

    fn every(&self, period: Duration, what: &'static str, task: Task) {
        let weak = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            let mut ticks = interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(inner) = weak.upgrade() else { return };
                if let Err(error) = task(Vault { inner }).await {
                    tracing::warn!(%error, what, "maintenance failed; it is tried again");
                }
            }
        });
    }

    pub(crate) async fn move_ledger(&self) -> Result<()> {
        let Inner {
            audit,
            keys,
            config,
            ledger,
            ..
        } = &*self.inner;
        // The order matters: an erasure that starts after the size was read lies beyond it.
        let size = audit.size();
        if ledger.running.load(Ordering::Acquire) == 0 {
            keys.set_log_position(&config.origin, size).await?;
        }
        Ok(())
    }

    async fn destroy_expired(&self) -> Result<()> {
        let today = self.now().to_zoned(TimeZone::UTC).date();
        let destroyed = self.inner.keys.destroy_expired_keys(today).await?;
        if destroyed > 0 {
            self.inner.keyring.forget_all();
            let record =
                Record::new(EntryKind::KeysExpired, Actor::System).count("keys", destroyed);
            self.record(record).await?;
        }
        Ok(())
    }
}
