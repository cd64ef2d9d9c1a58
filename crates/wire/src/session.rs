//! Sessions of the protected console, as auditors list, read and review them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{GrantId, Personal, SessionId, TokenId};

/// What an auditor decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nobody has decided yet.
    Pending,
    /// In order.
    Approved,
    /// Not in order.
    Flagged,
}

/// Which sessions to list. Without any: all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct SessionQuery {
    /// Only those with this verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub verdict: Option<Verdict>,
    /// Only those of this principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Only those in which something was decrypted (or nothing was).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decrypted: Option<bool>,
    /// Only those that have not ended (or that have).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// Only those that started before this moment: the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub before: Option<Timestamp>,
    /// At most this many: 1 to 1,000, 100 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// Sessions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<Session>,
    /// What `before` has to be for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next: Option<Timestamp>,
}

/// The facts of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// Who.
    pub principal: String,
    /// With which token.
    pub token: TokenId,
    /// Over which application's database.
    pub source: String,
    /// When it was justified.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// The last statement or command.
    #[schema(value_type = String, format = DateTime)]
    pub active_at: Timestamp,
    /// When it ended; `null` while it runs.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// Whether anything was decrypted.
    pub decrypted: bool,
    /// Statements recorded.
    pub statements: u64,
    /// Values opened.
    pub opened: u64,
    /// The last verdict.
    pub verdict: Verdict,
    /// Who gave it, and when; `null` while pending.
    pub review: Option<Review>,
}

/// Who gave a verdict, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// The auditor.
    pub reviewer: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A session with everything that was done in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionDetail {
    /// The facts.
    pub session: Session,
    /// Why, as stated; `null` once the session's key is destroyed.
    pub reason: Option<Personal>,
    /// The ticket or incident.
    pub link: Option<Personal>,
    /// What it might open, oldest first.
    pub grants: Vec<Grant>,
    /// What was done, in order.
    pub statements: Vec<Statement>,
    /// The auditor's note.
    pub note: Option<Personal>,
}

/// What a session might open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// The grant.
    pub id: GrantId,
    /// Whose data, as the engineer named it.
    pub subject: Option<Personal>,
    /// Names of fields.
    pub fields: Vec<String>,
    /// Where the consent can be found.
    pub evidence: Option<Personal>,
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

/// One recorded step of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Statement {
    /// The audit entry that holds it.
    pub entry: u64,
    /// The kind of that entry, such as `statement.opened`.
    pub kind: String,
    /// When.
    pub at: String,
    /// The statement; `null` where the step is none, or its text was destroyed.
    pub sql: Option<Personal>,
    /// Its parameters.
    pub parameters: Vec<Option<Personal>>,
    /// Whether values could open.
    pub decrypted: bool,
    /// Values that were opened.
    pub opened: Vec<OpenedCount>,
}

/// How many values of a field were opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenedCount {
    /// The field.
    pub field: String,
    /// Values.
    pub count: u64,
}

/// Gives a verdict on somebody else's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewRequest {
    /// `approved` or `flagged`.
    pub verdict: Verdict,
    /// What there is to say; required when flagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal>,
}
