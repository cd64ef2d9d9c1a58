//! What waits for a verdict, emergencies and then the oldest first, and the way from one session to the next; above it
//! what waits for a second person, where the reader may be that one.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::filter::{Filter, FilterQuery};
use super::frame::{Frame, Place};
use super::page::{address, page, see_other};
use super::requests;
use super::sessions::{Row, sources};
use super::signed_in::SignedIn;
use crate::body::Params;
use crate::refusal::Refusal;
use crate::router::Api;

/// Sessions of one page.
const COUNT: u32 = 50;

#[derive(Template)]
#[template(path = "queue.html")]
struct Queue {
    frame: Frame,
    filter: Filter,
    sources: Vec<String>,
    /// What waits for a second person.
    requests: Vec<requests::Row>,
    rows: Vec<Row>,
    /// How many of the rows are emergencies, and for how many of these the time to review them is over.
    alarms: usize,
    overdue: usize,
    next: Option<String>,
    /// Where the first one is.
    first: Option<String>,
}

/// The pages begin with what waits for this person.
pub(crate) async fn home(who: SignedIn) -> Result<Response, Refusal> {
    let rights = who.rights;
    see_other(if rights.reads_sessions {
        "/queue"
    } else if rights.decides_requests {
        "/requests"
    } else if rights.reads_people_requests {
        "/people"
    } else {
        "/queue"
    })
}

/// What waits.
pub(crate) async fn queue(
    State(api): State<Api>,
    who: SignedIn,
    Params(query): Params<FilterQuery>,
) -> Result<Response, Refusal> {
    let filter = Filter::read(&api, &who, query)?;
    let waiting = filter.waiting(&who, COUNT);
    let list = api.vault.sessions(&who.caller, &waiting).await?;
    let rows = list.sessions.into_iter();
    let rows: Vec<_> = rows.map(|listed| Row::new(&api, &filter, listed)).collect();
    let requests = match who.rights.decides_requests && filter.is_open() {
        true => requests::waiting(&api, &who).await?,
        false => Vec::new(),
    };
    let alarms = rows.iter().filter_map(|row| row.emergency.as_ref());
    let queue = Queue {
        frame: Frame::of(&api, &who, Some(Place::Queue), "Queue"),
        sources: sources(&api),
        next: list.next.map(|next| filter.behind(Some(next))),
        overdue: alarms.clone().filter(|alarm| alarm.overdue).count(),
        alarms: alarms.count(),
        requests,
        first: rows.first().map(|row| row.address.clone()),
        filter,
        rows,
    };
    page(StatusCode::OK, &queue)
}

/// Leads to the next session that waits under a filter, behind the one that the query names.
pub(crate) async fn next(
    State(api): State<Api>,
    who: SignedIn,
    Params(query): Params<FilterQuery>,
) -> Result<Response, Refusal> {
    let filter = Filter::read(&api, &who, query)?;
    let list = api
        .vault
        .sessions(&who.caller, &filter.waiting(&who, 1))
        .await?;
    match (list.sessions.into_iter().next(), list.next) {
        (Some(listed), _) => see_other(&Row::new(&api, &filter, listed).address),
        // A search looks at so many sessions at a time; the page says that there are more.
        (None, Some(behind)) => see_other(&address("/queue", &filter.behind(Some(behind)))),
        (None, None) => see_other(&address("/queue", &filter.text())),
    }
}
