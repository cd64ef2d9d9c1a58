//! The job from its first entry in the log to its last.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::look::look;
use super::seal::{Batch, Owned};
use super::{Job, JobState, Plans, TablePlan, TableStatus, plan};
use crate::audit::{EntryKind, Record};
use crate::port::{Integrity, Source, SourceError};
use crate::{Caller, Error, Vault};

/// Rows of one batch: one transaction of the source, a few megabytes.
pub(super) const BATCH_ROWS: u32 = 2_000;
/// Batches that wait between two steps.
const AHEAD: usize = 2;
/// How often a table is gone through again for rows that changed meanwhile.
const PASSES_MAX: u32 = 5;

/// Why a job ended before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// What is in the way; nothing was changed by this job.
    Problems(Vec<String>),
    /// The source failed.
    Source(SourceError),
    /// The vault or its stores failed.
    Vault(Error),
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Vault(error)
    }
}

impl Stop {
    fn code(&self) -> &'static str {
        match self {
            Self::Problems(_) => "problems",
            Self::Source(_) => "source_failed",
            Self::Vault(error) => error.code(),
        }
    }

    fn problems(self) -> Vec<String> {
        match self {
            Self::Problems(problems) => problems,
            Self::Source(error) => vec![error.to_string()],
            Self::Vault(error) => vec![error.to_string()],
        }
    }
}

/// Runs the job; what comes of it is in its status and in the log.
pub(super) async fn run(vault: Vault, caller: Caller, source: Arc<dyn Source>, job: Arc<Job>) {
    let running = Running {
        vault,
        caller,
        source,
        job,
    };
    let outcome = running.whole().await;
    running.source.close().await;
    let reason = outcome.as_ref().err().map(Stop::code);
    let told = running.finished(reason).await;
    running.job.update(|status| {
        status.seconds_left = None;
        status.state = JobState::Done;
        if let Err(stop) = outcome {
            status.state = JobState::Failed;
            status.problems = stop.problems();
        }
        if let Err(error) = told {
            status.state = JobState::Failed;
            status.problems.push(error.to_string());
        }
    });
}

struct Running {
    vault: Vault,
    caller: Caller,
    source: Arc<dyn Source>,
    job: Arc<Job>,
}

impl Running {
    async fn whole(&self) -> Result<(), Stop> {
        let catalog = self.source.catalog().await?;
        let planned = plan(&self.vault.inner.map, self.source.name(), &catalog);
        let plans = planned.map_err(Stop::Problems)?;
        self.check_tenant()?;
        let obstacles = self.source.obstacles(&plans.seals()).await?;
        if !obstacles.is_empty() {
            return Err(Stop::Problems(obstacles));
        }
        let before = self.source.integrity().await?;
        self.look(&plans).await?;
        let dry_run = self.job.status().dry_run;
        self.started(dry_run).await?;
        if dry_run {
            return Ok(());
        }
        self.job.update(|status| status.state = JobState::Sealing);
        let start = self.vault.inner.clock.monotonic();
        for (position, table) in plans.tables.iter().enumerate() {
            self.source.prepare(&table.seal).await?;
            self.seal_table(position, table, start).await?;
        }
        self.job.update(|status| {
            status.state = JobState::Finishing;
            status.seconds_left = None;
        });
        self.source.finish(&plans.seals()).await?;
        let after = self.source.integrity().await?;
        self.verify(&plans, &before, &after).await
    }

    /// Subjects belong to the tenant that this server serves.
    fn check_tenant(&self) -> Result<(), Stop> {
        let served = &self.vault.inner.config.tenant;
        let name = self.source.name();
        let source = self.vault.inner.map.source(name.as_str());
        let stated = source.map(|source| &source.tenant);
        match stated {
            Some(privet_classify::TenantRule::Fixed(tenant))
                if tenant.as_str() != served.as_str() =>
            {
                Err(Stop::Problems(vec![format!(
                    "source `{name}` belongs to tenant `{tenant}`, and this server serves `{served}`: \
                     state the same in both"
                )]))
            }
            _ => Ok(()),
        }
    }

    /// Reads every table once; changes nothing.
    async fn look(&self, plans: &Plans) -> Result<(), Stop> {
        let notes = plans.notes.clone();
        self.job.update(|status| status.notes = notes);
        let mut problems = Vec::new();
        for table in &plans.tables {
            let scan = self.source.scan(&table.seal).await?;
            let looked = look(&self.vault, &*self.source, table).await?;
            problems.extend(looked.problems);
            let columns = table.seal.columns.iter();
            let status = TableStatus {
                table: table.seal.table.clone(),
                columns: columns.map(|column| column.name.clone()).collect(),
                rows: scan.rows,
                to_seal: looked.to_seal,
                sealed: scan.sealed.iter().sum(),
                done: 0,
                findings: looked.findings,
            };
            self.job.update(|job| {
                job.total += looked.to_seal;
                job.left += looked.left;
                job.tables.push(status);
            });
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Stop::Problems(problems))
        }
    }

    async fn seal_table(
        &self,
        position: usize,
        table: &TablePlan,
        start: Duration,
    ) -> Result<(), Stop> {
        for _ in 0..PASSES_MAX {
            if self.pass(position, table, start).await? == 0 {
                return Ok(());
            }
        }
        let name = &table.seal.table;
        Err(Stop::Problems(vec![format!(
            "rows of table `{name}` change as fast as they are sealed: stop the application, then start again"
        )]))
    }

    /// Goes through a table once, reading, making keys, sealing and writing at the same time; answers how many rows had changed
    /// between reading and writing.
    async fn pass(&self, position: usize, table: &TablePlan, start: Duration) -> Result<u64, Stop> {
        let source = &*self.source;
        let (to_own, mut read) = mpsc::channel(AHEAD);
        let (to_seal, mut owned) = mpsc::channel::<Owned>(AHEAD);
        let (to_write, mut sealed) = mpsc::channel::<Batch>(AHEAD);
        let reading = async move {
            let mut after = None;
            loop {
                let rows = source.read(&table.seal, after, BATCH_ROWS).await?;
                let Some(last) = rows.last() else { break };
                after = Some(last.key);
                if to_own.send(rows).await.is_err() {
                    break;
                }
            }
            Ok::<_, Stop>(())
        };
        let owning = async move {
            while let Some(rows) = read.recv().await {
                let owned = Owned::new(&self.vault, source.name(), table, rows).await?;
                if to_seal.send(owned).await.is_err() {
                    break;
                }
            }
            Ok::<_, Stop>(())
        };
        let sealing = async move {
            while let Some(owned) = owned.recv().await {
                let batch = owned.seal(&self.vault, table).await?;
                if !batch.rows.is_empty() && to_write.send(batch).await.is_err() {
                    break;
                }
            }
            Ok::<_, Stop>(())
        };
        let writing = async {
            let mut changed = 0;
            while let Some(batch) = sealed.recv().await {
                let values = batch.values;
                let affected = source.write(&table.seal, batch.rows).await?;
                changed += affected.changed;
                let now = self.vault.inner.clock.monotonic();
                self.job.sealed(position, values, now.saturating_sub(start));
            }
            Ok::<_, Stop>(changed)
        };
        let ((), (), (), changed) = tokio::try_join!(reading, owning, sealing, writing)?;
        Ok(changed)
    }

    /// Compares with what there was before, and counts what is left.
    async fn verify(
        &self,
        plans: &Plans,
        before: &Integrity,
        after: &Integrity,
    ) -> Result<(), Stop> {
        if before != after {
            return Err(Stop::Problems(vec![
                "rows or references changed during the adoption, so that its counts cannot be confirmed: stop the \
                 application, then start again"
                    .to_owned(),
            ]));
        }
        let mut left = 0;
        for table in &plans.tables {
            let scan = self.source.scan(&table.seal).await?;
            left += scan.plaintext.iter().sum::<u64>();
        }
        let expected = self.job.status().left;
        self.job.update(|status| status.left = left);
        if left > expected {
            return Err(Stop::Problems(vec![format!(
                "{} values were written in plaintext during the adoption: start again",
                left - expected
            )]));
        }
        Ok(())
    }

    async fn started(&self, dry_run: bool) -> Result<(), Error> {
        let status = self.job.status();
        let record = Record::by(EntryKind::AdoptStarted, &self.caller)
            .fact("job", status.id.to_string())
            .fact("source", status.source.as_str())
            .fact("dry_run", dry_run)
            .count("tables", status.tables.len() as u64)
            .count("rows", status.tables.iter().map(|table| table.rows).sum())
            .count("values", status.total)
            .count("left", status.left);
        self.vault.record(record).await.map(drop)
    }

    async fn finished(&self, reason: Option<&'static str>) -> Result<(), Error> {
        let status = self.job.status();
        let mut record = Record::by(EntryKind::AdoptFinished, &self.caller)
            .fact("job", status.id.to_string())
            .fact("source", status.source.as_str())
            .fact("dry_run", status.dry_run)
            .fact("outcome", if reason.is_none() { "done" } else { "failed" })
            .count("rows", status.tables.iter().map(|table| table.rows).sum())
            .count("values", status.done)
            .count("left", status.left);
        if let Some(code) = reason {
            record = record.reason(code);
        }
        self.vault.record(record).await.map(drop)
    }
}
