//! Running statements: the way every one of them takes, in whichever protocol it came.

use std::collections::VecDeque;

use privet_vault::port::SqlValue;

use super::Local;
use super::rows::{Cursor, Shape};
use crate::answer::Answer;
use crate::fault::Fault;
use crate::session::{Halt, Session};
use crate::statement::{self, Transaction};
use crate::stream::WRITE_BYTES;
use crate::text;
use crate::value;

/// Rows fetched from the runner at a time.
const BATCH_ROWS: u32 = 256;

impl Local {
    /// Starts a statement of the engine's: markers replaced, on record, inside the transaction that it belongs to.
    pub(super) async fn start(
        &mut self,
        sql: &str,
        parameters: &[SqlValue],
        shape: &Shape,
    ) -> Result<Cursor, Halt> {
        self.abandon_active().await?;
        self.refuse_if_failed()?;
        self.session.report_mode();
        let (sql, parameters) = self.session.without_markers(sql, parameters).await?;
        let permit = self.session.record(&sql, &parameters).await?;
        let opener = self.session.connection.opener();
        let mut cursor = Cursor {
            columns: Vec::new(),
            ahead: VecDeque::new(),
            exhausted: false,
            rows: 0,
            permit,
            opener,
            sql,
        };
        match self.start_recorded(&mut cursor, &parameters, shape).await {
            Ok(()) => Ok(cursor),
            Err(halt) => {
                // What failed showed nothing; that is on record too.
                let _ = self.finish(&mut cursor).await;
                Err(halt)
            }
        }
    }

    async fn start_recorded(
        &mut self,
        cursor: &mut Cursor,
        parameters: &[SqlValue],
        shape: &Shape,
    ) -> Result<(), Halt> {
        let stop = self
            .engine
            .runner(&self.session.connection)
            .await?
            .canceller();
        self.session.running.begin_ours(stop);
        if self.engine.transaction.is_read_only() {
            self.refuse_if_writing(&cursor.sql).await?;
        }
        if let Some(begin) = self.engine.transaction.to_begin() {
            self.tell(begin).await?;
            self.engine.transaction.began();
        }
        let Session {
            wire,
            running,
            stopping,
            connection,
            ..
        } = &mut self.session;
        let runner = self.engine.runner(connection).await?;
        let started = Session::watched(
            wire,
            running,
            stopping,
            runner.start(&cursor.sql, parameters),
        )
        .await?;
        let described = started.map_err(|error| self.engine.failed(error))?;
        if described.columns.is_empty() {
            cursor.exhausted = true;
        } else {
            self.fetch(cursor).await?;
            cursor.columns = shape.columns_of(&described, &cursor.ahead)?;
        }
        Ok(())
    }

    async fn refuse_if_writing(&mut self, sql: &str) -> Result<(), Halt> {
        let Session {
            wire,
            running,
            stopping,
            connection,
            ..
        } = &mut self.session;
        let runner = self.engine.runner(connection).await?;
        let described = Session::watched(wire, running, stopping, runner.describe(sql)).await?;
        match described.map_err(|error| self.engine.failed(error))? {
            Some((described, _)) if !described.read_only => {
                Err(Fault::error("25006", "cannot write in a read-only transaction").into())
            }
            _ => Ok(()),
        }
    }

    /// Fetches the next rows of a running statement.
    async fn fetch(&mut self, cursor: &mut Cursor) -> Result<(), Halt> {
        let Session {
            wire,
            running,
            stopping,
            ..
        } = &mut self.session;
        let Some(runner) = self.engine.made() else {
            return Err(Fault::error("57P02", "the process that ran the statement is gone").into());
        };
        let rows = Session::watched(wire, running, stopping, runner.next_rows(BATCH_ROWS)).await?;
        let rows = rows.map_err(|error| self.engine.failed(error))?;
        cursor.exhausted = rows.is_empty();
        cursor.ahead.extend(rows);
        Ok(())
    }

    /// Sends rows, at most `rows_max` (0: all); `true` when there are none left.
    pub(super) async fn pump(&mut self, cursor: &mut Cursor, rows_max: u32) -> Result<bool, Halt> {
        let mut sent = 0;
        loop {
            while let Some(row) = cursor.ahead.pop_front() {
                cursor.send(&row, &mut self.session.wire.out)?;
                sent += 1;
                if self.session.wire.out.len() >= WRITE_BYTES {
                    self.session.wire.flush().await?;
                }
                if sent == rows_max {
                    return Ok(false);
                }
            }
            if cursor.exhausted {
                return Ok(true);
            }
            self.fetch(cursor).await?;
        }
    }

    /// Ends a statement, also before its last row, and puts on record what it showed; answers the rows it changed.
    pub(super) async fn finish(&mut self, cursor: &mut Cursor) -> Result<u64, Halt> {
        self.session.shown(cursor.permit.take(), cursor.rows);
        let Session {
            wire,
            running,
            stopping,
            ..
        } = &mut self.session;
        let finished = match self.engine.made() {
            Some(runner) => Session::watched(wire, running, stopping, runner.finish()).await,
            None => Ok(Ok(0)),
        };
        self.session.running.end();
        finished?.map_err(|error| self.engine.failed(error).into())
    }

    /// What a finished statement is called.
    pub(super) fn tag(cursor: &Cursor, changed: u64) -> String {
        let tokens = text::tokens(&cursor.sql);
        statement::command_tag(&tokens, !cursor.columns.is_empty(), cursor.rows, changed)
    }

    /// Tells the engine something that answers no rows, such as BEGIN.
    async fn tell(&mut self, sql: &str) -> Result<(), Halt> {
        let Session {
            wire,
            running,
            stopping,
            connection,
            ..
        } = &mut self.session;
        let runner = self.engine.runner(connection).await?;
        running.begin_ours(runner.canceller());
        let step = async {
            runner.start(sql, &[]).await?;
            runner.finish().await
        };
        let told = Session::watched(wire, running, stopping, step).await;
        self.session.running.end();
        told?.map_err(|error| self.engine.failed(error))?;
        Ok(())
    }

    /// Controls the transaction; answers the tag.
    pub(super) async fn transact(&mut self, what: &Transaction) -> Result<&'static str, Halt> {
        self.abandon_active().await?;
        match what {
            Transaction::Begin { sql, read_only } => self.begin(sql, *read_only),
            Transaction::Commit => self.commit().await,
            Transaction::Rollback => {
                if self.engine.transaction.is_idle() {
                    self.warn_no_transaction();
                }
                self.roll_back().await?;
                Ok("ROLLBACK")
            }
            Transaction::Savepoint(name) => {
                self.refuse_if_failed()?;
                self.inside(&format!("SAVEPOINT {}", quoted(name))).await?;
                Ok("SAVEPOINT")
            }
            Transaction::Release(name) => {
                self.refuse_if_failed()?;
                self.inside(&format!("RELEASE {}", quoted(name))).await?;
                Ok("RELEASE")
            }
            Transaction::RollbackTo(name) => {
                self.inside(&format!("ROLLBACK TO {}", quoted(name)))
                    .await?;
                self.engine.transaction.recover();
                Ok("ROLLBACK")
            }
        }
    }

    fn begin(&mut self, sql: &'static str, read_only: bool) -> Result<&'static str, Halt> {
        self.refuse_if_failed()?;
        let transaction = &mut self.engine.transaction;
        if transaction.is_idle() {
            transaction.open(sql, read_only, false);
        } else if transaction.is_implicit() {
            transaction.make_explicit();
        } else {
            let warning = Fault::warning("25001", "there is already a transaction in progress");
            self.session.wire.out.notice(&warning);
        }
        Ok("BEGIN")
    }

    /// Ends the transaction for good. A COMMIT that fails undoes everything, as in PostgreSQL.
    pub(super) async fn commit(&mut self) -> Result<&'static str, Halt> {
        if self.engine.transaction.is_idle() {
            self.warn_no_transaction();
            return Ok("COMMIT");
        }
        if self.engine.transaction.is_failed() {
            self.roll_back().await?;
            return Ok("ROLLBACK");
        }
        if self.engine.transaction.has_begun()
            && let Err(halt) = self.tell("COMMIT").await
        {
            // The first error is the one to tell.
            let _ = self.roll_back().await;
            return Err(halt);
        }
        self.engine.transaction.end();
        Ok("COMMIT")
    }

    async fn roll_back(&mut self) -> Result<(), Halt> {
        let begun = self.engine.transaction.has_begun();
        let open = self
            .engine
            .made()
            .is_some_and(|runner| runner.in_transaction());
        if begun
            && open
            && let Err(halt) = self.tell("ROLLBACK").await
        {
            // A process that cannot even undo is no longer trusted; what it held is undone with it.
            self.engine.drop_runner();
            self.engine.transaction.end();
            return Err(halt);
        }
        self.engine.transaction.end();
        Ok(())
    }

    /// After an error: an implicit transaction is undone, an explicit one waits for its end.
    pub(super) async fn fail_transaction(&mut self) -> Result<(), crate::stream::End> {
        if self.engine.transaction.is_implicit() {
            return match self.roll_back().await {
                Err(Halt::End(end)) => Err(end),
                Ok(()) | Err(Halt::Fault(_)) => Ok(()),
            };
        }
        self.engine.transaction.fail();
        Ok(())
    }

    /// Tells the engine something about the inside of a transaction.
    async fn inside(&mut self, sql: &str) -> Result<(), Halt> {
        let transaction = &self.engine.transaction;
        if transaction.is_idle() || transaction.is_implicit() {
            return Err(Fault::error("25P01", "savepoints live in transaction blocks only").into());
        }
        if let Some(begin) = transaction.to_begin() {
            self.tell(begin).await?;
            self.engine.transaction.began();
        }
        self.tell(sql).await
    }

    pub(super) fn refuse_if_failed(&self) -> Result<(), Fault> {
        if !self.engine.transaction.is_failed() {
            return Ok(());
        }
        let message =
            "current transaction is aborted, commands ignored until end of transaction block";
        Err(Fault::error("25P02", message))
    }

    fn warn_no_transaction(&mut self) {
        let warning = Fault::warning("25P01", "there is no transaction in progress");
        self.session.wire.out.notice(&warning);
    }

    /// Sends an answer of the gateway's own with its description, as the simple protocol does.
    pub(super) fn answer(&mut self, answer: &Answer) -> Result<(), Halt> {
        let columns = Shape::default().columns(&answer.columns)?;
        let out = &mut self.session.wire.out;
        out.row_description(&columns);
        value::send_rows(&answer.rows, &columns, out)?;
        out.command_complete(&answer_tag(answer));
        Ok(())
    }
}

/// What CommandComplete says of an answer of the gateway's own.
pub(super) fn answer_tag(answer: &Answer) -> String {
    match answer.tag {
        "SELECT" => format!("SELECT {}", answer.rows.len()),
        tag => tag.to_owned(),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
