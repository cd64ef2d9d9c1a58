//! Errors as problem details (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem (RFC 9457 section 6.1).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was refused. Programs look at `code`; `detail` is for people and never holds personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:privet:error:` and the code (RFC 9457 section 3.1.1).
    #[serde(rename = "type")]
    pub kind: String,
    /// What the status means, in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code; `docs/errors.md` lists each with its meaning and what to do.
    #[schema(example = "policy_denied")]
    pub code: String,
    /// What happened here and what to do.
    pub detail: String,
    /// The request, as the server's log names it.
    pub request_id: String,
}
