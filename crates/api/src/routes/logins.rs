//! Links that log people in to the pages, made for oneself with one's token.

use axum::extract::State;
use privet_wire::{LoginLink, Personal};

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Makes a link that logs its holder in to the pages as the token's person, once, within ten minutes.
#[utoipa::path(post, path = "/v1/login-links", tag = "sessions",
    responses((status = 201, body = LoginLink), Refusals))]
pub(crate) async fn create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
) -> Result<Answer, Refusal> {
    let code = api.vault.login_code(&caller).await?;
    Answer::created(&LoginLink {
        path: Personal::new(login_path(&code.text)),
        expires_at: code.expires_at,
    })
}

/// Where a link with a [login code](privet_vault::LoginCode) leads on this server: `/login?code=…`.
pub fn login_path(code: &str) -> String {
    format!("/login?code={code}")
}
