//! The log store: entries, tiles and checkpoints by origin, and the side records beside them.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;

/// Where a log stands: the checkpoint and the tree's right edge, written in the same transaction as the entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    /// Number of entries.
    pub size: u64,
    /// The last signed checkpoint, as a C2SP signed note.
    pub checkpoint: Vec<u8>,
    /// The time of the last entry: a clock behind it stops the log.
    pub last_entry_at: Timestamp,
}

/// One tile (C2SP tlog-tiles): `width` hashes of 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileRow {
    /// Level of the tile, from 0.
    pub level: u8,
    /// Number within the level.
    pub number: u64,
    /// How many hashes it holds, 1 to 256.
    pub width: u16,
    /// `width` × 32 bytes.
    pub data: Vec<u8>,
}

/// A sealed side record: what an entry says that is long or personal. It can be destroyed alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideRow {
    /// SHA-256 of `sealed`, which the entry holds.
    pub sha256: [u8; 32],
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

/// One group commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogBatch {
    /// The size that the log must have; else [`StoreError::Conflict`] and nothing is written.
    pub size_before: u64,
    /// The entries' exact bytes, in order.
    pub entries: Vec<Vec<u8>>,
    /// Side records, durable with the entries that name them.
    pub sides: Vec<SideRow>,
    /// Tiles that changed; a wider tile replaces a narrower one of the same place.
    pub tiles: Vec<TileRow>,
    /// The state after the batch.
    pub state: LogState,
}

/// The log store.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// The origins that have written here.
    async fn origins(&self) -> Result<Vec<String>, StoreError>;

    /// Where a log stands; `None` when the origin has never written.
    async fn state(&self, origin: &str) -> Result<Option<LogState>, StoreError>;

    /// Appends a batch durably (it survives a power failure when this returns).
    async fn append(&self, origin: &str, batch: LogBatch) -> Result<(), StoreError>;

    /// Entries from `first`, at most `count_max`, in order.
    async fn entries(
        &self,
        origin: &str,
        first: u64,
        count_max: u32,
    ) -> Result<Vec<Vec<u8>>, StoreError>;

    /// The widest stored tile of a place.
    async fn tile(
        &self,
        origin: &str,
        level: u8,
        number: u64,
    ) -> Result<Option<TileRow>, StoreError>;

    /// A side record by its hash; `None` when it was destroyed.
    async fn side(&self, sha256: [u8; 32]) -> Result<Option<SideRow>, StoreError>;

    /// Destroys side records, overwriting them.
    async fn delete_sides(&self, hashes: &[[u8; 32]]) -> Result<(), StoreError>;
}
