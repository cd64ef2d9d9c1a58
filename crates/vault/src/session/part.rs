//! How much an entry of a session matters to whoever reads it.

use crate::audit::EntryKind;
use crate::port::SessionPart;

impl EntryKind {
    /// What an entry of this kind is among a session's entries.
    pub(crate) const fn part(self) -> SessionPart {
        match self {
            Self::SessionOpened
            | Self::SessionReviewed
            | Self::SessionCommented
            | Self::GrantIssued
            | Self::GrantRequested
            | Self::GrantApproved
            | Self::GrantRejected
            | Self::Finding => SessionPart::Frame,
            Self::SessionJoined | Self::SessionStatements | Self::SessionEnded => SessionPart::Step,
            // Whatever else a session does is not routine.
            _ => SessionPart::Sensitive,
        }
    }
}
