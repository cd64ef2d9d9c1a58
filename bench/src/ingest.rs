//! Taking logs over OTLP/HTTP: from an application's requests to rows in Parquet, through a `privet serve` of its own.
//!
//! The clock stops when the store's log names the files that hold the last record, not when it is acknowledged. Beside it stands
//! what nobody can do without: decoding the same requests, and bringing the same bytes to the disk.

mod otlp;
mod send;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use privet_store::SqliteStores;
use privet_vault::audit::AuditLimits;
use privet_vault::{Caller, ConsentChange, ConsentChannel, ConsentGrant, Oid, SubjectName, Vault};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::child::{self, Work};
use crate::place::{self, Place, Stores};
use crate::report::{Report, Row};
use crate::server::{self, Server};
use crate::{folder, machine};

pub(crate) use otlp::Form;
pub(crate) use send::{Sending, Sent, send};

pub(crate) const PEOPLE: u64 = 10_000;
/// What the batch processors of SDKs send at once unless told otherwise.
const BATCH: usize = 512;
const BATCH_LARGE: usize = 4_096;
const CONNECTIONS: usize = 16;
/// As many clients as are at once in the flood, with requests near the largest that are taken.
const FLOOD_CONNECTIONS: usize = 64;
const FLOOD_BATCH: usize = 8_192;

/// The door opens on any free port; files follow a second after the acknowledgement, so that a run does not end with a pause.
const SETTINGS: &str = "[telemetry]\nlisten = \"127.0.0.1:0\"\nstore_seconds = 1\n";

/// What is sent in one measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    pub(crate) form: Form,
    pub(crate) connections: usize,
    pub(crate) batch: usize,
    pub(crate) distinct: usize,
    pub(crate) requests: usize,
}

pub(crate) const MAIN: Stream = Stream {
    form: Form::Protobuf,
    connections: CONNECTIONS,
    batch: BATCH,
    distinct: 1_000,
    requests: 4_000,
};
const WARMING: Stream = Stream {
    requests: 100,
    distinct: 100,
    ..MAIN
};
const LARGE: Stream = Stream {
    batch: BATCH_LARGE,
    distinct: 125,
    requests: 500,
    ..MAIN
};
const GZIP: Stream = Stream {
    form: Form::ProtobufGzip,
    ..MAIN
};
const JSON: Stream = Stream {
    form: Form::Json,
    distinct: 500,
    requests: 1_000,
    ..MAIN
};
const FLOOD: Stream = Stream {
    connections: FLOOD_CONNECTIONS,
    batch: FLOOD_BATCH,
    distinct: 32,
    requests: 256,
    ..MAIN
};

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let program = server::program()?;
    let folder = folder::scratch("ingest")?;
    let place = Place::make(folder.clone())?;
    // The stores are free again when the runtime has ended.
    let people = Runtime::new()?.block_on(prepare(&place, &[]))?;
    let token = people.token("job")?.to_owned();
    let people = people.oids;
    let runtime = Runtime::new()?;
    let limits = Limits::measure(&runtime, &people)?;

    let mut server = Server::start(&program, place.folder())?;
    runtime.block_on(server.ready())?;
    let bench = Bench {
        address: server.address("telemetry")?,
        process: server.process(),
        store: place.folder().join("telemetry"),
        token,
        people,
    };
    // Whoever is known already is what a server knows that has run for a minute.
    bench.send(WARMING)?;
    let main = bench.send(MAIN)?;
    main_rows(report, &main, &limits);
    for (name, stream) in [
        ("4,096 records a request", LARGE),
        ("gzip", GZIP),
        ("JSON", JSON),
    ] {
        let taken = bench.send(stream)?;
        let rate = taken.per_second();
        report.row(Row::new(format!("the same, {name}"), rate, "records/s"));
        cpu_rows(report, &taken);
    }
    let flood = bench.send(FLOOD)?;
    report.row(Row::new(
        format!("flood: {FLOOD_CONNECTIONS} clients, {FLOOD_BATCH} records a request"),
        flood.per_second(),
        "records/s",
    ));
    memory_row(report, &flood);
    server.stop()?;
    drop(runtime);
    Ok(std::fs::remove_dir_all(folder)?)
}

/// People whom a server knows.
pub(crate) struct People {
    /// Their operational ids.
    pub(crate) oids: Vec<String>,
    tokens: Vec<(String, String)>,
}

impl People {
    /// The token of a principal.
    pub(crate) fn token(&self, principal: &str) -> Result<&str> {
        let found = self.tokens.iter().find(|(name, _)| name == principal);
        Ok(&found.context("nobody of that name has a token")?.1)
    }
}

/// Settings, data map and people, with tokens for a job and for these principals.
pub(crate) async fn prepare(place: &Place, principals: &[&str]) -> Result<People> {
    let map = format!("{}{}", place::fields_only(), otlp::MAP);
    std::fs::write(place.folder().join("datamap.toml"), &map)?;
    let mut settings = OpenOptions::new()
        .append(true)
        .open(place.folder().join("privet.toml"))?;
    settings.write_all(SETTINGS.as_bytes())?;
    let SqliteStores {
        data, keys, log, ..
    } = SqliteStores::open(&place.stores())?;
    let stores = Stores { data, keys, log };
    let vault = place
        .vault_over(stores, &map, AuditLimits::default(), Default::default())
        .await?;
    let (job, token) = place::caller(&vault, "job").await?;
    let people = place::subjects(&vault, &job, PEOPLE).await?;
    agree(&vault, &job, people.iter().step_by(2)).await?;
    let mut tokens = vec![("job".to_owned(), token.to_string())];
    for principal in principals {
        let (_, token) = place::caller(&vault, principal).await?;
        tokens.push(((*principal).to_owned(), token.to_string()));
    }
    vault.audit().shutdown().await;
    Ok(People {
        oids: people.iter().map(Oid::to_string).collect(),
        tokens,
    })
}

/// Lets people agree to a purpose, many at a time.
async fn agree<'a>(
    vault: &Vault,
    job: &Caller,
    people: impl Iterator<Item = &'a Oid>,
) -> Result<()> {
    let mut answering = JoinSet::new();
    for oid in people {
        if answering.len() >= 64 {
            answering.join_next().await.context("nobody answers")???;
        }
        let (vault, job, subject) = (vault.clone(), job.clone(), SubjectName::Oid(*oid));
        answering.spawn(async move {
            let change = ConsentChange {
                grant: vec![ConsentGrant {
                    purpose: "improvement".to_owned(),
                    notice: "2026-11".to_owned(),
                }],
                withdraw: Vec::new(),
                channel: ConsentChannel::Web,
                language: None,
                evidence: None,
            };
            vault.record_consent(&job, &subject, &change).await?;
            anyhow::Ok(())
        });
    }
    while let Some(ended) = answering.join_next().await {
        ended??;
    }
    Ok(())
}

/// A running server, and who sends what to it.
struct Bench {
    address: String,
    process: u32,
    store: PathBuf,
    token: String,
    people: Vec<String>,
}

/// One measurement.
struct Taken {
    sent: Sent,
    server_cpu_seconds: f64,
    memory_peak_mib: f64,
}

impl Taken {
    fn per_second(&self) -> f64 {
        self.sent.records as f64 / self.sent.durable_seconds
    }

    fn for_a_million(&self, seconds: f64) -> f64 {
        seconds * 1e6 / self.sent.records as f64
    }
}

impl Bench {
    fn send(&self, stream: Stream) -> Result<Taken> {
        let sending = sending(
            stream,
            &self.address,
            &self.token,
            &self.people,
            Some(self.store.clone()),
        );
        machine::forget_peak_of(self.process)?;
        let before = machine::cpu_seconds_of(self.process)?;
        let sent: Sent = child::run(&Work::Send(sending))?;
        Ok(Taken {
            sent,
            server_cpu_seconds: machine::cpu_seconds_of(self.process)? - before,
            memory_peak_mib: machine::memory_peak_kib_of(self.process)? / 1024.0,
        })
    }
}

pub(crate) fn sending(
    stream: Stream,
    address: &str,
    token: &str,
    people: &[String],
    store: Option<PathBuf>,
) -> Sending {
    Sending {
        address: address.to_owned(),
        token: token.to_owned(),
        people: people.to_vec(),
        form: stream.form,
        connections: stream.connections,
        records: stream.batch,
        distinct: stream.distinct,
        requests: stream.requests,
        store,
    }
}

/// What nobody can do without, in records per second.
struct Limits {
    decoded: f64,
    route: f64,
    written: f64,
}

impl Limits {
    fn measure(runtime: &Runtime, people: &[String]) -> Result<Self> {
        let bodies: Result<Vec<Vec<u8>>> = (0..200)
            .map(|number| Form::Protobuf.write(&otlp::request(people, number, BATCH)))
            .collect();
        let bodies = bodies?;
        Ok(Self {
            decoded: decoded(&bodies)?,
            written: written(&bodies)?,
            route: runtime.block_on(route(people))?,
        })
    }
}

/// Decoding alone, on one core.
fn decoded(bodies: &[Vec<u8>]) -> Result<f64> {
    let started = Instant::now();
    let mut records = 0;
    for body in bodies.iter().cycle() {
        let request = ExportLogsServiceRequest::decode(body.as_slice())?;
        let scopes = request.resource_logs.iter().flat_map(|of| &of.scope_logs);
        records += scopes.map(|scope| scope.log_records.len()).sum::<usize>();
        if started.elapsed() > Duration::from_secs(2) {
            break;
        }
    }
    Ok(records as f64 / started.elapsed().as_secs_f64())
}

/// Writing the same bytes to one file, with one sync for what all connections sent.
fn written(bodies: &[Vec<u8>]) -> Result<f64> {
    let path = folder::scratch("ingest-written")?;
    let mut file = File::create(&path)?;
    let started = Instant::now();
    let mut records = 0;
    for together in bodies.chunks(CONNECTIONS) {
        for body in together {
            file.write_all(body)?;
            records += BATCH;
        }
        file.sync_data()?;
    }
    let per_second = records as f64 / started.elapsed().as_secs_f64();
    std::fs::remove_file(&path)?;
    Ok(per_second)
}

/// A route that reads the same requests and drops them, by the same generator.
async fn route(people: &[String]) -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let router: Router = Router::new()
        .route("/v1/logs", post(async |_: Bytes| ""))
        .layer(DefaultBodyLimit::max(4 << 20));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let stream = Stream {
        distinct: 200,
        ..MAIN
    };
    let sending = sending(stream, &address, "none", people, None);
    let sent = tokio::task::spawn_blocking(move || child::run::<Sent>(&Work::Send(sending)));
    let sent = sent.await??;
    serving.abort();
    if sent.refused > 0 {
        bail!("a route that does nothing refused requests");
    }
    Ok(sent.records as f64 / sent.acknowledged_seconds)
}

fn main_rows(report: &mut Report, main: &Taken, limits: &Limits) {
    let rate = main.per_second();
    report.row(
        Row::new("logs over OTLP/HTTP until in Parquet", rate, "records/s").at_least(100_000.0),
    );
    let acknowledged = main.sent.records as f64 / main.sent.acknowledged_seconds;
    report.row(Row::new("  until acknowledged", acknowledged, "records/s"));
    for (limit, value) in [
        ("prost decoding alone, one core", limits.decoded),
        ("a route that reads and drops", limits.route),
        ("the same bytes written and synced", limits.written),
    ] {
        report.row(Row::new("  beside", rate, "records/s").beside(limit, value));
    }
    cpu_rows(report, main);
    memory_row(report, main);
    let records = main.sent.records as f64;
    report.row(
        Row::new(
            "  a record in Parquet",
            main.sent.stored_bytes as f64 / records,
            "bytes",
        )
        .limit("its body over HTTP", main.sent.body_bytes as f64 / records),
    );
    report.note(format!(
        "{BATCH} records a request unless another number is said, {} attributes each, about {PEOPLE} people; \
         {CONNECTIONS} connections that wait for each answer. Server and generator are two processes that share the \
         machine's cores. Requests are made before the clock runs; it stops when the store's log names the last file. \
         Requests that the server told to come again: {}.",
        otlp::ATTRIBUTES,
        main.sent.refused,
    ));
}

fn cpu_rows(report: &mut Report, taken: &Taken) {
    report.row(
        Row::new(
            "  CPU of the server for a million",
            taken.for_a_million(taken.server_cpu_seconds),
            "s",
        )
        .limit(
            "the generator's",
            taken.for_a_million(taken.sent.cpu_seconds),
        ),
    );
}

fn memory_row(report: &mut Report, taken: &Taken) {
    let name = "  peak memory of the server";
    report.row(Row::new(name, taken.memory_peak_mib, "MiB"));
}
