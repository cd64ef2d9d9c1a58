//! Between the wire's words and the vault's. Both sides are closed lists, so that a new word does not compile until it
//! stands in both.

mod grant;
mod session;
mod subject_request;
mod summary;

pub(crate) use grant::{grants_out, requests_out};
pub(crate) use session::{cursor_text, detail_out, filter_in, list_out, parse_cursor, verdict_in};
pub(crate) use subject_request::{
    request_detail_out, request_id_out, request_origin_in, request_page_out, subject_request_out,
};
pub(crate) use summary::{findings_out, summary_out};

use privet_vault::{self as vault, Language, LanguageError, ListedToken, SubjectName, TokenState};
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

pub(crate) fn kind_out(kind: vault::PrincipalKind) -> wire::PrincipalKind {
    match kind {
        vault::PrincipalKind::Person => wire::PrincipalKind::Person,
        vault::PrincipalKind::Job => wire::PrincipalKind::Job,
        vault::PrincipalKind::Subject => wire::PrincipalKind::Subject,
    }
}

/// A language as a body names it.
pub(crate) fn language_in(tag: Option<&str>) -> Result<Option<Language>, LanguageError> {
    tag.map(str::parse).transpose()
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn oid_in(oid: wire::Oid) -> vault::Oid {
    vault::Oid::from_bytes(*oid.as_bytes())
}

pub(crate) fn oid_out(oid: vault::Oid) -> wire::Oid {
    wire::Oid::from_bytes(*oid.as_bytes())
}

pub(crate) fn puid_in(puid: wire::Puid) -> vault::Puid {
    vault::Puid::from_bytes(*puid.as_bytes())
}

pub(crate) fn puid_out(puid: vault::Puid) -> wire::Puid {
    wire::Puid::from_bytes(*puid.as_bytes())
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

pub(crate) fn job_id_out(id: vault::JobId) -> wire::JobId {
    wire::JobId::from_bytes(*id.as_bytes())
}

pub(crate) fn job_out(status: vault::JobStatus) -> wire::Job {
    wire::Job {
        id: job_id_out(status.id),
        source: status.source.into(),
        dry_run: status.dry_run,
        undo: status.undo,
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
        vault::JobState::Opening => wire::JobState::Opening,
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
