//! Sessions of the protected console, for auditors: listed, read, reviewed. Each is put on record.

use axum::extract::State;
use axum::http::StatusCode;
use privet_vault::SessionId;
use privet_vault::port::SessionFilter;
use privet_wire::{ReviewRequest, SessionDetail, SessionPage, SessionQuery};

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::{Json, Params, PathId};
use crate::convert::{session_detail_out, session_out, verdict_in};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Sessions of one page: at most, and unless said otherwise.
const COUNT_MAX: u32 = 1_000;
const COUNT: u32 = 100;

/// Sessions, newest first.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions", params(SessionQuery),
    responses((status = 200, body = SessionPage), Refusals))]
pub(crate) async fn list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Params(query): Params<SessionQuery>,
) -> Result<Answer, Refusal> {
    let filter = filter(query)?;
    let rows = api.vault.sessions(&caller, &filter).await?;
    let full = rows.len() >= usize::try_from(filter.count_max).unwrap_or(usize::MAX);
    let next = rows.last().filter(|_| full).map(|row| row.started_at);
    let sessions = rows.into_iter().map(session_out).collect();
    Answer::ok(&SessionPage { sessions, next })
}

fn filter(query: SessionQuery) -> Result<SessionFilter, Refusal> {
    let count_max = query.count.unwrap_or(COUNT);
    let principal = query.principal.map(|name| name.parse()).transpose();
    match (principal, (1..=COUNT_MAX).contains(&count_max)) {
        (Ok(principal), true) => Ok(SessionFilter {
            verdict: query.verdict.map(verdict_in),
            principal,
            decrypted: query.decrypted,
            open: query.open,
            before: query.before,
            count_max,
        }),
        _ => Err(Refusal::malformed(
            "invalid_query",
            format!("`count` is 1 to {COUNT_MAX}, `principal` a name of the policy bundle"),
        )),
    }
}

/// One session with everything that was done in it. Reading it is put on record first.
#[utoipa::path(get, path = "/v1/sessions/{id}", tag = "sessions",
    params(("id" = privet_wire::SessionId, Path)),
    responses((status = 200, body = SessionDetail), Refusals))]
pub(crate) async fn show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<SessionId>,
) -> Result<Answer, Refusal> {
    let view = api.vault.session_view(&caller, id).await?;
    Answer::ok(&session_detail_out(view))
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
