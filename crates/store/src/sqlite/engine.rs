//! The threads over one file: one that writes, with group commit, and a few that read.
//!
//! A durable commit costs a flush of the disk whatever it holds, so the writer takes all calls that wait, runs each in
//! a savepoint of one transaction, commits once and then answers them all. Reads are taken from one queue in batches,
//! under one snapshot each, so that many callers cost few wake-ups and few file locks.

mod read;
mod write;

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use privet_vault::port::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use self::read::{Read, ReadQueue, read_loop};
use self::write::{Write, WriteCall, write_loop};
use super::SqliteOptions;
use super::file::{Access, Failure, StoreFile};
use super::lock::FolderLock;
use super::scrub::Scrub;

/// Write calls that may wait; more callers than that wait for their turn to queue.
const WRITES_MAX: usize = 4096;

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
        options: &SqliteOptions,
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
            let connection = file.writer(options)?;
            let (sender, receiver) = mpsc::channel(WRITES_MAX);
            let file = Arc::clone(&file);
            engine.writes = Some(sender);
            engine.writer = Some(spawn("write", move || {
                write_loop(&connection, &file, receiver)
            })?);
        }
        for _ in 0..options.readers.max(1) {
            let connection = file.reader(options)?;
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

fn execute(connection: &Connection, sql: &str) -> Result<(), Failure> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
