//! Subjects, their names in applications' databases, and their end.

use std::collections::HashMap;

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use jiff::civil::Date;
use privet_seal::{KeyId, KeyKind};
use privet_vault::port::{AliasRow, ConsentEnd, NewSubject, RetentionKey, SubjectRow, Telling};
use privet_vault::{Oid, Puid, SourceName, SubjectRef};
use uuid::Uuid;

use super::{
    access, change, field_erasure, orphan, reading, salt, stream, subject_request, wrapped,
};
use crate::postgres::column::{Reading, from_id, from_time};
use crate::postgres::database::{Client, Failure};

/// A subject's three ids.
#[derive(Debug, Clone, Copy)]
pub(super) enum Id {
    Reference,
    Puid,
    Oid,
}

impl Id {
    const fn column(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Puid => "puid",
            Self::Oid => "oid",
        }
    }
}

pub(super) async fn add(client: &mut Client, subjects: Vec<NewSubject>) -> Result<(), Failure> {
    let transaction = client.transaction().await?;
    let mut rows = (vec![], vec![], vec![], vec![], vec![], vec![]);
    for NewSubject { subject, .. } in &subjects {
        rows.0.push(from_id(subject.reference.as_bytes()));
        rows.1.push(subject.tenant.as_str());
        rows.2.push(from_id(subject.puid.as_bytes()));
        rows.3.push(from_id(subject.oid.as_bytes()));
        rows.4.push(from_time(subject.created_at)?);
        rows.5.push(&subject.mac[..]);
    }
    transaction
        .execute(
            "INSERT INTO subject (reference, tenant, puid, oid, created_at, mac)
             SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bytea[])",
            &[&rows.0, &rows.1, &rows.2, &rows.3, &rows.4, &rows.5],
        )
        .await?;
    let (mut keys, mut aliases) = (Vec::new(), Vec::new());
    for subject in subjects {
        keys.extend(subject.keys);
        aliases.extend(subject.aliases);
    }
    wrapped::add(&transaction, &keys).await?;
    add_aliases(&transaction, &aliases).await?;
    Ok(transaction.commit().await?)
}

pub(super) async fn add_aliases(
    client: &impl GenericClient,
    aliases: &[AliasRow],
) -> Result<(), Failure> {
    orphan::check_rows(client, aliases).await?;
    let sources: Vec<&str> = aliases.iter().map(|alias| alias.source.as_str()).collect();
    let tables: Vec<&str> = aliases.iter().map(|alias| alias.table.as_str()).collect();
    let keys: Vec<&str> = aliases.iter().map(|alias| alias.key.as_str()).collect();
    let subjects: Vec<Uuid> = aliases
        .iter()
        .map(|alias| from_id(alias.subject.as_bytes()))
        .collect();
    let macs: Vec<&[u8]> = aliases.iter().map(|alias| &alias.mac[..]).collect();
    client
        .execute(
            "INSERT INTO alias (source, table_name, row_key, subject, mac)
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::bytea[])",
            &[&sources, &tables, &keys, &subjects, &macs],
        )
        .await?;
    Ok(())
}

/// Subjects by one of their ids, in the order asked.
pub(super) async fn by(
    client: &mut Client,
    id: Id,
    ids: &[Uuid],
) -> Result<Vec<Option<SubjectRow>>, Failure> {
    let column = id.column();
    let select = client
        .prepare_cached(&format!(
            "SELECT reference, tenant, puid, oid, created_at, mac, {column} FROM subject
              WHERE {column} = ANY ($1)"
        ))
        .await?;
    let rows = client.query(&select, &[&ids]).await?;
    let mut found: HashMap<[u8; 16], SubjectRow> = HashMap::with_capacity(rows.len());
    for row in &rows {
        let row = reading(row);
        found.insert(row.id(6)?, subject_row(&row)?);
    }
    Ok(ids
        .iter()
        .map(|id| found.get(id.as_bytes()).cloned())
        .collect())
}

pub(super) async fn by_alias(
    client: &mut Client,
    source: &SourceName,
    table: &str,
    keys: &[String],
) -> Result<Vec<Option<(AliasRow, SubjectRow)>>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT reference, tenant, puid, oid, created_at, subject.mac, alias.mac, row_key
               FROM alias JOIN subject ON subject.reference = alias.subject
              WHERE source = $1 AND table_name = $2 AND row_key = ANY ($3)",
        )
        .await?;
    let rows = client
        .query(&select, &[&source.as_str(), &table, &keys])
        .await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in &rows {
        let row = reading(row);
        let subject = subject_row(&row)?;
        let key: String = row.get(7)?;
        let alias = AliasRow {
            source: source.clone(),
            table: table.to_owned(),
            key: key.clone(),
            subject: subject.reference,
            mac: row.bytes(6)?,
        };
        found.insert(key, (alias, subject));
    }
    Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
}

/// Those with a salt, by reference.
pub(super) async fn with_salts(
    client: &mut Client,
    after: Option<SubjectRef>,
    count_max: u32,
) -> Result<Vec<SubjectRow>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT reference, tenant, puid, oid, created_at, mac FROM subject
              WHERE ($1::uuid IS NULL OR reference > $1) AND EXISTS (
                  SELECT 1 FROM wrapped_key WHERE owner = subject.reference AND kind = $2)
              ORDER BY reference LIMIT $3",
        )
        .await?;
    let after = after.map(|after| from_id(after.as_bytes()));
    let kind = i16::from(KeyKind::Salt.code());
    let count_max = i64::from(count_max);
    let rows = client.query(&select, &[&after, &kind, &count_max]).await?;
    rows.iter().map(|row| subject_row(&reading(row))).collect()
}

pub(super) async fn aliases_of(
    client: &mut Client,
    subject: SubjectRef,
) -> Result<Vec<AliasRow>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT source, table_name, row_key, mac FROM alias WHERE subject = $1
              ORDER BY source COLLATE \"C\", table_name COLLATE \"C\", row_key COLLATE \"C\"",
        )
        .await?;
    let rows = client
        .query(&select, &[&from_id(subject.as_bytes())])
        .await?;
    rows.iter()
        .map(|row| {
            let row = reading(row);
            Ok(AliasRow {
                source: row.parsed(0)?,
                table: row.get(1)?,
                key: row.get(2)?,
                subject,
                mac: row.bytes(3)?,
            })
        })
        .collect()
}

pub(super) async fn count(client: &mut Client) -> Result<u64, Failure> {
    let row = client
        .query_one("SELECT count(*) FROM subject", &[])
        .await?;
    reading(&row).count(0)
}

pub(super) async fn destroy(
    client: &mut Client,
    subject: SubjectRef,
    today: Date,
    at: Timestamp,
    telling: Option<&Telling>,
    consent: &ConsentEnd,
) -> Result<Vec<RetentionKey>, Failure> {
    let transaction = client.transaction().await?;
    // First of all, so that no salt is made any more. A repeated call finds nobody, whose salt could be another.
    let known = salt::hold(&transaction, subject).await?;
    let telling = telling.filter(|_| known);
    if let Some(telling) = telling {
        salt::check(&transaction, subject, telling).await?;
    }
    let id = from_id(subject.as_bytes());
    subject_request::end_of(&transaction, subject, at).await?;
    field_erasure::forget(&transaction, subject).await?;
    let keys = wrapped::destroy_of_subject(&transaction, subject, today).await?;
    orphan::add_places(&transaction, &consent.places).await?;
    if let Some(key) = &consent.kept {
        wrapped::keep(&transaction, key).await?;
    }
    orphan::add_rows(&transaction, id).await?;
    let aliases = transaction
        .execute("DELETE FROM alias WHERE subject = $1", &[&id])
        .await?;
    let links = transaction
        .execute(
            "WITH gone AS (DELETE FROM subject WHERE reference = $1 RETURNING puid)
             INSERT INTO orphan (puid) SELECT puid FROM gone",
            &[&id],
        )
        .await?;
    let grants = access::end_grants_on(&transaction, subject, at).await?;
    if keys + aliases + links + grants > 0 {
        change::add(&transaction, change::ERASED, subject.as_bytes()).await?;
        stream::add(&transaction, telling).await?;
    }
    let retention = i16::from(KeyKind::SubjectRetention.code());
    let rows = transaction
        .query(
            "SELECT id, expires_on FROM wrapped_key WHERE owner = $1 AND kind = $2
              ORDER BY expires_on, id",
            &[&id, &retention],
        )
        .await?;
    let kept = rows.iter().map(|row| {
        let row = reading(row);
        Ok(RetentionKey {
            id: KeyId(row.id(0)?),
            expires_on: row.day_if(1)?.ok_or_else(|| row.damage())?,
        })
    });
    let kept = kept.collect::<Result<_, Failure>>()?;
    transaction.commit().await?;
    Ok(kept)
}

fn subject_row(row: &Reading<'_>) -> Result<SubjectRow, Failure> {
    Ok(SubjectRow {
        reference: SubjectRef::from_bytes(row.id(0)?),
        tenant: row.parsed(1)?,
        puid: Puid::from_bytes(row.id(2)?),
        oid: Oid::from_bytes(row.id(3)?),
        created_at: row.time(4)?,
        mac: row.bytes(5)?,
    })
}
