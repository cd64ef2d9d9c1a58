//! Leaving: told first what goes, what stays for how long, and until when one can stay after all.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privet_vault::RevealedValue;
use privet_vault::subject_request::SubjectRequestState;
use serde::Deserialize;

use super::super::page::page;
use super::super::text::Moment;
use super::frame::{Frame, Place, said};
use super::held::kept;
use super::signed_in::{OwnForm, OwnPerson};
use super::words::{ENGLISH, Words};
use crate::refusal::Refusal;
use crate::router::Api;

#[derive(Template)]
#[template(path = "own/leave.html")]
struct Leave {
    frame: Frame,
    leaving: Option<Leaving>,
    /// What law keeps for now.
    kept: Vec<Kept>,
    /// Whether the person has just taken it back.
    stays: bool,
    problem: Option<String>,
}

/// A wish to leave that runs.
struct Leaving {
    /// What the receipt is found by.
    number: String,
    until: Option<Moment>,
    can_stay: bool,
}

struct Kept {
    name: String,
    how_long: String,
}

/// What it means, and where it stands.
pub(crate) async fn leave(State(api): State<Api>, who: OwnPerson) -> Result<Response, Refusal> {
    show(&api, &who, false, None).await
}

async fn show(
    api: &Api,
    who: &OwnPerson,
    stays: bool,
    problem: Option<(StatusCode, String)>,
) -> Result<Response, Refusal> {
    let leaving = who.me.leaving().await?.map(|request| Leaving {
        number: request.id.to_string(),
        until: request.next_at.map(Into::into),
        can_stay: request.state == SubjectRequestState::Cooling,
    });
    let held = who.me.held().await?;
    let there = held.fields.iter();
    let there = there.filter(|field| !matches!(field.value, RevealedValue::Missing));
    let kept = there.filter_map(|field| {
        let how_long = kept(field.retain.as_ref()?);
        Some(Kept {
            name: Words::name(&field.name),
            how_long,
        })
    });
    let (status, problem) = match problem {
        None => (StatusCode::OK, None),
        Some((status, problem)) => (status, Some(problem)),
    };
    let shown = Leave {
        frame: Frame::of(api, who, Place::Leave),
        leaving,
        kept: kept.collect(),
        stays,
        problem,
    };
    page(status, &shown)
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Say {
    Leave,
    Stay,
}

#[derive(Deserialize)]
pub(crate) struct Leaves {
    say: Say,
    /// A box that is not ticked is not sent.
    understood: Option<String>,
}

/// Begins it, if what it means is understood; or takes it back.
pub(crate) async fn say_leave(
    State(api): State<Api>,
    OwnForm { who, fields }: OwnForm<Leaves>,
) -> Result<Response, Refusal> {
    let understood = fields.understood.as_deref() == Some("yes");
    let (stays, done) = match fields.say {
        Say::Stay => (true, who.me.stay().await),
        Say::Leave if understood => (false, who.me.ask_to_leave().await.map(drop)),
        Say::Leave => {
            let problem = ENGLISH.leave_tick.to_owned();
            let problem = (StatusCode::UNPROCESSABLE_ENTITY, problem);
            return show(&api, &who, false, Some(problem)).await;
        }
    };
    match done {
        Ok(()) => show(&api, &who, stays, None).await,
        Err(error) => show(&api, &who, false, Some(said(error)?)).await,
    }
}
