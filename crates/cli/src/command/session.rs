//! `privet session`: what auditors read, and their verdicts.

mod show;

use anyhow::Result;
use privet_wire::{
    Personal, ReviewRequest, Session as SessionFacts, SessionDetail, SessionId, SessionPage,
    SessionQuery, Verdict as WireVerdict,
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
            decrypted,
            principal,
            count,
        } => {
            let query = SessionQuery {
                verdict: pending.then_some(WireVerdict::Pending),
                principal,
                decrypted: decrypted.then_some(true),
                count: Some(count),
                ..SessionQuery::default()
            };
            list(&client.find("/v1/sessions", &query).await?, style)
        }
        Session::Show { id, all } => {
            let detail: SessionDetail = client.get(&format!("/v1/sessions/{id}")).await?;
            match style {
                Style::Programs => output::json(&detail),
                Style::People => show::people(&detail, all),
            }
        }
        Session::Review { id, verdict, note } => review(&client, id, verdict, note, style).await,
    }
}

fn list(page: &SessionPage, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(page);
    }
    if page.sessions.is_empty() {
        return line("no sessions");
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
            mode(session.decrypted).to_owned(),
            output::count(session.statements),
            output::count(session.opened),
            verdict(session),
        ]);
    }
    line(table)?;
    if page.next.is_some() {
        line("There are more: ask with a larger --count.")?;
    }
    Ok(())
}

fn mode(decrypted: bool) -> &'static str {
    if decrypted { "decrypted" } else { "protected" }
}

fn verdict(session: &SessionFacts) -> String {
    let word = match session.verdict {
        WireVerdict::Pending => return "pending".to_owned(),
        WireVerdict::Approved => "approved",
        WireVerdict::Flagged => "flagged",
    };
    match &session.review {
        Some(review) => format!("{word} by {}", review.reviewer),
        None => word.to_owned(),
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
