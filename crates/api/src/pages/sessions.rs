//! Sessions in a list, by facts and by the text of their reason.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privet_vault::{ListedSession, SEARCH_MAX};
use privet_wire::Personal;
use serde::Deserialize;

use super::emergency::Emergency;
use super::filter::{Filter, FilterQuery};
use super::form::Form;
use super::frame::{Frame, Place};
use super::page::{address, page, see_other};
use super::signed_in::SignedIn;
use super::step::moment_if;
use super::text::{Moment, Typed, grouped, span};
use crate::body::Params;
use crate::refusal::Refusal;
use crate::router::Api;

/// Sessions of one page.
const COUNT: u32 = 50;
/// How much of a reason a list shows.
const REASON_CHARS: usize = 240;

#[derive(Template)]
#[template(path = "sessions.html")]
struct Sessions {
    frame: Frame,
    filter: Filter,
    sources: Vec<String>,
    rows: Vec<Row>,
    /// Where the list goes on.
    next: Option<String>,
    looked_at: String,
    /// Whether a search ended at its limit, with more to look at.
    is_cut: bool,
}

/// A session in a list.
pub(super) struct Row {
    pub(super) address: String,
    pub(super) who: String,
    pub(super) source: String,
    pub(super) started: Moment,
    pub(super) ended: Option<Moment>,
    /// How long ago it started.
    pub(super) ago: String,
    pub(super) decrypted: bool,
    pub(super) emergency: Option<Emergency>,
    pub(super) statements: String,
    pub(super) opened: String,
    pub(super) verdict: &'static str,
    pub(super) reviewer: Option<String>,
    pub(super) reason: Option<Typed>,
}

impl Row {
    /// A row that leads to its session under a filter.
    pub(super) fn new(api: &Api, filter: &Filter, listed: ListedSession) -> Self {
        let ListedSession { row, reason, .. } = listed;
        let emergency = Emergency::of(&row, api.vault.time());
        Self {
            address: address(&format!("/sessions/{}", row.id), &filter.text()),
            ago: span(api.vault.time().duration_since(row.started_at)),
            verdict: row.verdict().as_str(),
            reviewer: row.review.map(|review| review.reviewer.to_string()),
            who: row.principal.to_string(),
            source: row.source.to_string(),
            started: row.started_at.into(),
            ended: moment_if(row.ended_at),
            decrypted: row.decrypted,
            emergency,
            statements: grouped(row.statements),
            opened: grouped(row.opened),
            reason: reason.map(|reason| Typed::start(&reason, REASON_CHARS)),
        }
    }
}

/// The list.
pub(crate) async fn sessions(
    State(api): State<Api>,
    who: SignedIn,
    Params(query): Params<FilterQuery>,
) -> Result<Response, Refusal> {
    let filter = Filter::read(&api, &who, query)?;
    let list = api
        .vault
        .sessions(&who.caller, &filter.newest(COUNT))
        .await?;
    let is_cut = list.next.is_some() && list.sessions.len() < COUNT as usize;
    let rows = list.sessions.into_iter();
    let rows = rows.map(|listed| Row::new(&api, &filter, listed)).collect();
    let sessions = Sessions {
        frame: Frame::of(&api, &who, Some(Place::Sessions), "Sessions"),
        sources: sources(&api),
        next: list.next.map(|next| filter.behind(Some(next))),
        looked_at: grouped(u64::from(list.looked_at.min(SEARCH_MAX))),
        is_cut,
        filter,
        rows,
    };
    page(StatusCode::OK, &sessions)
}

/// The sources that the data map names.
pub(super) fn sources(api: &Api) -> Vec<String> {
    let sources = api.vault.map().sources();
    sources.map(|source| source.name.to_string()).collect()
}

#[derive(Deserialize)]
pub(crate) struct FilterFields {
    #[serde(flatten)]
    query: FilterQuery,
    #[serde(default)]
    text: Option<Personal>,
}

/// Takes the filter's form: a text to search for is kept here, and the address names it by a number.
pub(crate) async fn filter(
    State(api): State<Api>,
    Form { who, fields }: Form<FilterFields>,
) -> Result<Response, Refusal> {
    let FilterFields { query, text } = fields;
    let text = text.filter(|text| !text.trim().is_empty());
    let token = who.caller.token();
    let number = text.map(|text| api.searches.keep(token, Personal::new(text.trim())));
    let query = FilterQuery {
        search: number.map(|number| number.to_string()).unwrap_or_default(),
        after: String::new(),
        ..query
    };
    let filter = Filter::read(&api, &who, query)?;
    see_other(&address("/sessions", &filter.text()))
}
