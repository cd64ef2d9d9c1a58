//! The full check: recompute the tree from all entries, and name the first entry or tile that is wrong.

mod fault;
mod log;

pub use fault::{Fault, VerifyError};
pub use log::{LogReader, settle, verify_log};

use crate::tile::{hash_at, tile_width};
use crate::{Checkpoint, HASH_BYTES, Hash, Tile, TileBuilder, TilePath, leaf_hash};

/// Recomputes a log from its entries, in order and in little memory.
///
/// Push the entries one after the other. Check each tile once all that it covers was pushed and before
/// the next tile of its level is complete; of the tiles at the right end, also later. At the end compare
/// with a checkpoint whose signature was verified. [`verify_log`] does all of it, and settles who is
/// wrong where an entry and a tile contradict each other.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    tree: TileBuilder,
    /// The last tile that was completed on each level.
    completed: Vec<Option<Tile>>,
}

impl Verifier {
    /// A check that begins with the first entry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next entry.
    pub fn push_entry(&mut self, entry: &[u8]) {
        self.push_leaf(leaf_hash(entry));
    }

    fn push_leaf(&mut self, leaf: Hash) {
        self.tree.append(leaf);
        for tile in self.tree.take_completed() {
            let level = usize::from(tile.level);
            if self.completed.len() <= level {
                self.completed.resize(level + 1, None);
            }
            if let Some(last) = self.completed.get_mut(level) {
                *last = Some(tile);
            }
        }
    }

    /// Compares the stored tile `n` at `level`, `width` hashes wide, with the entries pushed.
    ///
    /// # Errors
    /// A [`Fault`] that names the tile, and the entries below the first hash that differs.
    pub fn check_tile(&self, level: u8, n: u64, width: u16, data: &[u8]) -> Result<(), Fault> {
        let path = TilePath::hashes(level, n, width);
        let length = usize::from(width) * HASH_BYTES;
        if data.len() != length || width == 0 {
            return Err(Fault::TileLength { path });
        }
        let computed = self
            .computed(level, n, width)
            .and_then(|tile| tile.get(..length))
            .ok_or(Fault::OutOfOrder { path })?;
        if computed == data {
            return Ok(());
        }
        let hashes = |bytes| (0..width).filter_map(move |i| hash_at(bytes, i.into()));
        let differing = hashes(computed)
            .zip(hashes(data))
            .zip(0..)
            .find(|((a, b), _)| a != b);
        match differing {
            Some(((computed, stored), hash)) => Err(Fault::Contradiction {
                path,
                hash,
                computed,
                stored,
            }),
            None => Ok(()),
        }
    }

    /// The computed hashes of a tile, at least `width` of them if it is covered by the entries pushed
    /// and still held.
    fn computed(&self, level: u8, n: u64, width: u16) -> Option<&[u8]> {
        let last = self
            .completed
            .get(usize::from(level))
            .and_then(Option::as_ref);
        if let Some(tile) = last.filter(|tile| tile.n == n) {
            return Some(&tile.data);
        }
        let covered = tile_width(level, n, self.size());
        let at_right_end = tile_width(level, n.checked_add(1)?, self.size()) == 0;
        (at_right_end && covered >= width).then(|| self.tree.partial(level))
    }

    /// Number of entries pushed.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root over the entries pushed: what an earlier checkpoint of this size must state, too.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Compares all that was pushed with a checkpoint.
    ///
    /// # Errors
    /// [`Fault::Size`] or [`Fault::Root`].
    pub fn finish(&self, checkpoint: &Checkpoint) -> Result<(), Fault> {
        let size = self.size();
        if size != checkpoint.size {
            return Err(Fault::Size {
                stated: checkpoint.size,
                found: size,
            });
        }
        if self.root() == checkpoint.root {
            Ok(())
        } else {
            Err(Fault::Root { size })
        }
    }
}
