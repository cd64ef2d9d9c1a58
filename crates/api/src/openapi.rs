//! The API's description, OpenAPI 3.1, made from the handlers and the wire's types.

use std::collections::BTreeMap;

use axum::extract::State;
use bytes::Bytes;
use privet_wire::{PROBLEM_JSON, Problem};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::Error;
use crate::answer::plain;
use crate::router::Api;
use crate::routes::{
    audit, consent, consent_import, drp, grants, health, jobs, kept_consent, logins, lookup,
    metrics, notices, open, query, requests, reveal, seal, sessions, subjects, summary,
    telemetry_id, tokens, whoami,
};

/// The API's description.
#[utoipa::path(get, path = "/openapi.json", tag = "server", security(()),
    responses((status = 200, content_type = "application/json")))]
pub(crate) async fn openapi(State(api): State<Api>) -> axum::response::Response {
    plain("application/json", api.description.clone())
}

/// Writes the description.
pub(crate) fn description() -> Result<Bytes, Error> {
    let text = serde_json::to_vec_pretty(&Description::openapi());
    text.map(Bytes::from).map_err(Error::Description)
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Privet",
        description = "Personal data behind a hedge: every look takes a token, a right and a purpose, and is on \
                       record before its answer leaves. Errors are problem details (RFC 9457); their codes are \
                       listed in `docs/errors.md`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        health::live, health::ready, metrics::metrics, openapi, whoami::whoami,
        subjects::create, subjects::describe, subjects::write, subjects::erase_fields, subjects::close, telemetry_id::rotate,
        requests::access, requests::erase, requests::list, requests::show, requests::cancel, requests::run, requests::file,
        requests::receipt, drp::set_up, drp::check, drp::exercise, drp::status, drp::revoke,
        consent::record, consent::show, consent::history, consent::receipt,
        consent::receipt_key, kept_consent::kept, notices::show,
        consent_import::import, consent::honour_gpc, consent::gpc_support,
        reveal::reveal, lookup::lookup, seal::seal, open::open, query::query,
        audit::checkpoint, audit::tile, audit::proof, audit::entries, audit::state,
        grants::list, grants::revoke, grants::requests, grants::approve, grants::deny,
        sessions::list, sessions::search, sessions::show, sessions::review, sessions::comment,
        sessions::proof, summary::summary, summary::findings, logins::create,
        jobs::adopt, jobs::undo, jobs::show, jobs::approve,
        tokens::list, tokens::issue, tokens::revoke,
    ),
    components(schemas(Problem)),
    modifiers(&Completed),
    security(("token" = [])),
    tags(
        (name = "subjects", description = "Whom the data is about"),
        (name = "consent", description = "What people say yes and no to"),
        (name = "requests", description = "What people ask for: to see what is held of them, to be forgotten"),
        (name = "agents", description = "What agents ask on behalf of people (Data Rights Protocol 1.0); errors have the protocol's form"),
        (name = "values", description = "Personal data in and out"),
        (name = "telemetry", description = "What people did, for a purpose that they agree to"),
        (name = "audit", description = "The log, for auditors and witnesses"),
        (name = "grants", description = "What sessions may open, and who approves it"),
        (name = "sessions", description = "The protected console, for auditors"),
        (name = "jobs", description = "Long runs inside the server, for operators"),
        (name = "tokens", description = "Who may call, for operators"),
        (name = "server", description = "The server itself"),
    ),
)]
struct Description;

/// What the macros leave out: the token, refusals described once, names of operations that differ from each other, and
/// a description of each answer, which OpenAPI requires.
struct Completed;

impl Modify for Completed {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("token", scheme);
        for (status, meaning) in REFUSALS {
            let problem = Content::new(Some(Ref::from_schema_name("Problem")));
            let response = ResponseBuilder::new()
                .description(meaning)
                .content(PROBLEM_JSON, problem);
            let name = format!("Refused{status}");
            components.responses.insert(name, response.build().into());
        }
        for path in description.paths.paths.values_mut() {
            let operations = [
                &mut path.get,
                &mut path.put,
                &mut path.post,
                &mut path.delete,
            ];
            operations.into_iter().flatten().for_each(complete);
        }
    }
}

fn complete(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next();
    if let (Some(tag), Some(name)) = (tag, &operation.operation_id) {
        operation.operation_id = Some(format!("{tag}_{name}"));
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let meaning = match status.as_str() {
                "201" => "Made",
                "202" => "Started; ask the job how it is doing",
                "204" => "Done",
                "503" => "Nothing can be revealed at the moment, for these reasons",
                _ => "The answer",
            };
            meaning.clone_into(&mut response.description);
        }
    }
}

/// How any call with a token may be refused.
const REFUSALS: [(&str, &str); 12] = [
    (
        "400",
        "The request's form is wrong: its path, its query or its body",
    ),
    ("401", "No token, or one that is not valid here"),
    ("403", "Policy, purpose, consent or the environment says no"),
    ("404", "What was named does not exist"),
    ("408", "The request took too long"),
    ("409", "Something else was first, or a value must be unique"),
    ("413", "The body is too large"),
    ("415", "The body is not JSON"),
    (
        "422",
        "The request is well formed and asks for something wrong",
    ),
    ("429", "Too many of these: see `Retry-After`"),
    ("500", "Something is wrong in the server"),
    (
        "503",
        "Nothing can be revealed at the moment: see `Retry-After`",
    ),
];

/// The refusals, as handlers name them in their descriptions.
pub(crate) enum Refusals {}

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let refusals = REFUSALS.map(|(status, _)| {
            let described = Ref::from_response_name(format!("Refused{status}"));
            (status.to_owned(), RefOr::Ref(described))
        });
        refusals.into()
    }
}
