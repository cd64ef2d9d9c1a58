//! What goes out: JSON, written straight into the buffer that is sent.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::refusal::Refusal;
use privet_wire::SecretBuffer;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Room for most answers.
const CAPACITY: usize = 512;

/// A JSON answer.
pub(crate) struct Answer {
    status: StatusCode,
    body: SecretBuffer,
}

impl Answer {
    /// 200 with this body.
    pub(crate) fn ok(body: &impl Serialize) -> Result<Self, Refusal> {
        Self::sized(StatusCode::OK, body, CAPACITY)
    }

    /// 201 with this body.
    pub(crate) fn created(body: &impl Serialize) -> Result<Self, Refusal> {
        Self::sized(StatusCode::CREATED, body, CAPACITY)
    }

    /// An answer whose length is roughly known.
    pub(crate) fn sized(
        status: StatusCode,
        body: &impl Serialize,
        bytes: usize,
    ) -> Result<Self, Refusal> {
        let mut buffer = SecretBuffer::with_capacity(bytes);
        serde_json::to_writer(&mut buffer, body).map_err(|_| Refusal::internal())?;
        Ok(Self {
            status,
            body: buffer,
        })
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body.into_bytes()));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        response
    }
}

/// An answer that is no JSON: checkpoints, tiles, proofs, metrics.
pub(crate) fn plain(kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
