//! Revealing over HTTP: the whole way of a request, beside a route that does nothing and beside the log's own rate.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::routing::post;
use privet_api::ApiConfig;
use privet_vault::audit::AuditLimits;
use privet_vault::{Oid, Vault};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::child::{self, Work};
use crate::load::{Load, Loaded};
use crate::place::{self, Place};
use crate::report::{Report, Row, median};
use crate::{audit, folder, machine};

/// How often each is measured in turn; the median counts.
const ROUNDS: usize = 3;

/// How long one measurement takes.
const TIME: Duration = Duration::from_secs(4);

const CONNECTIONS: usize = 256;
const SUBJECTS: u64 = 10_000;

/// Subjects of one call in bulk.
const BULK: usize = 100;
const BULK_CONNECTIONS: usize = 32;

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let runtime = Runtime::new()?;
    let folder = folder::scratch("reveal")?;
    let place = Place::make(folder.clone())?;
    let (vault, servers) = runtime.block_on(async {
        let vault = place.vault(AuditLimits::default(), BTreeMap::new()).await?;
        let servers = Servers::start(&vault).await?;
        anyhow::Ok((vault, servers))
    })?;
    let measured = measure(&servers)?;
    rows(report, &measured);
    drop(servers.stop);
    runtime.block_on(vault.audit().shutdown());
    drop(runtime);
    Ok(std::fs::remove_dir_all(folder)?)
}

/// Both servers, and what to ask them.
pub(crate) struct Servers {
    pub(crate) nothing: SocketAddr,
    pub(crate) api: SocketAddr,
    token: String,
    subjects: Vec<Oid>,
    pub(crate) stop: watch::Sender<bool>,
}

impl Servers {
    pub(crate) async fn start(vault: &Vault) -> Result<Self> {
        let (job, token) = place::caller(vault, "job").await?;
        let subjects = place::subjects(vault, &job, SUBJECTS).await?;
        let (stop, stopped) = watch::channel(false);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let api = listener.local_addr()?;
        tokio::spawn(privet_api::serve(
            ApiConfig::default(),
            vault.clone(),
            listener,
            stopped,
        ));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let nothing = listener.local_addr()?;
        let router: Router = Router::new().route("/v1/reveal", post(async || ""));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            nothing,
            api,
            token: token.to_string(),
            subjects,
            stop,
        })
    }

    /// Asks a server for some subjects a call, from another process.
    pub(crate) fn ask(
        &self,
        address: SocketAddr,
        connections: usize,
        subjects: usize,
    ) -> Result<Asked> {
        let bodies = self.subjects.chunks_exact(subjects).map(body).collect();
        let load = Load {
            address,
            connections,
            time: TIME,
            path: "/v1/reveal".to_owned(),
            token: self.token.clone(),
            bodies,
        };
        let before = machine::cpu_seconds()?;
        let loaded: Loaded = child::run(&Work::Load(load))?;
        let cpu = machine::cpu_seconds()? - before;
        Ok(Asked {
            per_second: loaded.per_second,
            p99_ms: loaded.p99_ms,
            server_ms: cpu * 1e3 / loaded.requests as f64,
            generator_ms: loaded.cpu_seconds * 1e3 / loaded.requests as f64,
        })
    }
}

fn body(subjects: &[Oid]) -> String {
    let subjects: Vec<String> = subjects.iter().map(Oid::to_string).collect();
    serde_json::json!({"subjects": subjects, "fields": ["email"], "purpose": "service"}).to_string()
}

/// One measurement of a server.
pub(crate) struct Asked {
    pub(crate) per_second: f64,
    pub(crate) p99_ms: f64,
    /// CPU of the server for one request.
    pub(crate) server_ms: f64,
    /// CPU of the generator for one request.
    pub(crate) generator_ms: f64,
}

#[derive(Default)]
struct Measured {
    nothing: Vec<Asked>,
    appends: Vec<f64>,
    syncs: Vec<f64>,
    reveals: Vec<Asked>,
    bulk: Vec<Asked>,
}

fn measure(servers: &Servers) -> Result<Measured> {
    // The first round warms keys and the files' caches, as a server that has run for a minute has them.
    servers.ask(servers.api, CONNECTIONS, 1)?;
    let mut measured = Measured::default();
    for _ in 0..ROUNDS {
        measured
            .nothing
            .push(servers.ask(servers.nothing, CONNECTIONS, 1)?);
        measured
            .syncs
            .push(machine::fdatasync(Duration::from_millis(500))?.median_ms);
        measured
            .appends
            .push(audit::append(CONNECTIONS, TIME)?.per_second);
        measured
            .reveals
            .push(servers.ask(servers.api, CONNECTIONS, 1)?);
        measured
            .bulk
            .push(servers.ask(servers.api, BULK_CONNECTIONS, BULK)?);
    }
    Ok(measured)
}

fn rows(report: &mut Report, measured: &Measured) {
    let of = |asked: &[Asked], value: fn(&Asked) -> f64| median(asked.iter().map(value).collect());
    let nothing = of(&measured.nothing, |asked| asked.per_second);
    let appends = median(measured.appends.clone());
    let rate = of(&measured.reveals, |asked| asked.per_second);
    let (limit, lower) = if appends < nothing {
        ("durable appends, 256 callers", appends)
    } else {
        ("an axum route that does nothing", nothing)
    };
    let what = format!("reveal one field, {CONNECTIONS} connections");
    report.row(
        Row::new(&what, rate, "reveals/s")
            .beside(limit, lower)
            .ratio_at_least(0.6),
    );
    report.row(Row::new(&what, rate, "reveals/s").at_least(8_000.0));
    // What a reveal cannot do without: a request and an append, which share the cores that each limit had for itself.
    let both = 1.0 / (1.0 / nothing + 1.0 / appends);
    report
        .row(Row::new(&what, rate, "reveals/s").beside("a request and an append, added up", both));
    report.row(Row::new(
        "  an axum route that does nothing",
        nothing,
        "requests/s",
    ));
    report.row(Row::new(
        "  durable appends, 256 callers",
        appends,
        "entries/s",
    ));
    let cpu = of(&measured.reveals, |asked| asked.server_ms);
    let cpu_nothing = of(&measured.nothing, |asked| asked.server_ms);
    report.row(
        Row::new("  CPU of the server for each", cpu, "ms")
            .limit("the route that does nothing", cpu_nothing)
            .at_most(0.15),
    );
    let p99 = of(&measured.reveals, |asked| asked.p99_ms);
    let sync = median(measured.syncs.clone());
    report.row(Row::new("  p99", p99, "ms").limit("fdatasync, median", sync));
    let generator = of(&measured.reveals, |asked| asked.generator_ms);
    report.row(Row::new(
        "  CPU of the load generator for each",
        generator,
        "ms",
    ));
    let values = of(&measured.bulk, |asked| asked.per_second) * BULK as f64;
    report.row(Row::new("reveal 100 subjects a call", values, "values/s").at_least(100_000.0));
    report.note(format!(
        "{SUBJECTS} subjects in SQLite, the default policies, one durable entry a call. Server and load generator are \
         two processes that share the machine's cores; both servers get the same requests."
    ));
}
