//! Walls that the system builds around this process, for when the engine does what it should not: a bound on its memory, and
//! Landlock (<https://docs.kernel.org/userspace-api/landlock.html>), which leaves it the telemetry's folder to read and its own
//! folder to spill to. A store on the network needs the network, and then only files are walled off, but for those of its
//! credentials.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::Error;
use crate::request::Limits;

/// What the process maps beside the query's memory: stacks (which are large and hardly touched), arenas, what is read of row
/// groups.
const MEMORY_BESIDE_BYTES: u64 = 4 << 30;
/// Open files: the store's, what is spilled, connections.
const FILES_MAX: u64 = 1024;
/// What is read beside the store, on the network: trust anchors (where Debian, Red Hat and Arch have them), how names are
/// looked up, randomness.
const READ_FOR_NETWORK: [&str; 9] = [
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/dev/urandom",
];

/// Bounds the process; for good.
///
/// # Errors
///
/// [`Error::Process`] if the system refuses.
pub(crate) fn bound(limits: &Limits) -> Result<(), Error> {
    let failed = |_| Error::Process("cannot be bounded");
    lower(Resource::Core, 0).map_err(failed)?;
    lower(Resource::Nofile, FILES_MAX).map_err(failed)?;
    let bytes = limits.memory_bytes.saturating_add(MEMORY_BESIDE_BYTES);
    lower(Resource::As, mapped_bytes().saturating_add(bytes)).map_err(failed)
}

fn lower(resource: Resource, value: u64) -> rustix::io::Result<()> {
    let value = getrlimit(resource)
        .maximum
        .map_or(value, |maximum| maximum.min(value));
    setrlimit(
        resource,
        Rlimit {
            current: Some(value),
            maximum: Some(value),
        },
    )
}

/// What is mapped now: the first number of `/proc/self/statm`, in pages (proc(5)).
fn mapped_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split_ascii_whitespace()
        .next()
        .and_then(|pages| pages.parse::<u64>().ok());
    let page_size = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    pages.unwrap_or_default().saturating_mul(page_size)
}

/// Confines this thread and those that it will start, for good. `folder`: the store, if it is one; `credentials`: files that
/// its client reads, if it is none. `false`: the kernel cannot do all of it.
pub(crate) fn confine(folder: Option<&Path>, credentials: &[PathBuf], limits: &Limits) -> bool {
    let restricted = restrict(folder, credentials, limits.spill_folder.as_deref());
    matches!(restricted, Ok(RulesetStatus::FullyEnforced))
}

fn restrict(
    folder: Option<&Path>,
    credentials: &[PathBuf],
    spill: Option<&Path>,
) -> Result<RulesetStatus, RulesetError> {
    let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(ABI::V3))?;
    if folder.is_some() {
        ruleset = ruleset
            .handle_access(AccessNet::from_all(ABI::V4))?
            .scope(Scope::from_all(ABI::V6))?;
    }
    let mut rules = ruleset.create()?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = read
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir;
    let network = READ_FOR_NETWORK.iter().map(Path::new);
    let network = network.chain(credentials.iter().map(PathBuf::as_path));
    let network = network.filter(|_| folder.is_none());
    let readable = folder.into_iter().chain(network).map(|path| (path, read));
    for (path, access) in readable.chain(spill.map(|path| (path, write))) {
        // What is not there will not be opened.
        if let Ok(opened) = PathFd::new(path) {
            let is_file = path.is_file() || path.starts_with("/dev");
            let access = if is_file {
                AccessFs::ReadFile.into()
            } else {
                access
            };
            rules = rules.add_rule(PathBeneath::new(opened, access))?;
        }
    }
    Ok(rules.restrict_self()?.ruleset)
}
