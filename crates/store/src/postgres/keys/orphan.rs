//! What of destroyed subjects still lies in the data store and in applications' databases.

use deadpool_postgres::GenericClient;
use jiff::civil::Date;
use privet_vault::port::{AliasRow, ConsentPlace, OrphanRow, Orphans, StoreError};
use privet_vault::{Puid, SourceName};
use uuid::Uuid;

use super::reading;
use crate::postgres::column::{from_day, from_id};
use crate::postgres::database::{Client, Failure};

pub(super) async fn add_places(
    client: &impl GenericClient,
    places: &[ConsentPlace],
) -> Result<(), Failure> {
    if places.is_empty() {
        return Ok(());
    }
    let insert =
        "INSERT INTO orphan_place (place) SELECT * FROM unnest($1::uuid[]) ON CONFLICT DO NOTHING";
    client.execute(insert, &[&ids(places)]).await?;
    Ok(())
}

pub(super) async fn all(client: &mut Client) -> Result<Orphans, Failure> {
    let select = client
        .prepare_cached(
            "SELECT true, puid FROM orphan UNION ALL SELECT false, place FROM orphan_place ORDER BY 2",
        )
        .await?;
    let mut orphans = Orphans::default();
    for row in &client.query(&select, &[]).await? {
        let row = reading(row);
        let id = row.id(1)?;
        if row.get(0)? {
            orphans.puids.push(Puid::from_bytes(id));
        } else {
            orphans.places.push(ConsentPlace(id));
        }
    }
    Ok(orphans)
}

pub(super) async fn remove(client: &mut Client, orphans: &Orphans) -> Result<(), Failure> {
    let puids: Vec<Uuid> = orphans
        .puids
        .iter()
        .map(|puid| from_id(puid.as_bytes()))
        .collect();
    let transaction = client.transaction().await?;
    let delete = "DELETE FROM orphan WHERE puid = ANY ($1)";
    transaction.execute(delete, &[&puids]).await?;
    let delete = "DELETE FROM orphan_place WHERE place = ANY ($1)";
    transaction
        .execute(delete, &[&ids(&orphans.places)])
        .await?;
    Ok(transaction.commit().await?)
}

fn ids(places: &[ConsentPlace]) -> Vec<Uuid> {
    places.iter().map(|place| from_id(&place.0)).collect()
}

/// The aliases of a subject, before they are deleted.
pub(super) async fn add_rows(client: &impl GenericClient, subject: Uuid) -> Result<(), Failure> {
    let insert = "INSERT INTO orphan_row (source, table_name, row_key)
                  SELECT source, table_name, row_key FROM alias WHERE subject = $1 ON CONFLICT DO NOTHING";
    client.execute(insert, &[&subject]).await?;
    Ok(())
}

/// [`StoreError::Conflict`] when one of these is the row of somebody who was destroyed.
pub(super) async fn check_rows(
    client: &impl GenericClient,
    aliases: &[AliasRow],
) -> Result<(), Failure> {
    if aliases.is_empty() {
        return Ok(());
    }
    let sources: Vec<&str> = aliases.iter().map(|alias| alias.source.as_str()).collect();
    let tables: Vec<&str> = aliases.iter().map(|alias| alias.table.as_str()).collect();
    let keys: Vec<&str> = aliases.iter().map(|alias| alias.key.as_str()).collect();
    let select = "SELECT EXISTS (SELECT FROM unnest($1::text[], $2::text[], $3::text[]) AS a(source, table_name, row_key)
                  JOIN orphan_row USING (source, table_name, row_key))";
    let row = client
        .query_one(select, &[&sources, &tables, &keys])
        .await?;
    if reading(&row).get(0)? {
        return Err(Failure::Store(StoreError::Conflict));
    }
    Ok(())
}

pub(super) async fn are_rows(
    client: &mut Client,
    source: &SourceName,
    table: &str,
    keys: &[String],
) -> Result<Vec<bool>, Failure> {
    let select = "SELECT row_key FROM orphan_row WHERE source = $1 AND table_name = $2 AND row_key = ANY ($3)";
    let rows = client
        .query(select, &[&source.as_str(), &table, &keys])
        .await?;
    let found = rows.iter().map(|row| reading(row).get(0));
    let found = found.collect::<Result<std::collections::HashSet<String>, Failure>>()?;
    Ok(keys.iter().map(|key| found.contains(key)).collect())
}

pub(super) async fn rows(
    client: &mut Client,
    source: &SourceName,
    today: Date,
    after: Option<&OrphanRow>,
    count_max: u32,
) -> Result<Vec<OrphanRow>, Failure> {
    let select = "SELECT table_name, row_key FROM orphan_row
                  WHERE source = $1 AND (due_on IS NULL OR due_on <= $2)
                    AND ($3::text IS NULL OR (table_name COLLATE \"C\", row_key COLLATE \"C\") > ($3, $4))
                  ORDER BY table_name COLLATE \"C\", row_key COLLATE \"C\" LIMIT $5";
    let (table, key) = after
        .map(|after| (after.table.as_str(), after.key.as_str()))
        .unzip();
    let count_max = i64::from(count_max);
    let rows = client
        .query(
            select,
            &[
                &source.as_str(),
                &from_day(today)?,
                &table,
                &key,
                &count_max,
            ],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let row = reading(row);
            Ok(OrphanRow {
                source: source.clone(),
                table: row.get(0)?,
                key: row.get(1)?,
            })
        })
        .collect()
}

pub(super) async fn settle(
    client: &mut Client,
    row: &OrphanRow,
    again: Option<Date>,
) -> Result<(), Failure> {
    let OrphanRow { source, table, key } = row;
    let which = "WHERE source = $1 AND table_name = $2 AND row_key = $3";
    match again {
        None => {
            let delete = format!("DELETE FROM orphan_row {which}");
            client
                .execute(&delete, &[&source.as_str(), table, key])
                .await?
        }
        Some(day) => {
            let update = format!("UPDATE orphan_row SET due_on = $4 {which}");
            let day = from_day(day)?;
            client
                .execute(&update, &[&source.as_str(), table, key, &day])
                .await?
        }
    };
    Ok(())
}
