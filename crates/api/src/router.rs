//! The route table, and what the handlers share.

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post, put};
use bytes::Bytes;
use privet_vault::Vault;

use crate::edge::{RequestIds, edge};
use crate::metrics::Metrics;
use crate::pages::{self, Searches, own};
use crate::refusal::Refusal;
use crate::routes::{
    audit, consent, consent_import, drp, grants, health, jobs, kept_consent, logins, lookup,
    metrics, notices, open, query, requests, reveal, seal, sessions, subjects, summary,
    telemetry_id, tokens, whoami,
};
use crate::{ApiConfig, Drp, Error, Limits, openapi};

fn table() -> Table {
    own_pages_of(pages_of(programs_of(Table::default())))
}

/// The pages of the people whom data is about.
fn own_pages_of(table: Table) -> Table {
    table
        .anyone(Method::GET, "/me/login", get(own::login))
        .anyone(Method::GET, "/me/login/start", get(own::start))
        .anyone(Method::GET, "/me/login/back", get(own::back))
        .anyone(Method::POST, "/me/login/mail", post(own::mail_link))
        .anyone(Method::GET, "/me/login/link", get(own::link))
        .anyone(Method::POST, "/me/login/link", post(own::open_link))
        .anyone(Method::GET, "/me/receipt", get(own::erasure_receipt))
        .anyone(Method::POST, "/me/receipt", post(own::get_erasure_receipt))
        .own(Method::POST, "/me/logout", post(own::log_out))
        .own(Method::GET, "/me", get(own::held))
        .own(Method::GET, "/me/data/{name}", get(own::field))
        .own(Method::POST, "/me/data/{name}", post(own::correct))
        .own(Method::POST, "/me/data/{name}/erase", post(own::erase))
        .own(Method::GET, "/me/consent", get(own::consent))
        .own(Method::POST, "/me/consent", post(own::answer))
        .own(
            Method::GET,
            "/me/consent/receipts/{number}",
            get(own::receipt),
        )
        .own(Method::GET, "/me/looks", get(own::looks))
        .own(Method::GET, "/me/looks/{log}/{index}", get(own::look))
        .own(Method::POST, "/me/looks/{log}/{index}", post(own::object))
        .own(
            Method::GET,
            "/me/looks/{log}/{index}/proof",
            get(own::look_proof),
        )
        .own(
            Method::GET,
            "/me/looks/{log}/{index}/leaf",
            get(own::look_leaf),
        )
        .own(Method::GET, "/me/asked", get(own::asked))
        .own(Method::POST, "/me/asked/{id}", post(own::answer_look))
        .own(Method::GET, "/me/copy", get(own::copy))
        .own(Method::POST, "/me/copy", post(own::ask_for_copy))
        .own(Method::GET, "/me/copy/{id}", get(own::copy_file))
        .own(Method::GET, "/me/leave", get(own::leave))
        .own(Method::POST, "/me/leave", post(own::say_leave))
        .own(Method::GET, "/me/telemetry-id", get(own::telemetry_id))
        .own(
            Method::POST,
            "/me/telemetry-id",
            post(own::rotate_telemetry_id),
        )
}

/// The pages for people.
fn pages_of(table: Table) -> Table {
    table
        .anyone(Method::GET, pages::STYLE_PATH, get(pages::style))
        .anyone(Method::GET, "/login", get(pages::login))
        .anyone(Method::POST, "/login", post(pages::log_in))
        .page(Method::POST, "/logout", post(pages::log_out))
        .page(Method::GET, "/", get(pages::home))
        .page(Method::GET, "/queue", get(pages::queue))
        .page(Method::GET, "/next", get(pages::next))
        .page(Method::GET, "/sessions", get(pages::sessions))
        .page(Method::POST, "/sessions/filter", post(pages::filter))
        .page(Method::GET, "/sessions/{id}", get(pages::session))
        .page(Method::POST, "/sessions/{id}", post(pages::judge))
        .page(
            Method::GET,
            "/sessions/{id}/proof",
            get(pages::session_proof),
        )
        .page(Method::GET, "/requests", get(pages::requests))
        .page(Method::GET, "/requests/{id}", get(pages::request))
        .page(Method::POST, "/requests/{id}", post(pages::decide))
        .page(Method::GET, "/people", get(pages::people))
        .page(Method::GET, "/people/{id}", get(pages::person_request))
        .page(
            Method::POST,
            "/people/{id}",
            post(pages::cancel_person_request),
        )
        .page(Method::GET, "/summary", get(pages::summary))
        .page(Method::GET, "/summary/{name}", get(pages::summary_file))
        .page(Method::GET, "/log", get(pages::log))
        .page(Method::GET, "/log/checkpoint", get(pages::checkpoint))
        .page(Method::GET, "/log/entries/{index}", get(pages::entry))
        .page(
            Method::GET,
            "/log/entries/{index}/bytes",
            get(pages::entry_bytes),
        )
        .page(
            Method::GET,
            "/log/entries/{index}/proof",
            get(pages::entry_proof),
        )
}

/// The API for programs.
fn programs_of(table: Table) -> Table {
    agents_of(operations_of(people_of(server_of(table))))
}

/// The server itself.
fn server_of(table: Table) -> Table {
    table
        .anyone(Method::GET, "/health/live", get(health::live))
        .anyone(Method::GET, "/health/ready", get(health::ready))
        .anyone(Method::GET, "/metrics", get(metrics::metrics))
        .anyone(Method::GET, "/openapi.json", get(openapi::openapi))
        .anyone(
            Method::GET,
            "/.well-known/gpc.json",
            get(consent::gpc_support),
        )
        .token(Method::GET, "/v1/whoami", get(whoami::whoami))
}

/// What applications call: people, their consent, their values, telemetry.
fn people_of(table: Table) -> Table {
    values_of(consent_of(requests_of(subjects_of(table))))
}

/// People.
fn subjects_of(table: Table) -> Table {
    table
        .token(Method::POST, "/v1/subjects", post(subjects::create))
        .token(Method::GET, "/v1/subjects/{oid}", get(subjects::describe))
        .token(
            Method::PUT,
            "/v1/subjects/{oid}/fields",
            put(subjects::write),
        )
        .token(
            Method::POST,
            "/v1/subjects/{oid}/fields/erase",
            post(subjects::erase_fields),
        )
        .token(
            Method::POST,
            "/v1/subjects/{oid}/close",
            post(subjects::close),
        )
        .token(
            Method::POST,
            "/v1/subjects/{oid}/telemetry-id/rotate",
            post(telemetry_id::rotate),
        )
}

/// What they ask for.
fn requests_of(table: Table) -> Table {
    table
        .token(
            Method::POST,
            "/v1/subjects/{oid}/access",
            post(requests::access),
        )
        .token(
            Method::POST,
            "/v1/subjects/{oid}/erasure",
            post(requests::erase),
        )
        .token(Method::GET, "/v1/requests", get(requests::list))
        .token(Method::POST, "/v1/requests/run", post(requests::run))
        .token(Method::GET, "/v1/requests/{id}", get(requests::show))
        .token(Method::GET, "/v1/requests/{id}/file", get(requests::file))
        .token(
            Method::GET,
            "/v1/requests/{id}/receipt",
            get(requests::receipt),
        )
        .token(
            Method::POST,
            "/v1/requests/{id}/cancel",
            post(requests::cancel),
        )
}

/// What agents call whom people authorized (Data Rights Protocol).
fn agents_of(table: Table) -> Table {
    table
        .agent(Method::POST, "/v1/agent/{id}", post(drp::set_up))
        .agent(Method::GET, "/v1/agent/{id}", get(drp::check))
        .agent(Method::POST, "/v1/data-rights-request", post(drp::exercise))
        .agent(
            Method::GET,
            "/v1/data-rights-request/{id}",
            get(drp::status),
        )
        .agent(
            Method::DELETE,
            "/v1/data-rights-request/{id}",
            delete(drp::revoke),
        )
}

/// What they agree to.
fn consent_of(table: Table) -> Table {
    table
        .token(
            Method::PUT,
            "/v1/subjects/{oid}/consent",
            put(consent::record),
        )
        .token(
            Method::GET,
            "/v1/subjects/{oid}/consent",
            get(consent::show),
        )
        .token(
            Method::GET,
            "/v1/subjects/{oid}/consent/history",
            get(consent::history),
        )
        .token(
            Method::GET,
            "/v1/subjects/{oid}/consent/receipts/{number}",
            get(consent::receipt),
        )
        .token(Method::GET, "/v1/notices/{version}", get(notices::show))
        .token(Method::POST, "/v1/kept-consent", post(kept_consent::kept))
        .token(
            Method::POST,
            "/v1/consent/import",
            post(consent_import::import),
        )
        .anyone(
            Method::GET,
            "/v1/consent/receipt-key",
            get(consent::receipt_key),
        )
        .token(
            Method::POST,
            "/v1/subjects/{oid}/consent/gpc",
            post(consent::honour_gpc),
        )
}

/// Their values, and telemetry.
fn values_of(table: Table) -> Table {
    table
        .token(Method::POST, "/v1/reveal", post(reveal::reveal))
        .token(Method::POST, "/v1/lookup", post(lookup::lookup))
        .token(Method::POST, "/v1/seal", post(seal::seal))
        .token(Method::POST, "/v1/open", post(open::open))
        .token(Method::POST, "/v1/query", post(query::query))
}

/// What those call who audit, approve and run the server.
fn operations_of(table: Table) -> Table {
    table
        .token(Method::GET, "/v1/audit/checkpoint", get(audit::checkpoint))
        .token(Method::GET, "/v1/audit/tile/{*path}", get(audit::tile))
        .token(Method::GET, "/v1/audit/proof/{index}", get(audit::proof))
        .token(Method::GET, "/v1/audit/entries", get(audit::entries))
        .token(Method::GET, "/v1/audit/state", get(audit::state))
        .token(Method::GET, "/v1/sessions", get(sessions::list))
        .token(Method::POST, "/v1/sessions/search", post(sessions::search))
        .token(Method::GET, "/v1/sessions/{id}", get(sessions::show))
        .token(Method::GET, "/v1/sessions/{id}/proof", get(sessions::proof))
        .token(
            Method::POST,
            "/v1/sessions/{id}/review",
            post(sessions::review),
        )
        .token(
            Method::POST,
            "/v1/sessions/{id}/comments",
            post(sessions::comment),
        )
        .token(Method::GET, "/v1/grants", get(grants::list))
        .token(Method::POST, "/v1/grants/{id}/revoke", post(grants::revoke))
        .token(Method::GET, "/v1/grant-requests", get(grants::requests))
        .token(
            Method::POST,
            "/v1/grant-requests/{id}/approve",
            post(grants::approve),
        )
        .token(
            Method::POST,
            "/v1/grant-requests/{id}/deny",
            post(grants::deny),
        )
        .token(Method::GET, "/v1/summary", get(summary::summary))
        .token(Method::GET, "/v1/findings", get(summary::findings))
        .token(Method::POST, "/v1/login-links", post(logins::create))
        .token(Method::POST, "/v1/sources/{name}/adopt", post(jobs::adopt))
        .token(Method::POST, "/v1/sources/{name}/undo", post(jobs::undo))
        .token(Method::GET, "/v1/jobs/{id}", get(jobs::show))
        .token(Method::POST, "/v1/jobs/{id}/approve", post(jobs::approve))
        .token(Method::GET, "/v1/tokens", get(tokens::list))
        .token(Method::POST, "/v1/tokens", post(tokens::issue))
        .token(Method::DELETE, "/v1/tokens/{id}", delete(tokens::revoke))
}

/// The API and the pages without a network: every route, with the edge around it.
///
/// # Errors
/// None that depend on what is handed in: [`Error::Metrics`] and [`Error::Description`] are mistakes of this crate.
pub fn router(vault: Vault, config: &ApiConfig) -> Result<Router, Error> {
    let api = Api(Arc::new(Shared {
        vault,
        limits: config.limits,
        transport: match config.tls {
            Some(_) => Transport::Tls,
            None => Transport::Loopback,
        },
        is_catalog_question: config.is_catalog_question,
        searches: Searches::default(),
        metrics: Metrics::new(config.metrics.clone())?,
        request_ids: RequestIds::new(),
        description: openapi::description()?,
        drp: config.drp.clone(),
    }));
    let router = table()
        .router
        .fallback(async || not_found())
        .method_not_allowed_fallback(async || wrong_method())
        .layer(from_fn_with_state(api.clone(), edge));
    Ok(router.with_state(api))
}

/// Every route in the table's order, for tests and documentation.
pub fn listed() -> Vec<Listed> {
    table().listed
}

/// How requests come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Through TLS.
    Tls,
    /// Within this machine, without TLS.
    Loopback,
}

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody who reaches the port: nothing that it says is personal or secret.
    Anyone,
    /// Whoever shows a token; what it may do is the policy's affair.
    Token,
    /// An agent that acts for people, by its token or by what it signs.
    Agent,
    /// Whoever is logged in to the pages; what they may do is the policy's affair.
    Page,
    /// Whoever is logged in to their own pages: what they see and change there is their own, whatever they send.
    Own,
}

/// One line of the route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The method.
    pub method: Method,
    /// The path's template, as `/v1/subjects/{oid}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
}

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Api(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) vault: Vault,
    pub(crate) limits: Limits,
    pub(crate) transport: Transport,
    pub(crate) is_catalog_question: fn(&str) -> bool,
    /// What people search for on the pages.
    pub(crate) searches: Searches,
    pub(crate) metrics: Metrics,
    pub(crate) request_ids: RequestIds,
    /// The API's description, written once.
    pub(crate) description: Bytes,
    /// Which agents may act for people.
    pub(crate) drp: Option<Drp>,
}

impl Api {
    /// Which agents may act for people; without any, there is nothing under their paths.
    pub(crate) fn drp(&self) -> Result<&Drp, Refusal> {
        self.drp.as_ref().ok_or_else(not_found)
    }
}

impl std::ops::Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// A router that remembers what was put into it.
#[derive(Default)]
struct Table {
    router: Router<Api>,
    listed: Vec<Listed>,
}

impl Table {
    fn anyone(self, method: Method, path: &'static str, handler: MethodRouter<Api>) -> Self {
        self.add(method, path, handler, Access::Anyone)
    }

    fn token(self, method: Method, path: &'static str, handler: MethodRouter<Api>) -> Self {
        self.add(method, path, handler, Access::Token)
    }

    fn agent(self, method: Method, path: &'static str, handler: MethodRouter<Api>) -> Self {
        self.add(method, path, handler, Access::Agent)
    }

    fn page(self, method: Method, path: &'static str, handler: MethodRouter<Api>) -> Self {
        self.add(method, path, handler, Access::Page)
    }

    fn own(self, method: Method, path: &'static str, handler: MethodRouter<Api>) -> Self {
        self.add(method, path, handler, Access::Own)
    }

    fn add(
        mut self,
        method: Method,
        path: &'static str,
        handler: MethodRouter<Api>,
        access: Access,
    ) -> Self {
        self.router = self.router.route(path, handler);
        self.listed.push(Listed {
            method,
            path,
            access,
        });
        self
    }
}

fn not_found() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "no_such_route",
        "there is nothing under this path: see `/openapi.json`",
    )
}

fn wrong_method() -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path takes another method: see `/openapi.json`",
    )
}
