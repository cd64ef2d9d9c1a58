//! Tiles in memory: for tests, examples and small logs.

use std::collections::HashMap;

use thiserror::Error;

use super::{HASH_BYTES, Tile, TilePath, TileReader};

/// All tiles of a log, the widest version of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryTiles {
    tiles: HashMap<(u8, u64), Vec<u8>>,
}

impl MemoryTiles {
    /// Keeps `tile` in place of any narrower version of it.
    pub fn insert(&mut self, tile: Tile) {
        self.tiles.insert((tile.level, tile.n), tile.data);
    }

    /// The bytes of a tile, to read or, in a test, to damage.
    pub fn get_mut(&mut self, level: u8, n: u64) -> Option<&mut Vec<u8>> {
        self.tiles.get_mut(&(level, n))
    }
}

impl Extend<Tile> for MemoryTiles {
    fn extend<I: IntoIterator<Item = Tile>>(&mut self, tiles: I) {
        tiles.into_iter().for_each(|tile| self.insert(tile));
    }
}

/// The tile is not there, or not that wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is missing")]
pub struct MissingTile(pub TilePath);

impl TileReader for MemoryTiles {
    type Error = MissingTile;

    fn tile(&self, level: u8, n: u64, width: u16) -> Result<Vec<u8>, MissingTile> {
        self.tiles
            .get(&(level, n))
            .and_then(|data| data.get(..usize::from(width) * HASH_BYTES))
            .map(<[u8]>::to_vec)
            .ok_or(MissingTile(TilePath::hashes(level, n, width)))
    }
}
