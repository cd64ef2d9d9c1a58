//! Sessions, their verdicts, and which log entries belong to them.

use privet_vault::port::{
    NewSessionEntry, Review, SessionCursor, SessionEntry, SessionEntryFilter, SessionFilter,
    SessionOrder, SessionRow, SessionTally, TallyPeriod,
};
use privet_vault::{PrincipalName, SessionId, SourceName, TokenId};
use tokio_postgres::Row;
use uuid::Uuid;

use super::reading;
use crate::postgres::column::{from_count, from_id, from_time};
use crate::postgres::database::{Client, Failure};
use crate::write::{
    emergency_condition, sessions_max, step_nanoseconds, verdict_condition, verdict_of,
};

const SELECT: &str =
    "SELECT id, principal, token, source, started_at, active_at, ended_at, decrypted,
    statements, opened, verdict, reviewer, reviewed_at, emergency_at FROM session";

pub(super) async fn put(client: &mut Client, session: &SessionRow) -> Result<(), Failure> {
    let put = client
        .prepare_cached(
            "INSERT INTO session (id, principal, token, source, started_at, active_at, ended_at,
                 decrypted, statements, opened, verdict, reviewer, reviewed_at, emergency_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
             ON CONFLICT (id) DO UPDATE SET principal = excluded.principal, token = excluded.token,
                 source = excluded.source, started_at = excluded.started_at,
                 active_at = greatest(session.active_at, excluded.active_at),
                 ended_at = coalesce(session.ended_at, excluded.ended_at),
                 decrypted = session.decrypted OR excluded.decrypted,
                 statements = greatest(session.statements, excluded.statements),
                 opened = greatest(session.opened, excluded.opened),
                 emergency_at = coalesce(session.emergency_at, excluded.emergency_at),
                 verdict = coalesce(excluded.verdict, session.verdict),
                 reviewer = coalesce(excluded.reviewer, session.reviewer),
                 reviewed_at = coalesce(excluded.reviewed_at, session.reviewed_at)",
        )
        .await?;
    let review = session.review.as_ref();
    client
        .execute(
            &put,
            &[
                &from_id(session.id.as_bytes()),
                &session.principal.as_str(),
                &from_id(session.token.as_bytes()),
                &session.source.as_str(),
                &from_time(session.started_at)?,
                &from_time(session.active_at)?,
                &session.ended_at.map(from_time).transpose()?,
                &session.decrypted,
                &from_count(session.statements)?,
                &from_count(session.opened)?,
                &review.map(|review| review.verdict.as_str()),
                &review.map(|review| review.reviewer.as_str()),
                &review.map(|review| from_time(review.at)).transpose()?,
                &session.emergency_at.map(from_time).transpose()?,
            ],
        )
        .await?;
    Ok(())
}

pub(super) async fn one(client: &mut Client, id: SessionId) -> Result<Option<SessionRow>, Failure> {
    let select = client
        .prepare_cached(&format!("{SELECT} WHERE id = $1"))
        .await?;
    let row = client
        .query_opt(&select, &[&from_id(id.as_bytes())])
        .await?;
    row.as_ref().map(session_row).transpose()
}

/// Bounds that are not set are written as the widest there are, so that the index is searched and not walked.
pub(super) async fn list(
    client: &mut Client,
    filter: &SessionFilter,
) -> Result<Vec<SessionRow>, Failure> {
    let select = client.prepare_cached(&list_text(filter)).await?;
    let (at, id) = match (filter.after, filter.order) {
        (Some(SessionCursor { started_at, id }), _) => {
            (from_time(started_at)?, from_id(id.as_bytes()))
        }
        (None, SessionOrder::NewestFirst) => (i64::MAX, Uuid::nil()),
        (None, SessionOrder::OldestFirst) => (i64::MIN, Uuid::nil()),
    };
    let rows = client
        .query(
            &select,
            &[
                &filter.principal.as_ref().map(PrincipalName::as_str),
                &filter.not_by.as_ref().map(PrincipalName::as_str),
                &filter.source.as_ref().map(SourceName::as_str),
                &filter.decrypted,
                &filter.open,
                &filter.from.map_or(Ok(i64::MIN), from_time)?,
                &filter.before.map_or(Ok(i64::MAX), from_time)?,
                &at,
                &id,
                &i64::from(sessions_max(filter)),
            ],
        )
        .await?;
    rows.iter().map(session_row).collect()
}

fn list_text(filter: &SessionFilter) -> String {
    let verdict = verdict_condition(filter.verdict);
    let emergency = emergency_condition(filter.emergency);
    let (behind, order) = match filter.order {
        SessionOrder::NewestFirst => ("<", "DESC"),
        SessionOrder::OldestFirst => (">", "ASC"),
    };
    format!(
        "{SELECT}
          WHERE ($1::text IS NULL OR principal = $1)
            AND ($2::text IS NULL OR principal <> $2)
            AND ($3::text IS NULL OR source = $3)
            AND ($4::boolean IS NULL OR decrypted = $4)
            AND ($5::boolean IS NULL OR (ended_at IS NULL) = $5)
            AND started_at >= $6 AND started_at < $7
            AND (started_at, id) {behind} ($8, $9)
            AND ({verdict}) AND ({emergency})
          ORDER BY started_at {order}, id {order} LIMIT $10"
    )
}

pub(super) async fn tallies(
    client: &mut Client,
    period: &TallyPeriod,
) -> Result<Vec<SessionTally>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT source, (started_at - $1) / $3, decrypted, coalesce(verdict, 'pending'), reviewer,
                    count(*), sum(statements)::bigint, sum(opened)::bigint
               FROM session WHERE started_at >= $1 AND started_at < $2 GROUP BY 1, 2, 3, 4, 5",
        )
        .await?;
    let rows = client
        .query(
            &select,
            &[
                &from_time(period.from)?,
                &from_time(period.before)?,
                &step_nanoseconds(period),
            ],
        )
        .await?;
    let tally = |row: &Row| {
        let row = reading(row);
        let reviewer: Option<&str> = row.get(4)?;
        Ok(SessionTally {
            source: row.parsed(0)?,
            step: u32::try_from(row.count(1)?).map_err(|_| row.damage())?,
            decrypted: row.get(2)?,
            verdict: verdict_of(row.get(3)?).ok_or_else(|| row.damage())?,
            reviewer: reviewer.map(|_| row.parsed(4)).transpose()?,
            sessions: row.count(5)?,
            statements: row.count(6)?,
            opened: row.count(7)?,
        })
    };
    let mut tallies = rows
        .iter()
        .map(tally)
        .collect::<Result<Vec<_>, Failure>>()?;
    tallies.sort();
    Ok(tallies)
}

pub(super) async fn add_entries(
    client: &mut Client,
    entries: &[NewSessionEntry],
) -> Result<(), Failure> {
    let insert = client
        .prepare_cached(
            "INSERT INTO session_entry (session, origin, position, part)
             SELECT session, origin, position, part
               FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::smallint[]) WITH ORDINALITY
                    AS given (session, origin, position, part, n)
              ORDER BY n
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let sessions: Vec<Uuid> = entries
        .iter()
        .map(|entry| from_id(entry.session.as_bytes()))
        .collect();
    let origins: Vec<&str> = entries.iter().map(|entry| entry.origin.as_str()).collect();
    let positions = entries
        .iter()
        .map(|entry| from_count(entry.index))
        .collect::<Result<Vec<_>, _>>()?;
    let parts: Vec<i16> = entries.iter().map(|entry| entry.part.code()).collect();
    client
        .execute(&insert, &[&sessions, &origins, &positions, &parts])
        .await?;
    Ok(())
}

pub(super) async fn entries(
    client: &mut Client,
    filter: &SessionEntryFilter,
) -> Result<Vec<SessionEntry>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT number, origin, position FROM session_entry
              WHERE session = $1 AND number > $2 AND (part IS NULL OR part >= $3)
              ORDER BY number LIMIT $4",
        )
        .await?;
    let rows = client
        .query(
            &select,
            &[
                &from_id(filter.session.as_bytes()),
                &from_count(filter.after)?,
                &filter.at_least.code(),
                &i64::from(filter.count_max),
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let row = reading(row);
            Ok(SessionEntry {
                number: row.count(0)?,
                origin: row.get(1)?,
                index: row.count(2)?,
            })
        })
        .collect()
}

fn session_row(row: &Row) -> Result<SessionRow, Failure> {
    let row = reading(row);
    let verdict: Option<&str> = row.get(10)?;
    let review = match verdict {
        None => None,
        Some(text) => Some(Review {
            verdict: verdict_of(text).ok_or_else(|| row.damage())?,
            reviewer: row.parsed(11)?,
            at: row.time(12)?,
        }),
    };
    Ok(SessionRow {
        id: SessionId::from_bytes(row.id(0)?),
        principal: row.parsed(1)?,
        token: TokenId::from_bytes(row.id(2)?),
        source: row.parsed(3)?,
        started_at: row.time(4)?,
        active_at: row.time(5)?,
        ended_at: row.time_if(6)?,
        decrypted: row.get(7)?,
        statements: row.count(8)?,
        opened: row.count(9)?,
        emergency_at: row.time_if(13)?,
        review,
    })
}
