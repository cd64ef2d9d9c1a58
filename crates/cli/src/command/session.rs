//! `privet session`: what auditors read, and their verdicts.

use anyhow::Result;
use privet_wire::{
    Personal, ReviewRequest, Session as SessionFacts, SessionDetail, SessionId, SessionPage,
    SessionQuery, Statement, Verdict as WireVerdict,
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
        Session::Show { id } => show(&client.get(&format!("/v1/sessions/{id}")).await?, style),
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
        "started",
        "ended",
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
            output::moment(session.started_at),
            session
                .ended_at
                .map_or_else(|| "open".to_owned(), output::moment),
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

fn show(detail: &SessionDetail, style: Style) -> Result<()> {
    if style == Style::Programs {
        return output::json(detail);
    }
    let session = &detail.session;
    let ended = session
        .ended_at
        .map_or_else(|| "open".to_owned(), output::moment);
    line(output::bold(&format!("Session {}", session.id)))?;
    line(format!(
        "  who        {} (token {})",
        session.principal, session.token
    ))?;
    line(format!("  where      {}", session.source))?;
    line(format!(
        "  when       {} to {ended}",
        output::moment(session.started_at)
    ))?;
    line(format!("  why        {}", text(detail.reason.as_ref())))?;
    line(format!("  link       {}", text(detail.link.as_ref())))?;
    line(format!("  verdict    {}", verdict(session)))?;
    if let Some(note) = &detail.note {
        line(format!("  note       {}", printable(note)))?;
    }
    for grant in &detail.grants {
        line(output::bold("\nDecrypted"))?;
        line(format!("  whose      {}", text(grant.subject.as_ref())))?;
        line(format!("  fields     {}", grant.fields.join(", ")))?;
        line(format!("  consent    {}", text(grant.evidence.as_ref())))?;
        let until = grant.ended_at.unwrap_or(grant.ends_at);
        line(format!(
            "  when       {} to {}",
            output::moment(grant.starts_at),
            output::moment(until)
        ))?;
    }
    line(output::bold("\nWhat was done"))?;
    detail.statements.iter().try_for_each(statement)
}

fn statement(step: &Statement) -> Result<()> {
    let marked = if step.decrypted { "decrypted" } else { "" };
    line(
        format!(
            "  {}  entry {}  {} {marked}",
            step.at, step.entry, step.kind
        )
        .trim_end(),
    )?;
    if let Some(sql) = &step.sql {
        line(format!(
            "      {}",
            printable(sql).replace('\n', "\n      ")
        ))?;
    }
    for (number, value) in (1..).zip(&step.parameters) {
        line(format!("      ${number} = {}", text(value.as_ref())))?;
    }
    for opened in &step.opened {
        line(format!("      opened {} × {}", opened.count, opened.field))?;
    }
    Ok(())
}

fn text(value: Option<&Personal>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| printable(value))
}

/// What was typed may hold anything; it must not speak to the auditor's terminal.
fn printable(text: &str) -> String {
    let escape = |c: char| match c {
        '\n' | '\t' => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_does_not_speak_to_the_terminal() {
        assert_eq!(printable("SELECT 1;\n\x1b[2J"), "SELECT 1;\n\\u{1b}[2J");
    }
}
