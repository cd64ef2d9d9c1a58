//! The command that asks telemetry.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use privet_wire::QueryFormat;

use super::As;

const QUERY: &str = "\
The tables are logs, spans, links, points, exemplars and consents. For a purpose that rests on
consent they hold the people who agree to it at this moment and nobody else, whatever the
statement says; for any other purpose they hold everybody, and policy says who may ask
(`query_everybody`). Each question is in the audit log, with its statement.

Examples:
  privet query --purpose improvement 'SELECT event, count(*) FROM logs GROUP BY event'
  privet query --purpose improvement --out steps.parquet 'SELECT * FROM logs'
  privet query --purpose security --as job --format csv - < failed-logins.sql";

#[derive(Debug, Args)]
#[command(after_help = QUERY)]
pub(crate) struct Query {
    /// One statement that reads; `-` reads it from standard input.
    #[arg(value_name = "SQL")]
    pub(crate) sql: String,

    /// What for: a purpose of the data map.
    #[arg(long, value_name = "NAME")]
    pub(crate) purpose: String,

    /// How the answer is written; without it, as the name of the file ends, else `table` on a terminal and `csv` into a pipe.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Answer>,

    /// Write the answer into this file; it appears when it is whole.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// Replace the file if it is there.
    #[arg(long, requires = "out")]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) who: As,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Answer {
    /// Columns that line up.
    Table,
    /// Values between commas, after a line of names.
    Csv,
    /// An object a line.
    Json,
    /// A Parquet file.
    Parquet,
    /// An Arrow IPC stream.
    Arrow,
}

impl From<Answer> for QueryFormat {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Table => Self::Table,
            Answer::Csv => Self::Csv,
            Answer::Json => Self::Json,
            Answer::Parquet => Self::Parquet,
            Answer::Arrow => Self::Arrow,
        }
    }
}
