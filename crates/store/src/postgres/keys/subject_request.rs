//! What people ask for. What decides between two servers is written as a condition of the update; a request's row is locked
//! before its key, by whomever.

use async_trait::async_trait;
use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use privet_seal::KeyKind;
use privet_vault::port::{
    KeyRow, StoreError, SubjectRequestFilter, SubjectRequestRow, SubjectRequestStore,
};
use privet_vault::subject_request::{Lease, Progress, RequestFile};
use privet_vault::{RequestRunId, SubjectRef, SubjectRequestId};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{PostgresKeys, reading, wrapped};
use crate::postgres::column::{from_count, from_id, from_time};
use crate::postgres::database::{Client, Failure};
use crate::write::{kind_of, state_of, states_condition};

const SELECT: &str = "SELECT id, subject, kind, received_at, asked_at, details, version, state, due_at,
    attempts, failure, lease_run, lease_server, lease_until, notify, file_run, file_server, file_bytes,
    file_made_at, file_until, ended_at, receipt FROM subject_request";

#[async_trait]
impl SubjectRequestStore for PostgresKeys {
    async fn add_subject_request(
        &self,
        request: SubjectRequestRow,
        key: Option<KeyRow>,
    ) -> Result<(), StoreError> {
        self.database
            .run(move |client| Box::pin(async move { add(client, &request, key).await }))
            .await
    }

    async fn subject_request(
        &self,
        id: SubjectRequestId,
    ) -> Result<Option<SubjectRequestRow>, StoreError> {
        self.database
            .run(move |client| Box::pin(async move { one(client, id).await }))
            .await
    }

    async fn subject_requests(
        &self,
        filter: &SubjectRequestFilter,
    ) -> Result<Vec<SubjectRequestRow>, StoreError> {
        let filter = filter.clone();
        self.database
            .run(move |client| Box::pin(async move { several(client, &filter).await }))
            .await
    }

    async fn advance_subject_request(
        &self,
        id: SubjectRequestId,
        version: u64,
        progress: Progress,
        destroys_key: bool,
    ) -> Result<bool, StoreError> {
        let advanced = self
            .database
            .run(move |client| {
                Box::pin(async move { advance(client, id, version, &progress, destroys_key).await })
            })
            .await?;
        if destroys_key {
            self.database.remove_dead_rows();
        }
        Ok(advanced)
    }
}

async fn add(
    client: &mut Client,
    request: &SubjectRequestRow,
    key: Option<KeyRow>,
) -> Result<(), Failure> {
    let transaction = client.transaction().await?;
    transaction
        .execute(
            "INSERT INTO subject_request (id, subject, kind, received_at, asked_at, details, version,
                 state, due_at, attempts, notify)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            &[
                &from_id(request.id.as_bytes()),
                &request.subject.map(|subject| from_id(subject.as_bytes())),
                &request.kind.as_str(),
                &from_time(request.received_at)?,
                &from_time(request.asked_at)?,
                &request.details,
                &from_count(request.version)?,
                &request.progress.state.as_str(),
                &from_time(request.progress.due_at)?,
                &i64::from(request.progress.attempts),
                &request.progress.notify,
            ],
        )
        .await?;
    put(&transaction, request.id, request.version, &request.progress).await?;
    wrapped::add(&transaction, key.as_slice()).await?;
    Ok(transaction.commit().await?)
}

async fn one(
    client: &mut Client,
    id: SubjectRequestId,
) -> Result<Option<SubjectRequestRow>, Failure> {
    let select = client
        .prepare_cached(&format!("{SELECT} WHERE id = $1"))
        .await?;
    let row = client
        .query_opt(&select, &[&from_id(id.as_bytes())])
        .await?;
    row.as_ref().map(request_row).transpose()
}

async fn several(
    client: &mut Client,
    filter: &SubjectRequestFilter,
) -> Result<Vec<SubjectRequestRow>, Failure> {
    let states = states_condition(&filter.states);
    let select = client
        .prepare_cached(&format!(
            "{SELECT} WHERE ({states}) AND ($1::uuid IS NULL OR subject = $1)
                AND ($2::bigint IS NULL OR wakes_at <= $2)
                AND ($3::bigint IS NULL OR (asked_at, id) > ($3, $4::uuid))
              ORDER BY asked_at, id LIMIT $5"
        ))
        .await?;
    let subject = filter.subject.map(|subject| from_id(subject.as_bytes()));
    let wakes_by = filter.wakes_by.map(from_time).transpose()?;
    let asked_after = filter.after.map(|(asked_at, _)| from_time(asked_at));
    let behind = filter.after.map(|(_, id)| from_id(id.as_bytes()));
    let rows = client
        .query(
            &select,
            &[
                &subject,
                &wakes_by,
                &asked_after.transpose()?,
                &behind,
                &i64::from(filter.count_max),
            ],
        )
        .await?;
    rows.iter().map(request_row).collect()
}

async fn advance(
    client: &mut Client,
    id: SubjectRequestId,
    version: u64,
    progress: &Progress,
    destroys_key: bool,
) -> Result<bool, Failure> {
    let transaction = client.transaction().await?;
    let count = transaction
        .execute(
            "UPDATE subject_request SET version = version + 1 WHERE id = $1 AND version = $2",
            &[&from_id(id.as_bytes()), &from_count(version)?],
        )
        .await?;
    if count == 0 {
        return Ok(false);
    }
    put(&transaction, id, version.saturating_add(1), progress).await?;
    if destroys_key {
        let id = from_id(id.as_bytes());
        let empty = "UPDATE subject_request SET details = '' WHERE id = $1";
        transaction.execute(empty, &[&id]).await?;
        destroy_keys(&transaction, &[id]).await?;
    }
    transaction.commit().await?;
    Ok(true)
}

async fn put(
    client: &impl GenericClient,
    id: SubjectRequestId,
    version: u64,
    progress: &Progress,
) -> Result<(), Failure> {
    let (lease, file) = (progress.lease.as_ref(), progress.file.as_ref());
    let time = |moment: Option<Timestamp>| moment.map(from_time).transpose();
    let size_bytes = file.map(|file| from_count(file.size_bytes)).transpose()?;
    client
        .execute(
            "UPDATE subject_request SET state = $3, due_at = $4, attempts = $5, failure = $6,
                 lease_run = $7, lease_server = $8, lease_until = $9, notify = $10, file_run = $11,
                 file_server = $12, file_bytes = $13, file_made_at = $14, file_until = $15,
                 ended_at = $16, wakes_at = $17, receipt = $18
             WHERE id = $1 AND version = $2",
            &[
                &from_id(id.as_bytes()),
                &from_count(version)?,
                &progress.state.as_str(),
                &from_time(progress.due_at)?,
                &i64::from(progress.attempts),
                &progress.failure,
                &lease.map(|lease| from_id(lease.run.as_bytes())),
                &lease.map(|lease| lease.server.as_str()),
                &time(lease.map(|lease| lease.until))?,
                &progress.notify,
                &file.map(|file| from_id(file.run.as_bytes())),
                &file.map(|file| file.server.as_str()),
                &size_bytes,
                &time(file.map(|file| file.made_at))?,
                &time(file.map(|file| file.until))?,
                &time(progress.ended_at)?,
                &time(progress.wakes_at())?,
                &progress.receipt,
            ],
        )
        .await?;
    Ok(())
}

/// What a destroyed subject asked for goes with it. What it waited to be erased by is nobody's,
/// and stays until that is confirmed.
pub(super) async fn end_of(
    client: &impl GenericClient,
    subject: SubjectRef,
    at: Timestamp,
) -> Result<(), Failure> {
    let id = from_id(subject.as_bytes());
    // Locks them, so that nobody moves one on meanwhile.
    let rows = client
        .query(
            "SELECT id FROM subject_request WHERE subject = $1 ORDER BY id FOR UPDATE",
            &[&id],
        )
        .await?;
    let ids = rows
        .iter()
        .map(|row| reading(row).get(0))
        .collect::<Result<Vec<Uuid>, _>>()?;
    if ids.is_empty() {
        return Ok(());
    }
    client
        .execute(
            "UPDATE subject_request SET subject = NULL, details = '', version = version + 1,
                 state = 'confirming', due_at = $2, attempts = 0, failure = NULL,
                 wakes_at = coalesce(lease_until, $2)
             WHERE subject = $1 AND state IN ('cooling', 'destroying')",
            &[&id, &from_time(at)?],
        )
        .await?;
    let delete = "DELETE FROM subject_request WHERE subject = $1";
    client.execute(delete, &[&id]).await?;
    destroy_keys(client, &ids).await
}

async fn destroy_keys(client: &impl GenericClient, requests: &[Uuid]) -> Result<(), Failure> {
    let kind = i16::from(KeyKind::Request.code());
    client
        .execute(
            "DELETE FROM wrapped_key WHERE owner = ANY ($1) AND kind = $2",
            &[&requests, &kind],
        )
        .await?;
    Ok(())
}

fn request_row(row: &Row) -> Result<SubjectRequestRow, Failure> {
    let row = reading(row);
    let lease = match row.id_if(11)? {
        None => None,
        Some(run) => Some(Lease {
            run: RequestRunId::from_bytes(run),
            server: row.get(12)?,
            until: row.time(13)?,
        }),
    };
    let file = match row.id_if(15)? {
        None => None,
        Some(run) => Some(RequestFile {
            run: RequestRunId::from_bytes(run),
            server: row.get(16)?,
            size_bytes: row.count(17)?,
            made_at: row.time(18)?,
            until: row.time(19)?,
        }),
    };
    Ok(SubjectRequestRow {
        id: SubjectRequestId::from_bytes(row.id(0)?),
        subject: row.id_if(1)?.map(SubjectRef::from_bytes),
        kind: kind_of(row.get(2)?).ok_or_else(|| row.damage())?,
        received_at: row.time(3)?,
        asked_at: row.time(4)?,
        details: row.get(5)?,
        version: row.count(6)?,
        progress: Progress {
            state: state_of(row.get(7)?).ok_or_else(|| row.damage())?,
            due_at: row.time(8)?,
            attempts: u32::try_from(row.count(9)?).map_err(|_| row.damage())?,
            failure: row.get(10)?,
            lease,
            notify: row.get(14)?,
            file,
            ended_at: row.time_if(20)?,
            receipt: row.get(21)?,
        },
    })
}
