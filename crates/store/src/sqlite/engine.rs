//! The threads over one file: one that writes, with group commit, a few that read, and where something may have to be erased one
//! that searches.
//!
//! A durable commit costs a flush of the disk whatever it holds, so the writer takes all calls that wait, runs each in
//! a savepoint of one transaction, commits once and then answers them all. Reads are taken from one queue in batches,
//! under one snapshot each, so that many callers cost few wake-ups and few file locks.

mod read;
mod search;
mod write;

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use privet_vault::port::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use self::read::{Read, ReadQueue, read_loop};
use self::search::Search;
use self::write::{Order, Write, write_loop};
use super::SqliteOptions;
use super::file::{Access, Failure, StoreFile};
use super::lock::FolderLock;
use super::scrub::Scrub;

/// Write calls that may wait; more callers than that wait for their turn to queue.
const WRITES_MAX: usize = 4096;

/// One file with its threads. Dropping it waits for the calls that were accepted and for what they destroyed, then closes the file.
#[derive(Debug)]
pub(super) struct Engine {
    file: Arc<StoreFile>,
    writes: Option<mpsc::Sender<Order>>,
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
            let search = Search::start(&file, sender.downgrade())?;
            let file = Arc::clone(&file);
            engine.writes = Some(sender);
            engine.writer = Some(spawn("write", move || {
                write_loop(&connection, &file, receiver, search);
            })?);
        }
        for _ in 0..options.readers.max(1) {
            let connection = file.reader(options)?;
            let (file, queue) = (Arc::clone(&file), Arc::clone(&engine.reads));
            engine.readers.push(spawn("read", move || {
                read_loop(&connection, &file, &queue);
            })?);
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

    /// Like [`write`](Self::write); what `work` adds to the [`Scrub`] is in no row and no write-ahead log when this returns, and is in
    /// no file when it is [settled](Self::settle).
    pub(super) async fn destroy<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &mut Scrub) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let file = Arc::clone(&self.file);
        let call = Write {
            work: Some(work),
            result: None,
            scrubs: false,
            reply,
            file,
        };
        self.order(Order::Call(Box::new(call))).await?;
        answer.await.map_err(|_| stopped())?
    }

    /// Waits until nothing is left in the file of what was destroyed before this call. After an error, calling it again tries again.
    pub(super) async fn settle(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Settle(reply)).await?;
        answer.await.map_err(|_| stopped())?
    }

    async fn order(&self, order: Order) -> Result<(), StoreError> {
        let Some(writes) = &self.writes else {
            return Err(StoreError::Unavailable(
                "the store was opened for reading only".to_owned(),
            ));
        };
        writes.send(order).await.map_err(|_| stopped())
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    const SECRET: &str = "a secret that is destroyed";

    /// A key store's file with a copy that SQLite left of a row, which is imitated by deleting without `secure_delete`.
    struct Bed {
        dir: tempfile::TempDir,
        engine: Engine,
    }

    impl Bed {
        fn start() -> Self {
            Self::with(&SqliteOptions::default())
        }

        fn with(options: &SqliteOptions) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let spec = &crate::sqlite::keys::SPEC;
            let file = StoreFile::create(dir.path(), spec).unwrap();
            let connection = file.writer(options).unwrap();
            connection
                .execute_batch(&format!(
                    "PRAGMA secure_delete = off; INSERT INTO log_position VALUES ('{SECRET}', 1);
                     DELETE FROM log_position;"
                ))
                .unwrap();
            drop(connection);
            let engine = Engine::start(file, Access::Write, options, None).unwrap();
            Self { dir, engine }
        }

        /// Destroys it, as far as rows go.
        async fn destroy(&self) {
            let destroyed = self.engine.destroy(|connection, scrub| {
                scrub.request();
                scrub.add(SECRET.as_bytes());
                execute(
                    connection,
                    "INSERT INTO scrub VALUES (1) ON CONFLICT DO NOTHING",
                )
            });
            destroyed.await.unwrap();
        }

        async fn marks(&self) -> i64 {
            let count = |connection: &Connection| {
                let count = "SELECT count(*) FROM scrub";
                Ok(connection.query_row(count, [], |row| row.get(0))?)
            };
            self.engine.read(count).await.unwrap()
        }
    }

    fn is_in(dir: &tempfile::TempDir) -> bool {
        let bytes = std::fs::read(dir.path().join(crate::sqlite::keys::SPEC.name)).unwrap();
        let mut windows = bytes.windows(SECRET.len());
        windows.any(|window| window == SECRET.as_bytes())
    }

    #[tokio::test]
    async fn what_was_destroyed_is_in_no_file_when_it_is_settled() {
        let bed = Bed::start();
        assert!(is_in(&bed.dir));
        // Many at a time: some of them while the file is searched for others.
        let bed = Arc::new(bed);
        let all = (0..50).map(|_| {
            let bed = Arc::clone(&bed);
            async move {
                bed.destroy().await;
                bed.engine.settle().await.unwrap();
                assert!(!is_in(&bed.dir));
            }
        });
        tokio::task::JoinSet::from_iter(all).join_all().await;
        // With nothing to do it answers at once, as often as it is asked.
        bed.engine.settle().await.unwrap();
        bed.engine.settle().await.unwrap();
        assert_eq!(bed.marks().await, 0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn those_who_read_all_the_time_keep_nothing_in_the_log() {
        let bed = Arc::new(Bed::with(&SqliteOptions {
            busy_wait: Duration::from_millis(1),
            ..SqliteOptions::default()
        }));
        let is_over = Arc::new(AtomicBool::new(false));
        let readers = (0..64).map(|_| {
            let (bed, is_over) = (Arc::clone(&bed), Arc::clone(&is_over));
            async move {
                // Each looks at the file, then keeps its snapshot for a while.
                let slow = "WITH RECURSIVE n (i) AS (SELECT count(*) FROM scrub UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
                    SELECT max(i) FROM n";
                while !is_over.load(Ordering::Relaxed) {
                    let read = |connection: &Connection| {
                        Ok(connection.query_row(slow, [], |row| row.get::<_, i64>(0))?)
                    };
                    bed.engine.read(read).await.unwrap();
                }
            }
        });
        let readers = tokio::task::JoinSet::from_iter(readers);
        for _ in 0..20 {
            bed.destroy().await;
        }
        is_over.store(true, Ordering::Relaxed);
        readers.join_all().await;
    }

    #[tokio::test]
    async fn closing_a_file_waits_for_the_search() {
        let bed = Bed::start();
        bed.destroy().await;
        let Bed { dir, engine } = bed;
        drop(engine);
        assert!(!is_in(&dir));
    }
}
