//! Limits of the operating system around the child: a second wall behind SQLite's own limits.

use std::io;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// How much one client's statements may make the database grow.
pub(crate) const FILE_GROWTH_BYTES_MAX: u64 = 4 << 30;
/// The database, its log, index and journal, a directory, randomness, the pipes, and some to spare.
const FILES_MAX: u64 = 24;
/// What the process maps beside SQLite's heap: stacks, arenas of threads, one frame each way.
const MEMORY_BESIDE_BYTES: u64 = 384 << 20;
/// Assumed to be mapped already where the system does not tell.
const MAPPED_BYTES: u64 = 2 << 30;

/// Bounds the process; for good, so that no statement can widen it again.
pub(crate) fn bound_process(memory_bytes_max: u64, path: &Path) -> io::Result<()> {
    lower(Resource::Core, 0)?;
    lower(Resource::Nofile, FILES_MAX)?;
    lower(
        Resource::Fsize,
        file_size(path).saturating_add(FILE_GROWTH_BYTES_MAX),
    )?;
    let mapped = mapped_bytes().unwrap_or(MAPPED_BYTES);
    lower(
        Resource::As,
        mapped
            .saturating_add(memory_bytes_max)
            .saturating_add(MEMORY_BESIDE_BYTES),
    )
}

/// Bounds the processor time of the next statement: it ends the process if SQLite's own clock did not
/// end the statement.
pub(crate) fn bound_statement(seconds: u64) -> io::Result<()> {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec;
    let soft = u64::try_from(used)
        .unwrap_or_default()
        .saturating_add(seconds)
        .saturating_add(2);
    let maximum = getrlimit(Resource::Cpu).maximum;
    let current = Some(maximum.map_or(soft, |maximum| maximum.min(soft)));
    Ok(setrlimit(Resource::Cpu, Rlimit { current, maximum })?)
}

/// Bytes of the file; 0 when it cannot be told.
pub(crate) fn file_size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn lower(resource: Resource, value: u64) -> io::Result<()> {
    let value = getrlimit(resource)
        .maximum
        .map_or(value, |maximum| maximum.min(value));
    Ok(setrlimit(
        resource,
        Rlimit {
            current: Some(value),
            maximum: Some(value),
        },
    )?)
}

/// What is mapped now: the first number of `/proc/self/statm`, in pages (proc(5)).
fn mapped_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    let page_size = u64::try_from(rustix::param::page_size()).ok()?;
    pages.checked_mul(page_size)
}
