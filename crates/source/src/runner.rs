//! Guarded execution: a client's statements run in a child process that holds no keys.
//!
//! The child is the same executable, started with an empty environment; it hears the path of the
//! database through its standard input, so that no list of processes shows it, and ends when that
//! closes. A statement that breaks it costs that client's transaction and nothing else: the next
//! statement starts another child.

mod bytes;
pub(crate) mod child;
mod confine;
mod control;
mod failure;
mod frame;
mod guard;
mod guarded;
mod limit;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use privet_vault::port::{Described, RunError, RunLimits, RunMode, Runner, SqlValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use failure::Code;
use frame::{Open, Reply, Request, SQL_SIZE_BYTES_MAX, announced_size, encode_start};

/// The executable that becomes the child, and what makes it call [`runner_main`](crate::runner_main).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerProgram {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

/// What the child may take beyond a statement's time before it is ended: waiting for a lock, and a
/// machine under load.
const GRACE: Duration = Duration::from_secs(7);
/// How long a child may take to start.
const STARTING: Duration = Duration::from_secs(20);
/// Requests that wait to be written; there is at most one, and cancellations.
const REQUESTS_MAX: usize = 16;

/// The child of one client, and the statement that it runs.
#[derive(Debug)]
pub struct SqliteRunner {
    program: RunnerProgram,
    open: Open,
    child: Option<Running>,
    cancel: Arc<Cancel>,
    /// The system keeps the child from every other file.
    confined: bool,
    in_transaction: bool,
    /// An answer is outstanding: if that is so when the next request comes, the future that waited for
    /// it was dropped, and what the child would say next belongs to it.
    waiting: bool,
    statement: Statement,
}

#[derive(Debug)]
struct Running {
    process: Child,
    output: ChildStdout,
    requests: mpsc::Sender<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Statement {
    None,
    Running,
    /// It has changed this many rows.
    Ended(u64),
}

/// What a canceller needs to reach the child of the moment.
#[derive(Debug, Default)]
struct Cancel {
    statement: AtomicU64,
    requests: Mutex<Option<mpsc::Sender<Vec<u8>>>>,
}

impl Cancel {
    fn connect(&self, requests: Option<mpsc::Sender<Vec<u8>>>) {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner) = requests;
    }

    fn send(&self) {
        let statement = self.statement.load(Ordering::SeqCst);
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(requests) = &*requests {
            // A full queue holds cancellations already.
            let _ = requests.try_send(Request::Cancel { statement }.encode());
        }
    }
}

impl SqliteRunner {
    /// Starts the child; `path` is absolute.
    pub(crate) async fn start(
        program: RunnerProgram,
        path: &Path,
        mode: RunMode,
        limits: RunLimits,
    ) -> Result<Self, RunError> {
        let statement_ms_max = u64::try_from(limits.statement.as_millis()).unwrap_or(u64::MAX);
        let mut runner = Self {
            program,
            open: Open {
                path: path.as_os_str().as_bytes().to_vec(),
                mode,
                statement_ms_max,
                memory_bytes_max: limits.memory_bytes_max,
            },
            child: None,
            cancel: Arc::default(),
            confined: false,
            in_transaction: false,
            waiting: false,
            statement: Statement::None,
        };
        runner.ensure_child().await?;
        Ok(runner)
    }

    /// The child's process id, while there is one.
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().and_then(|running| running.process.id())
    }

    /// Whether the system keeps the child from every other file.
    pub fn is_confined(&self) -> bool {
        self.confined
    }

    async fn ensure_child(&mut self) -> Result<(), RunError> {
        if self.waiting {
            self.end_child().await;
        }
        if self.child.is_some() {
            return Ok(());
        }
        let cannot = |why: String| {
            Code::Crashed.error(format!("the process for statements does not start: {why}"))
        };
        let mut process = Command::new(&self.program.program)
            .args(&self.program.args)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| cannot(error.to_string()))?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(cannot("it has no pipes".into()));
        };
        let (requests, queue) = mpsc::channel(REQUESTS_MAX);
        tokio::spawn(write_requests(input, queue));
        self.cancel.connect(Some(requests.clone()));
        self.child = Some(Running {
            process,
            output,
            requests,
        });
        let opened = self
            .ask(Request::Open(self.open.clone()).encode(), STARTING)
            .await;
        match opened {
            Ok(Reply::Ready { confined }) => {
                self.confined = confined;
                Ok(())
            }
            Ok(_) => Err(self.confused().await),
            Err(error) => {
                self.end_child().await;
                Err(error)
            }
        }
    }

    /// Sends a request and waits for its answer.
    async fn ask(&mut self, request: Vec<u8>, time: Duration) -> Result<Reply, RunError> {
        self.waiting = true;
        let answered = timeout(time, self.exchange(request)).await;
        self.waiting = false;
        let reply = match answered {
            Ok(Ok(reply)) => reply,
            Ok(Err(())) => return Err(self.crashed().await),
            Err(_) => {
                self.end_child().await;
                return Err(Code::Cancelled
                    .error("canceling statement due to statement timeout; its process was ended"));
            }
        };
        match reply {
            Reply::Ready { .. } => {}
            Reply::Described { in_transaction, .. }
            | Reply::Started { in_transaction, .. }
            | Reply::Rows { in_transaction, .. }
            | Reply::Ended { in_transaction, .. }
            | Reply::Failed { in_transaction, .. } => self.in_transaction = in_transaction,
        }
        match reply {
            Reply::Failed {
                code,
                message,
                hint,
                ..
            } => {
                let code = Code::from_number(code).as_str();
                Err(RunError {
                    code,
                    message,
                    hint,
                })
            }
            reply => Ok(reply),
        }
    }

    async fn exchange(&mut self, request: Vec<u8>) -> Result<Reply, ()> {
        let running = self.child.as_mut().ok_or(())?;
        running.requests.send(request).await.map_err(|_| ())?;
        let mut head = [0; 4];
        running.output.read_exact(&mut head).await.map_err(|_| ())?;
        let mut frame = vec![0; announced_size(head).map_err(|_| ())?];
        running
            .output
            .read_exact(&mut frame)
            .await
            .map_err(|_| ())?;
        Reply::decode(&frame).map_err(|_| ())
    }

    fn statement_time(&self) -> Duration {
        Duration::from_millis(self.open.statement_ms_max).saturating_add(GRACE)
    }

    /// Ends the child, whatever it does.
    async fn end_child(&mut self) -> Option<std::process::ExitStatus> {
        self.cancel.connect(None);
        self.waiting = false;
        self.in_transaction = false;
        self.statement = Statement::None;
        let mut running = self.child.take()?;
        // It is gone already when this fails.
        let _ = running.process.start_kill();
        running.process.wait().await.ok()
    }

    /// The child has gone by itself, or talks nonsense.
    async fn crashed(&mut self) -> RunError {
        let was_open = self.in_transaction;
        // Its pipes are closed, so it ends now; how it ended is what can be said about it.
        if let Some(running) = &mut self.child {
            let _ = timeout(Duration::from_secs(1), running.process.wait()).await;
        }
        let how = self
            .end_child()
            .await
            .map_or_else(String::new, |status| match status.signal() {
                Some(signal) => format!(" (signal {signal})"),
                None => format!(" (status {})", status.code().unwrap_or_default()),
            });
        let lost = if was_open {
            "; the open transaction was rolled back"
        } else {
            ""
        };
        let mut error = Code::Crashed.error(format!(
            "the process that ran the statement ended{how}{lost}"
        ));
        error.hint = Some("repeat the statement; if it ends again, ask for less at a time".into());
        error
    }

    async fn confused(&mut self) -> RunError {
        self.end_child().await;
        Code::Internal.error("the process that runs statements gave an answer that does not fit")
    }
}

impl Drop for SqliteRunner {
    /// The child goes with its runner, and with it any transaction and lock, though a canceller lives on that could
    /// reach its input.
    fn drop(&mut self) {
        self.cancel.connect(None);
    }
}

async fn write_requests(mut input: ChildStdin, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(request) = queue.recv().await {
        if input.write_all(&request).await.is_err() {
            return;
        }
    }
}

fn check_size(sql: &str) -> Result<(), RunError> {
    if sql.len() <= SQL_SIZE_BYTES_MAX {
        return Ok(());
    }
    Err(Code::TooLarge.error(format!(
        "a statement has at most {} MiB",
        SQL_SIZE_BYTES_MAX >> 20
    )))
}

#[async_trait]
impl Runner for SqliteRunner {
    async fn describe(&mut self, sql: &str) -> Result<Option<(Described, usize)>, RunError> {
        check_size(sql)?;
        self.ensure_child().await?;
        let request = Request::Describe {
            sql: sql.to_owned(),
        }
        .encode();
        match self.ask(request, self.statement_time()).await? {
            Reply::Described { statement, .. } => statement
                .map(|(described, size)| {
                    let size = usize::try_from(size)
                        .ok()
                        .filter(|size| sql.is_char_boundary(*size));
                    size.map(|size| (described, size))
                        .ok_or_else(|| Code::Internal.error("a statement ends where none can"))
                })
                .transpose(),
            _ => Err(self.confused().await),
        }
    }

    async fn start(&mut self, sql: &str, parameters: &[SqlValue]) -> Result<Described, RunError> {
        check_size(sql)?;
        self.ensure_child().await?;
        let number = self.cancel.statement.fetch_add(1, Ordering::SeqCst) + 1;
        self.statement = Statement::None;
        let request = encode_start(number, sql, parameters);
        if request.len() > frame::FRAME_SIZE_BYTES_MAX {
            return Err(Code::TooLarge.error("the statement's parameters are too large"));
        }
        match self.ask(request, self.statement_time()).await? {
            Reply::Started {
                described, ended, ..
            } => {
                self.statement = ended.map_or(Statement::Running, Statement::Ended);
                Ok(described)
            }
            _ => Err(self.confused().await),
        }
    }

    async fn next_rows(&mut self, rows_max: u32) -> Result<Vec<Vec<SqlValue>>, RunError> {
        match self.statement {
            Statement::None => return Err(Code::NotNow.error("no statement is running")),
            Statement::Ended(_) => return Ok(Vec::new()),
            Statement::Running if self.waiting || self.child.is_none() => {
                self.end_child().await;
                return Err(Code::NotNow.error("the statement was abandoned"));
            }
            Statement::Running => {}
        }
        // An error ends the statement.
        self.statement = Statement::None;
        match self
            .ask(Request::Next { rows_max }.encode(), self.statement_time())
            .await?
        {
            Reply::Rows { rows, ended, .. } => {
                self.statement = ended.map_or(Statement::Running, Statement::Ended);
                Ok(rows)
            }
            _ => Err(self.confused().await),
        }
    }

    async fn finish(&mut self) -> Result<u64, RunError> {
        let statement = std::mem::replace(&mut self.statement, Statement::None);
        match statement {
            Statement::None => return Ok(0),
            Statement::Ended(changed) => return Ok(changed),
            Statement::Running if self.waiting || self.child.is_none() => {
                self.end_child().await;
                return Ok(0);
            }
            Statement::Running => {}
        }
        match self
            .ask(Request::Finish.encode(), self.statement_time())
            .await?
        {
            Reply::Ended { changed, .. } => Ok(changed),
            _ => Err(self.confused().await),
        }
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    fn canceller(&self) -> Box<dyn Fn() + Send + Sync> {
        let cancel = Arc::clone(&self.cancel);
        Box::new(move || cancel.send())
    }
}
