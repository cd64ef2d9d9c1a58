//! Benchmarks of classification, in a program of their own: they need neither the server nor its stores, and build in a
//! fraction of the time. `bench/run classify` runs it; `bench/README.md` says how each figure is measured.

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

mod fields;
mod lines;
mod peers;
mod records;

use std::hint::black_box;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use report::Report;
use rustix::time::{ClockId, clock_gettime};

/// How often each is measured in turn with the others; the best of each counts, which the load of others disturbs least.
const ROUNDS: u32 = 3_000;

/// How many operations one measurement has: so few that many a measurement is not interrupted.
const OPERATIONS: u32 = 100;

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let mut results = PathBuf::from("bench/results");
    match arguments.next().as_deref() {
        Some("--results") => {
            results = arguments.next().context("--results wants a folder")?.into();
        }
        Some("--lines") => {
            let file = arguments.next().context("--lines wants a file")?;
            lines::write(file.as_ref())?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(other) => bail!("there is no argument `{other}`: --results FOLDER, --lines FILE"),
        None => {}
    }
    writeln!(
        io::stderr(),
        "classify: redact fields and log records, beside peers"
    )?;
    let mut report = Report::start("classify", None)?;
    fields::run(&mut report)?;
    records::run(&mut report)?;
    lines::run(&mut report)?;
    if report.finish(&results)? {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(io::stderr(), "a goal was not met")?;
    Ok(ExitCode::FAILURE)
}

/// One thing to measure; it is given the number of the operation.
struct Measured<'a> {
    run: Box<dyn FnMut(u32) + 'a>,
    best_ns: f64,
}

impl<'a> Measured<'a> {
    fn new(run: impl FnMut(u32) + 'a) -> Self {
        Self {
            run: Box::new(run),
            best_ns: f64::MAX,
        }
    }
}

/// Measures all in turn and keeps the best nanoseconds of each.
fn measure(all: &mut [&mut Measured<'_>]) {
    for _ in 0..ROUNDS {
        for measured in &mut *all {
            let started = Instant::now();
            for operation in 0..OPERATIONS {
                (measured.run)(black_box(operation));
            }
            let ns = started.elapsed().as_nanos() as f64 / f64::from(OPERATIONS);
            measured.best_ns = measured.best_ns.min(ns);
        }
    }
}

/// Nanoseconds of the processor that this thread has used: what others use meanwhile does not count.
fn cpu_ns() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Heap allocations of a thousand operations, once everything is warm.
fn allocations(mut run: impl FnMut(u32)) -> f64 {
    for operation in 0..1_000 {
        run(operation);
    }
    let counted = allocation_counter::measure(|| {
        for operation in 0..1_000 {
            run(operation);
        }
    });
    counted.count_total as f64
}
