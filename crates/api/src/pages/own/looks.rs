//! Who looked at a person's data, with the proof, and "this was not right".

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privet_vault::Looker;
use privet_wire::Personal;
use serde::Deserialize;

use super::super::log::file;
use super::super::page::page;
use super::super::text::{Moment, span};
use super::frame::{Frame, Place, said};
use super::signed_in::{OwnForm, OwnPerson};
use super::words::{ENGLISH, Words};
use crate::answer::plain;
use crate::body::{Params, PathIds};
use crate::refusal::Refusal;
use crate::router::Api;

#[derive(Template)]
#[template(path = "own/looks.html")]
struct Looks {
    frame: Frame,
    looks: Vec<Look>,
    back_to: Option<Moment>,
    older: Option<String>,
    delay: Option<String>,
}

/// One look.
struct Look {
    path: String,
    at: Moment,
    who: String,
    what: &'static str,
    why: Option<String>,
    fields: String,
    under_grant: bool,
}

impl From<privet_vault::Look> for Look {
    fn from(look: privet_vault::Look) -> Self {
        let fields = look.fields.iter().map(|name| Words::name(name));
        let why = look.purpose.as_deref().map(Words::name);
        Self {
            path: format!("/me/looks/{}/{}", look.log, look.index),
            at: look.at.into(),
            who: who(look.who),
            what: ENGLISH.done(look.what),
            why: match look.reason {
                Some(code) => Some(format!("refused: {}", Words::name(&code))),
                None => why,
            },
            fields: fields.collect::<Vec<_>>().join(", "),
            under_grant: look.under_grant,
        }
    }
}

/// Who it was, in words.
pub(super) fn who(looker: Looker) -> String {
    match looker {
        Looker::Job(name) => format!("the program “{name}”"),
        Looker::Staff(groups) if groups.is_empty() => "somebody of the staff".to_owned(),
        Looker::Staff(groups) => format!("somebody of the staff ({})", groups.join(", ")),
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub(crate) struct LooksQuery {
    before: Option<String>,
}

/// The list.
pub(crate) async fn looks(
    State(api): State<Api>,
    who: OwnPerson,
    Params(query): Params<LooksQuery>,
) -> Result<Response, Refusal> {
    let found = who.me.looks(query.before.as_deref()).await?;
    let looks = Looks {
        frame: Frame::of(&api, &who, Place::Looks),
        looks: found.looks.into_iter().map(Look::from).collect(),
        back_to: found.back_to.map(Moment::from),
        older: found
            .before
            .map(|before| format!("/me/looks?before={before}")),
        delay: (!found.shown_after.is_zero()).then(|| span(found.shown_after)),
    };
    page(StatusCode::OK, &looks)
}

#[derive(Template)]
#[template(path = "own/look.html")]
struct LookPage {
    frame: Frame,
    look: Look,
    file: String,
    objected: bool,
    draft: Personal,
    problem: Option<String>,
}

/// One look.
pub(crate) async fn look(
    State(api): State<Api>,
    who: OwnPerson,
    PathIds(log, index): PathIds<String, u64>,
) -> Result<Response, Refusal> {
    let said = Said::default();
    show(&api, &who, &log, index, said).await
}

/// What came of an objection.
#[derive(Default)]
struct Said {
    objected: bool,
    draft: Option<Personal>,
    problem: Option<(StatusCode, String)>,
}

async fn show(
    api: &Api,
    who: &OwnPerson,
    log: &str,
    index: u64,
    said: Said,
) -> Result<Response, Refusal> {
    let look = who.me.look(log, index).await?;
    let (status, problem) = said.problem.unzip();
    let look = LookPage {
        frame: Frame::of(api, who, Place::Looks).titled(ENGLISH.look),
        look: look.into(),
        file: format!("look-{index}"),
        objected: said.objected,
        draft: said.draft.unwrap_or_else(|| Personal::new("")),
        problem,
    };
    page(status.unwrap_or(StatusCode::OK), &look)
}

#[derive(Deserialize)]
pub(crate) struct Objection {
    note: Personal,
}

/// Says that it was not right.
pub(crate) async fn object(
    State(api): State<Api>,
    PathIds(log, index): PathIds<String, u64>,
    OwnForm { who, fields }: OwnForm<Objection>,
) -> Result<Response, Refusal> {
    let objected = who.me.object(&log, index, fields.note.as_str()).await;
    let came_of_it = match objected {
        Ok(()) => Said {
            objected: true,
            ..Said::default()
        },
        Err(error) => Said {
            problem: Some(said(error)?),
            draft: Some(fields.note),
            ..Said::default()
        },
    };
    show(&api, &who, &log, index, came_of_it).await
}

/// The entry with its proof, as a file (`docs/formats/proof-bundles.md`).
pub(crate) async fn look_proof(
    who: OwnPerson,
    PathIds(log, index): PathIds<String, u64>,
) -> Result<Response, Refusal> {
    let bundle = who.me.look_proof(&log, index).await?;
    let bundle = plain("application/octet-stream", bundle);
    file(bundle, &format!("look-{index}.proofs"))
}

/// The person's own leaf, as a file (`docs/formats/audit-entries.md`, Subjects).
pub(crate) async fn look_leaf(
    who: OwnPerson,
    PathIds(log, index): PathIds<String, u64>,
) -> Result<Response, Refusal> {
    let leaf = who.me.look_leaf(&log, index).await?;
    file(
        plain("application/json", leaf),
        &format!("look-{index}.json"),
    )
}
