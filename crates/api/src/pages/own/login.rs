//! Logging in with the application's identity provider, and out.
//!
//! Both ways to the provider are links, not forms: what a form leads on to must be of this origin (`form-action` of the
//! content security policy), and a provider is not.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use privet_vault::{OwnAnswer, OwnLoginBegun};
use privet_wire::Personal;
use serde::Deserialize;

use super::super::cookie::Jar;
use super::super::login::{Nothing, sentence};
use super::super::page::{page, see_other};
use super::frame::Frame;
use super::signed_in::OwnForm;
use super::words::ENGLISH;
use crate::authenticated::Asking;
use crate::body::Params;
use crate::refusal::Refusal;
use crate::router::Api;

/// Where a login leads, unless it came from somewhere.
pub(super) const HOME: &str = "/me";
/// Longest place to come back to.
const NEXT_BYTES_MAX: usize = 512;
/// Where a login under way leads on to; nothing that is secret.
const NEXT: &str = "privet-me-next";

#[derive(Template)]
#[template(path = "own/login.html")]
struct Login {
    frame: Frame,
    provider: String,
    start: String,
    /// Where a link comes by mail for whoever wants one; what they want to see then.
    by_mail: Option<String>,
    problem: Option<String>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub(crate) struct LoginQuery {
    next: Option<String>,
}

/// What a provider sends a browser back with, and whatever else it adds (RFC 6749 section 4.1.2).
#[derive(Deserialize, Default)]
pub(crate) struct BackQuery {
    state: Option<Personal>,
    code: Option<Personal>,
    iss: Option<String>,
}

/// The way in.
pub(crate) async fn login(
    State(api): State<Api>,
    Params(query): Params<LoginQuery>,
) -> Result<Response, Refusal> {
    let next = checked(query.next.as_deref()).to_owned();
    way_in(&api, StatusCode::OK, &next, None)
}

/// Leads to the provider.
pub(crate) async fn start(
    State(api): State<Api>,
    Asking(asking): Asking,
    Params(query): Params<LoginQuery>,
) -> Result<Response, Refusal> {
    let next = checked(query.next.as_deref());
    let OwnLoginBegun { address, secret } = api.vault.begin_own_login(&asking).await?;
    let mut response = see_other(&address)?;
    Jar::Attempt.set(&mut response, api.transport, &secret)?;
    set_next(&mut response, next, 600)?;
    Ok(response)
}

/// Comes back from it.
pub(crate) async fn back(
    State(api): State<Api>,
    Asking(asking): Asking,
    headers: HeaderMap,
    query: Result<Query<BackQuery>, QueryRejection>,
) -> Result<Response, Refusal> {
    let next = checked(next(&headers)).to_owned();
    let secret = Jar::Attempt.secret(&headers, api.transport);
    // What is not even a query belongs to no login.
    let Query(query) = query.unwrap_or_default();
    let answer = OwnAnswer {
        state: query.state.as_deref().unwrap_or_default(),
        code: query.code.as_deref(),
        issuer: query.iss.as_deref(),
    };
    let secret = secret.unwrap_or_default();
    let mut response = match api.vault.finish_own_login(secret, answer, &asking).await {
        Ok(secret) => {
            let mut response = see_other(&next)?;
            Jar::Own.set(&mut response, api.transport, &secret)?;
            response
        }
        Err(error) => {
            let refusal = Refusal::from(error);
            let problem = sentence(&refusal.detail);
            way_in(&api, refusal.status, &next, Some(problem))?
        }
    };
    Jar::Attempt.clear(&mut response, api.transport)?;
    set_next(&mut response, "", 0)?;
    Ok(response)
}

#[derive(Template)]
#[template(path = "own/left.html")]
struct Left {
    frame: Frame,
    provider: String,
    farewell: Option<String>,
}

/// Ends the login.
pub(crate) async fn log_out(
    State(api): State<Api>,
    Asking(asking): Asking,
    headers: HeaderMap,
    OwnForm { .. }: OwnForm<Nothing>,
) -> Result<Response, Refusal> {
    let secret = Jar::Own.secret(&headers, api.transport);
    let farewell = match secret {
        Some(secret) => api.vault.leave_own_pages(secret, &asking).await?,
        None => None,
    };
    let left = Left {
        frame: Frame::bare(&api, ENGLISH.log_out),
        provider: api.vault.own_provider()?.to_owned(),
        farewell,
    };
    let mut response = page(StatusCode::OK, &left)?;
    Jar::Own.clear(&mut response, api.transport)?;
    Ok(response)
}

pub(super) fn way_in(
    api: &Api,
    status: StatusCode,
    next: &str,
    problem: Option<String>,
) -> Result<Response, Refusal> {
    let query = serde_urlencoded::to_string([("next", next)]);
    let query = query.map_err(|_| Refusal::internal())?;
    let login = Login {
        frame: Frame::bare(api, ENGLISH.log_in),
        provider: api.vault.own_provider()?.to_owned(),
        start: format!("/me/login/start?{query}"),
        by_mail: api.vault.has_mail_login().then(|| next.to_owned()),
        problem,
    };
    page(status, &login)
}

/// The place that a login under way leads on to. It is checked when it is used, whoever wrote it.
pub(super) fn next(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == NEXT).then_some(value)
    })
}

pub(super) fn set_next(response: &mut Response, next: &str, seconds: u32) -> Result<(), Refusal> {
    let text = format!("{NEXT}={next}; Path=/me/login; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    let cookie = HeaderValue::from_str(&text).map_err(|_| Refusal::internal())?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(())
}

/// A place on these pages to come back to, or where everybody begins.
pub(super) fn checked(next: Option<&str>) -> &str {
    next.filter(|next| is_place(next)).unwrap_or(HOME)
}

/// Whether it is a path of these pages, and nothing that a browser could take for another host, or a cookie for its end.
pub(super) fn is_place(next: &str) -> bool {
    let known = [
        "/me/data",
        "/me/consent",
        "/me/looks",
        "/me/asked",
        "/me/copy",
        "/me/telemetry-id",
        "/me/leave",
    ];
    let is_known = next == HOME
        || known.iter().any(|path| {
            next.strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        });
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/?=&.-_%".contains(&byte);
    is_known && next.len() <= NEXT_BYTES_MAX && next.bytes().all(is_plain) && !next.contains("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_these_pages_alone() {
        for own in [
            "/me",
            "/me/consent",
            "/me/looks?before=0a.1-0b.2",
            "/me/data/email",
            "/me/copy",
            "/me/consent/receipts/3",
        ] {
            assert_eq!(checked(Some(own)), own);
        }
        for foreign in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/me//evil.example",
            "/me/looks//evil",
            "/mexico",
            "/sessions",
            "/me/logout",
            "/me/consent;Domain=evil.example",
            "/me/consent\r\nSet-Cookie: a=b",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(checked(Some(foreign)), HOME, "{foreign}");
        }
    }
}
