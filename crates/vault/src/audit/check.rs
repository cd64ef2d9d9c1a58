//! The full check of a log in a store: recompute everything from the entries, in batches.

use privet_tlog::note::VerifierKey;
use privet_tlog::{
    BundleError, Checkpoint, Fault, Level, Origin, TILE_WIDTH, TilePath, Verifier, inclusion_proof,
    right_edge_tiles, settle, tile_width,
};

use super::start::{StartError, open_checkpoint};
use super::status::Progress;
use super::tiles::with_tiles;
use crate::port::{LogStore, StoreError};

/// Entries read at once: enough that asking the store costs little, few enough that a batch takes milliseconds.
const BATCH: u32 = 4096;

/// Why a log does not verify, or could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Nothing was ever written under this origin.
    #[error("there is no log of origin `{0}`")]
    NoLog(String),
    /// The checkpoint must not be believed.
    #[error("the checkpoint does not verify: {0}")]
    Checkpoint(String),
    /// An entry or tile is wrong; the text names it.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// An entry or tile is missing.
    #[error("`{0}` is missing or too short")]
    Missing(TilePath),
    /// An entry is missing between others, or cannot be read.
    #[error("entry {0} is missing or cannot be read")]
    MissingEntry(u64),
    /// A bundle of entries is not in the format.
    #[error("`{0}` is malformed: {1}")]
    Malformed(TilePath, BundleError),
    /// A file of an exported log cannot be read or written.
    #[error("`{0}`: {1}")]
    File(String, std::io::ErrorKind),
    /// There are entries after the last one that was signed.
    #[error("entry {0} follows the last one that was signed: somebody put it there")]
    Unsigned(u64),
    /// The log is not the continuation of what an earlier checkpoint committed to.
    #[error("the log is not the continuation of an earlier checkpoint of {0} entries")]
    Rewritten(u64),
    /// The log has no such entry.
    #[error("the log has no entry {0}")]
    NoEntry(u64),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CheckError {
    /// The same finding, of a check rather than of a start.
    pub(crate) fn from_start(error: StartError) -> Self {
        match error {
            StartError::Checkpoint(error) => Self::Checkpoint(error.to_string()),
            StartError::Damaged(what) => Self::Checkpoint(what),
            error => Self::Checkpoint(error.to_string()),
        }
    }
}

/// A check under way.
pub(crate) struct StoreCheck<'a> {
    store: &'a dyn LogStore,
    checkpoint: Checkpoint,
    verifier: Verifier,
    /// Read ahead while the batch before was hashed.
    next: Vec<Vec<u8>>,
}

impl<'a> StoreCheck<'a> {
    /// Reads and verifies the checkpoint; entries that are appended later are not looked at.
    pub(crate) async fn open(
        store: &'a dyn LogStore,
        origin: &Origin,
        keys: &[VerifierKey],
    ) -> Result<Self, CheckError> {
        let state = store.state(origin.as_str()).await?;
        let state = state.ok_or_else(|| CheckError::NoLog(origin.to_string()))?;
        let checkpoint = open_checkpoint(&state, origin, keys).map_err(CheckError::from_start)?;
        let next = read_batch(store, origin.as_str(), 0).await?;
        Ok(Self {
            store,
            checkpoint,
            verifier: Verifier::new(),
            next,
        })
    }

    /// What is checked against.
    pub(crate) fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// How far the check has come.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            done: self.verifier.size(),
            of: self.checkpoint.size,
        }
    }

    /// Checks the next batch; false when it was the last one and everything is right.
    pub(crate) async fn step(&mut self) -> Result<bool, CheckError> {
        let entries = std::mem::take(&mut self.next);
        let first = self.verifier.size();
        let left = usize::try_from(self.checkpoint.size - first).unwrap_or(usize::MAX);
        let expected = left.min(BATCH as usize);
        let entries = entries.get(..expected).unwrap_or(&entries);
        let (store, origin) = (self.store, self.checkpoint.origin.as_str().to_owned());
        let after = first + expected as u64;
        let more = after < self.checkpoint.size;
        let read_on = async {
            if more {
                read_batch(store, &origin, after).await
            } else {
                Ok(Vec::new())
            }
        };
        // The store reads the next batch while this one is hashed.
        let (next, hashed) = tokio::join!(read_on, self.hash(entries));
        hashed?;
        if entries.len() < expected {
            return Err(self.missing());
        }
        self.next = next?;
        if more {
            return Ok(true);
        }
        for path in right_edge_tiles(self.checkpoint.size) {
            self.check_tile(path).await?;
        }
        self.verifier.finish(&self.checkpoint)?;
        Ok(false)
    }

    async fn hash(&mut self, entries: &[Vec<u8>]) -> Result<(), CheckError> {
        for entry in entries {
            self.verifier.push_entry(entry);
            if self.verifier.size().is_multiple_of(u64::from(TILE_WIDTH)) {
                for path in completed_tiles(self.verifier.size()) {
                    self.check_tile(path).await?;
                }
            }
        }
        Ok(())
    }

    async fn check_tile(&self, path: TilePath) -> Result<(), CheckError> {
        let Level::Hashes(level) = path.level else {
            return Ok(());
        };
        let row = self
            .store
            .tile(self.checkpoint.origin.as_str(), level, path.n)
            .await;
        let mut data = match row {
            Ok(Some(row)) => row.data,
            Ok(None) | Err(StoreError::Damaged(_)) => return Err(CheckError::Missing(path)),
            Err(error) => return Err(error.into()),
        };
        // The log may have grown since the checkpoint was read.
        data.truncate(usize::from(path.width) * privet_tlog::HASH_BYTES);
        match self.verifier.check_tile(level, path.n, path.width, &data) {
            Ok(()) => Ok(()),
            Err(fault) => Err(self.settled(fault).await.into()),
        }
    }

    /// Where an entry and a tile contradict each other, the signed root decides which of the two is wrong.
    async fn settled(&self, fault: Fault) -> Fault {
        let Some(first) = fault.entry() else {
            return fault;
        };
        let Checkpoint { origin, size, .. } = &self.checkpoint;
        let settled = with_tiles(self.store, origin.as_str(), |tiles| {
            // Asks for the tiles that the decision needs.
            inclusion_proof(first, *size, tiles)?;
            Ok(settle(tiles, fault, &self.checkpoint))
        });
        settled.await.unwrap_or(fault)
    }

    fn missing(&self) -> CheckError {
        let n = self.verifier.size() / u64::from(TILE_WIDTH);
        CheckError::Missing(TilePath::entries(n, tile_width(0, n, self.checkpoint.size)))
    }
}

/// Reads a batch. A store that finds itself damaged does not say where, so what it can still read is read one by one
/// until the first entry that it cannot.
async fn read_batch(
    store: &dyn LogStore,
    origin: &str,
    first: u64,
) -> Result<Vec<Vec<u8>>, CheckError> {
    match store.entries(origin, first, BATCH).await {
        Ok(entries) => return Ok(entries),
        Err(StoreError::Damaged(_)) => {}
        Err(error) => return Err(error.into()),
    }
    for index in (first..).take(BATCH as usize) {
        if !store
            .entries(origin, index, 1)
            .await
            .is_ok_and(|entries| entries.len() == 1)
        {
            return Err(CheckError::MissingEntry(index));
        }
    }
    store
        .entries(origin, first, BATCH)
        .await
        .map_err(CheckError::from)
}

/// The tiles that are complete with the last of `size` leaves, lowest level first.
fn completed_tiles(size: u64) -> impl Iterator<Item = TilePath> {
    (0..8u8).map_while(move |level| {
        let leaves = 1u64.checked_shl(8 * (u32::from(level) + 1))?;
        size.is_multiple_of(leaves)
            .then(|| TilePath::hashes(level, size / leaves - 1, TILE_WIDTH))
    })
}
