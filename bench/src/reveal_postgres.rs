//! Revealing over HTTP with the three stores in PostgreSQL, on a cluster each, beside what it cannot do without: a commit
//! of the log's server, and a route that does nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use privet_cluster::{Cluster, Setup};
use privet_postgres::{Address, Plaintext, Rules};
use privet_store::{PostgresAddresses, PostgresOptions, PostgresStores};
use privet_vault::audit::AuditLimits;
use tokio::runtime::Runtime;

use crate::pgbench::PgBench;
use crate::place::{Place, Stores, fields_only};
use crate::query::Target;
use crate::report::{Report, Row, median};
use crate::reveal::{Asked, Servers};
use crate::{folder, machine};

/// How often each is measured in turn; the median counts.
const ROUNDS: usize = 3;
const CONNECTIONS: usize = 64;
/// How long one measurement of commits takes.
const TIME: Duration = Duration::from_secs(4);
const DATABASE: &str = "privet";

/// About as long as the entry of a reveal.
const INSERT: &str = "INSERT INTO entry_limit (bytes) VALUES (decode(repeat('ab', 400), 'hex'));\n";

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let folder = folder::scratch("reveal-postgres")?;
    let place = Place::make(folder.clone())?;
    let clusters = Clusters::start()?;
    let runtime = Runtime::new()?;
    let (vault, servers) = runtime.block_on(async {
        let stores = clusters.stores().await?;
        let nowhere = BTreeMap::new();
        let vault = place
            .vault_over(stores, fields_only(), AuditLimits::default(), nowhere)
            .await?;
        let servers = Servers::start(&vault).await?;
        anyhow::Ok((vault, servers))
    })?;
    let script = folder.join("insert.sql");
    std::fs::write(&script, INSERT)?;
    // The first round warms keys and caches, as a server that has run for a minute has them.
    servers.ask(servers.api, CONNECTIONS, 1)?;
    let mut measured = Measured::default();
    for _ in 0..ROUNDS {
        measured
            .nothing
            .push(servers.ask(servers.nothing, CONNECTIONS, 1)?);
        measured.commits.push(clusters.commits(&script)?);
        measured
            .syncs
            .push(machine::fdatasync(Duration::from_millis(500))?.median_ms);
        measured
            .reveals
            .push(servers.ask(servers.api, CONNECTIONS, 1)?);
    }
    rows(report, &measured);
    drop(servers.stop);
    runtime.block_on(vault.audit().shutdown());
    drop(vault);
    drop(runtime);
    Ok(std::fs::remove_dir_all(folder)?)
}

/// A cluster for each store.
struct Clusters {
    data: Cluster,
    keys: Cluster,
    log: Cluster,
}

impl Clusters {
    fn start() -> Result<Self> {
        let start = || Setup::new().setting("shared_buffers", "128MB").start();
        let (data, keys, log) = (start()?, start()?, start()?);
        log.database(DATABASE)?;
        log.sql(
            DATABASE,
            "CREATE TABLE entry_limit (number bigserial PRIMARY KEY, bytes bytea NOT NULL)",
        )?;
        Ok(Self { data, keys, log })
    }

    async fn stores(&self) -> Result<Stores> {
        let rules = Rules {
            folder: Path::new("/"),
            plaintext: Plaintext::Local,
        };
        let address = |cluster: &Cluster| -> Result<Address> {
            Ok(Address::new(&cluster.database(DATABASE)?, &rules)?)
        };
        let addresses = PostgresAddresses {
            data: address(&self.data)?,
            keys: address(&self.keys)?,
            log: address(&self.log)?,
        };
        let connected = PostgresStores::connect(&addresses, &PostgresOptions::default()).await?;
        let PostgresStores {
            data, keys, log, ..
        } = connected;
        Ok(Stores { data, keys, log })
    }

    /// Commits a second of as many clients that insert a row each, on the server of the log.
    fn commits(&self, script: &Path) -> Result<f64> {
        let target = Target {
            port: self.log.port(),
            user: "privet".to_owned(),
            password: self.log.password().to_owned(),
            database: DATABASE.to_owned(),
            options: String::new(),
            first: Vec::new(),
        };
        let script = script.to_str().context("a folder's name is no text")?;
        let (clients, seconds) = (CONNECTIONS.to_string(), TIME.as_secs().to_string());
        let ran = PgBench::new(&self.log, &target).run(&[
            "-n", "-M", "prepared", "-j", "2", "-c", &clients, "-T", &seconds, "-f", script,
        ])?;
        Ok(ran.tps)
    }
}

#[derive(Default)]
struct Measured {
    nothing: Vec<Asked>,
    commits: Vec<f64>,
    syncs: Vec<f64>,
    reveals: Vec<Asked>,
}

fn rows(report: &mut Report, measured: &Measured) {
    let of = |asked: &[Asked], value: fn(&Asked) -> f64| median(asked.iter().map(value).collect());
    let rate = of(&measured.reveals, |asked| asked.per_second);
    let nothing = of(&measured.nothing, |asked| asked.per_second);
    let commits = median(measured.commits.clone());
    let what = format!("reveal one field, {CONNECTIONS} connections");
    report.row(
        Row::new(&what, rate, "reveals/s")
            .beside("pgbench, one-row inserts, 64 clients", commits)
            .at_least(5_000.0),
    );
    report
        .row(Row::new(&what, rate, "reveals/s").beside("an axum route that does nothing", nothing));
    let cpu = of(&measured.reveals, |asked| asked.server_ms);
    report.row(
        Row::new("  CPU of the server for each", cpu, "ms")
            .limit(
                "the route that does nothing",
                of(&measured.nothing, |asked| asked.server_ms),
            )
            .at_most(0.2),
    );
    let p99 = of(&measured.reveals, |asked| asked.p99_ms);
    report.row(
        Row::new("  p99", p99, "ms").limit("fdatasync, median", median(measured.syncs.clone())),
    );
    report.row(Row::new(
        "  CPU of the load generator for each",
        of(&measured.reveals, |asked| asked.generator_ms),
        "ms",
    ));
    report.note(
        "10,000 subjects, the default policies, one durable entry a call; data, keys and log in PostgreSQL, a cluster each, all \
         on this machine and without TLS. The server's CPU is that of its own process: the three servers of PostgreSQL and the \
         load generator come on top, and share the cores with it.",
    );
}
