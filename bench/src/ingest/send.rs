//! Sending requests to a door, and waiting until what they carried is in the store: in a process of its own, on one thread.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use privet_telemetry_store::{Access, Machine, Settings, Store, Table};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::otlp::{self, Form};
use crate::{load, machine};

/// How often the store is asked what it holds, once everything is acknowledged.
const WATCH: Duration = Duration::from_millis(5);
/// A store that takes longer has lost something.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long whoever is refused waits; SDKs wait longer.
const PAUSE: Duration = Duration::from_millis(100);

/// What to send.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sending {
    pub(crate) address: String,
    pub(crate) token: String,
    /// The operational ids of whom the records are about.
    pub(crate) people: Vec<String>,
    pub(crate) form: Form,
    pub(crate) connections: usize,
    /// Records of one request.
    pub(crate) records: usize,
    /// Requests that are made; when all were sent, the first comes again.
    pub(crate) distinct: usize,
    /// Requests that are sent.
    pub(crate) requests: usize,
    /// Where all of it has to arrive; `None`: whoever answers stores nothing.
    pub(crate) store: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) records: u64,
    /// Bytes of bodies.
    pub(crate) body_bytes: u64,
    /// From the first request to the last acknowledgement.
    pub(crate) acknowledged_seconds: f64,
    /// From the first request until the store's log names files with all records.
    pub(crate) durable_seconds: f64,
    /// Requests that the server told to come again later.
    pub(crate) refused: u64,
    /// CPU of this process meanwhile.
    pub(crate) cpu_seconds: f64,
    /// Bytes of the files that hold them.
    pub(crate) stored_bytes: u64,
}

/// Sends.
pub(crate) fn send(sending: &Sending) -> Result<Sent> {
    let requests: Result<Vec<Vec<u8>>> = (0..sending.distinct)
        .map(|number| http_request(sending, number))
        .collect();
    let requests: &'static [Vec<u8>] = requests?.leak();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let store = sending.store.as_ref().map(|path| open(path)).transpose()?;
        let before = holds(store.as_ref()).await?;
        let mut streams = Vec::new();
        for _ in 0..sending.connections {
            let stream = TcpStream::connect(&sending.address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let cpu_before = machine::cpu_seconds()?;
        let shared = Arc::new(Shared {
            requests,
            count: sending.requests,
            next: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
        });
        let started = Instant::now();
        let mut connections = JoinSet::new();
        for stream in streams {
            connections.spawn(talk(stream, Arc::clone(&shared)));
        }
        while let Some(ended) = connections.join_next().await {
            ended??;
        }
        let acknowledged = started.elapsed();
        let records = (sending.requests * sending.records) as u64;
        let held = arrive(store.as_ref(), before.rows + records).await?;
        let durable = started.elapsed();
        Ok(Sent {
            records,
            body_bytes: body_bytes(sending, requests),
            acknowledged_seconds: acknowledged.as_secs_f64(),
            durable_seconds: durable.as_secs_f64(),
            refused: shared.refused.load(Ordering::Relaxed),
            cpu_seconds: machine::cpu_seconds()? - cpu_before,
            stored_bytes: held.bytes - before.bytes,
        })
    })
}

struct Shared {
    requests: &'static [Vec<u8>],
    count: usize,
    next: AtomicUsize,
    refused: AtomicU64,
}

/// One connection: it sends what is next and waits for the answer, as an exporter does.
async fn talk(mut stream: TcpStream, shared: Arc<Shared>) -> Result<()> {
    let mut buffer = Vec::with_capacity(4 * 1024);
    loop {
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        if number >= shared.count {
            return Ok(());
        }
        let Some(request) = shared.requests.get(number % shared.requests.len()) else {
            bail!("there are no requests");
        };
        loop {
            stream.write_all(request).await?;
            let answer = load::read_answer(&mut stream, &mut buffer).await?;
            match (answer.status, answer.body) {
                // Nothing was left out.
                (200, b"" | b"{}") => break,
                (429 | 503, _) => {
                    shared.refused.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
                (status, body) => {
                    bail!(
                        "the server answered {status}: {}",
                        String::from_utf8_lossy(body)
                    )
                }
            }
        }
    }
}

fn http_request(sending: &Sending, number: usize) -> Result<Vec<u8>> {
    let request = otlp::request(&sending.people, number, sending.records);
    let body = sending.form.write(&request)?;
    let mut bytes = format!(
        "POST /v1/logs HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n{}content-length: {}\r\n\r\n",
        sending.address,
        sending.token,
        sending.form.head(),
        body.len(),
    )
    .into_bytes();
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

fn body_bytes(sending: &Sending, requests: &[Vec<u8>]) -> u64 {
    let sent = requests.iter().cycle().take(sending.requests);
    let bodies = sent.filter_map(|request| {
        let head = request.windows(4).position(|four| four == b"\r\n\r\n")?;
        Some((request.len() - head - 4) as u64)
    });
    bodies.sum()
}

fn open(path: &std::path::Path) -> Result<Store> {
    let settings = Settings::new(Access::Read);
    Ok(Store::open(
        &path.to_string_lossy(),
        settings,
        Arc::new(Machine),
    )?)
}

#[derive(Debug, Clone, Copy, Default)]
struct Held {
    rows: u64,
    bytes: u64,
}

async fn holds(store: Option<&Store>) -> Result<Held> {
    let Some(store) = store else {
        return Ok(Held::default());
    };
    let snapshot = store.snapshot().await?;
    let mut held = Held::default();
    for file in snapshot.files(Table::Logs) {
        held.rows += file.rows;
        held.bytes += file.size_bytes;
    }
    Ok(held)
}

/// Waits until the store holds so many rows.
async fn arrive(store: Option<&Store>, rows: u64) -> Result<Held> {
    if store.is_none() {
        return Ok(Held::default());
    }
    let until = Instant::now() + PATIENCE;
    loop {
        let held = holds(store).await?;
        if held.rows >= rows {
            return Ok(held);
        }
        if Instant::now() > until {
            bail!("the store holds {} rows, not {rows}", held.rows);
        }
        tokio::time::sleep(WATCH).await;
    }
}
