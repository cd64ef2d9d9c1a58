//! Inclusion and consistency proofs (RFC 6962, sections 2.1.1 and 2.1.2): built from tiles, verified
//! from nothing.

use crate::tile::{hash_at, tile_width};
use crate::{BuildError, CompactRange, Hash, ProofError, TilePath, TileReader, node_hash};

/// The proof that leaf `index` is in the tree of `size` leaves: the hashes beside its way to the root,
/// from the leaf's sibling up. It reads at most two tiles per level.
///
/// # Errors
/// [`BuildError`] if there is no such leaf, or if `tiles` cannot produce what is needed. A proof from
/// damaged tiles is not detected here; it fails to verify.
pub fn inclusion_proof<R: TileReader>(
    index: u64,
    size: u64,
    tiles: &R,
) -> Result<Vec<Hash>, BuildError<R::Error>> {
    if index >= size {
        return Err(ProofError::IndexOutside { index, size }.into());
    }
    let mut tree = Subtrees {
        tiles,
        size,
        read: Vec::new(),
    };
    let mut proof = Vec::new();
    // PATH(m, D[n]), walked from the root down instead of recursively.
    let (mut low, mut high) = (0, size);
    while high - low > 1 {
        let middle = low + largest_power_of_two_below(high - low);
        if index < middle {
            proof.push(tree.root(middle, high)?);
            high = middle;
        } else {
            proof.push(tree.root(low, middle)?);
            low = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of `old` leaves is the beginning of the tree of `new` leaves. It is empty if
/// `old` is 0 or equals `new`. It reads at most two tiles per level.
///
/// # Errors
/// [`BuildError`] if `old` is larger than `new`, or if `tiles` cannot produce what is needed.
pub fn consistency_proof<R: TileReader>(
    old: u64,
    new: u64,
    tiles: &R,
) -> Result<Vec<Hash>, BuildError<R::Error>> {
    if old > new {
        return Err(ProofError::SizesReversed { old, new }.into());
    }
    let mut proof = Vec::new();
    if old == 0 {
        return Ok(proof);
    }
    let mut tree = Subtrees {
        tiles,
        size: new,
        read: Vec::new(),
    };
    // SUBPROOF(m, D[n], b), walked from the root down; its flag `b` is true while `low` is 0.
    let (mut low, mut high) = (0, new);
    while old != high {
        let middle = low + largest_power_of_two_below(high - low);
        if old <= middle {
            proof.push(tree.root(middle, high)?);
            high = middle;
        } else {
            proof.push(tree.root(low, middle)?);
            low = middle;
        }
    }
    if low != 0 {
        proof.push(tree.root(low, high)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that `leaf` is at `index` in the tree of `size` leaves with this `root`
/// (RFC 9162, section 2.1.3.2).
///
/// # Errors
/// [`ProofError`] says what does not fit.
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::IndexOutside { index, size });
    }
    verify_subtree(0, index, size, leaf, proof, root)
}

/// Checks that `subtree` is the root of the `2^height` leaves that are number `index` of their kind in
/// the tree of `size` leaves; there must be such leaves.
pub(crate) fn verify_subtree(
    height: u8,
    index: u64,
    size: u64,
    subtree: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    let length = ProofError::Length { found: proof.len() };
    let mut climb = Climb {
        node: index,
        last: size.saturating_sub(1) >> height,
    };
    let mut hash = *subtree;
    for sibling in proof {
        hash = match climb.step().ok_or(length)? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    if climb.last != 0 {
        return Err(length);
    }
    if hash == *root {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

/// Checks that the tree of `old_size` leaves with root `old_root` is the beginning of the tree of
/// `new_size` leaves with root `new_root` (RFC 9162, section 2.1.4.2).
///
/// # Errors
/// [`ProofError`] says what does not fit.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::SizesReversed {
            old: old_size,
            new: new_size,
        });
    }
    let length = ProofError::Length { found: proof.len() };
    if old_size == 0 || old_size == new_size {
        let expected = if old_size == 0 {
            CompactRange::new().root()
        } else {
            *new_root
        };
        return match proof {
            [] if *old_root == expected => Ok(()),
            [] => Err(ProofError::Root),
            _ => Err(length),
        };
    }
    // A perfect old tree is itself a node of the new one, and the proof does not repeat its root.
    let (start, rest) = if old_size.is_power_of_two() {
        (*old_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(length)?;
        (*first, rest)
    };
    let mut climb = Climb {
        node: old_size - 1,
        last: new_size - 1,
    };
    climb.skip(climb.node.trailing_ones());
    let (mut old, mut new) = (start, start);
    for sibling in rest {
        match climb.step().ok_or(length)? {
            Side::Left => {
                old = node_hash(sibling, &old);
                new = node_hash(sibling, &new);
            }
            Side::Right => new = node_hash(&new, sibling),
        }
    }
    if climb.last != 0 {
        return Err(length);
    }
    if old == *old_root && new == *new_root {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

/// The way from a node up to the root: its index on the current level, and that of the level's last
/// node (`fn` and `sn` of RFC 9162).
struct Climb {
    node: u64,
    last: u64,
}

/// On which side of the way a proof's hash stands.
enum Side {
    Left,
    Right,
}

impl Climb {
    /// Goes up to the next node that has a sibling, and says where that is; nothing at the root.
    fn step(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.node & 1 == 1 {
            Side::Left
        } else if self.node == self.last {
            // The last node of a level with an odd count has no sibling: it is carried up until it has
            // one, which then stands on its left. Not at the root, for `node` equals `last`, not 0.
            self.skip(self.node.trailing_zeros());
            Side::Left
        } else {
            Side::Right
        };
        self.skip(1);
        Some(side)
    }

    fn skip(&mut self, levels: u32) {
        self.node = self.node.checked_shr(levels).unwrap_or(0);
        self.last = self.last.checked_shr(levels).unwrap_or(0);
    }
}

/// The subtrees of a tree, computed from its tiles, each of which is read once.
struct Subtrees<'a, R> {
    tiles: &'a R,
    size: u64,
    read: Vec<(TilePath, Vec<u8>)>,
}

impl<R: TileReader> Subtrees<'_, R> {
    /// The root of the leaves `low..high`, which RFC 6962's splitting reaches: either a perfect
    /// subtree, or one that ends where the tree does.
    fn root(&mut self, low: u64, high: u64) -> Result<Hash, BuildError<R::Error>> {
        let mut range = CompactRange::new();
        let mut position = low;
        while position < high {
            let leaves = largest_power_of_two_below(high - position + 1);
            let height = leaves.trailing_zeros();
            let hash = self.perfect(height, position >> height)?;
            range.append_subtree(u8::try_from(height).unwrap_or(u8::MAX), hash);
            position += leaves;
        }
        Ok(range.root())
    }

    /// The root of the subtree of `2^height` leaves that is number `index` among those of its height.
    fn perfect(&mut self, height: u32, index: u64) -> Result<Hash, BuildError<R::Error>> {
        // The nearest tile below holds the 2^(height mod 8) hashes that it is made of.
        let level = u8::try_from(height / 8).unwrap_or(u8::MAX);
        let count = 1usize << (height % 8);
        let first = index << (height % 8);
        let path = TilePath::hashes(
            level,
            first / 256,
            tile_width(level, first / 256, self.size),
        );
        let data = self.tile(level, path)?;
        let offset = usize::try_from(first % 256).unwrap_or(0);
        let mut range = CompactRange::new();
        for i in offset..offset + count {
            range.append(hash_at(data, i).ok_or(BuildError::Length { path })?);
        }
        Ok(range.root())
    }

    fn tile(&mut self, level: u8, path: TilePath) -> Result<&[u8], BuildError<R::Error>> {
        let position = match self.read.iter().position(|(read, _)| *read == path) {
            Some(position) => position,
            None => {
                let data = self
                    .tiles
                    .tile(level, path.n, path.width)
                    .map_err(|source| BuildError::Read { path, source })?;
                self.read.push((path, data));
                self.read.len() - 1
            }
        };
        self.read
            .get(position)
            .map(|(_, data)| data.as_slice())
            .ok_or(BuildError::Length { path })
    }
}

/// The largest power of two smaller than `n`, where RFC 6962 splits `n` leaves; `n` is at least 2.
fn largest_power_of_two_below(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}
