//! Fields that are being erased. Whoever replaces or destroys a subject's keys holds its row until the transaction ends.

use deadpool_postgres::GenericClient;
use privet_seal::KeyKind;
use privet_vault::port::{FieldErasure, KeyRow, StoreError};
use privet_vault::{SourceName, SubjectRef};

use super::{change, reading, salt, wrapped};
use crate::postgres::column::{from_fields, from_id, from_time};
use crate::postgres::database::{Client, Failure};

pub(super) async fn begin(
    client: &mut Client,
    begun: &[(KeyRow, FieldErasure)],
) -> Result<(), Failure> {
    let transaction = client.transaction().await?;
    for (key, erasure) in begun {
        add(&transaction, key, erasure).await?;
    }
    Ok(transaction.commit().await?)
}

async fn add(
    transaction: &impl GenericClient,
    key: &KeyRow,
    erasure: &FieldErasure,
) -> Result<(), Failure> {
    let owner = SubjectRef::from_bytes(key.owner);
    let is_known = salt::hold(transaction, owner).await?;
    let generation = i64::from(key.generation);
    if !is_known || newest(transaction, owner, key.kind).await? >= Some(generation) {
        return Err(StoreError::Conflict.into());
    }
    wrapped::add(transaction, std::slice::from_ref(key)).await?;
    let kind = i16::from(key.kind.code());
    let sources: Vec<&str> = erasure.sources.iter().map(SourceName::as_str).collect();
    transaction
        .execute(
            "INSERT INTO field_erasure (subject, kind, generation, fields, sources, until)
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                &from_id(&key.owner),
                &kind,
                &generation,
                &from_fields(&erasure.fields),
                &sources,
                &erasure.until.map(from_time).transpose()?,
            ],
        )
        .await?;
    change::add(transaction, change::KEYS_REPLACED, &key.owner).await
}

async fn newest(
    client: &impl GenericClient,
    subject: SubjectRef,
    kind: KeyKind,
) -> Result<Option<i64>, Failure> {
    let select = "SELECT max(generation) FROM wrapped_key WHERE owner = $1 AND kind = $2";
    let (owner, kind) = (from_id(subject.as_bytes()), i16::from(kind.code()));
    let row = client.query_one(select, &[&owner, &kind]).await?;
    reading(&row).get(0)
}

pub(super) async fn all(client: &mut Client) -> Result<Vec<FieldErasure>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT subject, kind, generation, fields, sources, until FROM field_erasure
              ORDER BY subject, kind, generation",
        )
        .await?;
    let rows = client.query(&select, &[]).await?;
    let erasure = |row| {
        let row = reading(row);
        let kind = u8::try_from(row.get::<i16>(1)?).ok();
        let generation = u32::try_from(row.get::<i64>(2)?).ok();
        let sources = row.get::<Vec<&str>>(4)?.into_iter().map(str::parse);
        let sources: Result<Vec<SourceName>, _> = sources.collect();
        Ok(FieldErasure {
            subject: SubjectRef::from_bytes(row.id(0)?),
            kind: kind
                .and_then(KeyKind::from_code)
                .ok_or_else(|| row.damage())?,
            generation: generation.ok_or_else(|| row.damage())?,
            fields: row.fields(3)?,
            sources: sources.map_err(|_| row.damage())?,
            until: row.time_if(5)?,
        })
    };
    rows.iter().map(erasure).collect()
}

pub(super) async fn cleared(
    client: &mut Client,
    erasure: &FieldErasure,
    source: &SourceName,
) -> Result<(), Failure> {
    let update = "UPDATE field_erasure SET sources = array_remove(sources, $4)
                   WHERE subject = $1 AND kind = $2 AND generation = $3";
    let kind = i16::from(erasure.kind.code());
    let (owner, generation) = (
        from_id(erasure.subject.as_bytes()),
        i64::from(erasure.generation),
    );
    client
        .execute(update, &[&owner, &kind, &generation, &source.as_str()])
        .await?;
    Ok(())
}

pub(super) async fn end(
    client: &mut Client,
    subject: SubjectRef,
    kind: KeyKind,
    generation: u32,
) -> Result<u64, Failure> {
    let transaction = client.transaction().await?;
    salt::hold(&transaction, subject).await?;
    let generation = i64::from(generation);
    if newest(&transaction, subject, kind).await? < Some(generation) {
        return Err(StoreError::Conflict.into());
    }
    let (owner, code) = (from_id(subject.as_bytes()), i16::from(kind.code()));
    let delete = "DELETE FROM wrapped_key WHERE owner = $1 AND kind = $2 AND generation < $3";
    let keys = transaction
        .execute(delete, &[&owner, &code, &generation])
        .await?;
    let delete = "DELETE FROM field_erasure WHERE subject = $1 AND kind = $2 AND generation <= $3";
    let noted = transaction
        .execute(delete, &[&owner, &code, &generation])
        .await?;
    if keys + noted > 0 {
        change::add(&transaction, change::KEYS_REPLACED, subject.as_bytes()).await?;
    }
    transaction.commit().await?;
    Ok(keys)
}

/// Who is destroyed as a whole needs none of it.
pub(super) async fn forget(
    client: &impl GenericClient,
    subject: SubjectRef,
) -> Result<(), Failure> {
    let delete = "DELETE FROM field_erasure WHERE subject = $1";
    client
        .execute(delete, &[&from_id(subject.as_bytes())])
        .await?;
    Ok(())
}
