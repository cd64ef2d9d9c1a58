//! Adopting a database on a real server of PostgreSQL: how fast it goes while nobody else uses it, what whoever does
//! use it notices of it, and whether anything is lost.

mod busy;
mod limit;
mod long;
mod shop;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use privet_cluster::{Cluster, Setup};
use privet_postgres::{Address, Plaintext, Rules};
use privet_source::{PostgresAddresses, PostgresSource};
use privet_store::SqliteStores;
use privet_vault::audit::AuditLimits;
use privet_vault::port::Source;
use privet_vault::{AdoptOrder, SourceName, Vault};
use tokio::runtime::Runtime;

use crate::adopt::{Adopted, run_job};
use crate::place::{DATAMAP, Place, Stores};
use crate::query::Target;
use crate::report::{Report, Row, median};
use crate::{folder, machine};

/// How often an adoption is measured, each of a database of its own; the median counts.
const ROUNDS: usize = 3;
const CUSTOMERS: u32 = 30_000;
const SOURCE: &str = "shop";

pub(crate) fn run(report: &mut Report) -> Result<()> {
    // As a small server of somebody's own would be set up; everything else is as it comes.
    let cluster = Setup::new().setting("shared_buffers", "512MB").start()?;
    let runtime = Runtime::new()?;
    runtime.block_on(idle(report, &cluster))?;
    runtime.block_on(busy::run(report, &cluster))?;
    match report.rows_long() {
        Some(rows) => runtime.block_on(long::run(report, &cluster, rows))?,
        None => report.note("Every row of a large table in use is checked with `--long` (`--long=1000000` for fewer rows)."),
    }
    Ok(())
}

/// Nobody waits at a door here, and a commit that takes long on a busy machine must not end what takes long anyway.
const PATIENT: Duration = Duration::from_secs(60);

/// A database of the server, and a vault that adopts it; its keys and its log lie in files.
struct Bed {
    database: String,
    target: Target,
    vault: Vault,
    source: SourceName,
    folder: PathBuf,
}

impl Bed {
    /// Makes the vault over a database that there is already.
    async fn make(cluster: &Cluster, database: &str, map: &str) -> Result<Self> {
        let folder = folder::scratch(&format!("adopt-{database}"))?;
        let place = Place::make(folder.clone())?;
        let SqliteStores {
            data, keys, log, ..
        } = SqliteStores::open(&place.stores())?;
        let source: SourceName = SOURCE.parse()?;
        let sources = BTreeMap::from([(source.clone(), port(&source, &cluster.url(database))?)]);
        let stores = Stores { data, keys, log };
        let audit = AuditLimits {
            deadline: PATIENT,
            ..AuditLimits::default()
        };
        let vault = place.vault_over(stores, map, audit, sources).await?;
        Ok(Self {
            database: database.to_owned(),
            target: Target {
                port: cluster.port(),
                user: "privet".to_owned(),
                password: cluster.password().to_owned(),
                database: database.to_owned(),
                options: String::new(),
                first: Vec::new(),
            },
            vault,
            source,
            folder,
        })
    }

    /// Ends the vault and removes what is left of it and of the database.
    async fn remove(self, cluster: &Cluster) -> Result<()> {
        self.vault.audit().shutdown().await;
        drop(self.vault);
        std::fs::remove_dir_all(&self.folder)?;
        cluster.sql(
            "postgres",
            &format!("DROP DATABASE \"{}\" WITH (FORCE)", self.database),
        )?;
        Ok(())
    }
}

fn port(name: &SourceName, url: &str) -> Result<Arc<dyn Source>> {
    let rules = Rules {
        folder: Path::new("/"),
        plaintext: Plaintext::Local,
    };
    let address = Arc::new(Address::new(url, &rules)?);
    let addresses = PostgresAddresses {
        console: Arc::clone(&address),
        reader: Arc::clone(&address),
        owner: Some(address),
    };
    Ok(Arc::new(PostgresSource::new(
        name.clone(),
        addresses,
        Vec::new(),
    )))
}

/// One adoption, and what it could not be faster than.
struct Measured {
    adopted: Adopted,
    /// CPU of this process, in seconds.
    cpu: f64,
    /// Values a second of the plain update, and of sealing.
    updated: f64,
    sealed: f64,
}

async fn idle(report: &mut Report, cluster: &Cluster) -> Result<()> {
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let database = format!("idle_{round}");
        let updated = limit::update(cluster, &format!("{database}_limit"), CUSTOMERS).await?;
        let sealed = limit::sealing(CUSTOMERS)?;
        cluster.database(&database)?;
        shop::demo(cluster, &database, CUSTOMERS)?;
        let bed = Bed::make(cluster, &database, DATAMAP).await?;
        let before = machine::cpu_seconds()?;
        let adopted = run_job(&bed.vault, &bed.source, AdoptOrder::SEAL).await?;
        let cpu = machine::cpu_seconds()? - before;
        if adopted.status.left > 0 {
            bail!("{} values are left in plaintext", adopted.status.left);
        }
        bed.remove(cluster).await?;
        rounds.push(Measured {
            adopted,
            cpu,
            updated,
            sealed,
        });
    }
    rows(report, &rounds);
    Ok(())
}

fn rows(report: &mut Report, rounds: &[Measured]) {
    let of = |value: fn(&Measured) -> f64| median(rounds.iter().map(value).collect());
    let values = |one: &Measured| one.adopted.status.done as f64;
    let whole = of(|one| one.adopted.status.done as f64 / one.adopted.whole.as_secs_f64());
    let (updated, sealed) = (of(|one| one.updated), of(|one| one.sealed));
    let what = "adopt, from start to end";
    report.row(
        Row::new(what, whole, "values/s")
            .beside("a plain UPDATE of the same rows", updated)
            .at_least(20_000.0),
    );
    report.row(Row::new(what, whole, "values/s").beside("sealing alone, one thread", sealed));
    report.row(
        Row::new(
            "  while sealing",
            of(|one| one.adopted.status.done as f64 / one.adopted.sealing.as_secs_f64()),
            "values/s",
        )
        .beside("a plain UPDATE of the same rows", updated),
    );
    let of_values = |value: fn(&Measured) -> f64| median(rounds.iter().map(value).collect());
    report.row(Row::new(
        "  values",
        median(rounds.iter().map(values).collect()),
        "",
    ));
    report.row(Row::new(
        "  looking first",
        of_values(|one| one.adopted.looking.as_secs_f64()),
        "s",
    ));
    report.row(Row::new(
        "  sealing",
        of_values(|one| one.adopted.sealing.as_secs_f64()),
        "s",
    ));
    report.row(Row::new(
        "  finishing",
        of_values(|one| one.adopted.finishing.as_secs_f64()),
        "s",
    ));
    report.row(Row::new(
        "  CPU of this process for a value",
        of(|one| one.cpu * 1e6 / one.adopted.status.done as f64),
        "us",
    ));
    report.note(format!(
        "A shop of {CUSTOMERS} customers with their orders, invoices and messages on a PostgreSQL of its own, each customer \
         with keys of their own made on the way, kept in SQLite. The plain UPDATE writes text of the same length into the same \
         rows, 2,000 at a time by their primary key from arrays that are ready, with blind-index columns and \
         `synchronous_commit` off as adopting has it. Sealing alone makes a key for each customer and seals, encodes and \
         indexes the same values."
    ));
}
