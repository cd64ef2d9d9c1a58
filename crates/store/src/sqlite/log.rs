//! The log store on SQLite: entries, tiles and checkpoints by origin, and side records.

use async_trait::async_trait;
use privet_vault::port::{LogBatch, LogState, LogStore, SideRow, StoreError, TileRow};
use rusqlite::{Connection, OptionalExtension, params};

use super::column::{At, Count};
use super::engine::Engine;
use super::file::{Failure, FileSpec};

pub(super) static SPEC: FileSpec = FileSpec {
    name: "log.sqlite",
    application_id: i32::from_be_bytes(*b"PvtL"),
    migrations: &[FORMAT_1],
    damaged: "`log.sqlite` is not what was written: run `privet audit verify`, then restore it from its copy",
    mmap_bytes: 1 << 30,
    cache_bytes: 16 << 20,
    page_bytes: 8192,
    checkpoint_pages: 1000,
    searched: false,
};

const FORMAT_1: &str = "
CREATE TABLE log (
    number INTEGER PRIMARY KEY,
    origin TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    checkpoint BLOB NOT NULL,
    last_entry_at INTEGER NOT NULL
);

CREATE TABLE entry (
    log INTEGER NOT NULL REFERENCES log (number),
    position INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (log, position)
);

CREATE TABLE tile (
    log INTEGER NOT NULL REFERENCES log (number),
    level INTEGER NOT NULL,
    number INTEGER NOT NULL,
    width INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (log, level, number)
);

CREATE TABLE side (
    number INTEGER PRIMARY KEY,
    bucket INTEGER NOT NULL,
    prefix INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    sealed BLOB NOT NULL
);
CREATE INDEX side_by_hash ON side (bucket, prefix);
";

/// Side records whose hashes are next to each other in the index. Hashes are random: in one index over all of them,
/// each insertion would write another page (512 pages of 8 KiB per batch), and the log would slow down as it grows.
/// Within a bucket they fall on a few dozen pages. Looking a hash up costs one probe per bucket, newest first; that is
/// rare, and so cheap enough.
const BUCKET_SIDES: i64 = 1 << 14;

/// `log.sqlite` as a [`LogStore`].
#[derive(Debug)]
pub(super) struct SqliteLog {
    pub(super) engine: Engine,
}

#[async_trait]
impl LogStore for SqliteLog {
    async fn origins(&self) -> Result<Vec<String>, StoreError> {
        self.engine
            .read(|connection| {
                let mut select =
                    connection.prepare_cached("SELECT origin FROM log ORDER BY origin")?;
                let origins = select.query_map([], |row| row.get(0))?;
                Ok(origins.collect::<Result<_, _>>()?)
            })
            .await
    }

    async fn state(&self, origin: &str) -> Result<Option<LogState>, StoreError> {
        let origin = origin.to_owned();
        self.engine
            .read(move |connection| {
                let mut select = connection.prepare_cached(
                    "SELECT size, checkpoint, last_entry_at FROM log WHERE origin = ?1",
                )?;
                let state = select.query_row([origin], |row| {
                    Ok(LogState {
                        size: row.get::<_, Count>(0)?.0,
                        checkpoint: row.get(1)?,
                        last_entry_at: row.get::<_, At>(2)?.0,
                    })
                });
                Ok(state.optional()?)
            })
            .await
    }

    async fn append(&self, origin: &str, batch: LogBatch) -> Result<(), StoreError> {
        crate::write::check_batch(&batch)?;
        let origin = origin.to_owned();
        self.engine
            .write(move |connection| {
                let log = move_state(connection, &origin, &batch)?;
                add_entries(connection, log, &batch)?;
                add_sides(connection, &batch.sides)?;
                put_tiles(connection, log, &batch.tiles)
            })
            .await
    }

    async fn entries(
        &self,
        origin: &str,
        first: u64,
        count_max: u32,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let origin = origin.to_owned();
        self.engine
            .read(move |connection| {
                let mut select = connection.prepare_cached(
                    "SELECT position, bytes FROM entry
                     WHERE log = (SELECT number FROM log WHERE origin = ?1) AND position >= ?2
                     ORDER BY position LIMIT ?3",
                )?;
                let mut rows = select.query(params![origin, Count(first), count_max])?;
                let mut entries = Vec::new();
                while let Some(row) = rows.next()? {
                    if row.get::<_, Count>(0)?.0 != first + entries.len() as u64 {
                        return Err(StoreError::Damaged(SPEC.damaged).into());
                    }
                    entries.push(row.get(1)?);
                }
                Ok(entries)
            })
            .await
    }

    async fn tile(
        &self,
        origin: &str,
        level: u8,
        number: u64,
    ) -> Result<Option<TileRow>, StoreError> {
        let origin = origin.to_owned();
        self.engine
            .read(move |connection| tile(connection, &origin, level, number))
            .await
    }

    async fn side(&self, sha256: [u8; 32]) -> Result<Option<SideRow>, StoreError> {
        self.engine
            .read(move |connection| {
                let mut select = connection.prepare_cached(
                    "SELECT sealed FROM side WHERE bucket = ?1 AND prefix = ?2 AND sha256 = ?3",
                )?;
                for bucket in (0..=last_bucket(connection)?).rev() {
                    let key = params![bucket, prefix(&sha256), sha256];
                    if let Some(sealed) = select.query_row(key, |row| row.get(0)).optional()? {
                        return Ok(Some(SideRow { sha256, sealed }));
                    }
                }
                Ok(None)
            })
            .await
    }

    async fn delete_sides(&self, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
        let hashes = hashes.to_vec();
        self.engine
            .destroy(move |connection, scrub| {
                scrub.request();
                let mut delete = connection.prepare_cached(
                    "DELETE FROM side WHERE bucket = ?1 AND prefix = ?2 AND sha256 = ?3",
                )?;
                for bucket in 0..=last_bucket(connection)? {
                    for sha256 in &hashes {
                        delete.execute(params![bucket, prefix(sha256), sha256])?;
                    }
                }
                Ok(())
            })
            .await
    }
}

/// Moves the log's state if it is where the batch expects it; answers the log's number.
fn move_state(connection: &Connection, origin: &str, batch: &LogBatch) -> Result<i64, Failure> {
    let found: Option<(i64, Count)> = connection
        .prepare_cached("SELECT number, size FROM log WHERE origin = ?1")?
        .query_row([origin], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if found.map_or(0, |(_, size)| size.0) != batch.size_before {
        return Err(StoreError::Conflict.into());
    }
    let state = &batch.state;
    let row = params![
        origin,
        Count(state.size),
        state.checkpoint,
        At(state.last_entry_at)
    ];
    if let Some((number, _)) = found {
        connection
            .prepare_cached(
                "UPDATE log SET size = ?2, checkpoint = ?3, last_entry_at = ?4 WHERE origin = ?1",
            )?
            .execute(row)?;
        return Ok(number);
    }
    connection
        .prepare_cached(
            "INSERT INTO log (origin, size, checkpoint, last_entry_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(row)?;
    Ok(connection.last_insert_rowid())
}

fn add_entries(connection: &Connection, log: i64, batch: &LogBatch) -> Result<(), Failure> {
    let mut insert = connection
        .prepare_cached("INSERT INTO entry (log, position, bytes) VALUES (?1, ?2, ?3)")?;
    for (position, entry) in (batch.size_before..).zip(&batch.entries) {
        insert.execute(params![log, Count(position), entry])?;
    }
    Ok(())
}

fn add_sides(connection: &Connection, sides: &[SideRow]) -> Result<(), Failure> {
    if sides.is_empty() {
        return Ok(());
    }
    let last: i64 = connection
        .prepare_cached("SELECT COALESCE(max(number), 0) FROM side")?
        .query_row([], |row| row.get(0))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO side (number, bucket, prefix, sha256, sealed) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (number, side) in (last + 1..).zip(sides) {
        let bucket = number / BUCKET_SIDES;
        insert.execute(params![
            number,
            bucket,
            prefix(&side.sha256),
            side.sha256,
            side.sealed
        ])?;
    }
    Ok(())
}

fn put_tiles(connection: &Connection, log: i64, tiles: &[TileRow]) -> Result<(), Failure> {
    let mut put = connection.prepare_cached(
        "INSERT INTO tile (log, level, number, width, data) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (log, level, number) DO UPDATE SET width = excluded.width, data = excluded.data
         WHERE excluded.width >= tile.width",
    )?;
    for tile in tiles {
        put.execute(params![
            log,
            tile.level,
            Count(tile.number),
            tile.width,
            tile.data
        ])?;
    }
    Ok(())
}

fn tile(
    connection: &Connection,
    origin: &str,
    level: u8,
    number: u64,
) -> Result<Option<TileRow>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT width, data FROM tile
         WHERE log = (SELECT number FROM log WHERE origin = ?1) AND level = ?2 AND number = ?3",
    )?;
    let tile = select
        .query_row(params![origin, level, Count(number)], |row| {
            Ok(TileRow {
                level,
                number,
                width: row.get(0)?,
                data: row.get(1)?,
            })
        })
        .optional()?;
    match tile {
        Some(tile) if tile.data.len() != usize::from(tile.width) * 32 => {
            Err(StoreError::Damaged(SPEC.damaged).into())
        }
        tile => Ok(tile),
    }
}

fn last_bucket(connection: &Connection) -> Result<i64, Failure> {
    Ok(connection
        .prepare_cached("SELECT COALESCE(max(bucket), 0) FROM side")?
        .query_row([], |row| row.get(0))?)
}

/// The hash's first eight bytes as a number: the index then holds a third of what whole hashes would take.
fn prefix(sha256: &[u8; 32]) -> i64 {
    let mut first = [0; 8];
    first
        .iter_mut()
        .zip(sha256)
        .for_each(|(to, from)| *to = *from);
    i64::from_be_bytes(first)
}
