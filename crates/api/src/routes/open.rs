//! Opening values that applications kept.

use axum::extract::State;
use axum::http::StatusCode;
use privet_vault::{Form, OpenItem, PrincipalKind, RevealedValue};
use privet_wire::{OpenAnswer, OpenRequest, OpenedItem, Personal};

use crate::answer::Answer;
use crate::authenticated::Authenticated;
use crate::body::Json;
use crate::convert::{form_in, form_out, subject_name};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;
use crate::routes::reveal::CONSENT_MISSING;

/// Opens values that an application kept, each for the subject and field that the request states. A value that does
/// not open is `null`, whatever the cause; 422 `unreadable` if none opens. For a purpose that rests on consent, values of
/// subjects who do not agree are named as refused; 403 `consent_missing` if nobody agrees.
#[utoipa::path(post, path = "/v1/open", tag = "values", request_body = OpenRequest,
    responses((status = 200, body = OpenAnswer), Refusals))]
pub(crate) async fn open(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(body): Json<OpenRequest>,
) -> Result<Answer, Refusal> {
    let form = match (body.form, caller.principal().kind) {
        (Some(form), _) => form_in(form),
        (None, PrincipalKind::Person) => Form::Masked,
        (None, PrincipalKind::Job | PrincipalKind::Subject) => Form::Clear,
    };
    let items = body.items.into_iter().map(|item| {
        Ok(OpenItem {
            subject: subject_name(&item.subject)?,
            field: item.field,
            sealed: item.sealed,
        })
    });
    let items: Vec<_> = items.collect::<Result<_, Refusal>>()?;
    let opened = api
        .vault
        .open_values(&caller, &items, &body.purpose, form)
        .await?;
    let shown = opened
        .iter()
        .filter(|value| matches!(value, RevealedValue::Shown(_)));
    let shown = shown.count();
    api.metrics.shown(form, shown as u64);
    let refused = |value| matches!(value, &RevealedValue::Refused);
    if shown == 0 && !opened.iter().any(refused) {
        return Err(unreadable());
    }
    let answer = OpenAnswer {
        form: form_out(form),
        items: opened.into_iter().map(item_out).collect(),
    };
    Answer::sized(StatusCode::OK, &answer, 128 * items.len())
}

fn item_out(value: RevealedValue) -> OpenedItem {
    let is_refused = matches!(value, RevealedValue::Refused);
    OpenedItem {
        refused: is_refused.then(|| CONSENT_MISSING.to_owned()),
        value: match value {
            RevealedValue::Shown(text) => Some(Personal::from(text)),
            RevealedValue::Missing | RevealedValue::Unreadable | RevealedValue::Refused => None,
        },
    }
}

fn unreadable() -> Refusal {
    Refusal::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "unreadable",
        "no value opens: they are damaged, of another subject, field, tenant or environment, or their keys are \
         destroyed",
    )
}
