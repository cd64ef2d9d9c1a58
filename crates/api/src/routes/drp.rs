//! The Data Rights Protocol 1.0: what authorized agents send on behalf of people. Messages are signed by the agent, whom the operator trusts;
//! answers have the protocol's own form, errors too (`docs/formats/data-rights-protocol.md`).

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use privet_drp::{
    Agent, ErrorBody, Exercise, Expected, KeySetup, MESSAGE_BYTES_MAX, Reason, Refusal as Refused,
    Revoke, Right, Status, message_name,
};
use privet_vault::subject_request::{
    AgentRequest, RequestSummary, SubjectRequestKind, SubjectRequestState,
};
use privet_vault::{Caller, Error, SubjectRequestId, TokenId};
use privet_wire::SecretBuffer;
use serde::Serialize;
use serde_json::json;

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::collect;
use crate::drp::Drp;
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Why there is no answer, in the protocol's form (section 3.06).
pub(crate) struct Failure(StatusCode, ErrorBody);

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        tracing::warn!(code = refused.code(), "a message of an agent was refused");
        let status = StatusCode::from_u16(refused.http_status());
        Self(status.unwrap_or(StatusCode::BAD_REQUEST), refused.into())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = refusal.status;
        let body = ErrorBody {
            code: status.as_str().to_owned(),
            message: refusal.detail.into_owned(),
            fatal: false,
        };
        Self(status, body)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Refusal::from(error).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match Answer::sized(self.0, &self.1, 256) {
            Ok(answer) => answer.into_response(),
            Err(refusal) => refusal.into_response(),
        }
    }
}

/// Gives an agent the token that its other requests bear, for a message that it signed (section 2.05). A message that does not hold is answered with
/// 403 and no body; the server's log says why.
#[utoipa::path(post, path = "/v1/agent/{id}", tag = "agents", security(()),
    request_body(content = String, content_type = "text/plain"),
    params(("id" = String, Path, description = "The agent's id in the directory")),
    responses((status = 200, content_type = "application/json"), (status = 403, description = "The message does not hold")))]
pub(crate) async fn set_up(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let body = message(request).await?;
    let drp = api.drp()?;
    let Some((agent, principal)) = drp.trusted(&id) else {
        tracing::warn!("an agent that is not trusted asked for a token");
        return Ok(StatusCode::FORBIDDEN.into_response());
    };
    let expected = expected(&api, drp, agent);
    if let Err(refused) = KeySetup::read(body.as_slice(), &expected) {
        tracing::warn!(
            code = refused.code(),
            agent = agent.id(),
            "an agent got no token"
        );
        return Ok(StatusCode::FORBIDDEN.into_response());
    }
    let id = TokenId::from_bytes(message_name("token", agent, body.as_slice()));
    match api.vault.token_for_agent(principal, id).await {
        Ok(issued) => answer(&json!({ "agent-id": agent.id(), "token": issued.text.as_str() })),
        Err(Error::Conflict(_)) => {
            tracing::warn!(agent = agent.id(), "a message of an agent came twice");
            Ok(StatusCode::FORBIDDEN.into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether an agent's token is good (section 2.06).
#[utoipa::path(get, path = "/v1/agent/{id}", tag = "agents",
    params(("id" = String, Path, description = "The agent's id in the directory")),
    responses((status = 200, content_type = "application/json"), Refusals))]
pub(crate) async fn check(
    State(api): State<Api>,
    Path(id): Path<String>,
    Authenticated(caller): Authenticated,
) -> Result<Response, Failure> {
    let agent = api.drp()?.agent_of(&caller)?;
    match agent.id() == id {
        true => answer(&json!({})),
        false => Err(Failure::from(not_an_agent())),
    }
}

/// Enters what an agent asks for on behalf of a person: a copy (`access`) or to be forgotten (`deletion`). The same message again is the same
/// request.
#[utoipa::path(post, path = "/v1/data-rights-request", tag = "agents",
    request_body(content = String, content_type = "text/plain"),
    responses((status = 200, content_type = "application/json"), Refusals))]
pub(crate) async fn exercise(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    request: Request,
) -> Result<Response, Failure> {
    let body = message(request).await?;
    let drp = api.drp()?;
    let agent = drp.agent_of(&caller)?;
    let exercise = Exercise::read(body.as_slice(), &expected(&api, drp, agent))?;
    let kind = match exercise.right {
        Right::Access => SubjectRequestKind::Access,
        Right::Deletion => SubjectRequestKind::Erasure,
        Right::SaleOptOut | Right::SaleOptIn => return Err(Refused::Unsupported.into()),
    };
    let id = SubjectRequestId::from_bytes(message_name("request", agent, body.as_slice()));
    let (claims, checked) = drp.claims(agent, exercise.identity);
    let order = AgentRequest {
        id,
        kind,
        claims,
        checked,
    };
    let summary = api.vault.request_by_agent(&caller, order).await?;
    let mut status = match summary {
        Some(summary) => status_of(&summary),
        None => no_match(&api, id),
    };
    status.agent_request_id = exercise.agent_request_id;
    answer(&status)
}

/// Where a request stands that the agent sent (section 2.02).
#[utoipa::path(get, path = "/v1/data-rights-request/{id}", tag = "agents",
    params(("id" = privet_wire::SubjectRequestId, Path)),
    responses((status = 200, content_type = "application/json"), Refusals))]
pub(crate) async fn status(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    api.drp()?.agent_of(&caller)?;
    let summary = api.vault.request_of_agent(&caller, id_of(&id)).await?;
    answer(&status_of(&summary))
}

/// Takes a request back that the agent sent (section 2.04).
#[utoipa::path(delete, path = "/v1/data-rights-request/{id}", tag = "agents",
    request_body(content = String, content_type = "text/plain"),
    params(("id" = privet_wire::SubjectRequestId, Path)),
    responses((status = 200, content_type = "application/json"), Refusals))]
pub(crate) async fn revoke(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let body = message(request).await?;
    let agent = api.drp()?.agent_of(&caller)?;
    Revoke::read(body.as_slice(), agent)?;
    let summary = api.vault.cancel_by_agent(&caller, id_of(&id)).await?;
    answer(&status_of(&summary))
}

impl Drp {
    /// The agent whose token somebody shows.
    fn agent_of(&self, caller: &Caller) -> Result<&Agent, Refusal> {
        let name = &caller.principal().name;
        let known = self.agents().find(|(_, principal)| *principal == name);
        known.map(|(agent, _)| agent).ok_or_else(not_an_agent)
    }
}

fn expected<'e>(api: &Api, drp: &'e Drp, agent: &'e Agent) -> Expected<'e> {
    Expected {
        agent,
        business: drp.business(),
        now: api.vault.time(),
    }
}

async fn message(request: Request<Body>) -> Result<SecretBuffer, Refusal> {
    collect(request.into_body(), MESSAGE_BYTES_MAX).await
}

/// What is no id is nobody's request.
fn id_of(text: &str) -> SubjectRequestId {
    text.parse()
        .unwrap_or(SubjectRequestId::from_bytes([0; 16]))
}

fn not_an_agent() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "not_an_agent",
        "this token is not the one of this agent: ask for one with `POST /v1/agent/{id}`",
    )
}

fn answer(body: &impl Serialize) -> Result<Response, Failure> {
    Ok(Answer::ok(body)?.into_response())
}

fn status_of(summary: &RequestSummary) -> Status {
    let due = summary.due_on.to_zoned(jiff::tz::TimeZone::UTC);
    Status {
        request_id: summary.id.to_string(),
        agent_request_id: None,
        status: match summary.state {
            SubjectRequestState::Waiting | SubjectRequestState::Cooling => privet_drp::State::Open,
            SubjectRequestState::Collecting
            | SubjectRequestState::Destroying
            | SubjectRequestState::Confirming => privet_drp::State::InProgress,
            SubjectRequestState::Ready
            | SubjectRequestState::Notified
            | SubjectRequestState::Expired
            | SubjectRequestState::Done => privet_drp::State::Fulfilled,
            SubjectRequestState::Cancelled => privet_drp::State::Revoked,
        },
        reason: None,
        received_at: summary.received_at,
        expected_by: due.ok().map(|day| day.timestamp()),
        processing_details: None,
        user_verification_url: None,
        results_url: None,
        expires_at: summary.file.as_ref().map(|file| file.until),
    }
}

/// Nobody is known by what the agent verified, or several people are.
fn no_match(api: &Api, id: SubjectRequestId) -> Status {
    Status {
        request_id: id.to_string(),
        agent_request_id: None,
        status: privet_drp::State::Denied,
        reason: Some(Reason::NoMatch),
        received_at: api.vault.time(),
        expected_by: None,
        processing_details: Some(
            "nobody is known for certain by what was verified; the person may write to us themself"
                .to_owned(),
        ),
        user_verification_url: None,
        results_url: None,
        expires_at: None,
    }
}
