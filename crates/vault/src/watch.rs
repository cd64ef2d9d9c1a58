//! The sequence that grants, revocations, erasures and ends of sessions share: followed by every server, and the reason to open
//! nothing when it cannot be read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::port::{ChangeKind, KeyStore};
use crate::{Clock, Error, Reason, Result, Vault};

/// A server that has not read the sequence for this long opens nothing.
const STALE: Duration = Duration::from_secs(1);

/// Where this server stands in the shared sequence.
pub(crate) struct Watch {
    position: tokio::sync::Mutex<u64>,
    read_at_ms: AtomicU64,
}

impl Watch {
    pub(crate) async fn start(keys: &dyn KeyStore, clock: &dyn Clock) -> Result<Self> {
        let position = keys.sequence().await?;
        Ok(Self {
            position: tokio::sync::Mutex::new(position),
            read_at_ms: AtomicU64::new(millis(clock.monotonic())),
        })
    }
}

impl Vault {
    /// Refuses when the shared sequence has not been read within the last second.
    pub(crate) fn fresh(&self) -> Result<()> {
        let watch = &self.inner.watch;
        let read_at = watch.read_at_ms.load(Ordering::Acquire);
        let age = millis(self.inner.clock.monotonic()).saturating_sub(read_at);
        if age <= millis(STALE) {
            return Ok(());
        }
        Err(Error::Unready(Reason {
            code: "key_store_unread",
            text: "the key store has not answered for a second, so nothing is opened: check it, \
                   then try again"
                .to_owned(),
        }))
    }

    /// Applies what happened since the last look: forgets erased subjects and revoked tokens, ends grants.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        let watch = &self.inner.watch;
        let mut position = watch.position.lock().await;
        let started = millis(self.inner.clock.monotonic());
        loop {
            let changes = self.inner.keys.changes_after(*position).await?;
            let Some(last) = changes.last() else { break };
            let last = last.sequence;
            for change in changes {
                self.apply(change.kind);
            }
            *position = last;
        }
        watch.read_at_ms.fetch_max(started, Ordering::AcqRel);
        Ok(())
    }

    fn apply(&self, change: ChangeKind) {
        match change {
            ChangeKind::Granted(_) => {}
            ChangeKind::GrantEnded(grant) => self.inner.sessions.end_grant(grant),
            ChangeKind::TokenRevoked(token) => {
                self.inner.tokens.revoke(token);
                self.inner.sessions.end_token(token);
            }
            ChangeKind::Erased(subject) => {
                self.inner.keyring.forget(subject);
                self.inner.sessions.end_subject(subject);
            }
            ChangeKind::SessionEnded(session) => self.inner.sessions.end_session(session),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
