//! Questions to telemetry.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A question, and what it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryRequest {
    /// A purpose of the data map. Where it rests on consent, only the people who agree to it now are in the tables.
    #[schema(example = "improvement")]
    pub purpose: String,
    /// One statement that reads, as DataFusion understands SQL; at most 64 KiB.
    #[schema(example = "SELECT event, count(*) FROM logs GROUP BY event ORDER BY 2 DESC")]
    pub sql: String,
    /// How the answer is written.
    #[serde(default)]
    pub format: QueryFormat,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum QueryFormat {
    /// Columns that line up, for people.
    Table,
    /// RFC 4180, with a line of names.
    Csv,
    /// An object a line.
    #[default]
    Json,
    /// A Parquet file.
    Parquet,
    /// An Arrow IPC stream.
    Arrow,
}
