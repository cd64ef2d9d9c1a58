//! A vault beside its log's mirror: it starts from what both hold, and tells when the mirror is late.

use std::sync::Arc;

use crate::audit::{Actor, Bounded, EntryKind, Record, Standing, compare};
use crate::port::LogMirror;
use crate::{Parts, Result, Vault};

impl Vault {
    /// Starts as [`Vault::start`] does, beside a mirror of the log. What the log lacks of it is brought back first, so that a log
    /// that was put back forgets no erasure; what other servers' logs lack is read for the same reason. From then on every entry
    /// is written to the mirror as well, and an erasure is confirmed only when it is there.
    ///
    /// # Errors
    /// As [`Vault::start`], and [`Error::Unready`](crate::Error::Unready) with code `mirror_unreachable`, `mirror_foreign`,
    /// `mirror_differs` or `mirror_damaged`.
    pub async fn start_mirrored(parts: Parts, mirror: Arc<dyn LogMirror>) -> Result<Self> {
        Self::start_beside(parts, Some(Arc::new(Bounded(mirror)))).await
    }

    /// Carries out what the logs and the mirror know of and the key store does not, and puts on record what a start found in the
    /// mirror that is not as a stop leaves it.
    pub(crate) async fn go_on_from(&self, standing: &Standing) -> Result<()> {
        self.replay_erasures(&standing.others).await?;
        self.finish_fields().await?;
        if standing.fetched > 0 {
            let record = degraded(
                "log",
                "it was put back, and was brought back from its mirror",
            )
            .count("entries", standing.fetched);
            self.record_patiently(record).await?;
        }
        if standing.is_first {
            let record = degraded("mirror", "it held nothing of this log, and gets all of it");
            self.record_patiently(record).await?;
        }
        Ok(())
    }

    /// Puts on record that the mirror lacks entries for too long, once each time that it begins to.
    pub(crate) async fn watch_mirror(&self) -> Result<()> {
        let Some(mirror) = self.inner.audit.became_late() else {
            return Ok(());
        };
        let why = mirror.why.as_deref().unwrap_or("it is slow");
        let record = degraded("mirror", why).count("behind", mirror.behind);
        self.record_patiently(record).await.map(drop)
    }
}

/// What the mirror holds beside the log; nothing without one. It is asked before the first entry is written, which would begin
/// another history than the mirror's.
pub(crate) async fn compared(
    parts: &Parts,
    mirror: Option<&Arc<dyn LogMirror>>,
) -> Result<Standing> {
    let Some(mirror) = mirror else {
        return Ok(Standing::default());
    };
    let (log, origin) = (&*parts.log, &*parts.config.origin);
    Ok(compare(log, mirror, origin, &parts.signer, parts.clock.now()).await?)
}

fn degraded(what: &str, why: &str) -> Record {
    Record::new(EntryKind::LogDegraded, Actor::System)
        .fact("what", what)
        .fact("why", why)
}
