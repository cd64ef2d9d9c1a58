//! The consent ledger: rows are added and read, never changed, and deleted with their key.

use privet_seal::KeyId;
use privet_vault::Puid;
use privet_vault::port::{ConsentBit, ConsentRow, NewConsentRow, SealedState};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::sqlite::column::Count;
use crate::sqlite::file::Failure;
use crate::write::contradicts;

/// Without a row id, which would count the rows in the order in which they came.
pub(super) const FORMAT_4: &str = "
CREATE TABLE consent_event (
    puid BLOB NOT NULL,
    number INTEGER NOT NULL,
    key BLOB NOT NULL,
    state BLOB NOT NULL,
    evidence BLOB,
    PRIMARY KEY (puid, number)
) WITHOUT ROWID;
CREATE INDEX consent_event_by_key ON consent_event (key);

CREATE TABLE consent_bit (
    bit INTEGER NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL
);
";

/// The one writer of the file runs one call at a time, so that nothing comes between reading the last row and adding the
/// next.
pub(super) fn append(
    connection: &Connection,
    rows: &[NewConsentRow],
) -> Result<Vec<bool>, Failure> {
    let mut last = connection
        .prepare_cached("SELECT coalesce(max(number), 0) FROM consent_event WHERE puid = ?1")?;
    let mut note = connection
        .prepare_cached("INSERT OR IGNORE INTO consent_bit (bit, purpose) VALUES (?1, ?2)")?;
    let mut add = connection.prepare_cached(
        "INSERT INTO consent_event (puid, number, key, state, evidence) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut known = bits(connection)?;
    let mut added = Vec::with_capacity(rows.len());
    for NewConsentRow { puid, row, granted } in rows {
        let Count(last) = last.query_row([puid.as_bytes()], |row| row.get(0))?;
        if last.checked_add(1) != Some(row.state.number) || contradicts(&known, granted) {
            added.push(false);
            continue;
        }
        for bit in granted.iter().filter(|bit| !known.contains(bit)) {
            note.execute(params![bit.bit, bit.purpose])?;
        }
        known.extend(granted.iter().cloned());
        add.execute(params![
            puid.as_bytes(),
            Count(row.state.number),
            row.state.key.as_bytes(),
            row.state.sealed,
            row.evidence,
        ])?;
        added.push(true);
    }
    Ok(added)
}

pub(super) fn now(
    connection: &Connection,
    subjects: &[Puid],
) -> Result<Vec<Option<SealedState>>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT number, key, state FROM consent_event WHERE puid = ?1
         ORDER BY number DESC LIMIT 1",
    )?;
    let mut states = Vec::with_capacity(subjects.len());
    for subject in subjects {
        states.push(select.query_row([subject.as_bytes()], state).optional()?);
    }
    Ok(states)
}

pub(super) fn rows(
    connection: &Connection,
    subject: Puid,
    before: Option<u64>,
    count_max: u32,
) -> Result<Vec<ConsentRow>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT number, key, state, evidence FROM consent_event
         WHERE puid = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3",
    )?;
    let before = before.unwrap_or(i64::MAX.unsigned_abs());
    let key = params![subject.as_bytes(), Count(before), count_max];
    let rows = select.query_map(key, |row| {
        Ok(ConsentRow {
            state: state(row)?,
            evidence: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn delete(connection: &Connection, keys: &[KeyId]) -> Result<u64, Failure> {
    let mut delete = connection.prepare_cached("DELETE FROM consent_event WHERE key = ?1")?;
    let mut count = 0;
    for key in keys {
        count += delete.execute([key.as_bytes()])?;
    }
    Ok(count as u64)
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

fn state(row: &Row<'_>) -> rusqlite::Result<SealedState> {
    Ok(SealedState {
        number: row.get::<_, Count>(0)?.0,
        key: KeyId(row.get(1)?),
        sealed: row.get(2)?,
    })
}
