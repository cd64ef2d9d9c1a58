//! A transparency log as arithmetic: the Merkle tree of RFC 6962, proofs, C2SP tiles, signed notes and
//! checkpoints.
//!
//! The audit log is a list of entries that only grows. A signed [`Checkpoint`] commits to all of them
//! with one hash; an inclusion proof shows that an entry is in there, a consistency proof that a later
//! checkpoint continues an earlier one, and [`Verifier`] recomputes everything from the entries.
//! `docs/formats/log.md` describes the bytes for a stranger.
//!
//! ```
//! use privet_tlog::note::{KeyName, SigningKey};
//! use privet_tlog::{Checkpoint, MemoryTiles, Origin, Proof, TileBuilder, inclusion_proof, leaf_hash};
//!
//! let mut tree = TileBuilder::new();
//! for entry in [b"one".as_slice(), b"two", b"three"] {
//!     tree.append(leaf_hash(entry));
//! }
//! let mut tiles = MemoryTiles::default();
//! tiles.extend(tree.take_changed());
//! let key = SigningKey::from_seed(KeyName::new("log.example/prod")?, &[7; 32])?;
//! let checkpoint = Checkpoint {
//!     origin: Origin::new("log.example/prod")?,
//!     size: tree.size(),
//!     root: tree.root(),
//! };
//! let proof = Proof {
//!     index: 1,
//!     hashes: inclusion_proof(1, tree.size(), &tiles)?,
//!     checkpoint: checkpoint.signed(&[&key])?.to_string(),
//!     extra: None,
//! };
//! assert!(proof.verify(b"two", &[key.verifier()]).is_ok());
//! assert!(proof.verify(b"three", &[key.verifier()]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it does not do: no input or output, no clock, no store, no randomness, no witnesses. Who keeps
//! entries and tiles, and who publishes a checkpoint when, is the caller's business.

mod error;
mod hash;
mod range;

mod bundle;
mod tile;

mod proof;

mod checkpoint;
pub mod note;
mod proof_bundle;
mod proof_file;

mod verifier;

pub use bundle::{BUNDLE_ENTRIES_MAX, ENTRY_BYTES_MAX, Entries, EntryBundle};
pub use checkpoint::{Checkpoint, Origin};
pub use error::{
    BuildError, BundleError, OpenError, ParseError, ProofBundleError, ProofError, ProofFileError,
    RightEdgeError,
};
pub use hash::{HASH_BYTES, Hash, empty_root, leaf_hash, node_hash};
pub use proof::{consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
pub use proof_bundle::{BUNDLED_ENTRIES_MAX, BundledEntry, BundledLog, ProofBundle};
pub use proof_file::{PROOF_HASHES_MAX, Proof};
pub use range::{CompactRange, TREE_SIZE_MAX};
pub use tile::{
    Level, MemoryTiles, MissingTile, TILE_WIDTH, Tile, TileBuilder, TilePath, TileReader,
    right_edge_tiles, tile_paths, tile_width,
};
pub use verifier::{Fault, LogReader, Verifier, VerifyError, settle, verify_log};
