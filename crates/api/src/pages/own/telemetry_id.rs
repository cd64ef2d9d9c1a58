//! Another telemetry id: told what it means first, done afterwards.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::super::page::page;
use super::frame::{Frame, Place};
use super::signed_in::{OwnForm, OwnPerson};
use super::words::ENGLISH;
use crate::refusal::Refusal;
use crate::router::Api;

#[derive(Template)]
#[template(path = "own/telemetry-id.html")]
struct TelemetryId {
    frame: Frame,
    done: bool,
    problem: Option<&'static str>,
}

/// What it means.
pub(crate) async fn telemetry_id(
    State(api): State<Api>,
    who: OwnPerson,
) -> Result<Response, Refusal> {
    show(&api, &who, StatusCode::OK, false, None)
}

fn show(
    api: &Api,
    who: &OwnPerson,
    status: StatusCode,
    done: bool,
    problem: Option<&'static str>,
) -> Result<Response, Refusal> {
    let shown = TelemetryId {
        frame: Frame::of(api, who, Place::TelemetryId),
        done,
        problem,
    };
    page(status, &shown)
}

#[derive(Deserialize)]
pub(crate) struct Understanding {
    /// A box that is not ticked is not sent.
    understood: Option<String>,
}

/// Does it, if that is understood.
pub(crate) async fn rotate_telemetry_id(
    State(api): State<Api>,
    OwnForm { who, fields }: OwnForm<Understanding>,
) -> Result<Response, Refusal> {
    if fields.understood.as_deref() != Some("yes") {
        let (status, problem) = (StatusCode::UNPROCESSABLE_ENTITY, ENGLISH.telemetry_tick);
        return show(&api, &who, status, false, Some(problem));
    }
    who.me.rotate_telemetry_id().await?;
    show(&api, &who, StatusCode::OK, true, None)
}
