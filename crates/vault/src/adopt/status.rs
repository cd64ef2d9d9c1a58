//! Where an adoption stands, as those who watch it see it. Names and numbers only, never values.

use serde::{Deserialize, Serialize};

use crate::{JobId, SourceName};

/// What an adoption is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Reading everything once, to find what stands in the way before anything is changed.
    Looking,
    /// Sealing values, batch by batch.
    Sealing,
    /// Writing values back in plaintext, because an adoption is taken back.
    Opening,
    /// Adding indexes and guards, and removing old plaintext from the file.
    Finishing,
    /// Over, as asked.
    Done,
    /// Over, because of what `problems` says; what was sealed stays sealed, and starting again goes on from there.
    Failed,
}

impl JobState {
    /// Whether nothing more happens.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

/// An adoption, or what one would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStatus {
    /// The job.
    pub id: JobId,
    /// The source.
    pub source: SourceName,
    /// Whether it only looks.
    pub dry_run: bool,
    /// Whether it takes an adoption back; values are then opened where this says sealed, and stay sealed where it says left.
    pub undo: bool,
    /// What it is doing.
    pub state: JobState,
    /// Table by table, in the data map's order.
    pub tables: Vec<TableStatus>,
    /// Values sealed so far.
    pub done: u64,
    /// Values to seal.
    pub total: u64,
    /// Values sealed per second since sealing began; 0 before.
    pub values_per_second: u64,
    /// Seconds until sealing ends, as far as can be told.
    pub seconds_left: Option<u64>,
    /// Values that stay in plaintext, for the reasons in the tables' findings; known at the end.
    pub left: u64,
    /// Why it failed, one sentence each that says what to do.
    pub problems: Vec<String>,
    /// What is right but worth knowing.
    pub notes: Vec<String>,
}

/// One table of an adoption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableStatus {
    /// The table.
    pub table: String,
    /// Its columns to seal.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows: u64,
    /// Values that can be sealed.
    pub to_seal: u64,
    /// Values that were sealed before.
    pub sealed: u64,
    /// Values sealed by this job.
    pub done: u64,
    /// Rows that need somebody's attention.
    pub findings: Vec<Finding>,
}

/// Rows with the same peculiarity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is and what it means, as a sentence.
    pub what: String,
    /// How many rows.
    pub rows: u64,
    /// The first few, by the engine's row id or their key.
    pub first: Vec<String>,
}

impl JobStatus {
    pub(crate) fn new(id: JobId, source: SourceName, dry_run: bool) -> Self {
        Self {
            id,
            source,
            dry_run,
            undo: false,
            state: JobState::Looking,
            tables: Vec::new(),
            done: 0,
            total: 0,
            values_per_second: 0,
            seconds_left: None,
            left: 0,
            problems: Vec::new(),
            notes: Vec::new(),
        }
    }
}
