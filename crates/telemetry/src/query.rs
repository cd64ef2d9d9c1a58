//! Runs `privet-query` for each question: a process of its own, which reads the store, holds no keys, is told whose events count,
//! and is ended when nobody waits for its answer any more.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use privet_telemetry_store::Attribute;
use privet_vault::port::{People, QueryAnswer, QueryEngine, QueryError, QueryTask};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The request format that the program understands.
const FORMAT: u32 = 1;
/// Bytes that are handed over at once.
const PIECE_BYTES: usize = 256 * 1024;
/// The longest line that the program writes about itself.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// How long a question waits for one that runs to end.
const TURN: Duration = Duration::from_secs(10);
/// What the program gets to end by itself after its time is over.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one question may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryLimits {
    /// Memory of joins, groups and sorting; what does not fit goes to disk.
    pub memory_bytes: u64,
    /// How much may lie there.
    pub spill_bytes: u64,
    /// From start to end.
    pub time: Duration,
    /// Rows of the answer.
    pub rows: u64,
    /// Bytes of the answer.
    pub output_bytes: u64,
    /// Parts of one question's work done at the same time.
    pub partitions: usize,
    /// Questions answered at the same time.
    pub at_once: usize,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 512 << 20,
            spill_bytes: 4 << 30,
            time: Duration::from_secs(300),
            rows: 1_000_000,
            output_bytes: 1 << 30,
            partitions: 2,
            at_once: 2,
        }
    }
}

/// The program, and what it reads.
pub struct QueryProgram {
    program: PathBuf,
    store: String,
    options: Vec<(String, String)>,
    attributes: Vec<Attribute>,
    spill: PathBuf,
    limits: QueryLimits,
    turns: Arc<Semaphore>,
}

impl std::fmt::Debug for QueryProgram {
    // The object store's credentials are among the options.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryProgram")
            .field("program", &self.program)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl QueryProgram {
    /// The program at this path, over the store at an address with its client's options. What does not fit into memory is put
    /// into folders of its own below `spill`, for as long as the question runs.
    pub fn new(
        program: PathBuf,
        store: String,
        options: Vec<(String, String)>,
        attributes: Vec<Attribute>,
        spill: PathBuf,
        limits: QueryLimits,
    ) -> Self {
        Self {
            program,
            store,
            options,
            attributes,
            spill,
            turns: Arc::new(Semaphore::new(limits.at_once)),
            limits,
        }
    }

    fn header(&self, task: &QueryTask, spill: &TempDir) -> Result<Vec<u8>, QueryError> {
        let limits = &self.limits;
        let header = Header {
            format: FORMAT,
            purpose: &task.purpose,
            sql: &task.sql,
            output: task.format.as_str(),
            store: &self.store,
            options: &self.options,
            attributes: &self.attributes,
            people: match &task.people {
                People::Everybody => Who::Everybody("everybody"),
                People::Agreeing(ids) => Who::Count(ids.len()),
            },
            limits: Limits {
                memory_bytes: limits.memory_bytes,
                spill_folder: spill.path(),
                spill_bytes: limits.spill_bytes,
                time_ms: u64::try_from(limits.time.as_millis()).unwrap_or(u64::MAX),
                rows: limits.rows,
                output_bytes: limits.output_bytes,
                partitions: limits.partitions,
            },
        };
        let mut line = serde_json::to_vec(&header)
            .map_err(|_| unavailable("its request cannot be written"))?;
        line.push(b'\n');
        Ok(line)
    }
}

#[derive(Serialize)]
struct Header<'a> {
    format: u32,
    purpose: &'a str,
    sql: &'a str,
    output: &'a str,
    store: &'a str,
    options: &'a [(String, String)],
    attributes: &'a [Attribute],
    people: Who,
    limits: Limits<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Who {
    Everybody(&'static str),
    Count(usize),
}

#[derive(Serialize)]
struct Limits<'a> {
    memory_bytes: u64,
    spill_folder: &'a std::path::Path,
    spill_bytes: u64,
    time_ms: u64,
    rows: u64,
    output_bytes: u64,
    partitions: usize,
}

#[async_trait]
impl QueryEngine for QueryProgram {
    async fn start(&self, task: QueryTask) -> Result<Box<dyn QueryAnswer>, QueryError> {
        let turn = timeout(TURN, Arc::clone(&self.turns).acquire_owned());
        let Ok(Ok(turn)) = turn.await else {
            return Err(QueryError::Limit(
                "other questions are being answered: ask again in a minute".to_owned(),
            ));
        };
        std::fs::create_dir_all(&self.spill)
            .map_err(|_| unavailable("has no folder to work in"))?;
        let spill = tempfile::Builder::new()
            .prefix("query-")
            .tempdir_in(&self.spill)
            .map_err(|_| unavailable("has no folder to work in"))?;
        let header = self.header(&task, &spill)?;
        let mut child = Command::new(&self.program)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| not_started(&self.program, &error))?;
        let (Some(mut input), Some(output), Some(said)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(unavailable("has no pipes"));
        };
        let said = tokio::spawn(listen(said));
        let sent = send(&mut input, &header, &task.people).await;
        let mut answer = Running {
            child,
            input: Some(input),
            output,
            said: Some(said),
            ended: None,
            rows: 0,
            time: self.limits.time.saturating_add(PATIENCE),
            _turn: turn,
            _spill: spill,
        };
        if sent.is_err() {
            // It says why on its way out.
            answer.end().await?;
            return Err(unavailable("did not take its request"));
        }
        Ok(Box::new(answer))
    }
}

async fn send(input: &mut ChildStdin, header: &[u8], people: &People) -> io::Result<()> {
    input.write_all(header).await?;
    if let People::Agreeing(ids) = people {
        input.write_all(ids.as_flattened()).await?;
    }
    input.flush().await
}

/// A question that is being answered. Dropping it ends the process.
struct Running {
    child: Child,
    /// The program ends when this does.
    input: Option<ChildStdin>,
    output: ChildStdout,
    said: Option<JoinHandle<Option<Line>>>,
    /// How it ended.
    ended: Option<Result<(), QueryError>>,
    rows: u64,
    time: Duration,
    _turn: OwnedSemaphorePermit,
    _spill: TempDir,
}

#[async_trait]
impl QueryAnswer for Running {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, QueryError> {
        if let Some(ended) = &self.ended {
            return ended.clone().map(|()| None);
        }
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let read = timeout(self.time, self.output.read_buf(&mut piece));
        match read.await {
            Ok(Ok(0)) => {}
            Ok(Ok(_)) => return Ok(Some(piece)),
            // It neither answers nor ends: it is ended below.
            Ok(Err(_)) | Err(_) => drop(self.child.start_kill()),
        }
        let ended = self.end().await;
        self.ended = Some(ended.clone());
        ended.map(|()| None)
    }

    fn rows(&self) -> u64 {
        self.rows
    }
}

impl Running {
    /// Waits for the last line and the end of the process: the answer is whole if both say so.
    async fn end(&mut self) -> Result<(), QueryError> {
        let last = match self.said.take() {
            Some(said) => timeout(PATIENCE, said)
                .await
                .ok()
                .and_then(Result::ok)
                .flatten(),
            None => None,
        };
        self.input.take();
        let status = match timeout(PATIENCE, self.child.wait()).await {
            Ok(status) => status.ok(),
            Err(_) => {
                drop(self.child.start_kill());
                None
            }
        };
        match last {
            Some(Line::Done { rows }) if status.is_some_and(|status| status.success()) => {
                self.rows = rows;
                Ok(())
            }
            Some(Line::Error { code, message }) => Err(failure(code, message)),
            _ => Err(broken_off(status)),
        }
    }
}

/// What the program says about itself, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Done { rows: u64 },
    Error { code: Code, message: String },
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Code {
    Refused,
    Statement,
    Limit,
    Time,
    Store,
    Process,
    #[serde(other)]
    Other,
}

/// Reads to the end, and keeps the last line that says how it ended. Nothing else is kept or logged: a panic may quote rows.
async fn listen(said: tokio::process::ChildStderr) -> Option<Line> {
    let mut said = BufReader::new(said);
    let mut last = None;
    loop {
        let mut line = Vec::new();
        let mut one = (&mut said).take(LINE_BYTES_MAX);
        match one.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return last,
            Ok(_) => last = serde_json::from_slice(&line).ok().or(last),
        }
    }
}

fn failure(code: Code, message: String) -> QueryError {
    match code {
        Code::Refused | Code::Statement => QueryError::Invalid(message),
        Code::Limit | Code::Time => QueryError::Limit(message),
        Code::Store | Code::Process | Code::Other => {
            // The message is for whoever asked: that process has seen rows, and what it writes belongs into no log.
            tracing::error!(?code, "a question to telemetry failed");
            QueryError::Unavailable(message)
        }
    }
}

/// It ended without a word: most often because it met the wall around its memory.
fn broken_off(status: Option<ExitStatus>) -> QueryError {
    tracing::error!(status = ?status, "the process of a question to telemetry broke off");
    QueryError::Limit(
        "the question broke off: it needs more memory than it may use, or was ended; ask for less at a time"
            .to_owned(),
    )
}

fn unavailable(what: &str) -> QueryError {
    QueryError::Unavailable(format!("the process for questions {what}"))
}

fn not_started(program: &std::path::Path, error: &io::Error) -> QueryError {
    tracing::error!(program = %program.display(), %error, "the program for questions to telemetry cannot be started");
    QueryError::Unavailable(
        "the program `privet-query` cannot be started: it belongs beside `privet`".to_owned(),
    )
}
