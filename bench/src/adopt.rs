//! Adopting a database: the sealing of a shop's columns in place, through the vault's own workflow.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use privet_source::sample::create_shop;
use privet_source::{RunnerProgram, SqliteSource};
use privet_vault::audit::AuditLimits;
use privet_vault::port::Source;
use privet_vault::{AdoptOrder, Caller, JobId, JobState, JobStatus, SourceName, Vault};
use tokio::runtime::Runtime;

use crate::folder;
use crate::place::{self, Place};
use crate::report::{Report, Row};

const CUSTOMERS: u32 = 30_000;
const SEED: u64 = 7;

/// How often the job is asked where it stands.
const WATCH: Duration = Duration::from_millis(10);

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let folder = folder::scratch("adopt")?;
    let place = Place::make(folder.clone())?;
    let shop = folder.join("shop.sqlite");
    create_shop(&shop, CUSTOMERS, SEED)?;
    let adopted = Runtime::new()?.block_on(adopt(&place, &shop))?;
    let values = adopted.status.done as f64;
    let whole = adopted.whole.as_secs_f64();
    report.row(Row::new("adopt, from start to end", values / whole, "values/s").at_least(50_000.0));
    report.row(Row::new(
        "  sealing alone",
        values / adopted.sealing.as_secs_f64(),
        "values/s",
    ));
    report.row(Row::new("  values", values, ""));
    report.row(Row::new(
        "  looking first",
        adopted.looking.as_secs_f64(),
        "s",
    ));
    report.row(Row::new("  sealing", adopted.sealing.as_secs_f64(), "s"));
    report.row(Row::new(
        "  finishing",
        adopted.finishing.as_secs_f64(),
        "s",
    ));
    report.note(format!(
        "A shop of {CUSTOMERS} customers with their orders, invoices and messages in SQLite, each customer with keys of \
         their own made on the way. The whole includes reading everything beforehand, and indexes, guards, the removal \
         of old plaintext from the file and counting again afterwards."
    ));
    Ok(std::fs::remove_dir_all(folder)?)
}

/// How long each part took.
pub(crate) struct Adopted {
    pub(crate) looking: Duration,
    pub(crate) sealing: Duration,
    pub(crate) finishing: Duration,
    pub(crate) whole: Duration,
    pub(crate) status: JobStatus,
}

async fn adopt(place: &Place, shop: &Path) -> Result<Adopted> {
    let name: SourceName = "shop".parse()?;
    // Nobody connects here, so nothing is ever run by this program.
    let runner = RunnerProgram {
        program: std::env::current_exe()?,
        args: Vec::new(),
    };
    let source: Arc<dyn Source> = Arc::new(SqliteSource::new(name.clone(), shop.into(), runner));
    let sources = BTreeMap::from([(name.clone(), source)]);
    let vault = place.vault(AuditLimits::default(), sources).await?;
    let adopted = run_job(&vault, &name, AdoptOrder::SEAL).await?;
    vault.audit().shutdown().await;
    Ok(adopted)
}

/// Runs an adoption from its start to its end.
pub(crate) async fn run_job(
    vault: &Vault,
    source: &SourceName,
    order: AdoptOrder,
) -> Result<Adopted> {
    let (operator, _) = place::caller(vault, "operator").await?;
    let job = vault.adopt_start(&operator, source, order).await?;
    watch(vault, &operator, job).await
}

/// Follows an adoption to its end.
pub(crate) async fn watch(vault: &Vault, operator: &Caller, job: JobId) -> Result<Adopted> {
    let started = Instant::now();
    let (mut looked, mut sealed) = (None, None);
    loop {
        let status = vault.adopt_status(operator, job).await?;
        let now = started.elapsed();
        match status.state {
            // An adoption is not taken back here.
            JobState::Looking | JobState::Opening => (),
            JobState::Sealing => looked = looked.or(Some(now)),
            JobState::Finishing => sealed = sealed.or(Some(now)),
            JobState::Failed => bail!("the adoption failed: {}", status.problems.join("; ")),
            JobState::Done => {
                let sealed = sealed.unwrap_or(now);
                let looked = looked.unwrap_or(sealed);
                return Ok(Adopted {
                    looking: looked,
                    sealing: sealed - looked,
                    finishing: now - sealed,
                    whole: now,
                    status,
                });
            }
        }
        tokio::time::sleep(WATCH).await;
    }
}
