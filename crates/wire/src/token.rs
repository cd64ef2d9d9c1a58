//! Tokens: issued, listed, revoked by operators.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Personal, TokenId};

/// Issues a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueToken {
    /// A principal of the policy bundle.
    #[schema(example = "on_call")]
    pub principal: String,
    /// For how many days: 1 to 366.
    #[schema(example = 90)]
    pub days: u32,
    /// What it is for; at most 200 characters, nothing personal.
    #[serde(default)]
    pub note: String,
}

/// A token that was just issued: the only moment at which its text exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IssuedToken {
    /// Its id, which is not secret.
    pub id: TokenId,
    /// The text to hand over: `pvt_…`.
    pub token: Personal,
    /// When it ends by itself.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Every token, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenList {
    /// The tokens.
    pub tokens: Vec<Token>,
}

/// A token as stored: nothing of it can be used to log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Whose it is.
    pub principal: String,
    /// When it was issued.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends by itself.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// What it is for.
    pub note: String,
    /// Whether it is good for anything now.
    pub state: TokenState,
}

/// Whether a token is good for anything now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenState {
    /// It opens the doors.
    Live,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
    /// Its principal is not in the policy bundle any more.
    Orphaned,
}

/// A link that logs its holder in to the pages, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoginLink {
    /// Where, on this server: `/login?code=…`. Whoever has it can log in.
    pub path: Personal,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}
