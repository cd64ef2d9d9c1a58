//! The consent ledger: rows are added and read, never changed, and deleted with their key.

use std::collections::{BTreeSet, HashMap};

use deadpool_postgres::GenericClient;
use privet_vault::port::{ConsentBit, ConsentPlace, ConsentRow, NewConsentRow};
use uuid::Uuid;

use super::reading;
use crate::postgres::column::{Reading, from_id};
use crate::postgres::database::{Client, Failure};
use crate::write::contradicts;

pub(super) const FORMAT_4: &str = "
CREATE TABLE consent_event (
    place uuid PRIMARY KEY,
    state bytea NOT NULL,
    evidence bytea
);

CREATE TABLE consent_bit (
    bit smallint PRIMARY KEY,
    purpose text NOT NULL
);
";

/// Of two that want the same place, the key lets one through and the other wait for it. Rows are added in the order of
/// their places, so that two lists do not wait for each other.
pub(super) async fn append(
    client: &mut Client,
    rows: &[NewConsentRow],
) -> Result<Vec<bool>, Failure> {
    let transaction = client.transaction().await?;
    let mut known = bits_of(&transaction).await?;
    let news = rows.iter().flat_map(|row| &row.granted);
    if news.clone().any(|bit| !known.contains(bit)) {
        // A bit gets its purpose once in its life, and no two transactions at the same time give it different ones.
        let lock = "LOCK TABLE consent_bit IN SHARE ROW EXCLUSIVE MODE";
        transaction.batch_execute(lock).await?;
        known = bits_of(&transaction).await?;
    }
    let add = transaction
        .prepare_cached(
            "INSERT INTO consent_event (place, state, evidence) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let mut ordered: Vec<_> = rows.iter().enumerate().collect();
    // Of two at one place the first of the list comes first.
    ordered.sort_by_key(|(_, new)| new.place);
    let mut added = BTreeSet::new();
    for (nth, new) in ordered {
        if contradicts(&known, &new.granted) {
            continue;
        }
        let place = from_id(&new.place.0);
        let count = transaction
            .execute(&add, &[&place, &new.row.state, &new.row.evidence])
            .await?;
        if count == 1 {
            note_bits(&transaction, &mut known, &new.granted).await?;
            added.insert(nth);
        }
    }
    transaction.commit().await?;
    Ok((0..rows.len()).map(|nth| added.contains(&nth)).collect())
}

async fn note_bits(
    client: &impl GenericClient,
    known: &mut Vec<ConsentBit>,
    granted: &[ConsentBit],
) -> Result<(), Failure> {
    for bit in granted {
        if known.contains(bit) {
            continue;
        }
        let note = client
            .prepare_cached("INSERT INTO consent_bit (bit, purpose) VALUES ($1, $2)")
            .await?;
        let (number, purpose) = (i16::from(bit.bit), &bit.purpose);
        client.execute(&note, &[&number, purpose]).await?;
        known.push(bit.clone());
    }
    Ok(())
}

pub(super) async fn states(
    client: &mut Client,
    places: &[ConsentPlace],
) -> Result<Vec<Option<Vec<u8>>>, Failure> {
    let select = "SELECT place, state FROM consent_event WHERE place = ANY ($1)";
    at(client, select, places, |row| row.get(1)).await
}

pub(super) async fn rows(
    client: &mut Client,
    places: &[ConsentPlace],
) -> Result<Vec<Option<ConsentRow>>, Failure> {
    let select = "SELECT place, state, evidence FROM consent_event WHERE place = ANY ($1)";
    let row = |row: &Reading<'_>| {
        Ok(ConsentRow {
            state: row.get(1)?,
            evidence: row.get(2)?,
        })
    };
    at(client, select, places, row).await
}

/// What is at each place, in the order asked; a place may be asked for twice.
async fn at<T: Clone>(
    client: &mut Client,
    select: &str,
    places: &[ConsentPlace],
    read: impl Fn(&Reading<'_>) -> Result<T, Failure>,
) -> Result<Vec<Option<T>>, Failure> {
    let select = client.prepare_cached(select).await?;
    let rows = client.query(&select, &[&ids(places)]).await?;
    let mut found: HashMap<[u8; 16], T> = HashMap::with_capacity(rows.len());
    for row in &rows {
        let row = reading(row);
        found.insert(row.id(0)?, read(&row)?);
    }
    let at = |place: &ConsentPlace| found.get(&place.0).cloned();
    Ok(places.iter().map(at).collect())
}

pub(super) async fn delete(client: &mut Client, places: &[ConsentPlace]) -> Result<u64, Failure> {
    let delete = client
        .prepare_cached("DELETE FROM consent_event WHERE place = ANY ($1)")
        .await?;
    Ok(client.execute(&delete, &[&ids(places)]).await?)
}

fn ids(places: &[ConsentPlace]) -> Vec<Uuid> {
    places.iter().map(|place| from_id(&place.0)).collect()
}

pub(super) async fn bits(client: &mut Client) -> Result<Vec<ConsentBit>, Failure> {
    bits_of(&*client).await
}

async fn bits_of(client: &impl GenericClient) -> Result<Vec<ConsentBit>, Failure> {
    let select = client
        .prepare_cached("SELECT bit, purpose FROM consent_bit ORDER BY bit")
        .await?;
    let rows = client.query(&select, &[]).await?;
    let bit = |row| {
        let row = reading(row);
        Ok(ConsentBit {
            bit: u8::try_from(row.get::<i16>(0)?).map_err(|_| row.damage())?,
            purpose: row.get(1)?,
        })
    };
    rows.iter().map(bit).collect()
}
