//! The copies that people get of what is held of them: a thousand of them together, over ten million events, through a
//! `privet serve` of its own and the `privet-query` that it starts.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::child::{self, Work};
use crate::ingest::{self, MAIN, Sent, Stream};
use crate::place::Place;
use crate::report::{Report, Row, median};
use crate::server::{self, Server};
use crate::{folder, load, machine};

/// Requests of 512 events each: ten million and some.
const EVENTS: Stream = Stream {
    requests: 19_532,
    ..MAIN
};
/// Who asks together.
const TOGETHER: usize = 1_000;
/// How often one alone asks; the median counts.
const ALONE: usize = 3;
/// Between two looks at the memory of the server and its children.
const WATCH: Duration = Duration::from_millis(10);
/// A run that takes longer has hung.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let program = server::program()?;
    if !program.with_file_name("privet-query").is_file() {
        bail!("there is no `privet-query` beside it: build privet-query in release");
    }
    let folder = folder::scratch("copies")?;
    let place = Place::make(folder.clone())?;
    let people = Runtime::new()?.block_on(ingest::prepare(&place, &["operator"]))?;
    let runtime = Runtime::new()?;
    let mut server = Server::start(&program, place.folder())?;
    runtime.block_on(server.ready())?;
    let sent: Sent = child::run(&Work::Send(ingest::sending(
        EVENTS,
        &server.address("telemetry")?,
        people.token("job")?,
        &people.oids,
        Some(place.folder().join("telemetry")),
    )))?;
    // What taking in ten million events at once left in memory is not what copies need.
    server.stop()?;
    let mut server = Server::start(&program, place.folder())?;
    runtime.block_on(server.ready())?;
    let asking = Asking {
        address: server.address("api")?,
        token: people.token("operator")?.to_owned(),
        process: server.process(),
    };
    let mut oids = people.oids.iter();
    // The first one reads the files into the page cache.
    runtime.block_on(asking.make(oids.by_ref().take(1)))?;
    let mut alone = Vec::new();
    for _ in 0..ALONE {
        alone.push(runtime.block_on(asking.make(oids.by_ref().take(1)))?);
    }
    let together = runtime.block_on(asking.make(oids.by_ref().take(TOGETHER)))?;
    rows(report, &alone, &together, sent.records);
    server.stop()?;
    Ok(fs::remove_dir_all(folder)?)
}

fn rows(report: &mut Report, alone: &[Made], together: &Made, events: u64) {
    let of_one = |of: fn(&Made) -> f64| median(alone.iter().map(of).collect());
    let (one_seconds, one_cpu) = (of_one(|made| made.seconds), of_one(|made| made.cpu_seconds));
    report.row(
        Row::new(
            format!("copies of {TOGETHER} people"),
            together.seconds,
            "s",
        )
        .limit("the copy of one", one_seconds),
    );
    report.row(
        Row::new("  CPU, server and query", together.cpu_seconds, "s").limit("of one", one_cpu),
    );
    let for_each = (together.cpu_seconds - 1.2 * one_cpu) * 1e3 / TOGETHER as f64;
    report
        .row(Row::new("  CPU a file, beyond 1.2 times that of one", for_each, "ms").at_most(20.0));
    report.row(
        Row::new(
            "  peak memory, server and query",
            together.memory_peak_mib,
            "MiB",
        )
        .limit("of one", of_one(|made| made.memory_peak_mib))
        .at_most(512.0),
    );
    report.note(format!(
        "{events} events of about {} people, of which a quarter may be exported; each copy has a person's fields, consents, looks and \
         events. The server was started anew after it had taken in the events. From `POST /v1/requests/run` until all files are there. The memory is what server and children hold together, looked \
         at each {} ms.",
        ingest::PEOPLE,
        WATCH.as_millis()
    ));
}

/// What making copies took.
struct Made {
    seconds: f64,
    cpu_seconds: f64,
    memory_peak_mib: f64,
}

/// An operator who enters requests and has them carried out.
struct Asking {
    address: String,
    token: String,
    process: u32,
}

impl Asking {
    async fn make(&self, people: impl Iterator<Item = &String>) -> Result<Made> {
        let asked = json!({"channel": "letter", "checked": "knew the number of the contract"});
        let mut count = 0;
        for oid in people {
            self.call("POST", &format!("/v1/subjects/{oid}/access"), &asked)
                .await?;
            count += 1;
        }
        let cpu_before = machine::cpu_seconds_of_all(self.process)?;
        let memory = Memory::watch(self.process);
        let started = Instant::now();
        let run = tokio::time::timeout(PATIENCE, self.run()).await;
        let run = run.context("the run does not end")??;
        let seconds = started.elapsed().as_secs_f64();
        let memory_peak_mib = memory.end()?;
        if run.get("collected").and_then(Value::as_u64) != Some(count) {
            bail!("{count} copies were asked for, and this came of it: {run}");
        }
        Ok(Made {
            seconds,
            cpu_seconds: machine::cpu_seconds_of_all(self.process)? - cpu_before,
            memory_peak_mib,
        })
    }

    /// However long it takes: the server goes on, and is asked again.
    async fn run(&self) -> Result<Value> {
        let nothing = json!({});
        loop {
            let run = self.call("POST", "/v1/requests/run", &nothing).await?;
            if run.get("running") == Some(&json!(false)) {
                return Ok(run);
            }
        }
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.address).await?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = Vec::new();
        let answer = load::read_answer(&mut stream, &mut buffer).await?;
        if !matches!(answer.status, 200 | 201) {
            let said = String::from_utf8_lossy(answer.body);
            bail!("{path} was answered {}: {said}", answer.status);
        }
        Ok(serde_json::from_slice(answer.body)?)
    }
}

/// Looks at the memory of a process and its children all the time.
struct Memory {
    is_over: Arc<AtomicBool>,
    watching: JoinHandle<f64>,
}

impl Memory {
    fn watch(process: u32) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let watching = std::thread::spawn(move || {
            let mut peak_kib = 0.0_f64;
            while !until.load(Ordering::Relaxed) {
                peak_kib = peak_kib.max(machine::memory_kib_of_all(process));
                std::thread::park_timeout(WATCH);
            }
            peak_kib / 1024.0
        });
        Self { is_over, watching }
    }

    /// The most there was, in MiB.
    fn end(self) -> Result<f64> {
        self.is_over.store(true, Ordering::Relaxed);
        let peak = self.watching.join();
        peak.ok().context("nobody watched the memory")
    }
}
