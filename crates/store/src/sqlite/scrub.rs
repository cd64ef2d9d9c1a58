//! Making sure that destroyed bytes are gone from the key store's file.
//!
//! `secure_delete` alone does not do it: when SQLite compacts a B-tree page that is too fragmented for a new cell
//! (`rebuildPage`), the old copies of cells that it moved stay in the page's free space, and deleting such a row later
//! overwrites only its live copy. About one deleted row in ten thousand survives that way. So the file is searched for
//! what was destroyed, and rebuilt (`VACUUM`) when something is left. Reading a large file takes seconds, so a thread of its own
//! does it (`engine/search.rs`), behind the call's answer.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use privet_vault::port::StoreError;
use rusqlite::Connection;

use super::file::{Failure, StoreFile};

/// How much of the file is read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// Bytes of a block that is searched for.
const BLOCK_BYTES: usize = 8;

/// What a transaction destroyed, as every eight bytes in a row that it holds. Then the file need be looked at in steps
/// of eight only: any remainder of fifteen bytes, wherever it lies, fills one of them.
#[derive(Debug, Default)]
pub(super) struct Scrub {
    pub(super) requested: bool,
    /// What an earlier process destroyed is not known any more, so that the file must be rebuilt in any case.
    rebuild: bool,
    blocks: Vec<u64>,
}

impl Scrub {
    /// Asks for the write-ahead log to be emptied and the file to be searched, even if nothing is added: a call that is
    /// repeated because it failed half-way has nothing left to delete.
    pub(super) fn request(&mut self) {
        self.requested = true;
    }

    /// What is owed after a crash between a deletion and its scrubbing.
    pub(super) fn of_unknown() -> Self {
        Self {
            rebuild: true,
            ..Self::default()
        }
    }

    /// Adds bytes that must not be found afterwards.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let blocks = bytes.windows(BLOCK_BYTES).filter_map(<[u8]>::first_chunk);
        // Blocks such as zeros say nothing: a file is full of them.
        let telling = blocks.filter(|block| block.iter().any(|byte| Some(byte) != block.first()));
        self.blocks
            .extend(telling.map(|block| u64::from_le_bytes(*block)));
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.requested |= other.requested;
        self.rebuild |= other.rebuild;
        self.blocks.extend(other.blocks);
    }

    /// Whether something of it is left in the file, which holds all that was committed before. Nothing that is committed
    /// meanwhile brings it to another place: pages are compacted from their live rows, and are moved without their free space.
    pub(super) fn search(self, file: &File) -> io::Result<bool> {
        Ok(self.rebuild || Needles::new(self.blocks).is_in(file)?)
    }
}

/// Rebuilds the file: what was destroyed is in none of its pages.
pub(super) fn rebuild(connection: &Connection, file: &StoreFile) -> Result<(), StoreError> {
    connection
        .execute_batch("VACUUM")
        .map_err(|error| Failure::from(error).into_store(file.spec))?;
    empty_log(connection, file)
}

/// Notes that nothing is left of anything that was destroyed.
pub(super) fn forget(connection: &Connection, file: &StoreFile) -> Result<(), StoreError> {
    connection
        .execute("DELETE FROM scrub", [])
        .map_err(|error| Failure::from(error).into_store(file.spec))?;
    Ok(())
}

/// Finishes what a crash interrupted between a deletion and its scrubbing. What was deleted is not known any more, so
/// the file is rebuilt.
pub(super) fn finish_interrupted(
    connection: &Connection,
    file: &StoreFile,
) -> Result<(), StoreError> {
    if file.raw.is_none() {
        return Ok(());
    }
    let pending: bool = connection
        .query_row("SELECT EXISTS (SELECT 1 FROM scrub)", [], |row| row.get(0))
        .map_err(|error| Failure::from(error).into_store(file.spec))?;
    if pending {
        rebuild(connection, file)?;
        forget(connection, file)?;
    }
    Ok(())
}

/// Moves the write-ahead log into the file and truncates it; old versions of pages live in it until then.
pub(super) fn empty_log(connection: &Connection, file: &StoreFile) -> Result<(), StoreError> {
    let failed = |error| Failure::from(error).into_store(file.spec);
    if is_emptied_at_once(connection, file).map_err(failed)? {
        return Ok(());
    }
    // Another program reads it: now ours go on, while that one is waited for.
    if checkpoint(connection).map_err(failed)? {
        return Ok(());
    }
    Err(StoreError::Unavailable(format!(
        "what was deleted from `{}` is still in its write-ahead log, since another program reads it: \
         close that program and repeat the deletion",
        file.spec.name
    )))
}

/// Waits for nobody but our own readers.
fn is_emptied_at_once(connection: &Connection, file: &StoreFile) -> rusqlite::Result<bool> {
    let wait_ms: u32 = connection.pragma_query_value(None, "busy_timeout", |row| row.get(0))?;
    connection.busy_timeout(Duration::ZERO)?;
    // The first attempt has written and flushed what it could, so that the second, for which our own readers wait, is short. Under
    // load they follow each other so closely that there may be no moment without one.
    let emptied = checkpoint(connection).and_then(|emptied| {
        if emptied {
            return Ok(true);
        }
        let _alone = file.without_readers();
        checkpoint(connection)
    });
    connection.busy_timeout(Duration::from_millis(wait_ms.into()))?;
    emptied
}

/// Whether the log is empty.
fn checkpoint(connection: &Connection) -> rusqlite::Result<bool> {
    let busy = "PRAGMA wal_checkpoint(TRUNCATE)";
    connection.query_row(busy, [], |row| Ok(row.get::<_, i64>(0)? == 0))
}

/// A set of blocks, with a small filter in front, since nearly every block of the file is none of them.
struct Needles {
    blocks: Vec<u64>,
    filter: Vec<u64>,
    shift: u32,
}

impl Needles {
    fn new(mut blocks: Vec<u64>) -> Self {
        blocks.sort_unstable();
        blocks.dedup();
        // Sixteen bits each: one block in sixteen of the others passes the filter.
        let bits = (blocks.len() * 16).next_power_of_two().max(1 << 16);
        let shift = 64 - bits.trailing_zeros();
        let mut needles = Self {
            filter: vec![0; bits / 64],
            blocks,
            shift,
        };
        for block in &needles.blocks {
            let (word, bit) = slot(*block, shift);
            if let Some(word) = needles.filter.get_mut(word) {
                *word |= bit;
            }
        }
        needles
    }

    fn contains(&self, block: u64) -> bool {
        let (word, bit) = slot(block, self.shift);
        self.filter.get(word).is_some_and(|word| word & bit != 0)
            && self.blocks.binary_search(&block).is_ok()
    }

    fn is_in(&self, file: &File) -> io::Result<bool> {
        if self.blocks.is_empty() {
            return Ok(false);
        }
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut offset = 0;
        loop {
            let size = read_full_at(file, &mut buffer, offset)?;
            let chunk = buffer.get(..size).unwrap_or_default();
            let mut blocks = chunk.as_chunks::<BLOCK_BYTES>().0.iter();
            if blocks.any(|block| self.contains(u64::from_le_bytes(*block))) {
                return Ok(true);
            }
            if size < CHUNK_BYTES {
                return Ok(false);
            }
            offset += CHUNK_BYTES as u64;
        }
    }
}

/// Fibonacci hashing: the product's upper bits choose a bit of the filter.
fn slot(block: u64, shift: u32) -> (usize, u64) {
    let bit = block.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift;
    ((bit / 64) as usize, 1 << (bit % 64))
}

fn read_full_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..)
        && !rest.is_empty()
    {
        match file.read_at(rest, offset + done as u64) {
            Ok(0) => break,
            Ok(size) => done += size,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn is_found(bytes: &[u8], needle: &[u8]) -> bool {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let mut scrub = Scrub::default();
        scrub.add(needle);
        scrub.search(&file).unwrap()
    }

    #[test]
    fn finds_a_remainder_at_any_offset_and_across_chunks() {
        let needle: Vec<u8> = (1..=60).collect();
        for offset in [
            0,
            1,
            7,
            4095,
            CHUNK_BYTES - 30,
            CHUNK_BYTES - 4,
            CHUNK_BYTES + 1,
        ] {
            let mut bytes = vec![0; CHUNK_BYTES + 200];
            bytes[offset..offset + 15].copy_from_slice(&needle[3..18]);
            assert!(is_found(&bytes, &needle), "at {offset}");
        }
    }

    #[test]
    fn finds_nothing_where_nothing_is() {
        assert!(!is_found(&vec![0; 2 * CHUNK_BYTES], &[0; 60]));
        assert!(!is_found(&[], &[1, 2, 3, 4, 5, 6, 7, 8]));
        assert!(!is_found(
            &[1, 2, 3, 4, 5, 6, 7, 9],
            &[1, 2, 3, 4, 5, 6, 7, 8]
        ));
    }

    /// What SQLite leaves when it compacts a page is imitated by deleting without `secure_delete`.
    #[test]
    fn what_deleting_left_behind_is_found_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let file = StoreFile::create(dir.path(), &crate::sqlite::keys::SPEC).unwrap();
        let connection = file.writer(&crate::SqliteOptions::default()).unwrap();
        connection
            .execute_batch("PRAGMA secure_delete = off; INSERT INTO scrub VALUES (1)")
            .unwrap();
        let secret: Vec<u8> = (1..=60).collect();
        let insert = "INSERT INTO log_position VALUES (CAST(?1 AS TEXT), 1)";
        connection.execute(insert, [&secret]).unwrap();
        connection.execute("DELETE FROM log_position", []).unwrap();
        let is_there = || {
            let bytes = std::fs::read(&file.path).unwrap();
            bytes.windows(60).any(|window| window == secret)
        };
        empty_log(&connection, &file).unwrap();
        assert!(is_there());

        let mut scrub = Scrub::default();
        scrub.add(&secret);
        let is_left = scrub.search(file.raw.as_ref().unwrap()).unwrap();
        assert!(is_left);
        rebuild(&connection, &file).unwrap();
        forget(&connection, &file).unwrap();
        assert!(!is_there());
        let pending: i64 = connection
            .query_row("SELECT count(*) FROM scrub", [], |row| row.get(0))
            .unwrap();
        assert_eq!(pending, 0);
    }
}
