//! Proof files (C2SP tlog-proof): all that a stranger needs, besides the log's key, to see that an
//! entry is in the log.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::note::{NOTE_BYTES_MAX, Note, VerifierKey};
use crate::tile::parse_decimal;
use crate::{
    Checkpoint, Hash, ParseError, ProofFileError, TREE_SIZE_MAX, leaf_hash, verify_inclusion,
};

const FORM: &str = "log proof";
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Most hashes in an inclusion proof: the height of the largest tree.
pub const PROOF_HASHES_MAX: usize = 63;

/// Most extra data in a proof file, in bytes.
const EXTRA_BYTES_MAX: usize = 64 * 1024;

/// An entry's place in the log, with the proof and the signed checkpoint that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Index of the entry, from 0.
    pub index: u64,
    /// The inclusion proof, from the leaf's sibling up.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
    /// Data that travels along. No signature covers it.
    pub extra: Option<Vec<u8>>,
}

impl Proof {
    /// The text of the file; the same as [`Proof`]'s `Display`.
    pub fn render(&self) -> String {
        self.to_string()
    }

    /// Reads a proof file, without believing it.
    ///
    /// # Errors
    /// [`ParseError`] unless `bytes` follow tlog-proof.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        if bytes.len() > NOTE_BYTES_MAX + 2 * EXTRA_BYTES_MAX {
            return Err(ParseError::new(FORM, 1, "too long"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ParseError::new(FORM, 1, "not UTF-8"))?;
        let (head, checkpoint) =
            text.split_once("\n\n")
                .ok_or(ParseError::new(FORM, 1, "no checkpoint"))?;
        let mut lines = head
            .split('\n')
            .enumerate()
            .map(|(i, line)| (i + 1, line))
            .peekable();
        if lines.next_if(|(_, line)| *line == HEADER).is_none() {
            return Err(ParseError::new(FORM, 1, "unknown version"));
        }
        let extra = lines
            .next_if(|(_, line)| line.starts_with("extra "))
            .map(|(number, line)| parse_extra(number, line))
            .transpose()?;
        let index = lines
            .next()
            .and_then(|(_, line)| parse_decimal(line.strip_prefix("index ")?))
            .filter(|index| *index <= TREE_SIZE_MAX)
            .ok_or(ParseError::new(
                FORM,
                2 + usize::from(extra.is_some()),
                "not an index",
            ))?;
        let mut hashes = Vec::new();
        for (number, line) in lines {
            if hashes.len() == PROOF_HASHES_MAX {
                return Err(ParseError::new(FORM, number, "too many hashes"));
            }
            hashes.push(Hash::from_base64(line).map_err(|error| error.within(FORM, number))?);
        }
        let checkpoint_line = head.matches('\n').count() + 3;
        Note::parse(checkpoint.as_bytes()).map_err(|error| error.within(FORM, checkpoint_line))?;
        Ok(Self {
            index,
            hashes,
            checkpoint: checkpoint.to_owned(),
            extra,
        })
    }

    /// Checks that `entry` is in the log, and returns the checkpoint that proves it.
    ///
    /// # Errors
    /// [`ProofFileError`] if the checkpoint is not signed by the one of `keys` that bears its origin's
    /// name, or if the proof does not lead from this entry to its root.
    pub fn verify(&self, entry: &[u8], keys: &[VerifierKey]) -> Result<Checkpoint, ProofFileError> {
        self.verify_leaf(&leaf_hash(entry), keys)
    }

    /// The same for whoever has the [hash](leaf_hash) of the entry, and not the entry.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_leaf(
        &self,
        leaf: &Hash,
        keys: &[VerifierKey],
    ) -> Result<Checkpoint, ProofFileError> {
        let checkpoint = Checkpoint::open(self.checkpoint.as_bytes(), keys)?;
        verify_inclusion(
            self.index,
            checkpoint.size,
            leaf,
            &self.hashes,
            &checkpoint.root,
        )?;
        Ok(checkpoint)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes
            .iter()
            .try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

fn parse_extra(number: usize, line: &str) -> Result<Vec<u8>, ParseError> {
    line.strip_prefix("extra ")
        .and_then(|base64| STANDARD.decode(base64).ok())
        .filter(|extra| extra.len() <= EXTRA_BYTES_MAX)
        .ok_or(ParseError::new(
            FORM,
            number,
            "the extra data is not base64, or too long",
        ))
}
