//! What of destroyed subjects still lies in the data store.

use deadpool_postgres::GenericClient;
use privet_vault::Puid;
use privet_vault::port::{ConsentPlace, Orphans};
use uuid::Uuid;

use super::reading;
use crate::postgres::column::from_id;
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
