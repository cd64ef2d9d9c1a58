//! Texts of notices: they are added and read, never changed, never deleted.

use privet_vault::port::NoticeRow;
use rusqlite::{Connection, params};

use crate::sqlite::column::At;
use crate::sqlite::file::Failure;

pub(super) const FORMAT_5: &str = "
CREATE TABLE notice (
    version TEXT NOT NULL,
    purpose TEXT NOT NULL,
    language TEXT NOT NULL,
    content TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (version, purpose, language)
) WITHOUT ROWID;
";

pub(super) fn add(connection: &Connection, rows: &[NoticeRow]) -> Result<(), Failure> {
    let mut add = connection.prepare_cached(
        "INSERT INTO notice (version, purpose, language, content, sha256, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
    )?;
    for row in rows {
        add.execute(params![
            row.version,
            row.purpose,
            row.language,
            row.text,
            row.sha256,
            At(row.since)
        ])?;
    }
    Ok(())
}

pub(super) fn of_versions(
    connection: &Connection,
    versions: &[String],
) -> Result<Vec<NoticeRow>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT version, purpose, language, content, sha256, since FROM notice
         WHERE version = ?1 ORDER BY purpose, language",
    )?;
    let mut found = Vec::new();
    for version in versions {
        let rows = select.query_map([version], |row| {
            Ok(NoticeRow {
                version: row.get(0)?,
                purpose: row.get(1)?,
                language: row.get(2)?,
                text: row.get(3)?,
                sha256: row.get(4)?,
                since: row.get::<_, At>(5)?.0,
            })
        })?;
        for row in rows {
            found.push(row?);
        }
    }
    Ok(found)
}
