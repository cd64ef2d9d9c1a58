//! The tree cut into tiles of 256 hashes (C2SP tlog-tiles): small files that never change once full.

mod builder;
mod memory;
mod path;

pub use builder::TileBuilder;
pub use memory::{MemoryTiles, MissingTile};
pub(crate) use path::parse_decimal;
pub use path::{Level, TilePath};

use crate::{HASH_BYTES, Hash};

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// One more than the highest level that a tree of 2^64 leaves can have tiles on.
const LEVELS: u8 = 8;

/// One tile: consecutive hashes of one level of the tree.
///
/// Hash `i` of tile `n` at level `l` is the root of the `256^l` leaves from `(n * 256 + i) * 256^l` on;
/// level 0 holds the leaf hashes themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Level, from 0.
    pub level: u8,
    /// Index of the tile within its level, from 0.
    pub n: u64,
    /// Number of hashes: 1 to 255 for a partial tile, 256 for a full one.
    pub width: u16,
    /// The hashes, 32 bytes each.
    pub data: Vec<u8>,
}

impl Tile {
    /// Where the tile is published.
    pub fn path(&self) -> TilePath {
        TilePath {
            level: Level::Hashes(self.level),
            n: self.n,
            width: self.width,
        }
    }

    /// Whether the tile is final: no later append changes it.
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }
}

/// Somebody who has the tiles: a store, a directory, a server.
pub trait TileReader {
    /// Why a tile could not be read.
    type Error;

    /// The first `width` hashes of tile `n` at `level`, 32 bytes each.
    ///
    /// A reader that only holds a wider version of the tile may answer with that; what follows the
    /// first `width` hashes is ignored.
    ///
    /// # Errors
    /// Whatever kept the reader from producing the tile.
    fn tile(&self, level: u8, n: u64, width: u16) -> Result<Vec<u8>, Self::Error>;
}

/// Number of hashes that tile `n` at `level` has in a tree of `size` leaves: 0 (no such tile) to 256.
pub fn tile_width(level: u8, n: u64, size: u64) -> u16 {
    let hashes = hashes_on_level(level, size);
    let before = n.saturating_mul(TILE_WIDTH.into());
    let width = hashes.saturating_sub(before).min(TILE_WIDTH.into());
    u16::try_from(width).unwrap_or(TILE_WIDTH)
}

/// The partial tiles of a tree of `size` leaves, lowest level first: what a writer must load to go on.
pub fn right_edge_tiles(size: u64) -> Vec<TilePath> {
    (0..LEVELS)
        .filter_map(|level| {
            let n = hashes_on_level(level, size) / u64::from(TILE_WIDTH);
            let width = tile_width(level, n, size);
            (width > 0).then_some(TilePath {
                level: Level::Hashes(level),
                n,
                width,
            })
        })
        .collect()
}

/// All tiles of a tree of `size` leaves, level by level from the leaves up, left to right.
pub fn tile_paths(size: u64) -> impl Iterator<Item = TilePath> {
    (0..LEVELS).flat_map(move |level| {
        let tiles = hashes_on_level(level, size).div_ceil(TILE_WIDTH.into());
        (0..tiles).map(move |n| TilePath {
            level: Level::Hashes(level),
            n,
            width: tile_width(level, n, size),
        })
    })
}

/// Number of complete subtrees of `256^level` leaves.
fn hashes_on_level(level: u8, size: u64) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

/// Hash number `i` in the bytes of a tile.
pub(crate) fn hash_at(data: &[u8], i: usize) -> Option<Hash> {
    Hash::from_slice(data.get(i * HASH_BYTES..)?.get(..HASH_BYTES)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: impl IntoIterator<Item = TilePath>) -> Vec<String> {
        paths.into_iter().map(|path| path.to_string()).collect()
    }

    #[test]
    fn the_specification_s_example_of_70_000_leaves() {
        assert_eq!(
            paths(right_edge_tiles(70_000)),
            ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
        );
        assert_eq!(tile_paths(70_000).count(), 273 + 1 + 1 + 1 + 1);
        assert_eq!(paths(tile_paths(256)), ["tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(paths(tile_paths(0)), Vec::<String>::new());
    }

    #[test]
    fn widths_at_the_ends_of_the_number_range() {
        assert_eq!(tile_width(0, 0, 0), 0);
        assert_eq!(tile_width(7, 0, u64::MAX), 255);
        assert_eq!(tile_width(8, 0, u64::MAX), 0);
        assert_eq!(tile_width(63, u64::MAX, u64::MAX), 0);
        assert_eq!(tile_width(0, u64::MAX, 5), 0);
    }
}
