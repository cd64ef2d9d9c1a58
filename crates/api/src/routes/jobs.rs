//! Adopting an application's database and taking that back: started here, watched here, done by the vault.

use axum::extract::State;
use axum::http::StatusCode;
use privet_vault::port::Clearing;
use privet_vault::{AdoptOrder, JobId, SourceName};
use privet_wire::{AdoptRequest, Job, JobStarted, UndoRequest, UndoRequested};

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::{Json, PathId};
use crate::convert::{job_id_out, job_out};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Starts sealing the classified columns of a source in place, or only looks (`dry_run`).
#[utoipa::path(post, path = "/v1/sources/{name}/adopt", tag = "jobs", request_body = AdoptRequest,
    params(("name" = String, Path, description = "As the data map names it")),
    responses((status = 202, body = JobStarted), Refusals))]
pub(crate) async fn adopt(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(source): PathId<SourceName>,
    Json(body): Json<AdoptRequest>,
) -> Result<Answer, Refusal> {
    let vault = &api.vault;
    let order = AdoptOrder {
        dry_run: body.dry_run,
        rate_max: body.max_rate,
        clearing: if body.rewrite {
            Clearing::Rewrite
        } else {
            Clearing::Leave
        },
    };
    let job = vault.adopt_start(&caller, &source, order).await?;
    let job = job_id_out(job);
    Answer::sized(StatusCode::ACCEPTED, &JobStarted { job }, 64)
}

/// Asks for a source's adoption to be taken back. Nothing happens until another person approves it.
#[utoipa::path(post, path = "/v1/sources/{name}/undo", tag = "jobs", request_body = UndoRequest,
    params(("name" = String, Path, description = "As the data map names it")),
    responses((status = 202, body = UndoRequested), Refusals))]
pub(crate) async fn undo(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(source): PathId<SourceName>,
    Json(body): Json<UndoRequest>,
) -> Result<Answer, Refusal> {
    let requested = api
        .vault
        .undo_request(&caller, &source, &body.reason)
        .await?;
    let requested = UndoRequested {
        job: job_id_out(requested.id),
        until: requested.until,
    };
    Answer::sized(StatusCode::ACCEPTED, &requested, 128)
}

/// Approves what another person asked for, which starts it.
#[utoipa::path(post, path = "/v1/jobs/{id}/approve", tag = "jobs",
    params(("id" = privet_wire::JobId, Path)),
    responses((status = 202, body = JobStarted), Refusals))]
pub(crate) async fn approve(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<JobId>,
) -> Result<Answer, Refusal> {
    let job = job_id_out(api.vault.undo_approve(&caller, id).await?);
    Answer::sized(StatusCode::ACCEPTED, &JobStarted { job }, 64)
}

/// Where a job stands.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs",
    params(("id" = privet_wire::JobId, Path)),
    responses((status = 200, body = Job), Refusals))]
pub(crate) async fn show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<JobId>,
) -> Result<Answer, Refusal> {
    let status = api.vault.adopt_status(&caller, id).await?;
    Answer::ok(&job_out(status))
}
