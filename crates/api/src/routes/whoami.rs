//! Whose token it is.

use axum::extract::State;
use privet_wire::Whoami;

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::convert::{kind_out, token_id_out};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Whose token it is, and in which environment.
#[utoipa::path(get, path = "/v1/whoami", tag = "server",
    responses((status = 200, body = Whoami), Refusals))]
pub(crate) async fn whoami(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
) -> Result<Answer, Refusal> {
    let principal = caller.principal();
    let config = api.vault.config();
    Answer::ok(&Whoami {
        principal: principal.name.to_string(),
        kind: kind_out(principal.kind),
        groups: principal.groups.iter().cloned().collect(),
        token: token_id_out(caller.token()),
        environment: config.environment.to_string(),
        tenant: config.tenant.to_string(),
    })
}
