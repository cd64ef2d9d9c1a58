//! Metrics for Prometheus.

use axum::extract::State;
use axum::response::Response;

use crate::answer::plain;
use crate::refusal::Refusal;
use crate::router::Api;

/// Metrics in Prometheus' text format; nothing personal.
#[utoipa::path(get, path = "/metrics", tag = "server", security(()),
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(api): State<Api>) -> Result<Response, Refusal> {
    let text = api.metrics.text(&api.vault);
    let text = text.map_err(|_| Refusal::internal())?;
    Ok(plain("text/plain; version=0.0.4; charset=utf-8", text))
}
