//! The consent ledger: rows are added and read, never changed, and deleted with their key.

use std::collections::BTreeSet;

use deadpool_postgres::GenericClient;
use privet_seal::KeyId;
use privet_vault::Puid;
use privet_vault::port::{ConsentBit, ConsentRow, NewConsentRow, SealedState};

use super::reading;
use crate::postgres::column::{Reading, from_count, from_id};
use crate::postgres::database::{Client, Failure};
use crate::write::contradicts;

pub(super) const FORMAT_4: &str = "
CREATE TABLE consent_event (
    puid uuid NOT NULL,
    number bigint NOT NULL,
    key uuid NOT NULL,
    state bytea NOT NULL,
    evidence bytea,
    PRIMARY KEY (puid, number)
);
CREATE INDEX consent_event_by_key ON consent_event (key);

CREATE TABLE consent_bit (
    bit smallint PRIMARY KEY,
    purpose text NOT NULL
);
";

/// Of two that add the same number, the key lets one through and the other wait for it. Rows are added in the order of
/// their keys, so that two lists do not wait for each other.
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
            "INSERT INTO consent_event (puid, number, key, state, evidence)
             SELECT $1::uuid, $2::bigint, $3::uuid, $4::bytea, $5::bytea
              WHERE $2 = 1 OR EXISTS (
                    SELECT FROM consent_event WHERE puid = $1 AND number = $2 - 1)
             ON CONFLICT DO NOTHING",
        )
        .await?;
    let mut places: Vec<_> = rows.iter().enumerate().collect();
    places.sort_by_key(|(_, row)| row.puid);
    let mut added = BTreeSet::new();
    for (place, NewConsentRow { puid, row, granted }) in places {
        if contradicts(&known, granted) {
            continue;
        }
        let number = from_count(row.state.number)?;
        let puid = from_id(puid.as_bytes());
        let key = from_id(row.state.key.as_bytes());
        let count = transaction
            .execute(
                &add,
                &[&puid, &number, &key, &row.state.sealed, &row.evidence],
            )
            .await?;
        if count == 1 {
            note_bits(&transaction, &mut known, granted).await?;
            added.insert(place);
        }
    }
    transaction.commit().await?;
    Ok((0..rows.len())
        .map(|place| added.contains(&place))
        .collect())
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

pub(super) async fn now(
    client: &mut Client,
    subjects: &[Puid],
) -> Result<Vec<Option<SealedState>>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT last.number, last.key, last.state
               FROM unnest($1::uuid[]) WITH ORDINALITY AS asked (puid, place)
               LEFT JOIN LATERAL (
                   SELECT number, key, state FROM consent_event WHERE puid = asked.puid
                    ORDER BY number DESC LIMIT 1) AS last ON true
              ORDER BY place",
        )
        .await?;
    let subjects: Vec<_> = subjects.iter().map(|id| from_id(id.as_bytes())).collect();
    let rows = client.query(&select, &[&subjects]).await?;
    let last = rows.iter().map(|row| {
        let row = reading(row);
        match row.get::<Option<i64>>(0)? {
            None => Ok(None),
            Some(_) => state(&row).map(Some),
        }
    });
    last.collect()
}

pub(super) async fn rows(
    client: &mut Client,
    subject: Puid,
    before: Option<u64>,
    count_max: u32,
) -> Result<Vec<ConsentRow>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT number, key, state, evidence FROM consent_event
              WHERE puid = $1 AND number < $2 ORDER BY number DESC LIMIT $3",
        )
        .await?;
    let before = from_count(before.unwrap_or(i64::MAX.unsigned_abs()))?;
    let (puid, count_max) = (from_id(subject.as_bytes()), i64::from(count_max));
    let rows = client.query(&select, &[&puid, &before, &count_max]).await?;
    let rows = rows.iter().map(|row| {
        let row = reading(row);
        Ok(ConsentRow {
            state: state(&row)?,
            evidence: row.get(3)?,
        })
    });
    rows.collect()
}

pub(super) async fn delete(client: &mut Client, keys: &[KeyId]) -> Result<u64, Failure> {
    let delete = client
        .prepare_cached("DELETE FROM consent_event WHERE key = ANY ($1)")
        .await?;
    let keys: Vec<_> = keys.iter().map(|key| from_id(key.as_bytes())).collect();
    Ok(client.execute(&delete, &[&keys]).await?)
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

fn state(row: &Reading<'_>) -> Result<SealedState, Failure> {
    Ok(SealedState {
        number: row.count(0)?,
        key: KeyId(row.id(1)?),
        sealed: row.get(2)?,
    })
}
