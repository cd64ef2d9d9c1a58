//! What a person agrees to: one switch a purpose, in force at once, with every answer and its receipt.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privet_vault::{PastConsent, PurposeConsent};
use serde::Deserialize;

use super::super::log::file;
use super::super::page::{page, see_other};
use super::super::text::Moment;
use super::frame::{Frame, Place, said};
use super::signed_in::{OwnForm, OwnPerson};
use super::words::{ENGLISH, Words};
use crate::answer::plain;
use crate::body::{Params, PathId};
use crate::refusal::Refusal;
use crate::router::Api;

#[derive(Template)]
#[template(path = "own/consent.html")]
struct Consent {
    frame: Frame,
    problem: Option<String>,
    lost: bool,
    purposes: Vec<Purpose>,
    answers: Vec<Answer>,
    has_receipts: bool,
    older: Option<String>,
}

/// A purpose and its switch.
struct Purpose {
    /// As forms name it.
    id: String,
    name: String,
    state: &'static str,
    is_on: bool,
    /// Whether a "no" would say anything new.
    said_no: bool,
    since: Option<Moment>,
    /// The version of the text in force.
    notice: String,
}

impl From<PurposeConsent> for Purpose {
    fn from(said: PurposeConsent) -> Self {
        Self {
            name: Words::name(&said.purpose),
            state: match said.answer {
                Some(true) if said.agreed => ENGLISH.agreed,
                Some(true) => ENGLISH.outdated,
                Some(false) => ENGLISH.refused,
                None => ENGLISH.never_asked,
            },
            is_on: said.agreed,
            said_no: said.answer == Some(false),
            since: said.since.map(Moment::from),
            notice: said.current_notice,
            id: said.purpose,
        }
    }
}

/// An answer that was given.
struct Answer {
    number: u64,
    at: Moment,
    yes: String,
    no: String,
    channel: &'static str,
}

impl From<PastConsent> for Answer {
    fn from(past: PastConsent) -> Self {
        let yes = past.granted.iter().map(|(name, notice)| {
            let name = Words::name(name);
            format!("{name} ({notice})")
        });
        let no = past.withdrawn.iter().map(|name| Words::name(name));
        Self {
            number: past.number,
            at: past.at.into(),
            yes: yes.collect::<Vec<_>>().join(", "),
            no: no.collect::<Vec<_>>().join(", "),
            channel: ENGLISH.channel(past.channel),
        }
    }
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub(crate) struct HistoryQuery {
    before: Option<u64>,
}

/// What holds, and what was answered.
pub(crate) async fn consent(
    State(api): State<Api>,
    who: OwnPerson,
    Params(query): Params<HistoryQuery>,
) -> Result<Response, Refusal> {
    show(&api, &who, StatusCode::OK, query.before, None).await
}

async fn show(
    api: &Api,
    who: &OwnPerson,
    status: StatusCode,
    before: Option<u64>,
    problem: Option<String>,
) -> Result<Response, Refusal> {
    let view = who.me.consent().await?;
    let history = who.me.consent_history(before).await?;
    let consent = Consent {
        frame: Frame::of(api, who, Place::Consent),
        problem,
        lost: view.lost,
        purposes: view.purposes.into_iter().map(Purpose::from).collect(),
        answers: history.events.into_iter().map(Answer::from).collect(),
        has_receipts: api.vault.receipt_key().is_ok(),
        older: history
            .before
            .map(|before| format!("/me/consent?before={before}")),
    };
    page(status, &consent)
}

#[derive(Deserialize)]
pub(crate) struct AnswerFields {
    purpose: String,
    /// The version of the text that was on the page.
    notice: String,
    answer: YesNo,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum YesNo {
    Yes,
    No,
}

/// Says yes or no.
pub(crate) async fn answer(
    State(api): State<Api>,
    OwnForm { who, fields }: OwnForm<AnswerFields>,
) -> Result<Response, Refusal> {
    let yes = match fields.answer {
        YesNo::Yes => Some(fields.notice.as_str()),
        YesNo::No => None,
    };
    match who.me.answer(&fields.purpose, yes).await {
        // By a GET, so that loading the page again answers nothing again.
        Ok(_) => see_other(Place::Consent.path()),
        Err(error) => {
            let (status, problem) = said(error)?;
            show(&api, &who, status, None, Some(problem)).await
        }
    }
}

/// The receipt of an answer, as a file (`docs/formats/consent-receipts.md`).
pub(crate) async fn receipt(
    who: OwnPerson,
    PathId(number): PathId<u64>,
) -> Result<Response, Refusal> {
    let receipt = who.me.consent_receipt(number).await?;
    let body = receipt.into_bytes();
    file(
        plain("application/json", body),
        &format!("consent-receipt-{number}.json"),
    )
}
