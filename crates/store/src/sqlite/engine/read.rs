//! The threads that read a file, and the queue that they share.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use privet_vault::port::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{execute, stopped};
use crate::sqlite::file::{Failure, StoreFile};

/// Read calls that may wait; more are refused, since each caller has at most a few and something must be wrong.
const READS_MAX: usize = 65_536;

/// Read calls under one snapshot at most: few enough that the first does not wait long for the last.
const READ_BATCH_MAX: usize = 32;

/// A read call without its types.
pub(super) trait ReadCall: Send {
    fn run(&mut self, connection: &Connection);
    fn answer(self: Box<Self>);
}

pub(super) struct Read<T, F> {
    pub(super) work: Option<F>,
    pub(super) result: Option<Result<T, StoreError>>,
    pub(super) reply: oneshot::Sender<Result<T, StoreError>>,
    pub(super) file: Arc<StoreFile>,
}

impl<T, F> ReadCall for Read<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Failure> + Send,
{
    fn run(&mut self, connection: &Connection) {
        if let Some(work) = self.work.take()
            && !self.reply.is_closed()
        {
            self.result =
                Some(work(connection).map_err(|failure| failure.into_store(self.file.spec)));
        }
    }

    fn answer(self: Box<Self>) {
        let _ = self
            .reply
            .send(self.result.unwrap_or_else(|| Err(stopped())));
    }
}

pub(super) fn read_loop(connection: &Connection, file: &StoreFile, queue: &Arc<ReadQueue>) {
    let _guard = CloseOnPanic(Arc::clone(queue));
    let mut batch = Vec::with_capacity(READ_BATCH_MAX);
    while queue.take(&mut batch) {
        let among = file.among_readers();
        // The snapshot begins with the first statement, so after everything that the callers saw committed. If BEGIN
        // fails, each statement is its own transaction and reports the error that there is.
        let began = execute(connection, "BEGIN").is_ok();
        for call in &mut batch {
            call.run(connection);
        }
        if began {
            let _ = execute(connection, "COMMIT");
        }
        drop(among);
        for call in batch.drain(..) {
            call.answer();
        }
    }
}

/// Read calls that wait, for whichever reader is free.
#[derive(Default)]
pub(super) struct ReadQueue {
    state: Mutex<ReadState>,
    ready: Condvar,
}

#[derive(Default)]
struct ReadState {
    calls: VecDeque<Box<dyn ReadCall>>,
    idle: usize,
    closed: bool,
}

impl std::fmt::Debug for ReadQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadQueue").finish_non_exhaustive()
    }
}

impl ReadQueue {
    fn lock(&self) -> MutexGuard<'_, ReadState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, call: Box<dyn ReadCall>) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.closed {
            return Err(stopped());
        }
        if state.calls.len() >= READS_MAX {
            return Err(StoreError::Unavailable(
                "too many reads are waiting".to_owned(),
            ));
        }
        state.calls.push_back(call);
        let wake = state.idle > 0;
        drop(state);
        if wake {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Waits for calls and takes some; `false` when the queue was closed and is empty.
    fn take(&self, batch: &mut Vec<Box<dyn ReadCall>>) -> bool {
        let mut state = self.lock();
        while state.calls.is_empty() {
            if state.closed {
                return false;
            }
            state.idle += 1;
            state = self
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
        let count = state.calls.len().min(READ_BATCH_MAX);
        batch.extend(state.calls.drain(..count));
        true
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }
}

/// Closes the queue if its reader panics, so that callers get an error instead of waiting for ever.
struct CloseOnPanic(Arc<ReadQueue>);

impl Drop for CloseOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
            self.0.lock().calls.clear();
        }
    }
}
