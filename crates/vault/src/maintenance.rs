//! What the server does by itself: follows the shared sequence, moves the erasure ledger's position, ends stale
//! sessions, lets go of keys that were ready for long enough, and destroys keys whose day has come.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{MissedTickBehavior, interval};

use crate::audit::{Actor, EntryKind, Record};
use crate::erasure::Erasure;
use crate::session::lock;
use crate::vault::Inner;
use crate::watch::STALE;
use crate::{Result, Vault};

/// How often the shared sequence is read; a server that has not read it for a second opens nothing.
const SEQUENCE_PERIOD: Duration = Duration::from_millis(200);
// Two looks may fail before the server has to stop opening.
const _: () = assert!(SEQUENCE_PERIOD.as_millis() * 3 < STALE.as_millis());
/// How often the ledger's position is moved, so that a start has little to replay.
const LEDGER_PERIOD: Duration = Duration::from_secs(2);
/// How often applications' databases are asked again to erase rows of people who left.
const ROWS_PERIOD: Duration = Duration::from_secs(5);
/// How often stale sessions and ended readings of the log are looked for.
const SESSIONS_PERIOD: Duration = Duration::from_secs(60);
/// How often the logs of other servers are looked through for erasures that they did not finish.
const LOGS_PERIOD: Duration = Duration::from_secs(60);
/// How often it is looked whether the log's mirror is late.
const MIRROR_PERIOD: Duration = Duration::from_secs(1);
/// How often opened keys and tokens that nobody asks for any more are let go.
const CACHE_PERIOD: Duration = Duration::from_secs(30);
/// After a longer silence of the log, the clock may be what is wrong.
const SILENCE_MAX: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How much the wall clock may have gained or lost on the monotonic one.
const DRIFT_MAX: SignedDuration = SignedDuration::from_hours(1);
/// How often what is known of who agrees is brought up to date, also when nobody asks.
const ROLL_PERIOD: Duration = Duration::from_secs(600);
/// How often changes are looked for that every server has read long ago.
const CHANGES_PERIOD: Duration = Duration::from_secs(3_600);
/// How often it is looked which requests of people are due.
const REQUESTS_PERIOD: Duration = Duration::from_secs(60);
/// How often it is looked which of them are late.
const LATE_PERIOD: Duration = Duration::from_secs(3_600);
/// How often files are looked for that no request needs.
const FILES_PERIOD: Duration = Duration::from_secs(3_600);
/// How often expired keys are looked for.
const KEYS_PERIOD: Duration = Duration::from_secs(3_600);

/// Both clocks at the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    pub(crate) wall: Timestamp,
    pub(crate) monotonic: Duration,
}

/// What the log says and the stores have not done yet. The position that a start replays from must not pass it: an
/// intent to erase that is not carried out, an entry of a session that is not among its entries.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Positions in the log that are held, and how often.
    held: Mutex<BTreeMap<u64, u32>>,
    /// Erasures that failed after their intent.
    pub(crate) unfinished: Mutex<Vec<Erasure>>,
    /// Whether erasures of fields were cut short.
    fields: AtomicBool,
    /// Whether the key store lost some of them, so that the logs have to say what they were.
    lost: AtomicBool,
}

/// Keeps the ledger's position at or before a place in the log.
pub(crate) struct Hold {
    ledger: Arc<Ledger>,
    position: u64,
}

impl Ledger {
    /// Holds the position at `size`, the log's size before the entry in question was written.
    pub(crate) fn hold(self: &Arc<Self>, size: u64) -> Hold {
        *lock(&self.held).entry(size).or_default() += 1;
        Hold {
            ledger: Arc::clone(self),
            position: size,
        }
    }

    /// Erasures of fields are to be taken up again.
    pub(crate) fn take_up_fields(&self) {
        self.fields.store(true, Ordering::SeqCst);
    }

    pub(crate) fn must_take_up_fields(&self) -> bool {
        self.fields.swap(false, Ordering::SeqCst)
    }

    /// The logs are to be read again from where the key store stands.
    pub(crate) fn replay_again(&self) {
        self.lost.store(true, Ordering::SeqCst);
    }

    pub(crate) fn must_replay_again(&self) -> bool {
        self.lost.swap(false, Ordering::SeqCst)
    }

    fn lowest(&self) -> Option<u64> {
        lock(&self.held).keys().next().copied()
    }
}

impl Hold {
    /// Lets the position go on: what the log says is done. A hold that is only dropped (an error, a panic, a caller that
    /// went away) stays until the next start, which replays from there.
    pub(crate) fn release(self) {
        let mut held = lock(&self.ledger.held);
        if let Some(count) = held.get_mut(&self.position) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.position);
            }
        }
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
        every(self, SEQUENCE_PERIOD, "sessions that ended", |v| {
            Box::pin(async move { v.tell_ended().await })
        });
        every(self, LEDGER_PERIOD, "unfinished erasures", |v| {
            Box::pin(async move { v.finish_erasures().await })
        });
        every(self, ROWS_PERIOD, "rows of people who left", |v| {
            Box::pin(async move { v.erase_orphan_rows().await })
        });
        every(self, LEDGER_PERIOD, "the ledger's position", |v| {
            Box::pin(async move { v.move_ledger().await })
        });
        every(self, LOGS_PERIOD, "fields that are being erased", |v| {
            Box::pin(async move { v.finish_fields().await })
        });
        every(self, SESSIONS_PERIOD, "stale sessions", |v| {
            Box::pin(async move { v.end_stale().await })
        });
        every(self, LOGS_PERIOD, "other servers' logs", |v| {
            Box::pin(async move { v.replay_other_logs(&[]).await })
        });
        every(self, MIRROR_PERIOD, "the log's mirror", |v| {
            Box::pin(async move { v.watch_mirror().await })
        });
        every(self, SESSIONS_PERIOD, "overdue reviews", |v| {
            Box::pin(async move { v.find_overdue().await })
        });
        every(self, SESSIONS_PERIOD, "ended readings of the log", |v| {
            Box::pin(async move { v.end_readings().await })
        });
        every(self, CACHE_PERIOD, "what was ready for too long", |v| {
            Box::pin(async move {
                v.inner.keyring.drop_old();
                v.inner.tokens.drop_old();
                v.drop_old_logins();
                v.drop_old_own_logins();
                Ok(())
            })
        });
        every(self, CHANGES_PERIOD, "changes of long ago", |v| {
            Box::pin(async move { v.trim_changes().await })
        });
        every(self, ROLL_PERIOD, "who agrees", |v| {
            Box::pin(async move { v.follow_roll().await })
        });
        every(self, REQUESTS_PERIOD, "requests of people", |v| {
            Box::pin(async move { v.run_due_requests().await })
        });
        every(self, REQUESTS_PERIOD, "mail to people", |v| {
            Box::pin(async move { v.tell_people().await })
        });
        every(self, REQUESTS_PERIOD, "mail to people who are asked", |v| {
            Box::pin(async move { v.tell_of_looks().await })
        });
        every(self, LATE_PERIOD, "late requests", |v| {
            Box::pin(async move { v.find_late_requests().await })
        });
        every(self, FILES_PERIOD, "files of requests", |v| {
            Box::pin(async move { v.sweep_files().await })
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
        // A key store that went back must get its erasures again before it says that it has them.
        self.catch_up().await?;
        let Inner {
            audit,
            keys,
            config,
            ledger,
            ..
        } = &*self.inner;
        // What the key store lost of fields that were erased lies behind the position that it has now.
        if ledger.must_replay_again()
            && let Err(error) = self.replay_erasures(&[]).await
        {
            ledger.replay_again();
            return Err(error);
        }
        // The order matters: whatever holds the position after the size was read lies beyond it. What the mirror lacks may
        // be lost with the log, and then the key store must not have seen it.
        let size = audit.size_mirrored();
        let position = ledger.lowest().map_or(size, |held| held.min(size));
        Ok(keys.set_log_position(&config.origin, position).await?)
    }

    /// Whether the clock is plausible enough to destroy by it what cannot be brought back. A machine that starts in the
    /// wrong year would destroy what law keeps.
    pub(crate) fn trusts_the_day(&self) -> Result<(), &'static str> {
        let Started { wall, monotonic } = self.inner.started;
        let now = self.now();
        if let Some(last) = self.inner.audit.resumed_after()
            && wall.duration_since(last) > SILENCE_MAX
        {
            return Err("the log's last entry before this start is more than two weeks old");
        }
        let passed = self.inner.clock.monotonic().saturating_sub(monotonic);
        let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        if (now.duration_since(wall) - passed).abs() > DRIFT_MAX {
            return Err("the clock was moved by more than an hour since the start");
        }
        Ok(())
    }

    async fn destroy_expired(&self) -> Result<()> {
        if let Err(why) = self.trusts_the_day() {
            tracing::warn!(
                why,
                "no key is destroyed today: check the machine's clock; if it is right, restart the server once more"
            );
            return Ok(());
        }
        let today = self.now().to_zoned(TimeZone::UTC).date();
        self.find_unreviewed(today).await?;
        let ended = self.end_kept_consent(today).await?;
        let destroyed = ended + self.inner.keys.destroy_expired_keys(today).await?;
        if destroyed > 0 {
            self.inner.keyring.forget_all();
            let record =
                Record::new(EntryKind::KeysExpired, Actor::System).count("keys", destroyed);
            self.record(record).await?;
        }
        Ok(())
    }
}
