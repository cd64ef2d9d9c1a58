//! Salts of telemetry ids. Whoever makes, replaces or destroys one holds the subject's row until the transaction ends, so that no
//! salt is made for somebody who is being erased, and none beside another.

use deadpool_postgres::GenericClient;
use privet_seal::KeyKind;
use privet_vault::SubjectRef;
use privet_vault::port::{ConsentTold, KeyRow, StoreError, Telling};
use uuid::Uuid;

use super::{change, reading, stream, wrapped};
use crate::postgres::column::{from_count, from_id, from_subjects};
use crate::postgres::database::{Client, Failure};

/// The newest of each.
pub(super) async fn of(
    client: &mut Client,
    subjects: &[SubjectRef],
) -> Result<Vec<Option<KeyRow>>, Failure> {
    let kind = i16::from(KeyKind::Salt.code());
    let condition = "WHERE owner = ANY ($1) AND kind = $2 ORDER BY generation";
    let owners = from_subjects(subjects);
    let salts = wrapped::select(client, condition, &[&owners, &kind]).await?;
    let newest = |subject: &SubjectRef| {
        let mut salts = salts.iter().rev();
        salts
            .find(|salt| salt.owner == *subject.as_bytes())
            .cloned()
    };
    Ok(subjects.iter().map(newest).collect())
}

/// Adds those that are the first of somebody.
pub(super) async fn add(client: &mut Client, salts: &[KeyRow]) -> Result<(), Failure> {
    let transaction = client.transaction().await?;
    let mut owners: Vec<Uuid> = salts.iter().map(|salt| from_id(&salt.owner)).collect();
    // In one order, so that no two wait for each other.
    owners.sort_unstable();
    let known = held(&transaction, &owners).await?;
    let kind = i16::from(KeyKind::Salt.code());
    let select = "SELECT owner FROM wrapped_key WHERE owner = ANY ($1) AND kind = $2";
    let rows = transaction.query(select, &[&owners, &kind]).await?;
    let salted: Vec<[u8; 16]> = rows
        .iter()
        .map(|row| reading(row).id(0))
        .collect::<Result<_, _>>()?;
    let first = |salt: &&KeyRow| known.contains(&salt.owner) && !salted.contains(&salt.owner);
    let mut first: Vec<KeyRow> = salts.iter().filter(first).cloned().collect();
    // A subject may be named twice.
    first.sort_by_key(|salt| salt.owner);
    first.dedup_by_key(|salt| salt.owner);
    wrapped::add(&transaction, &first).await?;
    let made = first.iter().map(|salt| SubjectRef::from_bytes(salt.owner));
    let made: Vec<SubjectRef> = made.collect();
    change::add_all(&transaction, change::SALT_MADE, &made).await?;
    Ok(transaction.commit().await?)
}

/// Those of these subjects that there are, their rows held until the transaction ends.
async fn held(client: &impl GenericClient, subjects: &[Uuid]) -> Result<Vec<[u8; 16]>, Failure> {
    let select =
        "SELECT reference FROM subject WHERE reference = ANY ($1) ORDER BY reference FOR UPDATE";
    let rows = client.query(select, &[&subjects]).await?;
    rows.iter().map(|row| reading(row).id(0)).collect()
}

/// Whether there is such a subject, whose row is held until the transaction ends.
pub(super) async fn hold(
    client: &impl GenericClient,
    subject: SubjectRef,
) -> Result<bool, Failure> {
    let found = held(client, &[from_id(subject.as_bytes())]).await?;
    Ok(!found.is_empty())
}

/// Refuses what was worked out with another salt.
pub(super) async fn check(
    client: &impl GenericClient,
    subject: SubjectRef,
    telling: &Telling,
) -> Result<(), Failure> {
    let kind = i16::from(KeyKind::Salt.code());
    let select =
        "SELECT COALESCE(max(generation), 0) FROM wrapped_key WHERE owner = $1 AND kind = $2";
    let owner = from_id(subject.as_bytes());
    let row = client.query_one(select, &[&owner, &kind]).await?;
    if reading(&row).get::<i64>(0)? == i64::from(telling.generation) {
        Ok(())
    } else {
        Err(StoreError::Conflict.into())
    }
}

pub(super) async fn rotate(
    client: &mut Client,
    salt: &KeyRow,
    telling: &Telling,
) -> Result<(), Failure> {
    let transaction = client.transaction().await?;
    let owner = SubjectRef::from_bytes(salt.owner);
    if !hold(&transaction, owner).await? {
        return Err(StoreError::Conflict.into());
    }
    check(&transaction, owner, telling).await?;
    let kind = i16::from(KeyKind::Salt.code());
    let delete = "DELETE FROM wrapped_key WHERE owner = $1 AND kind = $2";
    let id = from_id(&salt.owner);
    transaction.execute(delete, &[&id, &kind]).await?;
    wrapped::add(&transaction, std::slice::from_ref(salt)).await?;
    change::add(&transaction, change::SALT_ROTATED, &salt.owner).await?;
    stream::add(&transaction, Some(telling)).await?;
    Ok(transaction.commit().await?)
}

/// A change of consent for each, in the list's order.
pub(super) async fn consents_changed(
    client: &mut Client,
    changes: &[ConsentTold],
) -> Result<(), Failure> {
    let transaction = client.transaction().await?;
    let subjects: Vec<SubjectRef> = changes.iter().map(|told| told.subject).collect();
    let known = held(&transaction, &from_subjects(&subjects)).await?;
    let telling = |told: &ConsentTold| {
        let known = known.contains(told.subject.as_bytes());
        told.telling.clone().filter(|_| known)
    };
    let tellings: Vec<Option<Telling>> = changes.iter().map(telling).collect();
    for (subject, telling) in subjects.iter().zip(&tellings) {
        if let Some(telling) = telling {
            check(&transaction, *subject, telling).await?;
        }
    }
    let told = changes.iter().map(|told| {
        let number = from_count(told.number)?;
        Ok((from_id(told.subject.as_bytes()), number))
    });
    let told: Vec<(Uuid, i64)> = told.collect::<Result<_, Failure>>()?;
    wrapped::raise_told(&transaction, &told).await?;
    let first = change::add_all(&transaction, change::CONSENT_CHANGED, &subjects).await?;
    for (number, telling) in (first..).zip(&tellings) {
        stream::add_at(&transaction, number, telling.as_ref()).await?;
    }
    Ok(transaction.commit().await?)
}
