//! The copy of everything that is held of a person: asking for it, where it stands, and getting it.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use privet_vault::SubjectRequestId;
use privet_vault::subject_request::{RequestSummary, SubjectRequestState};
use serde::Deserialize;

use super::super::page::page;
use super::super::text::Moment;
use super::frame::{Frame, Place, said};
use super::signed_in::{OwnForm, OwnPerson};
use super::words::ENGLISH;
use crate::body::PathId;
use crate::file::{file_out, wish_of};
use crate::refusal::Refusal;
use crate::router::Api;

#[derive(Template)]
#[template(path = "own/copy.html")]
struct Copies {
    frame: Frame,
    /// The newest first.
    copies: Vec<Shown>,
    /// Whether one is being made, so that no other can be asked for.
    is_running: bool,
    problem: Option<String>,
}

struct Shown {
    state: &'static str,
    asked: Moment,
    /// The day by which there is one, while it is waited for.
    due: Option<String>,
    file: Option<File>,
}

struct File {
    path: String,
    size: String,
    until: Moment,
}

impl Shown {
    fn new(request: RequestSummary) -> Self {
        let state = match request.state {
            SubjectRequestState::Waiting | SubjectRequestState::Collecting => ENGLISH.copy_made,
            SubjectRequestState::Ready | SubjectRequestState::Notified => ENGLISH.copy_ready,
            SubjectRequestState::Cancelled => ENGLISH.copy_cancelled,
            _ => ENGLISH.copy_over,
        };
        Self {
            state,
            asked: request.asked_at.into(),
            due: request
                .state
                .is_running()
                .then(|| request.due_on.to_string()),
            file: request.file.map(|file| File {
                path: format!("/me/copy/{}", request.id),
                size: size(file.size_bytes),
                until: file.until.into(),
            }),
        }
    }
}

/// A length as people read it.
fn size(bytes: u64) -> String {
    match bytes {
        ..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

/// The copies.
pub(crate) async fn copy(State(api): State<Api>, who: OwnPerson) -> Result<Response, Refusal> {
    show(&api, &who, StatusCode::OK, None).await
}

async fn show(
    api: &Api,
    who: &OwnPerson,
    status: StatusCode,
    problem: Option<String>,
) -> Result<Response, Refusal> {
    let copies = who.me.copies().await?;
    let shown = Copies {
        frame: Frame::of(api, who, Place::Copy),
        is_running: copies.iter().any(|copy| copy.state.is_running()),
        copies: copies.into_iter().rev().map(Shown::new).collect(),
        problem,
    };
    page(status, &shown)
}

#[derive(Deserialize)]
pub(crate) struct Nothing {}

/// Asks for one.
pub(crate) async fn ask_for_copy(
    State(api): State<Api>,
    OwnForm { who, fields: _ }: OwnForm<Nothing>,
) -> Result<Response, Refusal> {
    match who.me.ask_for_copy().await {
        Ok(_) => show(&api, &who, StatusCode::OK, None).await,
        Err(error) => {
            let (status, problem) = said(error)?;
            show(&api, &who, status, Some(problem)).await
        }
    }
}

/// The file, or a part of it.
pub(crate) async fn copy_file(
    who: OwnPerson,
    PathId(id): PathId<SubjectRequestId>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let reading = who.me.copy_file(id, wish_of(&headers)).await;
    file_out(reading?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_at_a_glance() {
        let sizes = [0, 1, 1_000, 1_001, 999_999, 1_000_000, 12_345_678].map(size);
        assert_eq!(
            sizes,
            [
                "0 kB", "1 kB", "1 kB", "2 kB", "1000 kB", "1.0 MB", "12.3 MB"
            ]
        );
    }
}
