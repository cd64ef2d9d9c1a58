//! The summary of a period, for auditors: as JSON, Markdown or CSV.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use jiff::{SignedDuration, Timestamp};
use privet_vault::Vault;
use privet_wire::{SessionFindings, Summary, SummaryFormat, SummaryQuery};

use crate::answer::{Answer, plain};
use crate::authenticated::Authenticated;
use crate::body::Params;
use crate::convert::{findings_out, summary_out};
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;
use crate::summary_text::{csv, markdown};

/// A period, unless said otherwise: two weeks.
pub(crate) const DEFAULT_PERIOD: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Media types of a summary that is no JSON.
pub(crate) const MARKDOWN: &str = "text/markdown; charset=utf-8";
pub(crate) const CSV: &str = "text/csv; charset=utf-8";

/// What happened in a period: sessions by source, what was decrypted and why, who audited, what nobody has looked at.
#[utoipa::path(get, path = "/v1/summary", tag = "sessions", params(SummaryQuery),
    responses((status = 200, content((Summary = "application/json"), (String = "text/markdown"), (String = "text/csv"))),
        Refusals))]
pub(crate) async fn summary(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Params(query): Params<SummaryQuery>,
) -> Result<Response, Refusal> {
    let (from, before) = period(&api.vault, query.from, query.before);
    let summary = summary_out(api.vault.summary(&caller, from, before).await?);
    Ok(match query.format {
        SummaryFormat::Json => Answer::ok(&summary)?.into_response(),
        SummaryFormat::Markdown => plain(MARKDOWN, markdown(&summary)),
        SummaryFormat::Csv => plain(CSV, csv(&summary)),
    })
}

/// What the automatic analysis of sessions points out: emergencies that nobody reviewed in time, records that ended without an
/// approval, reasons that move. Reading it is put on record.
#[utoipa::path(get, path = "/v1/findings", tag = "sessions",
    responses((status = 200, body = SessionFindings), Refusals))]
pub(crate) async fn findings(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
) -> Result<Answer, Refusal> {
    Answer::ok(&findings_out(api.vault.findings(&caller).await?))
}

/// The period that is asked for; without an end, until now.
pub(crate) fn period(
    vault: &Vault,
    from: Option<Timestamp>,
    before: Option<Timestamp>,
) -> (Timestamp, Timestamp) {
    let before = before.unwrap_or_else(|| vault.time());
    let from = from.unwrap_or_else(|| before.saturating_sub(DEFAULT_PERIOD).unwrap_or(before));
    (from, before)
}
