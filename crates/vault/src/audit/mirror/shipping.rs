//! The one task that writes the mirror: what is new in the log since it last looked, then the checkpoint that says so.
//!
//! There is no timer. While one copy runs the log goes on, and the next one takes all of it; so a busy log costs few requests,
//! and an idle one is copied at once.

use std::sync::Arc;
use std::time::Duration;

use privet_tlog::note::VerifierKey;
use privet_tlog::{Checkpoint, Origin, TilePath};
use tokio::task::JoinSet;

use super::Mirroring;
use crate::Clock;
use crate::audit::check::CheckError;
use crate::audit::copying::{Copying, Files};
use crate::audit::offline::continues_in_store;
use crate::audit::status::{Published, Status, Stop};
use crate::port::{LogMirror, LogStore, MirrorError, MirrorVersion};

/// The first pause after a failure; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// The longest pause after a failure.
const PAUSE_MAX: Duration = Duration::from_secs(20);

/// Why a copy did not come to its end.
enum Fault {
    /// It is tried again.
    Again(String),
    /// Somebody else wrote the checkpoint; or an earlier attempt did.
    Replaced,
    /// The mirror holds what this log never was.
    Split,
}

/// Also when the log does not hold what it published: whether it may go on is for its writer and its full check to say.
impl From<CheckError> for Fault {
    fn from(error: CheckError) -> Self {
        Self::Again(format!("the log cannot be read: {error}"))
    }
}

impl From<MirrorError> for Fault {
    fn from(error: MirrorError) -> Self {
        match error {
            MirrorError::Replaced => Self::Replaced,
            error => Self::Again(error.to_string()),
        }
    }
}

/// The task and what it knows of the mirror.
pub(super) struct Shipping {
    pub(super) store: Arc<dyn LogStore>,
    pub(super) origin: Origin,
    pub(super) key: VerifierKey,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) status: Arc<Status>,
    pub(super) mirroring: Arc<Mirroring>,
    pub(super) mirror: Arc<dyn LogMirror>,
    /// The checkpoint that is there.
    pub(super) version: Option<MirrorVersion>,
    /// Entries that are there.
    pub(super) written: u64,
    /// Whether the files at the end of what is there are written anew.
    pub(super) whole_edge: bool,
}

impl Shipping {
    /// Runs until the mirror is found to hold another history, or until it is aborted.
    pub(super) async fn run(mut self) {
        let mut published = self.status.subscribe();
        let mut pause = PAUSE_MIN;
        loop {
            let written = self.written;
            let next = match published.wait_for(|log| log.size > written).await {
                Ok(next) => Arc::clone(&next),
                Err(_) => return,
            };
            let began = self.clock.monotonic();
            self.mirroring.begin(began);
            match self.ship(&next).await {
                Ok(()) => {
                    pause = PAUSE_MIN;
                    let is_all = published.borrow().size == next.size;
                    self.mirroring.reach(next.size, is_all, began);
                    continue;
                }
                Err(Fault::Again(why)) => self.mirroring.fail(why),
                Err(Fault::Split) => return self.status.stop(Stop::Split),
                Err(Fault::Replaced) => match self.look_again(&next).await {
                    Ok(()) => continue,
                    Err(Fault::Split) => return self.status.stop(Stop::Split),
                    Err(Fault::Again(why)) => self.mirroring.fail(why),
                    Err(Fault::Replaced) => {}
                },
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn ship(&mut self, next: &Published) -> Result<(), Fault> {
        let checkpoint = self.opened(&next.checkpoint)?;
        let copying = Copying {
            store: &*self.store,
            checkpoint: &checkpoint,
            written: self.written,
            whole_edge: self.whole_edge,
        };
        let target = Target {
            mirror: &self.mirror,
            origin: self.origin.as_str(),
        };
        // Far behind, it comes nearer with each of these, which is no checkpoint's business.
        copying.entries(&target, drop).await?;
        copying.tiles(&target).await?;
        let replaced = copying.replaced();
        let note = next.checkpoint.clone();
        let version = self
            .mirror
            .put_checkpoint(self.origin.as_str(), note, self.version.as_ref())
            .await?;
        self.version = Some(version);
        self.written = next.size;
        self.whole_edge = false;
        for path in replaced {
            // What stays there is in nobody's way.
            if let Err(error) = self.mirror.remove(self.origin.as_str(), path).await {
                tracing::debug!(%error, %path, "a replaced file stays in the log's mirror");
            }
        }
        Ok(())
    }

    /// Looks at the checkpoint that was in the way. Whatever is there must be a beginning of this log.
    async fn look_again(&mut self, next: &Published) -> Result<(), Fault> {
        let ours = self.opened(&next.checkpoint)?;
        let Some(found) = self.mirror.checkpoint(self.origin.as_str()).await? else {
            // All of it is gone, and comes again.
            (self.version, self.written, self.whole_edge) = (None, 0, true);
            return Ok(());
        };
        let theirs = self.opened(&found.note).map_err(|_| Fault::Split)?;
        if theirs.size > ours.size {
            return Err(Fault::Split);
        }
        match continues_in_store(&*self.store, &theirs, &ours).await {
            Ok(()) => {}
            Err(CheckError::Rewritten(_)) => return Err(Fault::Split),
            Err(error) => return Err(error.into()),
        }
        self.version = Some(found.version);
        self.written = theirs.size;
        self.whole_edge = true;
        if theirs.size == ours.size {
            self.mirroring.reach(theirs.size, true, Duration::ZERO);
        }
        Ok(())
    }

    fn opened(&self, note: &[u8]) -> Result<Checkpoint, Fault> {
        let opened = Checkpoint::open(note, std::slice::from_ref(&self.key));
        let opened = opened.map_err(|error| Fault::Again(error.to_string()))?;
        match opened.origin == self.origin {
            true => Ok(opened),
            false => Err(Fault::Again("a checkpoint of another log".to_owned())),
        }
    }
}

struct Target<'a> {
    mirror: &'a Arc<dyn LogMirror>,
    origin: &'a str,
}

impl Files for Target<'_> {
    type Error = Fault;

    /// All at once: most of the time that a file takes is the way there.
    async fn write(&self, files: Vec<(TilePath, Vec<u8>)>) -> Result<(), Fault> {
        let mut writing = JoinSet::new();
        for (path, bytes) in files {
            let (mirror, origin) = (Arc::clone(self.mirror), self.origin.to_owned());
            writing.spawn(async move { mirror.put(&origin, path, bytes).await });
        }
        while let Some(written) = writing.join_next().await {
            written.map_err(|_| Fault::Again("a write broke off".to_owned()))??;
        }
        Ok(())
    }
}
