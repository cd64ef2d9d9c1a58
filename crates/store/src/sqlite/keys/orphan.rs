//! What of destroyed subjects still lies in the data store and in applications' databases.

use jiff::civil::Date;
use privet_vault::port::{AliasRow, ConsentPlace, OrphanRow, Orphans};
use privet_vault::{Puid, SourceName, SubjectRef};
use rusqlite::{Connection, params};

use crate::sqlite::column::Day;
use crate::sqlite::file::Failure;

pub(super) fn add_puid(connection: &Connection, puid: [u8; 16]) -> Result<(), Failure> {
    connection
        .prepare_cached("INSERT INTO orphan (puid) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([puid])?;
    Ok(())
}

pub(super) fn add_places(connection: &Connection, places: &[ConsentPlace]) -> Result<(), Failure> {
    let mut insert = connection
        .prepare_cached("INSERT INTO orphan_place (place) VALUES (?1) ON CONFLICT DO NOTHING")?;
    for place in places {
        insert.execute([place.0])?;
    }
    Ok(())
}

pub(super) fn all(connection: &Connection) -> Result<Orphans, Failure> {
    let ids = |select| {
        let mut select = connection.prepare_cached(select)?;
        let ids = select.query_map([], |row| row.get::<_, [u8; 16]>(0))?;
        ids.collect::<Result<Vec<_>, _>>()
    };
    let puids = ids("SELECT puid FROM orphan ORDER BY puid")?;
    let places = ids("SELECT place FROM orphan_place ORDER BY place")?;
    Ok(Orphans {
        puids: puids.into_iter().map(Puid::from_bytes).collect(),
        places: places.into_iter().map(ConsentPlace).collect(),
    })
}

pub(super) fn remove(connection: &Connection, orphans: &Orphans) -> Result<(), Failure> {
    let mut delete = connection.prepare_cached("DELETE FROM orphan WHERE puid = ?1")?;
    for puid in &orphans.puids {
        delete.execute([puid.as_bytes()])?;
    }
    let mut delete = connection.prepare_cached("DELETE FROM orphan_place WHERE place = ?1")?;
    for place in &orphans.places {
        delete.execute([place.0])?;
    }
    Ok(())
}

/// The aliases of a subject, before they are deleted.
pub(super) fn add_rows(connection: &Connection, subject: SubjectRef) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT INTO orphan_row (source, table_name, row_key)
             SELECT source, table_name, row_key FROM alias WHERE subject = ?1 ON CONFLICT DO NOTHING",
        )?
        .execute([subject.as_bytes()])?;
    Ok(())
}

/// Whether one of these is the row of somebody who was destroyed.
pub(super) fn any(connection: &Connection, aliases: &[AliasRow]) -> Result<bool, Failure> {
    let mut select = connection.prepare_cached(IS_ROW)?;
    for AliasRow {
        source, table, key, ..
    } in aliases
    {
        if select.exists(params![source.as_str(), table, key])? {
            return Ok(true);
        }
    }
    Ok(false)
}

const IS_ROW: &str =
    "SELECT 1 FROM orphan_row WHERE source = ?1 AND table_name = ?2 AND row_key = ?3";

pub(super) fn are_rows(
    connection: &Connection,
    source: &SourceName,
    table: &str,
    keys: &[String],
) -> Result<Vec<bool>, Failure> {
    let mut select = connection.prepare_cached(IS_ROW)?;
    keys.iter()
        .map(|key| Ok(select.exists(params![source.as_str(), table, key])?))
        .collect()
}

pub(super) fn rows(
    connection: &Connection,
    source: &SourceName,
    today: Date,
    after: Option<&OrphanRow>,
    count_max: u32,
) -> Result<Vec<OrphanRow>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT table_name, row_key FROM orphan_row
         WHERE source = ?1 AND (due_on IS NULL OR due_on <= ?2)
           AND (?3 IS NULL OR (table_name, row_key) > (?3, ?4))
         ORDER BY table_name, row_key LIMIT ?5",
    )?;
    let (table, key) = after.map(|after| (&after.table, &after.key)).unzip();
    let found = select.query_map(
        params![source.as_str(), Day(today), table, key, count_max],
        |row| {
            Ok(OrphanRow {
                source: source.clone(),
                table: row.get(0)?,
                key: row.get(1)?,
            })
        },
    )?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn settle(
    connection: &Connection,
    row: &OrphanRow,
    again: Option<Date>,
) -> Result<(), Failure> {
    let OrphanRow { source, table, key } = row;
    let which = "WHERE source = ?1 AND table_name = ?2 AND row_key = ?3";
    match again {
        None => connection
            .prepare_cached(&format!("DELETE FROM orphan_row {which}"))?
            .execute(params![source.as_str(), table, key])?,
        Some(day) => connection
            .prepare_cached(&format!("UPDATE orphan_row SET due_on = ?4 {which}"))?
            .execute(params![source.as_str(), table, key, Day(day)])?,
    };
    Ok(())
}
