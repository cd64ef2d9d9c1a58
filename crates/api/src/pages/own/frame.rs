//! What stands around a person's own pages, and the page that says what went wrong.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use privet_vault::Error;
use privet_wire::Personal;

use super::super::login::sentence;
use super::super::page::page;
use super::super::problem::heading;
use super::super::style::ADDRESS;
use super::signed_in::OwnPerson;
use super::words::{ENGLISH, Words};
use crate::refusal::Refusal;
use crate::router::Api;

/// The parts of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Held,
    Consent,
    Looks,
    Asked,
    Copy,
    TelemetryId,
    Leave,
}

impl Place {
    const ALL: [Self; 7] = [
        Self::Held,
        Self::Consent,
        Self::Looks,
        Self::Asked,
        Self::Copy,
        Self::TelemetryId,
        Self::Leave,
    ];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Held => "/me",
            Self::Consent => "/me/consent",
            Self::Looks => "/me/looks",
            Self::Asked => "/me/asked",
            Self::Copy => "/me/copy",
            Self::TelemetryId => "/me/telemetry-id",
            Self::Leave => "/me/leave",
        }
    }

    pub(super) fn name(self, words: &Words) -> &'static str {
        match self {
            Self::Held => words.your_data,
            Self::Consent => words.consent,
            Self::Looks => words.looks,
            Self::Asked => words.asked,
            Self::Copy => words.copy,
            Self::TelemetryId => words.telemetry_id,
            Self::Leave => words.leave,
        }
    }
}

/// A link of the navigation.
pub(super) struct Tab {
    pub(super) path: &'static str,
    pub(super) name: &'static str,
    pub(super) is_here: bool,
}

/// Somebody who is logged in.
pub(super) struct Inside {
    pub(super) form_token: Personal,
    pub(super) tabs: Vec<Tab>,
}

/// The frame of a page.
pub(super) struct Frame {
    pub(super) title: String,
    /// In whose name data is held.
    pub(super) controller: Option<String>,
    pub(super) inside: Option<Inside>,
    pub(super) style: &'static str,
    pub(super) words: &'static Words,
}

impl Frame {
    /// A page for somebody who is logged in.
    pub(super) fn of(api: &Api, who: &OwnPerson, place: Place) -> Self {
        let bare = Self::bare(api, place.name(&ENGLISH));
        let tabs = Place::ALL.into_iter().map(|tab| Tab {
            path: tab.path(),
            name: tab.name(bare.words),
            is_here: tab == place,
        });
        Self {
            inside: Some(Inside {
                form_token: who.form_token.clone(),
                tabs: tabs.collect(),
            }),
            ..bare
        }
    }

    /// The same under a title of its own.
    pub(super) fn titled(mut self, title: &str) -> Self {
        title.clone_into(&mut self.title);
        self
    }

    /// A page for anybody.
    pub(super) fn bare(api: &Api, title: &str) -> Self {
        let controller = api.vault.map().controller();
        Self {
            title: title.to_owned(),
            controller: controller.map(|controller| controller.name.clone()),
            inside: None,
            style: ADDRESS.as_str(),
            words: &ENGLISH,
        }
    }
}

#[derive(Template)]
#[template(path = "own/problem.html")]
struct Problem<'a> {
    frame: Frame,
    heading: &'static str,
    said: String,
    code: &'static str,
    request_id: &'a str,
}

/// What went wrong, as a page that says what to do.
pub(super) fn problem(api: &Api, refusal: &Refusal, request_id: &str) -> Result<Response, Refusal> {
    let heading = heading(refusal.status);
    let problem = Problem {
        frame: Frame::bare(api, heading),
        heading,
        said: match refusal.code {
            "no_such_route" => "There is no page under this address.".to_owned(),
            _ => sentence(&refusal.detail),
        },
        code: refusal.code,
        request_id,
    };
    page(refusal.status, &problem)
}

/// What a form is shown again with: the status, and what to do.
pub(super) fn said(error: Error) -> Result<(StatusCode, String), Refusal> {
    let refusal = Refusal::from(error);
    let is_theirs = matches!(
        refusal.status,
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS
    );
    match is_theirs {
        true => Ok((refusal.status, sentence(&refusal.detail))),
        false => Err(refusal),
    }
}
