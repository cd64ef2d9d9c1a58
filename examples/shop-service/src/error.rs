//! What a customer is told when something goes wrong: a status and a word, never a value.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Why a request comes to nothing.
#[derive(Debug)]
pub(crate) enum AppError {
    /// There is no such customer, or no longer.
    NotFound,
    /// Somebody else has this address.
    Taken,
    /// A value is not of its field's type.
    Invalid,
    /// Privet refuses or does not answer.
    Privet(privet::Error),
    /// The shop's database does not do what was asked. What it said may quote a row, so it is not kept.
    Database,
}

impl From<privet::Error> for AppError {
    fn from(error: privet::Error) -> Self {
        match error.code() {
            Some("not_found") => Self::NotFound,
            Some("value_invalid" | "synthetic_only") => Self::Invalid,
            _ => Self::Privet(error),
        }
    }
}

impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        let unique = error
            .as_database_error()
            .is_some_and(sqlx::error::DatabaseError::is_unique_violation);
        match error {
            _ if unique => Self::Taken,
            sqlx::Error::RowNotFound => Self::NotFound,
            _ => Self::Database,
        }
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::Taken => (StatusCode::CONFLICT, "taken"),
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::Privet(error) => {
                // The code is made for logs; the rest of an error of Privet's holds no value either.
                let code = error.code().unwrap_or("no_answer");
                tracing::error!("error.type" = code, "privet");
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
            Self::Database => {
                tracing::error!("error.type" = "database", "the shop's database");
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
        };
        (status, code).into_response()
    }
}
