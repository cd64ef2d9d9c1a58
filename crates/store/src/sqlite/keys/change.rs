//! The sequence that grants, revocations, erasures and changes of consent share, and how far each log's erasures were carried out.

use privet_vault::port::{Change, ChangeKind};
use privet_vault::{GrantId, SessionId, SubjectRef, TokenId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::sqlite::column::{Count, unknown_code};
use crate::sqlite::file::Failure;
use crate::write::{CHANGES_MAX, TRIMMED_MAX};

/// Takes the next position; there is one writer, so none is taken twice.
pub(super) fn add(connection: &Connection, kind: ChangeKind) -> Result<u64, Failure> {
    let sequence = sequence(connection)? + 1;
    let (code, id) = match kind {
        ChangeKind::Granted(id) => (1, *id.as_bytes()),
        ChangeKind::GrantEnded(id) => (2, *id.as_bytes()),
        ChangeKind::TokenRevoked(id) => (3, *id.as_bytes()),
        ChangeKind::Erased(id) => (4, *id.as_bytes()),
        ChangeKind::SessionEnded(id) => (5, *id.as_bytes()),
        ChangeKind::ConsentChanged(id) => (6, *id.as_bytes()),
        ChangeKind::SaltRotated(id) => (7, *id.as_bytes()),
        ChangeKind::SaltMade(id) => (8, *id.as_bytes()),
        ChangeKind::KeysReplaced(id) => (9, *id.as_bytes()),
    };
    connection
        .prepare_cached("INSERT INTO change (sequence, kind, id) VALUES (?1, ?2, ?3)")?
        .execute(params![Count(sequence), code, id])?;
    Ok(sequence)
}

pub(super) fn sequence(connection: &Connection) -> Result<u64, Failure> {
    let mut select = connection.prepare_cached("SELECT COALESCE(max(sequence), 0) FROM change")?;
    Ok(select.query_row([], |row| row.get::<_, Count>(0))?.0)
}

pub(super) fn after(connection: &Connection, position: u64) -> Result<Vec<Change>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT sequence, kind, id FROM change WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
    )?;
    let changes = select.query_map(params![Count(position), CHANGES_MAX], |row| {
        let id = row.get(2)?;
        let kind = match row.get(1)? {
            1 => ChangeKind::Granted(GrantId::from_bytes(id)),
            2 => ChangeKind::GrantEnded(GrantId::from_bytes(id)),
            3 => ChangeKind::TokenRevoked(TokenId::from_bytes(id)),
            4 => ChangeKind::Erased(SubjectRef::from_bytes(id)),
            5 => ChangeKind::SessionEnded(SessionId::from_bytes(id)),
            6 => ChangeKind::ConsentChanged(SubjectRef::from_bytes(id)),
            7 => ChangeKind::SaltRotated(SubjectRef::from_bytes(id)),
            8 => ChangeKind::SaltMade(SubjectRef::from_bytes(id)),
            9 => ChangeKind::KeysReplaced(SubjectRef::from_bytes(id)),
            _ => return Err(unknown_code(1)),
        };
        Ok(Change {
            sequence: row.get::<_, Count>(0)?.0,
            kind,
        })
    })?;
    Ok(changes.collect::<Result<_, _>>()?)
}

/// Positions are counted from the last change, which stays.
pub(super) fn trim(connection: &Connection, through: u64) -> Result<u64, Failure> {
    let count = connection
        .prepare_cached(
            "DELETE FROM change WHERE sequence IN (
                 SELECT sequence FROM change
                  WHERE sequence <= ?1 AND sequence < (SELECT max(sequence) FROM change)
                  ORDER BY sequence LIMIT ?2)",
        )?
        .execute(params![Count(through), TRIMMED_MAX])?;
    Ok(count as u64)
}

pub(super) fn log_position(connection: &Connection, origin: &str) -> Result<u64, Failure> {
    let mut select =
        connection.prepare_cached("SELECT position FROM log_position WHERE origin = ?1")?;
    let position = select
        .query_row([origin], |row| row.get::<_, Count>(0))
        .optional()?;
    Ok(position.map_or(0, |position| position.0))
}

pub(super) fn set_log_position(
    connection: &Connection,
    origin: &str,
    position: u64,
) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT INTO log_position (origin, position) VALUES (?1, ?2)
             ON CONFLICT (origin) DO UPDATE SET position = excluded.position
             WHERE excluded.position > log_position.position",
        )?
        .execute(params![origin, Count(position)])?;
    Ok(())
}
