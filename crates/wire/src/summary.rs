//! A period of the protected console in numbers, for auditors.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Personal, Session};

/// How a summary is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SummaryFormat {
    /// [`Summary`] as JSON.
    #[default]
    Json,
    /// Markdown, to be sent round.
    Markdown,
    /// CSV: the decrypted sessions and those without a verdict, a line each.
    Csv,
}

/// Which period, and how it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct SummaryQuery {
    /// Sessions that started at this moment or later; without it, two weeks before `before`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Sessions that started before this moment; without it, now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub before: Option<Timestamp>,
    /// How it is written.
    #[param(inline)]
    pub format: SummaryFormat,
}

/// A period, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// The sessions that started at this moment or later …
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// … and before this one.
    #[schema(value_type = String, format = DateTime)]
    pub before: Timestamp,
    /// The length of a source's steps in seconds.
    pub step_seconds: u64,
    /// All sessions of the period.
    pub total: SessionCounts,
    /// All sessions of the equally long period before it.
    pub former: SessionCounts,
    /// By source.
    pub sources: Vec<SourceSummary>,
    /// By who gave the last verdict.
    pub reviewers: Vec<ReviewerSummary>,
    /// By reason, of sessions in which something was decrypted; the most frequent first.
    pub reasons: Vec<ReasonSummary>,
    /// The sessions in which something was decrypted, newest first.
    pub decrypted: Vec<Session>,
    /// Whether there are more of these than are listed and counted by reason.
    pub decrypted_cut: bool,
    /// The sessions in which something was opened in an emergency, newest first.
    pub emergencies: Vec<Session>,
    /// Whether there are more of these than are listed.
    pub emergencies_cut: bool,
    /// What nobody has given a verdict on, the oldest first.
    pub pending: Vec<Session>,
    /// Whether there are more of these than are listed.
    pub pending_cut: bool,
}

/// What the automatic analysis of sessions points out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionFindings {
    /// Emergencies that nobody reviewed within 24 hours, the oldest first.
    pub overdue: Vec<Session>,
    /// Sessions whose text was destroyed at its longest term without an approval, the newest first.
    pub expired: Vec<Session>,
    /// Reasons that led to decrypting much more or much less often than before, the most frequent first.
    pub reasons: Vec<ReasonSummary>,
    /// Sessions in which something was decrypted, in the last two weeks …
    pub decrypted: u64,
    /// … and in the two weeks before.
    pub decrypted_before: u64,
    /// Whether there may be more than is listed.
    pub cut: bool,
}

/// How many sessions there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionCounts {
    /// Sessions.
    pub sessions: u64,
    /// Sessions in which something was decrypted.
    pub decrypted: u64,
    /// Sessions without a verdict.
    pub pending: u64,
    /// Approved sessions.
    pub approved: u64,
    /// Flagged sessions.
    pub flagged: u64,
    /// Statements recorded.
    pub statements: u64,
    /// Values opened.
    pub opened: u64,
}

/// One source's sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceSummary {
    /// The source.
    pub source: String,
    /// The period.
    pub counts: SessionCounts,
    /// Each step of it.
    pub steps: Vec<SessionCounts>,
}

/// What one auditor gave verdicts on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReviewerSummary {
    /// The auditor.
    pub reviewer: String,
    /// Sessions approved.
    pub approved: u64,
    /// Sessions flagged.
    pub flagged: u64,
}

/// How often a reason led to something being decrypted. Case, numbers and punctuation make no other reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReasonSummary {
    /// The reason as it was first stated; `null` where the key that opens it is destroyed.
    pub reason: Option<Personal>,
    /// Sessions of the period.
    pub now: u64,
    /// Sessions of the period before it.
    pub former: u64,
}
