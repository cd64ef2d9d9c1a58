//! Telemetry ids, made anew when a person wants that.

use axum::extract::State;
use privet_vault::{Oid, Rotation, SubjectName};
use privet_wire::{RotateTelemetryId, TelemetryIdRotation};

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::{Json, PathId};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// What a person has to know before and may read again afterwards.
const MEANING: &str = "Telemetry that was recorded about you so far stays under an id that leads to nobody any more. It can \
                       then no longer be shown to you, exported or deleted as yours: ask for an export first if you want \
                       to have it. What you agree to stays as it is, and counts under the new id.";

/// Gives a subject another telemetry id: the salt of the former one is destroyed. Without `understood`, nothing is changed,
/// and the answer says what it means.
#[utoipa::path(post, path = "/v1/subjects/{oid}/telemetry-id/rotate", tag = "subjects",
    request_body = RotateTelemetryId, params(("oid" = privet_wire::Oid, Path)),
    responses((status = 200, body = TelemetryIdRotation), Refusals))]
pub(crate) async fn rotate(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(oid): PathId<Oid>,
    Json(body): Json<RotateTelemetryId>,
) -> Result<Answer, Refusal> {
    let name = SubjectName::Oid(oid);
    let rotation = api
        .vault
        .rotate_telemetry_id(&caller, &name, body.understood)
        .await?;
    let entry = match rotation {
        Rotation::Explained => None,
        Rotation::Rotated { entry } => Some(entry),
    };
    Answer::ok(&TelemetryIdRotation {
        rotated: entry.is_some(),
        meaning: MEANING.to_owned(),
        entry,
    })
}
