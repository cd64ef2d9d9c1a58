//! What went wrong, as a page that says what to do.

use askama::Template;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;

use super::frame::Frame;
use super::login::sentence;
use super::own;
use super::page::{page, see_other};
use crate::refusal::Refusal;
use crate::router::Api;

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem<'a> {
    frame: Frame,
    heading: &'static str,
    said: String,
    code: &'static str,
    request_id: &'a str,
}

/// Answers a refusal with a page; whoever is not logged in is led to where one logs in, and back afterwards.
pub(crate) fn refused(
    api: &Api,
    refusal: &Refusal,
    request_id: &str,
    method: &Method,
    uri: &Uri,
) -> Option<Response> {
    if own::is_own(uri.path()) {
        return own::refused(api, refusal, request_id, method, uri);
    }
    if refusal.status == StatusCode::UNAUTHORIZED {
        let back = (*method == Method::GET).then(|| uri.path_and_query());
        let next = back
            .flatten()
            .map(|here| here.as_str())
            .filter(|here| *here != "/");
        let query = next.and_then(|next| serde_urlencoded::to_string([("next", next)]).ok());
        return see_other(&match query {
            Some(query) => format!("/login?{query}"),
            None => "/login".to_owned(),
        })
        .ok();
    }
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
    page(refusal.status, &problem).ok()
}

pub(super) fn heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "This is not open to you",
        StatusCode::NOT_FOUND => "There is nothing here",
        StatusCode::TOO_MANY_REQUESTS => "That was too often",
        StatusCode::SERVICE_UNAVAILABLE => "This does not work at the moment",
        status if status.is_client_error() => "That did not work",
        _ => "Something is wrong in the server",
    }
}
