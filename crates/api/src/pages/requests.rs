//! Requests to decrypt that need a second person: those that wait, one with what there is to judge it by, and saying yes
//! or no.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use privet_vault::{Error, GrantRequestId, RequestState, RequestView};
use privet_wire::Personal;
use serde::Deserialize;

use super::form::Form;
use super::frame::{Frame, Place};
use super::login::sentence;
use super::page::{page, see_other};
use super::signed_in::SignedIn;
use super::text::{Link, Moment, Typed, counted, span};
use crate::body::PathId;
use crate::refusal::Refusal;
use crate::router::Api;

/// How much of a reason a list shows.
const REASON_CHARS: usize = 240;

#[derive(Template)]
#[template(path = "requests.html")]
struct Requests {
    frame: Frame,
    waiting: Vec<Row>,
    own: Vec<Row>,
    decided: Vec<Row>,
}

/// A request in a list.
pub(super) struct Row {
    pub(super) address: String,
    pub(super) who: String,
    pub(super) source: String,
    pub(super) subject: Option<Typed>,
    pub(super) fields: Vec<String>,
    pub(super) minutes: String,
    pub(super) reason: Option<Typed>,
    pub(super) asked: Moment,
    pub(super) ago: String,
    pub(super) until: Moment,
    pub(super) left: String,
    pub(super) state: &'static str,
    pub(super) decided_by: Option<String>,
}

impl Row {
    fn new(view: RequestView, now: Timestamp) -> Self {
        let state = word(&view, now);
        let row = view.row;
        Self {
            address: format!("/requests/{}", row.id),
            who: row.principal.to_string(),
            source: row.source.to_string(),
            subject: view.subject.as_deref().map(Typed::new),
            fields: view.fields,
            minutes: counted(row.minutes.into(), "minute"),
            reason: view
                .reason
                .map(|reason| Typed::start(&reason, REASON_CHARS)),
            asked: row.asked_at.into(),
            ago: span(now.duration_since(row.asked_at)),
            until: row.expires_at.into(),
            left: span(row.expires_at.duration_since(now)),
            state,
            decided_by: row.decision.map(|decision| decision.by.to_string()),
        }
    }
}

/// Where a request stands, in a word.
fn word(view: &RequestView, now: Timestamp) -> &'static str {
    match view.state(now) {
        RequestState::Waiting | RequestState::Approved if view.session_ended => "over",
        state => state.as_str(),
    }
}

/// The requests that wait for this person's word: not their own.
pub(super) async fn waiting(api: &Api, who: &SignedIn) -> Result<Vec<Row>, Refusal> {
    let now = api.vault.time();
    let views = api.vault.grant_requests(&who.caller).await?.into_iter();
    let own = &who.caller.principal().name;
    let waiting = views.filter(|view| view.row.principal != *own);
    let rows = waiting.map(|view| Row::new(view, now));
    Ok(rows.filter(|row| row.state == "waiting").collect())
}

/// The list: what waits for a word, one's own, and what was decided lately.
pub(crate) async fn requests(State(api): State<Api>, who: SignedIn) -> Result<Response, Refusal> {
    let now = api.vault.time();
    let mut list = Requests {
        frame: Frame::of(&api, &who, Some(Place::Requests), "Requests"),
        waiting: Vec::new(),
        own: Vec::new(),
        decided: Vec::new(),
    };
    for view in api.vault.grant_requests(&who.caller).await? {
        let is_own = view.row.principal == who.caller.principal().name;
        let row = Row::new(view, now);
        let place = match row.state {
            _ if is_own => &mut list.own,
            "waiting" => &mut list.waiting,
            _ => &mut list.decided,
        };
        place.push(row);
    }
    page(StatusCode::OK, &list)
}

#[derive(Template)]
#[template(path = "request.html")]
struct Request {
    frame: Frame,
    id: String,
    who: String,
    source: String,
    state: &'static str,
    is_own: bool,
    /// Whether the person whose data it is has to agree, and nobody for them.
    asks_person: bool,
    subject: Option<Typed>,
    references: Vec<String>,
    fields: Vec<String>,
    minutes: String,
    reason: Option<Typed>,
    link: Option<Link>,
    evidence: Option<Link>,
    asked: Moment,
    ago: String,
    until: Moment,
    left: String,
    decision: Option<Decision>,
    /// Where its session is, for whoever reads sessions.
    session: Option<String>,
    problem: Option<String>,
    /// What was written before something went wrong.
    draft: Personal,
}

struct Decision {
    by: String,
    at: Moment,
    note: Option<Typed>,
}

/// One request.
pub(crate) async fn request(
    State(api): State<Api>,
    who: SignedIn,
    PathId(id): PathId<GrantRequestId>,
) -> Result<Response, Refusal> {
    render(&api, &who, id, None, Personal::new("")).await
}

async fn render(
    api: &Api,
    who: &SignedIn,
    id: GrantRequestId,
    problem: Option<(StatusCode, String)>,
    draft: Personal,
) -> Result<Response, Refusal> {
    let view = api.vault.grant_request(&who.caller, id).await?;
    let now = api.vault.time();
    let (status, problem) = match problem {
        None => (StatusCode::OK, None),
        Some((status, problem)) => (status, Some(problem)),
    };
    let state = word(&view, now);
    let row = view.row;
    let title = format!("Request of {} over {}", row.principal, row.source);
    let note = view.note;
    let decision = row.decision.map(|decision| Decision {
        by: decision.by.to_string(),
        at: decision.at.into(),
        note: note.as_deref().map(Typed::new),
    });
    let request = Request {
        frame: Frame::of(api, who, Some(Place::Requests), &title),
        id: id.to_string(),
        state,
        is_own: row.principal == who.caller.principal().name,
        asks_person: view.asks_person,
        session: who
            .rights
            .reads_sessions
            .then(|| format!("/sessions/{}", row.session)),
        who: row.principal.to_string(),
        source: row.source.to_string(),
        subject: view.subject.as_deref().map(Typed::new),
        references: row.subjects.iter().map(ToString::to_string).collect(),
        fields: view.fields,
        minutes: counted(row.minutes.into(), "minute"),
        reason: view.reason.as_deref().map(Typed::new),
        link: view.link.as_deref().map(Link::new),
        evidence: view.evidence.as_deref().map(Link::new),
        asked: row.asked_at.into(),
        ago: span(now.duration_since(row.asked_at)),
        until: row.expires_at.into(),
        left: span(row.expires_at.duration_since(now)),
        decision,
        problem,
        draft,
    };
    page(status, &request)
}

/// What the second person says.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Say {
    Approve,
    Deny,
}

#[derive(Deserialize)]
pub(crate) struct DecideFields {
    say: Say,
    #[serde(default)]
    note: Option<Personal>,
}

/// Takes a yes or a no, and leads back to what waits.
pub(crate) async fn decide(
    State(api): State<Api>,
    PathId(id): PathId<GrantRequestId>,
    Form { who, fields }: Form<DecideFields>,
) -> Result<Response, Refusal> {
    let note = fields.note.as_deref().unwrap_or_default();
    let done = match fields.say {
        Say::Approve => api.vault.approve_request(&who.caller, id, note).await,
        Say::Deny => api.vault.reject_request(&who.caller, id, note).await,
    };
    let Err(error) = done else {
        return see_other("/requests");
    };
    let is_told_there = matches!(
        error,
        Error::Invalid(_) | Error::AuditUnavailable(_) | Error::Conflict(_)
    );
    if !is_told_there {
        return Err(error.into());
    }
    // What was written is not lost, and how the request stands by now is seen.
    let problem = sentence(&error.to_string());
    let status = Refusal::from(error).status;
    let draft = fields.note.unwrap_or_else(|| Personal::new(""));
    render(&api, &who, id, Some((status, problem)), draft).await
}
