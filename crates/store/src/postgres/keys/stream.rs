//! What telemetry has to be told.

use deadpool_postgres::GenericClient;
use privet_seal::Tyid;
use privet_vault::port::{StreamEvent, StreamRow, Telling};
use tokio_postgres::Row;

use super::reading;
use crate::postgres::column::{from_count, from_id, from_time};
use crate::postgres::database::{Client, Failure};

/// Puts down what belongs to the change that this transaction has just added, if anything does. The head's row is locked
/// since then, so that it still says the change's number.
pub(super) async fn add(
    client: &impl GenericClient,
    telling: Option<&Telling>,
) -> Result<(), Failure> {
    let select = "SELECT sequence FROM sequence_head";
    let row = client.query_one(select, &[]).await?;
    add_at(client, reading(&row).count(0)?, telling).await
}

/// Puts down what belongs to the change with this number, if anything does.
pub(super) async fn add_at(
    client: &impl GenericClient,
    number: u64,
    telling: Option<&Telling>,
) -> Result<(), Failure> {
    let Some(event) = telling.and_then(|telling| telling.event.as_ref()) else {
        return Ok(());
    };
    client
        .execute(
            "INSERT INTO stream_event (number, tyid, tenant, bits, stamp, final, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                &from_count(number)?,
                &from_id(event.tyid.as_bytes()),
                &event.tenant.as_str(),
                &i64::from(event.bits),
                &i64::from(event.stamp),
                &event.is_final,
                &from_time(event.at)?,
            ],
        )
        .await?;
    Ok(())
}

pub(super) async fn oldest(client: &mut Client, count_max: u32) -> Result<Vec<StreamRow>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT number, tyid, tenant, bits, stamp, final, at FROM stream_event ORDER BY number LIMIT $1",
        )
        .await?;
    let rows = client.query(&select, &[&i64::from(count_max)]).await?;
    rows.iter().map(stream_row).collect()
}

pub(super) async fn remove(client: &mut Client, through: u64) -> Result<(), Failure> {
    let delete = client
        .prepare_cached("DELETE FROM stream_event WHERE number <= $1")
        .await?;
    client.execute(&delete, &[&from_count(through)?]).await?;
    Ok(())
}

fn stream_row(row: &Row) -> Result<StreamRow, Failure> {
    let row = reading(row);
    let number = |at| u32::try_from(row.get::<i64>(at)?).map_err(|_| row.damage());
    Ok(StreamRow {
        number: row.count(0)?,
        event: StreamEvent {
            tyid: Tyid::from_bytes(row.id(1)?),
            tenant: row.parsed(2)?,
            bits: number(3)?,
            stamp: number(4)?,
            is_final: row.get(5)?,
            at: row.time(6)?,
        },
    })
}
