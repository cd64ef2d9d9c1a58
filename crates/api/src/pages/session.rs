//! One session: why, what was decrypted on whose consent, what was done, what auditors said; and saying something.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privet_vault::port::{SessionCursor, Verdict};
use privet_vault::{Error, GrantView, NoteView, SessionId, SessionView, StepQuery};
use privet_wire::Personal;
use serde::Deserialize;

use super::emergency::Emergency;
use super::filter::{Filter, FilterQuery};
use super::form::Form;
use super::frame::{Frame, Place};
use super::log::file;
use super::login::sentence;
use super::page::{self, page, see_other};
use super::signed_in::SignedIn;
use super::step::{Group, groups, moment_if};
use super::text::{Link, Moment, Typed, counted, grouped, span};
use crate::answer::plain;
use crate::body::{Params, PathId};
use crate::refusal::Refusal;
use crate::router::Api;

#[derive(Template)]
#[template(path = "session.html")]
struct Session {
    frame: Frame,
    id: String,
    facts: Facts,
    reason: Option<Typed>,
    link: Option<Link>,
    readable: bool,
    opened_entry: Option<u64>,
    grants: Vec<Grant>,
    groups: Vec<Group>,
    notes: Vec<Note>,
    is_cut: bool,
    /// Whether the reader did this work.
    is_own: bool,
    /// Whether the reader may take the proof away.
    reads_log: bool,
    /// Whether only what is sensitive is shown.
    only_sensitive: bool,
    /// Whether this is not the first page of steps.
    is_later: bool,
    /// Addresses: this session's start, the same with what is sensitive alone, its next page, the next session.
    whole: String,
    sensitive: String,
    next_steps: Option<String>,
    skip: String,
    /// The filter under which one goes on to the next session.
    filter: String,
    problem: Option<String>,
    /// What was written before something went wrong.
    draft: Personal,
}

struct Facts {
    who: String,
    source: String,
    token: String,
    started: Moment,
    ended: Option<Moment>,
    lasted: String,
    decrypted: bool,
    emergency: Option<Emergency>,
    statements: String,
    opened: String,
    verdict: &'static str,
    reviewer: Option<String>,
}

struct Grant {
    subject: Option<Typed>,
    references: Vec<String>,
    is_emergency: bool,
    /// Why it could not wait.
    emergency: Option<Typed>,
    approved_by: Option<String>,
    fields: Vec<String>,
    evidence: Option<Link>,
    starts: Moment,
    ended: Moment,
    policies: Vec<String>,
    entry: Option<u64>,
}

struct Note {
    by: String,
    at: Moment,
    verdict: Option<&'static str>,
    text: Option<Typed>,
    entry: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SessionPageQuery {
    #[serde(flatten)]
    filter: FilterQuery,
    /// Behind which number the page of steps begins.
    step: String,
    /// `sensitive` or nothing.
    only: String,
}

/// The page.
pub(crate) async fn session(
    State(api): State<Api>,
    who: SignedIn,
    PathId(id): PathId<SessionId>,
    Params(query): Params<SessionPageQuery>,
) -> Result<Response, Refusal> {
    render(&api, &who, id, query, Said::default()).await
}

/// All of its entries with the proofs that they are in the log, as a file (`docs/formats/proof-bundles.md`).
pub(crate) async fn session_proof(
    State(api): State<Api>,
    who: SignedIn,
    PathId(id): PathId<SessionId>,
) -> Result<Response, Refusal> {
    let bundle = api.vault.session_proof(&who.caller, id).await?;
    file(
        plain("application/octet-stream", bundle),
        &format!("session-{id}.proof-bundle"),
    )
}

/// Something that went wrong with what was written.
#[derive(Default)]
struct Said {
    problem: Option<(StatusCode, String)>,
    draft: Option<Personal>,
}

async fn render(
    api: &Api,
    who: &SignedIn,
    id: SessionId,
    query: SessionPageQuery,
    said: Said,
) -> Result<Response, Refusal> {
    let SessionPageQuery { filter, step, only } = query;
    let filter = Filter::read(api, who, filter)?;
    let steps = StepQuery {
        sensitive: only == "sensitive",
        after: step.parse().unwrap_or(0),
    };
    let view = api.vault.session_view(&who.caller, id).await?;
    let page_of = api.vault.session_steps(&who.caller, id, steps).await?;
    let place = Place::Sessions;
    let title = format!("{} over {}", view.row.principal, view.row.source);
    let (status, problem) = match said.problem {
        None => (StatusCode::OK, None),
        Some((status, problem)) => (status, Some(problem)),
    };
    let here = |more: &[(&str, &str)]| address(id, &filter, more);
    let next = page_of.next.map(|next| next.to_string());
    let only = if steps.sensitive { "sensitive" } else { "" };
    let session = Session {
        frame: Frame::of(api, who, Some(place), &title),
        id: id.to_string(),
        is_own: view.row.principal == who.caller.principal().name,
        reads_log: who.rights.reads_log,
        facts: facts(api, &view),
        reason: view.reason.as_deref().map(Typed::new),
        link: view.link.as_deref().map(Link::new),
        readable: view.readable,
        opened_entry: view.opened_entry,
        is_cut: view.cut,
        skip: filter.behind(Some(SessionCursor::from(&view.row))),
        grants: view.grants.into_iter().map(grant).collect(),
        notes: view.notes.into_iter().map(note).collect(),
        groups: groups(page_of.steps, api.is_catalog_question),
        only_sensitive: steps.sensitive,
        is_later: steps.after > 0,
        whole: here(&[]),
        sensitive: here(&[("only", "sensitive")]),
        next_steps: next.map(|next| here(&[("only", only), ("step", &next)])),
        filter: filter.text(),
        problem,
        draft: said.draft.unwrap_or_else(|| Personal::new("")),
    };
    page(status, &session)
}

/// The address of a session's page under a filter.
fn address(id: SessionId, filter: &Filter, more: &[(&str, &str)]) -> String {
    let more = more.iter().filter(|(_, value)| !value.is_empty());
    let more = more.map(|(name, value)| format!("{name}={value}"));
    let parts: Vec<String> = std::iter::once(filter.text())
        .filter(|text| !text.is_empty())
        .chain(more)
        .collect();
    page::address(&format!("/sessions/{id}"), &parts.join("&"))
}

fn facts(api: &Api, view: &SessionView) -> Facts {
    let row = &view.row;
    let until = row.ended_at.unwrap_or_else(|| api.vault.time());
    Facts {
        who: row.principal.to_string(),
        source: row.source.to_string(),
        token: row.token.to_string(),
        started: row.started_at.into(),
        ended: moment_if(row.ended_at),
        lasted: span(until.duration_since(row.started_at)),
        decrypted: row.decrypted,
        emergency: Emergency::of(row, api.vault.time()),
        statements: counted(row.statements, "statement"),
        opened: grouped(row.opened),
        verdict: row.verdict().as_str(),
        reviewer: row
            .review
            .as_ref()
            .map(|review| review.reviewer.to_string()),
    }
}

fn grant(view: GrantView) -> Grant {
    let row = &view.row;
    // What ended it may have been noticed later than it ended by itself.
    let ended = row
        .ended_at
        .map_or(row.ends_at, |ended| ended.min(row.ends_at));
    Grant {
        subject: view.subject.as_deref().map(Typed::new),
        references: row.subjects.iter().map(ToString::to_string).collect(),
        is_emergency: row.emergency,
        emergency: view.emergency.as_deref().map(Typed::new),
        approved_by: view.approved_by,
        starts: row.starts_at.into(),
        ended: ended.into(),
        fields: view.fields,
        evidence: view.evidence.as_deref().map(Link::new),
        policies: view.policies,
        entry: view.entry,
    }
}

fn note(view: NoteView) -> Note {
    Note {
        by: view.by,
        at: view.at.into(),
        verdict: view.verdict.map(Verdict::as_str),
        text: view.text.as_deref().map(Typed::new),
        entry: view.entry,
    }
}

/// What an auditor says.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Say {
    Approved,
    Flagged,
    Comment,
}

#[derive(Deserialize)]
pub(crate) struct JudgeFields {
    say: Say,
    #[serde(default)]
    note: Option<Personal>,
    /// The filter under which one goes on.
    #[serde(default)]
    filter: String,
}

/// Takes a verdict and leads to the next session, or a comment and stays.
pub(crate) async fn judge(
    State(api): State<Api>,
    PathId(id): PathId<SessionId>,
    Form { who, fields }: Form<JudgeFields>,
) -> Result<Response, Refusal> {
    let text = fields.note.as_deref().unwrap_or_default();
    let query: FilterQuery = serde_urlencoded::from_str(&fields.filter).unwrap_or_default();
    let vault = &api.vault;
    let done = match fields.say {
        Say::Approved => vault.review(&who.caller, id, Verdict::Approved, text).await,
        Say::Flagged => vault.review(&who.caller, id, Verdict::Flagged, text).await,
        Say::Comment => vault.comment(&who.caller, id, text).await,
    };
    if let Err(error @ (Error::Invalid(_) | Error::AuditUnavailable(_))) = done {
        // What was written is not lost.
        let problem = sentence(&error.to_string());
        let said = Said {
            problem: Some((Refusal::from(error).status, problem)),
            draft: fields.note,
        };
        let query = SessionPageQuery {
            filter: query,
            ..SessionPageQuery::default()
        };
        return render(&api, &who, id, query, said).await;
    }
    done?;
    // The verdict stands; a search that is over by now only means that one goes on without it.
    let filter = Filter::read(&api, &who, query).unwrap_or_default();
    match fields.say {
        Say::Comment => see_other(&format!("{}#notes", address(id, &filter, &[]))),
        Say::Approved | Say::Flagged => see_other(&page::address("/next", &filter.text())),
    }
}
