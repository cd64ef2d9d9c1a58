//! Logging in, by a link or a token, and out.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use privet_vault::{Error, Reason};
use privet_wire::Personal;
use serde::Deserialize;

use super::cookie::Jar;
use super::form::{Form, OpenForm};
use super::frame::Frame;
use super::page::{page, see_other};
use crate::authenticated::Asking;
use crate::body::Params;
use crate::refusal::Refusal;
use crate::router::Api;

/// Where a login leads, unless it came from somewhere.
const HOME: &str = "/";
/// Longest place to come back to.
const NEXT_BYTES_MAX: usize = 1_024;

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    frame: Frame,
    code: Option<Personal>,
    next: String,
    problem: Option<String>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub(crate) struct LoginQuery {
    code: Option<Personal>,
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub(crate) struct LoginFields {
    code: Option<Personal>,
    token: Option<Personal>,
    next: Option<String>,
}

/// The form. A link's code is not spent by looking at it: mail scanners and previews look at links.
pub(crate) async fn login(
    State(api): State<Api>,
    Params(query): Params<LoginQuery>,
) -> Result<Response, Refusal> {
    let next = checked(query.next.as_deref()).to_owned();
    form(&api, StatusCode::OK, query.code, next, None)
}

/// Spends the code, or checks the token.
pub(crate) async fn log_in(
    State(api): State<Api>,
    Asking(address): Asking,
    OpenForm(fields): OpenForm<LoginFields>,
) -> Result<Response, Refusal> {
    let next = checked(fields.next.as_deref()).to_owned();
    let secret = match (&fields.code, &fields.token) {
        (Some(code), _) => api.vault.login_by_code(code.as_str(), &address).await,
        (None, Some(token)) => api.vault.login_by_token(token.as_str(), &address).await,
        (None, None) => Err(Error::Unauthenticated),
    };
    let secret = match secret {
        Ok(secret) => secret,
        Err(error) => {
            let problem = said(&error);
            let status = Refusal::from(error).status;
            return form(&api, status, None, next, Some(problem));
        }
    };
    let mut response = see_other(&next)?;
    Jar::Staff.set(&mut response, api.transport, &secret)?;
    Ok(response)
}

/// Ends the login.
pub(crate) async fn log_out(
    State(api): State<Api>,
    headers: HeaderMap,
    Form { who, .. }: Form<Nothing>,
) -> Result<Response, Refusal> {
    api.searches.forget(who.caller.token());
    if let Some(secret) = Jar::Staff.secret(&headers, api.transport) {
        api.vault.log_out(secret).await?;
    }
    let mut response = see_other("/login")?;
    Jar::Staff.clear(&mut response, api.transport)?;
    Ok(response)
}

/// A form without fields of its own.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

fn form(
    api: &Api,
    status: StatusCode,
    code: Option<Personal>,
    next: String,
    problem: Option<String>,
) -> Result<Response, Refusal> {
    let login = Login {
        frame: Frame::bare(api, "Log in"),
        code,
        next,
        problem,
    };
    page(status, &login)
}

/// What went wrong, as a sentence.
fn said(error: &Error) -> String {
    match error {
        Error::Unauthenticated => {
            "This token is not valid here: it may be mistyped, expired, revoked, or of another \
                                   environment."
                .to_owned()
        }
        Error::Denied(Reason { text, .. }) | Error::Limited(Reason { text, .. }) => sentence(text),
        other => sentence(&other.to_string()),
    }
}

/// A message that begins in lower case and ends without a full stop, as a sentence.
pub(super) fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    let mut sentence: String = first.chain(chars).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// A place on these pages to come back to: a path of theirs, and nothing that a browser could take for another host.
fn checked(next: Option<&str>) -> &str {
    let is_own = |next: &&str| {
        let known = [
            "/queue",
            "/sessions",
            "/requests",
            "/summary",
            "/log",
            "/next",
        ];
        next.len() <= NEXT_BYTES_MAX
            && known.iter().any(|path| {
                next.strip_prefix(path)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
            })
            && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
            && !next.contains("//")
    };
    next.filter(is_own).unwrap_or(HOME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_these_pages_alone() {
        for own in [
            "/sessions",
            "/sessions/0a?after=3",
            "/log",
            "/next?source=shop",
            "/requests",
        ] {
            assert_eq!(checked(Some(own)), own);
        }
        for foreign in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/sessions//evil",
            "/sessionsx",
            "/v1/sessions",
            "javascript:alert(1)",
            "/log\r\nSet-Cookie: a=b",
            "",
        ] {
            assert_eq!(checked(Some(foreign)), HOME, "{foreign}");
        }
        assert_eq!(checked(None), HOME);
    }

    #[test]
    fn messages_become_sentences() {
        assert_eq!(sentence("say why"), "Say why.");
        assert_eq!(sentence("Why?"), "Why?");
    }
}
