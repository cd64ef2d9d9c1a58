//! A load generator for HTTP/1.1 over loopback: many connections, each waiting for its answer before it asks again. It
//! works in a process of its own on one thread, and does as little as it can: on a small machine every cycle that it
//! takes is one that the server does not get.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::report::percentile;

/// What to send.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) time: Duration,
    pub(crate) path: String,
    pub(crate) token: String,
    /// Bodies to post, which the connections take in turn.
    pub(crate) bodies: Vec<String>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Loaded {
    pub(crate) requests: u64,
    pub(crate) per_second: f64,
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
    /// CPU that the generator itself took.
    pub(crate) cpu_seconds: f64,
}

/// Generates the load.
pub(crate) fn generate(load: &Load) -> Result<Loaded> {
    let requests: Vec<Vec<u8>> = load.bodies.iter().map(|body| request(load, body)).collect();
    let requests: &'static [Vec<u8>] = requests.leak();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..load.connections {
            let stream = TcpStream::connect(load.address).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let started = Instant::now();
        let mut connections = JoinSet::new();
        for (nth, stream) in streams.into_iter().enumerate() {
            let own = requests
                .iter()
                .cycle()
                .skip(nth * requests.len() / load.connections);
            connections.spawn(ask(stream, own, started + load.time));
        }
        let mut times_ms = Vec::new();
        while let Some(ended) = connections.join_next().await {
            times_ms.extend(ended??);
        }
        let seconds = started.elapsed().as_secs_f64();
        times_ms.sort_by(f64::total_cmp);
        Ok(Loaded {
            requests: times_ms.len() as u64,
            per_second: times_ms.len() as f64 / seconds,
            median_ms: percentile(&times_ms, 0.5),
            p99_ms: percentile(&times_ms, 0.99),
            cpu_seconds: crate::machine::cpu_seconds()?,
        })
    })
}

fn request(load: &Load, body: &str) -> Vec<u8> {
    format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        load.path,
        load.address,
        load.token,
        body.len(),
    )
    .into_bytes()
}

async fn ask(
    mut stream: TcpStream,
    requests: impl Iterator<Item = &'static Vec<u8>>,
    until: Instant,
) -> Result<Vec<f64>> {
    let mut times_ms = Vec::new();
    let mut buffer = Vec::with_capacity(64 * 1024);
    for request in requests {
        let asked = Instant::now();
        if asked >= until {
            break;
        }
        stream.write_all(request).await?;
        answer(&mut stream, &mut buffer).await?;
        times_ms.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times_ms)
}

/// Reads one whole answer, which must be a 200 of known length.
pub(crate) async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<()> {
    let Answer { status, body } = read_answer(stream, buffer).await?;
    if status != 200 {
        let body = String::from_utf8_lossy(body);
        bail!("the server answered {status}: {body}");
    }
    Ok(())
}

/// What a server answered.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

/// Reads one whole answer of known length.
pub(crate) async fn read_answer<'a>(
    stream: &mut TcpStream,
    buffer: &'a mut Vec<u8>,
) -> Result<Answer<'a>> {
    buffer.clear();
    let head = loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        let end = buffer.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            break end + 4;
        }
    };
    let (first, _) = buffer.split_at(head);
    let first = str::from_utf8(first)?;
    let length = content_length(first).context("an answer without a length")?;
    let status = first
        .split(' ')
        .nth(1)
        .context("an answer without a status")?;
    let status = status.parse()?;
    while buffer.len() < head + length {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection within an answer");
        }
    }
    let body = buffer.get(head..).unwrap_or_default();
    Ok(Answer { status, body })
}

fn content_length(head: &str) -> Option<usize> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse().ok())?
    })
}
