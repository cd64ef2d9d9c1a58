//! The consent ledger: rows are added and read, never changed or deleted.

use jiff::Timestamp;
use privet_vault::Puid;
use privet_vault::port::{
    ConsentAnswer, ConsentBit, ConsentEvent, ConsentState, NewConsentEvent, StoreError,
};
use tokio_postgres::Row;

use super::reading;
use crate::postgres::column::{Reading, from_count, from_id, from_time};
use crate::postgres::database::{Client, Failure};
use crate::write::{answers_of, answers_text, mask};

/// Two events never share a position, whatever went wrong, so that it is always decided which of a person's is the last.
pub(super) const FORMAT_4: &str = "
CREATE TABLE consent_event (
    puid uuid NOT NULL,
    sequence bigint NOT NULL UNIQUE,
    at bigint NOT NULL,
    granted bigint NOT NULL,
    withdrawn bigint NOT NULL,
    answers text NOT NULL,
    channel text NOT NULL,
    evidence bytea,
    PRIMARY KEY (puid, sequence)
);

CREATE TABLE consent_head (sequence bigint NOT NULL);
INSERT INTO consent_head (sequence) VALUES (0);

CREATE TABLE consent_bit (
    bit smallint PRIMARY KEY,
    purpose text NOT NULL
);
";

/// The head's row is locked until the transaction ends, so that positions become visible in their order, and nothing comes
/// between reading a person's last event and adding the next.
pub(super) async fn append(client: &mut Client, event: &NewConsentEvent) -> Result<u64, Failure> {
    let transaction = client.transaction().await?;
    let head = transaction
        .prepare_cached("UPDATE consent_head SET sequence = sequence + 1 RETURNING sequence")
        .await?;
    let row = transaction.query_one(&head, &[]).await?;
    let sequence = reading(&row).count(0)?;
    let puid = from_id(event.puid.as_bytes());
    let last = transaction
        .prepare_cached("SELECT coalesce(max(sequence), 0) FROM consent_event WHERE puid = $1")
        .await?;
    let row = transaction.query_one(&last, &[&puid]).await?;
    if reading(&row).count(0)? != event.after {
        return Err(StoreError::Conflict.into());
    }
    let note = transaction
        .prepare_cached(
            "WITH new AS (
                 INSERT INTO consent_bit (bit, purpose) VALUES ($1, $2)
                 ON CONFLICT DO NOTHING RETURNING purpose)
             SELECT purpose FROM new UNION ALL SELECT purpose FROM consent_bit WHERE bit = $1",
        )
        .await?;
    for ConsentBit { bit, purpose } in &event.granted {
        let row = transaction
            .query_one(&note, &[&i16::from(*bit), purpose])
            .await?;
        if reading(&row).get::<&str>(0)? != purpose {
            return Err(StoreError::Conflict.into());
        }
    }
    let add = transaction
        .prepare_cached(
            "INSERT INTO consent_event (puid, sequence, at, granted, withdrawn, answers, channel, evidence)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .await?;
    transaction
        .execute(
            &add,
            &[
                &puid,
                &from_count(sequence)?,
                &from_time(event.at)?,
                &i64::from(mask(&event.granted)),
                &i64::from(event.withdrawn),
                &answers_text(&event.answers),
                &event.channel.as_str(),
                &event.evidence,
            ],
        )
        .await?;
    transaction.commit().await?;
    Ok(sequence)
}

pub(super) async fn now(
    client: &mut Client,
    subjects: &[Puid],
) -> Result<Vec<Option<ConsentState>>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT last.sequence, last.at, last.answers
               FROM unnest($1::uuid[]) WITH ORDINALITY AS asked (puid, place)
               LEFT JOIN LATERAL (
                   SELECT sequence, at, answers FROM consent_event WHERE puid = asked.puid
                    ORDER BY sequence DESC LIMIT 1) AS last ON true
              ORDER BY place",
        )
        .await?;
    let subjects: Vec<_> = subjects.iter().map(|id| from_id(id.as_bytes())).collect();
    let rows = client.query(&select, &[&subjects]).await?;
    rows.iter()
        .map(|row| match reading(row).get::<Option<i64>>(0)? {
            None => Ok(None),
            Some(_) => state(row).map(Some),
        })
        .collect()
}

pub(super) async fn at(
    client: &mut Client,
    subject: Puid,
    moment: Timestamp,
) -> Result<Option<ConsentState>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT sequence, at, answers FROM consent_event WHERE puid = $1 AND at <= $2
             ORDER BY sequence DESC LIMIT 1",
        )
        .await?;
    let key = (from_id(subject.as_bytes()), from_time(moment)?);
    let row = client.query_opt(&select, &[&key.0, &key.1]).await?;
    row.as_ref().map(state).transpose()
}

pub(super) async fn events(
    client: &mut Client,
    subject: Puid,
    before: Option<u64>,
    count_max: u32,
) -> Result<Vec<ConsentEvent>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT sequence, at, answers, granted, withdrawn, channel, evidence FROM consent_event
              WHERE puid = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3",
        )
        .await?;
    let before = from_count(before.unwrap_or(i64::MAX.unsigned_abs()))?;
    let (puid, count_max) = (from_id(subject.as_bytes()), i64::from(count_max));
    let rows = client.query(&select, &[&puid, &before, &count_max]).await?;
    rows.iter().map(event).collect()
}

pub(super) async fn bits(client: &mut Client) -> Result<Vec<ConsentBit>, Failure> {
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

fn state(row: &Row) -> Result<ConsentState, Failure> {
    let row = reading(row);
    Ok(ConsentState {
        sequence: row.count(0)?,
        at: row.time(1)?,
        answers: answers(&row, 2)?,
    })
}

fn event(row: &Row) -> Result<ConsentEvent, Failure> {
    let state = state(row)?;
    let row = reading(row);
    let bits = |at| u32::try_from(row.get::<i64>(at)?).map_err(|_| row.damage());
    Ok(ConsentEvent {
        state,
        granted: bits(3)?,
        withdrawn: bits(4)?,
        channel: row.parsed(5)?,
        evidence: row.get(6)?,
    })
}

fn answers(row: &Reading<'_>, at: usize) -> Result<Vec<ConsentAnswer>, Failure> {
    answers_of(row.get(at)?).ok_or_else(|| row.damage())
}
