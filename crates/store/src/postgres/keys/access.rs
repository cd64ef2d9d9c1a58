//! Tokens and grants. What changes rights also takes a place in the sequence, in the same statement.

use deadpool_postgres::GenericClient;
use jiff::Timestamp;
use privet_vault::port::{GrantRow, ScramVerifier, TokenRow};
use privet_vault::{GrantId, GrantRequestId, PrincipalName, SessionId, SubjectRef, TokenId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::{change, reading};
use crate::postgres::column::{from_fields, from_id, from_subjects, from_time};
use crate::postgres::database::{Client, Failure};

const SELECT_TOKEN: &str = "SELECT id, principal, sha256, scram_iterations, scram_salt,
    scram_stored_key, scram_server_key, created_at, expires_at, revoked_at, note FROM token";

const SELECT_GRANT: &str = "SELECT id, session, principal, subjects, fields, request, emergency,
    starts_at, ends_at, ended_at FROM access_grant";

pub(super) async fn add_token(client: &mut Client, token: &TokenRow) -> Result<(), Failure> {
    let insert = client
        .prepare_cached(
            "INSERT INTO token (id, principal, sha256, scram_iterations, scram_salt,
                 scram_stored_key, scram_server_key, created_at, expires_at, revoked_at, note)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .await?;
    client
        .execute(
            &insert,
            &[
                &from_id(token.id.as_bytes()),
                &token.principal.as_str(),
                &&token.sha256[..],
                &i64::from(token.scram.iterations),
                &&token.scram.salt[..],
                &&token.scram.stored_key[..],
                &&token.scram.server_key[..],
                &from_time(token.created_at)?,
                &from_time(token.expires_at)?,
                &token.revoked_at.map(from_time).transpose()?,
                &token.note,
            ],
        )
        .await?;
    Ok(())
}

pub(super) async fn tokens(client: &mut Client) -> Result<Vec<TokenRow>, Failure> {
    select_tokens(client, "ORDER BY created_at DESC, id DESC", &[]).await
}

pub(super) async fn tokens_of(
    client: &mut Client,
    principal: &PrincipalName,
) -> Result<Vec<TokenRow>, Failure> {
    select_tokens(
        client,
        "WHERE principal = $1 ORDER BY created_at DESC, id DESC",
        &[&principal.as_str()],
    )
    .await
}

pub(super) async fn token_by_sha256(
    client: &mut Client,
    sha256: &[u8; 32],
) -> Result<Option<TokenRow>, Failure> {
    let found = select_tokens(client, "WHERE sha256 = $1", &[&&sha256[..]]).await?;
    Ok(found.into_iter().next())
}

pub(super) async fn revoke_token(
    client: &mut Client,
    token: TokenId,
    at: Timestamp,
) -> Result<bool, Failure> {
    let sql = "UPDATE token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
    end(&*client, sql, token.as_bytes(), at, change::TOKEN_REVOKED).await
}

pub(super) async fn end_grant(
    client: &mut Client,
    id: GrantId,
    at: Timestamp,
) -> Result<bool, Failure> {
    end(&*client, END_GRANT, id.as_bytes(), at, change::GRANT_ENDED).await
}

const END_GRANT: &str = "UPDATE access_grant SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";

/// Runs an update that ends a right, and takes the next position if it did something.
async fn end(
    client: &impl GenericClient,
    update: &str,
    id: &[u8; 16],
    at: Timestamp,
    kind: i16,
) -> Result<bool, Failure> {
    let row = client
        .query_one(
            &format!(
                "WITH ended AS ({update} RETURNING id),
                 head AS (UPDATE sequence_head SET sequence = sequence + 1
                           WHERE EXISTS (SELECT FROM ended) RETURNING sequence),
                 changed AS (INSERT INTO change (sequence, kind, id)
                             SELECT sequence, $3::smallint, $1 FROM head)
                 SELECT count(*) FROM ended"
            ),
            &[&from_id(id), &from_time(at)?, &kind],
        )
        .await?;
    Ok(reading(&row).count(0)? > 0)
}

pub(super) async fn add_grant(client: &mut Client, grant: &GrantRow) -> Result<(), Failure> {
    let insert = client
        .prepare_cached(
            "WITH head AS (UPDATE sequence_head SET sequence = sequence + 1 RETURNING sequence),
             granted AS (
                 INSERT INTO access_grant (id, session, principal, subjects, fields, request, emergency,
                     starts_at, ends_at, ended_at, granted)
                 SELECT $1::uuid, $2::uuid, $3::text, $4::uuid[], $5::integer[], $6::uuid, $7::boolean,
                        $8::bigint, $9::bigint, $10::bigint, sequence
                   FROM head),
             subjects AS (
                 INSERT INTO granted_subject (subject, grant_id)
                 SELECT unnest($4::uuid[]), $1::uuid)
             INSERT INTO change (sequence, kind, id) SELECT sequence, $11::smallint, $1::uuid FROM head",
        )
        .await?;
    client
        .execute(
            &insert,
            &[
                &from_id(grant.id.as_bytes()),
                &from_id(grant.session.as_bytes()),
                &grant.principal.as_str(),
                &from_subjects(&grant.subjects),
                &from_fields(&grant.fields),
                &grant.request.map(|request| from_id(request.as_bytes())),
                &grant.emergency,
                &from_time(grant.starts_at)?,
                &from_time(grant.ends_at)?,
                &grant.ended_at.map(from_time).transpose()?,
                &change::GRANTED,
            ],
        )
        .await?;
    Ok(())
}

pub(super) async fn grant(client: &mut Client, id: GrantId) -> Result<Option<GrantRow>, Failure> {
    let select = client
        .prepare_cached(&format!("{SELECT_GRANT} WHERE id = $1"))
        .await?;
    let row = client
        .query_opt(&select, &[&from_id(id.as_bytes())])
        .await?;
    row.as_ref().map(grant_row).transpose()
}

pub(super) async fn grants_of(
    client: &mut Client,
    session: SessionId,
) -> Result<Vec<GrantRow>, Failure> {
    let select = client
        .prepare_cached(&format!(
            "{SELECT_GRANT} WHERE session = $1 ORDER BY granted"
        ))
        .await?;
    let rows = client
        .query(&select, &[&from_id(session.as_bytes())])
        .await?;
    rows.iter().map(grant_row).collect()
}

/// The newest first.
pub(super) async fn grants_since(
    client: &mut Client,
    since: Timestamp,
    count_max: u32,
) -> Result<Vec<GrantRow>, Failure> {
    let select = client
        .prepare_cached(&format!(
            "{SELECT_GRANT} WHERE ends_at >= $1 ORDER BY granted DESC LIMIT $2"
        ))
        .await?;
    let rows = client
        .query(&select, &[&from_time(since)?, &i64::from(count_max)])
        .await?;
    rows.iter().map(grant_row).collect()
}

/// Ends every grant on a subject's data, in the order in which they were given; answers how many.
pub(super) async fn end_grants_on(
    client: &impl GenericClient,
    subject: SubjectRef,
    at: Timestamp,
) -> Result<u64, Failure> {
    let open = client
        .query(
            "SELECT id FROM access_grant
              WHERE id IN (SELECT grant_id FROM granted_subject WHERE subject = $1)
                AND ended_at IS NULL
              ORDER BY granted FOR UPDATE",
            &[&from_id(subject.as_bytes())],
        )
        .await?;
    for row in &open {
        end(
            client,
            END_GRANT,
            &reading(row).id(0)?,
            at,
            change::GRANT_ENDED,
        )
        .await?;
    }
    Ok(open.len() as u64)
}

async fn select_tokens(
    client: &mut Client,
    condition: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<TokenRow>, Failure> {
    let select = client
        .prepare_cached(&format!("{SELECT_TOKEN} {condition}"))
        .await?;
    let rows = client.query(&select, parameters).await?;
    rows.iter().map(token_row).collect()
}

fn token_row(row: &Row) -> Result<TokenRow, Failure> {
    let row = reading(row);
    Ok(TokenRow {
        id: TokenId::from_bytes(row.id(0)?),
        principal: row.parsed(1)?,
        sha256: row.bytes(2)?,
        scram: ScramVerifier {
            iterations: u32::try_from(row.get::<i64>(3)?).map_err(|_| row.damage())?,
            salt: row.bytes(4)?,
            stored_key: row.bytes(5)?,
            server_key: row.bytes(6)?,
        },
        created_at: row.time(7)?,
        expires_at: row.time(8)?,
        revoked_at: row.time_if(9)?,
        note: row.get(10)?,
    })
}

fn grant_row(row: &Row) -> Result<GrantRow, Failure> {
    let row = reading(row);
    Ok(GrantRow {
        id: GrantId::from_bytes(row.id(0)?),
        session: SessionId::from_bytes(row.id(1)?),
        principal: row.parsed(2)?,
        subjects: row.subjects(3)?,
        fields: row.fields(4)?,
        request: row.id_if(5)?.map(GrantRequestId::from_bytes),
        emergency: row.get(6)?,
        starts_at: row.time(7)?,
        ends_at: row.time(8)?,
        ended_at: row.time_if(9)?,
    })
}
