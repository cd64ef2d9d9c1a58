//! Long runs inside the server: sealing an application's database in place.

use std::num::NonZeroU32;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::JobId;

/// Seals the classified columns of a source in place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdoptRequest {
    /// Only look, and change nothing.
    pub dry_run: bool,
    /// The most values that are sealed in a second; without it, as fast as it goes.
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub max_rate: Option<NonZeroU32>,
    /// Write the tables anew at the end, under the lock that it takes, so that no old value is left in them.
    pub rewrite: bool,
}

/// Asks for an adoption to be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoRequest {
    /// Why, in a few words; it goes on record.
    pub reason: String,
}

/// A request that waits for another person's approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UndoRequested {
    /// By which it is approved; the job will have the same.
    pub job: JobId,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
}

/// A job that was just started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobStarted {
    /// To ask how it is doing.
    pub job: JobId,
}

/// What a job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// The job.
    pub id: JobId,
    /// The source.
    pub source: String,
    /// Whether it only looks.
    pub dry_run: bool,
    /// Whether it takes an adoption back; values are then opened where this says sealed, and stay sealed where it says left.
    pub undo: bool,
    /// What it is doing.
    pub state: JobState,
    /// Table by table, in the data map's order.
    pub tables: Vec<JobTable>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobTable {
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// What it is and what it means, as a sentence.
    pub what: String,
    /// How many rows.
    pub rows: u64,
    /// The first few, by the engine's row id or their key.
    pub first: Vec<String>,
}
