//! The audit log: durable appends by many callers, the check of a long log on one core, and the proof of an entry.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use privet_store::SqliteStores;
use privet_tlog::leaf_hash;
use privet_vault::PrincipalName;
use privet_vault::audit::offline::{prove_in_store, verify_store};
use privet_vault::audit::{AuditLimits, AuditLog};
use privet_vault::port::LogStore;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::child::{self, Work};
use crate::report::{Report, Row, median, percentile};
use crate::{folder, large, machine};

/// How often each number of callers is measured; the median counts.
const ROUNDS: usize = 3;

/// How long one measurement of appends takes.
const TIME: Duration = Duration::from_secs(3);

pub(crate) fn run(report: &mut Report) -> Result<()> {
    appends(report)?;
    let place = Runtime::new()?.block_on(large::place())?;
    long_log(report, &place.stores())
}

/// Appends of many callers at once, through a fresh store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appends {
    pub(crate) per_second: f64,
    p99_ms: f64,
    refused: u64,
}

fn appends(report: &mut Report) -> Result<()> {
    let (mut few, mut many, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        syncs.push(machine::fdatasync(Duration::from_millis(500))?.per_second);
        few.push(append(64, TIME)?);
        many.push(append(512, TIME)?);
    }
    let syncs = median(syncs);
    for (callers, rounds, goal) in [(64, few, 5_000.0), (512, many, 15_000.0)] {
        let of = |value: fn(&Appends) -> f64| median(rounds.iter().map(value).collect());
        let rate = of(|appends| appends.per_second);
        report.row(
            Row::new(format!("append, {callers} callers"), rate, "entries/s")
                .limit("fdatasync of 4 KiB, one at a time", syncs)
                .at_least(goal),
        );
        let p99 = Row::new(
            format!("append, {callers} callers, p99"),
            of(|appends| appends.p99_ms),
            "ms",
        );
        report.row(if callers == 64 {
            p99.at_most(100.0)
        } else {
            p99
        });
        let refused: u64 = rounds.iter().map(|appends| appends.refused).sum();
        if refused > 0 {
            report.note(format!(
                "{refused} appends of {callers} callers were refused past their deadline; they do not count."
            ));
        }
    }
    report.note(
        "An append is what a reveal of one field records: the entry, its sealed side record, tiles and a signed \
         checkpoint, durable in SQLite when it returns. Each caller waits for its entry before the next.",
    );
    Ok(())
}

/// Measures appends into a log of its own.
pub(crate) fn append(callers: usize, time: Duration) -> Result<Appends> {
    let folder = folder::scratch("append")?;
    let appends = Runtime::new()?.block_on(async {
        let stores = SqliteStores::open(&folder)?;
        let log = large::open(Arc::clone(&stores.log), AuditLimits::default()).await?;
        let appends = append_to(&log, callers, time).await;
        log.shutdown().await;
        appends
    })?;
    std::fs::remove_dir_all(&folder)?;
    Ok(appends)
}

async fn append_to(log: &AuditLog, callers: usize, time: Duration) -> Result<Appends> {
    let key = Arc::new(large::side_key());
    let job: PrincipalName = "job".parse()?;
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let (log, key, job) = (log.clone(), Arc::clone(&key), job.clone());
        tasks.spawn(async move {
            let (mut times_ms, mut refused) = (Vec::new(), 0);
            while started.elapsed() < time {
                let one = Instant::now();
                match log.record(large::reveal(&job), &key).await {
                    Ok(_) => times_ms.push(one.elapsed().as_secs_f64() * 1e3),
                    Err(_) => refused += 1,
                }
            }
            (times_ms, refused)
        });
    }
    let (mut times_ms, mut refused) = (Vec::new(), 0);
    while let Some(ended) = tasks.join_next().await {
        let (times, not) = ended?;
        times_ms.extend(times);
        refused += not;
    }
    let seconds = started.elapsed().as_secs_f64();
    times_ms.sort_by(f64::total_cmp);
    Ok(Appends {
        per_second: times_ms.len() as f64 / seconds,
        p99_ms: percentile(&times_ms, 0.99),
        refused,
    })
}

/// The question to the child that verifies.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Verify {
    stores: PathBuf,
}

/// Its answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Verified {
    entries: u64,
    seconds: f64,
    cpu_seconds: f64,
    /// Reading the same entries and hashing each once, and nothing else.
    reading_seconds: f64,
}

fn long_log(report: &mut Report, stores: &Path) -> Result<()> {
    let proofs = proofs_ms(stores)?;
    let mut best: Option<Verified> = None;
    for _ in 0..ROUNDS {
        let stores = stores.to_owned();
        let one: Verified = child::run(&Work::Verify(Verify { stores }))?;
        if best.as_ref().is_none_or(|best| one.seconds < best.seconds) {
            best = Some(one);
        }
    }
    let best = best.context("no measurement")?;
    let name = format!("verify {} entries on one core", best.entries);
    report.row(
        Row::new(name, best.seconds, "s")
            .beside_time("reading and hashing each once", best.reading_seconds)
            .at_most(5.0),
    );
    report.row(Row::new("verify, CPU", best.cpu_seconds, "s"));
    report.row(Row::new("a proof, median", percentile(&proofs, 0.5), "ms"));
    report.row(Row::new("a proof, p99", percentile(&proofs, 0.99), "ms").at_most(5.0));
    report.note(
        "The check reads every entry from SQLite, recomputes the tree and compares every tile and the signed root. Its \
         process is bound to one core; the best of three runs counts.",
    );
    Ok(())
}

/// Sorted times of proofs of entries all over the log, from a store that was just opened.
fn proofs_ms(stores: &Path) -> Result<Vec<f64>> {
    let keys = [large::signing_key()?.verifier()];
    Runtime::new()?.block_on(async {
        let log = SqliteStores::open_read_only(stores)?.log;
        let mut times_ms = Vec::new();
        for nth in 0..500 {
            // Steps of a prime visit places in no order that a cache would like.
            let index = nth * 611_953 % large::ENTRIES;
            let one = Instant::now();
            prove_in_store(&*log, large::ORIGIN, &keys, index).await?;
            times_ms.push(one.elapsed().as_secs_f64() * 1e3);
        }
        times_ms.sort_by(f64::total_cmp);
        Ok(times_ms)
    })
}

/// Verifies a log on one core: threads that are started from here on are bound to it, too.
pub(crate) fn verify(work: &Verify) -> Result<Verified> {
    bind_to_one_core()?;
    let keys = [large::signing_key()?.verifier()];
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let log = SqliteStores::open_read_only(&work.stores)?.log;
        let (started, cpu) = (Instant::now(), machine::cpu_seconds()?);
        let checkpoint = verify_store(&*log, large::ORIGIN, &keys, &[], |_| ()).await?;
        let (seconds, cpu) = (started.elapsed(), machine::cpu_seconds()? - cpu);
        let started = Instant::now();
        read(&*log, checkpoint.size).await?;
        Ok(Verified {
            entries: checkpoint.size,
            seconds: seconds.as_secs_f64(),
            cpu_seconds: cpu,
            reading_seconds: started.elapsed().as_secs_f64(),
        })
    })
}

async fn read(log: &dyn LogStore, size: u64) -> Result<()> {
    let mut first = 0;
    while first < size {
        let entries = log.entries(large::ORIGIN, first, 4096).await?;
        first += entries.len() as u64;
        for entry in &entries {
            std::hint::black_box(leaf_hash(entry));
        }
    }
    Ok(())
}

fn bind_to_one_core() -> Result<()> {
    let allowed = sched_getaffinity(None)?;
    let mut one = CpuSet::new();
    let last = (0..CpuSet::MAX_CPU).rfind(|core| allowed.is_set(*core));
    one.set(last.context("no core to run on")?);
    Ok(sched_setaffinity(None, &one)?)
}
