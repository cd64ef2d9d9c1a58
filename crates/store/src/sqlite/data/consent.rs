//! The consent ledger: rows are added and read, never changed, and deleted with their key.

use privet_vault::port::{ConsentBit, ConsentPlace, ConsentRow, NewConsentRow};
use rusqlite::{Connection, OptionalExtension, params};

use crate::sqlite::file::Failure;
use crate::write::contradicts;

/// Without a row id, which would count the rows in the order in which they came.
pub(super) const FORMAT_4: &str = "
CREATE TABLE consent_event (
    place BLOB NOT NULL PRIMARY KEY,
    state BLOB NOT NULL,
    evidence BLOB
) WITHOUT ROWID;

CREATE TABLE consent_bit (
    bit INTEGER NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL
);
";

/// The one writer of the file runs one call at a time, so that nothing comes between looking at a place and taking it.
pub(super) fn append(
    connection: &Connection,
    rows: &[NewConsentRow],
) -> Result<Vec<bool>, Failure> {
    let mut taken = connection.prepare_cached("SELECT 1 FROM consent_event WHERE place = ?1")?;
    let mut note = connection
        .prepare_cached("INSERT OR IGNORE INTO consent_bit (bit, purpose) VALUES (?1, ?2)")?;
    let mut add = connection
        .prepare_cached("INSERT INTO consent_event (place, state, evidence) VALUES (?1, ?2, ?3)")?;
    let mut known = bits(connection)?;
    let mut added = Vec::with_capacity(rows.len());
    for NewConsentRow {
        place,
        row,
        granted,
    } in rows
    {
        if taken.exists([place.0])? || contradicts(&known, granted) {
            added.push(false);
            continue;
        }
        for bit in granted.iter().filter(|bit| !known.contains(bit)) {
            note.execute(params![bit.bit, bit.purpose])?;
        }
        known.extend(granted.iter().cloned());
        add.execute(params![place.0, row.state, row.evidence])?;
        added.push(true);
    }
    Ok(added)
}

pub(super) fn states(
    connection: &Connection,
    places: &[ConsentPlace],
) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT state FROM consent_event WHERE place = ?1")?;
    let mut states = Vec::with_capacity(places.len());
    for place in places {
        states.push(select.query_row([place.0], |row| row.get(0)).optional()?);
    }
    Ok(states)
}

pub(super) fn rows(
    connection: &Connection,
    places: &[ConsentPlace],
) -> Result<Vec<Option<ConsentRow>>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT state, evidence FROM consent_event WHERE place = ?1")?;
    let mut rows = Vec::with_capacity(places.len());
    for place in places {
        let row = select.query_row([place.0], |row| {
            Ok(ConsentRow {
                state: row.get(0)?,
                evidence: row.get(1)?,
            })
        });
        rows.push(row.optional()?);
    }
    Ok(rows)
}

pub(super) fn delete(connection: &Connection, places: &[ConsentPlace]) -> Result<u64, Failure> {
    let mut delete = connection.prepare_cached("DELETE FROM consent_event WHERE place = ?1")?;
    let mut count = 0;
    for place in places {
        count += delete.execute([place.0])?;
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
