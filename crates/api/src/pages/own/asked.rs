//! What an engineer asks a person: leave to look at some of their data for a short while. They say yes or no.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privet_vault::{AskedLook, GrantRequestId, RequestState};
use serde::Deserialize;

use super::super::page::{page, see_other};
use super::super::text::{Moment, Typed, counted};
use super::frame::{Frame, Place, said};
use super::looks::who;
use super::signed_in::{OwnForm, OwnPerson};
use super::words::Words;
use crate::body::PathId;
use crate::refusal::Refusal;
use crate::router::Api;

#[derive(Template)]
#[template(path = "own/asked.html")]
struct Asked {
    frame: Frame,
    problem: Option<String>,
    asked: Vec<Request>,
}

/// One request.
struct Request {
    path: String,
    who: String,
    source: String,
    fields: String,
    minutes: String,
    reason: Option<Typed>,
    at: Moment,
    until: Moment,
    is_waiting: bool,
    is_agreed: bool,
}

impl From<AskedLook> for Request {
    fn from(asked: AskedLook) -> Self {
        let fields = asked.fields.iter().map(|name| Words::name(name));
        Self {
            path: format!("/me/asked/{}", asked.id),
            who: who(asked.who),
            source: Words::name(asked.source.as_str()),
            fields: fields.collect::<Vec<_>>().join(", "),
            minutes: counted(asked.minutes.into(), "minute"),
            reason: asked.reason.as_deref().map(Typed::new),
            at: asked.asked_at.into(),
            until: asked.expires_at.into(),
            is_waiting: asked.state == RequestState::Waiting,
            is_agreed: asked.state == RequestState::Approved,
        }
    }
}

/// The list.
pub(crate) async fn asked(State(api): State<Api>, who: OwnPerson) -> Result<Response, Refusal> {
    show(&api, &who, StatusCode::OK, None).await
}

async fn show(
    api: &Api,
    who: &OwnPerson,
    status: StatusCode,
    problem: Option<String>,
) -> Result<Response, Refusal> {
    let asked = who.me.asked().await?.into_iter();
    // What was refused or used is over, and stands among the looks.
    let open = asked.map(Request::from);
    let open = open.filter(|request| request.is_waiting || request.is_agreed);
    let asked = Asked {
        frame: Frame::of(api, who, Place::Asked),
        problem,
        asked: open.collect(),
    };
    page(status, &asked)
}

#[derive(Deserialize)]
pub(crate) struct AskedFields {
    answer: YesNo,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum YesNo {
    Yes,
    No,
}

/// Says yes or no.
pub(crate) async fn answer_look(
    State(api): State<Api>,
    PathId(id): PathId<GrantRequestId>,
    OwnForm { who, fields }: OwnForm<AskedFields>,
) -> Result<Response, Refusal> {
    let yes = matches!(fields.answer, YesNo::Yes);
    match who.me.answer_look(id, yes).await {
        Ok(()) => see_other(Place::Asked.path()),
        Err(error) => {
            let (status, problem) = said(error)?;
            show(&api, &who, status, Some(problem)).await
        }
    }
}
