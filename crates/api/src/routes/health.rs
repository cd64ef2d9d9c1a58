//! Whether the process answers, and whether it would reveal what may be revealed.

use axum::extract::State;
use axum::http::StatusCode;
use privet_vault::Reason;
use privet_wire::{Health, HealthReason, HealthStatus};

use crate::answer::Answer;
use crate::refusal::Refusal;
use crate::router::Api;

/// Whether the process answers.
#[utoipa::path(get, path = "/health/live", tag = "server", security(()),
    responses((status = 200, body = Health)))]
pub(crate) async fn live(State(api): State<Api>) -> Result<Answer, Refusal> {
    Answer::ok(&health(&api, HealthStatus::Live, Vec::new(), Vec::new()))
}

/// Whether the server would reveal what may be revealed; 503 with the reasons if not.
#[utoipa::path(get, path = "/health/ready", tag = "server", security(()),
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub(crate) async fn ready(State(api): State<Api>) -> Result<Answer, Refusal> {
    let found = api.vault.health();
    let (reasons, warnings) = (told(found.reasons), told(found.warnings));
    if reasons.is_empty() {
        return Answer::ok(&health(&api, HealthStatus::Ready, reasons, warnings));
    }
    let body = health(&api, HealthStatus::Unready, reasons, warnings);
    Answer::sized(StatusCode::SERVICE_UNAVAILABLE, &body, 512)
}

fn told(reasons: Vec<Reason>) -> Vec<HealthReason> {
    let told = reasons.into_iter().map(|reason| HealthReason {
        code: reason.code.to_owned(),
        text: reason.text,
    });
    told.collect()
}

fn health(
    api: &Api,
    status: HealthStatus,
    reasons: Vec<HealthReason>,
    warnings: Vec<HealthReason>,
) -> Health {
    Health {
        status,
        environment: api.vault.config().environment.to_string(),
        reasons,
        warnings,
    }
}
