//! The receipt of an erasure, for whoever left: they have no login any more, and know the number of their request.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CONTENT_DISPOSITION;
use axum::response::Response;
use privet_vault::{Error, SubjectRequestId};
use serde::Deserialize;

use super::super::form::OpenForm;
use super::super::page::page;
use super::frame::{Frame, said};
use super::words::ENGLISH;
use crate::answer::plain;
use crate::refusal::Refusal;
use crate::router::Api;

const NAME: HeaderValue = HeaderValue::from_static("attachment; filename=\"erasure-receipt.json\"");

#[derive(Template)]
#[template(path = "own/erasure-receipt.html")]
struct Page {
    frame: Frame,
    problem: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fields {
    request: String,
}

/// Asks for the request's number. It is no part of an address, which browsers and others on the way remember.
pub(crate) async fn erasure_receipt(State(api): State<Api>) -> Result<Response, Refusal> {
    show(&api, StatusCode::OK, None)
}

/// Hands the receipt out.
pub(crate) async fn get_erasure_receipt(
    State(api): State<Api>,
    OpenForm(fields): OpenForm<Fields>,
) -> Result<Response, Refusal> {
    let Ok(id) = fields.request.trim().parse::<SubjectRequestId>() else {
        let problem = ENGLISH.receipt_number.to_owned();
        return show(&api, StatusCode::UNPROCESSABLE_ENTITY, Some(problem));
    };
    match api.vault.erasure_receipt_by_id(id).await {
        Ok(receipt) => {
            let mut response = plain("application/ld+json", receipt.into_bytes());
            response.headers_mut().insert(CONTENT_DISPOSITION, NAME);
            Ok(response)
        }
        Err(Error::NotFound(_)) => {
            let problem = ENGLISH.receipt_unknown.to_owned();
            show(&api, StatusCode::NOT_FOUND, Some(problem))
        }
        Err(error) => {
            let (status, problem) = said(error)?;
            show(&api, status, Some(problem))
        }
    }
}

fn show(api: &Api, status: StatusCode, problem: Option<String>) -> Result<Response, Refusal> {
    let shown = Page {
        frame: Frame::bare(api, ENGLISH.erasure_receipt),
        problem,
    };
    page(status, &shown)
}
