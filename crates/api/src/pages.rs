//! The pages: auditors' and approvers', and those of the people themselves under `/me` ([`own`]). Server-rendered, at home without scripts, under a content security policy that allows none.
//!
//! Everything an engineer can type is hostile here: templates escape it, [`shown`](crate::shown) makes invisible
//! characters visible and links only what is a web address. Whoever asks is known by a cookie; each form that changes
//! something carries a token that only its login knows, and comes from these pages themselves.

mod chart;
mod cookie;
mod emergency;
mod filter;
mod form;
mod frame;
mod log;
mod login;
pub(crate) mod own;
mod page;
mod people;
mod problem;
mod queue;
mod requests;
mod searches;
mod session;
mod sessions;
mod signed_in;
mod step;
mod style;
mod summary;
mod text;

pub(crate) use log::{checkpoint, entry, entry_bytes, entry_proof, log};
pub(crate) use login::{log_in, log_out, login};
pub(crate) use page::{harden, is_page};
pub(crate) use people::{cancel_person_request, people, person_request};
pub(crate) use problem::refused;
pub(crate) use queue::{home, next, queue};
pub(crate) use requests::{decide, request, requests};
pub(crate) use searches::Searches;
pub(crate) use session::{judge, session, session_proof};
pub(crate) use sessions::{filter, sessions};
pub(crate) use style::{PATH as STYLE_PATH, style};
pub(crate) use summary::{summary, summary_file};
