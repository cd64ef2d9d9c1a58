//! Subjects, their names in applications' databases, and their end.

use jiff::Timestamp;
use jiff::civil::Date;
use privet_seal::{KeyId, KeyKind};
use privet_vault::port::{
    AliasRow, ChangeKind, ConsentEnd, NewSubject, RetentionKey, StoreError, SubjectRow, Telling,
};
use privet_vault::{Oid, Puid, SourceName, SubjectRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{access, change, field_erasure, orphan, salt, stream, subject_request, wrapped};
use crate::sqlite::column::{At, Day, parsed};
use crate::sqlite::file::Failure;
use crate::sqlite::scrub::Scrub;

/// Without these, no eight bytes in a row are a reference's alone.
const REFERENCE_BYTES_KEPT: usize = 9;

const SELECT: &str = "SELECT reference, tenant, puid, oid, created_at, mac FROM subject";

pub(super) fn add(connection: &Connection, subjects: &[NewSubject]) -> Result<(), Failure> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO subject (reference, tenant, puid, oid, created_at, mac)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for NewSubject { subject, .. } in subjects {
        insert.execute(params![
            subject.reference.as_bytes(),
            subject.tenant.as_str(),
            subject.puid.as_bytes(),
            subject.oid.as_bytes(),
            At(subject.created_at),
            subject.mac,
        ])?;
    }
    for NewSubject { keys, aliases, .. } in subjects {
        wrapped::add(connection, keys)?;
        add_aliases(connection, aliases)?;
    }
    Ok(())
}

pub(super) fn add_aliases(connection: &Connection, aliases: &[AliasRow]) -> Result<(), Failure> {
    if orphan::any(connection, aliases)? {
        return Err(Failure::Store(StoreError::Conflict));
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO alias (source, table_name, row_key, subject, mac) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for alias in aliases {
        insert.execute(params![
            alias.source.as_str(),
            alias.table,
            alias.key,
            alias.subject.as_bytes(),
            alias.mac,
        ])?;
    }
    Ok(())
}

/// Those with a salt, by reference.
pub(super) fn with_salts(
    connection: &Connection,
    after: Option<SubjectRef>,
    count_max: u32,
) -> Result<Vec<SubjectRow>, Failure> {
    let mut select = connection.prepare_cached(&format!(
        "{SELECT} WHERE reference > ?1 AND EXISTS (
             SELECT 1 FROM wrapped_key WHERE owner = subject.reference AND kind = ?2)
          ORDER BY reference LIMIT ?3"
    ))?;
    // Every reference is behind no bytes at all.
    let after = after
        .as_ref()
        .map_or(&[][..], |after| &after.as_bytes()[..]);
    let parameters = params![after, KeyKind::Salt.code(), count_max];
    let rows = select.query_map(parameters, subject_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Subjects by one of their three ids.
pub(super) fn by(
    connection: &Connection,
    column: &'static str,
    ids: &[[u8; 16]],
) -> Result<Vec<Option<SubjectRow>>, Failure> {
    let mut select = connection.prepare_cached(&format!("{SELECT} WHERE {column} = ?1"))?;
    ids.iter()
        .map(|id| Ok(select.query_row([id], subject_row).optional()?))
        .collect()
}

pub(super) fn by_alias(
    connection: &Connection,
    source: &SourceName,
    table: &str,
    keys: &[String],
) -> Result<Vec<Option<(AliasRow, SubjectRow)>>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT reference, tenant, puid, oid, created_at, subject.mac, alias.mac
         FROM alias JOIN subject ON subject.reference = alias.subject
         WHERE source = ?1 AND table_name = ?2 AND row_key = ?3",
    )?;
    keys.iter()
        .map(|key| {
            let found = select.query_row(params![source.as_str(), table, key], |row| {
                let subject = subject_row(row)?;
                let alias = AliasRow {
                    source: source.clone(),
                    table: table.to_owned(),
                    key: key.clone(),
                    subject: subject.reference,
                    mac: row.get(6)?,
                };
                Ok((alias, subject))
            });
            Ok(found.optional()?)
        })
        .collect()
}

pub(super) fn aliases_of(
    connection: &Connection,
    subject: SubjectRef,
) -> Result<Vec<AliasRow>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT source, table_name, row_key, mac FROM alias WHERE subject = ?1
         ORDER BY source, table_name, row_key",
    )?;
    let aliases = select.query_map([subject.as_bytes()], |row| {
        Ok(AliasRow {
            source: parsed(row, 0)?,
            table: row.get(1)?,
            key: row.get(2)?,
            subject,
            mac: row.get(3)?,
        })
    })?;
    Ok(aliases.collect::<Result<_, _>>()?)
}

pub(super) fn count(connection: &Connection) -> Result<u64, Failure> {
    let mut count = connection.prepare_cached("SELECT count(*) FROM subject")?;
    let count: i64 = count.query_row([], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

pub(super) fn destroy(
    connection: &Connection,
    subject: SubjectRef,
    today: Date,
    at: Timestamp,
    telling: Option<&Telling>,
    consent: &ConsentEnd,
    scrub: &mut Scrub,
) -> Result<Vec<RetentionKey>, Failure> {
    // A repeated call finds nobody, whose salt could be another.
    let telling = match telling {
        Some(telling) if is_known(connection, subject)? => Some(telling),
        _ => None,
    };
    if let Some(telling) = telling {
        salt::check(connection, subject, telling)?;
    }
    let keys = wrapped::destroy_of_subject(connection, subject, today, scrub)?;
    orphan::add_places(connection, &consent.places)?;
    if let Some(key) = &consent.kept {
        wrapped::keep(connection, key)?;
    }
    subject_request::end_of(connection, subject, at, scrub)?;
    field_erasure::forget(connection, subject)?;
    let links = destroy_links(connection, subject, scrub)?;
    let grants = access::end_grants_on(connection, subject, at)?;
    if keys + links + grants > 0 {
        let number = change::add(connection, ChangeKind::Erased(subject))?;
        stream::add(connection, number, telling)?;
    }
    kept(connection, subject)
}

/// Whether there is such a subject.
pub(super) fn is_known(connection: &Connection, subject: SubjectRef) -> Result<bool, Failure> {
    let mut select = connection.prepare_cached("SELECT 1 FROM subject WHERE reference = ?1")?;
    Ok(select.exists([subject.as_bytes()])?)
}

/// Deletes aliases and ids; answers how many rows.
fn destroy_links(
    connection: &Connection,
    subject: SubjectRef,
    scrub: &mut Scrub,
) -> Result<u64, Failure> {
    orphan::add_rows(connection, subject)?;
    let mut delete =
        connection.prepare_cached("DELETE FROM alias WHERE subject = ?1 RETURNING mac")?;
    let mut rows = delete.query([subject.as_bytes()])?;
    let mut aliases = 0;
    while let Some(row) = rows.next()? {
        // The row's key may be anybody's text, and the reference stays with retention keys; what both stand beside, and
        // nothing else, is the MAC. So with the end of the reference it is searched for.
        let (_, reference) = subject.as_bytes().split_at(REFERENCE_BYTES_KEPT);
        scrub.add(&[reference, row.get_ref(0)?.as_blob().unwrap_or_default()].concat());
        aliases += 1;
    }
    let ids: Option<([u8; 16], [u8; 16])> = connection
        .prepare_cached("DELETE FROM subject WHERE reference = ?1 RETURNING puid, oid")?
        .query_row([subject.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((puid, oid)) = ids {
        // Either id alone says nothing; what must not be found is which belongs to which.
        // The account id itself is needed until the values under it are deleted; it stands alone then.
        scrub.add(&oid);
        orphan::add_puid(connection, puid)?;
    }
    Ok(aliases + u64::from(ids.is_some()))
}

/// The retention keys that are left.
fn kept(connection: &Connection, subject: SubjectRef) -> Result<Vec<RetentionKey>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT id, expires_on FROM wrapped_key WHERE owner = ?1 AND kind = ?2
         ORDER BY expires_on, id",
    )?;
    let kind = KeyKind::SubjectRetention.code();
    let kept = select.query_map(params![subject.as_bytes(), kind], |row| {
        Ok(RetentionKey {
            id: KeyId(row.get(0)?),
            expires_on: row.get::<_, Day>(1)?.0,
        })
    })?;
    Ok(kept.collect::<Result<_, _>>()?)
}

fn subject_row(row: &Row<'_>) -> rusqlite::Result<SubjectRow> {
    Ok(SubjectRow {
        reference: SubjectRef::from_bytes(row.get(0)?),
        tenant: parsed(row, 1)?,
        puid: Puid::from_bytes(row.get(2)?),
        oid: Oid::from_bytes(row.get(3)?),
        created_at: row.get::<_, At>(4)?.0,
        mac: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SqliteOptions;
    use crate::sqlite::file::StoreFile;
    use crate::sqlite::scrub;

    /// What SQLite leaves when it compacts a page is imitated by deleting without `secure_delete`. There is nothing but the
    /// alias, so that nothing else makes the file be rebuilt.
    #[test]
    fn what_is_left_of_an_alias_is_found_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let file = StoreFile::create(dir.path(), &crate::sqlite::keys::SPEC).unwrap();
        let connection = file.writer(&SqliteOptions::default()).unwrap();
        connection
            .execute_batch("PRAGMA secure_delete = off; PRAGMA foreign_keys = off;")
            .unwrap();
        let subject = SubjectRef::from_bytes([0xa5; 16]);
        let alias = AliasRow {
            source: "shop".parse().unwrap(),
            table: "customer".into(),
            key: "42".into(),
            subject,
            mac: std::array::from_fn(|position| position as u8),
        };
        add_aliases(&connection, &[alias]).unwrap();
        let mut destroyed = Scrub::default();
        let (today, now) = (Date::constant(2026, 11, 25), Timestamp::UNIX_EPOCH);
        let consent = ConsentEnd::default();
        destroy(
            &connection,
            subject,
            today,
            now,
            None,
            &consent,
            &mut destroyed,
        )
        .unwrap();
        scrub::empty_log(&connection, &file).unwrap();
        let is_left = destroyed.search(file.raw.as_ref().unwrap()).unwrap();
        assert!(is_left);
        scrub::rebuild(&connection, &file).unwrap();
        let bytes = std::fs::read(&file.path).unwrap();
        // The row alone is known until it is erased at its application; whose it was is not.
        let link = [b"shopcustomer42".as_slice(), subject.as_bytes()].concat();
        assert!(!bytes.windows(link.len()).any(|window| window == link));
        assert!(bytes.windows(14).any(|window| window == b"shopcustomer42"));
    }
}
