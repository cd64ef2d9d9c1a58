//! What can go wrong, one type for each thing a caller does. Messages name positions, never content:
//! an entry, a key or a note may not be for the eyes of whoever reads an error.

use thiserror::Error;

use crate::TilePath;

/// A text that does not follow its specification.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("malformed {form}, line {line}: {why}")]
pub struct ParseError {
    form: &'static str,
    line: usize,
    why: &'static str,
}

impl ParseError {
    pub(crate) const fn new(form: &'static str, line: usize, why: &'static str) -> Self {
        Self { form, line, why }
    }

    /// The line the error is in, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The same error inside a larger text: `form` from line `line` on.
    pub(crate) fn within(self, form: &'static str, line: usize) -> Self {
        Self {
            form,
            line: line + self.line - 1,
            why: self.why,
        }
    }
}

/// A proof, or the question it should answer, does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// There is no such entry in a tree of this size.
    #[error("index {index} lies outside a tree of size {size}")]
    IndexOutside {
        /// Index of the entry, from 0.
        index: u64,
        /// Number of leaves.
        size: u64,
    },
    /// A consistency proof leads from a smaller tree to a larger one.
    #[error("size {old} is larger than size {new}")]
    SizesReversed {
        /// Size of the earlier tree.
        old: u64,
        /// Size of the later tree.
        new: u64,
    },
    /// The number of hashes does not fit the sizes.
    #[error("the proof has too many or too few hashes ({found})")]
    Length {
        /// Hashes in the proof.
        found: usize,
    },
    /// The hashes lead to another root than the one stated.
    #[error("the proof leads to a different root")]
    Root,
}

/// A proof could not be built from the tiles; `E` is the reader's own error.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum BuildError<E> {
    /// No such proof exists.
    #[error("no such proof")]
    Question(#[from] ProofError),
    /// The reader could not produce a tile.
    #[error("cannot read `{path}`")]
    Read {
        /// The tile asked for.
        path: TilePath,
        /// Why the reader failed.
        source: E,
    },
    /// The reader produced fewer hashes than the tile has, or not whole ones.
    #[error("`{path}` has the wrong length")]
    Length {
        /// The tile asked for.
        path: TilePath,
    },
}

/// The hashes or tiles given as the right edge of a tree do not fit its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the right edge does not fit a tree of size {size}")]
pub struct RightEdgeError {
    /// The size stated.
    pub size: u64,
}

/// An entry bundle that does not follow tlog-tiles, or could not be made so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BundleError {
    /// The bytes end inside an entry.
    #[error("entry {entry} of the bundle is cut off")]
    Truncated {
        /// Number of the entry in the bundle, from 0.
        entry: usize,
    },
    /// The entry is longer than a 16-bit length can say.
    #[error("entry {entry} of the bundle is longer than 65535 bytes")]
    EntryTooLong {
        /// Number of the entry in the bundle, from 0.
        entry: usize,
    },
    /// A bundle holds at most 256 entries.
    #[error("the bundle holds more than 256 entries")]
    TooManyEntries,
}

/// A signed note that must not be believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// It is not a note, or the text inside is not a checkpoint.
    #[error("cannot read the signed text")]
    Malformed(#[from] ParseError),
    /// A signature that claims to be by a known key is not.
    #[error("the signature by `{name}` is wrong")]
    BadSignature {
        /// Name of the known key.
        name: crate::note::KeyName,
    },
    /// None of the signatures is by a known key, or none by the log that the text names as its origin.
    #[error("no signature by a known key")]
    NoKnownSignature,
}

/// A bundle of proofs that does not prove its entries.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProofBundleError {
    /// A checkpoint inside must not be believed.
    #[error("the checkpoint of log {log} in the bundle does not verify")]
    Checkpoint {
        /// Number of the log in the bundle, from 1.
        log: usize,
        /// Why.
        source: OpenError,
    },
    /// An entry is not where the bundle says.
    #[error("entry {index} of log {log} in the bundle is not in that log")]
    Inclusion {
        /// Number of the log in the bundle, from 1.
        log: usize,
        /// Index of the entry, from 0.
        index: u64,
        /// Why.
        source: ProofError,
    },
}

/// A proof file that does not prove its entry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProofFileError {
    /// The checkpoint inside must not be believed.
    #[error("the checkpoint does not verify")]
    Checkpoint(#[from] OpenError),
    /// The entry is not where the file says.
    #[error("the entry is not in the log at this index")]
    Inclusion(#[from] ProofError),
}
