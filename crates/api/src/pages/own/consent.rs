//! What a person agrees to: one switch a purpose beside the text that it is about, in force at once, with every answer and its
//! receipt.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use privet_classify::Language;
use privet_vault::{NoticeText, PastConsent, PurposeConsent};
use serde::Deserialize;

use super::super::log::file;
use super::super::page::{page, see_other};
use super::super::text::Moment;
use super::frame::{Frame, Place, said};
use super::language::Reads;
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
    /// The text, where there is one.
    text: Option<Text>,
}

/// What a person is asked, in a language that they read.
struct Text {
    text: String,
    language: String,
}

impl Purpose {
    /// `texts`: those of the notice in force, in every language.
    fn of(said: PurposeConsent, texts: &[NoticeText], reads: &Reads) -> Self {
        let theirs = texts.iter().filter(|text| text.purpose == said.purpose);
        let languages: Vec<&str> = theirs.clone().map(|text| &*text.language).collect();
        let best = reads.best(&languages);
        let text = theirs.clone().find(|text| Some(&*text.language) == best);
        let text = text.map(|text| Text {
            text: text.text.clone(),
            language: text.language.clone(),
        });
        Self {
            text,
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
    headers: HeaderMap,
    who: OwnPerson,
    Params(query): Params<HistoryQuery>,
) -> Result<Response, Refusal> {
    let reads = Reads::of(&headers);
    show(&api, &who, &reads, StatusCode::OK, query.before, None).await
}

async fn show(
    api: &Api,
    who: &OwnPerson,
    reads: &Reads,
    status: StatusCode,
    before: Option<u64>,
    problem: Option<String>,
) -> Result<Response, Refusal> {
    let view = who.me.consent().await?;
    let texts = who.me.notice_texts(&view).await?;
    let history = who.me.consent_history(before).await?;
    let purposes = view.purposes.into_iter();
    let consent = Consent {
        frame: Frame::of(api, who, Place::Consent),
        problem,
        lost: view.lost,
        purposes: purposes
            .map(|purpose| Purpose::of(purpose, &texts, reads))
            .collect(),
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
    /// The language in which it was there; absent where there was no text.
    language: Option<Language>,
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
    headers: HeaderMap,
    OwnForm { who, fields }: OwnForm<AnswerFields>,
) -> Result<Response, Refusal> {
    let yes = match fields.answer {
        YesNo::Yes => Some(fields.notice.as_str()),
        YesNo::No => None,
    };
    let AnswerFields {
        purpose, language, ..
    } = &fields;
    match who.me.answer(purpose, yes, language.clone()).await {
        // By a GET, so that loading the page again answers nothing again.
        Ok(_) => see_other(Place::Consent.path()),
        Err(error) => {
            let (status, problem) = said(error)?;
            let reads = Reads::of(&headers);
            show(&api, &who, &reads, status, None, Some(problem)).await
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
