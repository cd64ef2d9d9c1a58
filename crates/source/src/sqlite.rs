//! An application's database in a file of SQLite.

mod catalog;
mod erase;
mod error;
mod file;
mod finish;
pub(crate) mod name;
mod obstacle;
mod plan;
mod reseal;
mod rows;
mod schema;
mod seal;
pub(crate) mod text;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use privet_vault::SourceName;
use privet_vault::port::{
    Affected, Catalog, Clearing, ErasePlan, EraseStep, Erased, Integrity, PersonalRow, ReadPlan,
    Retained, RootKeys, RowKey, RunLimits, RunMode, Runner, Runners, SealPlan, SealedPlan,
    SealedRow, SealedSwap, SealedUnder, Serving, Source, SourceError, SourceRow, TableScan, Wanted,
};
use rusqlite::Connection;

use crate::runner::{RunnerProgram, SqliteRunner};
use error::Failing;
use file::{Access, File};

/// How long reading and writing wait for another program's lock, unless said otherwise.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// Transactions in which rows are cleared that were found at once.
const TRANSACTIONS: u32 = 32;

/// A file of SQLite as a source.
#[derive(Debug, Clone)]
pub struct SqliteSource {
    file: Arc<File>,
    program: RunnerProgram,
}

impl SqliteSource {
    /// A source in the file at `path`; nothing is opened yet. `runner_program` is what becomes the child
    /// that runs clients' statements.
    pub fn new(name: SourceName, path: PathBuf, runner_program: RunnerProgram) -> Self {
        // The child has another working directory.
        let path = std::path::absolute(&path).unwrap_or(path);
        let file = File::new(name, path, LOCK_WAIT);
        Self {
            file: Arc::new(file),
            program: runner_program,
        }
    }

    /// How long reading and writing wait for another program's lock; 10 seconds unless said otherwise.
    #[must_use]
    pub fn with_lock_wait(self, lock_wait: Duration) -> Self {
        let File { name, path, .. } = &*self.file;
        let file = File::new(name.clone(), path.clone(), lock_wait);
        Self {
            file: Arc::new(file),
            ..self
        }
    }

    /// A runner with its own child process, for one client.
    ///
    /// # Errors
    /// [`SourceError::Unreachable`] when the child does not start or cannot open the file.
    pub async fn sqlite_runner(
        &self,
        mode: RunMode,
        limits: RunLimits,
    ) -> Result<SqliteRunner, SourceError> {
        let started =
            SqliteRunner::start(self.program.clone(), &self.file.path, mode, limits).await;
        let name = &self.file.name;
        let runner = started.map_err(|error| SourceError::Unreachable {
            name: name.clone(),
            why: error.message,
        })?;
        if !runner.is_confined() {
            self.file.unconfined.call_once(|| {
                tracing::warn!(
                    source = %name,
                    "this kernel has no Landlock, or an old one: a statement that broke its process could reach more than the database"
                );
            });
        }
        Ok(runner)
    }

    /// Writes the file anew and empties its logs.
    async fn clean(&self) -> Result<(), SourceError> {
        let file = Arc::clone(&self.file);
        let ended = tokio::task::spawn_blocking(move || finish::clean(&file)).await;
        ended.unwrap_or_else(|_| {
            let name = self.file.name.clone();
            Err(SourceError::Failed {
                name,
                why: "the work on it was broken off".into(),
            })
        })
    }

    /// Clears rows that stay where they are. Those with something to clear are read many at a time, while nobody waits, so that
    /// each transaction goes past none that is cleared already.
    async fn clear(
        &self,
        step: &EraseStep,
        person: &str,
        rows_max: u32,
    ) -> Result<Erased, SourceError> {
        let found_max = rows_max.saturating_mul(TRANSACTIONS);
        let of_person = (step.clone(), person.to_owned());
        let (step, person) = of_person.clone();
        let due = self.with(Access::Read, move |connection| {
            erase::due_rows(connection, &step, &person, found_max)
        });
        let due = due.await?;
        let mut cleared = 0;
        for keys in due.chunks((rows_max as usize).max(1)) {
            let ((step, person), keys) = (of_person.clone(), keys.to_vec());
            let rows = self.with(Access::Erase, move |connection| {
                erase::clear(connection, &step, &person, &keys)
            });
            match rows.await {
                Ok(rows) => cleared += rows,
                Err(error) if cleared == 0 => return Err(error),
                // What was done is counted first; the next call says what is wrong.
                Err(_) => {
                    return Ok(Erased {
                        rows: vec![cleared],
                        more: true,
                    });
                }
            }
        }
        Ok(Erased {
            rows: vec![cleared],
            more: due.len() >= found_max as usize,
        })
    }

    /// Runs `work` with a connection on a thread that may block.
    async fn with<T: Send + 'static>(
        &self,
        access: Access,
        work: impl FnOnce(&mut Connection) -> Result<T, Failing> + Send + 'static,
    ) -> Result<T, SourceError> {
        let file = Arc::clone(&self.file);
        let done = tokio::task::spawn_blocking(move || file.with(access, work)).await;
        done.unwrap_or_else(|_| {
            let name = self.file.name.clone();
            Err(SourceError::Failed {
                name,
                why: "the work on it was broken off".into(),
            })
        })
    }
}

#[async_trait]
impl Source for SqliteSource {
    fn name(&self) -> &SourceName {
        &self.file.name
    }

    async fn catalog(&self) -> Result<Catalog, SourceError> {
        self.with(Access::Read, |connection| Ok(catalog::read(connection)?))
            .await
    }

    async fn obstacles(&self, plans: &[SealPlan]) -> Result<Vec<String>, SourceError> {
        let plans = plans.to_vec();
        self.with(Access::Read, move |connection| {
            obstacle::find(connection, &plans)
        })
        .await
    }

    async fn gaps(&self, plans: &[SealPlan]) -> Result<Vec<String>, SourceError> {
        let plans = plans.to_vec();
        self.with(Access::Read, move |connection| {
            schema::gaps(connection, &plans)
        })
        .await
    }

    async fn integrity(&self) -> Result<Integrity, SourceError> {
        self.with(Access::Read, finish::integrity).await
    }

    async fn scan(&self, plan: &SealPlan) -> Result<TableScan, SourceError> {
        let plan = plan.clone();
        self.with(Access::Read, move |connection| {
            seal::scan(connection, &plan)
        })
        .await
    }

    async fn prepare(&self, plan: &SealPlan) -> Result<(), SourceError> {
        let plan = plan.clone();
        self.with(Access::Write, move |connection| {
            schema::prepare(connection, &plan)
        })
        .await
    }

    async fn read(
        &self,
        plan: &SealPlan,
        wanted: Wanted,
        after: Option<&RowKey>,
        rows_max: u32,
    ) -> Result<Vec<SourceRow>, SourceError> {
        let (plan, after) = (plan.clone(), after.cloned());
        self.with(Access::Read, move |connection| {
            seal::read(connection, &plan, wanted, after.as_ref(), rows_max)
        })
        .await
    }

    async fn indexed(
        &self,
        plan: &SealPlan,
        column: usize,
        after: Option<&RowKey>,
        rows_max: u32,
    ) -> Result<Vec<(RowKey, String)>, SourceError> {
        let (plan, after) = (plan.clone(), after.cloned());
        self.with(Access::Read, move |connection| {
            seal::indexed(connection, &plan, column, after.as_ref(), rows_max)
        })
        .await
    }

    async fn write(&self, plan: &SealPlan, rows: Vec<SealedRow>) -> Result<Affected, SourceError> {
        let plan = plan.clone();
        self.with(Access::Write, move |connection| {
            seal::write(connection, &plan, &rows)
        })
        .await
    }

    async fn guard(&self, plans: &[SealPlan]) -> Result<(), SourceError> {
        let plans = plans.to_vec();
        self.with(Access::Write, move |connection| {
            finish::protect(connection, &plans)
        })
        .await
    }

    /// A file is always written anew: nobody can use it meanwhile, but it is the only way to be rid of old values.
    async fn finish(
        &self,
        _plans: &[SealPlan],
        _clearing: Clearing,
    ) -> Result<Vec<String>, SourceError> {
        self.clean().await?;
        Ok(Vec::new())
    }

    async fn unguard(&self, plans: &[SealPlan]) -> Result<(), SourceError> {
        let plans = plans.to_vec();
        self.with(Access::Write, move |connection| {
            schema::unguard(connection, &plans)
        })
        .await
    }

    async fn unprepare(&self, plans: &[SealPlan]) -> Result<Vec<String>, SourceError> {
        let plans = plans.to_vec();
        self.with(Access::Write, move |connection| {
            schema::unprepare(connection, &plans)
        })
        .await?;
        self.clean().await?;
        Ok(Vec::new())
    }

    async fn rows_of(
        &self,
        plan: &ReadPlan,
        people: &RootKeys,
        after: Option<&RowKey>,
        rows_max: u32,
    ) -> Result<Vec<PersonalRow>, SourceError> {
        let (plan, people, after) = (plan.clone(), people.clone(), after.cloned());
        self.with(Access::Read, move |connection| {
            rows::read(connection, &plan, &people, after.as_ref(), rows_max)
        })
        .await
    }

    async fn erase(
        &self,
        plan: &ErasePlan,
        person: &str,
        rows_max: u32,
    ) -> Result<Erased, SourceError> {
        if let Some(step) = plan.clearing() {
            return self.clear(step, person, rows_max).await;
        }
        let (plan, person) = (plan.clone(), person.to_owned());
        self.with(Access::Erase, move |connection| {
            erase::erase(connection, &plan, &person, rows_max)
        })
        .await
    }

    async fn erase_at_once(
        &self,
        plans: &[ErasePlan],
        person: &str,
        rows_max: u32,
    ) -> Result<Option<Vec<Erased>>, SourceError> {
        let (plans, person) = (plans.to_vec(), person.to_owned());
        self.with(Access::Erase, move |connection| {
            erase::erase_at_once(connection, &plans, &person, rows_max)
        })
        .await
    }

    async fn retained(&self, step: &EraseStep, person: &str) -> Result<Retained, SourceError> {
        let (step, person) = (step.clone(), person.to_owned());
        self.with(Access::Read, move |connection| {
            erase::retained(connection, &step, &person)
        })
        .await
    }

    async fn sealed_under(
        &self,
        plan: &SealedPlan,
        person: &str,
        keys: &[String],
        after: Option<&RowKey>,
        rows_max: u32,
    ) -> Result<Vec<SealedUnder>, SourceError> {
        let (plan, after, person) = (plan.clone(), after.cloned(), person.to_owned());
        let keys = keys.to_vec();
        self.with(Access::Read, move |connection| {
            reseal::read(connection, &plan, &person, &keys, after.as_ref(), rows_max)
        })
        .await
    }

    async fn swap_sealed(
        &self,
        plan: &SealedPlan,
        swaps: Vec<SealedSwap>,
    ) -> Result<Vec<bool>, SourceError> {
        let plan = plan.clone();
        self.with(Access::Write, move |connection| {
            reseal::swap(connection, &plan, &swaps)
        })
        .await
    }

    async fn scrub(&self) -> Result<(), SourceError> {
        self.with(Access::Erase, |connection| erase::scrub(connection))
            .await
    }

    async fn close(&self) {
        let file = Arc::clone(&self.file);
        // What breaks off here has closed nothing that a later close would not.
        let _ = tokio::task::spawn_blocking(move || file.close()).await;
    }

    fn serving(&self) -> Serving<'_> {
        Serving::Runner(self)
    }
}

#[async_trait]
impl Runners for SqliteSource {
    async fn runner(
        &self,
        mode: RunMode,
        limits: RunLimits,
    ) -> Result<Box<dyn Runner>, SourceError> {
        Ok(Box::new(self.sqlite_runner(mode, limits).await?))
    }
}
