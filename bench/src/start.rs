//! Starting: from the start of the process `privet serve` to its first "ready", over large stores.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::report::{Report, Row, median};
use crate::{large, load};

/// How often the server is started; the median counts.
const ROUNDS: usize = 7;

/// How often somebody looks whether it is ready.
const WATCH: Duration = Duration::from_millis(1);

/// A server that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let runtime = Runtime::new()?;
    let place = runtime.block_on(large::place())?;
    let program = std::env::current_exe()?.with_file_name("privet");
    if !program.is_file() {
        bail!(
            "there is no `{}`: build privet-cli in release",
            program.display()
        );
    }
    let (mut bare_ms, mut ready_ms) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        Command::new(&program)
            .arg("--version")
            .stdout(Stdio::null())
            .status()?;
        bare_ms.push(started.elapsed().as_secs_f64() * 1e3);
        ready_ms.push(
            runtime
                .block_on(ready(&program, place.folder()))?
                .as_secs_f64()
                * 1e3,
        );
    }
    report.row(
        Row::new(
            "from process start to ready",
            median(ready_ms.clone()),
            "ms",
        )
        .limit("privet --version", median(bare_ms))
        .at_most(300.0),
    );
    let slowest = ready_ms.into_iter().fold(0.0, f64::max);
    report.row(Row::new("  the slowest of seven", slowest, "ms"));
    report.note(format!(
        "The program `privet serve` over SQLite stores with {} log entries or more and {} subjects, both doors open, \
         asked at /health/ready each millisecond.",
        large::ENTRIES,
        large::SUBJECTS,
    ));
    Ok(())
}

async fn ready(program: &Path, folder: &Path) -> Result<Duration> {
    let announced = folder.join("server.json");
    let _ = std::fs::remove_file(&announced);
    let started = Instant::now();
    let mut server = Command::new(program)
        .args(["serve", "--dir"])
        .arg(folder)
        .stdout(Stdio::null())
        .spawn()?;
    let ready = tokio::time::timeout(PATIENCE, wait(&mut server, &announced)).await;
    let elapsed = started.elapsed();
    let stopped = stop(server);
    ready.context("the server does not get ready")??;
    stopped?;
    Ok(elapsed)
}

async fn wait(server: &mut Child, announced: &Path) -> Result<()> {
    loop {
        if let Some(status) = server.try_wait()? {
            bail!("the server ended with {status}");
        }
        if is_ready(announced).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(WATCH).await;
    }
}

async fn is_ready(announced: &Path) -> Result<()> {
    let text = std::fs::read(announced)?;
    let server: serde_json::Value = serde_json::from_slice(&text)?;
    let address = server
        .get("api")
        .and_then(serde_json::Value::as_str)
        .and_then(|url| url.strip_prefix("http://"));
    let address = address.context("no address")?;
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /health/ready HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    load::answer(&mut stream, &mut Vec::new()).await
}

fn stop(mut server: Child) -> Result<()> {
    let pid = i32::try_from(server.id()).ok().and_then(Pid::from_raw);
    // The server may have ended by itself; then there is nothing to stop.
    let _ = kill_process(pid.context("a process without a number")?, Signal::TERM);
    server.wait()?;
    Ok(())
}
