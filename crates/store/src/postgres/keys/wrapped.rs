//! Wrapped keys.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;
use jiff::civil::Date;
use privet_seal::{KeyId, KeyKind};
use privet_vault::port::KeyRow;
use privet_vault::{SubjectRef, TenantName};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::reading;
use crate::postgres::column::{from_count, from_day, from_id, from_time};
use crate::postgres::database::{Client, Failure};
use crate::write::SUBJECT_KINDS;

const SELECT: &str = "SELECT id, tenant, kind, owner, generation, wrapped, commitment, created_at,
    expires_on, told FROM wrapped_key";

pub(super) async fn add(client: &impl GenericClient, keys: &[KeyRow]) -> Result<(), Failure> {
    let mut columns = Columns::default();
    for key in keys {
        columns.ids.push(from_id(key.id.as_bytes()));
        columns.tenants.push(key.tenant.as_str());
        columns.kinds.push(key.kind.code().into());
        columns.owners.push(from_id(&key.owner));
        columns.generations.push(key.generation.into());
        columns.wrapped.push(&key.wrapped);
        columns.commitments.push(&key.commitment);
        columns.created.push(from_time(key.created_at)?);
        columns
            .expires
            .push(key.expires_on.map(from_day).transpose()?);
        columns.told.push(from_count(key.told)?);
    }
    client
        .execute(
            "INSERT INTO wrapped_key (id, tenant, kind, owner, generation, wrapped, commitment,
                 created_at, expires_on, told)
             SELECT * FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::uuid[], $5::bigint[],
                 $6::bytea[], $7::bytea[], $8::bigint[], $9::integer[], $10::bigint[])",
            &[
                &columns.ids,
                &columns.tenants,
                &columns.kinds,
                &columns.owners,
                &columns.generations,
                &columns.wrapped,
                &columns.commitments,
                &columns.created,
                &columns.expires,
                &columns.told,
            ],
        )
        .await?;
    Ok(())
}

#[derive(Default)]
struct Columns<'k> {
    ids: Vec<Uuid>,
    tenants: Vec<&'k str>,
    kinds: Vec<i16>,
    owners: Vec<Uuid>,
    generations: Vec<i64>,
    wrapped: Vec<&'k [u8]>,
    commitments: Vec<&'k [u8]>,
    created: Vec<i64>,
    expires: Vec<Option<i32>>,
    told: Vec<i64>,
}

/// Adds the key that keeps somebody's answers, unless it is there: an erasure is done again after a failure.
pub(super) async fn keep(client: &impl GenericClient, key: &KeyRow) -> Result<(), Failure> {
    let select = "SELECT FROM wrapped_key WHERE owner = $1 AND kind = $2 AND generation = $3";
    let (owner, kind) = (from_id(&key.owner), i16::from(key.kind.code()));
    let generation = i64::from(key.generation);
    let found = client
        .query_opt(select, &[&owner, &kind, &generation])
        .await?;
    match found {
        None => add(client, std::slice::from_ref(key)).await,
        Some(_) => Ok(()),
    }
}

/// Notes which event of each subject's ledger was told, where it is later than what is noted. A subject may be named twice.
pub(super) async fn raise_told(
    client: &impl GenericClient,
    told: &[(Uuid, i64)],
) -> Result<(), Failure> {
    let (owners, numbers): (Vec<Uuid>, Vec<i64>) = told.iter().copied().unzip();
    let kind = i16::from(KeyKind::SubjectRetention.code());
    let generation = i64::from(KeyRow::CONSENT_GENERATION);
    client
        .execute(
            "UPDATE wrapped_key SET told = news.number
               FROM (SELECT owner, max(number) AS number
                       FROM unnest($1::uuid[], $2::bigint[]) AS news (owner, number)
                      GROUP BY owner) AS news
              WHERE wrapped_key.owner = news.owner AND kind = $3 AND generation = $4
                AND told < news.number",
            &[&owners, &numbers, &kind, &generation],
        )
        .await?;
    Ok(())
}

pub(super) async fn of_tenants(client: &mut Client) -> Result<Vec<KeyRow>, Failure> {
    let kind = i16::from(KeyKind::Tenant.code());
    select(
        client,
        "WHERE kind = $1 ORDER BY tenant COLLATE \"C\", owner, generation",
        &[&kind],
    )
    .await
}

pub(super) async fn of(
    client: &mut Client,
    tenant: &TenantName,
    kind: KeyKind,
    owner: &[u8; 16],
) -> Result<Vec<KeyRow>, Failure> {
    let kind = i16::from(kind.code());
    select(
        client,
        "WHERE owner = $1 AND kind = $2 AND tenant = $3 ORDER BY generation DESC",
        &[&from_id(owner), &kind, &tenant.as_str()],
    )
    .await
}

pub(super) async fn of_subjects(
    client: &mut Client,
    subjects: &[SubjectRef],
) -> Result<Vec<Vec<KeyRow>>, Failure> {
    let owners: Vec<Uuid> = subjects.iter().map(|id| from_id(id.as_bytes())).collect();
    let (first, last) = (
        i16::from(KeyKind::SubjectAccount.code()),
        i16::from(KeyKind::SubjectRetention.code()),
    );
    let keys = select(
        client,
        "WHERE owner = ANY ($1) AND kind BETWEEN $2 AND $3 ORDER BY kind, generation DESC",
        &[&owners, &first, &last],
    )
    .await?;
    let mut by_owner: HashMap<[u8; 16], Vec<KeyRow>> = HashMap::new();
    for key in keys {
        by_owner.entry(key.owner).or_default().push(key);
    }
    // A subject may be asked for twice.
    let of = |subject: &SubjectRef| {
        by_owner
            .get(subject.as_bytes())
            .cloned()
            .unwrap_or_default()
    };
    Ok(subjects.iter().map(of).collect())
}

pub(super) async fn of_kind(
    client: &mut Client,
    tenant: &TenantName,
    kind: KeyKind,
) -> Result<Vec<KeyRow>, Failure> {
    let kind = i16::from(kind.code());
    select(
        client,
        "WHERE tenant = $1 AND kind = $2 ORDER BY owner, generation",
        &[&tenant.as_str(), &kind],
    )
    .await
}

pub(super) async fn by_id(
    client: &mut Client,
    ids: &[Uuid],
) -> Result<Vec<Option<KeyRow>>, Failure> {
    let keys = select(client, "WHERE id = ANY ($1)", &[&ids]).await?;
    let by_id: HashMap<[u8; 16], KeyRow> = keys
        .into_iter()
        .map(|key| (*key.id.as_bytes(), key))
        .collect();
    Ok(ids
        .iter()
        .map(|id| by_id.get(id.as_bytes()).cloned())
        .collect())
}

pub(super) async fn set_expiry(
    client: &mut Client,
    id: KeyId,
    expires_on: Date,
) -> Result<(), Failure> {
    let update = client
        .prepare_cached("UPDATE wrapped_key SET expires_on = $2 WHERE id = $1")
        .await?;
    client
        .execute(&update, &[&from_id(id.as_bytes()), &from_day(expires_on)?])
        .await?;
    Ok(())
}

pub(super) async fn destroy(client: &mut Client, ids: &[Uuid]) -> Result<u64, Failure> {
    let delete = client
        .prepare_cached("DELETE FROM wrapped_key WHERE id = ANY ($1)")
        .await?;
    Ok(client.execute(&delete, &[&ids]).await?)
}

pub(super) async fn destroy_expired(client: &mut Client, today: Date) -> Result<u64, Failure> {
    let delete = client
        .prepare_cached("DELETE FROM wrapped_key WHERE expires_on <= $1")
        .await?;
    Ok(client.execute(&delete, &[&from_day(today)?]).await?)
}

/// The owners of keys of a kind whose day has come.
pub(super) async fn expired_owners(
    client: &mut Client,
    kind: KeyKind,
    today: Date,
    count_max: u32,
) -> Result<Vec<[u8; 16]>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT owner FROM wrapped_key WHERE expires_on <= $1 AND kind = $2 ORDER BY owner LIMIT $3",
        )
        .await?;
    let kind = i16::from(kind.code());
    let rows = client
        .query(&select, &[&from_day(today)?, &kind, &i64::from(count_max)])
        .await?;
    rows.iter().map(|row| reading(row).id(0)).collect()
}

/// Destroys what a subject's erasure may destroy today; retention keys stay until their day.
pub(super) async fn destroy_of_subject(
    client: &impl GenericClient,
    subject: SubjectRef,
    today: Date,
) -> Result<u64, Failure> {
    let kinds: Vec<i16> = SUBJECT_KINDS
        .iter()
        .map(|kind| kind.code().into())
        .collect();
    let retention = i16::from(KeyKind::SubjectRetention.code());
    let count = client
        .execute(
            "DELETE FROM wrapped_key WHERE owner = $1 AND kind = ANY ($2)
                AND (kind <> $3 OR expires_on IS NULL OR expires_on <= $4)",
            &[
                &from_id(subject.as_bytes()),
                &kinds,
                &retention,
                &from_day(today)?,
            ],
        )
        .await?;
    Ok(count)
}

pub(super) async fn select(
    client: &mut Client,
    condition: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<KeyRow>, Failure> {
    let select = client
        .prepare_cached(&format!("{SELECT} {condition}"))
        .await?;
    let rows = client.query(&select, parameters).await?;
    rows.iter().map(key_row).collect()
}

fn key_row(row: &Row) -> Result<KeyRow, Failure> {
    let row = reading(row);
    let kind = u8::try_from(row.get::<i16>(2)?)
        .ok()
        .and_then(KeyKind::from_code);
    Ok(KeyRow {
        id: KeyId(row.id(0)?),
        tenant: row.parsed(1)?,
        kind: kind.ok_or_else(|| row.damage())?,
        owner: row.id(3)?,
        generation: u32::try_from(row.get::<i64>(4)?).map_err(|_| row.damage())?,
        wrapped: row.get(5)?,
        commitment: row.bytes(6)?,
        created_at: row.time(7)?,
        expires_on: row.day_if(8)?,
        told: row.count(9)?,
    })
}
