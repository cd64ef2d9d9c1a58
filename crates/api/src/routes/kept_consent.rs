//! What is kept of the answers of people who left.

use axum::extract::State;
use privet_vault as vault;
use privet_wire::{KeptAnswer, KeptConsent, ReadKeptConsent};

use super::consent::event_out;
use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::Json;
use crate::convert::{puid_in, puid_out};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// What law keeps of the answers of somebody who left, with their evidence and a receipt of each, until its day. The reason and
/// whose it was are put on record before anything is looked for.
#[utoipa::path(post, path = "/v1/kept-consent", tag = "consent", request_body = ReadKeptConsent,
    responses((status = 200, body = KeptConsent), Refusals))]
pub(crate) async fn kept(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(body): Json<ReadKeptConsent>,
) -> Result<Answer, Refusal> {
    let order = vault::KeptConsentOrder {
        puid: puid_in(body.puid),
        reason: body.reason.into_inner(),
        before: body.before,
    };
    let kept = api.vault.kept_consent(&caller, &order).await?;
    let answers = kept.answers.into_iter().map(answer_out);
    Answer::ok(&KeptConsent {
        puid: puid_out(kept.puid),
        until: kept.until,
        answers: answers.collect::<Result<_, _>>()?,
        before: kept.before,
    })
}

fn answer_out(answer: vault::KeptAnswer) -> Result<KeptAnswer, Refusal> {
    let receipt = answer.receipt.as_ref();
    let receipt = receipt.map(|receipt| serde_json::from_slice(receipt.as_bytes()));
    Ok(KeptAnswer {
        event: event_out(answer.event),
        receipt: receipt.transpose().map_err(|_| Refusal::internal())?,
    })
}
