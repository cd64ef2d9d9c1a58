//! The audit log for auditors and witnesses: checkpoint, tiles and proofs as C2SP has them, and entries as JSON.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privet_vault::{Caller, Error, LogDetail, LogState, ReadEntry};
use privet_wire::{HealthReason, LogCheck, LogEntry, LogPage, LogQuery, LogStatus};
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::answer::{Answer, plain};
use crate::authenticated::Authenticated;
use crate::body::{Params, PathId};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: &str = "application/octet-stream";

/// Entries of one answer: at most, and unless said otherwise.
const COUNT_MAX: u32 = 1_000;
const COUNT: u32 = 100;
/// Shorter than the time that a request may take.
const WAIT_SECONDS_MAX: u32 = 20;

/// The newest signed checkpoint, a C2SP signed note.
#[utoipa::path(get, path = "/v1/audit/checkpoint", tag = "audit",
    responses((status = 200, body = String, content_type = "text/plain"), Refusals))]
pub(crate) async fn checkpoint(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
) -> Result<Response, Refusal> {
    let checkpoint = api.vault.log_checkpoint(&caller).await?;
    Ok(plain(TEXT, checkpoint))
}

/// A tile of hashes or a bundle of entries, as C2SP tlog-tiles lays them out (`0/000`, `entries/000.p/17`).
#[utoipa::path(get, path = "/v1/audit/tile/{path}", tag = "audit",
    params(("path" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream"), Refusals))]
pub(crate) async fn tile(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(path): PathId<String>,
) -> Result<Response, Refusal> {
    let tile = api.vault.log_tile(&caller, &format!("tile/{path}")).await?;
    Ok(plain(BINARY, tile))
}

/// The proof that an entry is in the log, as a C2SP tlog-proof under the newest checkpoint.
#[utoipa::path(get, path = "/v1/audit/proof/{index}", tag = "audit",
    params(("index" = u64, Path)),
    responses((status = 200, body = String, content_type = "text/plain"), Refusals))]
pub(crate) async fn proof(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(index): PathId<u64>,
) -> Result<Response, Refusal> {
    let proof = api.vault.log_proof(&caller, index).await?;
    Ok(plain(TEXT, proof))
}

/// How the log stands: its size, its last checkpoint, how far it was checked, and what is wrong.
#[utoipa::path(get, path = "/v1/audit/state", tag = "audit",
    responses((status = 200, body = LogStatus), Refusals))]
pub(crate) async fn state(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
) -> Result<Answer, Refusal> {
    Answer::ok(&status_out(api.vault.log_state(&caller).await?))
}

/// The state of the log in the wire's words.
pub(crate) fn status_out(state: LogState) -> LogStatus {
    let audit = state.health.audit;
    let findings = state.health.reasons.into_iter();
    LogStatus {
        origin: state.origin,
        verifier_key: state.verifier_key,
        size: audit.size,
        last_entry_at: state.last_entry_at,
        checkpoint: state.checkpoint,
        check: LogCheck {
            done: audit.check.done,
            of: audit.check.of,
            ended_at: audit.check_ended_at,
        },
        refused: audit.refused,
        findings: findings
            .map(|reason| HealthReason {
                code: reason.code.to_owned(),
                text: reason.text,
            })
            .collect(),
    }
}

/// Entries as JSON: the newest, or from one on; with `wait_seconds` it waits until there are any.
#[utoipa::path(get, path = "/v1/audit/entries", tag = "audit", params(LogQuery),
    responses((status = 200, body = LogPage), Refusals))]
pub(crate) async fn entries(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Params(query): Params<LogQuery>,
) -> Result<Answer, Refusal> {
    let count = query.count.unwrap_or(COUNT);
    let seconds = query.wait_seconds.unwrap_or(0);
    if !(1..=COUNT_MAX).contains(&count) || seconds > WAIT_SECONDS_MAX {
        return Err(out_of_range());
    }
    wait(&api, &caller, &query).await?;
    let detail = match query.details {
        true => LogDetail::Opened,
        false => LogDetail::Bare,
    };
    let read = api
        .vault
        .log_entries(&caller, query.first, count, detail)
        .await?;
    let entries = read.entries.into_iter().map(entry_out);
    let page = LogPage {
        size: read.size,
        entries: entries.collect::<Result<_, Refusal>>()?,
    };
    Answer::sized(StatusCode::OK, &page, 1_024 * page.entries.len() + 64)
}

/// Waits until the log has reached `first`, at most for the time asked for; then whatever there is, is answered.
async fn wait(api: &Api, caller: &Caller, query: &LogQuery) -> Result<(), Refusal> {
    let (Some(first), Some(seconds)) = (query.first, query.wait_seconds) else {
        return Ok(());
    };
    let mut follower = api.vault.log_follower(caller).await?;
    let patience = Duration::from_secs(seconds.into());
    let _ = timeout(patience, follower.longer_than(first)).await;
    Ok(())
}

fn entry_out(entry: ReadEntry) -> Result<LogEntry, Refusal> {
    let broken = || Error::Internal("an audit entry is not JSON");
    let text = String::from_utf8(entry.bytes).map_err(|_| broken())?;
    Ok(LogEntry {
        index: entry.index,
        entry: RawValue::from_string(text).map_err(|_| broken())?,
        details: entry.details.map(serde_json::Value::Object),
    })
}

fn out_of_range() -> Refusal {
    Refusal::malformed(
        "invalid_query",
        format!("`count` is 1 to {COUNT_MAX}, `wait_seconds` 0 to {WAIT_SECONDS_MAX}"),
    )
}
