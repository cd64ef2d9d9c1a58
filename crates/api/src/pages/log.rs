//! The state of the audit log, and one entry of it with its proof: what an auditor takes away to check elsewhere.

use askama::Template;
use axum::extract::State;
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use privet_vault::audit::Entry;
use privet_vault::{Error, LogDetail, Objection};
use privet_wire::LogStatus;

use super::filter::Filter;
use super::frame::{Frame, Place};
use super::page::page;
use super::sessions::Row;
use super::signed_in::SignedIn;
use super::step::moment_if;
use super::summary::Reason;
use super::text::{Moment, Typed, grouped};
use crate::answer::plain;
use crate::body::PathId;
use crate::refusal::Refusal;
use crate::router::Api;
use crate::routes::audit::status_out;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

#[derive(Template)]
#[template(path = "log.html")]
struct Log {
    frame: Frame,
    status: LogStatus,
    size: String,
    last_entry: Option<Moment>,
    checked: String,
    check_of: String,
    check_ended: Option<Moment>,
    refused: String,
    /// What the analysis of sessions points out, for whoever reads sessions.
    noticed: Option<Noticed>,
}

/// What the analysis of sessions points out.
struct Noticed {
    count: usize,
    overdue: Vec<Row>,
    expired: Vec<Row>,
    reasons: Vec<Reason>,
    decrypted: String,
    decrypted_before: String,
    cut: bool,
    objections: Vec<Objected>,
}

/// What somebody said of a look at their own data.
struct Objected {
    note: Option<Typed>,
    at: Moment,
    /// The look's entry, where it is in this server's log.
    look: Option<String>,
    index: u64,
    session: Option<String>,
}

impl Objected {
    fn new(objection: Objection, origin: &str) -> Self {
        let is_here = objection.about_origin == origin;
        Self {
            note: objection.note.as_deref().map(Typed::new),
            at: objection.at.into(),
            look: is_here.then(|| format!("/log/entries/{}", objection.about)),
            index: objection.about,
            session: objection.session.map(|id| format!("/sessions/{id}")),
        }
    }
}

impl Noticed {
    async fn of(api: &Api, who: &SignedIn) -> Result<Option<Self>, Refusal> {
        if !who.rights.reads_sessions {
            return Ok(None);
        }
        let found = api.vault.findings(&who.caller).await?;
        let objections = api.vault.objections(&who.caller).await?;
        let origin = api.vault.audit().origin();
        let objections = objections.into_iter();
        let objections: Vec<_> = objections
            .map(|objection| Objected::new(objection, origin))
            .collect();
        let filter = Filter::default();
        let row = |listed| Row::new(api, &filter, listed);
        Ok(Some(Self {
            count: found.count() + objections.len(),
            objections,
            overdue: found.overdue.into_iter().map(row).collect(),
            expired: found.expired.into_iter().map(row).collect(),
            reasons: found.reasons.iter().map(Reason::new).collect(),
            decrypted: grouped(found.decrypted),
            decrypted_before: grouped(found.decrypted_before),
            cut: found.cut,
        }))
    }
}

/// How the log stands.
pub(crate) async fn log(State(api): State<Api>, who: SignedIn) -> Result<Response, Refusal> {
    let status = status_out(api.vault.log_state(&who.caller).await?);
    let log = Log {
        frame: Frame::of(&api, &who, Some(Place::Log), "Log"),
        size: grouped(status.size),
        last_entry: moment_if(status.last_entry_at),
        checked: grouped(status.check.done),
        check_of: grouped(status.check.of),
        check_ended: moment_if(status.check.ended_at),
        refused: grouped(status.refused),
        noticed: Noticed::of(&api, &who).await?,
        status,
    };
    page(StatusCode::OK, &log)
}

#[derive(Template)]
#[template(path = "entry.html")]
struct EntryPage {
    frame: Frame,
    index: u64,
    kind: String,
    at: Moment,
    actor: String,
    /// Where the session is that it belongs to.
    session: Option<String>,
    bytes: Typed,
    checkpoint: String,
    former: Option<u64>,
    next: Option<u64>,
}

/// One entry.
pub(crate) async fn entry(
    State(api): State<Api>,
    who: SignedIn,
    PathId(index): PathId<u64>,
) -> Result<Response, Refusal> {
    let (size, bytes) = bytes_of(&api, &who, index).await?;
    let entry = Entry::parse(&bytes)?;
    let checkpoint = api.vault.log_checkpoint(&who.caller).await?;
    let title = format!("Entry {index}");
    let entry = EntryPage {
        frame: Frame::of(&api, &who, Some(Place::Log), &title),
        index,
        at: entry.ts.into(),
        actor: entry.actor.name.unwrap_or_else(|| "the server".to_owned()),
        session: entry.session.map(|id| format!("/sessions/{id}")),
        kind: entry.t,
        bytes: Typed::new(&String::from_utf8_lossy(&bytes)),
        checkpoint: String::from_utf8_lossy(&checkpoint).into_owned(),
        former: index.checked_sub(1),
        next: index.checked_add(1).filter(|next| *next < size),
    };
    page(StatusCode::OK, &entry)
}

async fn bytes_of(api: &Api, who: &SignedIn, index: u64) -> Result<(u64, Vec<u8>), Refusal> {
    let read = api
        .vault
        .log_entries(&who.caller, Some(index), 1, LogDetail::Bare);
    let read = read.await?;
    let entry = read.entries.into_iter().next();
    let entry = entry.ok_or(Error::NotFound("audit entry"))?;
    Ok((read.size, entry.bytes))
}

/// An entry's exact bytes, as a file.
pub(crate) async fn entry_bytes(
    State(api): State<Api>,
    who: SignedIn,
    PathId(index): PathId<u64>,
) -> Result<Response, Refusal> {
    let (_, bytes) = bytes_of(&api, &who, index).await?;
    file(plain(JSON, bytes), &format!("entry-{index}.json"))
}

/// The proof that an entry is in the log, as a file (C2SP tlog-proof).
pub(crate) async fn entry_proof(
    State(api): State<Api>,
    who: SignedIn,
    PathId(index): PathId<u64>,
) -> Result<Response, Refusal> {
    let proof = api.vault.log_proof(&who.caller, index).await?;
    file(plain(TEXT, proof), &format!("entry-{index}.tlog-proof"))
}

/// The newest checkpoint, as a file (C2SP tlog-checkpoint).
pub(crate) async fn checkpoint(State(api): State<Api>, who: SignedIn) -> Result<Response, Refusal> {
    let checkpoint = api.vault.log_checkpoint(&who.caller).await?;
    file(plain(TEXT, checkpoint), "checkpoint")
}

/// An answer that a browser keeps as a file.
pub(super) fn file(mut response: Response, name: &str) -> Result<Response, Refusal> {
    let kept = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let kept = kept.map_err(|_| Refusal::internal())?;
    response.headers_mut().insert(CONTENT_DISPOSITION, kept);
    Ok(response)
}
