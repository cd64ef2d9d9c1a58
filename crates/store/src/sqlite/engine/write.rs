//! The thread that writes a file: savepoints in one transaction, one commit, many answers.

use std::sync::Arc;

use privet_vault::port::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{execute, stopped};
use crate::sqlite::file::{Failure, StoreFile};
use crate::sqlite::scrub::{self, Scrub};

/// Write calls in one transaction at most.
const WRITE_BATCH_MAX: usize = 1024;

/// A write call without its types.
pub(super) trait WriteCall: Send {
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

pub(super) fn write_loop(
    connection: &Connection,
    file: &StoreFile,
    mut queue: mpsc::Receiver<Box<dyn WriteCall>>,
) {
    let mut batch = Vec::with_capacity(WRITE_BATCH_MAX);
    // What was deleted by a call that failed afterwards, or by a process before. Repeating the call finds nothing to delete
    // any more, and must search for it all the same.
    let mut unfinished = Scrub::default();
    if let Err(error) = scrub::finish_interrupted(connection, file) {
        tracing::warn!(file = file.spec.name, %error, "an interrupted erasure is finished with the next one");
        unfinished = Scrub::of_unknown();
    }
    while queue.blocking_recv_many(&mut batch, WRITE_BATCH_MAX) > 0 {
        let mut scrub = Scrub::default();
        let committed = run_batch(connection, &mut batch, &mut scrub, file);
        let mut scrubbed = Ok(());
        if committed.is_ok() && scrub.requested {
            unfinished.merge(scrub);
            scrubbed = scrub::finish(connection, file, &unfinished);
            if scrubbed.is_ok() {
                unfinished = Scrub::default();
            }
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::SqliteOptions;

    type Outcome = Result<(), StoreError>;

    /// An erasure. If another program's lock was in its way, that goes with it, and the next erasure is asked for.
    struct Erasing {
        lock: Option<Connection>,
        next: Option<mpsc::Sender<Box<dyn WriteCall>>>,
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
                next.try_send(Box::new(call)).ok().unwrap();
            }
        }
    }

    #[test]
    fn an_erasure_that_cannot_be_finished_at_the_start_is_finished_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let file = StoreFile::create(dir.path(), &crate::sqlite::keys::SPEC).unwrap();
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
        let (calls, queue) = mpsc::channel::<Box<dyn WriteCall>>(1);
        let first = Erasing {
            lock: Some(lock),
            next: Some(calls.clone()),
            outcomes,
        };
        calls.try_send(Box::new(first)).ok().unwrap();
        drop(calls);
        write_loop(&connection, &file, queue);
        let outcomes: Vec<Outcome> = heard.iter().collect();
        assert!(matches!(outcomes[..], [Err(_), Ok(())]), "{outcomes:?}");
        assert!(!is_there());
    }
}
