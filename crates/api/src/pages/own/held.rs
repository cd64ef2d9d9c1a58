//! What is held of a person, and correcting or erasing it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privet_classify::Retain;
use privet_vault::{FieldsErased, HeldField, RevealedValue};
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
    /// What was just done with a field.
    done: Option<Done>,
}

/// What was done with a field.
struct Done {
    name: String,
    what: &'static str,
    /// What becomes of it in applications' databases, a sentence each.
    more: Vec<&'static str>,
    /// What the receipt of an erasure is found by.
    number: Option<String>,
}

/// A field that holds something.
struct Shown {
    name: String,
    path: String,
    can_correct: bool,
    can_erase: bool,
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
            path: format!("/me/data/{}", field.name),
            can_correct: field.can_correct,
            can_erase: field.can_erase,
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

async fn show(api: &Api, who: &OwnPerson, done: Option<Done>) -> Result<Response, Refusal> {
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
        done,
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
    can_erase: bool,
    /// What law keeps of it.
    kept: Option<String>,
    draft: Personal,
    problem: Option<String>,
}

/// The forms to correct a field, and to have it erased.
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
        can_erase: who.me.can_erase(known.name.as_str())?,
        kept: known.retain.as_ref().map(kept),
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
        Ok(()) => {
            let done = Done {
                name: Words::name(&name),
                what: ENGLISH.corrected,
                more: Vec::new(),
                number: None,
            };
            show(&api, &who, Some(done)).await
        }
        Err(error) => {
            let (status, problem) = said(error)?;
            form(&api, &who, &name, status, draft, Some(problem))
        }
    }
}

/// What becomes of an erased field in applications' databases.
fn in_applications(erased: &FieldsErased) -> Vec<&'static str> {
    let said = [
        (
            erased.sources.old_key_until.is_some(),
            ENGLISH.erased_in_sources,
        ),
        (
            !erased.sources.outstanding.is_empty(),
            ENGLISH.erased_outstanding,
        ),
        (!erased.elsewhere.is_empty(), ENGLISH.erased_elsewhere),
    ];
    said.into_iter()
        .filter_map(|(is_so, what)| is_so.then_some(what))
        .collect()
}

#[derive(Deserialize)]
pub(crate) struct Erasing {
    /// A box that is not ticked is not sent.
    understood: Option<String>,
}

/// Erases it, if it is understood that nothing brings it back.
pub(crate) async fn erase(
    State(api): State<Api>,
    PathId(name): PathId<String>,
    OwnForm { who, fields }: OwnForm<Erasing>,
) -> Result<Response, Refusal> {
    let again = |status, problem| form(&api, &who, &name, status, Personal::new(""), Some(problem));
    if fields.understood.as_deref() != Some("yes") {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return again(status, ENGLISH.erase_tick.to_owned());
    }
    match who.me.erase(&name).await {
        Ok(erased) => {
            let done = Done {
                name: Words::name(&name),
                what: ENGLISH.erased,
                more: in_applications(&erased),
                number: Some(erased.request.to_string()),
            };
            show(&api, &who, Some(done)).await
        }
        Err(error) => {
            let (status, problem) = said(error)?;
            again(status, problem)
        }
    }
}
