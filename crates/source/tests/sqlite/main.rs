//! Files of SQLite as sources: catalog, guarded execution, sealing.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod catalog;
mod guard;
mod obstacle;
mod runner;
mod seal;

use std::path::PathBuf;
use std::time::Duration;

use privet_source::{RunnerProgram, SqliteRunner, SqliteSource};
use privet_vault::port::{
    Clearing, RunError, RunLimits, RunMode, Runner, SealPlan, Source, SourceError, SqlValue,
};
use rusqlite::Connection;
use tempfile::TempDir;

/// A database of its own, gone after the test.
struct Shop {
    dir: TempDir,
}

impl Shop {
    fn new(schema: &str) -> Self {
        let shop = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        shop.open().execute_batch(schema).unwrap();
        shop
    }

    /// A copy, to be spoilt.
    fn copy(&self) -> Self {
        let copy = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        std::fs::copy(self.path(), copy.path()).unwrap();
        copy
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("shop.sqlite")
    }

    /// As the application opens it.
    fn open(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    fn source(&self) -> SqliteSource {
        let program = env!("CARGO_BIN_EXE_privet-sqlite-runner").into();
        SqliteSource::new(
            "shop".parse().unwrap(),
            self.path(),
            RunnerProgram {
                program,
                args: vec![],
            },
        )
    }

    async fn runner(&self, mode: RunMode) -> SqliteRunner {
        self.source().sqlite_runner(mode, LIMITS).await.unwrap()
    }

    /// Every byte of every file beside the database, journals included.
    fn bytes(&self) -> Vec<u8> {
        let entries = std::fs::read_dir(self.dir.path()).unwrap();
        entries
            .flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .collect()
    }

    fn holds(&self, text: &str) -> bool {
        self.bytes()
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }
}

const LIMITS: RunLimits = RunLimits {
    statement: Duration::from_secs(30),
    memory_bytes_max: 64 << 20,
};

/// Runs every statement of `sql`; answers the last one's rows and the number that it changed.
async fn run(
    runner: &mut SqliteRunner,
    sql: &str,
    parameters: &[SqlValue],
) -> Result<(Vec<Vec<SqlValue>>, u64), RunError> {
    let (mut rest, mut last) = (sql, (Vec::new(), 0));
    while let Some((_, size)) = runner.describe(rest).await? {
        let (statement, after) = rest.split_at(size);
        rest = after;
        runner.start(statement, parameters).await?;
        let mut rows = Vec::new();
        loop {
            let more = runner.next_rows(100).await?;
            if more.is_empty() {
                break;
            }
            rows.extend(more);
        }
        last = (rows, runner.finish().await?);
    }
    Ok(last)
}

fn text(text: &str) -> SqlValue {
    SqlValue::Text(text.into())
}

fn integer(integer: i64) -> SqlValue {
    SqlValue::Integer(integer)
}

/// Ends an adoption as the vault does.
async fn finish(source: &SqliteSource, plans: &[SealPlan]) -> Result<(), SourceError> {
    source.guard(plans).await?;
    source.finish(plans, Clearing::Leave).await.map(drop)
}
