//! Requests for grants that a second person has to approve. What decides is written as a condition of the update, so that
//! of two servers only one gets its way.

use jiff::Timestamp;
use privet_vault::port::{GrantRequestRow, RequestDecision};
use privet_vault::{GrantId, GrantRequestId, PrincipalName, SessionId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::sqlite::column::{At, Fields, Subjects, fields, parsed, subjects};
use crate::sqlite::file::Failure;

const SELECT: &str = "SELECT id, session, principal, source, subjects, fields, minutes, asked_at,
    expires_at, approved, decided_by, decided_at, grant_id, tell_at FROM grant_request";

pub(super) fn add(connection: &Connection, request: &GrantRequestRow) -> Result<(), Failure> {
    let decision = request.decision.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO grant_request (id, session, principal, source, subjects, fields, minutes,
                 asked_at, expires_at, approved, decided_by, decided_at, grant_id,
                 tell_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            request.id.as_bytes(),
            request.session.as_bytes(),
            request.principal.as_str(),
            request.source.as_str(),
            Subjects(&request.subjects),
            Fields(&request.fields),
            request.minutes,
            At(request.asked_at),
            At(request.expires_at),
            decision.map(|decision| decision.approved),
            decision.map(|decision| decision.by.as_str()),
            decision.map(|decision| At(decision.at)),
            request.grant.as_ref().map(GrantId::as_bytes),
            request.tell_at.map(At),
        ])?;
    Ok(())
}

pub(super) fn one(
    connection: &Connection,
    id: GrantRequestId,
) -> Result<Option<GrantRequestRow>, Failure> {
    let mut select = connection.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?;
    Ok(select.query_row([id.as_bytes()], request_row).optional()?)
}

pub(super) fn of(
    connection: &Connection,
    session: SessionId,
) -> Result<Vec<GrantRequestRow>, Failure> {
    let mut select = connection.prepare_cached(&format!(
        "{SELECT} WHERE session = ?1 ORDER BY asked_at, id"
    ))?;
    let requests = select.query_map([session.as_bytes()], request_row)?;
    Ok(requests.collect::<Result<_, _>>()?)
}

pub(super) fn live(
    connection: &Connection,
    now: Timestamp,
    count_max: u32,
) -> Result<Vec<GrantRequestRow>, Failure> {
    let mut select = connection.prepare_cached(&format!(
        "{SELECT} WHERE expires_at > ?1 ORDER BY asked_at, id LIMIT ?2"
    ))?;
    let requests = select.query_map(params![At(now), count_max], request_row)?;
    Ok(requests.collect::<Result<_, _>>()?)
}

pub(super) fn to_tell(
    connection: &Connection,
    now: Timestamp,
    count_max: u32,
) -> Result<Vec<GrantRequestRow>, Failure> {
    let mut select = connection.prepare_cached(&format!(
        "{SELECT} WHERE tell_at <= ?1 AND expires_at > ?1 AND approved IS NULL AND grant_id IS NULL
          ORDER BY tell_at, id LIMIT ?2"
    ))?;
    let requests = select.query_map(params![At(now), count_max], request_row)?;
    Ok(requests.collect::<Result<_, _>>()?)
}

pub(super) fn tell(
    connection: &Connection,
    id: GrantRequestId,
    seen: Timestamp,
    next: Option<Timestamp>,
) -> Result<bool, Failure> {
    let count = connection
        .prepare_cached("UPDATE grant_request SET tell_at = ?3 WHERE id = ?1 AND tell_at = ?2")?
        .execute(params![id.as_bytes(), At(seen), next.map(At)])?;
    Ok(count > 0)
}

pub(super) fn decide(
    connection: &Connection,
    id: GrantRequestId,
    decision: &RequestDecision,
) -> Result<bool, Failure> {
    let count = connection
        .prepare_cached(
            "UPDATE grant_request SET approved = ?2, decided_by = ?3, decided_at = ?4
              WHERE id = ?1 AND grant_id IS NULL AND expires_at > ?4
                AND (approved IS NULL OR (approved AND NOT ?2))",
        )?
        .execute(params![
            id.as_bytes(),
            decision.approved,
            decision.by.as_str(),
            At(decision.at)
        ])?;
    Ok(count > 0)
}

pub(super) fn use_up(
    connection: &Connection,
    id: GrantRequestId,
    grant: GrantId,
    at: Timestamp,
) -> Result<bool, Failure> {
    let count = connection
        .prepare_cached(
            "UPDATE grant_request SET grant_id = ?2
              WHERE id = ?1 AND grant_id IS NULL AND approved AND expires_at > ?3",
        )?
        .execute(params![id.as_bytes(), grant.as_bytes(), At(at)])?;
    Ok(count > 0)
}

fn request_row(row: &Row<'_>) -> rusqlite::Result<GrantRequestRow> {
    let decision = match row.get::<_, Option<bool>>(9)? {
        None => None,
        Some(approved) => Some(RequestDecision {
            approved,
            by: parsed::<PrincipalName>(row, 10)?,
            at: row.get::<_, At>(11)?.0,
        }),
    };
    Ok(GrantRequestRow {
        id: GrantRequestId::from_bytes(row.get(0)?),
        session: SessionId::from_bytes(row.get(1)?),
        principal: parsed(row, 2)?,
        source: parsed(row, 3)?,
        subjects: subjects(row, 4)?,
        fields: fields(row, 5)?,
        minutes: row.get(6)?,
        asked_at: row.get::<_, At>(7)?.0,
        expires_at: row.get::<_, At>(8)?.0,
        decision,
        grant: row.get::<_, Option<[u8; 16]>>(12)?.map(GrantId::from_bytes),
        tell_at: row.get::<_, Option<At>>(13)?.map(|at| at.0),
    })
}
