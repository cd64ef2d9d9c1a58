//! What is kept of the answers of people who left.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ConsentEvent, Personal, Puid};

/// Whose kept answers are to be read, and why. The id is in a body, because addresses are kept by many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadKeptConsent {
    /// The account, as the answer to its closing named it.
    pub puid: Puid,
    /// What it is for, in a few words; on record, sealed. At most 2,000 characters.
    pub reason: Personal,
    /// Answers before this number, as a page's `before` names it; without it, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
}

/// What is kept of the answers of somebody who left, a page at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptConsent {
    /// The account.
    pub puid: Puid,
    /// The day on which all of it is destroyed.
    #[schema(value_type = String, format = Date)]
    pub until: Date,
    /// Newest first, at most 100.
    pub answers: Vec<KeptAnswer>,
    /// Where older answers go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
}

/// One answer of somebody who left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptAnswer {
    /// The answer, with its evidence where there is some.
    pub event: ConsentEvent,
    /// Its signed receipt, which names the account instead of the operational id; absent where the server gives none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub receipt: Option<serde_json::Value>,
}
