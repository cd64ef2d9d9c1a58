//! Benchmarks of queries over telemetry, in a program of their own: they need not the server, and the server not DataFusion.
//! `bench/run query` runs it; `bench/README.md` says how each figure is measured.

#[path = "../../src/folder.rs"]
mod folder;
#[expect(
    dead_code,
    reason = "made for all benchmarks, of which this program has one"
)]
#[path = "../../src/machine.rs"]
mod machine;
#[expect(
    dead_code,
    reason = "made for all benchmarks, of which this program has one"
)]
#[path = "../../src/report.rs"]
mod report;

mod duckdb;
mod events;

use std::future::Future;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use privet_query::{Limits, People, Session};
use privet_telemetry_store::{Attribute, Snapshot, Type};

use report::{Report, Row, median};

/// How often each is measured; the median counts.
const ROUNDS: usize = 15;
const SUM: &str = "SELECT sum(amount) FROM logs";

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let mut results = PathBuf::from("bench/results");
    let mut rows = 10_000_000;
    while let Some(argument) = arguments.next() {
        let value = arguments.next().context("an argument wants a value")?;
        match argument.as_str() {
            "--results" => results = value.into(),
            "--events" => rows = value.parse()?,
            other => bail!("there is no argument `{other}`: --results FOLDER, --events NUMBER"),
        }
    }
    writeln!(io::stderr(), "query: answer for a purpose, beside DuckDB")?;
    let mut report = Report::start("query", None)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(run(&mut report, rows))?;
    if report.finish(&results)? {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(io::stderr(), "a goal was not met")?;
    Ok(ExitCode::FAILURE)
}

async fn run(report: &mut Report, rows: u64) -> Result<()> {
    let (folder, snapshot) = events::store(rows).await?;
    let agree = People::from_sorted_bytes(&events::agree())?;
    let one = events::somebody();
    let by_id = format!("SELECT count(*), sum(amount) FROM logs WHERE tyid = X'{one}'");

    let filtered = timed(|| sum(&snapshot, &agree, SUM)).await?;
    let everybody = timed(|| sum(&snapshot, &People::Everybody, SUM)).await?;
    let person = timed(|| sum(&snapshot, &agree, &by_id)).await?;
    let peer = duckdb::measure(&folder, &one)?;
    if peer.sum != filtered.1 {
        bail!("DuckDB's sum is {}, ours {}", peer.sum, filtered.1);
    }
    report.row(
        Row::new("sum over people who agree", filtered.0, "ms")
            .limit("the same sum over everybody", everybody.0)
            .at_most(60.0),
    );
    report.row(
        Row::new(
            "  as often as the sum over everybody",
            filtered.0 / everybody.0,
            "×",
        )
        .at_most(1.5),
    );
    report.row(
        Row::new("  beside the latest stamp in the query", filtered.0, "ms")
            .beside_time("DuckDB, ARGMAX join", peer.argmax_ms)
            .ratio_at_least(20.0),
    );
    report.row(
        Row::new("  beside a kept table of latest consents", filtered.0, "ms")
            .beside_time("DuckDB, join", peer.kept_ms)
            .ratio_at_least(5.0),
    );
    report.row(
        Row::new("one person's events", person.0, "ms")
            .beside_time("DuckDB, scan", peer.person_ms)
            .at_most(100.0),
    );
    report.note(format!(
        "{rows} events of {} people on {} days, half of whom agree; two threads each; page cache warm; DuckDB's sum over everybody: {:.1} ms",
        events::PEOPLE,
        events::DAYS,
        peer.plain_ms
    ));
    Ok(())
}

/// The median of several rounds, in milliseconds, and what came out.
async fn timed<F: Future<Output = Result<i64>>>(mut ask: impl FnMut() -> F) -> Result<(f64, i64)> {
    // The first round warms the page cache.
    let mut answer = ask().await?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        answer = ask().await?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok((median(times), answer))
}

/// Plans and runs a statement in a new session; the last number of its only row.
async fn sum(snapshot: &Snapshot, people: &People, sql: &str) -> Result<i64> {
    let attributes = [Attribute::new("amount", Type::Int)?];
    let session = Session::new(snapshot, &attributes, people, &Limits::default())?;
    let mut answer = session.ask(sql).await?;
    let mut number = None;
    while let Some(batch) = answer.next().await {
        number = events::last_number(&batch?).or(number);
    }
    number.context("no number")
}
