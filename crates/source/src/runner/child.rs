//! The child process: it holds no keys, opens one file and runs one client's statements.

mod bind;

use std::ffi::OsStr;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use privet_vault::port::SqlValue;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, InterruptHandle, Rows, Statement};

use super::confine;
use super::control::Control;
use super::failure::{Code, Failure};
use super::frame::{
    FRAME_SIZE_BYTES_MAX, Open, ROWS_SIZE_BYTES, Reply, Request, RowsFrame, VALUE_SIZE_BYTES_MAX,
    read_frame,
};
use super::guard::{self, Refusal};
use super::guarded::{Followed, Guarded};
use super::limit;
use crate::sqlite::text::first_statement_end;
pub(crate) use bind::Bound;
use bind::{bind, described};

/// How long a statement may take to stop once the parent is gone, before the process is ended.
const LEAVING: Duration = Duration::from_secs(2);

/// Serves one parent until it closes `input`: the whole life of the process that runs statements.
///
/// It is called first thing in a process made for it, before other threads exist, and the process
/// ends when it returns (or by itself, if a statement does not stop when the parent is gone).
///
/// # Errors
/// When the parent does not speak the protocol or does not read its answers.
pub fn runner_main(input: impl Read + Send + 'static, mut output: impl Write) -> io::Result<()> {
    let mut input = BufReader::new(input);
    let Some(frame) = read_frame(&mut input)? else {
        return Ok(());
    };
    let Request::Open(open) = Request::decode(&frame)? else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the first request must open",
        ));
    };
    let path = Path::new(OsStr::from_bytes(&open.path));
    limit::bound_process(open.memory_bytes_max, path)?;
    let confined = confine::confine(path);
    let control = Arc::new(Control::new());
    let (connection, refusal, guarded) = match guard::open(&open, &control) {
        Ok(opened) => opened,
        Err(failure) => return send(&mut output, &failed(failure, false).encode()),
    };
    let (sender, requests) = mpsc::sync_channel(1);
    let (_alive, ended) = mpsc::sync_channel::<()>(0);
    let interrupt = connection.get_interrupt_handle();
    let heard = Arc::clone(&control);
    thread::spawn(move || {
        hear(input, &sender, &interrupt, &heard);
        drop(sender);
        heard.leave();
        interrupt.interrupt();
        // The main thread ends the process as soon as its statement stops; this is for one that does not.
        if ended.recv_timeout(LEAVING) == Err(RecvTimeoutError::Timeout) {
            std::process::exit(1);
        }
    });
    send(&mut output, &Reply::Ready { confined }.encode())?;
    let mut session = Session {
        connection: &connection,
        refusal,
        guarded,
        control,
        requests,
        output,
        open,
    };
    session.serve()
}

/// Passes requests on; cancelling cannot wait its turn.
fn hear(
    mut input: impl Read,
    sender: &SyncSender<Request>,
    interrupt: &InterruptHandle,
    control: &Control,
) {
    while let Ok(Some(frame)) = read_frame(&mut input) {
        match Request::decode(&frame) {
            Ok(Request::Cancel { statement }) => {
                if control.cancel(statement) {
                    interrupt.interrupt();
                }
            }
            Ok(request) => {
                if sender.send(request).is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

fn send(output: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    output.write_all(frame)?;
    output.flush()
}

fn failed(failure: Failure, in_transaction: bool) -> Reply {
    let Failure {
        code,
        message,
        hint,
    } = failure;
    Reply::Failed {
        in_transaction,
        code: code.number(),
        message,
        hint,
    }
}

struct Session<'a, W> {
    connection: &'a Connection,
    refusal: Refusal,
    guarded: Guarded,
    control: Arc<Control>,
    requests: Receiver<Request>,
    output: W,
    open: Open,
}

impl<'a, W: Write> Session<'a, W> {
    fn serve(&mut self) -> io::Result<()> {
        let mut next = None;
        loop {
            let request = match next.take() {
                Some(request) => request,
                None => match self.requests.recv() {
                    Ok(request) => request,
                    Err(_) => return Ok(()),
                },
            };
            next = match request {
                Request::Start {
                    statement,
                    sql,
                    parameters,
                } => {
                    let after = self.run(statement, &sql, &parameters);
                    self.control.end();
                    after?
                }
                Request::Describe { sql } => {
                    self.describe(&sql)?;
                    None
                }
                Request::Next { .. } => {
                    let why = Failure::new(Code::NotNow, "no statement is running");
                    self.fail(why)?;
                    None
                }
                Request::Finish => {
                    self.reply(&Reply::Ended {
                        in_transaction: self.in_transaction(),
                        changed: 0,
                    })?;
                    None
                }
                Request::Open(_) | Request::Cancel { .. } => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "request out of order",
                    ));
                }
            };
        }
    }

    fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    fn reply(&mut self, reply: &Reply) -> io::Result<()> {
        send(&mut self.output, &reply.encode())
    }

    fn fail(&mut self, failure: Failure) -> io::Result<()> {
        let reply = failed(failure, self.in_transaction());
        self.reply(&reply)
    }

    /// What an error of the engine is called, with the authorizer's own reason.
    fn failure(&self, error: rusqlite::Error) -> Failure {
        let failure = Failure::from(error);
        match failure.code {
            // A function that is refused fails as "not authorized to use function", an ordinary error.
            _ if failure.message.starts_with("not authorized") => self.refusal.clone().into(),
            Code::NotAllowed => self.refusal.clone().into(),
            Code::Cancelled => self.control.interruption(),
            Code::OutOfMemory => failure.with_hint("ask for fewer rows at a time, or sort less"),
            Code::Locked => failure.with_hint("another program writes to this database: try again"),
            _ => failure,
        }
    }

    fn prepare(&self, sql: &str) -> Result<Statement<'a>, Failure> {
        // The engine reads up to the first NUL and would silently leave out the rest.
        if sql.contains('\0') {
            return Err(Failure::new(
                Code::Syntax,
                "a statement holds no NUL character",
            ));
        }
        let _ = self.refusal.take();
        self.connection
            .prepare(sql)
            .map_err(|error| self.failure(error))
    }

    /// A statement that is about to run, under guards that fit the database as it is now.
    fn compile(&self, sql: &str) -> Result<Statement<'a>, Failure> {
        let statement = self.prepare(sql)?;
        if statement.readonly() {
            return Ok(statement);
        }
        let followed = self.guarded.follow(self.connection);
        match followed.map_err(|error| self.failure(error))? {
            Followed::Same => Ok(statement),
            Followed::Changed => self.prepare(sql),
            Followed::TooLate => {
                drop(statement);
                self.connection
                    .execute_batch("ROLLBACK")
                    .map_err(|error| self.failure(error))?;
                Err(Failure::new(
                    Code::Serialization,
                    "the database was adopted since the transaction began, which was rolled back: begin again",
                ))
            }
        }
    }

    fn describe(&mut self, sql: &str) -> io::Result<()> {
        let Some(end) = first_statement_end(sql) else {
            let in_transaction = self.in_transaction();
            return self.reply(&Reply::Described {
                in_transaction,
                statement: None,
            });
        };
        let described = self
            .prepare(sql.get(..end).unwrap_or_default())
            .and_then(|statement| described(&statement));
        match described {
            Err(failure) => self.fail(failure),
            Ok(described) => {
                let size = u32::try_from(end).unwrap_or(u32::MAX);
                let in_transaction = self.in_transaction();
                self.reply(&Reply::Described {
                    in_transaction,
                    statement: Some((described, size)),
                })
            }
        }
    }

    /// Runs one statement to its end; answers the request that ended it early.
    fn run(
        &mut self,
        number: u64,
        sql: &str,
        parameters: &[SqlValue],
    ) -> io::Result<Option<Request>> {
        let time = Duration::from_millis(self.open.statement_ms_max);
        limit::bound_statement(time.as_secs())?;
        self.control.start(number, time);
        let before = self.connection.total_changes();
        let started = self.compile(sql).and_then(|mut statement| {
            let described = described(&statement)?;
            bind(&mut statement, parameters)?;
            Ok((statement, described))
        });
        let (mut statement, described) = match started {
            Ok(started) => started,
            Err(failure) => return self.fail(failure).map(|()| None),
        };
        let mut rows = statement.raw_query();
        let has_rows = !described.columns.is_empty();
        if !has_rows && let Err(error) = rows.next() {
            let failure = self.failure(error);
            drop(rows);
            return self.fail(failure).map(|()| None);
        }
        let read_only = described.read_only;
        let ended = if has_rows {
            None
        } else {
            Some(self.changed(before, read_only))
        };
        if ended.is_some() {
            drop(rows);
            let in_transaction = self.in_transaction();
            return self
                .reply(&Reply::Started {
                    in_transaction,
                    described,
                    ended,
                })
                .map(|()| None);
        }
        let in_transaction = self.in_transaction();
        let columns = described.columns.len();
        self.reply(&Reply::Started {
            in_transaction,
            described,
            ended,
        })?;
        self.fetch(rows, columns, before, read_only)
    }

    /// The rows that the statement changed. The engine's own count is that of the last statement that
    /// counts, which a `CREATE TABLE` does not.
    fn changed(&self, before: u64, read_only: bool) -> u64 {
        let counted = !read_only && self.connection.total_changes() != before;
        if counted {
            self.connection.changes()
        } else {
            0
        }
    }

    fn fetch(
        &mut self,
        mut rows: Rows<'_>,
        columns: usize,
        before: u64,
        read_only: bool,
    ) -> io::Result<Option<Request>> {
        loop {
            match self.requests.recv() {
                Err(_) => return Ok(None),
                Ok(Request::Describe { sql }) => self.describe(&sql)?,
                Ok(Request::Next { rows_max }) => {
                    let mut frame = RowsFrame::new();
                    match self.fill(&mut frame, &mut rows, columns, rows_max) {
                        Err(failure) => {
                            drop(rows);
                            return self.fail(failure).map(|()| None);
                        }
                        Ok(false) => {
                            let frame = frame.end(self.in_transaction(), None);
                            send(&mut self.output, &frame)?;
                        }
                        Ok(true) => {
                            drop(rows);
                            let changed = self.changed(before, read_only);
                            let frame = frame.end(self.in_transaction(), Some(changed));
                            return send(&mut self.output, &frame).map(|()| None);
                        }
                    }
                }
                Ok(Request::Finish) => {
                    drop(rows);
                    let changed = self.changed(before, read_only);
                    let in_transaction = self.in_transaction();
                    return self
                        .reply(&Reply::Ended {
                            in_transaction,
                            changed,
                        })
                        .map(|()| None);
                }
                Ok(other) => return Ok(Some(other)),
            }
        }
    }

    /// Whether these were the last rows.
    fn fill(
        &self,
        frame: &mut RowsFrame,
        rows: &mut Rows<'_>,
        columns: usize,
        rows_max: u32,
    ) -> Result<bool, Failure> {
        while frame.rows() < rows_max.max(1) && frame.size_bytes() < ROWS_SIZE_BYTES {
            let Some(row) = rows.next().map_err(|error| self.failure(error))? else {
                return Ok(true);
            };
            let before = frame.size_bytes();
            frame.start_row(columns);
            for column in 0..columns {
                match row.get_ref(column).map_err(|error| self.failure(error))? {
                    ValueRef::Null => frame.null(),
                    ValueRef::Integer(integer) => frame.integer(integer),
                    ValueRef::Real(real) => frame.real(real),
                    ValueRef::Text(text) => frame.text(text),
                    ValueRef::Blob(bytes) => frame.blob(bytes),
                }
                if frame.size_bytes() - before > VALUE_SIZE_BYTES_MAX {
                    let mib = VALUE_SIZE_BYTES_MAX >> 20;
                    return Err(Failure::new(
                        Code::TooLarge,
                        format!("a row is larger than {mib} MiB"),
                    )
                    .with_hint("ask for fewer columns, or a part of the value with substr()"));
                }
            }
            frame.end_row();
        }
        Ok(false)
    }
}

// A row at its largest and a full frame before it fit into one frame.
const _: () = assert!(VALUE_SIZE_BYTES_MAX + ROWS_SIZE_BYTES + (1 << 20) < FRAME_SIZE_BYTES_MAX);
