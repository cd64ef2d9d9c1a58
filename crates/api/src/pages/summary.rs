//! The summary of a period: numbers, a small chart for each source, what was decrypted and why, what is left to review.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use privet_vault::{Counts, ReasonCounts, SourceCounts, Summary};
use serde::Deserialize;

use super::chart::Chart;
use super::filter::{Filter, start_of};
use super::frame::{Frame, Place};
use super::log::file;
use super::page::page;
use super::sessions::Row;
use super::signed_in::SignedIn;
use super::text::{Typed, grouped};
use crate::answer::{Answer, plain};
use crate::body::{Params, PathId};
use crate::convert::summary_out;
use crate::refusal::Refusal;
use crate::router::Api;
use crate::routes::summary::{CSV, MARKDOWN};
use crate::summary_text::{csv, markdown};

/// Days of a period, unless said otherwise: two weeks.
const DAYS: i64 = 14;
/// Reasons of the table.
const REASONS_MAX: usize = 25;

#[derive(Template)]
#[template(path = "summary.html")]
struct SummaryPage {
    frame: Frame,
    from: Date,
    to: Date,
    /// The period before and the one after, as queries.
    former: String,
    next: Option<String>,
    query: String,
    counts: Vec<Line>,
    sources: Vec<Source>,
    reasons: Vec<Reason>,
    more_reasons: usize,
    reviewers: Vec<Reviewer>,
    decrypted: Vec<Row>,
    decrypted_cut: bool,
    pending: Vec<Row>,
    pending_cut: bool,
}

/// A number of the period beside that of the one before.
struct Line {
    name: &'static str,
    now: String,
    former: String,
    change: String,
}

struct Source {
    name: String,
    pending: String,
    approved: String,
    flagged: String,
    opened: String,
    chart: Chart,
}

/// How often a reason led to decrypting.
pub(super) struct Reason {
    pub(super) reason: Option<Typed>,
    pub(super) now: String,
    pub(super) former: String,
    pub(super) change: String,
}

impl Reason {
    pub(super) fn new(counts: &ReasonCounts) -> Self {
        Self {
            reason: counts.reason.as_deref().map(|text| Typed::start(text, 200)),
            now: grouped(counts.now),
            former: grouped(counts.former),
            change: change(counts.now, counts.former),
        }
    }
}

struct Reviewer {
    name: String,
    approved: String,
    flagged: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SummaryPageQuery {
    from: String,
    to: String,
}

/// The first and the last day.
#[derive(Clone, Copy)]
struct Period {
    from: Date,
    to: Date,
}

impl Period {
    fn read(api: &Api, query: &SummaryPageQuery) -> Result<Self, Refusal> {
        let day = |text: &str| {
            let parsed = (!text.is_empty()).then(|| text.parse::<Date>()).transpose();
            parsed
                .map_err(|_| Refusal::malformed("invalid_query", "a day is written as 2026-11-25"))
        };
        let today = api.vault.time().to_zoned(TimeZone::UTC).date();
        let to = day(&query.to)?.unwrap_or(today);
        let from = day(&query.from)?.unwrap_or_else(|| shifted(to, 1 - DAYS));
        Ok(Self { from, to })
    }

    /// The moments between which sessions start.
    fn moments(self) -> Option<(Timestamp, Timestamp)> {
        Some((start_of(self.from)?, start_of(shifted(self.to, 1))?))
    }

    fn query(self) -> String {
        format!("from={}&to={}", self.from, self.to)
    }

    /// An equally long period, so many of them later.
    fn moved(self, periods: i64) -> Self {
        let days = i64::from((self.to - self.from).get_days()) + 1;
        Self {
            from: shifted(self.from, periods * days),
            to: shifted(self.to, periods * days),
        }
    }
}

fn shifted(day: Date, days: i64) -> Date {
    day.saturating_add(days.days())
}

/// The page.
pub(crate) async fn summary(
    State(api): State<Api>,
    who: SignedIn,
    Params(query): Params<SummaryPageQuery>,
) -> Result<Response, Refusal> {
    let period = Period::read(&api, &query)?;
    let summary = read(&api, &who, period).await?;
    let today = api.vault.time().to_zoned(TimeZone::UTC).date();
    let lines = [
        line("Sessions", &summary, |counts| counts.sessions),
        line("Decrypted", &summary, |counts| counts.decrypted),
        line("Without a verdict", &summary, |counts| counts.pending),
        line("Approved", &summary, |counts| counts.approved),
        line("Flagged", &summary, |counts| counts.flagged),
        line("Statements", &summary, |counts| counts.statements),
        line("Values opened", &summary, |counts| counts.opened),
    ];
    let scale = summary.sources.iter().flat_map(|source| &source.steps);
    let scale = scale.map(|counts| counts.sessions).max().unwrap_or(0);
    let sources = summary.sources.iter();
    let reasons = summary.reasons.iter().take(REASONS_MAX);
    let filter = Filter::default();
    let row = |listed| Row::new(&api, &filter, listed);
    let page_of = SummaryPage {
        frame: Frame::of(&api, &who, Some(Place::Summary), "Summary"),
        from: period.from,
        to: period.to,
        former: period.moved(-1).query(),
        next: (period.to < today).then(|| period.moved(1).query()),
        query: period.query(),
        counts: lines.into(),
        sources: sources
            .map(|counts| source(counts, &summary, scale))
            .collect(),
        reasons: reasons.map(Reason::new).collect(),
        more_reasons: summary.reasons.len().saturating_sub(REASONS_MAX),
        reviewers: summary
            .reviewers
            .iter()
            .map(|counts| Reviewer {
                name: counts.reviewer.to_string(),
                approved: grouped(counts.approved),
                flagged: grouped(counts.flagged),
            })
            .collect(),
        decrypted: summary.decrypted.into_iter().map(row).collect(),
        decrypted_cut: summary.decrypted_cut,
        pending: summary.pending.into_iter().map(row).collect(),
        pending_cut: summary.pending_cut,
    };
    page(StatusCode::OK, &page_of)
}

async fn read(api: &Api, who: &SignedIn, period: Period) -> Result<Summary, Refusal> {
    let moments = period.moments();
    let (from, before) = moments.ok_or_else(|| {
        Refusal::malformed("invalid_query", "these days are outside of the calendar")
    })?;
    Ok(api.vault.summary(&who.caller, from, before).await?)
}

fn line(name: &'static str, summary: &Summary, count: fn(&Counts) -> u64) -> Line {
    let (now, former) = (count(&summary.total), count(&summary.former));
    Line {
        name,
        now: grouped(now),
        former: grouped(former),
        change: change(now, former),
    }
}

/// How a number moved: `+3`, `−1`, `=`.
fn change(now: u64, former: u64) -> String {
    match now.cmp(&former) {
        std::cmp::Ordering::Greater => format!("+{}", grouped(now - former)),
        std::cmp::Ordering::Less => format!("−{}", grouped(former - now)),
        std::cmp::Ordering::Equal => "=".to_owned(),
    }
}

fn source(counts: &SourceCounts, summary: &Summary, scale: u64) -> Source {
    let total = &counts.counts;
    Source {
        name: counts.source.to_string(),
        pending: grouped(total.pending),
        approved: grouped(total.approved),
        flagged: grouped(total.flagged),
        opened: grouped(total.opened),
        chart: Chart::new(&counts.steps, summary.from, summary.step, scale),
    }
}

/// The same as a file: `summary.md`, `summary.csv`, `summary.json`.
pub(crate) async fn summary_file(
    State(api): State<Api>,
    who: SignedIn,
    PathId(name): PathId<String>,
    Params(query): Params<SummaryPageQuery>,
) -> Result<Response, Refusal> {
    let period = Period::read(&api, &query)?;
    let write: fn(&privet_wire::Summary) -> Result<Response, Refusal> = match name.as_str() {
        "summary.md" => |summary| Ok(plain(MARKDOWN, markdown(summary))),
        "summary.csv" => |summary| Ok(plain(CSV, csv(summary))),
        "summary.json" => |summary| Ok(Answer::ok(summary)?.into_response()),
        _ => return Err(privet_vault::Error::NotFound("format").into()),
    };
    let summary = summary_out(read(&api, &who, period).await?);
    let (from, to) = (period.from, period.to);
    let end = name.rsplit('.').next().unwrap_or_default();
    file(write(&summary)?, &format!("privet-{from}-{to}.{end}"))
}
