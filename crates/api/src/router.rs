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
use crate::refusal::Refusal;
use crate::routes::{
    audit, health, jobs, logins, lookup, metrics, open, reveal, seal, sessions, subjects, summary,
    tokens, whoami,
};
use crate::{Error, Limits, openapi};

fn table() -> Table {
    Table::default()
        .anyone(Method::GET, "/health/live", get(health::live))
        .anyone(Method::GET, "/health/ready", get(health::ready))
        .anyone(Method::GET, "/metrics", get(metrics::metrics))
        .anyone(Method::GET, "/openapi.json", get(openapi::openapi))
        .token(Method::GET, "/v1/whoami", get(whoami::whoami))
        .token(Method::POST, "/v1/subjects", post(subjects::create))
        .token(Method::GET, "/v1/subjects/{oid}", get(subjects::describe))
        .token(
            Method::PUT,
            "/v1/subjects/{oid}/fields",
            put(subjects::write),
        )
        .token(
            Method::POST,
            "/v1/subjects/{oid}/close",
            post(subjects::close),
        )
        .token(Method::POST, "/v1/reveal", post(reveal::reveal))
        .token(Method::POST, "/v1/lookup", post(lookup::lookup))
        .token(Method::POST, "/v1/seal", post(seal::seal))
        .token(Method::POST, "/v1/open", post(open::open))
        .token(Method::GET, "/v1/audit/checkpoint", get(audit::checkpoint))
        .token(Method::GET, "/v1/audit/tile/{*path}", get(audit::tile))
        .token(Method::GET, "/v1/audit/proof/{index}", get(audit::proof))
        .token(Method::GET, "/v1/audit/entries", get(audit::entries))
        .token(Method::GET, "/v1/audit/state", get(audit::state))
        .token(Method::GET, "/v1/sessions", get(sessions::list))
        .token(Method::POST, "/v1/sessions/search", post(sessions::search))
        .token(Method::GET, "/v1/sessions/{id}", get(sessions::show))
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
        .token(Method::GET, "/v1/summary", get(summary::summary))
        .token(Method::POST, "/v1/login-links", post(logins::create))
        .token(Method::POST, "/v1/sources/{name}/adopt", post(jobs::adopt))
        .token(Method::GET, "/v1/jobs/{id}", get(jobs::show))
        .token(Method::GET, "/v1/tokens", get(tokens::list))
        .token(Method::POST, "/v1/tokens", post(tokens::issue))
        .token(Method::DELETE, "/v1/tokens/{id}", delete(tokens::revoke))
}

/// The API without a network: every route, with the edge around it.
///
/// # Errors
/// None that depend on what is handed in: [`Error::Metrics`] and [`Error::Description`] are mistakes of this crate.
pub fn router(vault: Vault, limits: &Limits) -> Result<Router, Error> {
    let api = Api(Arc::new(Shared {
        vault,
        limits: *limits,
        metrics: Metrics::new()?,
        request_ids: RequestIds::new(),
        description: openapi::description()?,
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

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody who reaches the port: nothing that it says is personal or secret.
    Anyone,
    /// Whoever shows a token; what it may do is the policy's affair.
    Token,
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
    pub(crate) metrics: Metrics,
    pub(crate) request_ids: RequestIds,
    /// The API's description, written once.
    pub(crate) description: Bytes,
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
