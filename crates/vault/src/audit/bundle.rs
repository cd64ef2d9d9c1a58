//! Many entries with their proofs, of this server's log or of another one's in the same store.

use std::collections::BTreeSet;

use privet_tlog::{BundledEntry, BundledLog, inclusion_proof};

use super::AuditLog;
use super::tiles::{Tiles, TilesError};
use crate::{Error, Result};

/// Entries that are read at once.
const SPAN: u64 = 256;

impl AuditLog {
    /// These entries of a log, under its newest checkpoint. Whether that is signed by who it says is for whoever verifies: the
    /// keys of other servers' logs are not here.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the log has not reached one of them.
    pub(crate) async fn bundled(
        &self,
        origin: &str,
        indexes: &BTreeSet<u64>,
    ) -> Result<BundledLog> {
        let (size, checkpoint) = match origin == self.origin() {
            true => {
                let published = self.inner.status.published();
                (published.size, published.checkpoint.clone())
            }
            false => {
                let state = self.inner.store.state(origin).await?;
                let state = state.ok_or(Error::NotFound("audit log"))?;
                (state.size, state.checkpoint)
            }
        };
        let checkpoint = String::from_utf8(checkpoint);
        let checkpoint = checkpoint.map_err(|_| Error::Internal("the checkpoint is not text"))?;
        let mut tiles = Tiles::of(&*self.inner.store, origin);
        let mut entries = Vec::with_capacity(indexes.len());
        let (mut first, mut read) = (0, Vec::new());
        for &index in indexes {
            let at = |first: u64| usize::try_from(index.wrapping_sub(first)).ok();
            if at(first).is_none_or(|at| at >= read.len()) {
                // Neighbours are read together, with what lies between them.
                let near = indexes.range(index..index.saturating_add(SPAN));
                let last = near.last().copied().unwrap_or(index);
                let count = u32::try_from(last - index + 1).unwrap_or(1);
                (first, read) = (index, self.entries_of(origin, index, count).await?);
            }
            let bytes = at(first).and_then(|at| read.get(at)).cloned();
            let proof = tiles.build(|tiles| inclusion_proof(index, size, tiles));
            let hashes = proof.await.map_err(|error| match error {
                TilesError::Store(error) => Error::Store(error),
                TilesError::Missing(_) => Error::Internal("a tile of the audit log is missing"),
                TilesError::Question(_) => Error::NotFound("audit entry"),
            })?;
            entries.push(BundledEntry {
                index,
                bytes: bytes.ok_or(Error::NotFound("audit entry"))?,
                hashes,
            });
            // The next one may take a while to compute, and others wait for this thread.
            tokio::task::yield_now().await;
        }
        Ok(BundledLog {
            checkpoint,
            entries,
        })
    }
}
