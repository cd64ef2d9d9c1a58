//! Grants, and requests for them that a second person has to approve.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{GrantId, GrantRequestId, Personal, SessionId};

/// What a session might open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// The grant.
    pub id: GrantId,
    /// Whose data, as the engineer named it.
    pub subject: Option<Personal>,
    /// Whose data, as the audit log refers to them.
    pub references: Vec<String>,
    /// The policies that allowed it.
    pub policies: Vec<String>,
    /// The audit entry that holds it.
    pub entry: Option<u64>,
    /// Names of fields.
    pub fields: Vec<String>,
    /// Where the consent can be found.
    pub evidence: Option<Personal>,
    /// Whether it was taken in an emergency, without asking anybody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub emergency: bool,
    /// Why it could not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency_reason: Option<Personal>,
    /// The second person who approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// When it took effect.
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Timestamp,
    /// When it ends by itself.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// When it was ended before that.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// Which grants to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct GrantQuery {
    /// Only those that open something now; else those of the last two weeks.
    pub live: bool,
    /// At most this many: 1 to 200, 50 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// Grants, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantList {
    /// The grants.
    pub grants: Vec<ListedGrant>,
}

/// A grant of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListedGrant {
    /// The grant; subject and evidence only for whoever may read its session.
    #[serde(flatten)]
    pub grant: Grant,
    /// Who holds it.
    pub principal: String,
    /// The session that it belongs to.
    pub session: SessionId,
    /// Over which application's database.
    pub source: String,
    /// Whether it opens anything now.
    pub live: bool,
}

/// Ends a grant at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RevokeGrant {
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal>,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RequestState {
    /// Nobody has decided.
    Waiting,
    /// Approved, and not used yet.
    Approved,
    /// Rejected, withdrawn, or its approval was taken back.
    Rejected,
    /// A grant was made of it.
    Used,
    /// Its time is over.
    Expired,
}

/// Requests for grants, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantRequestList {
    /// The requests: at most 200.
    pub requests: Vec<GrantRequest>,
}

/// A request for a grant that a second person has to approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantRequest {
    /// The request.
    pub id: GrantRequestId,
    /// Where it stands.
    pub state: RequestState,
    /// Who asks.
    pub principal: String,
    /// In which session.
    pub session: SessionId,
    /// Over which application's database.
    pub source: String,
    /// Whose data, as the engineer named it.
    pub subject: Option<Personal>,
    /// Whose data, as the audit log refers to them.
    pub references: Vec<String>,
    /// Names of fields.
    pub fields: Vec<String>,
    /// For how long the grant would last.
    pub minutes: u32,
    /// Where the consent can be found.
    pub evidence: Option<Personal>,
    /// Why the session is there.
    pub reason: Option<Personal>,
    /// Its ticket or incident.
    pub link: Option<Personal>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub asked_at: Timestamp,
    /// When it ends, decided or not.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
}

/// What there is to say to a decision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Decide {
    /// At most 4,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal>,
}
