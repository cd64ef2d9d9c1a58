//! What an agent is told of a request (sections 3.02, 3.03 and 3.06).

use jiff::Timestamp;
use serde::Serialize;

use crate::Refusal;

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Taken, and not begun.
    Open,
    /// Being worked on, or waiting for the person.
    InProgress,
    /// Done.
    Fulfilled,
    /// Taken back.
    Revoked,
    /// Not done; [`Status::reason`] says why.
    Denied,
    /// Nobody answered in time.
    Expired,
}

/// Why it stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The person has to prove who they are.
    NeedUserVerification,
    /// They did not.
    InsufVerification,
    /// Nobody is known by what the agent verified.
    NoMatch,
    /// The right is not one that the rules give here.
    ClaimNotCovered,
    /// The rules do not hold for this person.
    OutsideJurisdiction,
    /// More requests than have to be answered.
    TooManyRequests,
    /// The request seems not to come from the person.
    SuspectedFraud,
    /// Something else.
    Other,
}

/// The exercise status object (section 3.03).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Our id of the request.
    pub request_id: String,
    /// The agent's own, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_request_id: Option<Box<str>>,
    /// Where it stands.
    pub status: State,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// When it was taken.
    pub received_at: Timestamp,
    /// Until when it is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_by: Option<Timestamp>,
    /// More about where it stands, for the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processing_details: Option<String>,
    /// Where the person proves who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_verification_url: Option<String>,
    /// Where the person, after their login, finds the result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results_url: Option<String>,
    /// Until when it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// The body of an error (section 3.06).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// The HTTP status as text.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// Whether sending the same again is of no use.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fatal: bool,
}

impl From<Refusal> for ErrorBody {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.http_status().to_string(),
            message: refusal.to_string(),
            fatal: refusal.is_fatal(),
        }
    }
}
