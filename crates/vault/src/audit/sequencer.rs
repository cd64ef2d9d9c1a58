//! The one task that writes: it takes whatever waits, commits it as one batch, and tells everybody their index.
//!
//! There is no timer. While one commit runs, the next batch fills, so that a busy log commits large batches and an
//! idle one answers at once.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use privet_tlog::note::SigningKey;
use privet_tlog::{Checkpoint, Origin, TileBuilder};
use tokio::sync::{Notify, mpsc, oneshot};

use super::entry::Prepared;
use super::status::{Published, Refusal, Status, Stop};
use crate::Clock;
use crate::port::{LogBatch, LogState, LogStore, StoreError, TileRow};

/// How far behind the last entry the clock may be before the log stops: time servers correct small steps all the
/// time. Within it, an entry gets the time of the one before.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(1);

/// An entry and who waits for it.
pub(crate) struct Waiting {
    pub(crate) entry: Prepared,
    pub(crate) reply: oneshot::Sender<Result<u64, Refusal>>,
}

/// However the writer ends, also by a panic, the log says that it has stopped.
struct Ended(Arc<Status>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.stop(Stop::Closed);
    }
}

type Reply = oneshot::Sender<Result<u64, Refusal>>;

/// The writer of one origin.
pub(crate) struct Sequencer {
    pub(crate) store: Arc<dyn LogStore>,
    pub(crate) origin: Origin,
    pub(crate) signer: SigningKey,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) status: Arc<Status>,
    pub(crate) closing: Arc<Notify>,
    pub(crate) batch_max: usize,
    /// What is committed.
    pub(crate) tree: TileBuilder,
    /// The row that belongs to `tree`; `None` before the first entry.
    pub(crate) state: Option<LogState>,
    /// A commit whose outcome nobody knows.
    pub(crate) unsettled: Option<Candidate>,
}

/// What would be committed after a batch.
pub(crate) struct Candidate {
    tree: TileBuilder,
    state: LogState,
}

impl Sequencer {
    /// Runs until the queue is closed or the log stops.
    pub(crate) async fn run(mut self, mut queue: mpsc::Receiver<Waiting>) {
        let mut waiting = Vec::with_capacity(self.batch_max);
        let _ended = Ended(Arc::clone(&self.status));
        loop {
            tokio::select! {
                biased;
                count = queue.recv_many(&mut waiting, self.batch_max) => if count == 0 { break },
                () = self.closing.notified() => queue.close(),
            }
            if waiting.is_empty() {
                continue;
            }
            if let Some(stop) = self.status.stopped() {
                refuse(
                    &self.status,
                    waiting.drain(..).map(|w| w.reply),
                    Refusal::Stopped(stop),
                );
                continue;
            }
            self.turn(&mut waiting).await;
            // Whoever was just answered may have the next entry ready; a commit for the first of them alone would
            // make the others wait for two.
            tokio::task::yield_now().await;
        }
    }

    /// One batch: everybody in `waiting` is answered.
    async fn turn(&mut self, waiting: &mut Vec<Waiting>) {
        let (batch, replies, candidate) = match self.prepare(waiting).await {
            Ok(Some(prepared)) => prepared,
            Ok(None) => return,
            Err(refusal) => {
                self.fail(refusal);
                return refuse(&self.status, waiting.drain(..).map(|w| w.reply), refusal);
            }
        };
        let first = batch.size_before;
        let began = self.clock.monotonic();
        match self.commit(batch, candidate).await {
            Ok(()) => {
                self.status
                    .committed(self.clock.monotonic().saturating_sub(began));
                for (index, reply) in (first..).zip(replies) {
                    // Whoever stopped waiting revealed nothing.
                    let _ = reply.send(Ok(index));
                }
            }
            Err(refusal) => {
                self.fail(refusal);
                refuse(&self.status, replies, refusal);
            }
        }
    }

    fn fail(&self, refusal: Refusal) {
        match refusal {
            Refusal::Stopped(stop) => self.status.stop(stop),
            refusal => self.status.failed(refusal),
        }
    }

    /// Puts the batch together; refuses single entries on the way. On an error `waiting` is as it was.
    async fn prepare(
        &mut self,
        waiting: &mut Vec<Waiting>,
    ) -> Result<Option<(LogBatch, Vec<Reply>, Candidate)>, Refusal> {
        self.settle().await?;
        waiting.retain(|waiting| !waiting.reply.is_closed());
        let mut tree = self.tree.clone();
        let mut last = self.state.as_ref().map(|state| state.last_entry_at);
        let (mut entries, mut sides) = (Vec::with_capacity(waiting.len()), Vec::new());
        let mut replies = Vec::with_capacity(waiting.len());
        for Waiting { mut entry, reply } in waiting.drain(..) {
            if let Err(refusal) = in_order(&mut entry, &mut last) {
                self.status.failed(refusal);
                refuse(&self.status, [reply], refusal);
                continue;
            }
            tree.append(entry.leaf);
            entries.push(entry.bytes);
            sides.extend(entry.side);
            replies.push(reply);
        }
        let Some(last_entry_at) = last.filter(|_| !entries.is_empty()) else {
            return Ok(None);
        };
        let tiles = tree.take_changed().into_iter().map(|tile| TileRow {
            level: tile.level,
            number: tile.n,
            width: tile.width,
            data: tile.data,
        });
        let tiles = tiles.collect();
        let Some(checkpoint) = self.sign(&tree) else {
            refuse(&self.status, replies, Refusal::Stopped(Stop::Signer));
            return Err(Refusal::Stopped(Stop::Signer));
        };
        let state = LogState {
            size: tree.size(),
            checkpoint,
            last_entry_at,
        };
        let batch = LogBatch {
            size_before: self.tree.size(),
            entries,
            sides,
            tiles,
            state: state.clone(),
        };
        Ok(Some((batch, replies, Candidate { tree, state })))
    }

    fn sign(&self, tree: &TileBuilder) -> Option<Vec<u8>> {
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size: tree.size(),
            root: tree.root(),
        };
        let note = checkpoint.signed(&[&self.signer]).ok()?;
        Some(note.to_string().into_bytes())
    }

    async fn commit(&mut self, batch: LogBatch, candidate: Candidate) -> Result<(), Refusal> {
        let Err(error) = self.store.append(self.origin.as_str(), batch).await else {
            self.adopt(candidate);
            return Ok(());
        };
        // Not even an error says for certain that nothing was written: a connection may break after the commit.
        self.unsettled = Some(candidate);
        match error {
            StoreError::Full => Err(Refusal::DiskFull),
            StoreError::Conflict => {
                let before = self.tree.size();
                self.settle().await?;
                if self.tree.size() == before {
                    return Err(Refusal::Stopped(Stop::OtherWriter));
                }
                Ok(())
            }
            error => {
                tracing::warn!(%error, "a commit of the audit log failed");
                Err(Refusal::Store)
            }
        }
    }

    /// Learns how an uncertain commit ended. Anything but "as we left it" or "as we meant it" is somebody else's.
    async fn settle(&mut self) -> Result<(), Refusal> {
        let Some(candidate) = self.unsettled.take() else {
            return Ok(());
        };
        match self.store.state(self.origin.as_str()).await {
            Ok(found) if found == self.state => Ok(()),
            Ok(Some(found)) if found == candidate.state => {
                self.adopt(candidate);
                Ok(())
            }
            Ok(found) => {
                let size = |state: &Option<LogState>| state.as_ref().map_or(0, |state| state.size);
                Err(Refusal::Stopped(match size(&found) < size(&self.state) {
                    true => Stop::WentBack,
                    false => Stop::OtherWriter,
                }))
            }
            Err(_) => {
                self.unsettled = Some(candidate);
                Err(Refusal::Store)
            }
        }
    }

    fn adopt(&mut self, candidate: Candidate) {
        self.tree = candidate.tree;
        self.status.publish(Published {
            size: candidate.state.size,
            checkpoint: candidate.state.checkpoint.clone(),
        });
        self.state = Some(candidate.state);
    }
}

/// Whether the clock is too far behind the last entry to write another one.
pub(crate) fn is_behind(now: Timestamp, last: Timestamp) -> bool {
    now.checked_add(CLOCK_TOLERANCE).is_ok_and(|now| now < last)
}

/// Keeps entries in the order of their times, or refuses one whose clock went backwards.
fn in_order(entry: &mut Prepared, last: &mut Option<Timestamp>) -> Result<(), Refusal> {
    if let Some(last) = *last {
        if is_behind(entry.stamp, last) {
            return Err(Refusal::Clock);
        }
        if entry.stamp < last {
            entry.restamp(last);
        }
    }
    *last = Some(entry.stamp);
    Ok(())
}

fn refuse(status: &Status, replies: impl IntoIterator<Item = Reply>, refusal: Refusal) {
    for reply in replies {
        status.count_refused();
        let _ = reply.send(Err(refusal));
    }
}
