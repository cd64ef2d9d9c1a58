//! People's own pages, under `/me`: what is held of them, what they agree to, who looked, a copy
//! of it all, another telemetry id, and leaving.
//!
//! They have nothing in common with those of the staff but their looks: another cookie, another login, another caller. A
//! handler gets a [`signed_in::OwnPerson`], whose methods take no name of a subject; so nothing that somebody sends leads to anybody
//! else. Every word is in [`words`], so that a translation has one place.

mod asked;
mod consent;
mod copy;
mod erasure_receipt;
mod frame;
mod held;
mod language;
mod leave;
mod login;
mod looks;
mod mail_login;
mod signed_in;
mod telemetry_id;
mod words;

use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;

pub(crate) use asked::{answer_look, asked};
pub(crate) use consent::{answer, consent, receipt};
pub(crate) use copy::{ask_for_copy, copy, copy_file};
pub(crate) use erasure_receipt::{erasure_receipt, get_erasure_receipt};
pub(crate) use held::{correct, erase, field, held};
pub(crate) use leave::{leave, say_leave};
pub(crate) use login::{back, log_out, login, start};
pub(crate) use looks::{look, look_leaf, look_proof, looks, object};
pub(crate) use mail_login::{link, mail_link, open_link};
pub(crate) use telemetry_id::{rotate_telemetry_id, telemetry_id};

use super::page::see_other;
use crate::refusal::Refusal;
use crate::router::Api;

/// Whether a path is of these pages.
pub(super) fn is_own(path: &str) -> bool {
    path.strip_prefix("/me")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a refusal with a page; whoever is not logged in is led to where one logs in, and back afterwards.
pub(super) fn refused(
    api: &Api,
    refusal: &Refusal,
    request_id: &str,
    method: &Method,
    uri: &Uri,
) -> Option<Response> {
    if refusal.status == StatusCode::UNAUTHORIZED {
        let here = (*method == Method::GET).then(|| uri.path_and_query());
        let here = here.flatten().map(|here| here.as_str());
        let next = here.filter(|here| login::is_place(here) && *here != login::HOME);
        let query = next.and_then(|next| serde_urlencoded::to_string([("next", next)]).ok());
        return see_other(&match query {
            Some(query) => format!("/me/login?{query}"),
            None => "/me/login".to_owned(),
        })
        .ok();
    }
    frame::problem(api, refusal, request_id).ok()
}
