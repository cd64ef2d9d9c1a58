//! The data store: sealed values, blind indexes, sessions and reviews.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;
use crate::{PrincipalName, Puid, SessionId, SourceName, TokenId};

/// The blind-index row of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Index version and 16 bytes, as `privet_seal::BlindIndex::as_bytes` gives them.
    pub bytes: [u8; 18],
    /// Whether another subject may hold the same value.
    pub unique: bool,
}

/// One sealed value to store; it replaces the subject's former value of the field.
#[derive(Debug, Clone)]
pub struct ValueWrite {
    /// Whose value.
    pub puid: Puid,
    /// Which field.
    pub field: u16,
    /// The sealed value, binary; `None` deletes value and index rows.
    pub sealed: Option<Vec<u8>>,
    /// Index rows: one per live index version.
    pub index: Vec<IndexEntry>,
}

/// An auditor's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nobody has decided yet.
    Pending,
    /// In order.
    Approved,
    /// Not in order.
    Flagged,
}

impl Verdict {
    /// `pending`, `approved`, `flagged`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Flagged => "flagged",
        }
    }
}

/// A verdict with who gave it and when; the note is in the side record of its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// What was decided.
    pub verdict: Verdict,
    /// By whom.
    pub reviewer: PrincipalName,
    /// When.
    pub at: Timestamp,
}

/// A session as a row: facts alone. What is long or personal (reason, statements) is in the side records of its
/// entries in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The session.
    pub id: SessionId,
    /// Who.
    pub principal: PrincipalName,
    /// With which token.
    pub token: TokenId,
    /// Over which application's database.
    pub source: SourceName,
    /// When it was justified.
    pub started_at: Timestamp,
    /// The last statement or command.
    pub active_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether anything was decrypted in it.
    pub decrypted: bool,
    /// Statements recorded.
    pub statements: u64,
    /// Values opened.
    pub opened: u64,
    /// The last verdict; `None` is pending.
    pub review: Option<Review>,
}

impl SessionRow {
    /// What a store holds after `newer` was put over this row.
    #[must_use]
    pub fn merged(self, newer: Self) -> Self {
        Self {
            active_at: self.active_at.max(newer.active_at),
            ended_at: self.ended_at.or(newer.ended_at),
            decrypted: self.decrypted || newer.decrypted,
            statements: self.statements.max(newer.statements),
            opened: self.opened.max(newer.opened),
            review: newer.review.or(self.review),
            ..newer
        }
    }
}

/// Which sessions to list. Empty: all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Only those with this verdict.
    pub verdict: Option<Verdict>,
    /// Only those of this principal.
    pub principal: Option<PrincipalName>,
    /// Only those in which something was decrypted.
    pub decrypted: Option<bool>,
    /// Only those that have not ended.
    pub open: Option<bool>,
    /// Skip sessions started at or after this moment (the next page).
    pub before: Option<Timestamp>,
    /// At most this many (0: 100).
    pub count_max: u32,
}

/// The data store. Methods that take lists answer in the list's order.
#[async_trait]
pub trait DataStore: Send + Sync {
    /// Stores values in one transaction; [`StoreError::NotUnique`] names the field whose unique index refused
    /// (nothing is stored).
    async fn put_values(&self, values: Vec<ValueWrite>) -> Result<(), StoreError>;

    /// Sealed values of several subjects: for each subject, one entry per field.
    async fn values(
        &self,
        subjects: &[Puid],
        fields: &[u16],
    ) -> Result<Vec<Vec<Option<Vec<u8>>>>, StoreError>;

    /// The fields that a subject has values for, ascending.
    async fn fields_of(&self, subject: Puid) -> Result<Vec<u16>, StoreError>;

    /// Who holds a value with this index, at most `count_max`.
    async fn lookup(
        &self,
        field: u16,
        index: [u8; 18],
        count_max: u32,
    ) -> Result<Vec<Puid>, StoreError>;

    /// Deletes a subject's values and index rows; answers how many values there were.
    async fn delete_subject(&self, subject: Puid) -> Result<u64, StoreError>;

    /// Writes a session's row, new or changed. Of an existing one counts and times only grow, and an end or a verdict
    /// stays: rows are saved behind statements, in any order, while others end and review the session.
    async fn put_session(&self, session: SessionRow) -> Result<(), StoreError>;

    /// One session.
    async fn session(&self, id: SessionId) -> Result<Option<SessionRow>, StoreError>;

    /// Sessions, newest first.
    async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionRow>, StoreError>;

    /// Notes that a log entry belongs to a session.
    async fn add_session_entries(
        &self,
        entries: Vec<(SessionId, String, u64)>,
    ) -> Result<(), StoreError>;

    /// The log entries `(origin, index)` of a session, in the order written.
    async fn session_entries(&self, id: SessionId) -> Result<Vec<(String, u64)>, StoreError>;
}
