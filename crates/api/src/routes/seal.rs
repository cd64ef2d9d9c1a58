//! Sealing values for applications that keep them in their own database.

use axum::extract::State;
use axum::http::StatusCode;
use privet_vault::SealItem;
use privet_wire::{SealAnswer, SealRequest, SealedItem};

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::Json;
use crate::convert::subject_name;
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Seals values for an application. If one subject does not exist, nothing is answered.
#[utoipa::path(post, path = "/v1/seal", tag = "values", request_body = SealRequest,
    responses((status = 200, body = SealAnswer), Refusals))]
pub(crate) async fn seal(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(body): Json<SealRequest>,
) -> Result<Answer, Refusal> {
    let items = body.items.into_iter().map(|item| {
        Ok(SealItem {
            subject: subject_name(&item.subject)?,
            field: item.field,
            value: item.value.into_inner(),
        })
    });
    let items: Vec<_> = items.collect::<Result<_, Refusal>>()?;
    let sealed = api.vault.seal_values(&caller, &items).await?;
    let answer = SealAnswer {
        items: sealed
            .into_iter()
            .map(|item| SealedItem {
                sealed: item.sealed,
                index: item.index,
            })
            .collect(),
    };
    Answer::sized(StatusCode::OK, &answer, 256 * items.len())
}
