//! The consent ledger: rows are added and read, never changed or deleted.

use jiff::Timestamp;
use privet_vault::Puid;
use privet_vault::port::{
    ConsentAnswer, ConsentBit, ConsentEvent, ConsentState, NewConsentEvent, StoreError,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::sqlite::column::{At, Count, parsed, unknown_code};
use crate::sqlite::file::Failure;
use crate::write::{answers_of, answers_text, mask};

/// Two events never share a position, whatever went wrong, so that it is always decided which of a person's is the last.
pub(super) const FORMAT_4: &str = "
CREATE TABLE consent_event (
    puid BLOB NOT NULL,
    sequence INTEGER NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL,
    answers TEXT NOT NULL,
    channel TEXT NOT NULL,
    evidence BLOB,
    PRIMARY KEY (puid, sequence)
) WITHOUT ROWID;

CREATE TABLE consent_bit (
    bit INTEGER NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL
);
";

/// The one writer of the file runs one call at a time, so that nothing comes between reading the last event and adding
/// the next.
pub(super) fn append(connection: &Connection, event: &NewConsentEvent) -> Result<u64, Failure> {
    let last: Option<Count> = connection
        .prepare_cached("SELECT max(sequence) FROM consent_event WHERE puid = ?1")?
        .query_row([event.puid.as_bytes()], |row| row.get(0))?;
    if last.map_or(0, |last| last.0) != event.after {
        return Err(StoreError::Conflict.into());
    }
    let mut note = connection
        .prepare_cached("INSERT OR IGNORE INTO consent_bit (bit, purpose) VALUES (?1, ?2)")?;
    let mut noted = connection.prepare_cached("SELECT purpose FROM consent_bit WHERE bit = ?1")?;
    for ConsentBit { bit, purpose } in &event.granted {
        note.execute(params![bit, purpose])?;
        let known: String = noted.query_row([bit], |row| row.get(0))?;
        if known != *purpose {
            return Err(StoreError::Conflict.into());
        }
    }
    let sequence: Count = connection
        .prepare_cached("SELECT coalesce(max(sequence), 0) + 1 FROM consent_event")?
        .query_row([], |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO consent_event (puid, sequence, at, granted, withdrawn, answers, channel, evidence)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            event.puid.as_bytes(),
            sequence,
            At(event.at),
            mask(&event.granted),
            event.withdrawn,
            answers_text(&event.answers),
            event.channel.as_str(),
            event.evidence,
        ])?;
    Ok(sequence.0)
}

pub(super) fn now(
    connection: &Connection,
    subjects: &[Puid],
) -> Result<Vec<Option<ConsentState>>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT sequence, at, answers FROM consent_event WHERE puid = ?1
         ORDER BY sequence DESC LIMIT 1",
    )?;
    let mut states = Vec::with_capacity(subjects.len());
    for subject in subjects {
        states.push(select.query_row([subject.as_bytes()], state).optional()?);
    }
    Ok(states)
}

pub(super) fn at(
    connection: &Connection,
    subject: Puid,
    moment: Timestamp,
) -> Result<Option<ConsentState>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT sequence, at, answers FROM consent_event WHERE puid = ?1 AND at <= ?2
         ORDER BY sequence DESC LIMIT 1",
    )?;
    let key = params![subject.as_bytes(), At(moment)];
    Ok(select.query_row(key, state).optional()?)
}

pub(super) fn events(
    connection: &Connection,
    subject: Puid,
    before: Option<u64>,
    count_max: u32,
) -> Result<Vec<ConsentEvent>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT sequence, at, answers, granted, withdrawn, channel, evidence FROM consent_event
         WHERE puid = ?1 AND sequence < ?2 ORDER BY sequence DESC LIMIT ?3",
    )?;
    let before = before.unwrap_or(i64::MAX.unsigned_abs());
    let key = params![subject.as_bytes(), Count(before), count_max];
    let rows = select.query_map(key, event)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn bits(connection: &Connection) -> Result<Vec<ConsentBit>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT bit, purpose FROM consent_bit ORDER BY bit")?;
    let rows = select.query_map([], |row| {
        Ok(ConsentBit {
            bit: row.get(0)?,
            purpose: row.get(1)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn state(row: &Row<'_>) -> rusqlite::Result<ConsentState> {
    Ok(ConsentState {
        sequence: row.get::<_, Count>(0)?.0,
        at: row.get::<_, At>(1)?.0,
        answers: answers(row, 2)?,
    })
}

fn event(row: &Row<'_>) -> rusqlite::Result<ConsentEvent> {
    Ok(ConsentEvent {
        state: state(row)?,
        granted: row.get(3)?,
        withdrawn: row.get(4)?,
        channel: parsed(row, 5)?,
        evidence: row.get(6)?,
    })
}

fn answers(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<ConsentAnswer>> {
    answers_of(row.get_ref(column)?.as_str()?).ok_or_else(|| unknown_code(column))
}
