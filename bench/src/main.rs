//! Benchmarks: every figure that Privet promises, beside a peer or a physical limit measured in the same run.
//!
//! `bench/run` builds this in release and runs it; `bench/README.md` says how each figure is measured.

mod adopt;
mod adopt_postgres;
mod audit;
mod child;
mod copies;
mod door;
mod erasure;
mod folder;
mod gateway;
mod ingest;
mod large;
mod load;
mod machine;
mod pgbench;
mod place;
mod query;
mod report;
mod reveal;
mod reveal_postgres;
mod seal;
mod server;
mod start;
mod tyid;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use report::Report;

/// One benchmark: its name, what it measures, and how to run it.
struct Benchmark {
    name: &'static str,
    about: &'static str,
    run: fn(&mut Report) -> Result<()>,
}

/// Rows of the table of long runs.
const ROWS_LONG: u32 = 5_000_000;

const BENCHMARKS: &[Benchmark] = &[
    Benchmark {
        name: "seal",
        about: "seal and open values, beside the raw cipher",
        run: seal::run,
    },
    Benchmark {
        name: "audit",
        about: "append to the audit log, verify it, prove an entry",
        run: audit::run,
    },
    Benchmark {
        name: "reveal",
        about: "reveal over HTTP, beside an empty route and the log",
        run: reveal::run,
    },
    Benchmark {
        name: "adopt",
        about: "seal a shop's database in place",
        run: adopt::run,
    },
    Benchmark {
        name: "adopt-postgres",
        about: "seal a database of PostgreSQL in place, idle and in use",
        run: adopt_postgres::run,
    },
    Benchmark {
        name: "reveal-postgres",
        about: "reveal over HTTP with stores in PostgreSQL",
        run: reveal_postgres::run,
    },
    Benchmark {
        name: "gateway",
        about: "forward to PostgreSQL, beside PgBouncer",
        run: gateway::run,
    },
    Benchmark {
        name: "decrypt",
        about: "open values that PostgreSQL holds, beside PgBouncer and pgcrypto",
        run: gateway::run_opening,
    },
    Benchmark {
        name: "erasure",
        about: "erase people, and what everybody else notices",
        run: erasure::run,
    },
    Benchmark {
        name: "copies",
        about: "make the copies that a thousand people asked for",
        run: copies::run,
    },
    Benchmark {
        name: "start",
        about: "start a server over large stores",
        run: start::run,
    },
    Benchmark {
        name: "ingest",
        about: "take logs over OTLP until they are durable in Parquet",
        run: ingest::run,
    },
    Benchmark {
        name: "tyid",
        about: "turn ids of people into ids for telemetry",
        run: tyid::run,
    },
];

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("--child").is_some() {
        child::serve()?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.next_if_eq("--door").is_some() {
        door::serve()?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.next_if_eq("--list").is_some() {
        for Benchmark { name, about, .. } in BENCHMARKS {
            writeln!(io::stdout(), "{name:15} {about}")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut results = PathBuf::from("bench/results");
    if arguments.next_if_eq("--results").is_some() {
        results = arguments.next().context("--results wants a folder")?.into();
    }
    let mut named: Vec<String> = arguments.collect();
    let rows_long = take_long(&mut named)?;
    if let Some(unknown) = named.iter().find(|name| find(name).is_none()) {
        bail!("there is no benchmark `{unknown}`: see --list");
    }
    let chosen = |benchmark: &&Benchmark| {
        named.is_empty() || named.iter().any(|name| name == benchmark.name)
    };
    let mut met = true;
    for benchmark in BENCHMARKS.iter().filter(chosen) {
        met &= run(benchmark, &results, rows_long)?;
    }
    if met {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(io::stderr(), "a goal was not met")?;
    Ok(ExitCode::FAILURE)
}

/// Takes `--long` or `--long=ROWS` out of the arguments: what else is run, over a table of so many rows.
fn take_long(named: &mut Vec<String>) -> Result<Option<u32>> {
    let Some(at) = named.iter().position(|name| name.starts_with("--long")) else {
        return Ok(None);
    };
    let rows = match named.remove(at).strip_prefix("--long=") {
        None => ROWS_LONG,
        Some(rows) => rows.parse().context("--long wants a number of rows")?,
    };
    Ok(Some(rows))
}

fn find(name: &str) -> Option<&'static Benchmark> {
    BENCHMARKS.iter().find(|benchmark| benchmark.name == name)
}

/// Runs one benchmark, prints its figures and writes them to the folder of results; answers whether all goals are met.
fn run(benchmark: &Benchmark, results: &std::path::Path, rows_long: Option<u32>) -> Result<bool> {
    let name = benchmark.name;
    writeln!(io::stderr(), "{name}: {}", benchmark.about)?;
    let mut report = Report::start(name, rows_long)?;
    (benchmark.run)(&mut report).with_context(|| format!("benchmark `{name}`"))?;
    report.finish(results)
}
