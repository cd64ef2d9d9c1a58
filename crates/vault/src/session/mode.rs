//! What a connection may do, in words for the client.

use jiff::Timestamp;

use crate::{GrantId, SessionId};

/// What a connection may do right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// No reason yet: only what clients send by themselves passes.
    Unjustified,
    /// Sealed values stay sealed.
    Protected,
    /// The values of one subject, or of a few, open.
    Decrypted {
        /// Whose, as the client typed it; of many, the first.
        subject: String,
        /// Until when.
        until: Timestamp,
        /// The grant.
        grant: GrantId,
        /// Whether it was taken in an emergency.
        emergency: bool,
    },
}

/// A connection's state in words for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The principal.
    pub principal: String,
    /// The environment.
    pub environment: String,
    /// The source.
    pub source: String,
    /// The session, once justified.
    pub session: Option<SessionId>,
    /// The mode.
    pub mode: Mode,
}
