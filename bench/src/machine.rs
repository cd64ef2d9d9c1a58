//! The machine that a figure was measured on: without it a figure says nothing.

use std::fmt;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::folder;
use crate::report::{median, percentile};

/// What is worth knowing about it.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    date: String,
    cpu: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
    /// Processes that wanted to run, averaged over a minute, when the run began and when it ended. Above the number of
    /// cores somebody else is at work, and every figure is worse than the machine's own.
    load_before: f64,
    load_after: f64,
    /// Of one 4 KiB write and `fdatasync` at a time, on the disk that the stores of the benchmarks lie on.
    fdatasync: Fdatasync,
}

/// How fast a disk makes a write durable.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Fdatasync {
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) per_second: f64,
}

impl Machine {
    pub(crate) fn look() -> Result<Self> {
        let load = load()?;
        Ok(Self {
            date: now().strftime("%F %H:%M UTC").to_string(),
            cpu: line_of("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: memory_gib().unwrap_or(f64::NAN),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?
                .trim()
                .to_owned(),
            load_before: load,
            load_after: load,
            fdatasync: fdatasync(Duration::from_secs(1))?,
        })
    }

    pub(crate) fn look_again(&mut self) -> Result<()> {
        self.load_after = load()?;
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the date of a measurement is the machine's"
)]
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; {}, {} cores, {:.0} GiB; Linux {}; load {} to {}; fdatasync {:.2} ms (p99 {:.2} ms)",
            self.date,
            self.cpu,
            self.cores,
            self.memory_gib,
            self.kernel,
            self.load_before,
            self.load_after,
            self.fdatasync.median_ms,
            self.fdatasync.p99_ms,
        )
    }
}

/// Writes 4 KiB and syncs, one after the other. The place is one that the file already has, as in a write-ahead log that
/// is used again: nothing but the data must reach the disk.
pub(crate) fn fdatasync(time: Duration) -> Result<Fdatasync> {
    const BLOCKS: u64 = 1024;
    let path = folder::scratch("fdatasync")?;
    let mut file = File::create(&path)?;
    let block = [7; 4096];
    for _ in 0..BLOCKS {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    let started = Instant::now();
    let mut times_ms = Vec::new();
    for place in (0..BLOCKS).cycle() {
        let one = Instant::now();
        file.seek(SeekFrom::Start(place * 4096))?;
        file.write_all(&block)?;
        file.sync_data()?;
        times_ms.push(one.elapsed().as_secs_f64() * 1e3);
        if started.elapsed() > time {
            break;
        }
    }
    let per_second = times_ms.len() as f64 / started.elapsed().as_secs_f64();
    fs::remove_file(&path)?;
    times_ms.sort_by(f64::total_cmp);
    let p99_ms = percentile(&times_ms, 0.99);
    Ok(Fdatasync {
        median_ms: median(times_ms),
        p99_ms,
        per_second,
    })
}

/// Seconds of CPU that a process and its threads have used, of itself and for it in the kernel.
pub(crate) fn cpu_seconds() -> Result<f64> {
    cpu_of("self", 2)
}

/// The same for another process.
pub(crate) fn cpu_seconds_of(process: u32) -> Result<f64> {
    cpu_of(&process.to_string(), 2)
}

/// The same with its children that have ended.
pub(crate) fn cpu_seconds_of_all(process: u32) -> Result<f64> {
    cpu_of(&process.to_string(), 4)
}

fn cpu_of(process: &str, fields: usize) -> Result<f64> {
    // In `proc_pid_stat(5)` they are fields 14 and 15, counted from 1, followed by the children's; field 2 is the only one that
    // may hold spaces, and it ends with the last parenthesis.
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, rest) = stat
        .rsplit_once(')')
        .context("a malformed `stat` of a process")?;
    let mut ticks = 0.0;
    for field in rest.split_whitespace().skip(11).take(fields) {
        ticks += field.parse::<f64>()?;
    }
    Ok(ticks / rustix::param::clock_ticks_per_second() as f64)
}

/// Memory that a process holds, in KiB.
pub(crate) fn memory_kib_of(process: u32) -> Result<f64> {
    let line =
        line_of(&format!("/proc/{process}/status"), "VmRSS").context("a process has no `VmRSS`")?;
    let kib = line.split(' ').next().context("an empty `VmRSS`")?;
    Ok(kib.parse()?)
}

/// The same with its children; those that end meanwhile are left out.
pub(crate) fn memory_kib_of_all(process: u32) -> f64 {
    // Each thread has its own.
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let children = threads.into_iter().flatten().flatten().map(|thread| {
        let children = fs::read_to_string(thread.path().join("children"));
        children.unwrap_or_default()
    });
    let children: Vec<String> = children.collect();
    let children = children.iter().flat_map(|ids| ids.split_whitespace());
    let children = children.filter_map(|id| id.parse().ok());
    children
        .chain([process])
        .filter_map(|id| memory_kib_of(id).ok())
        .sum()
}

/// The most memory that a process has held since [`forget_peak_of`], in KiB.
pub(crate) fn memory_peak_kib_of(process: u32) -> Result<f64> {
    let line =
        line_of(&format!("/proc/{process}/status"), "VmHWM").context("a process has no `VmHWM`")?;
    let kib = line.split(' ').next().context("an empty `VmHWM`")?;
    Ok(kib.parse()?)
}

/// Counts the most memory from now on (`proc_pid_clear_refs(5)`).
pub(crate) fn forget_peak_of(process: u32) -> Result<()> {
    Ok(fs::write(format!("/proc/{process}/clear_refs"), "5")?)
}

fn load() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    let first = text.split(' ').next().context("an empty /proc/loadavg")?;
    Ok(first.parse()?)
}

fn memory_gib() -> Option<f64> {
    let text = line_of("/proc/meminfo", "MemTotal")?;
    let kib: f64 = text.split(' ').next()?.parse().ok()?;
    Some(kib / f64::from(1 << 20))
}

fn line_of(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
