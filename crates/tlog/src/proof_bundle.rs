//! Bundles of proofs: many entries in one file, of one log or several, each with its way to a signed checkpoint
//! (`docs/formats/proof-bundles.md`). Neighbours share most of their hashes, so each hash stands there once.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::note::{NOTE_BYTES_MAX, Note, VerifierKey};
use crate::tile::parse_decimal;
use crate::{
    Checkpoint, ENTRY_BYTES_MAX, Hash, PROOF_HASHES_MAX, ParseError, ProofBundleError,
    TREE_SIZE_MAX, leaf_hash, verify_inclusion,
};

const FORM: &str = "proof bundle";
const HEADER: &str = "privet-proof-bundle@v1";

/// Most entries in a bundle, of all its logs together.
pub const BUNDLED_ENTRIES_MAX: usize = 10_000;

/// Most logs in a bundle.
const LOGS_MAX: usize = 64;

/// Longest line of a bundle's own: that of an entry with 63 numbers of at most six digits has less.
const LINE_BYTES_MAX: usize = 1_024;

/// Entries of some logs, with their proofs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProofBundle {
    /// At least one log.
    pub logs: Vec<BundledLog>,
}

/// Entries of one log under one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundledLog {
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
    /// At least one entry, by ascending index.
    pub entries: Vec<BundledEntry>,
}

/// One entry.
#[derive(Clone, PartialEq, Eq)]
pub struct BundledEntry {
    /// Its index in the log, from 0.
    pub index: u64,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// The inclusion proof, from the leaf's sibling up.
    pub hashes: Vec<Hash>,
}

impl std::fmt::Debug for BundledEntry {
    // What an entry says is not for whoever reads an error.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BundledEntry")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

impl ProofBundle {
    /// The bytes of the file.
    pub fn render(&self) -> Vec<u8> {
        let mut out = format!("{HEADER}\n").into_bytes();
        self.logs.iter().for_each(|log| log.render_to(&mut out));
        out
    }

    /// Reads a bundle, without believing it. Each bundle has one spelling, and no other is accepted.
    ///
    /// # Errors
    /// [`ParseError`] unless `bytes` follow `docs/formats/proof-bundles.md`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader {
            rest: bytes,
            line: 1,
        };
        if reader.line()? != HEADER {
            return Err(ParseError::new(FORM, 1, "unknown version"));
        }
        let (mut logs, mut entries) = (Vec::new(), 0);
        while !reader.rest.is_empty() || logs.is_empty() {
            let log = reader.log(BUNDLED_ENTRIES_MAX - entries)?;
            entries += log.entries.len();
            logs.push(log);
            if logs.len() > LOGS_MAX {
                return Err(reader.error("too many logs"));
            }
        }
        let bundle = Self { logs };
        // The order of the hashes, and that each stands there once and is needed, is said by writing it anew.
        if bundle.render() == bytes {
            Ok(bundle)
        } else {
            Err(ParseError::new(FORM, 1, "not in the order of its hashes"))
        }
    }

    /// Checks that each entry is in its log, and returns the checkpoints that prove it, in the order of the logs.
    ///
    /// # Errors
    /// [`ProofBundleError`] names the first log whose checkpoint is not signed by the one of `keys` that bears its origin's
    /// name, or the first entry whose proof does not lead to its root.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<Checkpoint>, ProofBundleError> {
        let logs = self.logs.iter().enumerate();
        logs.map(|(n, log)| log.verify(n + 1, keys)).collect()
    }
}

impl BundledLog {
    fn verify(&self, log: usize, keys: &[VerifierKey]) -> Result<Checkpoint, ProofBundleError> {
        let checkpoint = Checkpoint::open(self.checkpoint.as_bytes(), keys);
        let checkpoint =
            checkpoint.map_err(|source| ProofBundleError::Checkpoint { log, source })?;
        for entry in &self.entries {
            let leaf = leaf_hash(&entry.bytes);
            let (size, root) = (checkpoint.size, &checkpoint.root);
            verify_inclusion(entry.index, size, &leaf, &entry.hashes, root).map_err(|source| {
                ProofBundleError::Inclusion {
                    log,
                    index: entry.index,
                    source,
                }
            })?;
        }
        Ok(checkpoint)
    }

    fn render_to(&self, out: &mut Vec<u8>) {
        // Hashes are numbered in the order in which the entries need them first.
        let mut numbers: HashMap<Hash, usize> = HashMap::new();
        let mut ordered = Vec::new();
        for hash in self.entries.iter().flat_map(|entry| &entry.hashes) {
            numbers.entry(*hash).or_insert_with(|| {
                ordered.push(hash);
                ordered.len() - 1
            });
        }
        let mut text = format!(
            "log {} {} {}\n{}",
            self.entries.len(),
            ordered.len(),
            self.checkpoint.len(),
            self.checkpoint
        );
        for hash in ordered {
            text.push_str(&hash.to_base64());
            text.push('\n');
        }
        out.extend_from_slice(text.as_bytes());
        for entry in &self.entries {
            let mut line = format!("entry {} {}", entry.index, entry.bytes.len());
            for hash in &entry.hashes {
                let number = numbers.get(hash).copied().unwrap_or_default();
                // A text can always be written to.
                let _ = write!(line, " {number}");
            }
            line.push('\n');
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(&entry.bytes);
            out.push(b'\n');
        }
    }
}

/// What is left of a bundle.
struct Reader<'a> {
    rest: &'a [u8],
    /// The line that comes next, from 1.
    line: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, why: &'static str) -> ParseError {
        ParseError::new(FORM, self.line, why)
    }

    /// The next line, without its end.
    fn line(&mut self) -> Result<&'a str, ParseError> {
        let near = self.rest.iter().take(LINE_BYTES_MAX + 1);
        let end = near.into_iter().position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| self.error("a line is too long, or has no end"))?;
        let line = self.take(end)?;
        self.newline()?;
        std::str::from_utf8(line).map_err(|_| self.error("not UTF-8"))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], ParseError> {
        let split = self.rest.split_at_checked(count);
        let (taken, rest) = split.ok_or_else(|| self.error("cut off"))?;
        self.rest = rest;
        self.line += taken.iter().filter(|byte| **byte == b'\n').count();
        Ok(taken)
    }

    fn newline(&mut self) -> Result<(), ParseError> {
        match self.take(1)? {
            b"\n" => Ok(()),
            _ => Err(self.error("no end of line")),
        }
    }

    fn log(&mut self, entries_max: usize) -> Result<BundledLog, ParseError> {
        let head = self.line()?.strip_prefix("log ").and_then(numbers);
        let Some([entries, hashes, bytes]) = head.and_then(three) else {
            return Err(self.error("not the beginning of a log"));
        };
        if entries == 0 || entries > entries_max || hashes > entries * PROOF_HASHES_MAX {
            return Err(self.error("too many entries or hashes, or none"));
        }
        if bytes > NOTE_BYTES_MAX {
            return Err(self.error("the checkpoint is too long"));
        }
        let at = self.line;
        let note = self.take(bytes)?;
        Note::parse(note).map_err(|error| error.within(FORM, at))?;
        let checkpoint = std::str::from_utf8(note).map_err(|_| self.error("not UTF-8"))?;
        let mut known = Vec::new();
        for _ in 0..hashes {
            let at = self.line;
            let hash = Hash::from_base64(self.line()?);
            known.push(hash.map_err(|error| error.within(FORM, at))?);
        }
        let mut read: Vec<BundledEntry> = Vec::new();
        for _ in 0..entries {
            let entry = self.entry(&known)?;
            if read.last().is_some_and(|last| last.index >= entry.index) {
                return Err(self.error("entries are not in order"));
            }
            read.push(entry);
        }
        Ok(BundledLog {
            checkpoint: checkpoint.to_owned(),
            entries: read,
        })
    }

    fn entry(&mut self, known: &[Hash]) -> Result<BundledEntry, ParseError> {
        let head = self.line()?.strip_prefix("entry ").and_then(numbers);
        let head = head.ok_or_else(|| self.error("not the beginning of an entry"))?;
        let Some(([index, bytes], proof)) = head.split_first_chunk::<2>() else {
            return Err(self.error("not the beginning of an entry"));
        };
        let length = usize::try_from(*bytes).unwrap_or(usize::MAX);
        if *index > TREE_SIZE_MAX || length > ENTRY_BYTES_MAX || proof.len() > PROOF_HASHES_MAX {
            return Err(self.error("the entry or its proof is too long"));
        }
        let hash = |number: &u64| known.get(usize::try_from(*number).ok()?).copied();
        let hashes: Option<Vec<Hash>> = proof.iter().map(hash).collect();
        let hashes = hashes.ok_or_else(|| self.error("there is no such hash"))?;
        let bytes = self.take(length)?.to_vec();
        self.newline()?;
        Ok(BundledEntry {
            index: *index,
            bytes,
            hashes,
        })
    }
}

/// Numbers with a space between.
fn numbers(text: &str) -> Option<Vec<u64>> {
    text.split(' ').map(parse_decimal).collect()
}

fn three(numbers: Vec<u64>) -> Option<[usize; 3]> {
    let small = numbers
        .into_iter()
        .map(|number| usize::try_from(number).ok());
    small.collect::<Option<Vec<_>>>()?.try_into().ok()
}
