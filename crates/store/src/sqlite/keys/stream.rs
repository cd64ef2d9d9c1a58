//! What telemetry has to be told.

use privet_seal::Tyid;
use privet_vault::port::{StreamEvent, StreamRow, Telling};
use rusqlite::{Connection, Row, params};

use crate::sqlite::column::{At, Count, parsed};
use crate::sqlite::file::Failure;

/// Puts down what belongs to the change with this number, if anything does.
pub(super) fn add(
    connection: &Connection,
    number: u64,
    telling: Option<&Telling>,
) -> Result<(), Failure> {
    let Some(event) = telling.and_then(|telling| telling.event.as_ref()) else {
        return Ok(());
    };
    connection
        .prepare_cached(
            "INSERT INTO stream_event (number, tyid, tenant, bits, stamp, final, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            Count(number),
            event.tyid.as_bytes(),
            event.tenant.as_str(),
            event.bits,
            event.stamp,
            event.is_final,
            At(event.at),
        ])?;
    Ok(())
}

pub(super) fn oldest(connection: &Connection, count_max: u32) -> Result<Vec<StreamRow>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT number, tyid, tenant, bits, stamp, final, at FROM stream_event ORDER BY number LIMIT ?1",
    )?;
    let rows = select.query_map([count_max], stream_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn remove(connection: &Connection, through: u64) -> Result<(), Failure> {
    connection
        .prepare_cached("DELETE FROM stream_event WHERE number <= ?1")?
        .execute([Count(through)])?;
    Ok(())
}

fn stream_row(row: &Row<'_>) -> rusqlite::Result<StreamRow> {
    Ok(StreamRow {
        number: row.get::<_, Count>(0)?.0,
        event: StreamEvent {
            tyid: Tyid::from_bytes(row.get(1)?),
            tenant: parsed(row, 2)?,
            bits: row.get(3)?,
            stamp: row.get(4)?,
            is_final: row.get(5)?,
            at: row.get::<_, At>(6)?.0,
        },
    })
}
