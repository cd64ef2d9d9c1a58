//! `[telemetry]`: the door for logs, spans and metrics.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::Tls;

/// Where the door listens, and where it keeps what passes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Telemetry {
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<Tls>,
    /// A folder, or the address of a bucket. Credentials are in the environment and not here.
    #[serde(default = "store")]
    pub(crate) store: String,
    /// What was acknowledged and is not stored yet.
    #[serde(default = "journal")]
    pub(crate) journal: PathBuf,
    #[serde(default = "journal_mib_max")]
    pub(crate) journal_mib_max: u32,
    /// How long what was acknowledged waits before it is stored.
    #[serde(default = "store_seconds")]
    pub(crate) store_seconds: u16,
}

fn store() -> String {
    "telemetry".to_owned()
}

fn journal() -> PathBuf {
    "telemetry-journal".into()
}

fn journal_mib_max() -> u32 {
    1_024
}

fn store_seconds() -> u16 {
    15
}
