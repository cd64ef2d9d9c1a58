//! Texts of notices: they are added and read, never changed, never deleted.

use privet_vault::port::NoticeRow;
use tokio_postgres::Row;

use super::reading;
use crate::postgres::column::from_time;
use crate::postgres::database::{Client, Failure};

/// Names are in the order of their bytes, whatever the database's own order is.
pub(super) const FORMAT_5: &str = "
CREATE TABLE notice (
    version text COLLATE \"C\" NOT NULL,
    purpose text COLLATE \"C\" NOT NULL,
    language text COLLATE \"C\" NOT NULL,
    content text NOT NULL,
    sha256 bytea NOT NULL,
    since bigint NOT NULL,
    PRIMARY KEY (version, purpose, language)
);
";

/// Rows come in the order of their keys, so that two servers that start with the same texts do not wait for each other.
pub(super) async fn add(client: &mut Client, rows: &[NoticeRow]) -> Result<(), Failure> {
    let transaction = client.transaction().await?;
    let add = transaction
        .prepare_cached(
            "INSERT INTO notice (version, purpose, language, content, sha256, since)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .await?;
    for row in rows {
        let since = from_time(row.since)?;
        let sha256 = &row.sha256[..];
        transaction
            .execute(
                &add,
                &[
                    &row.version,
                    &row.purpose,
                    &row.language,
                    &row.text,
                    &sha256,
                    &since,
                ],
            )
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

pub(super) async fn of_versions(
    client: &mut Client,
    versions: &[String],
) -> Result<Vec<NoticeRow>, Failure> {
    let select = client
        .prepare_cached(
            "SELECT version, purpose, language, content, sha256, since FROM notice
             WHERE version = ANY ($1) ORDER BY version, purpose, language",
        )
        .await?;
    let rows = client.query(&select, &[&versions]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<NoticeRow, Failure> {
    let row = reading(row);
    Ok(NoticeRow {
        version: row.get(0)?,
        purpose: row.get(1)?,
        language: row.get(2)?,
        text: row.get(3)?,
        sha256: row.bytes(4)?,
        since: row.time(5)?,
    })
}
