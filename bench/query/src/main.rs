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
mod program;

use std::future::Future;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use privet_query::{Limits, People, Session};

use events::Files;
use report::{Report, Row, median};

/// How often each is measured; the median counts.
const ROUNDS: usize = 15;
const EVENTS: u64 = 10_000_000;
const EVENTS_LONG: u64 = 100_000_000;
const SUM: &str = "SELECT sum(amount) FROM logs";

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let mut results = PathBuf::from("bench/results");
    let mut is_long = false;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--results" => results = arguments.next().context("a folder is missing")?.into(),
            "--long" => is_long = true,
            other => bail!("there is no argument `{other}`: --results FOLDER, --long"),
        }
    }
    writeln!(io::stderr(), "query: answer for a purpose, beside DuckDB")?;
    let mut report = Report::start("query", None)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(run(&mut report, is_long))?;
    if report.finish(&results)? {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(io::stderr(), "a goal was not met")?;
    Ok(ExitCode::FAILURE)
}

/// What a store's answers took, in milliseconds, and the sum over people who agree.
struct Measured {
    agree_ms: f64,
    everybody_ms: f64,
    person_ms: f64,
    sum: i64,
}

async fn measure(folder: &Path) -> Result<Measured> {
    let address = folder.to_str().context("the folder's name is no text")?;
    let agree = People::from_sorted_bytes(&events::agree())?;
    let one = events::somebody()?;
    let by_id = format!("SELECT count(*), sum(amount) FROM logs WHERE tyid = X'{one}'");
    let (agree_ms, sum) = timed(|| ask(address, &agree, SUM)).await?;
    let (everybody_ms, _) = timed(|| ask(address, &People::Everybody, SUM)).await?;
    let (person_ms, _) = timed(|| ask(address, &agree, &by_id)).await?;
    Ok(Measured {
        agree_ms,
        everybody_ms,
        person_ms,
        sum,
    })
}

async fn run(report: &mut Report, is_long: bool) -> Result<()> {
    let folder = events::folder(EVENTS).await?;
    let ours = measure(&folder).await?;
    let peer = duckdb::measure(&events::files(&folder).await?, &events::somebody()?)?;
    if peer.sum != ours.sum {
        bail!("DuckDB's sum is {}, ours {}", peer.sum, ours.sum);
    }
    rows(report, &ours, &peer);
    let (program_ms, sum) = program(&folder)?;
    if sum != ours.sum {
        bail!("the program's sum is {sum}, not {}", ours.sum);
    }
    report.row(
        Row::new(
            "  by `privet-query`, from its start to its end",
            program_ms,
            "ms",
        )
        .limit("the answer alone", ours.agree_ms),
    );
    let files = Files::look(&events::files(&folder).await?)?;
    report.row(
        Row::new(
            "consent, stamp and notice on disk",
            files.stamp_bytes_per_row,
            "B a record",
        )
        .limit("the whole record", files.bytes_per_row)
        .at_most(1.0),
    );
    report.note(format!(
        "{EVENTS} events of {} people on {} days in {} files, half of whom agree; two threads each; page cache warm; DuckDB's sum over everybody: {:.1} ms from its table, {:.1} ms from our files",
        events::PEOPLE,
        events::DAYS,
        files.count,
        peer.plain_ms,
        peer.files_plain_ms
    ));
    if is_long {
        long(report, &ours).await?;
    }
    Ok(())
}

fn rows(report: &mut Report, ours: &Measured, peer: &duckdb::Measured) {
    let agree_ms = ours.agree_ms;
    report.row(
        Row::new("sum over people who agree", agree_ms, "ms")
            .limit("the same sum over everybody", ours.everybody_ms)
            .at_most(60.0),
    );
    let times = agree_ms / ours.everybody_ms;
    report.row(Row::new("  as often as the sum over everybody", times, "×").at_most(1.5));
    report.row(
        Row::new("  beside the latest stamp in the query", agree_ms, "ms")
            .beside_time("DuckDB, ARGMAX join", peer.argmax_ms)
            .ratio_at_least(20.0),
    );
    report.row(
        Row::new("  beside a kept table of latest consents", agree_ms, "ms")
            .beside_time("DuckDB, join", peer.kept_ms)
            .ratio_at_least(5.0),
    );
    for (name, peer_ms) in [
        (
            "DuckDB sorted by person, ARGMAX join",
            peer.sorted_argmax_ms,
        ),
        ("DuckDB sorted by person, join", peer.sorted_kept_ms),
    ] {
        report.row(
            Row::new("  beside tables in our order", agree_ms, "ms").beside_time(name, peer_ms),
        );
    }
    for (name, peer_ms) in [
        ("DuckDB from our files, ARGMAX join", peer.files_argmax_ms),
        ("DuckDB from our files, join", peer.files_kept_ms),
    ] {
        report.row(Row::new("  beside the same files", agree_ms, "ms").beside_time(name, peer_ms));
    }
    report.row(
        Row::new("one person's events", ours.person_ms, "ms")
            .beside_time("DuckDB, scan", peer.person_ms)
            .at_most(100.0),
    );
}

/// Ten times as many events of as many people; DuckDB would need more memory than there is.
async fn long(report: &mut Report, short: &Measured) -> Result<()> {
    let folder = events::folder(EVENTS_LONG).await?;
    let ours = measure(&folder).await?;
    report.row(
        Row::new(
            "sum over people who agree, of 100,000,000 events",
            ours.agree_ms,
            "ms",
        )
        .limit("the same sum over everybody", ours.everybody_ms),
    );
    let times = ours.agree_ms / short.agree_ms;
    report.row(Row::new("  as often as of 10,000,000", times, "×"));
    report.row(
        Row::new("one person's events of 100,000,000", ours.person_ms, "ms")
            .limit("of 10,000,000", short.person_ms)
            .at_most(100.0),
    );
    let files = Files::look(&events::files(&folder).await?)?;
    report.note(format!(
        "100,000,000 events in {} files, {:.1} B a record",
        files.count, files.bytes_per_row
    ));
    Ok(())
}

fn program(folder: &Path) -> Result<(f64, i64)> {
    let agree = events::agree();
    let (_, sum) = program::ask(folder, &agree, SUM)?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(program::ask(folder, &agree, SUM)?.0);
    }
    Ok((median(times), sum))
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

/// Opens the store and a session, plans and runs a statement, as `privet-query` does for each; the last number of its only row.
async fn ask(address: &str, people: &People, sql: &str) -> Result<i64> {
    let snapshot = events::open(address)?.snapshot().await?;
    let session = Session::new(
        &snapshot,
        &events::attributes()?,
        people,
        &Limits::default(),
    )?;
    let mut answer = session.ask(sql).await?;
    let mut number = None;
    while let Some(batch) = answer.next().await {
        number = events::last_number(&batch?).or(number);
    }
    number.context("no number")
}
