//! Sessions, their verdicts, and which log entries belong to them.

use privet_vault::port::{Review, SessionFilter, SessionRow, Verdict};
use privet_vault::{PrincipalName, SessionId, TokenId};
use tokio_postgres::Row;
use uuid::Uuid;

use super::reading;
use crate::postgres::column::{from_count, from_id, from_time};
use crate::postgres::database::{Client, Failure};
use crate::write::SESSIONS_DEFAULT;

const SELECT: &str =
    "SELECT id, principal, token, source, started_at, active_at, ended_at, decrypted,
    statements, opened, verdict, reviewer, reviewed_at FROM session";

pub(super) async fn put(client: &mut Client, session: &SessionRow) -> Result<(), Failure> {
    let put = client
        .prepare_cached(
            "INSERT INTO session (id, principal, token, source, started_at, active_at, ended_at,
                 decrypted, statements, opened, verdict, reviewer, reviewed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
             ON CONFLICT (id) DO UPDATE SET principal = excluded.principal, token = excluded.token,
                 source = excluded.source, started_at = excluded.started_at,
                 active_at = greatest(session.active_at, excluded.active_at),
                 ended_at = coalesce(session.ended_at, excluded.ended_at),
                 decrypted = session.decrypted OR excluded.decrypted,
                 statements = greatest(session.statements, excluded.statements),
                 opened = greatest(session.opened, excluded.opened),
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

pub(super) async fn list(
    client: &mut Client,
    filter: &SessionFilter,
) -> Result<Vec<SessionRow>, Failure> {
    let select = client
        .prepare_cached(&format!(
            "{SELECT}
              WHERE ($1::text IS NULL OR coalesce(verdict, 'pending') = $1)
                AND ($2::text IS NULL OR principal = $2)
                AND ($3::boolean IS NULL OR decrypted = $3)
                AND ($4::boolean IS NULL OR (ended_at IS NULL) = $4)
                AND ($5::bigint IS NULL OR started_at < $5)
              ORDER BY started_at DESC, id DESC LIMIT $6"
        ))
        .await?;
    let count_max = match filter.count_max {
        0 => SESSIONS_DEFAULT,
        count_max => count_max,
    };
    let rows = client
        .query(
            &select,
            &[
                &filter.verdict.map(Verdict::as_str),
                &filter.principal.as_ref().map(PrincipalName::as_str),
                &filter.decrypted,
                &filter.open,
                &filter.before.map(from_time).transpose()?,
                &i64::from(count_max),
            ],
        )
        .await?;
    rows.iter().map(session_row).collect()
}

pub(super) async fn add_entries(
    client: &mut Client,
    entries: &[(SessionId, String, u64)],
) -> Result<(), Failure> {
    let insert = client
        .prepare_cached(
            "INSERT INTO session_entry (session, origin, position)
             SELECT session, origin, position
               FROM unnest($1::uuid[], $2::text[], $3::bigint[]) WITH ORDINALITY
                    AS given (session, origin, position, n)
              ORDER BY n
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let sessions: Vec<Uuid> = entries
        .iter()
        .map(|(id, ..)| from_id(id.as_bytes()))
        .collect();
    let origins: Vec<&str> = entries
        .iter()
        .map(|(_, origin, _)| origin.as_str())
        .collect();
    let positions = entries
        .iter()
        .map(|(.., position)| from_count(*position))
        .collect::<Result<Vec<_>, _>>()?;
    client
        .execute(&insert, &[&sessions, &origins, &positions])
        .await?;
    Ok(())
}

pub(super) async fn entries(
    client: &mut Client,
    id: SessionId,
) -> Result<Vec<(String, u64)>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT origin, position FROM session_entry WHERE session = $1 ORDER BY number",
        )
        .await?;
    let rows = client.query(&select, &[&from_id(id.as_bytes())]).await?;
    rows.iter()
        .map(|row| {
            let row = reading(row);
            Ok((row.get(0)?, row.count(1)?))
        })
        .collect()
}

fn session_row(row: &Row) -> Result<SessionRow, Failure> {
    let row = reading(row);
    let verdict: Option<&str> = row.get(10)?;
    let review = match verdict {
        None => None,
        Some(text) => Some(Review {
            verdict: [Verdict::Pending, Verdict::Approved, Verdict::Flagged]
                .into_iter()
                .find(|verdict| verdict.as_str() == text)
                .ok_or_else(|| row.damage())?,
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
        review,
    })
}
