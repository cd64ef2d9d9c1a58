//! What people ask for. What decides between two servers is written as a condition of the update.

use async_trait::async_trait;
use jiff::Timestamp;
use privet_seal::KeyKind;
use privet_vault::port::{
    KeyRow, StoreError, SubjectRequestFilter, SubjectRequestRow, SubjectRequestStore,
};
use privet_vault::subject_request::{Lease, Progress, RequestFile};
use privet_vault::{RequestRunId, SubjectRef, SubjectRequestId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{SqliteKeys, wrapped};
use crate::sqlite::column::{At, Count, unknown_code};
use crate::sqlite::file::Failure;
use crate::sqlite::scrub::Scrub;
use crate::write::{kind_of, state_of, states_condition};

const SELECT: &str = "SELECT id, subject, kind, received_at, asked_at, details, version, state, due_at,
    attempts, failure, lease_run, lease_server, lease_until, notify, file_run, file_server, file_bytes,
    file_made_at, file_until, ended_at, receipt FROM subject_request";

#[async_trait]
impl SubjectRequestStore for SqliteKeys {
    async fn add_subject_request(
        &self,
        request: SubjectRequestRow,
        key: Option<KeyRow>,
    ) -> Result<(), StoreError> {
        self.engine
            .write(move |connection| add(connection, &request, key))
            .await
    }

    async fn subject_request(
        &self,
        id: SubjectRequestId,
    ) -> Result<Option<SubjectRequestRow>, StoreError> {
        self.engine
            .read(move |connection| one(connection, id))
            .await
    }

    async fn subject_requests(
        &self,
        filter: &SubjectRequestFilter,
    ) -> Result<Vec<SubjectRequestRow>, StoreError> {
        let filter = filter.clone();
        self.engine
            .read(move |connection| several(connection, &filter))
            .await
    }

    async fn advance_subject_request(
        &self,
        id: SubjectRequestId,
        version: u64,
        progress: Progress,
        destroys_key: bool,
    ) -> Result<bool, StoreError> {
        if !destroys_key {
            return self
                .engine
                .write(move |connection| advance(connection, id, version, &progress))
                .await;
        }
        self.engine
            .destroy(move |connection, scrub| {
                let advanced = advance(connection, id, version, &progress)?;
                if advanced {
                    empty(connection, id, scrub)?;
                }
                Ok(advanced)
            })
            .await
    }
}

fn add(
    connection: &Connection,
    request: &SubjectRequestRow,
    key: Option<KeyRow>,
) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT INTO subject_request (id, subject, kind, received_at, asked_at, details, version,
                 state, due_at, attempts, notify)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            request.id.as_bytes(),
            request.subject.as_ref().map(SubjectRef::as_bytes),
            request.kind.as_str(),
            At(request.received_at),
            At(request.asked_at),
            request.details,
            Count(request.version),
            request.progress.state.as_str(),
            At(request.progress.due_at),
            request.progress.attempts,
            request.progress.notify,
        ])?;
    put(connection, request.id, request.version, &request.progress)?;
    wrapped::add(connection, key.as_slice())
}

fn one(
    connection: &Connection,
    id: SubjectRequestId,
) -> Result<Option<SubjectRequestRow>, Failure> {
    let mut select = connection.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?;
    Ok(select.query_row([id.as_bytes()], request_row).optional()?)
}

fn several(
    connection: &Connection,
    filter: &SubjectRequestFilter,
) -> Result<Vec<SubjectRequestRow>, Failure> {
    // A condition on a parameter that may be NULL would keep indexes from being used.
    let conditions = [
        Some(states_condition(&filter.states)),
        filter.subject.map(|_| "subject = ?1".to_owned()),
        filter.wakes_by.map(|_| "wakes_at <= ?2".to_owned()),
        filter.after.map(|_| "(asked_at, id) > (?3, ?4)".to_owned()),
    ];
    let conditions: Vec<String> = conditions.into_iter().flatten().collect();
    let mut select = connection.prepare_cached(&format!(
        "{SELECT} WHERE {} ORDER BY asked_at, id LIMIT ?5",
        conditions.join(" AND ")
    ))?;
    let parameters = params![
        filter.subject.as_ref().map(SubjectRef::as_bytes),
        filter.wakes_by.map(At),
        filter.after.map(|(asked_at, _)| At(asked_at)),
        filter.after.as_ref().map(|(_, id)| id.as_bytes()),
        filter.count_max,
    ];
    let requests = select.query_map(parameters, request_row)?;
    Ok(requests.collect::<Result<_, _>>()?)
}

fn advance(
    connection: &Connection,
    id: SubjectRequestId,
    version: u64,
    progress: &Progress,
) -> Result<bool, Failure> {
    let count = connection
        .prepare_cached(
            "UPDATE subject_request SET version = version + 1 WHERE id = ?1 AND version = ?2",
        )?
        .execute(params![id.as_bytes(), Count(version)])?;
    if count == 0 {
        return Ok(false);
    }
    put(connection, id, version.saturating_add(1), progress)?;
    Ok(true)
}

fn put(
    connection: &Connection,
    id: SubjectRequestId,
    version: u64,
    progress: &Progress,
) -> Result<(), Failure> {
    let (lease, file) = (progress.lease.as_ref(), progress.file.as_ref());
    connection
        .prepare_cached(
            "UPDATE subject_request SET state = ?3, due_at = ?4, attempts = ?5, failure = ?6,
                 lease_run = ?7, lease_server = ?8, lease_until = ?9, notify = ?10, file_run = ?11,
                 file_server = ?12, file_bytes = ?13, file_made_at = ?14, file_until = ?15,
                 ended_at = ?16, wakes_at = ?17, receipt = ?18
             WHERE id = ?1 AND version = ?2",
        )?
        .execute(params![
            id.as_bytes(),
            Count(version),
            progress.state.as_str(),
            At(progress.due_at),
            progress.attempts,
            progress.failure,
            lease.map(|lease| lease.run.as_bytes()),
            lease.map(|lease| &lease.server),
            lease.map(|lease| At(lease.until)),
            progress.notify,
            file.map(|file| file.run.as_bytes()),
            file.map(|file| &file.server),
            file.map(|file| Count(file.size_bytes)),
            file.map(|file| At(file.made_at)),
            file.map(|file| At(file.until)),
            progress.ended_at.map(At),
            progress.wakes_at().map(At),
            progress.receipt,
        ])?;
    Ok(())
}

/// Destroys the request's key, and what it sealed here.
fn empty(connection: &Connection, id: SubjectRequestId, scrub: &mut Scrub) -> Result<(), Failure> {
    wrapped::destroy_of_kind(connection, id.as_bytes(), KeyKind::Request, scrub)?;
    connection
        .prepare_cached("UPDATE subject_request SET details = x'' WHERE id = ?1")?
        .execute([id.as_bytes()])?;
    Ok(())
}

/// What a destroyed subject asked for goes with it. What it waited to be erased by is nobody's,
/// and stays until that is confirmed.
pub(super) fn end_of(
    connection: &Connection,
    subject: SubjectRef,
    at: Timestamp,
    scrub: &mut Scrub,
) -> Result<(), Failure> {
    let mut select =
        connection.prepare_cached("SELECT id FROM subject_request WHERE subject = ?1")?;
    let ids = select.query_map([subject.as_bytes()], |row| row.get::<_, [u8; 16]>(0))?;
    for id in ids.collect::<Result<Vec<_>, _>>()? {
        wrapped::destroy_of_kind(connection, &id, KeyKind::Request, scrub)?;
    }
    connection
        .prepare_cached(
            "UPDATE subject_request SET subject = NULL, details = x'', version = version + 1,
                 state = 'confirming', due_at = ?2, attempts = 0, failure = NULL,
                 wakes_at = coalesce(lease_until, ?2)
             WHERE subject = ?1 AND state IN ('cooling', 'destroying')",
        )?
        .execute(params![subject.as_bytes(), At(at)])?;
    connection
        .prepare_cached("DELETE FROM subject_request WHERE subject = ?1")?
        .execute([subject.as_bytes()])?;
    Ok(())
}

fn request_row(row: &Row<'_>) -> rusqlite::Result<SubjectRequestRow> {
    let text = |at: usize| row.get_ref(at).and_then(|text| Ok(text.as_str()?));
    let lease = match row.get::<_, Option<[u8; 16]>>(11)? {
        None => None,
        Some(run) => Some(Lease {
            run: RequestRunId::from_bytes(run),
            server: row.get(12)?,
            until: row.get::<_, At>(13)?.0,
        }),
    };
    let file = match row.get::<_, Option<[u8; 16]>>(15)? {
        None => None,
        Some(run) => Some(RequestFile {
            run: RequestRunId::from_bytes(run),
            server: row.get(16)?,
            size_bytes: row.get::<_, Count>(17)?.0,
            made_at: row.get::<_, At>(18)?.0,
            until: row.get::<_, At>(19)?.0,
        }),
    };
    let subject: Option<[u8; 16]> = row.get(1)?;
    Ok(SubjectRequestRow {
        id: SubjectRequestId::from_bytes(row.get(0)?),
        subject: subject.map(SubjectRef::from_bytes),
        kind: kind_of(text(2)?).ok_or_else(|| unknown_code(2))?,
        received_at: row.get::<_, At>(3)?.0,
        asked_at: row.get::<_, At>(4)?.0,
        details: row.get(5)?,
        version: row.get::<_, Count>(6)?.0,
        progress: Progress {
            state: state_of(text(7)?).ok_or_else(|| unknown_code(7))?,
            due_at: row.get::<_, At>(8)?.0,
            attempts: row.get(9)?,
            failure: row.get(10)?,
            lease,
            notify: row.get(14)?,
            file,
            ended_at: row.get::<_, Option<At>>(20)?.map(|at| at.0),
            receipt: row.get(21)?,
        },
    })
}
