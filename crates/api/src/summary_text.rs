//! A summary as text to be sent round: Markdown for people, CSV for spreadsheets. Reasons and links are what engineers
//! typed, so nothing of them may act: not as Markdown, not as HTML inside it, not as a spreadsheet's formula.

use std::fmt::Write as _;

use jiff::Timestamp;
use privet_wire::{Session, SessionCounts, Summary, Verdict};

use crate::shown::{is_web_link, visible};

/// The longest reason in a table.
const REASON_CHARS: usize = 200;

/// The summary in Markdown.
pub(crate) fn markdown(summary: &Summary) -> String {
    let mut text = String::with_capacity(4 * 1024);
    // Writing to a string does not fail.
    let _ = write_markdown(&mut text, summary);
    text
}

fn write_markdown(text: &mut String, summary: &Summary) -> std::fmt::Result {
    let (total, former) = (&summary.total, &summary.former);
    writeln!(
        text,
        "# Sessions from {} to {} (UTC)\n",
        minute(summary.from),
        minute(summary.before)
    )?;
    writeln!(
        text,
        "| | this period | the period before |\n|---|---:|---:|"
    )?;
    for (name, count) in COUNTS {
        writeln!(text, "| {name} | {} | {} |", count(total), count(former))?;
    }
    writeln!(
        text,
        "\n## By source\n\n| source | sessions | decrypted | pending | approved | flagged | values opened |"
    )?;
    writeln!(text, "|---|---:|---:|---:|---:|---:|---:|")?;
    for source in &summary.sources {
        let counts = &source.counts;
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            cell(&source.source),
            counts.sessions,
            counts.decrypted,
            counts.pending,
            counts.approved,
            counts.flagged,
            counts.opened
        )?;
    }
    writeln!(
        text,
        "\n## Why data was decrypted\n\n| reason | this period | the period before |\n|---|---:|---:|"
    )?;
    for reason in &summary.reasons {
        let words = reason.reason.as_deref().unwrap_or("(no longer readable)");
        writeln!(
            text,
            "| {} | {} | {} |",
            cell(words),
            reason.now,
            reason.former
        )?;
    }
    writeln!(text, "\n## Decrypted sessions\n")?;
    sessions(text, &summary.decrypted, summary.decrypted_cut)?;
    writeln!(text, "\n## Emergencies\n")?;
    sessions(text, &summary.emergencies, summary.emergencies_cut)?;
    writeln!(text, "\n## Without a verdict\n")?;
    sessions(text, &summary.pending, summary.pending_cut)?;
    writeln!(
        text,
        "\n## Who audited\n\n| auditor | approved | flagged |\n|---|---:|---:|"
    )?;
    for auditor in &summary.reviewers {
        let (approved, flagged) = (auditor.approved, auditor.flagged);
        writeln!(
            text,
            "| {} | {approved} | {flagged} |",
            cell(&auditor.reviewer)
        )?;
    }
    Ok(())
}

/// A count of a period.
type Count = fn(&SessionCounts) -> u64;

/// What is counted, in the order shown.
pub(crate) const COUNTS: [(&str, Count); 7] = [
    ("Sessions", |counts| counts.sessions),
    ("Decrypted", |counts| counts.decrypted),
    ("Without a verdict", |counts| counts.pending),
    ("Approved", |counts| counts.approved),
    ("Flagged", |counts| counts.flagged),
    ("Statements", |counts| counts.statements),
    ("Values opened", |counts| counts.opened),
];

fn sessions(text: &mut String, sessions: &[Session], cut: bool) -> std::fmt::Result {
    if sessions.is_empty() {
        return writeln!(text, "None.");
    }
    writeln!(
        text,
        "| when (UTC) | who | source | why | verdict | session |\n|---|---|---|---|---|---|"
    )?;
    for session in sessions {
        let reason = session.reason.as_deref().unwrap_or("(no longer readable)");
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            minute(session.started_at),
            cell(&session.principal),
            cell(&session.source),
            cell(reason),
            verdict_and_delay(session),
            session.id
        )?;
    }
    if cut {
        writeln!(text, "\nThere are more: choose a shorter period.")?;
    }
    Ok(())
}

/// The verdict, and whether it should have been there by now.
fn verdict_and_delay(session: &Session) -> &'static str {
    match session.overdue {
        true => "**overdue**",
        false => verdict_word(session.verdict),
    }
}

/// A verdict as a word.
pub(crate) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pending => "pending",
        Verdict::Approved => "approved",
        Verdict::Flagged => "flagged",
    }
}

/// A moment to the minute.
fn minute(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d %H:%M").to_string()
}

/// One line of text in a Markdown table: every character that Markdown or HTML could act on is a reference.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for (count, c) in visible(text).chars().enumerate() {
        if count >= REASON_CHARS {
            cell.push('…');
            break;
        }
        match c {
            '\n' | '\r' | '\t' => cell.push(' '),
            c if c.is_ascii_punctuation()
                && !matches!(c, ',' | '.' | '(' | ')' | '-' | ';' | '?' | '/') =>
            {
                let _ = write!(cell, "&#{};", u32::from(c));
            }
            // A period after a number, and `://`, would make lists and links; both begin with these.
            c => cell.push(c),
        }
    }
    cell
}

/// The decrypted sessions of the summary and those without a verdict, one a line (RFC 4180).
pub(crate) fn csv(summary: &Summary) -> String {
    let mut text = String::from(
        "session,started,ended,who,source,decrypted,statements,opened,verdict,reviewer,reason,link\r\n",
    );
    let mut seen = std::collections::BTreeSet::new();
    for session in summary
        .decrypted
        .iter()
        .chain(&summary.emergencies)
        .chain(&summary.pending)
    {
        if seen.insert(session.id.to_string()) {
            csv_line(&mut text, session);
        }
    }
    text
}

fn csv_line(text: &mut String, session: &Session) {
    let ended = session.ended_at.map(|moment| moment.to_string());
    let reviewer = session
        .review
        .as_ref()
        .map(|review| review.reviewer.clone());
    let link = session.link.as_deref().filter(|link| is_web_link(link));
    let columns = [
        session.id.to_string(),
        session.started_at.to_string(),
        ended.unwrap_or_default(),
        session.principal.clone(),
        session.source.clone(),
        if session.decrypted { "yes" } else { "no" }.to_owned(),
        session.statements.to_string(),
        session.opened.to_string(),
        verdict_word(session.verdict).to_owned(),
        reviewer.unwrap_or_default(),
        session.reason.as_deref().unwrap_or_default().to_owned(),
        link.unwrap_or_default().to_owned(),
    ];
    let columns = columns.map(|column| quoted(&column));
    text.push_str(&columns.join(","));
    text.push_str("\r\n");
}

/// A column that no spreadsheet takes for a formula: what begins like one is preceded by an apostrophe, also after blanks
/// and quotes (OWASP, CSV injection).
fn quoted(column: &str) -> String {
    let column = visible(column);
    let start = column.trim_start_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    let formula = start.starts_with(['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠'])
        || column.starts_with(['\t', '\r', '\n']);
    let guard = if formula { "'" } else { "" };
    format!("\"{guard}{}\"", column.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_table_acts() {
        assert_eq!(cell("a | b\n<script>"), "a &#124; b &#60;script&#62;");
        assert_eq!(cell("[x](javascript:y)"), "&#91;x&#93;(javascript&#58;y)");
        assert_eq!(cell("a\u{202e}b"), "a&#60;U&#43;202E&#62;b");
        assert!(cell(&"x".repeat(1_000)).ends_with('…'));
    }

    #[test]
    fn no_column_is_a_formula() {
        for hostile in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "  =cmd|' /C calc'!A0",
            "\"=1",
            "＝1",
            "|x",
            "%x",
        ] {
            assert!(
                quoted(hostile).starts_with("\"'"),
                "{hostile:?}: {}",
                quoted(hostile)
            );
        }
        assert_eq!(quoted("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(quoted("order 7 is stuck"), "\"order 7 is stuck\"");
    }
}
