//! Where a request stands, and what the operator decides about requests.

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};

use crate::RequestRunId;

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectRequestKind {
    /// Everything that is held of them, as a file (GDPR article 15 and 20).
    Access,
    /// That they are forgotten (article 17).
    Erasure,
}

impl SubjectRequestKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Access, Self::Erasure];

    /// `access` or `erasure`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Erasure => "erasure",
        }
    }
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectRequestState {
    /// Access: for the next batch.
    Waiting,
    /// Access: a server gathers what is held, or will try again.
    Collecting,
    /// Access: the file is there; whoever is to be told was not told yet.
    Ready,
    /// Access: the file is there, and the person was told.
    Notified,
    /// Access: the file's time is over; it is gone.
    Expired,
    /// Erasure: it can still be taken back.
    Cooling,
    /// Erasure: a server destroys, or will try again.
    Destroying,
    /// Erasure: the keys and links are destroyed; that no restore brings them back is not confirmed yet. Of single fields: it is
    /// carried out, and the key before may still open.
    Confirming,
    /// Erasure: the keys and links are destroyed, and that is confirmed.
    Done,
    /// Taken back; nothing is left of it.
    Cancelled,
}

impl SubjectRequestState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Waiting,
        Self::Collecting,
        Self::Ready,
        Self::Notified,
        Self::Expired,
        Self::Cooling,
        Self::Destroying,
        Self::Confirming,
        Self::Done,
        Self::Cancelled,
    ];

    /// The state's stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Collecting => "collecting",
            Self::Ready => "ready",
            Self::Notified => "notified",
            Self::Expired => "expired",
            Self::Cooling => "cooling",
            Self::Destroying => "destroying",
            Self::Confirming => "confirming",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the person still waits for what they asked for. A subject has at most one such request of each kind.
    pub const fn is_running(self) -> bool {
        matches!(
            self,
            Self::Waiting | Self::Collecting | Self::Cooling | Self::Destroying | Self::Confirming
        )
    }

    /// Whether there is a file.
    pub const fn has_file(self) -> bool {
        matches!(self, Self::Ready | Self::Notified)
    }

    /// Whether nothing will happen to it any more.
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Expired | Self::Done | Self::Cancelled)
    }
}

/// A server's right to take the step that is due, and nobody else's meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Names this attempt alone: who reports another one's result is not heard.
    pub run: RequestRunId,
    /// The origin of the server's log.
    pub server: String,
    /// From when on another server may take over.
    pub until: Timestamp,
}

/// The finished file of an access request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestFile {
    /// The attempt that made it: files of others are left-overs.
    pub run: RequestRunId,
    /// The server that made it, which alone has it where files lie in its own directory.
    pub server: String,
    /// What the person receives, in bytes.
    pub size_bytes: u64,
    /// When it was finished.
    pub made_at: Timestamp,
    /// When it is deleted, and its key destroyed.
    pub until: Timestamp,
}

/// Where a request stands: all of it that changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Progress {
    /// How far it is.
    pub state: SubjectRequestState,
    /// From when on the next step may be taken, where the state has one.
    pub due_at: Timestamp,
    /// Attempts at that step that failed, one after the other.
    pub attempts: u32,
    /// The stable code of the last failure, until a step succeeds.
    pub failure: Option<String>,
    /// Who takes the step.
    pub lease: Option<Lease>,
    /// Whether somebody is to be told when the file is there.
    pub notify: bool,
    /// The file, once there is one; it says when the file was, also after its end.
    pub file: Option<RequestFile>,
    /// Erasure: what its receipt says, as far as it is known. It leads to nobody.
    pub receipt: Option<Vec<u8>>,
    /// When the request ended.
    pub ended_at: Option<Timestamp>,
}

/// What the operator decides about requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRules {
    /// When access requests are collected each day (UTC), all of them together.
    pub batch_at: Time,
    /// How long an erasure can be taken back.
    pub cooling: SignedDuration,
    /// How long a file is kept.
    pub file_life: SignedDuration,
    /// How long a server may say nothing before another takes its step over.
    pub lease: SignedDuration,
    /// The pause after a first failure; each further one doubles it …
    pub pause: SignedDuration,
    /// … up to this.
    pub pause_max: SignedDuration,
    /// How many days backups of the key store are kept, as receipts of erasure say.
    pub key_backup_days: u32,
}

impl Default for RequestRules {
    fn default() -> Self {
        Self {
            batch_at: Time::constant(2, 0, 0, 0),
            cooling: SignedDuration::from_hours(7 * 24),
            file_life: SignedDuration::from_hours(30 * 24),
            lease: SignedDuration::from_mins(5),
            pause: SignedDuration::from_secs(30),
            pause_max: SignedDuration::from_hours(1),
            key_backup_days: 14,
        }
    }
}
