//! What people ask for: entered, listed, taken back, carried out.

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use privet_vault::subject_request::RequestQuery;
use privet_vault::{Oid, SubjectName, SubjectRequestId};
use privet_wire::{
    AskRequest, RequestRun, SubjectRequest, SubjectRequestDetail, SubjectRequestPage,
    SubjectRequestQuery,
};

use crate::answer::{Answer, plain};
use crate::authenticated::Authenticated;
use crate::body::{Json, Params, PathId};
use crate::convert::{
    oid_in, request_detail_out, request_origin_in, request_page_out, subject_request_out,
};
use crate::file::{file_out, wish_of};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Enters a person's wish to see everything that is held of them. With the next daily batch a file is made, which is kept for some weeks (30 days unless
/// configured).
#[utoipa::path(post, path = "/v1/subjects/{oid}/access", tag = "requests", request_body = AskRequest,
    params(("oid" = privet_wire::Oid, Path)),
    responses((status = 201, body = SubjectRequest), Refusals))]
pub(crate) async fn access(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(oid): PathId<Oid>,
    Json(body): Json<AskRequest>,
) -> Result<Answer, Refusal> {
    let (name, origin) = (SubjectName::Oid(oid), request_origin_in(body));
    let request = api.vault.request_access(&caller, &name, origin).await?;
    Answer::created(&subject_request_out(request))
}

/// Enters a person's wish to be forgotten. It can be taken back for some days (7 unless configured); then the subject is closed.
#[utoipa::path(post, path = "/v1/subjects/{oid}/erasure", tag = "requests", request_body = AskRequest,
    params(("oid" = privet_wire::Oid, Path)),
    responses((status = 201, body = SubjectRequest), Refusals))]
pub(crate) async fn erase(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(oid): PathId<Oid>,
    Json(body): Json<AskRequest>,
) -> Result<Answer, Refusal> {
    let (name, origin) = (SubjectName::Oid(oid), request_origin_in(body));
    let request = api.vault.request_erasure(&caller, &name, origin).await?;
    Answer::created(&subject_request_out(request))
}

/// Requests, the oldest first. Reading them is put on record.
#[utoipa::path(get, path = "/v1/requests", tag = "requests", params(SubjectRequestQuery),
    responses((status = 200, body = SubjectRequestPage), Refusals))]
pub(crate) async fn list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Params(query): Params<SubjectRequestQuery>,
) -> Result<Answer, Refusal> {
    if query.count == Some(0) {
        return Err(Refusal::malformed("invalid_query", "`count` is 1 to 200"));
    }
    let asked = RequestQuery {
        subject: query.subject.map(|oid| SubjectName::Oid(oid_in(oid))),
        running: query.running,
        after: query
            .after
            .map(|id| SubjectRequestId::from_bytes(*id.as_bytes())),
        count_max: query.count.unwrap_or_default(),
    };
    let list = api.vault.requests(&caller, &asked).await?;
    Answer::ok(&request_page_out(list))
}

/// One request, with how it came. Reading it is put on record.
#[utoipa::path(get, path = "/v1/requests/{id}", tag = "requests",
    params(("id" = privet_wire::SubjectRequestId, Path)),
    responses((status = 200, body = SubjectRequestDetail), Refusals))]
pub(crate) async fn show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<SubjectRequestId>,
) -> Result<Answer, Refusal> {
    let detail = api.vault.request(&caller, id).await?;
    Answer::ok(&request_detail_out(detail))
}

/// The signed receipt of an erasure that is done: what was destroyed, what is kept and why, and from when on no backup brings it back. It is
/// canonical JSON (RFC 8785) with a proof of W3C Data Integrity, and the same each time it is asked for; it leads to nobody. Reading it is put on
/// record.
#[utoipa::path(get, path = "/v1/requests/{id}/receipt", tag = "requests",
    params(("id" = privet_wire::SubjectRequestId, Path)),
    responses((status = 200, content_type = "application/ld+json"), Refusals))]
pub(crate) async fn receipt(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<SubjectRequestId>,
) -> Result<Response, Refusal> {
    let receipt = api.vault.erasure_receipt(&caller, id).await?;
    Ok(plain("application/ld+json", receipt.into_bytes()))
}

/// Takes a request back: an erasure until it is carried out, an access request at any time, with its file.
#[utoipa::path(post, path = "/v1/requests/{id}/cancel", tag = "requests",
    params(("id" = privet_wire::SubjectRequestId, Path)),
    responses((status = 200, body = SubjectRequest), Refusals))]
pub(crate) async fn cancel(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<SubjectRequestId>,
) -> Result<Answer, Refusal> {
    let request = api.vault.cancel_request(&caller, id).await?;
    Answer::ok(&subject_request_out(request))
}

/// Shorter than the time that a request may take.
const RUN_WAIT: Duration = Duration::from_secs(20);

/// Carries out at once what waits for the daily batch, or for a pause after a failure. No erasure that can still be taken back is cut short.
/// What takes longer than an answer may goes on (`running`): ask again, until it is over.
#[utoipa::path(post, path = "/v1/requests/run", tag = "requests",
    responses((status = 200, body = RequestRun), Refusals))]
pub(crate) async fn run(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
) -> Result<Answer, Refusal> {
    let run = api.vault.run_requests_within(&caller, RUN_WAIT).await?;
    let running = run.is_none();
    let run = run.unwrap_or_default();
    Answer::ok(&RequestRun {
        erased: run.erased,
        confirmed: run.confirmed,
        collected: run.collected,
        expired: run.expired,
        failed: run.failed,
        running,
    })
}

/// The file of an access request: a ZIP with everything that is held of the person, to be handed to them. Takes `Range` and `If-Range`. That it is
/// handed out, and how much of it, is on record before the first byte leaves.
#[utoipa::path(get, path = "/v1/requests/{id}/file", tag = "requests",
    params(("id" = privet_wire::SubjectRequestId, Path)),
    responses(
        (status = 200, content_type = "application/zip"),
        (status = 206, content_type = "application/zip"),
        Refusals
    ))]
pub(crate) async fn file(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<SubjectRequestId>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let wish = wish_of(&headers);
    let reading = api.vault.request_file(&caller, id, wish).await;
    file_out(reading?)
}
