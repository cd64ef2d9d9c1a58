//! Starting: from the start of the process `privet serve` to its first "ready", over large stores.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::runtime::Runtime;

use crate::large;
use crate::report::{Report, Row, median};
use crate::server::{self, Server};

/// How often the server is started; the median counts.
const ROUNDS: usize = 7;

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let runtime = Runtime::new()?;
    let place = runtime.block_on(large::place())?;
    let program = server::program()?;
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
    let started = Instant::now();
    let mut server = Server::start(program, folder)?;
    server.ready().await?;
    let elapsed = started.elapsed();
    server.stop()?;
    Ok(elapsed)
}
