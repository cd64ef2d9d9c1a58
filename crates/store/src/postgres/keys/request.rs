//! Requests for grants that a second person has to approve. What decides is written as a condition of the update, so that
//! of two servers only one gets its way.

use jiff::Timestamp;
use privet_vault::port::{GrantRequestRow, RequestDecision};
use privet_vault::{GrantId, GrantRequestId, SessionId};
use tokio_postgres::Row;

use super::reading;
use crate::postgres::column::{from_fields, from_id, from_subjects, from_time};
use crate::postgres::database::{Client, Failure};

const SELECT: &str = "SELECT id, session, principal, source, subjects, fields, minutes, asked_at,
    expires_at, approved, decided_by, decided_at, grant_id, tell_at FROM grant_request";

pub(super) async fn add(client: &mut Client, request: &GrantRequestRow) -> Result<(), Failure> {
    let insert = client
        .prepare_cached(
            "INSERT INTO grant_request (id, session, principal, source, subjects, fields, minutes,
                 asked_at, expires_at, approved, decided_by, decided_at, grant_id,
                 tell_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .await?;
    let decision = request.decision.as_ref();
    client
        .execute(
            &insert,
            &[
                &from_id(request.id.as_bytes()),
                &from_id(request.session.as_bytes()),
                &request.principal.as_str(),
                &request.source.as_str(),
                &from_subjects(&request.subjects),
                &from_fields(&request.fields),
                &i64::from(request.minutes),
                &from_time(request.asked_at)?,
                &from_time(request.expires_at)?,
                &decision.map(|decision| decision.approved),
                &decision.map(|decision| decision.by.as_str()),
                &decision
                    .map(|decision| from_time(decision.at))
                    .transpose()?,
                &request.grant.map(|grant| from_id(grant.as_bytes())),
                &request.tell_at.map(from_time).transpose()?,
            ],
        )
        .await?;
    Ok(())
}

pub(super) async fn one(
    client: &mut Client,
    id: GrantRequestId,
) -> Result<Option<GrantRequestRow>, Failure> {
    let select = client
        .prepare_cached(&format!("{SELECT} WHERE id = $1"))
        .await?;
    let row = client
        .query_opt(&select, &[&from_id(id.as_bytes())])
        .await?;
    row.as_ref().map(request_row).transpose()
}

pub(super) async fn of(
    client: &mut Client,
    session: SessionId,
) -> Result<Vec<GrantRequestRow>, Failure> {
    let select = client
        .prepare_cached(&format!(
            "{SELECT} WHERE session = $1 ORDER BY asked_at, id"
        ))
        .await?;
    let rows = client
        .query(&select, &[&from_id(session.as_bytes())])
        .await?;
    rows.iter().map(request_row).collect()
}

pub(super) async fn live(
    client: &mut Client,
    now: Timestamp,
    count_max: u32,
) -> Result<Vec<GrantRequestRow>, Failure> {
    let select = client
        .prepare_cached(&format!(
            "{SELECT} WHERE expires_at > $1 ORDER BY asked_at, id LIMIT $2"
        ))
        .await?;
    let rows = client
        .query(&select, &[&from_time(now)?, &i64::from(count_max)])
        .await?;
    rows.iter().map(request_row).collect()
}

pub(super) async fn to_tell(
    client: &mut Client,
    now: Timestamp,
    count_max: u32,
) -> Result<Vec<GrantRequestRow>, Failure> {
    let select = client
        .prepare_cached(&format!(
            "{SELECT} WHERE tell_at <= $1 AND expires_at > $1 AND approved IS NULL AND grant_id IS NULL
              ORDER BY tell_at, id LIMIT $2"
        ))
        .await?;
    let rows = client
        .query(&select, &[&from_time(now)?, &i64::from(count_max)])
        .await?;
    rows.iter().map(request_row).collect()
}

pub(super) async fn tell(
    client: &mut Client,
    id: GrantRequestId,
    seen: Timestamp,
    next: Option<Timestamp>,
) -> Result<bool, Failure> {
    let update = client
        .prepare_cached("UPDATE grant_request SET tell_at = $3 WHERE id = $1 AND tell_at = $2")
        .await?;
    let count = client
        .execute(
            &update,
            &[
                &from_id(id.as_bytes()),
                &from_time(seen)?,
                &next.map(from_time).transpose()?,
            ],
        )
        .await?;
    Ok(count > 0)
}

pub(super) async fn decide(
    client: &mut Client,
    id: GrantRequestId,
    decision: &RequestDecision,
) -> Result<bool, Failure> {
    let update = client
        .prepare_cached(
            "UPDATE grant_request SET approved = $2, decided_by = $3, decided_at = $4
              WHERE id = $1 AND grant_id IS NULL AND expires_at > $4
                AND (approved IS NULL OR (approved AND NOT $2))",
        )
        .await?;
    let count = client
        .execute(
            &update,
            &[
                &from_id(id.as_bytes()),
                &decision.approved,
                &decision.by.as_str(),
                &from_time(decision.at)?,
            ],
        )
        .await?;
    Ok(count > 0)
}

pub(super) async fn use_up(
    client: &mut Client,
    id: GrantRequestId,
    grant: GrantId,
    at: Timestamp,
) -> Result<bool, Failure> {
    let update = client
        .prepare_cached(
            "UPDATE grant_request SET grant_id = $2
              WHERE id = $1 AND grant_id IS NULL AND approved AND expires_at > $3",
        )
        .await?;
    let count = client
        .execute(
            &update,
            &[
                &from_id(id.as_bytes()),
                &from_id(grant.as_bytes()),
                &from_time(at)?,
            ],
        )
        .await?;
    Ok(count > 0)
}

fn request_row(row: &Row) -> Result<GrantRequestRow, Failure> {
    let row = reading(row);
    let decision = match row.get::<Option<bool>>(9)? {
        None => None,
        Some(approved) => Some(RequestDecision {
            approved,
            by: row.parsed(10)?,
            at: row.time(11)?,
        }),
    };
    Ok(GrantRequestRow {
        id: GrantRequestId::from_bytes(row.id(0)?),
        session: SessionId::from_bytes(row.id(1)?),
        principal: row.parsed(2)?,
        source: row.parsed(3)?,
        subjects: row.subjects(4)?,
        fields: row.fields(5)?,
        minutes: u32::try_from(row.count(6)?).map_err(|_| row.damage())?,
        asked_at: row.time(7)?,
        expires_at: row.time(8)?,
        decision,
        grant: row.id_if(12)?.map(GrantId::from_bytes),
        tell_at: row.time_if(13)?,
    })
}
