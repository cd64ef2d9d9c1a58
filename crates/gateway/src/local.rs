//! A client of a source whose statements a guarded child process runs: SQLite. The gateway keeps what PostgreSQL's
//! protocol knows and the engine does not (portals, transaction states, prepared statements); the engine gets the SQL
//! as the client wrote it, apart from markers.

mod catalog;
mod describe;
mod engine;
mod execute;
mod expression;
mod extended;
mod prepared;
mod rows;
mod simple;

use std::time::Duration;

use engine::Engine;
use prepared::Prepared;

use crate::fault::Fault;
use crate::frame::{FrameError, Frontend, Taken, decode};
use crate::session::{Halt, Session, stopped, stopping_fault};
use crate::stream::End;

/// How often a decrypted connection looks whether its grant has ended.
const TICK: Duration = Duration::from_secs(1);

/// A client and what it holds.
pub(crate) struct Local {
    session: Session,
    engine: Engine,
    prepared: Prepared,
    /// After an error in the extended protocol everything up to Sync is skipped.
    skipping: bool,
}

impl Local {
    /// Ready for the first statement.
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            engine: Engine::default(),
            prepared: Prepared::default(),
            skipping: false,
        }
    }

    /// Serves the client until it goes, then leaves nothing behind.
    pub(crate) async fn serve(mut self) {
        let end = self.serve_messages().await.err();
        // An open transaction ends with the process that held it.
        self.engine.drop_runner();
        let Session {
            wire, connection, ..
        } = self.session;
        if let Err(error) = connection.close().await {
            tracing::warn!(%error, "a connection's end could not be put on record");
        }
        match end {
            Some(End::Told(fault)) => wire.end(Some(&fault)).await,
            Some(End::Gone) => {}
            None => wire.end(None).await,
        }
    }

    async fn serve_messages(&mut self) -> Result<(), End> {
        loop {
            let taken = self.next().await?;
            let outcome = match taken {
                Taken::More => continue,
                Taken::TooLong { tag, bytes_max } => self.too_long(tag, bytes_max),
                Taken::Frame(frame) => match decode(&frame) {
                    Ok(Frontend::Terminate) => return Ok(()),
                    Ok(message) => {
                        self.session.keep_up().await?;
                        self.message(message).await
                    }
                    Err(error @ FrameError::Encoding) => {
                        self.refuse(frame.tag, Fault::error("22021", error.to_string()))
                    }
                    Err(error) => return Err(error.into()),
                },
            };
            match outcome {
                Ok(()) => {}
                Err(Halt::End(end)) => return Err(end),
                Err(Halt::Fault(fault)) => self.fail(&fault, true).await?,
            }
        }
    }

    /// The next frame; meanwhile the mode is kept in sight and the server's stop is heard.
    async fn next(&mut self) -> Result<Taken, End> {
        if let Some(taken) = self.session.wire.ready()? {
            return Ok(taken);
        }
        loop {
            // Here, not beside the waiting below: a write that is dropped half way would be repeated.
            self.session.wire.flush().await?;
            let decrypted = self.session.shows_decrypted();
            let tick = async {
                if decrypted {
                    tokio::time::sleep(TICK).await;
                } else {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                taken = self.session.wire.next() => return taken,
                () = stopped(&mut self.session.stopping) => return Err(stopping_fault()),
                () = tick => self.session.report_mode(),
            }
        }
    }

    async fn message(&mut self, message: Frontend) -> Result<(), Halt> {
        if self.skipping && message != Frontend::Sync {
            return Ok(());
        }
        match message {
            Frontend::Query(sql) => self.query(sql).await,
            Frontend::Parse { name, sql, types } => self.parse(name, sql, types).await,
            Frontend::Bind(bind) => self.bind(bind).await,
            Frontend::Describe(target) => self.describe(target).await,
            Frontend::Execute { portal, rows_max } => self.execute(&portal, rows_max).await,
            Frontend::Close(target) => self.close(target).await,
            Frontend::Flush => Ok(self.session.wire.flush().await?),
            Frontend::Sync => self.sync().await,
            // Data for a COPY that failed before it began is thrown away, as PostgreSQL does.
            Frontend::Copy | Frontend::Terminate => Ok(()),
            Frontend::FunctionCall => {
                // Any function by its object id, with an answer that is no row: nothing here could look after it.
                self.refuse(
                    b'F',
                    Fault::error(
                        "0A000",
                        "function calls by object id are not available here",
                    ),
                )
            }
        }
    }

    fn too_long(&mut self, tag: u8, bytes_max: usize) -> Result<(), Halt> {
        let message = format!("a message is longer than the {bytes_max} bytes that are allowed");
        self.refuse(tag, Fault::error("54000", message))
    }

    /// Refuses a message that was not understood, in the way that its kind is answered.
    fn refuse(&mut self, tag: u8, fault: Fault) -> Result<(), Halt> {
        if self.skipping {
            return Ok(());
        }
        match tag {
            b'Q' | b'F' => {
                self.session.wire.out.error(&fault);
                self.engine.transaction.fail();
                self.ready();
                Ok(())
            }
            _ => Err(fault.into()),
        }
    }

    /// Tells an error; in the extended protocol the rest up to Sync is skipped.
    async fn fail(&mut self, fault: &Fault, extended: bool) -> Result<(), End> {
        self.skipping = extended;
        self.session.wire.out.error(fault);
        self.abandon_active().await?;
        self.fail_transaction().await?;
        self.session.report_mode();
        Ok(())
    }

    fn ready(&mut self) {
        self.session.report_mode();
        let status = self.engine.transaction.status();
        self.session.wire.out.ready_for_query(status);
    }
}
