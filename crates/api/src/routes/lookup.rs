//! Finding subjects by a value.

use axum::extract::State;
use privet_wire::{LookupAnswer, LookupRequest};

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::Json;
use crate::convert::oid_out;
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Finds the subjects that hold a value. The value stands in the body, never in the path.
#[utoipa::path(post, path = "/v1/lookup", tag = "values", request_body = LookupRequest,
    responses((status = 200, body = LookupAnswer), Refusals))]
pub(crate) async fn lookup(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(body): Json<LookupRequest>,
) -> Result<Answer, Refusal> {
    let LookupRequest {
        field,
        value,
        purpose,
    } = body;
    let found = api.vault.lookup(&caller, &field, &value, &purpose).await?;
    Answer::ok(&LookupAnswer {
        subjects: found.subjects.into_iter().map(oid_out).collect(),
        indexes: found.indexes,
    })
}
