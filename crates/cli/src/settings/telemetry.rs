//! `[telemetry]`: the door for logs, spans and metrics.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::{AddressText, Tls};

/// Where the door listens, and where it keeps what passes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Telemetry {
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<Tls>,
    /// A folder, or the address of a bucket.
    #[serde(default = "store")]
    pub(crate) store: String,
    /// How the bucket's service is reached.
    pub(crate) bucket: Option<Bucket>,
    /// What was acknowledged and is not stored yet.
    #[serde(default = "journal")]
    pub(crate) journal: PathBuf,
    #[serde(default = "journal_mib_max")]
    pub(crate) journal_mib_max: u32,
    /// How long what was acknowledged waits before it is stored.
    #[serde(default = "store_seconds")]
    pub(crate) store_seconds: u16,
    /// The collector that gets what was stored; none unless it is stated.
    pub(crate) forward: Option<Forward>,
}

/// `[telemetry.forward]`: the collector.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forward {
    /// Read by the telemetry crate, which does not repeat it in an error: people put passwords into addresses.
    pub(crate) endpoint: AddressText,
    #[serde(default)]
    pub(crate) protocol: ForwardProtocol,
    #[serde(default)]
    pub(crate) compression: Compression,
    /// A file with a header in each line, which only its owner may read.
    pub(crate) headers_file: Option<PathBuf>,
    /// The environment variable that holds the same.
    pub(crate) headers_env: Option<String>,
    /// The authorities that the collector's certificate is checked with, PEM; without it, this machine's.
    pub(crate) authorities: Option<PathBuf>,
    #[serde(default = "queue_mib_max")]
    pub(crate) queue_mib_max: u32,
}

/// How the collector is spoken to, by OpenTelemetry's names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum ForwardProtocol {
    #[default]
    #[serde(rename = "http/protobuf")]
    Http,
    #[serde(rename = "grpc")]
    Grpc,
}

/// How requests to the collector are packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Compression {
    #[default]
    Gzip,
    None,
}

/// `[telemetry.bucket]`: how an object store's service is reached. No secret is in it: credentials are in the environment, or in
/// a file of their own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Bucket {
    /// Where the service is, if it is not the cloud's own.
    pub(crate) endpoint: Option<String>,
    /// The region of an S3 bucket.
    pub(crate) region: Option<String>,
    /// The storage account of an Azure container.
    pub(crate) account: Option<String>,
    /// The authorities that the service's certificate is checked with, PEM, beside this machine's.
    pub(crate) authorities: Option<PathBuf>,
    /// A file with credentials, which only its owner may read.
    pub(crate) credentials: Option<PathBuf>,
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

fn queue_mib_max() -> u32 {
    1_024
}
