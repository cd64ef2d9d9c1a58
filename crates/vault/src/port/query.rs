//! What answers questions to telemetry: another process, which holds the events and no keys.

use std::sync::Arc;

use async_trait::async_trait;

/// Whose events a question may be answered from.
#[derive(Clone, PartialEq, Eq)]
pub enum People {
    /// Everybody's, and those about nobody: the purpose does not rest on consent.
    Everybody,
    /// Those of these ids for telemetry and of nobody else. Sorted, each once.
    Agreeing(Arc<[[u8; 16]]>),
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everybody => f.write_str("Everybody"),
            Self::Agreeing(ids) => write!(f, "Agreeing({} ids)", ids.len()),
        }
    }
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryFormat {
    /// Columns that line up, for people.
    Table,
    /// RFC 4180, with a line of names.
    Csv,
    /// An object a line.
    JsonLines,
    /// A Parquet file.
    Parquet,
    /// An Arrow IPC stream.
    Arrow,
}

impl QueryFormat {
    /// Every format.
    pub const ALL: [Self; 5] = [
        Self::Table,
        Self::Csv,
        Self::JsonLines,
        Self::Parquet,
        Self::Arrow,
    ];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::JsonLines => "json",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }
}

/// A question that the monitor allowed.
#[derive(Debug, Clone)]
pub struct QueryTask {
    /// What for.
    pub purpose: String,
    /// The statement.
    pub sql: String,
    /// How the answer is written.
    pub format: QueryFormat,
    /// Whose events count.
    pub people: People,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The statement is wrong, or asks for what no question may; the engine's own words, for whoever wrote it.
    #[error("{0}")]
    Invalid(String),
    /// It takes more time, memory or room than it may.
    #[error("{0}")]
    Limit(String),
    /// The engine or what it reads from does not answer.
    #[error("{0}")]
    Unavailable(String),
}

/// Answers questions.
#[async_trait]
pub trait QueryEngine: Send + Sync {
    /// Starts one, and returns when its statement was found right.
    async fn start(&self, task: QueryTask) -> Result<Box<dyn QueryAnswer>, QueryError>;
}

/// An answer on its way. Dropping it ends the question.
#[async_trait]
pub trait QueryAnswer: Send {
    /// The next piece of at most 1 MiB; `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, QueryError>;

    /// Rows handed over so far; exact once the end was reached.
    fn rows(&self) -> u64;
}
