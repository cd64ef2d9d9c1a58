//! Sessions of the protected console, as auditors list, read and review them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Grant, GrantId, Personal, SessionId, TokenId};

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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams, ToSchema)]
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
    /// Only those in which something was opened in an emergency (or nothing was).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emergency: Option<bool>,
    /// Only those that have not ended (or that have).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// Only those over this source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Only those that started at this moment or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub from: Option<Timestamp>,
    /// Only those that started before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub before: Option<Timestamp>,
    /// The oldest first instead of the newest.
    pub oldest_first: bool,
    /// Those in which something was opened in an emergency before all others.
    pub urgent_first: bool,
    /// Reasons and links too, where they can still be read.
    pub reasons: bool,
    /// The next page: what `next` was on the page before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most this many: 1 to 1,000, 100 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// Which sessions to search. The text is in a body, because it may be personal and addresses are kept by many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionSearch {
    /// What the reason or the link holds, whatever its case; at most 200 characters.
    pub text: Personal,
    /// The filter, as of listing; reasons are always answered.
    #[serde(default)]
    pub filter: SessionQuery,
}

/// Sessions, in the order asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<Session>,
    /// What `after` has to be for the next page; absent on the last. A search looks at 2,000 sessions at a time, so
    /// there may be more even where it found none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How many sessions were looked at for this page.
    pub looked_at: u32,
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
    /// When something was first opened in an emergency, without asking anybody; absent if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub emergency_at: Option<Timestamp>,
    /// Whether that should have been reviewed by now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// The last verdict.
    pub verdict: Verdict,
    /// Who gave it, and when; `null` while pending.
    pub review: Option<Review>,
    /// Why, as stated; absent unless asked for, and once the session's key is destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal>,
    /// The ticket or incident, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Personal>,
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

/// Which steps of a session to read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct StepQuery {
    /// Only what opened something, asked for it, or was refused.
    pub sensitive: bool,
    /// The next page: what `next` was on the page before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// A session with what was done in it, a page at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionDetail {
    /// The facts, with reason and link.
    pub session: Session,
    /// Whether what was typed can still be read: the session's key dies some time after the verdict.
    pub readable: bool,
    /// The audit entry that holds the reason.
    pub entry: Option<u64>,
    /// What it might open, oldest first.
    pub grants: Vec<Grant>,
    /// Verdicts and comments, oldest first; none is ever taken back.
    pub notes: Vec<Note>,
    /// What was done, in order.
    pub statements: Vec<Statement>,
    /// What `after` has to be for the next page of statements; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A verdict or a comment on a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Note {
    /// The audit entry that holds it; `null` where that is in another server's log.
    pub entry: Option<u64>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// The verdict; `null` for a comment.
    pub verdict: Option<Verdict>,
    /// What was written; `null` for nothing, and once the session's key is destroyed.
    pub text: Option<Personal>,
}

/// One recorded step of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Statement {
    /// The audit entry that holds it.
    pub entry: u64,
    /// The log with that entry, where it is another server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<String>,
    /// The kind of that entry, such as `statement.opened`.
    pub kind: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The statement; `null` where the step is none, or its text was destroyed.
    pub sql: Option<Personal>,
    /// Which of the session's connections sent it, from 1 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<u64>,
    /// Bytes of the whole statement, where the record keeps its two ends alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_from: Option<u64>,
    /// Its parameters.
    pub parameters: Vec<Option<Personal>>,
    /// Whether values could open.
    pub decrypted: bool,
    /// The grant it rests on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// Values that were opened.
    pub opened: Vec<OpenedCount>,
    /// Rows of the whole result, where values could open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Whether the client took a part of the result alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
    /// Fields that were searched for an exact value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searched: Vec<String>,
    /// Why it ended or was refused, in words or as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The statement's entry, where this says what a statement of another page showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shows: Option<u64>,
    /// Whether its text can no longer be read, because its key was destroyed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub destroyed: bool,
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

/// Adds a comment to somebody else's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentRequest {
    /// What there is to say, at most 4,000 characters.
    pub text: Personal,
}
