//! What the server says about itself and about the caller.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::TokenId;

/// What sort of principal acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    /// A person of the staff.
    Person,
    /// Another program.
    Job,
    /// The person whom the data is about.
    Subject,
}

/// Whose token it is, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Whoami {
    /// The principal.
    pub principal: String,
    /// Person, job or subject.
    pub kind: PrincipalKind,
    /// Its groups in the policy bundle.
    pub groups: Vec<String>,
    /// The token.
    pub token: TokenId,
    /// The environment.
    pub environment: String,
    /// The tenant that subjects belong to unless said otherwise.
    pub tenant: String,
}

/// How the server is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// The short answer.
    pub status: HealthStatus,
    /// The environment: a client sees by it that it is about to send its token to the right server.
    pub environment: String,
    /// Why it is not ready; empty when it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<HealthReason>,
    /// What is not as it should be, and keeps nothing from being revealed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<HealthReason>,
}

/// The short answer about the server's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// The process answers.
    Live,
    /// It would reveal what may be revealed.
    Ready,
    /// It reveals nothing at the moment.
    Unready,
}

/// One reason for revealing nothing, or one warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthReason {
    /// The code that a refused request gets.
    pub code: String,
    /// What to do.
    pub text: String,
}
