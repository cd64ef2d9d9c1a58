//! Fields that are being erased. There is one writer, so that what is checked in a transaction holds until its end.

use privet_seal::KeyKind;
use privet_vault::port::{ChangeKind, FieldErasure, KeyRow, StoreError};
use privet_vault::{SourceName, SubjectRef};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{change, subject, wrapped};
use crate::sqlite::column::{At, Fields, fields, unknown_code};
use crate::sqlite::file::Failure;
use crate::sqlite::scrub::Scrub;

pub(super) fn begin(
    connection: &Connection,
    key: &KeyRow,
    erasure: &FieldErasure,
) -> Result<(), Failure> {
    let owner = SubjectRef::from_bytes(key.owner);
    let newest = newest(connection, owner, key.kind)?;
    if !subject::is_known(connection, owner)? || newest >= Some(key.generation) {
        return Err(StoreError::Conflict.into());
    }
    wrapped::add(connection, std::slice::from_ref(key))?;
    connection
        .prepare_cached(
            "INSERT INTO field_erasure (subject, kind, generation, fields, sources, until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            key.owner,
            key.kind.code(),
            key.generation,
            Fields(&erasure.fields),
            joined(&erasure.sources),
            erasure.until.map(At)
        ])?;
    change::add(connection, ChangeKind::KeysReplaced(owner)).map(drop)
}

fn newest(
    connection: &Connection,
    subject: SubjectRef,
    kind: KeyKind,
) -> Result<Option<u32>, Failure> {
    let mut select = connection
        .prepare_cached("SELECT max(generation) FROM wrapped_key WHERE owner = ?1 AND kind = ?2")?;
    let parameters = params![subject.as_bytes(), kind.code()];
    Ok(select.query_row(parameters, |row| row.get(0))?)
}

pub(super) fn all(connection: &Connection) -> Result<Vec<FieldErasure>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT subject, kind, generation, fields, sources, until FROM field_erasure
         ORDER BY subject, kind, generation",
    )?;
    let rows = select.query_map([], |row| {
        Ok(FieldErasure {
            subject: SubjectRef::from_bytes(row.get(0)?),
            kind: KeyKind::from_code(row.get(1)?).ok_or_else(|| unknown_code(1))?,
            generation: row.get(2)?,
            fields: fields(row, 3)?,
            sources: sources(row, 4)?,
            until: row.get::<_, Option<At>>(5)?.map(|At(until)| until),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Names, none of which has a comma.
fn joined(sources: &[SourceName]) -> String {
    let names: Vec<&str> = sources.iter().map(SourceName::as_str).collect();
    names.join(",")
}

fn sources(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<SourceName>> {
    let names = row.get_ref(column)?.as_str()?.split(',');
    let names = names.filter(|name| !name.is_empty());
    let parsed: Result<Vec<SourceName>, _> = names.map(str::parse).collect();
    parsed.map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

pub(super) fn cleared(
    connection: &Connection,
    erasure: &FieldErasure,
    source: &SourceName,
) -> Result<(), Failure> {
    let (subject, kind) = (erasure.subject.as_bytes(), erasure.kind.code());
    let left = connection
        .prepare_cached(
            "SELECT sources FROM field_erasure WHERE subject = ?1 AND kind = ?2 AND generation = ?3",
        )?
        .query_row(params![subject, kind, erasure.generation], |row| {
            sources(row, 0)
        })
        .optional()?;
    let Some(mut left) = left else { return Ok(()) };
    left.retain(|name| name != source);
    connection
        .prepare_cached(
            "UPDATE field_erasure SET sources = ?4 WHERE subject = ?1 AND kind = ?2 AND generation = ?3",
        )?
        .execute(params![subject, kind, erasure.generation, joined(&left)])?;
    Ok(())
}

pub(super) fn end(
    connection: &Connection,
    subject: SubjectRef,
    kind: KeyKind,
    generation: u32,
    scrub: &mut Scrub,
) -> Result<u64, Failure> {
    if newest(connection, subject, kind)? < Some(generation) {
        return Err(StoreError::Conflict.into());
    }
    let keys = wrapped::destroy_older(connection, subject.as_bytes(), kind, generation, scrub)?;
    let noted = connection
        .prepare_cached(
            "DELETE FROM field_erasure WHERE subject = ?1 AND kind = ?2 AND generation <= ?3",
        )?
        .execute(params![subject.as_bytes(), kind.code(), generation])?;
    if keys + noted as u64 > 0 {
        change::add(connection, ChangeKind::KeysReplaced(subject))?;
    }
    Ok(keys)
}

/// Who is destroyed as a whole needs none of it.
pub(super) fn forget(connection: &Connection, subject: SubjectRef) -> Result<(), Failure> {
    connection
        .prepare_cached("DELETE FROM field_erasure WHERE subject = ?1")?
        .execute([subject.as_bytes()])?;
    Ok(())
}
