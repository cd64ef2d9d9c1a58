//! Entries of the audit log as JSON. (Checkpoint, tiles and proofs are no JSON: they are what C2SP says.)

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

/// Which entries to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// The first; without it, the newest `count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
    /// At most this many: 1 to 1,000, 100 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Open the sealed side records too: reasons, addresses, whose data.
    pub details: bool,
    /// If the log has not reached `first`, wait for it this long: 0 to 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<u32>,
}

/// A stretch of the log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LogPage {
    /// How many entries the log has.
    pub size: u64,
    /// The entries, in order.
    pub entries: Vec<LogEntry>,
}

/// One entry.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct LogEntry {
    /// Its place in the log.
    pub index: u64,
    /// The entry, byte for byte as the Merkle tree has it: hash this text to check it.
    #[schema(value_type = Object)]
    pub entry: Box<RawValue>,
    /// What its side record holds; absent unless asked for, and where there is none or its key is destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<serde_json::Value>,
}

impl std::fmt::Debug for LogEntry {
    // The details are personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogEntry")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
