//! What is held of a person, and correcting it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privet_classify::Retain;
use privet_vault::{HeldField, RevealedValue};
use privet_wire::Personal;
use serde::Deserialize;

use super::super::page::page;
use super::super::text::{Moment, Typed};
use super::frame::{Frame, Place, said};
use super::signed_in::{OwnForm, OwnPerson};
use super::words::{ENGLISH, Words};
use crate::body::PathId;
use crate::refusal::Refusal;
use crate::router::Api;

#[derive(Template)]
#[template(path = "own/held.html")]
struct Held {
    frame: Frame,
    since: Moment,
    shown: Vec<Shown>,
    missing: Vec<String>,
    elsewhere: Vec<Elsewhere>,
    /// The field that was just corrected.
    corrected: Option<String>,
}

/// A field that holds something.
struct Shown {
    name: String,
    path: Option<String>,
    class: &'static str,
    value: Value,
    purposes: Vec<String>,
    kept: Option<String>,
}

enum Value {
    Masked(Typed),
    Unreadable,
    Withheld,
}

struct Elsewhere {
    source: String,
    fields: String,
}

impl Shown {
    fn new(field: HeldField) -> Result<Self, String> {
        let value = match &field.value {
            RevealedValue::Missing => return Err(Words::name(&field.name)),
            RevealedValue::Shown(masked) => Value::Masked(Typed::new(masked)),
            RevealedValue::Unreadable => Value::Unreadable,
            RevealedValue::Refused => Value::Withheld,
        };
        let purposes = field.purposes.iter().map(|purpose| {
            let (name, basis) = (Words::name(&purpose.name), ENGLISH.basis(purpose.basis));
            match purpose.agreed {
                Some(false) => format!("{name}: only {basis}, which is not given"),
                _ => format!("{name}: {basis}"),
            }
        });
        Ok(Self {
            purposes: purposes.collect(),
            path: field
                .can_correct
                .then(|| format!("/me/data/{}", field.name)),
            name: Words::name(&field.name),
            class: ENGLISH.class(field.class),
            kept: field.retain.as_ref().map(kept),
            value,
        })
    }
}

/// What law keeps longer than the person stays, and why.
pub(super) fn kept(retain: &Retain) -> String {
    let (period, basis) = (ENGLISH.period(retain.for_), ENGLISH.basis(retain.basis));
    format!("some of it {period} longer, {basis}: {}", retain.why)
}

/// What is held.
pub(crate) async fn held(State(api): State<Api>, who: OwnPerson) -> Result<Response, Refusal> {
    show(&api, &who, None).await
}

async fn show(api: &Api, who: &OwnPerson, corrected: Option<String>) -> Result<Response, Refusal> {
    let held = who.me.held().await?;
    let (mut shown, mut missing) = (Vec::new(), Vec::new());
    for field in held.fields {
        match Shown::new(field) {
            Ok(field) => shown.push(field),
            Err(name) => missing.push(name),
        }
    }
    let elsewhere = held.elsewhere.into_iter().map(|held| Elsewhere {
        source: Words::name(held.source.as_str()),
        fields: names(&held.fields),
    });
    let page_of = Held {
        frame: Frame::of(api, who, Place::Held),
        since: held.since.into(),
        elsewhere: elsewhere.collect(),
        shown,
        missing,
        corrected,
    };
    page(StatusCode::OK, &page_of)
}

fn names(fields: &[String]) -> String {
    let names = fields.iter().map(|name| Words::name(name));
    names.collect::<Vec<_>>().join(", ")
}

#[derive(Template)]
#[template(path = "own/field.html")]
struct Field {
    frame: Frame,
    name: String,
    path: String,
    can_correct: bool,
    draft: Personal,
    problem: Option<String>,
}

/// The form to correct a field.
pub(crate) async fn field(
    State(api): State<Api>,
    who: OwnPerson,
    PathId(name): PathId<String>,
) -> Result<Response, Refusal> {
    form(&api, &who, &name, StatusCode::OK, Personal::new(""), None)
}

fn form(
    api: &Api,
    who: &OwnPerson,
    name: &str,
    status: StatusCode,
    draft: Personal,
    problem: Option<String>,
) -> Result<Response, Refusal> {
    // Which fields there are is no secret; a name that is none is not repeated.
    let known = api.vault.map().field(name);
    let known = known.ok_or(privet_vault::Error::NotFound("field"))?;
    let shown = Words::name(known.name.as_str());
    let title = format!("{}: {shown}", ENGLISH.correct);
    let field = Field {
        frame: Frame::of(api, who, Place::Held).titled(&title),
        path: format!("/me/data/{}", known.name),
        can_correct: who.me.can_correct(known.name.as_str())?,
        name: shown,
        draft,
        problem,
    };
    page(status, &field)
}

#[derive(Deserialize)]
pub(crate) struct Correction {
    value: Personal,
}

/// Corrects it.
pub(crate) async fn correct(
    State(api): State<Api>,
    PathId(name): PathId<String>,
    OwnForm { who, fields }: OwnForm<Correction>,
) -> Result<Response, Refusal> {
    let draft = fields.value.clone();
    let corrected = who.me.correct(&name, fields.value.into_inner()).await;
    match corrected {
        Ok(()) => show(&api, &who, Some(Words::name(&name))).await,
        Err(error) => {
            let (status, problem) = said(error)?;
            form(&api, &who, &name, status, draft, Some(problem))
        }
    }
}
