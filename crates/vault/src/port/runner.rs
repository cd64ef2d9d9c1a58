//! Guarded execution: what the SQL door needs of applications' databases.

use std::time::Duration;

use async_trait::async_trait;

use super::{SourceError, SqlValue};

/// Whether a session's statements may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// Protected: every ordinary statement.
    Ordinary,
    /// Decrypted: reading only.
    ReadOnly,
}

/// Why a statement failed; shown to the client that wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RunError {
    /// SQLSTATE, five characters.
    pub code: &'static str,
    /// The engine's message.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// The shape of a statement's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// Result columns: name and declared type (empty for expressions).
    pub columns: Vec<(String, String)>,
    /// Number of parameters.
    pub parameters: u16,
    /// Whether it only reads.
    pub read_only: bool,
}

/// Runs one client's statements, guarded, outside the process that holds keys. One statement runs at a time.
///
/// The futures must be run to their end: one that is dropped half way costs the client its connection to the
/// database and with it an open transaction.
#[async_trait]
pub trait Runner: Send {
    /// The first statement of `sql` and the bytes it takes, its semicolon included; `None` when there is none left
    /// (blanks and comments).
    async fn describe(&mut self, sql: &str) -> Result<Option<(Described, usize)>, RunError>;

    /// Starts one statement; rows are then fetched with [`next_rows`](Runner::next_rows). One without result columns
    /// has done its work when this returns. Parameters are `$1`, `$2`, … as in PostgreSQL. A statement that still runs
    /// is ended first.
    async fn start(&mut self, sql: &str, parameters: &[SqlValue]) -> Result<Described, RunError>;

    /// The next rows, at most `rows_max`, fewer when they are large; an empty list is the end.
    async fn next_rows(&mut self, rows_max: u32) -> Result<Vec<Vec<SqlValue>>, RunError>;

    /// Ends the running statement (also before its end); answers the rows that it changed.
    async fn finish(&mut self) -> Result<u64, RunError>;

    /// Whether a transaction is open.
    fn in_transaction(&self) -> bool;

    /// What another task calls to stop the running statement; harmless when none runs.
    fn canceller(&self) -> Box<dyn Fn() + Send + Sync>;
}

/// Makes runners, one for each client.
#[async_trait]
pub trait Runners: Send + Sync {
    /// A runner for one client.
    ///
    /// # Errors
    /// [`SourceError::Unreachable`] when its process does not start or cannot open the database.
    async fn runner(
        &self,
        mode: RunMode,
        limits: RunLimits,
    ) -> Result<Box<dyn Runner>, SourceError>;
}

/// Bounds of one client's statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// Longest statement.
    pub statement: Duration,
    /// Most memory of the process that runs them.
    pub memory_bytes_max: u64,
}
