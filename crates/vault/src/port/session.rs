//! Sessions and reviews as the data store keeps them, and what can be asked about them.

use jiff::{SignedDuration, Timestamp};

use crate::{PrincipalName, SessionId, SourceName, TokenId};

/// An auditor's verdict.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
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
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Approved, Self::Flagged];

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
    /// When something was first opened in an emergency, without asking anybody.
    pub emergency_at: Option<Timestamp>,
    /// The last verdict; `None` is pending.
    pub review: Option<Review>,
}

/// A session with an emergency is reviewed within this time after it.
pub const EMERGENCY_REVIEW: SignedDuration = SignedDuration::from_hours(24);

impl SessionRow {
    /// Whether somebody should have looked at its emergency by now.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let late = |at: Timestamp| now.duration_since(at) > EMERGENCY_REVIEW;
        self.verdict() == Verdict::Pending && self.emergency_at.is_some_and(late)
    }

    /// The last verdict.
    pub fn verdict(&self) -> Verdict {
        self.review
            .as_ref()
            .map_or(Verdict::Pending, |review| review.verdict)
    }

    /// What a store holds after `newer` was put over this row.
    #[must_use]
    pub fn merged(self, newer: Self) -> Self {
        Self {
            active_at: self.active_at.max(newer.active_at),
            ended_at: self.ended_at.or(newer.ended_at),
            decrypted: self.decrypted || newer.decrypted,
            statements: self.statements.max(newer.statements),
            opened: self.opened.max(newer.opened),
            emergency_at: self.emergency_at.or(newer.emergency_at),
            review: newer.review.or(self.review),
            ..newer
        }
    }
}

/// A place in a list of sessions: behind this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionCursor {
    /// When it was justified.
    pub started_at: Timestamp,
    /// The session, since several may begin at one moment.
    pub id: SessionId,
}

impl From<&SessionRow> for SessionCursor {
    fn from(row: &SessionRow) -> Self {
        Self {
            started_at: row.started_at,
            id: row.id,
        }
    }
}

/// In which order sessions are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SessionOrder {
    /// The newest first.
    #[default]
    NewestFirst,
    /// The oldest first: what waits longest comes first.
    OldestFirst,
}

/// Which sessions to list. Empty: all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Only those with this verdict.
    pub verdict: Option<Verdict>,
    /// Only those of this principal.
    pub principal: Option<PrincipalName>,
    /// Only those of others than this principal.
    pub not_by: Option<PrincipalName>,
    /// Only those over this source.
    pub source: Option<SourceName>,
    /// Only those in which something was decrypted.
    pub decrypted: Option<bool>,
    /// Only those in which something was opened in an emergency.
    pub emergency: Option<bool>,
    /// Only those that have not ended.
    pub open: Option<bool>,
    /// Only those that started at this moment or later.
    pub from: Option<Timestamp>,
    /// Only those that started before this moment.
    pub before: Option<Timestamp>,
    /// In which order.
    pub order: SessionOrder,
    /// Only those behind this one in that order (the next page).
    pub after: Option<SessionCursor>,
    /// At most this many (0: 100).
    pub count_max: u32,
}

/// How much an entry of a session matters to a reader who does not read all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionPart {
    /// What was done without anything being opened: there may be a hundred thousand of these.
    Step,
    /// What opened something, asked for it, or was refused.
    Sensitive,
    /// What frames the session: its reason, grants, verdicts, comments.
    Frame,
}

impl SessionPart {
    /// As stores keep it; larger is more.
    pub const fn code(self) -> i16 {
        match self {
            Self::Step => 0,
            Self::Sensitive => 1,
            Self::Frame => 2,
        }
    }
}

/// A log entry to note as a session's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSessionEntry {
    /// The session.
    pub session: SessionId,
    /// The log that holds the entry.
    pub origin: String,
    /// The entry's place in it.
    pub index: u64,
    /// How much it matters.
    pub part: SessionPart,
}

/// A log entry of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEntry {
    /// Grows in the order noted; says nothing else.
    pub number: u64,
    /// The log that holds the entry.
    pub origin: String,
    /// The entry's place in it.
    pub index: u64,
}

/// Which entries of a session to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEntryFilter {
    /// The session.
    pub session: SessionId,
    /// Only those that matter so much. Those noted by versions that did not say are always among them.
    pub at_least: SessionPart,
    /// Only those behind this number (the next page); 0 is the start.
    pub after: u64,
    /// At most this many.
    pub count_max: u32,
}

/// A period in equal steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TallyPeriod {
    /// Sessions that started at this moment or later …
    pub from: Timestamp,
    /// … and before this one.
    pub before: Timestamp,
    /// The length of a step, the first of which begins at `from`; at least a second.
    pub step: SignedDuration,
}

/// How many sessions of a period are alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionTally {
    /// Over which source.
    pub source: SourceName,
    /// In which step of the period they started, from 0.
    pub step: u32,
    /// Whether anything was decrypted in them.
    pub decrypted: bool,
    /// The last verdict.
    pub verdict: Verdict,
    /// Who gave it.
    pub reviewer: Option<PrincipalName>,
    /// Sessions.
    pub sessions: u64,
    /// Statements recorded in them.
    pub statements: u64,
    /// Values opened in them.
    pub opened: u64,
}
