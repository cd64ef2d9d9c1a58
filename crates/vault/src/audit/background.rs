//! What the log does by itself: it says that it was opened, beats each minute so that silence is visible, and checks
//! all older entries once.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use privet_tlog::Origin;
use privet_tlog::note::VerifierKey;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::check::{CheckError, StoreCheck};
use super::status::{Status, Stop};
use super::{Actor, AuditLog, EntryKind, Inner, Record, StartError};
use crate::port::{LogStore, StoreError};
use crate::{Clock, Error, Reason};

/// Time before a full check that a failing store broke off starts again.
const CHECK_PAUSE: Duration = Duration::from_secs(30);

/// Time between heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(60);

impl AuditLog {
    /// Writes `log.opened`: a log that cannot take this entry will take no other.
    pub(super) async fn announce(&self) -> Result<(), StartError> {
        let record = Record::new(EntryKind::LogOpened, Actor::System)
            .count("size", self.inner.status.published().size)
            .fact("origin", self.origin())
            .fact("key", self.inner.verifier.to_string())
            .fact("software", concat!("privet ", env!("CARGO_PKG_VERSION")));
        match self.record_bare(record).await {
            Ok(_) => Ok(()),
            Err(Error::AuditUnavailable(reason)) => Err(StartError::Append(reason)),
            Err(error) => {
                let reason = Reason {
                    code: error.code(),
                    text: error.to_string(),
                };
                Err(StartError::Append(reason))
            }
        }
    }

    pub(super) fn start_background(&self) {
        let inner = || Arc::downgrade(&self.inner);
        let tasks = [tokio::spawn(beat(inner())), tokio::spawn(check(inner()))];
        let mut background = self
            .inner
            .background
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        background.extend(tasks.map(|task| task.abort_handle()));
    }
}

async fn beat(log: Weak<Inner>) {
    let mut ticks = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(inner) = log.upgrade() else { return };
        let log = AuditLog { inner };
        let record = Record::new(EntryKind::LogHeartbeat, Actor::System)
            .count("refused", log.inner.status.refused());
        // Why the log refuses is logged where it is noticed, once, not each minute.
        let _ = log.record_bare(record).await;
    }
}

/// Checks everything that was there at the start, a bounded batch at a time, and rests as long as each batch took:
/// it never takes more than half a core from those who wait for a reveal.
async fn check(log: Weak<Inner>) {
    let Some(inner) = log.upgrade() else { return };
    let (store, origin, key) = (
        Arc::clone(&inner.store),
        inner.origin.clone(),
        inner.verifier.clone(),
    );
    let (status, clock) = (Arc::clone(&inner.status), Arc::clone(&inner.clock));
    drop(inner);
    let outcome = loop {
        let outcome = check_whole(&*store, &origin, &key, &status, &*clock).await;
        match outcome {
            Err(CheckError::Store(error)) if !matches!(error, StoreError::Damaged(_)) => {
                tracing::error!(%error, "the full check of the audit log starts again: its store failed");
                tokio::time::sleep(CHECK_PAUSE).await;
            }
            outcome => break outcome,
        }
    };
    status.check_ended(clock.now());
    match outcome {
        Ok(()) => tracing::info!("the full check of the audit log found nothing wrong"),
        Err(error) => {
            tracing::error!(%error, "the full check of the audit log failed");
            status.stop(Stop::Damaged);
        }
    }
}

async fn check_whole(
    store: &dyn LogStore,
    origin: &Origin,
    key: &VerifierKey,
    status: &Status,
    clock: &dyn Clock,
) -> Result<(), CheckError> {
    let mut check = StoreCheck::open(store, origin, std::slice::from_ref(key)).await?;
    loop {
        let began = clock.monotonic();
        let more = check.step().await?;
        status.checked(check.progress());
        if !more {
            return Ok(());
        }
        tokio::time::sleep(clock.monotonic().saturating_sub(began)).await;
    }
}
