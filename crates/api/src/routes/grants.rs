//! Grants, and requests for them that a second person has to approve.

use axum::extract::State;
use axum::http::StatusCode;
use privet_vault::{self as vault, GrantId, GrantRequestId};
use privet_wire::{Decide, GrantList, GrantQuery, GrantRequestList, RevokeGrant};

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::{Json, Params, PathId};
use crate::convert::{grants_out, requests_out};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Grants, newest first: those of the last two weeks, or those that open something now. Reading them is put on record.
#[utoipa::path(get, path = "/v1/grants", tag = "grants", params(GrantQuery),
    responses((status = 200, body = GrantList), Refusals))]
pub(crate) async fn list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Params(query): Params<GrantQuery>,
) -> Result<Answer, Refusal> {
    if query.count == Some(0) {
        return Err(Refusal::malformed("invalid_query", "`count` is 1 to 200"));
    }
    let asked = vault::GrantQuery {
        live: query.live,
        count_max: query.count.unwrap_or_default(),
    };
    Answer::ok(&grants_out(api.vault.grants(&caller, asked).await?))
}

/// Ends a grant at once, also in the middle of a result, on every server within a second.
#[utoipa::path(post, path = "/v1/grants/{id}/revoke", tag = "grants", request_body = RevokeGrant,
    params(("id" = privet_wire::GrantId, Path)),
    responses((status = 204), Refusals))]
pub(crate) async fn revoke(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<GrantId>,
    Json(body): Json<RevokeGrant>,
) -> Result<StatusCode, Refusal> {
    let note = body.note.as_deref().unwrap_or_default();
    api.vault.revoke_grant(&caller, id, note).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Requests whose time is not over, oldest first: those that the caller may approve, and their own. Reading them is put on
/// record.
#[utoipa::path(get, path = "/v1/grant-requests", tag = "grants",
    responses((status = 200, body = GrantRequestList), Refusals))]
pub(crate) async fn requests(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
) -> Result<Answer, Refusal> {
    let requests = api.vault.grant_requests(&caller).await?;
    Answer::ok(&requests_out(requests, api.vault.time()))
}

/// Approves a request of somebody else; never one's own.
#[utoipa::path(post, path = "/v1/grant-requests/{id}/approve", tag = "grants", request_body = Decide,
    params(("id" = privet_wire::GrantRequestId, Path)),
    responses((status = 204), Refusals))]
pub(crate) async fn approve(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<GrantRequestId>,
    Json(body): Json<Decide>,
) -> Result<StatusCode, Refusal> {
    let note = body.note.as_deref().unwrap_or_default();
    api.vault.approve_request(&caller, id, note).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says no to a request, takes back an approval that nobody has used yet, or withdraws one's own request.
#[utoipa::path(post, path = "/v1/grant-requests/{id}/deny", tag = "grants", request_body = Decide,
    params(("id" = privet_wire::GrantRequestId, Path)),
    responses((status = 204), Refusals))]
pub(crate) async fn deny(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<GrantRequestId>,
    Json(body): Json<Decide>,
) -> Result<StatusCode, Refusal> {
    let note = body.note.as_deref().unwrap_or_default();
    api.vault.reject_request(&caller, id, note).await?;
    Ok(StatusCode::NO_CONTENT)
}
