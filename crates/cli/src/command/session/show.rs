//! One session as an auditor reads it.

use anyhow::Result;
use privet_gateway::asks_catalog_only;
use privet_wire::{Grant, Note, Personal, SessionDetail, Statement};

use super::{said, verdict_word};
use crate::output::{self, bold, line};

/// Prints a session. What clients ask the catalogs by themselves is counted, unless `all` of it is asked for.
pub(super) fn people(detail: &SessionDetail, all: bool) -> Result<()> {
    let session = &detail.session;
    let ended = session
        .ended_at
        .map_or_else(|| "now: it is open".to_owned(), output::moment);
    let started = output::moment(session.started_at);
    line(bold(&format!("Session {}", session.id)))?;
    line(format!(
        "  who        {} (token {})",
        session.principal, session.token
    ))?;
    line(format!("  where      {}", session.source))?;
    line(format!(
        "  when       {started} to {ended} (all times in UTC)"
    ))?;
    line(format!("  why        {}", text(session.reason.as_ref())))?;
    line(format!("  link       {}", text(session.link.as_ref())))?;
    line(format!("  verdict    {}", said(session)))?;
    detail.notes.iter().try_for_each(note)?;
    detail.grants.iter().try_for_each(grant)?;
    line(bold("\nWhat was done"))?;
    steps(&detail.statements, all)
}

/// A verdict or a comment, under the facts.
fn note(note: &Note) -> Result<()> {
    let what = note.verdict.map_or("comment", verdict_word);
    let at = output::moment(note.at);
    let text = note
        .text
        .as_ref()
        .map(|text| format!(": {}", printable(text)));
    line(format!(
        "  {what:<10} {at} by {}{}",
        note.by,
        text.unwrap_or_default()
    ))
}

fn grant(grant: &Grant) -> Result<()> {
    // What ended it may have been noticed later than it ended by itself.
    let until = grant
        .ended_at
        .map_or(grant.ends_at, |ended| ended.min(grant.ends_at));
    line(bold("\nDecrypted"))?;
    line(format!("  whose      {}", text(grant.subject.as_ref())))?;
    line(format!("  fields     {}", grant.fields.join(", ")))?;
    line(format!("  consent    {}", text(grant.evidence.as_ref())))?;
    if grant.emergency {
        let why = text(grant.emergency_reason.as_ref());
        line(format!("  emergency  {why} (nobody was asked)"))?;
    }
    if let Some(second) = &grant.approved_by {
        line(format!("  approved   by {second}"))?;
    }
    line(format!(
        "  when       {} to {}",
        output::moment(grant.starts_at),
        output::moment(until)
    ))
}

fn steps(steps: &[Statement], all: bool) -> Result<()> {
    if !steps.is_empty() {
        row("when", "entry", "what")?;
    }
    let mut folded = 0_u64;
    let mut begun: Option<String> = None;
    for step in steps {
        if !all && is_about_tables(step) {
            folded += 1;
            begun.get_or_insert_with(|| moment(step));
            continue;
        }
        unfold(&mut folded, &mut begun)?;
        statement(step)?;
    }
    let any = !all && steps.iter().any(is_about_tables);
    unfold(&mut folded, &mut begun)?;
    if any {
        line(
            "\nQuestions to the catalogs, as psql asks them for \\d, show nobody's data. --all shows them.",
        )?;
    }
    Ok(())
}

/// Whether it asked the catalogs alone. What opened anything is shown, whatever it was.
fn is_about_tables(step: &Statement) -> bool {
    step.opened.is_empty()
        && step.parameters.is_empty()
        && step.sql.as_ref().is_some_and(|sql| asks_catalog_only(sql))
}

fn unfold(folded: &mut u64, begun: &mut Option<String>) -> Result<()> {
    let count = std::mem::take(folded);
    match begun.take() {
        None => Ok(()),
        Some(at) => {
            let plural = if count == 1 { "" } else { "s" };
            let count = output::count(count);
            row(
                &at,
                "",
                &format!("({count} question{plural} to the catalogs)"),
            )
        }
    }
}

/// When it was, to the second.
fn moment(step: &Statement) -> String {
    output::moment(step.at)
}

fn statement(step: &Statement) -> Result<()> {
    // Ordinary statements are most of it, so their kind goes without saying.
    let mut what = match (step.kind.as_str(), &step.sql) {
        ("session.statements", Some(_)) => String::new(),
        (kind, Some(_)) => format!("{kind}: "),
        (kind, None) => kind.to_owned(),
    };
    if let Some(sql) = &step.sql {
        what.push_str(&printable(sql).trim().replace('\n', MARGIN));
    }
    row(&moment(step), &step.entry.to_string(), &what)?;
    for (number, value) in (1..).zip(&step.parameters) {
        row("", "", &format!("${number} = {}", text(value.as_ref())))?;
    }
    for opened in &step.opened {
        row(
            "",
            "",
            &format!("opened {} × {}", opened.count, opened.field),
        )?;
    }
    Ok(())
}

/// Under the start of a statement, its other lines.
const MARGIN: &str = "\n                                 ";

fn row(at: &str, entry: &str, what: &str) -> Result<()> {
    line(format!("  {at:<19}  {entry:>8}  {what}").trim_end())
}

fn text(value: Option<&Personal>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| printable(value))
}

/// What was typed may hold anything; it must not speak to the auditor's terminal, nor show in another order than it
/// has.
pub(in crate::command) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(c),
            c if c.is_control() => shown.extend(c.escape_default()),
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_does_not_speak_to_the_terminal() {
        assert_eq!(printable("SELECT 1;\n\x1b[2J"), "SELECT 1;\n\\u{1b}[2J");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
    }

    fn step(sql: &str) -> Statement {
        let said = serde_json::json!({
            "entry": 1, "kind": "session.statements", "at": "2026-11-25T10:00:00Z", "sql": sql,
            "parameters": [], "decrypted": false, "opened": [],
        });
        serde_json::from_value(said).unwrap()
    }

    #[test]
    fn only_what_shows_no_data_is_folded() {
        assert!(is_about_tables(&step(
            "SELECT c.oid FROM pg_catalog.pg_class c"
        )));
        let hidden = "SELECT email FROM customer -- FROM pg_catalog.pg_class";
        assert!(!is_about_tables(&step(hidden)));
        let mut opening = step("SELECT c.oid FROM pg_catalog.pg_class c");
        opening.opened = vec![
            serde_json::from_value(serde_json::json!({ "field": "email", "count": 1 })).unwrap(),
        ];
        assert!(!is_about_tables(&opening));
    }
}
