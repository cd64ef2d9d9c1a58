//! What a caller of the vault can act on.

use crate::port::StoreError;

/// Result of a monitor call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the monitor said no. Each reason has a stable code, listed in `docs/errors.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The stable code, such as `policy_denied`.
    pub code: &'static str,
    /// What happened and what to do; no personal data, keys or SQL.
    pub text: String,
}

/// Every failure that crosses the vault's surface.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No token, a malformed, unknown, expired or revoked one, or one of another environment; deliberately one case.
    #[error("the token is not valid here: issue a new one with `privet token issue`")]
    Unauthenticated,
    /// Policy, purpose, consent or grant say no.
    #[error("{}", .0.text)]
    Denied(Reason),
    /// The request itself is wrong.
    #[error("{}", .0.text)]
    Invalid(Reason),
    /// What was named does not exist (or the caller may not know that it does).
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Bytes were asked for that a file does not have.
    #[error("the file has {size_bytes} bytes: ask for some of them")]
    Range {
        /// How many it has.
        size_bytes: u64,
    },
    /// Another writer was first, or a unique value exists already.
    #[error("{}", .0.text)]
    Conflict(Reason),
    /// Too many requests of this kind; try again later.
    #[error("{}", .0.text)]
    Limited(Reason),
    /// The audit log did not take the entry in time, so nothing was revealed.
    #[error("the audit log cannot be written ({}), so nothing was revealed", .0.text)]
    AuditUnavailable(Reason),
    /// The vault is not fit to open anything right now.
    #[error("{}", .0.text)]
    Unready(Reason),
    /// A store failed.
    #[error("{}", unavailable(.0))]
    Store(#[from] StoreError),
    /// A broken invariant or key material that does not open; details are in the server's log.
    #[error("internal error")]
    Internal(&'static str),
}

/// What of a store's failure a caller can act on.
fn unavailable(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full => {
            "the disk of a store is full: make room, the store then goes on by itself"
        }
        _ => "a store is unavailable",
    }
}

impl Error {
    /// Shorthand for [`Error::Denied`].
    pub fn denied(code: &'static str, text: impl Into<String>) -> Self {
        Self::Denied(Reason {
            code,
            text: text.into(),
        })
    }

    /// Shorthand for [`Error::Invalid`].
    pub fn invalid(code: &'static str, text: impl Into<String>) -> Self {
        Self::Invalid(Reason {
            code,
            text: text.into(),
        })
    }

    /// Shorthand for [`Error::Conflict`].
    pub fn conflict(code: &'static str, text: impl Into<String>) -> Self {
        Self::Conflict(Reason {
            code,
            text: text.into(),
        })
    }

    /// Shorthand for [`Error::Limited`].
    pub fn limited(code: &'static str, text: impl Into<String>) -> Self {
        Self::Limited(Reason {
            code,
            text: text.into(),
        })
    }

    /// Shorthand for [`Error::Unready`].
    pub fn unready(code: &'static str, text: impl Into<String>) -> Self {
        Self::Unready(Reason {
            code,
            text: text.into(),
        })
    }

    /// The stable code that doors show.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Denied(reason)
            | Self::Invalid(reason)
            | Self::Conflict(reason)
            | Self::Limited(reason)
            | Self::AuditUnavailable(reason)
            | Self::Unready(reason) => reason.code,
            Self::NotFound(_) => "not_found",
            Self::Range { .. } => "range",
            Self::Store(_) => "store_unavailable",
            Self::Internal(_) => "internal",
        }
    }
}
