//! Sessions between the wire's words and the vault's.

use privet_vault::port::{self, SessionCursor, SessionFilter, SessionOrder};
use privet_vault::{self as vault, LIST_MAX, ListedSession, SessionList, SessionView, StepPage};
use privet_wire as wire;

use super::grant::grant_out;
use super::token_id_out;
use crate::refusal::Refusal;

/// Sessions of one page, unless said otherwise.
const COUNT: u32 = 100;
/// Between the parts of a place in a list, as text.
const CURSOR_MARK: char = '_';

pub(crate) fn verdict_in(verdict: wire::Verdict) -> port::Verdict {
    match verdict {
        wire::Verdict::Pending => port::Verdict::Pending,
        wire::Verdict::Approved => port::Verdict::Approved,
        wire::Verdict::Flagged => port::Verdict::Flagged,
    }
}

fn verdict_out(verdict: port::Verdict) -> wire::Verdict {
    match verdict {
        port::Verdict::Pending => wire::Verdict::Pending,
        port::Verdict::Approved => wire::Verdict::Approved,
        port::Verdict::Flagged => wire::Verdict::Flagged,
    }
}

/// A filter, read strictly.
pub(crate) fn filter_in(query: &wire::SessionQuery) -> Result<SessionFilter, Refusal> {
    let invalid = |what: String| Refusal::malformed("invalid_query", what);
    let count_max = query.count.unwrap_or(COUNT);
    if !(1..=LIST_MAX).contains(&count_max) {
        return Err(invalid(format!("`count` is 1 to {LIST_MAX}")));
    }
    let no_name = |what: &'static str| {
        move |_| {
            Refusal::malformed(
                "invalid_query",
                format!("`{what}` is a name: lower-case letters, digits, `_` and `-`"),
            )
        }
    };
    let principal = query.principal.as_ref().map(|name| name.parse());
    let source = query.source.as_ref().map(|name| name.parse());
    let after = query.after.as_deref().map(|text| {
        let cursor = parse_cursor(text);
        cursor.ok_or_else(|| invalid("`after` is the `next` of the page before".to_owned()))
    });
    Ok(SessionFilter {
        verdict: query.verdict.map(verdict_in),
        principal: principal.transpose().map_err(no_name("principal"))?,
        not_by: None,
        source: source.transpose().map_err(no_name("source"))?,
        decrypted: query.decrypted,
        emergency: query.emergency,
        open: query.open,
        from: query.from,
        before: query.before,
        order: match query.oldest_first {
            true => SessionOrder::OldestFirst,
            false => SessionOrder::NewestFirst,
        },
        after: after.transpose()?,
        count_max,
    })
}

/// A place in a list as text: `2026-11-25T22:33:19.123Z_589fb71d-…`.
pub(crate) fn cursor_text(cursor: SessionCursor) -> String {
    format!("{}{CURSOR_MARK}{}", cursor.started_at, cursor.id)
}

pub(crate) fn parse_cursor(text: &str) -> Option<SessionCursor> {
    let (started_at, id) = text.split_once(CURSOR_MARK)?;
    Some(SessionCursor {
        started_at: started_at.parse().ok()?,
        id: id.parse().ok()?,
    })
}

pub(crate) fn list_out(list: SessionList) -> wire::SessionPage {
    wire::SessionPage {
        sessions: list.sessions.into_iter().map(listed_out).collect(),
        next: list.next.map(cursor_text),
        looked_at: list.looked_at,
    }
}

pub(super) fn listed_out(listed: ListedSession) -> wire::Session {
    let ListedSession {
        row,
        overdue,
        reason,
        link,
    } = listed;
    let verdict = verdict_out(row.verdict());
    wire::Session {
        id: wire::SessionId::from_bytes(*row.id.as_bytes()),
        principal: row.principal.into(),
        token: token_id_out(row.token),
        source: row.source.into(),
        started_at: row.started_at,
        active_at: row.active_at,
        ended_at: row.ended_at,
        decrypted: row.decrypted,
        statements: row.statements,
        opened: row.opened,
        emergency_at: row.emergency_at,
        overdue,
        verdict,
        review: row.review.map(|review| wire::Review {
            reviewer: review.reviewer.into(),
            at: review.at,
        }),
        reason: reason.map(wire::Personal::new),
        link: link.map(wire::Personal::new),
    }
}

pub(crate) fn detail_out(view: SessionView, page: StepPage) -> wire::SessionDetail {
    wire::SessionDetail {
        session: listed_out(ListedSession {
            row: view.row,
            overdue: view.overdue,
            reason: view.reason,
            link: view.link,
        }),
        readable: view.readable,
        entry: view.opened_entry,
        grants: view.grants.into_iter().map(grant_out).collect(),
        notes: view.notes.into_iter().map(note_out).collect(),
        statements: page.steps.into_iter().map(step_out).collect(),
        next: page.next,
    }
}

fn note_out(view: vault::NoteView) -> wire::Note {
    wire::Note {
        entry: view.entry,
        at: view.at,
        by: view.by,
        verdict: view.verdict.map(verdict_out),
        text: view.text.map(wire::Personal::new),
    }
}

fn step_out(view: vault::StepView) -> wire::Statement {
    let parameters = view.parameters.into_iter();
    let opened = view.opened.into_iter();
    wire::Statement {
        entry: view.entry,
        elsewhere: view.elsewhere,
        kind: view.kind,
        at: view.at,
        sql: view.sql.map(wire::Personal::new),
        connection: view.connection,
        cut_from: view.cut_from,
        parameters: parameters
            .map(|value| value.map(wire::Personal::new))
            .collect(),
        decrypted: view.decrypted,
        grant: view
            .grant
            .map(|id| wire::GrantId::from_bytes(*id.as_bytes())),
        opened: opened
            .map(|(field, count)| wire::OpenedCount { field, count })
            .collect(),
        rows: view.rows,
        given_up: view.given_up,
        searched: view.searched,
        why: view.why,
        shows: view.shows,
        destroyed: view.destroyed,
    }
}
