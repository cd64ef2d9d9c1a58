//! Wrapped keys.

use jiff::civil::Date;
use privet_seal::{KeyId, KeyKind};
use privet_vault::port::KeyRow;
use privet_vault::{SubjectRef, TenantName};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::sqlite::column::{At, Count, Day, parsed, unknown_code};
use crate::sqlite::file::Failure;
use crate::sqlite::scrub::Scrub;
use crate::write::{SUBJECT_KINDS, secret_part};

const SELECT: &str = "SELECT id, tenant, kind, owner, generation, wrapped, commitment, created_at,
    expires_on, told FROM wrapped_key";

pub(super) fn add(connection: &Connection, keys: &[KeyRow]) -> Result<(), Failure> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO wrapped_key (id, tenant, kind, owner, generation, wrapped, commitment,
             created_at, expires_on, told) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for key in keys {
        insert.execute(params![
            key.id.as_bytes(),
            key.tenant.as_str(),
            key.kind.code(),
            key.owner,
            key.generation,
            key.wrapped,
            key.commitment,
            At(key.created_at),
            key.expires_on.map(Day),
            Count(key.told),
        ])?;
    }
    Ok(())
}

/// Adds the key that keeps somebody's answers, unless it is there: an erasure is done again after a failure.
pub(super) fn keep(connection: &Connection, key: &KeyRow) -> Result<(), Failure> {
    match of(connection, &key.tenant, key.kind, key.owner)?.as_slice() {
        [] => add(connection, std::slice::from_ref(key)),
        _ => Ok(()),
    }
}

pub(super) fn of_tenants(connection: &Connection) -> Result<Vec<KeyRow>, Failure> {
    select(
        connection,
        "WHERE kind = ?1 ORDER BY tenant, owner, generation",
        params![KeyKind::Tenant.code()],
    )
}

pub(super) fn of(
    connection: &Connection,
    tenant: &TenantName,
    kind: KeyKind,
    owner: [u8; 16],
) -> Result<Vec<KeyRow>, Failure> {
    select(
        connection,
        "WHERE owner = ?1 AND kind = ?2 AND tenant = ?3 ORDER BY generation DESC",
        params![owner, kind.code(), tenant.as_str()],
    )
}

pub(super) fn of_subjects(
    connection: &Connection,
    subjects: &[SubjectRef],
) -> Result<Vec<Vec<KeyRow>>, Failure> {
    let kinds = KeyKind::SubjectAccount.code()..=KeyKind::SubjectRetention.code();
    subjects
        .iter()
        .map(|subject| {
            select(
                connection,
                "WHERE owner = ?1 AND kind BETWEEN ?2 AND ?3 ORDER BY kind, generation DESC",
                params![subject.as_bytes(), kinds.start(), kinds.end()],
            )
        })
        .collect()
}

pub(super) fn of_kind(
    connection: &Connection,
    tenant: &TenantName,
    kind: KeyKind,
) -> Result<Vec<KeyRow>, Failure> {
    select(
        connection,
        "WHERE tenant = ?1 AND kind = ?2 ORDER BY owner, generation",
        params![tenant.as_str(), kind.code()],
    )
}

pub(super) fn by_id(
    connection: &Connection,
    ids: &[KeyId],
) -> Result<Vec<Option<KeyRow>>, Failure> {
    let mut select = connection.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?;
    ids.iter()
        .map(|id| Ok(select.query_row([id.as_bytes()], key_row).optional()?))
        .collect()
}

pub(super) fn set_expiry(
    connection: &Connection,
    id: KeyId,
    expires_on: Date,
) -> Result<(), Failure> {
    connection
        .prepare_cached("UPDATE wrapped_key SET expires_on = ?2 WHERE id = ?1")?
        .execute(params![id.as_bytes(), Day(expires_on)])?;
    Ok(())
}

pub(super) fn destroy(
    connection: &Connection,
    ids: &[KeyId],
    scrub: &mut Scrub,
) -> Result<u64, Failure> {
    begin_scrub(connection, scrub)?;
    let mut count = 0;
    for id in ids {
        count += delete(connection, "WHERE id = ?1", params![id.as_bytes()], scrub)?;
    }
    Ok(count)
}

pub(super) fn destroy_expired(
    connection: &Connection,
    today: Date,
    scrub: &mut Scrub,
) -> Result<u64, Failure> {
    begin_scrub(connection, scrub)?;
    delete(
        connection,
        "WHERE expires_on <= ?1",
        params![Day(today)],
        scrub,
    )
}

/// The owners of keys of a kind whose day has come.
pub(super) fn expired_owners(
    connection: &Connection,
    kind: KeyKind,
    today: Date,
    count_max: u32,
) -> Result<Vec<[u8; 16]>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT owner FROM wrapped_key WHERE expires_on <= ?1 AND kind = ?2 ORDER BY owner LIMIT ?3",
    )?;
    let owners = select.query_map(params![Day(today), kind.code(), count_max], |row| {
        row.get(0)
    })?;
    Ok(owners.collect::<Result<_, _>>()?)
}

/// Destroys what a subject's erasure may destroy today; retention keys stay until their day.
pub(super) fn destroy_of_subject(
    connection: &Connection,
    subject: SubjectRef,
    today: Date,
    scrub: &mut Scrub,
) -> Result<u64, Failure> {
    begin_scrub(connection, scrub)?;
    let mut count = 0;
    for kind in SUBJECT_KINDS {
        count += delete(
            connection,
            "WHERE owner = ?1 AND kind = ?2 AND (kind <> ?3 OR expires_on IS NULL OR expires_on <= ?4)",
            params![
                subject.as_bytes(),
                kind.code(),
                KeyKind::SubjectRetention.code(),
                Day(today)
            ],
            scrub,
        )?;
    }
    Ok(count)
}

/// Notes which event of a subject's ledger was told, if it has one later than what is noted.
pub(super) fn raise_told(
    connection: &Connection,
    subject: SubjectRef,
    number: u64,
) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "UPDATE wrapped_key SET told = ?4
             WHERE owner = ?1 AND kind = ?2 AND generation = ?3 AND told < ?4",
        )?
        .execute(params![
            subject.as_bytes(),
            KeyKind::SubjectRetention.code(),
            KeyRow::CONSENT_GENERATION,
            Count(number),
        ])?;
    Ok(())
}

/// Destroys all of a kind that belong to one owner.
pub(super) fn destroy_of_kind(
    connection: &Connection,
    owner: &[u8; 16],
    kind: KeyKind,
    scrub: &mut Scrub,
) -> Result<u64, Failure> {
    begin_scrub(connection, scrub)?;
    let parameters = params![owner, kind.code()];
    delete(
        connection,
        "WHERE owner = ?1 AND kind = ?2",
        parameters,
        scrub,
    )
}

/// Destroys those of a kind that belong to one owner and are older than a generation.
pub(super) fn destroy_older(
    connection: &Connection,
    owner: &[u8; 16],
    kind: KeyKind,
    generation: u32,
    scrub: &mut Scrub,
) -> Result<u64, Failure> {
    begin_scrub(connection, scrub)?;
    let parameters = params![owner, kind.code(), generation];
    let condition = "WHERE owner = ?1 AND kind = ?2 AND generation < ?3";
    delete(connection, condition, parameters, scrub)
}

/// Notes in the same transaction that the file must be scrubbed, so that a crash in between is made good on the next
/// start.
fn begin_scrub(connection: &Connection, scrub: &mut Scrub) -> Result<(), Failure> {
    scrub.request();
    connection
        .prepare_cached("INSERT INTO scrub (pending) VALUES (1) ON CONFLICT DO NOTHING")?
        .execute([])?;
    Ok(())
}

fn delete(
    connection: &Connection,
    condition: &str,
    parameters: impl Params,
    scrub: &mut Scrub,
) -> Result<u64, Failure> {
    let mut delete = connection.prepare_cached(&format!(
        "DELETE FROM wrapped_key {condition} RETURNING wrapped"
    ))?;
    let mut rows = delete.query(parameters)?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        scrub.add(secret_part(row.get_ref(0)?.as_blob().unwrap_or_default()));
        count += 1;
    }
    Ok(count)
}

pub(super) fn select(
    connection: &Connection,
    condition: &str,
    parameters: impl Params,
) -> Result<Vec<KeyRow>, Failure> {
    let mut select = connection.prepare_cached(&format!("{SELECT} {condition}"))?;
    let rows = select.query_map(parameters, key_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn key_row(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow {
        id: KeyId(row.get(0)?),
        tenant: parsed(row, 1)?,
        kind: KeyKind::from_code(row.get(2)?).ok_or_else(|| unknown_code(2))?,
        owner: row.get(3)?,
        generation: row.get(4)?,
        wrapped: row.get(5)?,
        commitment: row.get(6)?,
        created_at: row.get::<_, At>(7)?.0,
        expires_on: row.get::<_, Option<Day>>(8)?.map(|day| day.0),
        told: row.get::<_, Count>(9)?.0,
    })
}
