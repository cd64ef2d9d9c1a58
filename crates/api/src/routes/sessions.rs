//! Sessions of the protected console, for auditors: listed, searched, read, reviewed. Each is put on record.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privet_vault::{self as vault, SessionId};
use privet_wire::{
    CommentRequest, ReviewRequest, SessionDetail, SessionPage, SessionQuery, SessionSearch,
    StepQuery,
};

use crate::answer::{Answer, plain};
use crate::authenticated::Authenticated;
use crate::body::{Json, Params, PathId};
use crate::convert::{detail_out, filter_in, list_out, verdict_in};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

const BINARY: &str = "application/octet-stream";

/// Sessions by their facts, newest first unless asked for otherwise.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions", params(SessionQuery),
    responses((status = 200, body = SessionPage), Refusals))]
pub(crate) async fn list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Params(query): Params<SessionQuery>,
) -> Result<Answer, Refusal> {
    let asked = vault::SessionQuery {
        filter: filter_in(&query)?,
        text: None,
        reasons: query.reasons,
        urgent_first: query.urgent_first,
    };
    Answer::ok(&list_out(api.vault.sessions(&caller, &asked).await?))
}

/// Sessions whose reason or link holds a text. Reasons lie sealed, so each is opened: at most 2,000 for one answer.
#[utoipa::path(post, path = "/v1/sessions/search", tag = "sessions", request_body = SessionSearch,
    responses((status = 200, body = SessionPage), Refusals))]
pub(crate) async fn search(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(body): Json<SessionSearch>,
) -> Result<Answer, Refusal> {
    let asked = vault::SessionQuery {
        filter: filter_in(&body.filter)?,
        text: Some(body.text.as_str().to_owned()),
        reasons: true,
        urgent_first: body.filter.urgent_first,
    };
    Answer::ok(&list_out(api.vault.sessions(&caller, &asked).await?))
}

/// All entries of a session with the proofs that they are in the log, as a bundle (`docs/formats/proof-bundles.md`). It takes
/// the right to read the log as well.
#[utoipa::path(get, path = "/v1/sessions/{id}/proof", tag = "sessions",
    params(("id" = privet_wire::SessionId, Path)),
    responses((status = 200, content_type = "application/octet-stream"), Refusals))]
pub(crate) async fn proof(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<SessionId>,
) -> Result<Response, Refusal> {
    let bundle = api.vault.session_proof(&caller, id).await?;
    Ok(plain(BINARY, bundle))
}

/// One session with what was done in it, a page at a time. Reading it is put on record first; the entry covers what the
/// same person reads of it within five minutes.
#[utoipa::path(get, path = "/v1/sessions/{id}", tag = "sessions",
    params(("id" = privet_wire::SessionId, Path), StepQuery),
    responses((status = 200, body = SessionDetail), Refusals))]
pub(crate) async fn show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<SessionId>,
    Params(query): Params<StepQuery>,
) -> Result<Answer, Refusal> {
    let steps = vault::StepQuery {
        sensitive: query.sensitive,
        after: query.after.unwrap_or_default(),
    };
    let view = api.vault.session_view(&caller, id).await?;
    let page = api.vault.session_steps(&caller, id, steps).await?;
    Answer::ok(&detail_out(view, page))
}

/// Gives a verdict, never on one's own session.
#[utoipa::path(post, path = "/v1/sessions/{id}/review", tag = "sessions", request_body = ReviewRequest,
    params(("id" = privet_wire::SessionId, Path)),
    responses((status = 204), Refusals))]
pub(crate) async fn review(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<SessionId>,
    Json(body): Json<ReviewRequest>,
) -> Result<StatusCode, Refusal> {
    let note = body.note.as_deref().unwrap_or_default();
    let verdict = verdict_in(body.verdict);
    api.vault.review(&caller, id, verdict, note).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Adds a comment to somebody else's session. It changes no verdict and is never taken back.
#[utoipa::path(post, path = "/v1/sessions/{id}/comments", tag = "sessions", request_body = CommentRequest,
    params(("id" = privet_wire::SessionId, Path)),
    responses((status = 204), Refusals))]
pub(crate) async fn comment(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<SessionId>,
    Json(body): Json<CommentRequest>,
) -> Result<StatusCode, Refusal> {
    api.vault.comment(&caller, id, body.text.as_str()).await?;
    Ok(StatusCode::NO_CONTENT)
}
