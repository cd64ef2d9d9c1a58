//! The threads over one file: one that writes, with group commit, and a few that read.
//!
//! A durable commit costs a flush of the disk whatever it holds, so the writer takes all calls that wait, runs each in
//! a savepoint of one transaction, commits once and then answers them all. Reads are taken from one queue in batches,
//! under one snapshot each, so that many callers cost few wake-ups and few file locks.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use privet_vault::port::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::file::{Access, Failure, StoreFile};
use super::lock::FolderLock;
use super::scrub::{self, Scrub};

/// Write calls that may wait; more callers than that wait for their turn to queue.
const WRITES_MAX: usize = 4096;

/// Write calls in one transaction at most.
const WRITE_BATCH_MAX: usize = 1024;

/// Read calls that may wait; more are refused, since each caller has at most a few and something must be wrong.
const READS_MAX: usize = 65_536;

/// Read calls under one snapshot at most: few enough that the first does not wait long for the last.
const READ_BATCH_MAX: usize = 32;

/// One file with its threads. Dropping it waits for the calls that were accepted, then closes the file.
#[derive(Debug)]
pub(super) struct Engine {
    file: Arc<StoreFile>,
    writes: Option<mpsc::Sender<Box<dyn WriteCall>>>,
    reads: Arc<ReadQueue>,
    writer: Option<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
    /// Let go last, when nothing touches the file any more.
    _lock: Option<Arc<FolderLock>>,
}

impl Engine {
    /// Opens the connections and starts the threads.
    pub(super) fn start(
        file: StoreFile,
        access: Access,
        readers: usize,
        pages_max: Option<u32>,
        lock: Option<Arc<FolderLock>>,
    ) -> Result<Self, StoreError> {
        let file = Arc::new(file);
        let mut engine = Self {
            file: Arc::clone(&file),
            writes: None,
            reads: Arc::default(),
            writer: None,
            readers: Vec::new(),
            _lock: lock,
        };
        if access == Access::Write {
            let connection = file.writer(pages_max)?;
            let (sender, receiver) = mpsc::channel(WRITES_MAX);
            let file = Arc::clone(&file);
            engine.writes = Some(sender);
            engine.writer = Some(spawn("write", move || {
                write_loop(&connection, &file, receiver)
            })?);
        }
        for _ in 0..readers.max(1) {
            let connection = file.reader()?;
            let queue = Arc::clone(&engine.reads);
            engine
                .readers
                .push(spawn("read", move || read_loop(&connection, &queue))?);
        }
        Ok(engine)
    }

    /// Runs `work` under a snapshot that holds everything committed before this call.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let file = Arc::clone(&self.file);
        self.reads.push(Box::new(Read {
            work: Some(work),
            result: None,
            reply,
            file,
        }))?;
        answer.await.map_err(|_| stopped())?
    }

    /// Runs `work` in a transaction; what it did is durable when this returns, or nothing of it happened.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.destroy(move |connection, _| work(connection)).await
    }

    /// Like [`write`](Self::write); what `work` adds to the [`Scrub`] is in no file when this returns.
    pub(super) async fn destroy<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &mut Scrub) -> Result<T, Failure> + Send + 'static,
    {
        let Some(writes) = &self.writes else {
            return Err(StoreError::Unavailable(
                "the store was opened for reading only".to_owned(),
            ));
        };
        let (reply, answer) = oneshot::channel();
        let file = Arc::clone(&self.file);
        let call = Write {
            work: Some(work),
            result: None,
            scrubs: false,
            reply,
            file,
        };
        writes.send(Box::new(call)).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The writer's connection must be the last to close: closing it empties the write-ahead log.
        self.reads.close();
        for reader in self.readers.drain(..) {
            // A thread that panicked has said so already.
            let _ = reader.join();
        }
        self.writes = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    thread::Builder::new()
        .name(format!("store-{name}"))
        .spawn(run)
        .map_err(|error| StoreError::Unavailable(format!("starting a thread: {}", error.kind())))
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the store has stopped".to_owned())
}

/// A write call without its types.
trait WriteCall: Send {
    /// Runs it; `false` when it failed and its savepoint must be rolled back.
    fn run(&mut self, connection: &Connection, scrub: &mut Scrub) -> bool;

    /// The error it failed with.
    fn error(&self) -> Option<StoreError>;

    /// Tells the caller, once it is known whether the transaction and the scrubbing succeeded.
    fn answer(
        self: Box<Self>,
        committed: &Result<(), StoreError>,
        scrubbed: &Result<(), StoreError>,
    );
}

struct Write<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    scrubs: bool,
    reply: oneshot::Sender<Result<T, StoreError>>,
    file: Arc<StoreFile>,
}

impl<T, F> WriteCall for Write<T, F>
where
    T: Send,
    F: FnOnce(&Connection, &mut Scrub) -> Result<T, Failure> + Send,
{
    fn run(&mut self, connection: &Connection, scrub: &mut Scrub) -> bool {
        let Some(work) = self.work.take() else {
            return false;
        };
        let mut own = Scrub::default();
        let result = work(connection, &mut own).map_err(|error| error.into_store(self.file.spec));
        let done = result.is_ok();
        if done {
            self.scrubs = own.requested;
            scrub.merge(own);
        }
        self.result = Some(result);
        done
    }

    fn error(&self) -> Option<StoreError> {
        self.result.as_ref()?.as_ref().err().cloned()
    }

    fn answer(
        self: Box<Self>,
        committed: &Result<(), StoreError>,
        scrubbed: &Result<(), StoreError>,
    ) {
        // What a call saw of others in a transaction that failed never was: even its own error does not count.
        let Self {
            result,
            scrubs,
            reply,
            ..
        } = *self;
        let outcome = committed
            .clone()
            .and_then(|()| if scrubs { scrubbed.clone() } else { Ok(()) })
            .and_then(|()| result.unwrap_or_else(|| Err(stopped())));
        // A caller that went away does not want to know.
        let _ = reply.send(outcome);
    }
}

fn write_loop(
    connection: &Connection,
    file: &StoreFile,
    mut queue: mpsc::Receiver<Box<dyn WriteCall>>,
) {
    if let Err(error) = scrub::finish_interrupted(connection, file) {
        tracing::warn!(file = file.spec.name, %error, "an interrupted erasure is not finished");
    }
    let mut batch = Vec::with_capacity(WRITE_BATCH_MAX);
    while queue.blocking_recv_many(&mut batch, WRITE_BATCH_MAX) > 0 {
        let mut scrub = Scrub::default();
        let committed = run_batch(connection, &mut batch, &mut scrub, file);
        let scrubbed = if committed.is_ok() && scrub.requested {
            scrub::finish(connection, file, scrub)
        } else {
            Ok(())
        };
        for call in batch.drain(..) {
            call.answer(&committed, &scrubbed);
        }
    }
}

/// Runs the calls in one transaction. An error means that nothing of any of them is stored.
fn run_batch(
    connection: &Connection,
    batch: &mut [Box<dyn WriteCall>],
    scrub: &mut Scrub,
    file: &StoreFile,
) -> Result<(), StoreError> {
    let outcome = try_batch(connection, batch, scrub);
    if outcome.is_err() && !connection.is_autocommit() {
        // If this fails too, the engine has rolled back by itself.
        let _ = execute(connection, "ROLLBACK");
    }
    outcome.map_err(|failure| failure.into_store(file.spec))
}

fn try_batch(
    connection: &Connection,
    batch: &mut [Box<dyn WriteCall>],
    scrub: &mut Scrub,
) -> Result<(), Failure> {
    execute(connection, "BEGIN IMMEDIATE")?;
    if let [call] = batch {
        let end = if call.run(connection, scrub) {
            "COMMIT"
        } else {
            "ROLLBACK"
        };
        // After some errors, such as a full disk, the engine has rolled back already.
        return if connection.is_autocommit() {
            Ok(())
        } else {
            execute(connection, end)
        };
    }
    for call in batch {
        execute(connection, "SAVEPOINT call")?;
        let done = call.run(connection, scrub);
        if connection.is_autocommit() {
            return Err(call.error().unwrap_or_else(stopped).into());
        }
        if !done {
            execute(connection, "ROLLBACK TO call")?;
        }
        execute(connection, "RELEASE call")?;
    }
    execute(connection, "COMMIT")
}

fn execute(connection: &Connection, sql: &str) -> Result<(), Failure> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// A read call without its types.
trait ReadCall: Send {
    fn run(&mut self, connection: &Connection);
    fn answer(self: Box<Self>);
}

struct Read<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    file: Arc<StoreFile>,
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

fn read_loop(connection: &Connection, queue: &Arc<ReadQueue>) {
    let _guard = CloseOnPanic(Arc::clone(queue));
    let mut batch = Vec::with_capacity(READ_BATCH_MAX);
    while queue.take(&mut batch) {
        // The snapshot begins with the first statement, so after everything that the callers saw committed. If BEGIN
        // fails, each statement is its own transaction and reports the error that there is.
        let began = execute(connection, "BEGIN").is_ok();
        for call in &mut batch {
            call.run(connection);
        }
        if began {
            let _ = execute(connection, "COMMIT");
        }
        for call in batch.drain(..) {
            call.answer();
        }
    }
}

/// Read calls that wait, for whichever reader is free.
#[derive(Default)]
struct ReadQueue {
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

    fn push(&self, call: Box<dyn ReadCall>) -> Result<(), StoreError> {
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

    fn close(&self) {
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
