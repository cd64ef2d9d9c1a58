//! Tokens and grants.

use jiff::Timestamp;
use privet_vault::port::{ChangeKind, GrantRow, ScramVerifier, TokenRow};
use privet_vault::{GrantId, GrantRequestId, PrincipalName, SessionId, SubjectRef, TokenId};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::change;
use crate::sqlite::column::{At, Count, Fields, Subjects, fields, parsed, subjects};
use crate::sqlite::file::Failure;

const SELECT_TOKEN: &str = "SELECT id, principal, sha256, scram_iterations, scram_salt,
    scram_stored_key, scram_server_key, created_at, expires_at, revoked_at, note FROM token";

const SELECT_GRANT: &str = "SELECT id, session, principal, subjects, fields, request, emergency,
    starts_at, ends_at, ended_at FROM access_grant";

pub(super) fn add_token(connection: &Connection, token: &TokenRow) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT INTO token (id, principal, sha256, scram_iterations, scram_salt,
                 scram_stored_key, scram_server_key, created_at, expires_at, revoked_at, note)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            token.id.as_bytes(),
            token.principal.as_str(),
            token.sha256,
            token.scram.iterations,
            token.scram.salt,
            token.scram.stored_key,
            token.scram.server_key,
            At(token.created_at),
            At(token.expires_at),
            token.revoked_at.map(At),
            token.note,
        ])?;
    Ok(())
}

pub(super) fn tokens(connection: &Connection) -> Result<Vec<TokenRow>, Failure> {
    select_tokens(connection, "ORDER BY created_at DESC, id DESC", [])
}

pub(super) fn tokens_of(
    connection: &Connection,
    principal: &PrincipalName,
) -> Result<Vec<TokenRow>, Failure> {
    select_tokens(
        connection,
        "WHERE principal = ?1 ORDER BY created_at DESC, id DESC",
        [principal.as_str()],
    )
}

pub(super) fn token_by_sha256(
    connection: &Connection,
    sha256: [u8; 32],
) -> Result<Option<TokenRow>, Failure> {
    let mut select = connection.prepare_cached(&format!("{SELECT_TOKEN} WHERE sha256 = ?1"))?;
    Ok(select.query_row([sha256], token_row).optional()?)
}

pub(super) fn revoke_token(
    connection: &Connection,
    token: TokenId,
    at: Timestamp,
) -> Result<bool, Failure> {
    let count = connection
        .prepare_cached("UPDATE token SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL")?
        .execute(params![token.as_bytes(), At(at)])?;
    if count > 0 {
        change::add(connection, ChangeKind::TokenRevoked(token))?;
    }
    Ok(count > 0)
}

pub(super) fn add_grant(connection: &Connection, grant: &GrantRow) -> Result<(), Failure> {
    let granted = change::add(connection, ChangeKind::Granted(grant.id))?;
    connection
        .prepare_cached(
            "INSERT INTO access_grant (id, session, principal, subjects, fields, request, emergency,
                 starts_at, ends_at, ended_at, granted)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            grant.id.as_bytes(),
            grant.session.as_bytes(),
            grant.principal.as_str(),
            Subjects(&grant.subjects),
            Fields(&grant.fields),
            grant.request.as_ref().map(GrantRequestId::as_bytes),
            grant.emergency,
            At(grant.starts_at),
            At(grant.ends_at),
            grant.ended_at.map(At),
            Count(granted),
        ])?;
    let mut of_subject = connection
        .prepare_cached("INSERT INTO granted_subject (subject, grant_id) VALUES (?1, ?2)")?;
    for subject in &grant.subjects {
        of_subject.execute([subject.as_bytes(), grant.id.as_bytes()])?;
    }
    Ok(())
}

/// The newest first.
pub(super) fn grants_since(
    connection: &Connection,
    since: Timestamp,
    count_max: u32,
) -> Result<Vec<GrantRow>, Failure> {
    let mut select = connection.prepare_cached(&format!(
        "{SELECT_GRANT} WHERE ends_at >= ?1 ORDER BY granted DESC LIMIT ?2"
    ))?;
    let grants = select.query_map(params![At(since), count_max], grant_row)?;
    Ok(grants.collect::<Result<_, _>>()?)
}

pub(super) fn grant(connection: &Connection, id: GrantId) -> Result<Option<GrantRow>, Failure> {
    let mut select = connection.prepare_cached(&format!("{SELECT_GRANT} WHERE id = ?1"))?;
    Ok(select.query_row([id.as_bytes()], grant_row).optional()?)
}

pub(super) fn grants_of(
    connection: &Connection,
    session: SessionId,
) -> Result<Vec<GrantRow>, Failure> {
    let mut select = connection.prepare_cached(&format!(
        "{SELECT_GRANT} WHERE session = ?1 ORDER BY granted"
    ))?;
    let grants = select.query_map([session.as_bytes()], grant_row)?;
    Ok(grants.collect::<Result<_, _>>()?)
}

pub(super) fn end_grant(
    connection: &Connection,
    id: GrantId,
    at: Timestamp,
) -> Result<bool, Failure> {
    let count = connection
        .prepare_cached("UPDATE access_grant SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL")?
        .execute(params![id.as_bytes(), At(at)])?;
    if count > 0 {
        change::add(connection, ChangeKind::GrantEnded(id))?;
    }
    Ok(count > 0)
}

/// Ends every grant on a subject's data, in the order in which they were given; answers how many.
pub(super) fn end_grants_on(
    connection: &Connection,
    subject: SubjectRef,
    at: Timestamp,
) -> Result<u64, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT id FROM access_grant
          WHERE id IN (SELECT grant_id FROM granted_subject WHERE subject = ?1) AND ended_at IS NULL
          ORDER BY granted",
    )?;
    let open = select.query_map([subject.as_bytes()], |row| {
        row.get(0).map(GrantId::from_bytes)
    })?;
    let open: Vec<_> = open.collect::<Result<_, _>>()?;
    for id in &open {
        end_grant(connection, *id, at)?;
    }
    Ok(open.len() as u64)
}

fn select_tokens(
    connection: &Connection,
    condition: &str,
    parameters: impl Params,
) -> Result<Vec<TokenRow>, Failure> {
    let mut select = connection.prepare_cached(&format!("{SELECT_TOKEN} {condition}"))?;
    let tokens = select.query_map(parameters, token_row)?;
    Ok(tokens.collect::<Result<_, _>>()?)
}

fn token_row(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    Ok(TokenRow {
        id: TokenId::from_bytes(row.get(0)?),
        principal: parsed(row, 1)?,
        sha256: row.get(2)?,
        scram: ScramVerifier {
            iterations: row.get(3)?,
            salt: row.get(4)?,
            stored_key: row.get(5)?,
            server_key: row.get(6)?,
        },
        created_at: row.get::<_, At>(7)?.0,
        expires_at: row.get::<_, At>(8)?.0,
        revoked_at: row.get::<_, Option<At>>(9)?.map(|at| at.0),
        note: row.get(10)?,
    })
}

fn grant_row(row: &Row<'_>) -> rusqlite::Result<GrantRow> {
    Ok(GrantRow {
        id: GrantId::from_bytes(row.get(0)?),
        session: SessionId::from_bytes(row.get(1)?),
        principal: parsed(row, 2)?,
        subjects: subjects(row, 3)?,
        fields: fields(row, 4)?,
        request: row
            .get::<_, Option<[u8; 16]>>(5)?
            .map(GrantRequestId::from_bytes),
        emergency: row.get(6)?,
        starts_at: row.get::<_, At>(7)?.0,
        ends_at: row.get::<_, At>(8)?.0,
        ended_at: row.get::<_, Option<At>>(9)?.map(|at| at.0),
    })
}
