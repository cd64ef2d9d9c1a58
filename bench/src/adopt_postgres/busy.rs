//! What an application notices of an adoption beside it: pgbench at half of what it can do at most, on the table that is
//! being sealed, without and with an adoption that keeps to a rate.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use privet_cluster::Cluster;
use privet_vault::{AdoptOrder, JobState};

use super::{Bed, shop};
use crate::adopt::watch;
use crate::pgbench::PgBench;
use crate::place::{self, fields_only};
use crate::report::{Report, Row, median, percentile};

/// How often each is measured in turn.
const ROUNDS: usize = 5;

/// Values a second.
const RATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_999);

/// How long pgbench runs each time.
const TIME: Duration = Duration::from_secs(15);
/// How long it takes to find its maximum.
const MAXIMUM_TIME: Duration = Duration::from_secs(5);
const CLIENTS: &str = "8";

/// Values of a customer that are sealed.
const COLUMNS: u32 = 3;
/// Enough for longer than pgbench takes.
const CUSTOMERS: u32 = RATE.get() / COLUMNS * (TIME.as_secs() as u32 + 10);

const SCHEMA: &str = "
CREATE TABLE customer (customer_id bigint PRIMARY KEY, first_name varchar(60) NOT NULL, last_name varchar(60) NOT NULL,
    email varchar(120) UNIQUE, country char(2) NOT NULL, visits bigint NOT NULL DEFAULT 0,
    renamed boolean NOT NULL DEFAULT false);
CREATE TABLE visit (number bigserial PRIMARY KEY, customer_id bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());";

const TABLES: &str = r#"
[sources.shop]
tenant = "acme"
[sources.shop.tables.customer]
subject = "customer_id"
[sources.shop.tables.customer.columns]
customer_id = { class = "UPI" }
first_name  = { field = "first_name" }
last_name   = { field = "last_name" }
email       = { field = "email" }
country     = { class = "UDI", clear = true }
visits      = { class = "SYS" }
renamed     = { class = "SYS" }
"#;

/// The data map of this shop.
pub(super) fn map() -> String {
    format!("{}{TABLES}", fields_only())
}

/// Makes this shop in a new database.
pub(super) fn fill(cluster: &Cluster, database: &str, customers: u32) -> Result<()> {
    cluster.database(database)?;
    cluster.sql(database, SCHEMA)?;
    let row = |id| {
        let person = shop::person(id);
        format!(
            "{id}\t{}\t{}\t{}\tDK",
            person.first_name, person.last_name, person.email
        )
    };
    let table = "customer (customer_id, first_name, last_name, email, country)";
    shop::copy(
        cluster,
        database,
        table,
        (1..=u64::from(customers)).map(row),
    )?;
    cluster.sql(database, "VACUUM ANALYZE")?;
    Ok(())
}

/// One round.
#[derive(Debug, Clone, Copy)]
struct Round {
    maximum: f64,
    /// pgbench's p99 in ms without and with an adoption.
    quiet_ms: f64,
    busy_ms: f64,
    /// Values a second that were sealed meanwhile.
    rate: f64,
}

pub(super) async fn run(report: &mut Report, cluster: &Cluster) -> Result<()> {
    let mut rounds = Vec::new();
    for number in 0..ROUNDS {
        rounds.push(round(cluster, &format!("busy_{number}")).await?);
    }
    let of = |value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    let rate = format!("pgbench's p99 beside --max-rate {RATE}");
    report
        .row(Row::new(rate, of(|one| one.busy_ms), "ms").limit("without", of(|one| one.quiet_ms)));
    report.row(
        Row::new(
            "  times what it was",
            of(|one| one.busy_ms / one.quiet_ms),
            "",
        )
        .at_most(1.5),
    );
    report.row(Row::new(
        "  pgbench's maximum",
        of(|one| one.maximum),
        "tps",
    ));
    report.row(Row::new(
        "  sealed meanwhile",
        of(|one| one.rate),
        "values/s",
    ));
    report.note(format!(
        "pgbench reads and updates rows of the table that is being sealed, and inserts into another, with {CLIENTS} clients at \
         half of the rate that it reaches alone; its times count from when a transaction should have begun. The same database, \
         {} s without and then {} s with the adoption, {ROUNDS} times with a database each; the median of the ratios counts.",
        TIME.as_secs(),
        TIME.as_secs(),
    ));
    Ok(())
}

async fn round(cluster: &Cluster, database: &str) -> Result<Round> {
    fill(cluster, database, CUSTOMERS)?;
    let bed = Bed::make(cluster, database, &map()).await?;
    let script = bed.folder.join("visit.sql");
    let text = format!(
        "\\set id random(1, {CUSTOMERS})\nBEGIN;\nSELECT country, visits FROM customer WHERE customer_id = :id;\n\
         UPDATE customer SET visits = visits + 1 WHERE customer_id = :id;\n\
         INSERT INTO visit (customer_id) VALUES (:id);\nCOMMIT;\n"
    );
    std::fs::write(&script, text)?;
    let script = script.to_str().context("a folder's name is no text")?;
    let arguments = |time: Duration| {
        let seconds = time.as_secs().to_string();
        [
            "-n", "-M", "prepared", "-j", "2", "-c", CLIENTS, "-f", script, "-T", &seconds,
        ]
        .map(str::to_owned)
    };
    let pgbench = async |arguments: Vec<String>| {
        let bench = PgBench::new(cluster, &bed.target);
        let work = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            bench.run_timed(&arguments)
        });
        work.await?
    };
    let (alone, _) = pgbench(arguments(MAXIMUM_TIME).to_vec()).await?;
    let half = ["-R".to_owned(), format!("{:.0}", alone.tps / 2.0)];
    let halved = || [&arguments(TIME)[..], &half].concat();
    let (_, quiet) = pgbench(halved()).await?;

    let order = AdoptOrder {
        rate_max: Some(RATE),
        ..AdoptOrder::SEAL
    };
    let (operator, _) = place::caller(&bed.vault, "operator").await?;
    let job = bed.vault.adopt_start(&operator, &bed.source, order).await?;
    let mut watched = bed.vault.adopt_follow(&operator, job).await?;
    let begun = watched
        .wait_for(|status| status.done > 0 || status.state.is_over())
        .await?
        .done;
    let (_, busy) = pgbench(halved()).await?;
    let status = bed.vault.adopt_status(&operator, job).await?;
    if status.state != JobState::Sealing {
        bail!(
            "the adoption was over before pgbench was: {}",
            status.problems.join("; ")
        );
    }
    watch(&bed.vault, &operator, job).await?;
    let p99 = |times: &[f64]| percentile(times, 0.99);
    let round = Round {
        maximum: alone.tps,
        quiet_ms: p99(&quiet),
        busy_ms: p99(&busy),
        rate: (status.done - begun) as f64 / TIME.as_secs_f64(),
    };
    bed.remove(cluster).await?;
    Ok(round)
}
