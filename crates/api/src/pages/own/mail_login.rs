//! Logging in by a link that comes by mail. Whoever asks for one gets the same page, whether or not anybody has their address; the link leads to a button,
//! since mail scanners and previews look at links, and works in the browser that asked alone.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use privet_wire::Personal;
use serde::Deserialize;

use super::super::cookie::Jar;
use super::super::form::OpenForm;
use super::super::login::sentence;
use super::super::page::{page, see_other};
use super::frame::Frame;
use super::login::{checked, next, set_next, way_in};
use super::words::ENGLISH;
use crate::authenticated::Asking;
use crate::body::Params;
use crate::refusal::Refusal;
use crate::router::Api;

/// How long what the link leads on to is known, in seconds: as long as the link.
const NEXT_SECONDS: u32 = 600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailFields {
    email: Personal,
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkFields {
    code: Personal,
}

#[derive(Template)]
#[template(path = "own/mail.html")]
struct Sent {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "own/link.html")]
struct Link {
    frame: Frame,
    code: Personal,
}

/// Has a link sent, if somebody has this address.
pub(crate) async fn mail_link(
    State(api): State<Api>,
    Asking(asking): Asking,
    OpenForm(fields): OpenForm<MailFields>,
) -> Result<Response, Refusal> {
    let next = checked(fields.next.as_deref()).to_owned();
    let begun = api.vault.begin_mail_login(fields.email.as_str(), &asking);
    let cookie = match begun {
        Ok(cookie) => cookie,
        Err(error) => {
            let refusal = Refusal::from(error);
            let problem = sentence(&refusal.detail);
            return way_in(&api, refusal.status, &next, Some(problem));
        }
    };
    let sent = Sent {
        frame: Frame::bare(&api, ENGLISH.mail_sent),
    };
    let mut response = page(StatusCode::OK, &sent)?;
    Jar::Mail.set(&mut response, api.transport, &cookie)?;
    set_next(&mut response, &next, NEXT_SECONDS)?;
    Ok(response)
}

/// Where the link leads: nothing is spent by looking at it.
pub(crate) async fn link(
    State(api): State<Api>,
    Params(LinkFields { code }): Params<LinkFields>,
) -> Result<Response, Refusal> {
    let link = Link {
        frame: Frame::bare(&api, ENGLISH.log_in),
        code,
    };
    page(StatusCode::OK, &link)
}

/// Spends the link.
pub(crate) async fn open_link(
    State(api): State<Api>,
    Asking(asking): Asking,
    headers: HeaderMap,
    OpenForm(LinkFields { code }): OpenForm<LinkFields>,
) -> Result<Response, Refusal> {
    let next = checked(next(&headers)).to_owned();
    let cookie = Jar::Mail.secret(&headers, api.transport);
    let cookie = cookie.unwrap_or_default();
    let finished = api.vault.finish_mail_login(cookie, code.as_str(), &asking);
    let secret = match finished.await {
        Ok(secret) => secret,
        Err(error) => {
            let refusal = Refusal::from(error);
            let problem = sentence(&refusal.detail);
            return way_in(&api, refusal.status, &next, Some(problem));
        }
    };
    let mut response = see_other(&next)?;
    Jar::Own.set(&mut response, api.transport, &secret)?;
    Jar::Mail.clear(&mut response, api.transport)?;
    set_next(&mut response, "", 0)?;
    Ok(response)
}
