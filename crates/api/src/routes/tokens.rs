//! Tokens, for operators: issued, listed, revoked.

use axum::extract::State;
use axum::http::StatusCode;
use privet_vault::{Error, PrincipalName, TokenId};
use privet_wire::{IssueToken, IssuedToken, TokenList};

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::{Json, PathId};
use crate::convert::{token_id_out, token_out};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Every token, newest first. What is stored cannot be used to log in.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens",
    responses((status = 200, body = TokenList), Refusals))]
pub(crate) async fn list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
) -> Result<Answer, Refusal> {
    let rows = api.vault.tokens(&caller).await?;
    let tokens = rows.into_iter().map(token_out).collect();
    Answer::ok(&TokenList { tokens })
}

/// Issues a token. Its text is shown this once.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", request_body = IssueToken,
    responses((status = 201, body = IssuedToken), Refusals))]
pub(crate) async fn issue(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(body): Json<IssueToken>,
) -> Result<Answer, Refusal> {
    let not_a_name = |_| Error::invalid("unknown_principal", "that is no principal's name");
    let principal: PrincipalName = body.principal.parse().map_err(not_a_name)?;
    let issued = api
        .vault
        .issue_token(&caller, &principal, body.days, &body.note)
        .await?;
    Answer::created(&IssuedToken {
        id: token_id_out(issued.id),
        token: issued.text.into(),
        expires_at: issued.expires_at,
    })
}

/// Revokes a token: it ends here at once and on every server within a second.
#[utoipa::path(delete, path = "/v1/tokens/{id}", tag = "tokens",
    params(("id" = privet_wire::TokenId, Path)),
    responses((status = 204), Refusals))]
pub(crate) async fn revoke(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(id): PathId<TokenId>,
) -> Result<StatusCode, Refusal> {
    api.vault.revoke_token(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
