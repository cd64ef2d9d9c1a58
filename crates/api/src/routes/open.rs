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

/// Opens values that an application kept, each for the subject and field that the request states. A value that does
/// not open is `null`, whatever the cause; 422 `unreadable` if none opens.
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
    if shown == 0 {
        return Err(unreadable());
    }
    let answer = OpenAnswer {
        form: form_out(form),
        items: opened.into_iter().map(item_out).collect(),
    };
    Answer::sized(StatusCode::OK, &answer, 128 * items.len())
}

fn item_out(value: RevealedValue) -> OpenedItem {
    OpenedItem {
        value: match value {
            RevealedValue::Shown(text) => Some(Personal::from(text)),
            RevealedValue::Missing | RevealedValue::Unreadable => None,
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
