//! What a client is told when something is refused, fails or deserves a word.

use privet_vault::Error as VaultError;
use privet_vault::port::{RunError, UpstreamError};

use crate::commands;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Said beside the work.
    Notice,
    /// Worth attention.
    Warning,
    /// The statement failed.
    Error,
    /// The connection ends.
    Fatal,
}

impl Severity {
    /// The word on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

/// An ErrorResponse or NoticeResponse. Texts may repeat what the client itself wrote, never a stored value or a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// How bad it is.
    pub(crate) severity: Severity,
    /// SQLSTATE (PostgreSQL, appendix A).
    pub(crate) code: &'static str,
    /// What happened.
    pub(crate) message: String,
    /// More about it.
    pub(crate) detail: Option<String>,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl Fault {
    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            message: message.into(),
            detail: None,
            hint: None,
        }
    }

    /// The statement failed; the connection goes on.
    pub(crate) fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// The connection ends.
    pub(crate) fn fatal(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Fatal, code, message)
    }

    /// Something to say.
    pub(crate) fn notice(message: impl Into<String>) -> Self {
        Self::new(Severity::Notice, "00000", message)
    }

    /// Something to warn of.
    pub(crate) fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// With a hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With a detail.
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl From<VaultError> for Fault {
    /// What the vault says, with the SQLSTATE that clients act on, the call that helps, and Privet's own code as the
    /// detail.
    fn from(error: VaultError) -> Self {
        let text = error.to_string();
        let code = error.code().to_owned();
        let fault = match &error {
            VaultError::Unauthenticated => Self::fatal("28000", text),
            VaultError::Denied(reason) => {
                let fault = Self::error("42501", text);
                match reason.code {
                    "session_unjustified" | "session_ended" => fault.hint(commands::JUSTIFY),
                    _ => fault,
                }
            }
            VaultError::Invalid(reason) => {
                let fault = Self::error("22023", text);
                match reason.code {
                    code if code.starts_with("reason_") || code == "link_not_url" => {
                        fault.hint(commands::JUSTIFY)
                    }
                    "marker_left" => {
                        fault.hint("SELECT … WHERE email_px = '~eq:email:ada%40example.com~';")
                    }
                    _ => fault,
                }
            }
            VaultError::NotFound("database") => Self::fatal(
                "3D000",
                "there is no source of this name: the database is a source of the data map",
            ),
            VaultError::NotFound("subject") => Self::error(
                "42704",
                "there is no such subject, or not any more: name a row of the main table, as in 'customer:42', or an oid",
            ),
            VaultError::NotFound(_) => Self::error("42704", text),
            VaultError::Conflict(_) => Self::error("55000", text),
            VaultError::Limited(_) => Self::error("53400", text),
            VaultError::AuditUnavailable(_) => Self::error("58030", text),
            _ => {
                tracing::error!(%error, "a request failed inside the vault");
                Self::error("58000", text)
            }
        };
        fault.detail(code)
    }
}

impl From<UpstreamError> for Fault {
    fn from(error: UpstreamError) -> Self {
        let text = error.to_string();
        match error {
            UpstreamError::Unreachable { .. } => Self::error("08001", text)
                .hint("try again in a moment; if it stays so, tell whoever operates the database"),
            UpstreamError::Refused { .. } => Self::error("08004", text)
                .hint("whoever operates this server has to look at [sources] in `privet.toml`"),
            UpstreamError::Setting { code, .. } => {
                const KNOWN: [&str; 4] = ["22023", "42501", "42704", "55P02"];
                let known = KNOWN.iter().find(|known| **known == code);
                Self::error(known.unwrap_or(&"22023"), text)
            }
            UpstreamError::TooStrong { .. } => Self::error("42501", text).hint(
                "whoever operates the database takes these rights away; nothing passes until then",
            ),
        }
    }
}

impl From<RunError> for Fault {
    fn from(error: RunError) -> Self {
        let mut fault = Self::error(error.code, error.message);
        fault.hint = error.hint;
        fault
    }
}
