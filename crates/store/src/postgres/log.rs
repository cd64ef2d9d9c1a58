//! The log store on PostgreSQL: entries, tiles and checkpoints by origin, and side records by hash.

use std::sync::OnceLock;

use async_trait::async_trait;
use privet_vault::port::{LogBatch, LogState, LogStore, SideRow, StoreError, TileRow};

use super::column::{Reading, from_count, from_time};
use super::database::{Database, DatabaseSpec, Failure};
use super::lease::Lease;

pub(super) static SPEC: DatabaseSpec = DatabaseSpec {
    name: "log store",
    schema: "privet_log",
    migrations: &[FORMAT_1],
    vacuumed: &["side"],
};

const DAMAGED: &str =
    "the log is not what was written: run `privet audit verify`, then restore it from its copy";

const FORMAT_1: &str = "
CREATE TABLE log (
    origin text PRIMARY KEY,
    size bigint NOT NULL,
    checkpoint bytea NOT NULL,
    last_entry_at bigint NOT NULL
);

CREATE TABLE entry (
    origin text NOT NULL,
    position bigint NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (origin, position)
);

CREATE TABLE tile (
    origin text NOT NULL,
    level smallint NOT NULL,
    number bigint NOT NULL,
    width smallint NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (origin, level, number)
);

CREATE TABLE side (
    sha256 bytea PRIMARY KEY,
    sealed bytea NOT NULL
);
";

/// Moves the state if it is where the batch expects it, and writes the rest only then: one statement is one round trip
/// and one transaction. A second writer waits for the first one's row and then finds another size.
fn append_sql(first: bool) -> String {
    let moved = if first {
        "INSERT INTO log (origin, size, checkpoint, last_entry_at)
         SELECT $1::text, $3::bigint, $4::bytea, $5::bigint WHERE $2::bigint = 0
         ON CONFLICT DO NOTHING RETURNING origin"
    } else {
        "UPDATE log SET size = $3::bigint, checkpoint = $4::bytea, last_entry_at = $5::bigint
          WHERE origin = $1::text AND size = $2::bigint RETURNING origin"
    };
    format!(
        "WITH moved AS ({moved}),
         entries AS (
             INSERT INTO entry (origin, position, bytes)
             SELECT origin, $2::bigint + n - 1, bytes
               FROM moved, unnest($6::bytea[]) WITH ORDINALITY AS given (bytes, n)),
         sides AS (
             INSERT INTO side (sha256, sealed)
             SELECT DISTINCT ON (sha256) sha256, sealed
               FROM moved, unnest($7::bytea[], $8::bytea[]) AS given (sha256, sealed)
             ON CONFLICT DO NOTHING),
         tiles AS (
             INSERT INTO tile (origin, level, number, width, data)
             SELECT origin, level, number, width, data
               FROM moved, unnest($9::smallint[], $10::bigint[], $11::smallint[], $12::bytea[])
                    AS given (level, number, width, data)
             ON CONFLICT (origin, level, number) DO UPDATE
                SET width = excluded.width, data = excluded.data
              WHERE excluded.width >= tile.width)
         SELECT count(*) FROM moved"
    )
}

/// The log's database as a [`LogStore`].
#[derive(Debug)]
pub(super) struct PostgresLog {
    database: Database,
    lease: OnceLock<Lease>,
}

impl PostgresLog {
    pub(super) fn new(database: Database) -> Self {
        Self {
            database,
            lease: OnceLock::new(),
        }
    }

    /// Keeps other servers from writing the log of this origin for as long as this store lives.
    pub(super) async fn lease(&self, origin: &str) -> Result<(), StoreError> {
        let lease = Lease::acquire(&self.database, origin).await?;
        // A server writes one log.
        self.lease.set(lease).map_err(|_| StoreError::InUse)
    }
}

#[async_trait]
impl LogStore for PostgresLog {
    async fn origins(&self) -> Result<Vec<String>, StoreError> {
        self.database
            .run(|client| {
                Box::pin(async move {
                    let select = client
                        .prepare_cached("SELECT origin FROM log ORDER BY origin COLLATE \"C\"")
                        .await?;
                    let rows = client.query(&select, &[]).await?;
                    rows.iter().map(|row| reading(row).get(0)).collect()
                })
            })
            .await
    }

    async fn state(&self, origin: &str) -> Result<Option<LogState>, StoreError> {
        let origin = origin.to_owned();
        self.database
            .run(move |client| {
                Box::pin(async move {
                    let select = client
                        .prepare_cached(
                            "SELECT size, checkpoint, last_entry_at FROM log WHERE origin = $1",
                        )
                        .await?;
                    let Some(row) = client.query_opt(&select, &[&origin]).await? else {
                        return Ok(None);
                    };
                    let row = reading(&row);
                    Ok(Some(LogState {
                        size: row.count(0)?,
                        checkpoint: row.get(1)?,
                        last_entry_at: row.time(2)?,
                    }))
                })
            })
            .await
    }

    async fn append(&self, origin: &str, batch: LogBatch) -> Result<(), StoreError> {
        crate::write::check_batch(&batch)?;
        let origin = origin.to_owned();
        self.database
            .run(move |client| {
                Box::pin(async move {
                    let append = client
                        .prepare_cached(&append_sql(batch.size_before == 0))
                        .await?;
                    let tiles = Tiles::new(&batch.tiles)?;
                    let (hashes, sealed): (Vec<&[u8]>, Vec<&[u8]>) = batch
                        .sides
                        .iter()
                        .map(|side| (side.sha256.as_slice(), side.sealed.as_slice()))
                        .unzip();
                    let row = client
                        .query_one(
                            &append,
                            &[
                                &origin,
                                &from_count(batch.size_before)?,
                                &from_count(batch.state.size)?,
                                &batch.state.checkpoint,
                                &from_time(batch.state.last_entry_at)?,
                                &batch.entries,
                                &hashes,
                                &sealed,
                                &tiles.levels,
                                &tiles.numbers,
                                &tiles.widths,
                                &tiles.data,
                            ],
                        )
                        .await?;
                    match reading(&row).count(0)? {
                        0 => Err(StoreError::Conflict.into()),
                        _ => Ok(()),
                    }
                })
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
        self.database
            .run(move |client| {
                Box::pin(async move {
                    let select = client
                        .prepare_cached(
                            "SELECT position, bytes FROM entry
                              WHERE origin = $1 AND position >= $2 ORDER BY position LIMIT $3",
                        )
                        .await?;
                    let from = from_count(first)?;
                    let count_max = i64::from(count_max);
                    let rows = client.query(&select, &[&origin, &from, &count_max]).await?;
                    let mut entries = Vec::with_capacity(rows.len());
                    for (position, row) in (first..).zip(&rows) {
                        let row = reading(row);
                        if row.count(0)? != position {
                            return Err(row.damage());
                        }
                        entries.push(row.get(1)?);
                    }
                    Ok(entries)
                })
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
        self.database
            .run(move |client| {
                Box::pin(async move {
                    let select = client
                        .prepare_cached(
                            "SELECT width, data FROM tile
                              WHERE origin = $1 AND level = $2 AND number = $3",
                        )
                        .await?;
                    let (level_key, number_key) = (i16::from(level), from_count(number)?);
                    let row = client
                        .query_opt(&select, &[&origin, &level_key, &number_key])
                        .await?;
                    let Some(row) = row else { return Ok(None) };
                    let row = reading(&row);
                    let tile = TileRow {
                        level,
                        number,
                        width: u16::try_from(row.get::<i16>(0)?).map_err(|_| row.damage())?,
                        data: row.get(1)?,
                    };
                    if tile.data.len() != usize::from(tile.width) * 32 {
                        return Err(row.damage());
                    }
                    Ok(Some(tile))
                })
            })
            .await
    }

    async fn side(&self, sha256: [u8; 32]) -> Result<Option<SideRow>, StoreError> {
        self.database
            .run(move |client| {
                Box::pin(async move {
                    let select = client
                        .prepare_cached("SELECT sealed FROM side WHERE sha256 = $1")
                        .await?;
                    let row = client.query_opt(&select, &[&sha256.as_slice()]).await?;
                    let Some(row) = row else { return Ok(None) };
                    let sealed = reading(&row).get(0)?;
                    Ok(Some(SideRow { sha256, sealed }))
                })
            })
            .await
    }

    async fn delete_sides(&self, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
        let hashes = hashes.to_vec();
        self.database
            .run(move |client| {
                Box::pin(async move {
                    let delete = client
                        .prepare_cached("DELETE FROM side WHERE sha256 = ANY ($1)")
                        .await?;
                    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
                    client.execute(&delete, &[&hashes]).await?;
                    Ok(())
                })
            })
            .await?;
        self.database.remove_dead_rows();
        Ok(())
    }
}

/// Tiles as columns.
struct Tiles<'b> {
    levels: Vec<i16>,
    numbers: Vec<i64>,
    widths: Vec<i16>,
    data: Vec<&'b [u8]>,
}

impl<'b> Tiles<'b> {
    /// The widest tile of each place: one statement cannot write a row twice.
    fn new(tiles: &'b [TileRow]) -> Result<Self, Failure> {
        let mut widest = std::collections::BTreeMap::new();
        for tile in tiles {
            let place = widest.entry((tile.level, tile.number)).or_insert(tile);
            if tile.width >= place.width {
                *place = tile;
            }
        }
        let mut columns = Self {
            levels: Vec::with_capacity(widest.len()),
            numbers: Vec::with_capacity(widest.len()),
            widths: Vec::with_capacity(widest.len()),
            data: Vec::with_capacity(widest.len()),
        };
        for ((level, number), tile) in widest {
            columns.levels.push(level.into());
            columns.numbers.push(from_count(number)?);
            // A tile has 256 hashes at most.
            columns
                .widths
                .push(i16::try_from(tile.width).unwrap_or(i16::MAX));
            columns.data.push(&tile.data);
        }
        Ok(columns)
    }
}

fn reading(row: &tokio_postgres::Row) -> Reading<'_> {
    Reading {
        row,
        damaged: DAMAGED,
    }
}
