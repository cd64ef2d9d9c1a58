//! What people ask for, as operators see it: which requests there are and by when each is due, one with how it came, and taking one
//! back.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privet_vault::subject_request::{
    RequestQuery, RequestSummary, SubjectRequestKind, SubjectRequestState, Urgency, why_untold,
};
use privet_vault::{Error, SubjectRequestId};
use serde::Deserialize;

use super::form::Form;
use super::frame::{Frame, Place};
use super::login::sentence;
use super::page::page;
use super::signed_in::SignedIn;
use super::text::{Moment, Typed};
use crate::body::{Params, PathId};
use crate::refusal::Refusal;
use crate::router::Api;

/// Requests of one page.
const COUNT: u32 = 50;

/// Which requests are listed.
#[derive(Deserialize)]
pub(crate) struct Listed {
    /// Also those whose person waits for nothing any more.
    #[serde(default)]
    all: bool,
    after: Option<SubjectRequestId>,
}

#[derive(Template)]
#[template(path = "people.html")]
struct People {
    frame: Frame,
    all: bool,
    rows: Vec<Row>,
    late: usize,
    next: Option<String>,
}

/// A request in a list.
struct Row {
    address: String,
    title: String,
    subject: Option<String>,
    /// Whether single fields are erased: nobody's from the beginning.
    of_fields: bool,
    state: &'static str,
    due: String,
    /// `late` or `soon`.
    urgency: Option<&'static str>,
    received: Moment,
    /// What comes next, and from when on.
    step: Option<Step>,
    /// The code of the last failure, and how often in a row a step failed.
    failure: Option<(String, u32)>,
    /// Why the person was not told that their file is there, in words.
    untold: Option<&'static str>,
}

struct Step {
    what: &'static str,
    at: Moment,
}

impl Row {
    fn new(request: RequestSummary) -> Self {
        let step = match request.tells {
            true => Some("Told by mail, from"),
            false => step(request.state),
        };
        let step = step.zip(request.next_at);
        Self {
            address: format!("/people/{}", request.id),
            title: title(&request),
            of_fields: !request.fields.is_empty(),
            subject: request.oid.map(|oid| oid.to_string()),
            state: request.state.as_str(),
            due: request.due_on.to_string(),
            urgency: match request.urgency {
                Some(Urgency::Late) => Some("late"),
                Some(Urgency::Soon) => Some("soon"),
                Some(Urgency::InTime) | None => None,
            },
            received: request.received_at.into(),
            step: step.map(|(what, at)| Step {
                what,
                at: at.into(),
            }),
            untold: request.failure.as_deref().and_then(why_untold),
            failure: request.failure.map(|code| (code, request.attempts)),
        }
    }
}

fn title(request: &RequestSummary) -> String {
    match request.kind {
        SubjectRequestKind::Access => "A copy of everything".to_owned(),
        SubjectRequestKind::Erasure if request.fields.is_empty() => "To be forgotten".to_owned(),
        SubjectRequestKind::Erasure => format!("To have erased: {}", request.fields.join(", ")),
    }
}

/// What happens to a request in this state next.
fn step(state: SubjectRequestState) -> Option<&'static str> {
    match state {
        SubjectRequestState::Waiting => Some("Collected with the next batch, from"),
        SubjectRequestState::Collecting => Some("Being collected; tried again from"),
        SubjectRequestState::Ready | SubjectRequestState::Notified => {
            Some("The file is kept until")
        }
        SubjectRequestState::Cooling => Some("Can be taken back until"),
        SubjectRequestState::Destroying => Some("Being erased; tried again from"),
        SubjectRequestState::Confirming => {
            Some("Erased; waits for confirmation, looked at again from")
        }
        SubjectRequestState::Expired
        | SubjectRequestState::Done
        | SubjectRequestState::Cancelled => None,
    }
}

/// Whether somebody may still take it back.
fn is_open(state: SubjectRequestState) -> bool {
    let begun = [
        SubjectRequestState::Destroying,
        SubjectRequestState::Confirming,
    ];
    !state.has_ended() && !begun.contains(&state)
}

/// The list: those that run, or all.
pub(crate) async fn people(
    State(api): State<Api>,
    who: SignedIn,
    Params(listed): Params<Listed>,
) -> Result<Response, Refusal> {
    let query = RequestQuery {
        running: !listed.all,
        after: listed.after,
        count_max: COUNT,
        ..RequestQuery::default()
    };
    let list = api.vault.requests(&who.caller, &query).await?;
    let next = list.next.map(|after| {
        let all = if listed.all { "all=true&" } else { "" };
        format!("/people?{all}after={after}")
    });
    let rows: Vec<_> = list.requests.into_iter().map(Row::new).collect();
    let people = People {
        frame: Frame::of(&api, &who, Some(Place::People), "What people ask for"),
        all: listed.all,
        late: rows
            .iter()
            .filter(|row| row.urgency == Some("late"))
            .count(),
        rows,
        next,
    };
    page(StatusCode::OK, &people)
}

#[derive(Template)]
#[template(path = "person_request.html")]
struct Request {
    frame: Frame,
    id: String,
    row: Row,
    entered: Moment,
    ended: Option<Moment>,
    by: Option<String>,
    came: Option<&'static str>,
    checked: Option<Typed>,
    can_cancel: bool,
    problem: Option<String>,
}

/// One request.
pub(crate) async fn person_request(
    State(api): State<Api>,
    who: SignedIn,
    PathId(id): PathId<SubjectRequestId>,
) -> Result<Response, Refusal> {
    render(&api, &who, id, None).await
}

async fn render(
    api: &Api,
    who: &SignedIn,
    id: SubjectRequestId,
    problem: Option<(StatusCode, String)>,
) -> Result<Response, Refusal> {
    let detail = api.vault.request(&who.caller, id).await?;
    let (status, problem) = match problem {
        None => (StatusCode::OK, None),
        Some((status, problem)) => (status, Some(problem)),
    };
    let summary = detail.summary;
    let title = title(&summary);
    let request = Request {
        frame: Frame::of(api, who, Some(Place::People), &title),
        id: id.to_string(),
        entered: summary.asked_at.into(),
        ended: summary.ended_at.map(Into::into),
        by: detail.by.map(|by| by.to_string()),
        came: detail.channel.map(|channel| channel.as_str()),
        checked: detail.checked.as_ref().map(|checked| Typed::new(checked)),
        can_cancel: is_open(summary.state),
        row: Row::new(summary),
        problem,
    };
    page(status, &request)
}

#[derive(Deserialize)]
pub(crate) struct CancelFields {}

/// Takes it back, and shows it again.
pub(crate) async fn cancel_person_request(
    State(api): State<Api>,
    PathId(id): PathId<SubjectRequestId>,
    Form { who, fields: _ }: Form<CancelFields>,
) -> Result<Response, Refusal> {
    match api.vault.cancel_request(&who.caller, id).await {
        Ok(_) => render(&api, &who, id, None).await,
        Err(error @ (Error::Conflict(_) | Error::AuditUnavailable(_))) => {
            let problem = sentence(&error.to_string());
            let status = Refusal::from(error).status;
            render(&api, &who, id, Some((status, problem))).await
        }
        Err(error) => Err(error.into()),
    }
}
