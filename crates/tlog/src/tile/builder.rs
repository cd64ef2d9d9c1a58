//! The right edge of the tiled tree in memory, for the one who appends.

use super::{HASH_BYTES, TILE_WIDTH, Tile, TilePath, TileReader, hash_at, right_edge_tiles};
use crate::{BuildError, CompactRange, Hash, Level, RightEdgeError};

const TILE_BYTES: usize = TILE_WIDTH as usize * HASH_BYTES;

/// Appends leaves and says which tiles to write.
///
/// It holds the partial tile of each level, at most 8 KiB per level, so appending reads nothing. A batch
/// that may fail is tried on a clone: append, take the changed tiles, commit them together with
/// [`TileBuilder::size`] and a signed [`TileBuilder::root`], and keep the clone only if that succeeded.
#[derive(Clone, Debug, Default)]
pub struct TileBuilder {
    range: CompactRange,
    levels: Vec<RightTile>,
    completed: Vec<Tile>,
}

/// The tile at the right end of a level, not yet full.
#[derive(Clone, Debug, Default)]
struct RightTile {
    data: Vec<u8>,
    /// Bytes that the caller took already.
    taken_bytes: usize,
}

impl TileBuilder {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` leaves whose partial tiles, as [`right_edge_tiles`] lists them, are `tiles`,
    /// in any order.
    ///
    /// The root is computed from these tiles, so comparing [`TileBuilder::root`] with the last signed
    /// checkpoint shows whether they were touched.
    ///
    /// # Errors
    /// [`RightEdgeError`] if a tile is missing, is not at the right edge or has another width.
    pub fn from_partial_tiles(
        size: u64,
        tiles: impl IntoIterator<Item = Tile>,
    ) -> Result<Self, RightEdgeError> {
        const ERROR: fn(u64) -> RightEdgeError = |size| RightEdgeError { size };
        let mut expected = right_edge_tiles(size);
        let mut builder = Self::default();
        for tile in tiles {
            let path = tile.path();
            let position = expected
                .iter()
                .position(|p| *p == path)
                .ok_or(ERROR(size))?;
            expected.swap_remove(position);
            if tile.data.len() != usize::from(tile.width) * HASH_BYTES {
                return Err(ERROR(size));
            }
            *builder.level_mut(tile.level) = RightTile {
                taken_bytes: tile.data.len(),
                data: tile.data,
            };
        }
        builder.range = builder.range_of_levels();
        // A tile that is missing leaves too few.
        if builder.range.size() != size {
            return Err(ERROR(size));
        }
        Ok(builder)
    }

    /// Like [`TileBuilder::from_partial_tiles`], fetching the tiles from `reader`.
    ///
    /// # Errors
    /// [`BuildError`] if a tile cannot be read or is too short.
    pub fn from_reader<R: TileReader>(size: u64, reader: &R) -> Result<Self, BuildError<R::Error>> {
        let mut builder = Self::default();
        for path in right_edge_tiles(size) {
            let Level::Hashes(level) = path.level else {
                continue;
            };
            let mut data = reader
                .tile(level, path.n, path.width)
                .map_err(|source| BuildError::Read { path, source })?;
            let length = usize::from(path.width) * HASH_BYTES;
            if data.len() < length {
                return Err(BuildError::Length { path });
            }
            data.truncate(length);
            *builder.level_mut(level) = RightTile {
                taken_bytes: length,
                data,
            };
        }
        builder.range = builder.range_of_levels();
        Ok(builder)
    }

    /// The tree's right edge, from its partial tiles: each holds subtrees of `256^level` leaves, the
    /// highest level on the left.
    fn range_of_levels(&self) -> CompactRange {
        let mut range = CompactRange::new();
        for (level, tile) in self.levels.iter().enumerate().rev() {
            let height = u8::try_from(8 * level).unwrap_or(u8::MAX);
            for hash in (0..).map_while(|i| hash_at(&tile.data, i)) {
                range.append_subtree(height, hash);
            }
        }
        range
    }

    /// Adds a leaf; [`crate::leaf_hash`] makes one from an entry. Its index is the size before.
    pub fn append(&mut self, leaf: Hash) {
        let mut range = std::mem::take(&mut self.range);
        range.append_visiting(leaf, |height, index, hash| {
            // A tile shows one height in eight; those between are recomputed from it.
            if height % 8 == 0 {
                self.push(height / 8, index, hash);
            }
        });
        self.range = range;
    }

    fn push(&mut self, level: u8, index: u64, hash: &Hash) {
        let tile = self.level_mut(level);
        if tile.data.capacity() < TILE_BYTES {
            tile.data.reserve_exact(TILE_BYTES - tile.data.len());
        }
        tile.data.extend_from_slice(&hash.0);
        if tile.data.len() == TILE_BYTES {
            let data = std::mem::take(&mut tile.data);
            tile.taken_bytes = 0;
            let n = index / u64::from(TILE_WIDTH);
            self.completed.push(Tile {
                level,
                n,
                width: TILE_WIDTH,
                data,
            });
        }
    }

    /// The tiles that changed since the last call: those completed, in the order of their completion,
    /// then the partial ones, lowest level first. A full tile replaces all its partial versions.
    pub fn take_changed(&mut self) -> Vec<Tile> {
        let mut changed = std::mem::take(&mut self.completed);
        for path in right_edge_tiles(self.size()) {
            let Level::Hashes(level) = path.level else {
                continue;
            };
            let tile = self.level_mut(level);
            if tile.data.len() != tile.taken_bytes {
                tile.taken_bytes = tile.data.len();
                let TilePath { n, width, .. } = path;
                changed.push(Tile {
                    level,
                    n,
                    width,
                    data: tile.data.clone(),
                });
            }
        }
        changed
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.range.size()
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        self.range.root()
    }

    /// The right edge as perfect subtrees.
    pub fn range(&self) -> &CompactRange {
        &self.range
    }

    /// The tiles that were completed and not yet taken.
    pub(crate) fn take_completed(&mut self) -> Vec<Tile> {
        std::mem::take(&mut self.completed)
    }

    /// The hashes of the partial tile at `level`, as bytes; empty if there is none.
    pub(crate) fn partial(&self, level: u8) -> &[u8] {
        self.levels
            .get(usize::from(level))
            .map_or(&[], |tile| &tile.data)
    }

    fn level_mut(&mut self, level: u8) -> &mut RightTile {
        let level = usize::from(level);
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, RightTile::default);
        }
        #[expect(
            clippy::indexing_slicing,
            reason = "resized to hold this level just above"
        )]
        &mut self.levels[level]
    }
}
