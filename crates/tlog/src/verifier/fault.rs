//! What a full check can find wrong, in words that name the place.

use std::fmt;

use thiserror::Error;

use crate::{BundleError, Hash, Level, TilePath};

/// The first thing that is wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Entries are not those that the checkpoint commits to.
    #[error("{} not what the log committed to", Span { first: *.first, count: *.count })]
    Entries {
        /// Index of the first one, from 0.
        first: u64,
        /// How many are in question: 1, or a whole subtree if its tiles were changed along with it.
        count: u64,
    },
    /// A tile has a wrong hash, while the entries are right.
    #[error("hash {hash} of `{path}` is wrong")]
    Tile {
        /// The tile.
        path: TilePath,
        /// Number of the hash in the tile, from 0.
        hash: u16,
    },
    /// Entries and a tile contradict each other, and nothing says yet which of them is wrong.
    #[error("{} not what `{path}` commits to", Span::below(.path, *.hash))]
    Contradiction {
        /// The tile.
        path: TilePath,
        /// Number of the first hash in the tile that differs, from 0.
        hash: u16,
        /// That hash, computed from the entries.
        computed: Hash,
        /// That hash, as the tile has it.
        stored: Hash,
    },
    /// A tile is not as long as its width says.
    #[error("`{path}` has the wrong length")]
    TileLength {
        /// The tile.
        path: TilePath,
    },
    /// A bundle holds more or fewer entries than its width says.
    #[error("`{path}` holds more or fewer entries than it should")]
    BundleWidth {
        /// The bundle.
        path: TilePath,
    },
    /// A tile was checked before its entries were pushed, or long after.
    #[error("`{path}` was not checked in its turn")]
    OutOfOrder {
        /// The tile.
        path: TilePath,
    },
    /// There are more or fewer entries than the checkpoint states.
    #[error("the checkpoint states {stated} entries, there are {found}")]
    Size {
        /// Entries by the checkpoint.
        stated: u64,
        /// Entries found.
        found: u64,
    },
    /// Entries and tiles agree with each other, but not with the checkpoint.
    #[error("the root over all {size} entries is not the one that was signed")]
    Root {
        /// Number of entries.
        size: u64,
    },
}

impl Fault {
    /// Index of the first entry in question, if the fault is about entries.
    pub fn entry(&self) -> Option<u64> {
        match self {
            Self::Entries { first, .. } => Some(*first),
            Self::Contradiction { path, hash, .. } => Some(Span::below(path, *hash).first),
            _ => None,
        }
    }

    /// The tile or bundle in question, if the fault is about one.
    pub fn path(&self) -> Option<TilePath> {
        match *self {
            Self::Tile { path, .. }
            | Self::Contradiction { path, .. }
            | Self::TileLength { path }
            | Self::BundleWidth { path }
            | Self::OutOfOrder { path } => Some(path),
            Self::Entries { .. } | Self::Size { .. } | Self::Root { .. } => None,
        }
    }
}

/// Consecutive entries, to be named in a sentence.
pub(super) struct Span {
    pub(super) first: u64,
    pub(super) count: u64,
}

impl Span {
    /// The entries below one hash of a tile.
    pub(super) fn below(path: &TilePath, hash: u16) -> Self {
        let height = match path.level {
            Level::Hashes(level) => 8 * u32::from(level),
            Level::Entries => 0,
        };
        let index = path.n.wrapping_mul(256).wrapping_add(hash.into());
        Self {
            first: index.checked_shl(height).unwrap_or(0),
            count: 1u64.checked_shl(height).unwrap_or(0),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first;
        match self.count {
            1 => write!(f, "entry {first} is"),
            count => write!(
                f,
                "entries {first} to {} are",
                first.saturating_add(count - 1)
            ),
        }
    }
}

/// A full check that did not succeed; `E` is the reader's own error.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum VerifyError<E> {
    /// The log is wrong, and here.
    #[error("the log does not verify")]
    Fault(#[from] Fault),
    /// A bundle is malformed.
    #[error("`{path}` is malformed")]
    Bundle {
        /// The bundle.
        path: TilePath,
        /// What is wrong with it.
        source: BundleError,
    },
    /// A tile or bundle could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The tile or bundle asked for.
        path: TilePath,
        /// Why the reader failed.
        source: E,
    },
}
