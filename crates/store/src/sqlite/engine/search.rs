//! The thread that searches a file for what was destroyed, while the writer goes on.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Instant;

use privet_vault::port::StoreError;
use tokio::sync::mpsc::WeakSender;

use super::spawn;
use super::write::Order;
use crate::sqlite::file::StoreFile;
use crate::sqlite::scrub::Scrub;

/// What one search found.
#[derive(Debug)]
pub(super) struct Found {
    /// How many scrubs it was for.
    pub(super) count: u64,
    /// Whether something is left of what they destroyed.
    pub(super) is_left: io::Result<bool>,
}

/// The searching thread, as the writer sees it.
#[derive(Debug)]
pub(super) struct Search {
    asked: Sender<Scrub>,
    found: Receiver<Found>,
    thread: JoinHandle<()>,
}

impl Search {
    /// Starts it; none for files that are not searched. The writer is woken when something was found out.
    pub(super) fn start(
        file: &Arc<StoreFile>,
        writer: WeakSender<Order>,
    ) -> Result<Option<Self>, StoreError> {
        if file.raw.is_none() {
            return Ok(None);
        }
        let (asked, asking) = mpsc::channel();
        let (telling, found) = mpsc::channel();
        let file = Arc::clone(file);
        let thread = spawn("search", move || {
            search_loop(&file, &asking, &telling, &writer);
        })?;
        Ok(Some(Self {
            asked,
            found,
            thread,
        }))
    }

    /// Has the file searched, after what was destroyed has left the write-ahead log.
    pub(super) fn ask(&self, scrub: Scrub) {
        // Where the thread has panicked, the mark in the file stays, and the next start rebuilds it.
        let _ = self.asked.send(scrub);
    }

    /// What was found out and not taken yet, the oldest first.
    pub(super) fn take(&self) -> Option<Found> {
        self.found.try_recv().ok()
    }

    /// Whether the thread has ended by a panic.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends the thread when it has done what it was asked; what it found out.
    pub(super) fn end(self) -> Vec<Found> {
        drop(self.asked);
        let found = self.found.iter().collect();
        // A thread that panicked has said so already.
        let _ = self.thread.join();
        found
    }
}

/// Searches for all that was asked for meanwhile at once. Between two searches it rests for as long as the last one took, so that
/// many erasures in a large file keep half a processor busy and not a whole one.
fn search_loop(
    file: &StoreFile,
    asked: &Receiver<Scrub>,
    found: &Sender<Found>,
    writer: &WeakSender<Order>,
) {
    let Some(raw) = &file.raw else { return };
    let mut rested = Instant::now();
    while let Ok(first) = asked.recv() {
        let (mut scrub, mut count) = (first, 1);
        loop {
            let rest = rested.saturating_duration_since(Instant::now());
            match asked.recv_timeout(rest) {
                Ok(next) => {
                    scrub.merge(next);
                    count += 1;
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        let began = Instant::now();
        let is_left = scrub.search(raw);
        rested = Instant::now() + began.elapsed();
        if found.send(Found { count, is_left }).is_err() {
            return;
        }
        if let Some(writer) = writer.upgrade() {
            // A writer that ends reads what was found by itself.
            let _ = writer.blocking_send(Order::Found);
        }
    }
}
