//! Sealed values and their blind indexes.

use std::collections::HashSet;

use deadpool_postgres::Transaction;
use privet_vault::Puid;
use privet_vault::port::{StoreError, ValueSwap, ValueWrite};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::reading;
use crate::postgres::column::from_id;
use crate::postgres::database::{Client, Failure};

/// Replaces values. Every old index row goes before any new one comes, so that two subjects can exchange a unique
/// value.
pub(super) async fn put(client: &mut Client, writes: &[ValueWrite]) -> Result<(), Failure> {
    let transaction = client.transaction().await?;
    lock(&transaction, writes).await?;
    unindex(&transaction, writes).await?;
    store(&transaction, writes).await?;
    index(&transaction, writes).await?;
    Ok(transaction.commit().await?)
}

/// Replaces what is as it was, in the order of the keys, so that two calls wait for each other and do not deadlock.
pub(super) async fn swap(client: &mut Client, swaps: &[ValueSwap]) -> Result<Vec<bool>, Failure> {
    let transaction = client.transaction().await?;
    let replace = transaction
        .prepare_cached(
            "UPDATE value SET sealed = $4 WHERE puid = $1 AND field = $2 AND sealed = $3",
        )
        .await?;
    let delete = transaction
        .prepare_cached(
            "WITH gone AS (
                 DELETE FROM value WHERE puid = $1 AND field = $2 AND sealed = $3 RETURNING indexes),
             unindexed AS (
                 DELETE FROM value_index AS i USING (SELECT unnest(indexes) AS bytes FROM gone) AS old
                  WHERE i.bytes = old.bytes AND i.field = $2 AND i.puid = $1)
             SELECT count(*) FROM gone",
        )
        .await?;
    let mut places: Vec<usize> = (0..swaps.len()).collect();
    places.sort_by_key(|place| swaps.get(*place).map(|swap| (swap.puid, swap.field)));
    let mut swapped = vec![false; swaps.len()];
    for place in places {
        let (Some(swap), Some(done)) = (swaps.get(place), swapped.get_mut(place)) else {
            continue;
        };
        let (puid, field) = (from_id(swap.puid.as_bytes()), i32::from(swap.field));
        *done = match &swap.new {
            Some(new) => {
                let parameters: [&(dyn ToSql + Sync); 4] = [&puid, &field, &swap.old, new];
                transaction.execute(&replace, &parameters).await? > 0
            }
            None => {
                let row = transaction
                    .query_one(&delete, &[&puid, &field, &swap.old])
                    .await?;
                reading(&row).count(0)? > 0
            }
        };
    }
    transaction.commit().await?;
    Ok(swapped)
}

/// Takes the rows, in the order of their keys, which the writes have; those that do not exist are made first, so that
/// of two writers of a new value one waits.
async fn lock(transaction: &Transaction<'_>, writes: &[ValueWrite]) -> Result<(), Failure> {
    let new = writes.iter().filter(|write| write.sealed.is_some());
    let (puids, fields) = keys(new);
    transaction
        .execute(
            "INSERT INTO value (puid, field, sealed, indexes)
             SELECT puid, field, '', '{}' FROM unnest($1::uuid[], $2::integer[]) AS new (puid, field)
             ON CONFLICT DO NOTHING",
            &[&puids, &fields],
        )
        .await?;
    let (puids, fields) = keys(writes);
    transaction
        .execute(
            "SELECT FROM value JOIN unnest($1::uuid[], $2::integer[]) AS given (puid, field)
               USING (puid, field)
              ORDER BY puid, field FOR UPDATE OF value",
            &[&puids, &fields],
        )
        .await?;
    Ok(())
}

async fn unindex(transaction: &Transaction<'_>, writes: &[ValueWrite]) -> Result<(), Failure> {
    let (puids, fields) = keys(writes);
    transaction
        .execute(
            "DELETE FROM value_index AS i
              USING (SELECT puid, field, unnest(indexes) AS bytes
                       FROM value JOIN unnest($1::uuid[], $2::integer[]) AS given (puid, field)
                         USING (puid, field)) AS old
              WHERE i.bytes = old.bytes AND i.field = old.field AND i.puid = old.puid",
            &[&puids, &fields],
        )
        .await?;
    Ok(())
}

async fn store(transaction: &Transaction<'_>, writes: &[ValueWrite]) -> Result<(), Failure> {
    let gone = writes.iter().filter(|write| write.sealed.is_none());
    let (puids, fields) = keys(gone);
    transaction
        .execute(
            "DELETE FROM value USING unnest($1::uuid[], $2::integer[]) AS gone (puid, field)
              WHERE value.puid = gone.puid AND value.field = gone.field",
            &[&puids, &fields],
        )
        .await?;
    let update = transaction
        .prepare_cached("UPDATE value SET sealed = $3, indexes = $4 WHERE puid = $1 AND field = $2")
        .await?;
    for write in writes {
        let Some(sealed) = &write.sealed else {
            continue;
        };
        let indexes: Vec<&[u8]> = write.index.iter().map(|entry| &entry.bytes[..]).collect();
        let (puid, field) = (from_id(write.puid.as_bytes()), i32::from(write.field));
        transaction
            .execute(&update, &[&puid, &field, sealed, &indexes])
            .await?;
    }
    Ok(())
}

/// In the order of the indexes' bytes, so that two calls that want the same ones wait for each other and do not
/// deadlock.
async fn index(transaction: &Transaction<'_>, writes: &[ValueWrite]) -> Result<(), Failure> {
    let mut rows: Vec<(&[u8], i32, Uuid, bool)> = Vec::new();
    for write in writes.iter().filter(|write| write.sealed.is_some()) {
        let (field, puid) = (i32::from(write.field), from_id(write.puid.as_bytes()));
        let entries = write.index.iter();
        rows.extend(entries.map(|entry| (&entry.bytes[..], field, puid, entry.unique)));
    }
    rows.sort_unstable();
    let bytes: Vec<&[u8]> = rows.iter().map(|row| row.0).collect();
    let fields: Vec<i32> = rows.iter().map(|row| row.1).collect();
    let puids: Vec<Uuid> = rows.iter().map(|row| row.2).collect();
    let unique: Vec<bool> = rows.iter().map(|row| row.3).collect();
    let written = transaction
        .query(
            "INSERT INTO value_index (bytes, field, puid, unique_value)
             SELECT * FROM unnest($1::bytea[], $2::integer[], $3::uuid[], $4::boolean[])
             ON CONFLICT DO NOTHING RETURNING bytes, field, puid",
            &[&bytes, &fields, &puids, &unique],
        )
        .await?;
    let mut found = HashSet::with_capacity(written.len());
    for row in &written {
        let row = reading(row);
        found.insert((
            row.get::<&[u8]>(0)?,
            row.get::<i32>(1)?,
            row.get::<Uuid>(2)?,
        ));
    }
    let refused = rows
        .iter()
        .find(|(bytes, field, puid, _)| !found.contains(&(bytes, *field, *puid)));
    match refused {
        None => Ok(()),
        Some((_, field, ..)) => {
            let field = u16::try_from(*field).unwrap_or_default();
            Err(StoreError::NotUnique(field).into())
        }
    }
}

pub(super) async fn fields_of(client: &mut Client, subject: Puid) -> Result<Vec<u16>, Failure> {
    let select = client
        .prepare_cached("SELECT field FROM value WHERE puid = $1 ORDER BY field")
        .await?;
    let rows = client
        .query(&select, &[&from_id(subject.as_bytes())])
        .await?;
    rows.iter()
        .map(|row| {
            let row = reading(row);
            u16::try_from(row.get::<i32>(0)?).map_err(|_| row.damage())
        })
        .collect()
}

pub(super) async fn lookup(
    client: &mut Client,
    field: u16,
    index: &[u8; 18],
    count_max: u32,
) -> Result<Vec<Puid>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT puid FROM value_index WHERE bytes = $1 AND field = $2 ORDER BY puid LIMIT $3",
        )
        .await?;
    let (index, field, count_max) = (&index[..], i32::from(field), i64::from(count_max));
    let rows = client.query(&select, &[&index, &field, &count_max]).await?;
    rows.iter()
        .map(|row| reading(row).id(0).map(Puid::from_bytes))
        .collect()
}

pub(super) async fn delete(client: &mut Client, subject: Puid) -> Result<u64, Failure> {
    let delete = client
        .prepare_cached(
            "WITH gone AS (DELETE FROM value WHERE puid = $1 RETURNING field, indexes),
             rows AS (SELECT field, unnest(indexes) AS bytes FROM gone),
             unindexed AS (
                 DELETE FROM value_index AS i USING rows
                  WHERE i.bytes = rows.bytes AND i.field = rows.field AND i.puid = $1)
             SELECT count(*) FROM gone",
        )
        .await?;
    let row = client
        .query_one(&delete, &[&from_id(subject.as_bytes())])
        .await?;
    reading(&row).count(0)
}

fn keys<'w>(writes: impl IntoIterator<Item = &'w ValueWrite>) -> (Vec<Uuid>, Vec<i32>) {
    writes
        .into_iter()
        .map(|write| (from_id(write.puid.as_bytes()), i32::from(write.field)))
        .unzip()
}
