//! The right edge of a growing tree: all that is needed to append and to know the root.

use crate::{Hash, RightEdgeError, empty_root, node_hash};

/// The largest tree: sizes and indexes stay within a signed 64-bit number, as in stores and other tools.
pub const TREE_SIZE_MAX: u64 = i64::MAX as u64;

/// A tree of `size` leaves, kept as the roots of its perfect subtrees.
///
/// The binary digits of the size say which subtrees there are: one of 2^k leaves for each digit k that
/// is set, the largest on the left. So a tree of 2^40 leaves needs at most 40 hashes, appending costs
/// one node hash on average, and cloning is cheap (which is how a writer undoes a failed batch).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    /// Roots of the perfect subtrees, from left (largest) to right; `size.count_ones()` of them.
    hashes: Vec<Hash>,
}

impl CompactRange {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` leaves whose perfect subtrees have the roots `hashes`, the largest first.
    ///
    /// # Errors
    /// [`RightEdgeError`] if the number of hashes does not fit the size. Whether they are the right
    /// ones only a trusted root can tell: compare [`CompactRange::root`].
    pub fn from_parts(size: u64, hashes: &[Hash]) -> Result<Self, RightEdgeError> {
        if size > TREE_SIZE_MAX || hashes.len() != size.count_ones() as usize {
            return Err(RightEdgeError { size });
        }
        Ok(Self {
            size,
            hashes: hashes.to_vec(),
        })
    }

    /// Adds a leaf at the right.
    pub fn append(&mut self, leaf: Hash) {
        self.append_visiting(leaf, |_, _, _| {});
    }

    /// Adds a leaf and tells `visit` of each perfect subtree that it completes, from the leaf itself
    /// (height 0) upwards: height, index among the subtrees of that height, root.
    pub(crate) fn append_visiting(&mut self, leaf: Hash, mut visit: impl FnMut(u8, u64, &Hash)) {
        let mut hash = leaf;
        let mut height = 0u8;
        visit(height, self.size, &hash);
        // Like adding 1 to a binary number: each trailing 1 is carried, and merges two subtrees.
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
            height += 1;
            visit(
                height,
                self.size.checked_shr(height.into()).unwrap_or(0),
                &hash,
            );
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// Adds a perfect subtree of `2^height` leaves. Only correct while the size is a multiple of that.
    pub(crate) fn append_subtree(&mut self, height: u8, root: Hash) {
        let mut hash = root;
        let count = self.size.checked_shr(height.into()).unwrap_or(0);
        for _ in 0..count.trailing_ones() {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
        }
        self.hashes.push(hash);
        self.size += 1u64.checked_shl(height.into()).unwrap_or(0);
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the perfect subtrees, the largest first.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The Merkle tree hash of all leaves (RFC 6962, section 2.1).
    pub fn root(&self) -> Hash {
        let mut from_right = self.hashes.iter().rev();
        let Some(smallest) = from_right.next() else {
            return empty_root();
        };
        from_right.fold(*smallest, |right, left| node_hash(left, &right))
    }
}
