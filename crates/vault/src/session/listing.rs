//! Which log entries belong to which session: listed behind those who wrote them, many at once, so that a statement waits
//! for the commit of its entry and not for a second one.
//!
//! Nothing is lost by that. The entry itself names its session, and the ledger's position stays before it until it is
//! listed: what a crash cuts off, the next start finds in the log.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::maintenance::Hold;
use crate::port::{DataStore, NewSessionEntry};

/// How many entries may wait to be listed; of more, the next start takes care.
const QUEUE_MAX: usize = 16_384;
/// How many are listed at once.
const BATCH_MAX: usize = 1_024;
/// Before a store that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// A reader waits so long for what is being listed; with the store away, it has to do without.
const PATIENCE: Duration = Duration::from_secs(1);

enum Item {
    Entry(NewSessionEntry, Hold),
    /// Answered when everything before it is listed.
    Reached(oneshot::Sender<()>),
}

/// What is to be listed.
pub(crate) struct Listing {
    queue: mpsc::Sender<Item>,
}

impl Listing {
    /// Needs a tokio runtime. The writer ends when this is dropped and all is listed, or with the runtime.
    pub(crate) fn start(data: Arc<dyn DataStore>) -> Self {
        let (queue, items) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(write(data, items));
        Self { queue }
    }

    /// Lists an entry soon; `hold` is let go then.
    pub(crate) fn add(&self, entry: NewSessionEntry, hold: Hold) {
        if self.queue.try_send(Item::Entry(entry, hold)).is_err() {
            tracing::warn!("a session's entry is not in its list until the next start");
        }
    }

    /// Waits until all that was added before is listed, if the store takes it.
    pub(crate) async fn written(&self) {
        let (reached, wait) = oneshot::channel();
        let all = async {
            if self.queue.send(Item::Reached(reached)).await.is_ok() {
                // The writer answers, or is gone with the runtime.
                let _ = wait.await;
            }
        };
        let _ = timeout(PATIENCE, all).await;
    }
}

async fn write(data: Arc<dyn DataStore>, mut queue: mpsc::Receiver<Item>) {
    let mut items = Vec::new();
    while queue.recv_many(&mut items, BATCH_MAX).await > 0 {
        let (mut entries, mut holds, mut readers) = (Vec::new(), Vec::new(), Vec::new());
        for item in items.drain(..) {
            match item {
                Item::Entry(entry, hold) => {
                    entries.push(entry);
                    holds.push(hold);
                }
                Item::Reached(reader) => readers.push(reader),
            }
        }
        while !entries.is_empty() {
            match data.add_session_entries(entries.clone()).await {
                Ok(()) => entries.clear(),
                Err(error) => {
                    tracing::warn!(%error, "entries of sessions could not be listed; it is tried again");
                    if queue.is_closed() {
                        // The vault is gone; the next start finds them.
                        return;
                    }
                    sleep(PAUSE).await;
                }
            }
        }
        holds.into_iter().for_each(Hold::release);
        for reader in readers {
            // It may have lost its patience.
            let _ = reader.send(());
        }
    }
}
