//! Refusals: the only errors that reach a client, each with a stable code and a text that is safe to show.
//!
//! A refusal travels to the edge as an extension of an empty response; the edge knows the request's id and writes the
//! problem (RFC 9457).

use std::borrow::Cow;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use privet_vault::Error as VaultError;

/// Why a request gets no answer.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) retry: Option<RetryAfter>,
    /// How many bytes there are, where some were asked for that there are not.
    pub(crate) size_bytes: Option<u64>,
}

/// When to try again, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryAfter(pub(crate) u32);

/// What stops the log or a store passes within a second or needs an operator.
const SOON: RetryAfter = RetryAfter(1);
/// Limits are counted by the minute.
const LATER: RetryAfter = RetryAfter(60);

impl Refusal {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            retry: None,
            size_bytes: None,
        }
    }

    /// A request whose form is wrong: its path, its query, its body.
    pub(crate) fn malformed(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something is wrong in the server: its log says more under this request's id",
        )
    }
}

impl From<VaultError> for Refusal {
    fn from(error: VaultError) -> Self {
        let status = match &error {
            VaultError::Unauthenticated => StatusCode::UNAUTHORIZED,
            VaultError::Denied(_) => StatusCode::FORBIDDEN,
            VaultError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            VaultError::NotFound(_) => StatusCode::NOT_FOUND,
            VaultError::Range { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            VaultError::Conflict(_) => StatusCode::CONFLICT,
            VaultError::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            VaultError::AuditUnavailable(_) | VaultError::Unready(_) | VaultError::Store(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            VaultError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        // These two say little to the client, so the server's log says the rest, here and nowhere else.
        match &error {
            VaultError::Store(store) => tracing::error!(%store, "a store failed"),
            VaultError::Internal(what) => tracing::error!(what, "the vault failed"),
            _ => {}
        }
        let retry = match status {
            StatusCode::SERVICE_UNAVAILABLE => Some(SOON),
            StatusCode::TOO_MANY_REQUESTS => Some(LATER),
            _ => None,
        };
        let detail = match &error {
            VaultError::Internal(_) => Self::internal().detail,
            other => other.to_string().into(),
        };
        Self {
            status,
            code: error.code(),
            detail,
            retry,
            size_bytes: match error {
                VaultError::Range { size_bytes } => Some(size_bytes),
                _ => None,
            },
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
