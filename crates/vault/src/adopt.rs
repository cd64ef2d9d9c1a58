//! Sealing an application's database in place: a job inside the server, watched by the command that asked for it.
//!
//! First everything is read once and nothing is changed: what stands in the way is reported as a whole. Then batches
//! are sealed, each one transaction of the source, with subjects and keys durable before the values that need them;
//! so the job can be killed at any moment and started again. At the end come unique indexes, guards against new
//! plaintext, the removal of old plaintext from the file, and a comparison with what was counted before.

mod backup;
mod look;
mod pace;
mod plan;
mod request;
mod run;
mod seal;
mod status;
mod undo;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

pub(crate) use plan::{Plans, TablePlan, plan};
pub use request::UndoRequested;
pub use status::{Finding, JobState, JobStatus, TableStatus};

use crate::audit::{EntryKind, Record};
use crate::policy::Action;
use crate::port::Clearing;
use crate::vault::{Question, denied_by_policy};
use crate::{Caller, Error, JobId, Result, SourceName, Vault};

/// How a source is adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdoptOrder {
    /// Only look, and change nothing.
    pub dry_run: bool,
    /// The most values that are sealed in a second.
    pub rate_max: Option<NonZeroU32>,
    /// What is done about old values in free space.
    pub clearing: Clearing,
}

impl AdoptOrder {
    /// As fast as it goes, without a lock that anybody would notice.
    pub const SEAL: Self = Self {
        dry_run: false,
        rate_max: None,
        clearing: Clearing::Leave,
    };
    /// Only a look.
    pub const LOOK: Self = Self {
        dry_run: true,
        ..Self::SEAL
    };
}

/// How many jobs that are over are remembered.
const JOBS_MAX: usize = 100;

/// The jobs of this server.
#[derive(Default)]
pub(crate) struct Jobs {
    /// Oldest first.
    all: Mutex<Vec<Arc<Job>>>,
    /// What waits for an approval.
    requests: Mutex<Vec<request::Request>>,
}

/// One job: whoever watches is told of each change.
pub(crate) struct Job(watch::Sender<JobStatus>);

impl Job {
    /// Changes what watchers see.
    pub(crate) fn update(&self, change: impl FnOnce(&mut JobStatus)) {
        self.0.send_modify(change);
    }

    pub(crate) fn status(&self) -> JobStatus {
        self.0.borrow().clone()
    }

    /// Ends it where it is.
    fn fail(&self, why: &str) {
        self.update(|status| {
            status.state = JobState::Failed;
            status.problems.push(why.to_owned());
        });
    }

    /// Counts values of a table as sealed, `running` after sealing began.
    pub(crate) fn sealed(&self, table: usize, values: u64, running: Duration) {
        self.update(|status| {
            status.done += values;
            if let Some(table) = status.tables.get_mut(table) {
                table.done += values;
            }
            let millis = u64::try_from(running.as_millis())
                .unwrap_or(u64::MAX)
                .max(1);
            status.values_per_second = status.done.saturating_mul(1_000) / millis;
            let left = status.total.saturating_sub(status.done);
            status.seconds_left = left.checked_div(status.values_per_second);
        });
    }
}

impl Jobs {
    /// A new job, unless one for the same source still runs.
    fn add(&self, status: JobStatus) -> Result<Arc<Job>> {
        let mut jobs = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = jobs.iter().any(|job| {
            let other = job.0.borrow();
            other.source == status.source && !other.state.is_over()
        });
        if busy {
            return Err(Error::conflict(
                "adoption_running",
                format!(
                    "source `{}` is being adopted, or taken back: wait for that to end",
                    status.source
                ),
            ));
        }
        if jobs.len() >= JOBS_MAX
            && let Some(oldest) = jobs.iter().position(|job| job.0.borrow().state.is_over())
        {
            jobs.remove(oldest);
        }
        let job = Arc::new(Job(watch::Sender::new(status)));
        jobs.push(Arc::clone(&job));
        Ok(job)
    }

    fn find(&self, id: JobId) -> Option<Arc<Job>> {
        let jobs = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.iter().find(|job| job.0.borrow().id == id).cloned()
    }
}

impl Vault {
    /// Starts sealing the classified columns of a source, or only looks and changes nothing. Answers at once; what comes of it is in [`adopt_status`](Self::adopt_status).
    ///
    /// # Errors
    /// [`Error::NotFound`] for a source that the server does not have, [`Error::Denied`] by policy,
    /// [`Error::Conflict`] while the source is being adopted already.
    pub async fn adopt_start(
        &self,
        caller: &Caller,
        source: &SourceName,
        order: AdoptOrder,
    ) -> Result<JobId> {
        self.permit_adopt(caller, source).await?;
        let port = self.inner.sources.get(source).cloned();
        let port = port.ok_or(Error::NotFound("source"))?;
        let id = JobId::random(&*self.inner.entropy);
        let job = self
            .inner
            .jobs
            .add(JobStatus::new(id, source.clone(), order.dry_run))?;
        let (port_of_work, job_of_work) = (Arc::clone(&port), Arc::clone(&job));
        let work = run::run(
            self.clone(),
            caller.clone(),
            port_of_work,
            job_of_work,
            order,
        );
        spawn(work, port, job);
        Ok(id)
    }

    /// Where a job stands.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a job that this server does not know, [`Error::Denied`] by policy.
    pub async fn adopt_status(&self, caller: &Caller, id: JobId) -> Result<JobStatus> {
        let watched = self.adopt_follow(caller, id).await?;
        let status = watched.borrow().clone();
        Ok(status)
    }

    /// Where a job stands, told of each change until it is over.
    ///
    /// # Errors
    /// As [`adopt_status`](Self::adopt_status).
    pub async fn adopt_follow(
        &self,
        caller: &Caller,
        id: JobId,
    ) -> Result<watch::Receiver<JobStatus>> {
        let job = self.inner.jobs.find(id).ok_or(Error::NotFound("job"))?;
        let source = job.0.borrow().source.clone();
        self.permit_watching(caller, &source).await?;
        Ok(job.0.subscribe())
    }

    async fn permit_adopt(&self, caller: &Caller, source: &SourceName) -> Result<()> {
        let decision = self.decide(caller, &Question::about(Action::Adopt).source(source))?;
        if decision.allowed {
            return Ok(());
        }
        let record = Record::by(EntryKind::AdoptDenied, caller)
            .fact("source", source.as_str())
            .ruling(self.ruling(&decision));
        self.record(record).await?;
        Err(denied_by_policy(caller, Action::Adopt))
    }
}

/// Runs a job beside everything else.
fn spawn(
    work: impl Future<Output = ()> + Send + 'static,
    port: Arc<dyn crate::port::Source>,
    job: Arc<Job>,
) {
    tokio::spawn(async move {
        // A task of its own, so that a panic becomes a failed job and not one that runs for ever.
        if tokio::spawn(work).await.is_err() {
            port.close().await;
            job.fail("the job broke off: see the server's log");
        }
    });
}
