//! `privet session`: what auditors read, and their verdicts.

mod show;

pub(super) use show::printable;

use std::path::Path;

use anyhow::{Context as _, Result};
use privet_wire::{
    CommentRequest, Personal, ReviewRequest, Session as SessionFacts, SessionDetail,
    SessionFindings, SessionId, SessionPage, SessionQuery, SessionSearch, StepQuery,
    Verdict as WireVerdict,
};
use reqwest::Method;
use serde_json::json;

use crate::arguments::{Session, Sessions, Verdict};
use crate::client::Client;
use crate::folder::Folder;
use crate::output::{self, Style, line};

pub(crate) async fn run(folder: Folder, sessions: Sessions, style: Style) -> Result<()> {
    let client = Client::new(&folder, &sessions.who, "auditor")?;
    match sessions.command {
        Session::List {
            pending,
            flagged,
            decrypted,
            emergency,
            principal,
            source,
            from,
            before,
            text,
            reasons,
            count,
            after,
        } => {
            let filter = SessionQuery {
                verdict: verdict(pending, flagged),
                principal,
                source,
                from,
                before,
                decrypted: decrypted.then_some(true),
                emergency: emergency.then_some(true),
                urgent_first: pending,
                count: Some(count),
                after,
                reasons,
                ..SessionQuery::default()
            };
            let page = match text {
                None => client.find("/v1/sessions", &filter).await?,
                Some(text) => {
                    let text = Personal::new(text);
                    let search = SessionSearch { text, filter };
                    let path = "/v1/sessions/search";
                    client.send(Method::POST, path, &search).await?
                }
            };
            list(&page, style)
        }
        Session::Show { id, all } => {
            let detail = whole(&client, id).await?;
            match style {
                Style::Programs => output::json(&detail),
                Style::People => show::people(&detail, all),
            }
        }
        Session::Prove { id, output } => prove(&client, id, output.as_deref(), style).await,
        Session::Findings => findings(&client.get("/v1/findings").await?, style),
        Session::Review { id, verdict, note } => review(&client, id, verdict, note, style).await,
        Session::Comment { id, text } => comment(&client, id, text, style).await,
    }
}

/// The bundle as it is, on the terminal as in a file.
async fn prove(client: &Client, id: SessionId, output: Option<&Path>, style: Style) -> Result<()> {
    let bundle = client
        .text(&format!("/v1/sessions/{id}/proof"), &())
        .await?;
    match output {
        None if style == Style::Programs => output::json(&json!({ "id": id, "bundle": bundle })),
        None => line(bundle.trim_end_matches('\n')),
        Some(path) => std::fs::write(path, bundle)
            .with_context(|| format!("cannot write `{}`", path.display())),
    }
}

fn findings(findings: &SessionFindings, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(findings);
    }
    let SessionFindings {
        overdue,
        expired,
        reasons,
        decrypted,
        decrypted_before,
        cut,
    } = findings;
    let kinds = [
        (overdue, "an emergency that nobody reviewed within 24 hours"),
        (
            expired,
            "its text was destroyed, and nobody had approved it",
        ),
    ];
    for (sessions, what) in kinds {
        for session in sessions {
            line(format!(
                "{}  {}  {}  {}: {what}",
                session.id,
                output::moment(session.started_at),
                session.principal,
                session.source
            ))?;
        }
    }
    for counts in reasons {
        let reason = counts.reason.as_ref().map(|reason| printable(reason));
        line(format!(
            "{} sessions were decrypted for this reason in two weeks, {} in the two before: {}",
            counts.now,
            counts.former,
            reason.unwrap_or_default()
        ))?;
    }
    if overdue.is_empty() && expired.is_empty() && reasons.is_empty() {
        line("nothing to look at")?;
    }
    if *cut {
        line("there may be more than was looked through")?;
    }
    line(format!(
        "decrypted sessions: {decrypted} in the last two weeks, {decrypted_before} in the two before"
    ))
}

fn verdict(pending: bool, flagged: bool) -> Option<WireVerdict> {
    match (pending, flagged) {
        (true, _) => Some(WireVerdict::Pending),
        (false, true) => Some(WireVerdict::Flagged),
        (false, false) => None,
    }
}

/// A session with all of its pages.
async fn whole(client: &Client, id: SessionId) -> Result<SessionDetail> {
    let path = format!("/v1/sessions/{id}");
    let mut detail: SessionDetail = client.get(&path).await?;
    while let Some(after) = detail.next {
        let query = StepQuery {
            after: Some(after),
            ..StepQuery::default()
        };
        let page: SessionDetail = client.find(&path, &query).await?;
        detail.statements.extend(page.statements);
        detail.next = page.next;
    }
    Ok(detail)
}

fn list(page: &SessionPage, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(page);
    }
    if page.sessions.is_empty() {
        line("no sessions")?;
        return more(page);
    }
    if page.sessions.iter().any(|session| session.reason.is_some()) {
        return with_reasons(page);
    }
    let mut table = output::table([
        "id",
        "who",
        "source",
        "started (UTC)",
        "ended (UTC)",
        "mode",
        "statements",
        "opened",
        "verdict",
    ]);
    for session in &page.sessions {
        table.add_row([
            session.id.to_string(),
            session.principal.clone(),
            session.source.clone(),
            output::cell(session.started_at),
            session
                .ended_at
                .map_or_else(|| "open".to_owned(), output::cell),
            mode(session).to_owned(),
            output::count(session.statements),
            output::count(session.opened),
            said(session),
        ]);
    }
    line(table)?;
    more(page)
}

/// A reason takes a line of its own.
fn with_reasons(page: &SessionPage) -> Result<()> {
    for session in &page.sessions {
        line(format!(
            "{}  {}  {}  {}  {}  {}",
            session.id,
            output::moment(session.started_at),
            session.principal,
            session.source,
            mode(session),
            said(session)
        ))?;
        for text in [&session.reason, &session.link].into_iter().flatten() {
            line(format!("    {}", show::printable(text)))?;
        }
    }
    more(page)
}

fn more(page: &SessionPage) -> Result<()> {
    match &page.next {
        None => Ok(()),
        Some(next) => line(format!(
            "There are more: go on with --after {next}, or ask with a larger --count."
        )),
    }
}

fn mode(session: &SessionFacts) -> &'static str {
    match (session.emergency_at, session.decrypted) {
        (Some(_), _) => "EMERGENCY",
        (None, true) => "decrypted",
        (None, false) => "protected",
    }
}

fn said(session: &SessionFacts) -> String {
    let word = verdict_word(session.verdict);
    match &session.review {
        Some(review) if session.verdict != WireVerdict::Pending => {
            format!("{word} by {}", review.reviewer)
        }
        _ if session.overdue => format!("{word}, OVERDUE"),
        _ => word.to_owned(),
    }
}

fn verdict_word(verdict: WireVerdict) -> &'static str {
    match verdict {
        WireVerdict::Pending => "pending",
        WireVerdict::Approved => "approved",
        WireVerdict::Flagged => "flagged",
    }
}

async fn review(
    client: &Client,
    id: SessionId,
    verdict: Verdict,
    note: Option<String>,
    style: Style,
) -> Result<()> {
    let (verdict, word) = match verdict {
        Verdict::Approved => (WireVerdict::Approved, "approved"),
        Verdict::Flagged => (WireVerdict::Flagged, "flagged"),
    };
    let request = ReviewRequest {
        verdict,
        note: note.map(Personal::new),
    };
    let path = format!("/v1/sessions/{id}/review");
    client.send::<()>(Method::POST, &path, &request).await?;
    match style {
        Style::Programs => output::json(&json!({ "id": id, "verdict": verdict })),
        Style::People => line(format!("session {id} is {word}")),
    }
}

async fn comment(client: &Client, id: SessionId, text: String, style: Style) -> Result<()> {
    let request = CommentRequest {
        text: Personal::new(text),
    };
    let path = format!("/v1/sessions/{id}/comments");
    client.send::<()>(Method::POST, &path, &request).await?;
    match style {
        Style::Programs => output::json(&json!({ "id": id, "commented": true })),
        Style::People => line(format!("the comment stands under session {id}")),
    }
}
