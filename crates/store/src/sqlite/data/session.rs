//! Sessions, their verdicts, and which log entries belong to them.

use jiff::Timestamp;
use privet_vault::port::{
    NewSessionEntry, Review, SessionCursor, SessionEntry, SessionEntryFilter, SessionFilter,
    SessionOrder, SessionRow, SessionTally, TallyPeriod,
};
use privet_vault::{PrincipalName, SessionId, SourceName, TokenId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::sqlite::column::{At, Count, parsed, unknown_code};
use crate::sqlite::file::Failure;
use crate::write::{
    emergency_condition, sessions_max, step_nanoseconds, verdict_condition, verdict_of,
};

const SELECT: &str = "SELECT id, principal, token, source, started_at, active_at, ended_at,
    decrypted, statements, opened, verdict, reviewer, reviewed_at, emergency_at FROM session";

pub(super) fn put(connection: &Connection, session: &SessionRow) -> Result<(), Failure> {
    let review = session.review.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO session (id, principal, token, source, started_at, active_at, ended_at,
                 decrypted, statements, opened, verdict, reviewer, reviewed_at, emergency_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
             ON CONFLICT (id) DO UPDATE SET principal = excluded.principal, token = excluded.token,
                 source = excluded.source, started_at = excluded.started_at,
                 active_at = max(session.active_at, excluded.active_at),
                 ended_at = coalesce(session.ended_at, excluded.ended_at),
                 decrypted = max(session.decrypted, excluded.decrypted),
                 statements = max(session.statements, excluded.statements),
                 opened = max(session.opened, excluded.opened),
                 emergency_at = coalesce(session.emergency_at, excluded.emergency_at),
                 verdict = coalesce(excluded.verdict, session.verdict),
                 reviewer = coalesce(excluded.reviewer, session.reviewer),
                 reviewed_at = coalesce(excluded.reviewed_at, session.reviewed_at)",
        )?
        .execute(params![
            session.id.as_bytes(),
            session.principal.as_str(),
            session.token.as_bytes(),
            session.source.as_str(),
            At(session.started_at),
            At(session.active_at),
            session.ended_at.map(At),
            session.decrypted,
            Count(session.statements),
            Count(session.opened),
            review.map(|review| review.verdict.as_str()),
            review.map(|review| review.reviewer.as_str()),
            review.map(|review| At(review.at)),
            session.emergency_at.map(At),
        ])?;
    Ok(())
}

pub(super) fn one(connection: &Connection, id: SessionId) -> Result<Option<SessionRow>, Failure> {
    let mut select = connection.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?;
    Ok(select.query_row([id.as_bytes()], session_row).optional()?)
}

/// Bounds that are not set are written as the widest there are, so that the index is searched and not walked.
pub(super) fn list(
    connection: &Connection,
    filter: &SessionFilter,
) -> Result<Vec<SessionRow>, Failure> {
    let mut select = connection.prepare_cached(&list_text(filter))?;
    let (at, id) = filter.after.map_or_else(
        || (edge(filter.order), Vec::new()),
        |SessionCursor { started_at, id }| (Edge::At(started_at), id.as_bytes().to_vec()),
    );
    let rows = select.query_map(
        params![
            filter.principal.as_ref().map(PrincipalName::as_str),
            filter.not_by.as_ref().map(PrincipalName::as_str),
            filter.source.as_ref().map(SourceName::as_str),
            filter.decrypted,
            filter.open,
            filter.from.map_or(Edge::Start, Edge::At),
            filter.before.map_or(Edge::End, Edge::At),
            at,
            id,
            sessions_max(filter),
        ],
        session_row,
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
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
          WHERE (?1 IS NULL OR principal = ?1)
            AND (?2 IS NULL OR principal <> ?2)
            AND (?3 IS NULL OR source = ?3)
            AND (?4 IS NULL OR decrypted = ?4)
            AND (?5 IS NULL OR (ended_at IS NULL) = ?5)
            AND started_at >= ?6 AND started_at < ?7
            AND (started_at, id) {behind} (?8, ?9)
            AND ({verdict}) AND ({emergency})
          ORDER BY started_at {order}, id {order} LIMIT ?10"
    )
}

/// A moment, or before or after all of them.
enum Edge {
    Start,
    At(Timestamp),
    End,
}

impl rusqlite::ToSql for Edge {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Self::Start => Ok(i64::MIN.into()),
            Self::At(moment) => i64::try_from(moment.as_nanosecond())
                .map(Into::into)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error))),
            Self::End => Ok(i64::MAX.into()),
        }
    }
}

/// Where a list begins.
fn edge(order: SessionOrder) -> Edge {
    match order {
        SessionOrder::NewestFirst => Edge::End,
        SessionOrder::OldestFirst => Edge::Start,
    }
}

pub(super) fn tallies(
    connection: &Connection,
    period: &TallyPeriod,
) -> Result<Vec<SessionTally>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT source, (started_at - ?1) / ?3, decrypted, COALESCE(verdict, 'pending'), reviewer,
                count(*), sum(statements), sum(opened)
           FROM session WHERE started_at >= ?1 AND started_at < ?2 GROUP BY 1, 2, 3, 4, 5",
    )?;
    let step = step_nanoseconds(period);
    let rows = select.query_map(params![At(period.from), At(period.before), step], |row| {
        let reviewer: Option<String> = row.get(4)?;
        Ok(SessionTally {
            source: parsed(row, 0)?,
            step: row.get(1)?,
            decrypted: row.get(2)?,
            verdict: verdict_of(row.get_ref(3)?.as_str()?).ok_or_else(|| unknown_code(3))?,
            reviewer: reviewer.map(|_| parsed(row, 4)).transpose()?,
            sessions: row.get::<_, Count>(5)?.0,
            statements: row.get::<_, Count>(6)?.0,
            opened: row.get::<_, Count>(7)?.0,
        })
    })?;
    let mut tallies = rows.collect::<Result<Vec<_>, _>>()?;
    tallies.sort();
    Ok(tallies)
}

pub(super) fn add_entries(
    connection: &Connection,
    entries: &[NewSessionEntry],
) -> Result<(), Failure> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO session_entry (session, origin, position, part) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
    )?;
    for entry in entries {
        insert.execute(params![
            entry.session.as_bytes(),
            entry.origin,
            Count(entry.index),
            entry.part.code(),
        ])?;
    }
    Ok(())
}

pub(super) fn entries(
    connection: &Connection,
    filter: &SessionEntryFilter,
) -> Result<Vec<SessionEntry>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT number, origin, position FROM session_entry
          WHERE session = ?1 AND number > ?2 AND (part IS NULL OR part >= ?3)
          ORDER BY number LIMIT ?4",
    )?;
    let key = params![
        filter.session.as_bytes(),
        Count(filter.after),
        filter.at_least.code(),
        filter.count_max,
    ];
    let entries = select.query_map(key, |row| {
        Ok(SessionEntry {
            number: row.get::<_, Count>(0)?.0,
            origin: row.get(1)?,
            index: row.get::<_, Count>(2)?.0,
        })
    })?;
    Ok(entries.collect::<Result<_, _>>()?)
}

fn session_row(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    let verdict: Option<String> = row.get(10)?;
    let review = match verdict {
        None => None,
        Some(text) => Some(Review {
            verdict: verdict_of(&text).ok_or_else(|| unknown_code(10))?,
            reviewer: parsed(row, 11)?,
            at: row.get::<_, At>(12)?.0,
        }),
    };
    Ok(SessionRow {
        id: SessionId::from_bytes(row.get(0)?),
        principal: parsed(row, 1)?,
        token: TokenId::from_bytes(row.get(2)?),
        source: parsed(row, 3)?,
        started_at: row.get::<_, At>(4)?.0,
        active_at: row.get::<_, At>(5)?.0,
        ended_at: row.get::<_, Option<At>>(6)?.map(|at| at.0),
        decrypted: row.get(7)?,
        statements: row.get::<_, Count>(8)?.0,
        opened: row.get::<_, Count>(9)?.0,
        emergency_at: row.get::<_, Option<At>>(13)?.map(|at| at.0),
        review,
    })
}
