//! The thread that writes a file: savepoints in one transaction, one commit, many answers.

use std::sync::Arc;

use privet_vault::port::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::search::{Found, Search};
use super::{execute, stopped};
use crate::sqlite::file::{Failure, StoreFile, io_failure};
use crate::sqlite::scrub::{self, Scrub};

/// Write calls in one transaction at most.
const WRITE_BATCH_MAX: usize = 1024;

/// A write call without its types.
pub(super) trait WriteCall: Send {
    /// Runs it; `false` when it failed and its savepoint must be rolled back.
    fn run(&mut self, connection: &Connection, scrub: &mut Scrub) -> bool;

    /// The error it failed with.
    fn error(&self) -> Option<StoreError>;

    /// Tells the caller, once it is known whether the transaction is durable, and its write-ahead log empty where it destroyed something.
    fn answer(
        self: Box<Self>,
        committed: &Result<(), StoreError>,
        scrubbed: &Result<(), StoreError>,
    );
}

pub(super) struct Write<T, F> {
    pub(super) work: Option<F>,
    pub(super) result: Option<Result<T, StoreError>>,
    pub(super) scrubs: bool,
    pub(super) reply: oneshot::Sender<Result<T, StoreError>>,
    pub(super) file: Arc<StoreFile>,
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

/// What the writing thread is told.
pub(super) enum Order {
    /// To run a call.
    Call(Box<dyn WriteCall>),
    /// To answer when nothing is left of what calls before this one destroyed.
    Settle(oneshot::Sender<Result<(), StoreError>>),
    /// To look at what the search has found.
    Found,
}

pub(super) fn write_loop(
    connection: &Connection,
    file: &StoreFile,
    mut queue: mpsc::Receiver<Order>,
    search: Option<Search>,
) {
    let mut orders = Vec::with_capacity(WRITE_BATCH_MAX);
    let mut batch = Vec::with_capacity(WRITE_BATCH_MAX);
    let mut destroyed = Destroyed::start(connection, file, search);
    while queue.blocking_recv_many(&mut orders, WRITE_BATCH_MAX) > 0 {
        let mut settling = Vec::new();
        for order in orders.drain(..) {
            match order {
                Order::Call(call) => batch.push(call),
                Order::Settle(reply) => settling.push(reply),
                Order::Found => {}
            }
        }
        if !batch.is_empty() {
            let mut scrub = Scrub::default();
            let committed = run_batch(connection, &mut batch, &mut scrub, file);
            let mut scrubbed = Ok(());
            if committed.is_ok() && scrub.requested {
                scrubbed = destroyed.add(scrub);
            }
            for call in batch.drain(..) {
                call.answer(&committed, &scrubbed);
            }
        }
        destroyed.look();
        for reply in settling {
            destroyed.settle(reply);
        }
    }
    destroyed.end();
}

/// What was destroyed, until nothing is left of it.
struct Destroyed<'a> {
    connection: &'a Connection,
    file: &'a StoreFile,
    search: Option<Search>,
    /// What may still be in the write-ahead log, since another program reads it.
    logged: Scrub,
    /// How many scrubs the search was asked for, and of how many it is over.
    asked: u64,
    over: u64,
    /// Why something may be left of which nobody knows any more what it was.
    failed: Option<StoreError>,
    /// Who waits for how many to be over.
    waiting: Vec<(u64, oneshot::Sender<Result<(), StoreError>>)>,
}

impl<'a> Destroyed<'a> {
    /// Finishes what a process before has left undone.
    fn start(connection: &'a Connection, file: &'a StoreFile, search: Option<Search>) -> Self {
        let finished = scrub::finish_interrupted(connection, file);
        if let Err(error) = &finished {
            tracing::warn!(file = file.spec.name, %error, "an interrupted erasure is finished with the next one");
        }
        Self {
            connection,
            file,
            search,
            logged: Scrub::default(),
            asked: 0,
            over: 0,
            failed: finished.err(),
            waiting: Vec::new(),
        }
    }

    /// Takes out of the write-ahead log what a transaction has destroyed, and has the file searched for it. When that fails,
    /// repeating the call finds nothing to destroy any more, and has all of it searched for all the same.
    fn add(&mut self, scrub: Scrub) -> Result<(), StoreError> {
        self.logged.merge(scrub);
        scrub::empty_log(self.connection, self.file)?;
        let mut scrub = std::mem::take(&mut self.logged);
        if self.failed.take().is_some() {
            scrub.merge(Scrub::of_unknown());
        }
        if let Some(search) = &self.search {
            self.asked += 1;
            search.ask(scrub);
        }
        Ok(())
    }

    /// Does what follows from what the search has found.
    fn look(&mut self) {
        while let Some(found) = self.search.as_ref().and_then(Search::take) {
            self.follow(found);
        }
    }

    fn follow(&mut self, found: Found) {
        self.over += found.count;
        let cleaned = found
            .is_left
            .map_err(|error| io_failure(self.file.spec.name, &error))
            .and_then(|is_left| match is_left {
                true => scrub::rebuild(self.connection, self.file),
                false => Ok(()),
            });
        self.note(cleaned);
        let (over, failed) = (self.over, self.failed.clone());
        for (_, reply) in self.waiting.extract_if(.., |(until, _)| *until <= over) {
            // Whoever went away does not want to know.
            let _ = reply.send(failed.clone().map_or(Ok(()), Err));
        }
        // What is searched for at this moment, or is still in the write-ahead log, may be left, too. A mark that stays costs the next
        // start time, and nobody else.
        if self.is_over() && self.failed.is_none() && !self.logged.requested {
            self.note(scrub::forget(self.connection, self.file));
        }
    }

    fn note(&mut self, done: Result<(), StoreError>) {
        if let Err(error) = done {
            tracing::warn!(file = self.file.spec.name, %error, "an erasure is finished with the next one");
            self.failed = Some(error);
        }
    }

    /// Whether nothing is searched for any more.
    const fn is_over(&self) -> bool {
        self.over == self.asked
    }

    /// Answers when nothing is left of what was destroyed until now, or why something may be.
    fn settle(&mut self, reply: oneshot::Sender<Result<(), StoreError>>) {
        let outcome = if self.search.as_ref().is_some_and(Search::has_ended) {
            Err(stopped())
        } else if self.logged.requested || self.failed.is_some() {
            self.add(Scrub::default())
        } else {
            Ok(())
        };
        if outcome.is_ok() && !self.is_over() {
            self.waiting.push((self.asked, reply));
        } else {
            let _ = reply.send(outcome);
        }
    }

    /// Waits for what is searched for.
    fn end(mut self) {
        for found in self.search.take().map(Search::end).unwrap_or_default() {
            self.follow(found);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::SqliteOptions;

    type Outcome = Result<(), StoreError>;

    /// An erasure. If another program's lock was in its way, that goes with it, and the next erasure is asked for.
    struct Erasing {
        lock: Option<Connection>,
        next: Option<mpsc::Sender<Order>>,
        outcomes: std::sync::mpsc::Sender<Outcome>,
    }

    impl WriteCall for Erasing {
        fn run(&mut self, _: &Connection, scrub: &mut Scrub) -> bool {
            scrub.request();
            true
        }

        fn error(&self) -> Option<StoreError> {
            None
        }

        fn answer(self: Box<Self>, committed: &Outcome, scrubbed: &Outcome) {
            let outcome = committed.clone().and(scrubbed.clone());
            self.outcomes.send(outcome).unwrap();
            drop(self.lock);
            if let Some(next) = self.next {
                let call = Self {
                    lock: None,
                    next: None,
                    outcomes: self.outcomes,
                };
                next.try_send(Order::Call(Box::new(call))).ok().unwrap();
            }
        }
    }

    #[test]
    fn an_erasure_that_cannot_be_finished_at_the_start_is_finished_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let file = Arc::new(StoreFile::create(dir.path(), &crate::sqlite::keys::SPEC).unwrap());
        let options = SqliteOptions {
            busy_wait: Duration::from_millis(1),
            ..SqliteOptions::default()
        };
        let connection = file.writer(&options).unwrap();
        let secret = "a secret of the process before";
        connection
            .execute_batch(&format!(
                "PRAGMA secure_delete = off; INSERT INTO log_position VALUES ('{secret}', 1);
                 DELETE FROM log_position; INSERT INTO scrub VALUES (1);
                 PRAGMA wal_checkpoint(TRUNCATE); PRAGMA secure_delete = on;"
            ))
            .unwrap();
        let is_there = || {
            let bytes = std::fs::read(&file.path).unwrap();
            bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes())
        };
        assert!(is_there());
        let lock = file.writer(&options).unwrap();
        lock.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (outcomes, heard) = std::sync::mpsc::channel();
        let (calls, queue) = mpsc::channel(1);
        let first = Erasing {
            lock: Some(lock),
            next: Some(calls.clone()),
            outcomes,
        };
        let first = Order::Call(Box::new(first));
        calls.try_send(first).ok().unwrap();
        let search = Search::start(&file, calls.downgrade()).unwrap();
        drop(calls);
        write_loop(&connection, &file, queue, search);
        let outcomes: Vec<Outcome> = heard.iter().collect();
        assert!(matches!(outcomes[..], [Err(_), Ok(())]), "{outcomes:?}");
        assert!(!is_there());
    }

    #[test]
    fn the_mark_stays_while_another_program_holds_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let file = Arc::new(StoreFile::create(dir.path(), &crate::sqlite::keys::SPEC).unwrap());
        let options = SqliteOptions {
            busy_wait: Duration::from_millis(1),
            ..SqliteOptions::default()
        };
        let connection = file.writer(&options).unwrap();
        let count = || -> i64 {
            let count = "SELECT count(*) FROM scrub";
            connection.query_row(count, [], |row| row.get(0)).unwrap()
        };
        let requested = || {
            let mut scrub = Scrub::default();
            scrub.request();
            scrub
        };
        let (calls, _) = mpsc::channel(1);
        let search = Search::start(&file, calls.downgrade()).unwrap();
        let mut destroyed = Destroyed::start(&connection, &file, search);
        connection
            .execute_batch("INSERT INTO scrub VALUES (1)")
            .unwrap();
        destroyed.add(requested()).unwrap();
        // One is searched for, and another cannot leave the log.
        let reader = file.writer(&options).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM scrub").unwrap();
        connection
            .execute_batch("INSERT INTO log_position VALUES ('other', 1)")
            .unwrap();
        destroyed.add(requested()).unwrap_err();
        while !destroyed.is_over() {
            destroyed.look();
            std::thread::yield_now();
        }
        assert_eq!(count(), 1);
        drop(reader);
        let (reply, _) = oneshot::channel();
        destroyed.settle(reply);
        drop(calls);
        destroyed.end();
        assert_eq!(count(), 0);
    }
}
