//! The job from its first entry in the log to its last.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::backup::Backup;
use super::look::look;
use super::pace::Pace;
use super::seal::{Batch, Owned};
use super::{AdoptOrder, Job, JobState, Plans, TablePlan, TableStatus, plan};
use crate::audit::{EntryKind, Record};
use crate::port::{Integrity, Source, SourceError, Wanted};
use crate::{Caller, Error, PrincipalName, Vault};

/// Rows of one batch: one transaction of the source, a few megabytes.
pub(super) const BATCH_ROWS: u32 = 2_000;
/// Batches that wait between two steps.
const AHEAD: usize = 2;
/// How often a table is gone through again for rows that changed meanwhile.
const PASSES_MAX: u32 = 10;
/// How often before guards are in place: until then applications may write plaintext faster than it is sealed, and what is
/// left is sealed afterwards.
const FIRST_PASSES_MAX: u32 = 3;
/// How long the first of these waits for whoever changed them; each further one twice as long.
const PASS_PAUSE: Duration = Duration::from_millis(50);

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
pub(super) async fn run(
    vault: Vault,
    caller: Caller,
    source: Arc<dyn Source>,
    job: Arc<Job>,
    order: AdoptOrder,
) {
    let running = Running {
        vault,
        caller,
        source,
        job,
        order,
    };
    let outcome = running.whole().await;
    running.source.close().await;
    let told = running
        .finished(outcome.as_ref().err().map(Stop::code))
        .await;
    running.end(outcome, told);
}

/// Runs a job that takes an adoption back; `caller` approved what `requester` asked for.
pub(super) async fn undo(
    vault: Vault,
    caller: Caller,
    source: Arc<dyn Source>,
    job: Arc<Job>,
    requester: PrincipalName,
    reason: Zeroizing<String>,
) {
    let running = Running {
        vault,
        caller,
        source,
        job,
        order: AdoptOrder::SEAL,
    };
    let outcome = running.undo(&requester, &reason).await;
    running.source.close().await;
    let told = running.undone(outcome.as_ref().err().map(Stop::code)).await;
    running.end(outcome, told);
}

/// A job at work.
pub(super) struct Running {
    pub(super) vault: Vault,
    pub(super) caller: Caller,
    pub(super) source: Arc<dyn Source>,
    pub(super) job: Arc<Job>,
    order: AdoptOrder,
}

/// What one pass over a table did.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// Rows written.
    pub(super) written: u64,
    /// Rows that had changed between reading and writing, or that somebody else held.
    pub(super) changed: u64,
}

/// When a table is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Every row that was found is sealed, or plaintext comes as fast as it goes.
    Sealed,
    /// None was found any more.
    NoneFound,
}

impl Running {
    /// The last state.
    fn end(&self, outcome: Result<(), Stop>, told: Result<(), Error>) {
        self.job.update(|status| {
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

    /// What the map says of the database as it is.
    pub(super) async fn plans(&self) -> Result<Plans, Stop> {
        let catalog = self.source.catalog().await?;
        let planned = plan(&self.vault.inner.map, self.source.name(), &catalog);
        let plans = planned.map_err(Stop::Problems)?;
        self.check_tenant()?;
        Ok(plans)
    }

    async fn whole(&self) -> Result<(), Stop> {
        let plans = self.plans().await?;
        let obstacles = self.source.obstacles(&plans.seals()).await?;
        if !obstacles.is_empty() {
            return Err(Stop::Problems(obstacles));
        }
        let before = self.source.integrity().await?;
        self.look(&plans).await?;
        if self.order.dry_run {
            return self.started(None).await.map_err(Stop::Vault);
        }
        let backup = self.secure_keys(&plans).await?;
        self.started(Some(backup)).await?;
        self.job.update(|status| status.state = JobState::Sealing);
        let start = self.vault.inner.clock.monotonic();
        let mut pace = Pace::writing(self.order.rate_max);
        // All of them before the first value: what cannot be prepared is found out while nothing is sealed.
        for table in &plans.tables {
            self.source.prepare(&table.seal).await?;
        }
        self.seal(&plans, Until::Sealed, start, &mut pace).await?;
        let seals = plans.seals();
        self.source.guard(&seals).await?;
        // What was written in plaintext before the guards were there, which no more can follow.
        self.seal(&plans, Until::NoneFound, start, &mut pace)
            .await?;
        self.job.update(|status| {
            status.state = JobState::Finishing;
            status.seconds_left = None;
        });
        let notes = self.source.finish(&seals, self.order.clearing).await?;
        self.job.update(|status| status.notes.extend(notes));
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
        let mut pace = Pace::reading(self.order.rate_max);
        for table in &plans.tables {
            let scan = self.source.scan(&table.seal).await?;
            let looked = look(&self.vault, &*self.source, table, &mut pace).await?;
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

    /// Seals every table, `start` being when sealing began.
    async fn seal(
        &self,
        plans: &Plans,
        until: Until,
        start: Duration,
        pace: &mut Pace,
    ) -> Result<(), Stop> {
        for (position, table) in plans.tables.iter().enumerate() {
            let mut pause = PASS_PAUSE;
            let mut passes = 0;
            loop {
                let passed = self.pass(position, table, start, pace).await?;
                passes += 1;
                let is_done = match until {
                    Until::Sealed => passed.changed == 0 || passes == FIRST_PASSES_MAX,
                    Until::NoneFound => passed.changed == 0 && passed.written == 0,
                };
                if is_done {
                    break;
                }
                if passes == PASSES_MAX {
                    return Err(Self::restless(table));
                }
                if passed.changed > 0 {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
            }
        }
        Ok(())
    }

    pub(super) fn restless(table: &TablePlan) -> Stop {
        let name = &table.seal.table;
        Stop::Problems(vec![format!(
            "rows of table `{name}` change as fast as they are sealed: stop the application, then start again"
        )])
    }

    /// Goes through a table once, reading, making keys, sealing and writing at the same time.
    async fn pass(
        &self,
        position: usize,
        table: &TablePlan,
        start: Duration,
        pace: &mut Pace,
    ) -> Result<Passed, Stop> {
        let source = &*self.source;
        let rows_max = pace.rows_max(table.fields.len());
        let (to_own, mut read) = mpsc::channel(AHEAD);
        let (to_seal, mut owned) = mpsc::channel::<Owned>(AHEAD);
        let (to_write, mut sealed) = mpsc::channel::<Batch>(AHEAD);
        let reading = async move {
            let mut after = None;
            loop {
                let read = source.read(&table.seal, Wanted::Plaintext, after.as_ref(), rows_max);
                let rows = read.await?;
                let Some(last) = rows.last() else { break };
                after = Some(last.key.clone());
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
            let mut passed = Passed::default();
            while let Some(batch) = sealed.recv().await {
                let (rows, values) = (batch.rows.len() as u64, batch.values);
                pace.wait(&self.vault, values).await;
                let affected = source.write(&table.seal, batch.rows).await?;
                passed.written += affected.written;
                passed.changed += affected.changed;
                // A row of which something changed is read again whole, and counts then.
                let values = values.saturating_mul(affected.written) / rows.max(1);
                let now = self.vault.inner.clock.monotonic();
                self.job.sealed(position, values, now.saturating_sub(start));
            }
            Ok::<_, Stop>(passed)
        };
        let ((), (), (), passed) = tokio::try_join!(reading, owning, sealing, writing)?;
        Ok(passed)
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
        // Where rows come and go meanwhile, more can have come without a subject or a date; the guards let nothing else by.
        if left > expected && !before.rows.is_empty() {
            return Err(Stop::Problems(vec![format!(
                "{} values were written in plaintext during the adoption: start again",
                left - expected
            )]));
        }
        Ok(())
    }

    /// The first entry; `backup` is what was done about that of the key store, where values are sealed.
    async fn started(&self, backup: Option<Backup>) -> Result<(), Error> {
        let status = self.job.status();
        let mut record = Record::by(EntryKind::AdoptStarted, &self.caller)
            .fact("job", status.id.to_string())
            .fact("source", status.source.as_str())
            .fact("dry_run", backup.is_none())
            .count("tables", status.tables.len() as u64)
            .count("rows", status.tables.iter().map(|table| table.rows).sum())
            .count("values", status.total)
            .count("left", status.left);
        if let Some(backup) = backup {
            record = record.fact("key_backup", backup.as_str());
        }
        self.vault.record_patiently(record).await.map(drop)
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
        self.vault.record_patiently(record).await.map(drop)
    }
}
