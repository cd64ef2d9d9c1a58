//! The sequence that grants, revocations, erasures and changes of consent share, and how far each log's erasures were carried out.

use deadpool_postgres::GenericClient;
use privet_vault::port::{Change, ChangeKind};
use privet_vault::{GrantId, SessionId, SubjectRef, TokenId};

use super::reading;
use crate::postgres::column::{from_count, from_id, from_subjects};
use crate::postgres::database::{Client, Failure};
use crate::write::{CHANGES_MAX, TRIMMED_MAX};

pub(super) const GRANTED: i16 = 1;
pub(super) const GRANT_ENDED: i16 = 2;
pub(super) const TOKEN_REVOKED: i16 = 3;
pub(super) const ERASED: i16 = 4;
pub(super) const SESSION_ENDED: i16 = 5;
pub(super) const CONSENT_CHANGED: i16 = 6;
pub(super) const SALT_ROTATED: i16 = 7;
pub(super) const SALT_MADE: i16 = 8;
pub(super) const KEYS_REPLACED: i16 = 9;

/// Takes the next position. The head's row is locked until the transaction ends, so that positions become visible in
/// their order: whoever has read one has read all before it.
pub(super) async fn add(
    client: &impl GenericClient,
    kind: i16,
    id: &[u8; 16],
) -> Result<(), Failure> {
    client
        .execute(
            "WITH head AS (UPDATE sequence_head SET sequence = sequence + 1 RETURNING sequence)
             INSERT INTO change (sequence, kind, id) SELECT sequence, $1::smallint, $2::uuid FROM head",
            &[&kind, &from_id(id)],
        )
        .await?;
    Ok(())
}

/// A change of this kind for each subject, in the list's order; answers the first one's position.
pub(super) async fn add_all(
    client: &impl GenericClient,
    kind: i16,
    subjects: &[SubjectRef],
) -> Result<u64, Failure> {
    let ids = from_subjects(subjects);
    client
        .execute(
            "WITH head AS (
                 UPDATE sequence_head SET sequence = sequence + cardinality($2::uuid[])
                 RETURNING sequence - cardinality($2::uuid[]) AS sequence)
             INSERT INTO change (sequence, kind, id)
             SELECT head.sequence + place, $1::smallint, subject
               FROM head, unnest($2::uuid[]) WITH ORDINALITY AS asked (subject, place)",
            &[&kind, &ids],
        )
        .await?;
    // The head's row is locked until the transaction ends.
    let select = "SELECT sequence + 1 - $1 FROM sequence_head";
    let count = from_count(ids.len() as u64)?;
    let row = client.query_one(select, &[&count]).await?;
    reading(&row).count(0)
}

pub(super) async fn sequence(client: &mut Client) -> Result<u64, Failure> {
    let select = client
        .prepare_cached("SELECT sequence FROM sequence_head")
        .await?;
    let row = client.query_one(&select, &[]).await?;
    reading(&row).count(0)
}

pub(super) async fn after(client: &mut Client, position: u64) -> Result<Vec<Change>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT sequence, kind, id FROM change WHERE sequence > $1 ORDER BY sequence LIMIT $2",
        )
        .await?;
    let rows = client
        .query(&select, &[&from_count(position)?, &i64::from(CHANGES_MAX)])
        .await?;
    rows.iter()
        .map(|row| {
            let row = reading(row);
            let id = row.id(2)?;
            let kind = match row.get::<i16>(1)? {
                GRANTED => ChangeKind::Granted(GrantId::from_bytes(id)),
                GRANT_ENDED => ChangeKind::GrantEnded(GrantId::from_bytes(id)),
                TOKEN_REVOKED => ChangeKind::TokenRevoked(TokenId::from_bytes(id)),
                ERASED => ChangeKind::Erased(SubjectRef::from_bytes(id)),
                SESSION_ENDED => ChangeKind::SessionEnded(SessionId::from_bytes(id)),
                CONSENT_CHANGED => ChangeKind::ConsentChanged(SubjectRef::from_bytes(id)),
                SALT_ROTATED => ChangeKind::SaltRotated(SubjectRef::from_bytes(id)),
                SALT_MADE => ChangeKind::SaltMade(SubjectRef::from_bytes(id)),
                KEYS_REPLACED => ChangeKind::KeysReplaced(SubjectRef::from_bytes(id)),
                _ => return Err(row.damage()),
            };
            Ok(Change {
                sequence: row.count(0)?,
                kind,
            })
        })
        .collect()
}

/// The last change stays, so that whoever has read it finds it again.
pub(super) async fn trim(client: &mut Client, through: u64) -> Result<u64, Failure> {
    let delete = client
        .prepare_cached(
            "DELETE FROM change WHERE sequence IN (
                 SELECT sequence FROM change
                  WHERE sequence <= $1 AND sequence < (SELECT sequence FROM sequence_head)
                  ORDER BY sequence LIMIT $2)",
        )
        .await?;
    let (through, count_max) = (from_count(through)?, i64::from(TRIMMED_MAX));
    Ok(client.execute(&delete, &[&through, &count_max]).await?)
}

pub(super) async fn log_position(client: &mut Client, origin: &str) -> Result<u64, Failure> {
    let select = client
        .prepare_cached("SELECT position FROM log_position WHERE origin = $1")
        .await?;
    let row = client.query_opt(&select, &[&origin]).await?;
    row.map_or(Ok(0), |row| reading(&row).count(0))
}

pub(super) async fn set_log_position(
    client: &mut Client,
    origin: &str,
    position: u64,
) -> Result<(), Failure> {
    let put = client
        .prepare_cached(
            "INSERT INTO log_position (origin, position) VALUES ($1, $2)
             ON CONFLICT (origin) DO UPDATE SET position = excluded.position
             WHERE excluded.position > log_position.position",
        )
        .await?;
    client
        .execute(&put, &[&origin, &from_count(position)?])
        .await?;
    Ok(())
}
