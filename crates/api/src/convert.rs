//! Between the wire's words and the vault's. Both sides are closed lists, so that a new word does not compile until it
//! stands in both.

use privet_vault::port::{self, SessionRow};
use privet_vault::{self as vault, ListedToken, SubjectName, TokenState};
use privet_wire as wire;

use crate::refusal::Refusal;

/// A subject as a body names it.
pub(crate) fn subject_name(text: &str) -> Result<SubjectName, Refusal> {
    text.parse().map_err(|_| {
        Refusal::malformed(
            "invalid_subject",
            "name a subject by its operational id (a UUID) or as `source/table:key`",
        )
    })
}

/// Several subjects, in order.
pub(crate) fn subject_names(texts: &[String]) -> Result<Vec<SubjectName>, Refusal> {
    texts.iter().map(|text| subject_name(text)).collect()
}

pub(crate) fn form_in(form: wire::Form) -> vault::Form {
    match form {
        wire::Form::Clear => vault::Form::Clear,
        wire::Form::Masked => vault::Form::Masked,
        wire::Form::Pseudonym => vault::Form::Pseudonym,
        wire::Form::Sealed => vault::Form::Sealed,
    }
}

pub(crate) fn form_out(form: vault::Form) -> wire::Form {
    match form {
        vault::Form::Clear => wire::Form::Clear,
        vault::Form::Masked => wire::Form::Masked,
        vault::Form::Pseudonym => wire::Form::Pseudonym,
        vault::Form::Sealed => wire::Form::Sealed,
    }
}

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

pub(crate) fn kind_out(kind: vault::PrincipalKind) -> wire::PrincipalKind {
    match kind {
        vault::PrincipalKind::Person => wire::PrincipalKind::Person,
        vault::PrincipalKind::Job => wire::PrincipalKind::Job,
        vault::PrincipalKind::Subject => wire::PrincipalKind::Subject,
    }
}

pub(crate) fn oid_out(oid: vault::Oid) -> wire::Oid {
    wire::Oid::from_bytes(*oid.as_bytes())
}

pub(crate) fn token_id_out(id: vault::TokenId) -> wire::TokenId {
    wire::TokenId::from_bytes(*id.as_bytes())
}

pub(crate) fn token_out(listed: ListedToken) -> wire::Token {
    let ListedToken { row, state } = listed;
    wire::Token {
        id: token_id_out(row.id),
        principal: row.principal.into(),
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        note: row.note,
        state: match state {
            TokenState::Live => wire::TokenState::Live,
            TokenState::Expired => wire::TokenState::Expired,
            TokenState::Revoked => wire::TokenState::Revoked,
            TokenState::Orphaned => wire::TokenState::Orphaned,
        },
    }
}

pub(crate) fn session_out(row: SessionRow) -> wire::Session {
    let verdict = row.review.as_ref().map(|review| review.verdict);
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
        verdict: verdict_out(verdict.unwrap_or(port::Verdict::Pending)),
        review: row.review.map(|review| wire::Review {
            reviewer: review.reviewer.into(),
            at: review.at,
        }),
    }
}

pub(crate) fn session_detail_out(view: vault::SessionView) -> wire::SessionDetail {
    wire::SessionDetail {
        session: session_out(view.row),
        reason: view.reason.map(wire::Personal::new),
        link: view.link.map(wire::Personal::new),
        grants: view.grants.into_iter().map(grant_out).collect(),
        statements: view.statements.into_iter().map(statement_out).collect(),
        note: view.note.map(wire::Personal::new),
    }
}

fn grant_out(view: vault::GrantView) -> wire::Grant {
    wire::Grant {
        id: wire::GrantId::from_bytes(*view.row.id.as_bytes()),
        subject: view.subject.map(wire::Personal::new),
        fields: view.fields,
        evidence: view.evidence.map(wire::Personal::new),
        starts_at: view.row.starts_at,
        ends_at: view.row.ends_at,
        ended_at: view.row.ended_at,
    }
}

fn statement_out(view: vault::StatementView) -> wire::Statement {
    let parameters = view.parameters.into_iter();
    let opened = view.opened.into_iter();
    wire::Statement {
        entry: view.entry,
        kind: view.kind,
        at: view.at,
        sql: view.sql.map(wire::Personal::new),
        parameters: parameters
            .map(|value| value.map(wire::Personal::new))
            .collect(),
        decrypted: view.decrypted,
        opened: opened
            .map(|(field, count)| wire::OpenedCount { field, count })
            .collect(),
    }
}

pub(crate) fn job_id_out(id: vault::JobId) -> wire::JobId {
    wire::JobId::from_bytes(*id.as_bytes())
}

pub(crate) fn job_out(status: vault::JobStatus) -> wire::Job {
    wire::Job {
        id: job_id_out(status.id),
        source: status.source.into(),
        dry_run: status.dry_run,
        state: job_state_out(status.state),
        tables: status.tables.into_iter().map(job_table_out).collect(),
        done: status.done,
        total: status.total,
        values_per_second: status.values_per_second,
        seconds_left: status.seconds_left,
        left: status.left,
        problems: status.problems,
        notes: status.notes,
    }
}

fn job_state_out(state: vault::JobState) -> wire::JobState {
    match state {
        vault::JobState::Looking => wire::JobState::Looking,
        vault::JobState::Sealing => wire::JobState::Sealing,
        vault::JobState::Finishing => wire::JobState::Finishing,
        vault::JobState::Done => wire::JobState::Done,
        vault::JobState::Failed => wire::JobState::Failed,
    }
}

fn job_table_out(table: vault::TableStatus) -> wire::JobTable {
    let findings = table.findings.into_iter().map(|finding| wire::Finding {
        what: finding.what,
        rows: finding.rows,
        first: finding.first,
    });
    wire::JobTable {
        table: table.table,
        columns: table.columns,
        rows: table.rows,
        to_seal: table.to_seal,
        sealed: table.sealed,
        done: table.done,
        findings: findings.collect(),
    }
}
