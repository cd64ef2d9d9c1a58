//! Entries of the audit log as JSON. (Checkpoint, tiles and proofs are no JSON: they are what C2SP says.)

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::HealthReason;

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

/// How the log stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogStatus {
    /// The log's name.
    pub origin: String,
    /// What verifies its checkpoints, as `privet audit verify --key` takes it.
    pub verifier_key: String,
    /// How many entries it has.
    pub size: u64,
    /// When the last one was written.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_entry_at: Option<Timestamp>,
    /// The newest signed checkpoint, a C2SP signed note.
    pub checkpoint: String,
    /// The full check of what was there when the server started.
    pub check: LogCheck,
    /// Entries refused since the start: nothing was revealed for them.
    pub refused: u64,
    /// Why nothing is revealed at the moment; empty when all is well.
    pub findings: Vec<HealthReason>,
}

/// A full check of the log: every entry against the signed checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogCheck {
    /// Entries checked.
    pub done: u64,
    /// Entries to check.
    pub of: u64,
    /// When it ended; `null` while it runs. A check that finds something stops the log, which `findings` says.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}
