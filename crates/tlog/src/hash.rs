//! The hash of a leaf, of an inner node and of the empty tree (RFC 6962, section 2.1).

use std::fmt;

use aws_lc_rs::digest::{self, Digest, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ParseError;

/// Bytes of a SHA-256 hash.
pub const HASH_BYTES: usize = 32;

/// Domain separation of RFC 6962, section 2.1: a leaf can never be presented as an inner node.
const LEAF_PREFIX: u8 = 0x00;
const NODE_PREFIX: u8 = 0x01;

/// One SHA-256 hash in the tree: of a leaf, an inner node or the root.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// The hash whose 32 bytes are `bytes`, or nothing if there are more or fewer.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Padded standard base64, as checkpoints and proof files write it: 44 characters.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads what [`Hash::to_base64`] writes; other spellings of the same bytes are refused.
    ///
    /// # Errors
    /// [`ParseError`] unless `text` is canonical base64 of exactly 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, ParseError> {
        const ERROR: ParseError = ParseError::new("hash", 1, "not base64 of 32 bytes");
        let bytes = STANDARD.decode(text).map_err(|_| ERROR)?;
        Self::from_slice(&bytes).ok_or(ERROR)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; HASH_BYTES]> for Hash {
    fn from(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }
}

/// `SHA-256(0x00 || entry)`, the hash of the leaf that holds `entry`.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    // The one-shot digest needs prefix and entry side by side. Copying onto the stack is cheaper than
    // a streaming context, which allocates; two sizes, because clearing 8 KiB for each small entry is not.
    if let Some(hash) = leaf_hash_on_stack::<1024>(entry) {
        return hash;
    }
    if let Some(hash) = leaf_hash_on_stack::<8193>(entry) {
        return hash;
    }
    let mut context = digest::Context::new(&SHA256);
    context.update(&[LEAF_PREFIX]);
    context.update(entry);
    to_hash(context.finish())
}

fn leaf_hash_on_stack<const N: usize>(entry: &[u8]) -> Option<Hash> {
    let mut buffer = [0u8; N];
    let (prefix, rest) = buffer.split_first_mut()?;
    *prefix = LEAF_PREFIX;
    rest.get_mut(..entry.len())?.copy_from_slice(entry);
    let input = buffer.get(..=entry.len())?;
    Some(to_hash(digest::digest(&SHA256, input)))
}

/// `SHA-256(0x01 || left || right)`, the hash of the inner node above `left` and `right`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut input = [NODE_PREFIX; 1 + 2 * HASH_BYTES];
    let (_, children) = input.split_at_mut(1);
    let (left_half, right_half) = children.split_at_mut(HASH_BYTES);
    left_half.copy_from_slice(&left.0);
    right_half.copy_from_slice(&right.0);
    to_hash(digest::digest(&SHA256, &input))
}

/// `SHA-256()`, the root of a tree without leaves.
pub fn empty_root() -> Hash {
    to_hash(digest::digest(&SHA256, &[]))
}

/// The first four bytes of `SHA-256(input)` as a big-endian number: key ids of signed notes.
pub(crate) fn sha256_prefix(input: &[u8]) -> u32 {
    match to_hash(digest::digest(&SHA256, input)).0 {
        [a, b, c, d, ..] => u32::from_be_bytes([a, b, c, d]),
    }
}

fn to_hash(digest: Digest) -> Hash {
    let mut hash = [0; HASH_BYTES];
    // SHA-256 always yields 32 bytes, so both sides have the same length.
    hash.copy_from_slice(digest.as_ref());
    Hash(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_roots() {
        // RFC 6962's empty tree, and the single empty leaf that every implementation's tests quote.
        assert_eq!(
            empty_root().to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            leaf_hash(b"").to_string(),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
    }

    #[test]
    fn every_buffer_size_agrees_with_a_second_implementation() {
        use sha2::Digest as _;
        for length in [
            0, 1, 600, 1022, 1023, 1024, 1025, 8191, 8192, 8193, 8194, 65_535,
        ] {
            let entry = vec![0xa5; length];
            let oracle = sha2::Sha256::new()
                .chain_update([0])
                .chain_update(&entry)
                .finalize();
            assert_eq!(
                leaf_hash(&entry).0.as_slice(),
                oracle.as_slice(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn base64_is_canonical() {
        let hash = leaf_hash(b"x");
        assert_eq!(Hash::from_base64(&hash.to_base64()), Ok(hash));
        let long = format!("{}A", hash.to_base64());
        for bad in [
            "",
            "AAAA",
            long.as_str(),
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
        ] {
            assert!(Hash::from_base64(bad).is_err(), "{bad}");
        }
    }
}
