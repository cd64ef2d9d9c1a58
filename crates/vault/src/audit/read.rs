//! The side of the log that others read: the checkpoint, tiles and bundles as C2SP tlog-tiles serves them, proofs,
//! entries and their side records. Only what is durable and signed is ever answered.

use privet_tlog::{
    BuildError, EntryBundle, Level, MissingTile, Proof, TilePath, consistency_proof,
    inclusion_proof, tile_width,
};
use tokio::sync::watch;

use super::status::Published;
use super::tiles::{TilesError, with_tiles};
use super::{AuditLog, Entry, SealedSide};
use crate::{Error, Result};

/// Most entries in one answer.
pub const ENTRIES_MAX: u32 = 4096;

/// Bytes of a hash in a tile.
const HASH_BYTES: usize = privet_tlog::HASH_BYTES;

impl AuditLog {
    /// Number of durable entries.
    pub fn size(&self) -> u64 {
        self.inner.status.published().size
    }

    /// The newest signed checkpoint, a C2SP signed note.
    pub fn checkpoint(&self) -> Vec<u8> {
        self.inner.status.published().checkpoint.clone()
    }

    /// A tile of hashes or a bundle of entries by its path, as `tile/0/000`, `tile/1/000.p/17` or
    /// `tile/entries/000`. Of the rightmost ones any width is answered that the log has reached.
    ///
    /// # Errors
    /// [`Error::NotFound`] for what is not a path and for what the log does not reach.
    pub async fn tile(&self, path: &str) -> Result<Vec<u8>> {
        let path: TilePath = path.parse().map_err(|_| Error::NotFound("tile"))?;
        let level = if let Level::Hashes(level) = path.level {
            level
        } else {
            0
        };
        if path.width > tile_width(level, path.n, self.size()) {
            return Err(Error::NotFound("tile"));
        }
        match path.level {
            Level::Entries => self.bundle(path).await,
            Level::Hashes(level) => {
                let row = self.inner.store.tile(self.origin(), level, path.n).await?;
                let mut data = row
                    .ok_or(Error::Internal("a tile of the audit log is missing"))?
                    .data;
                data.truncate(usize::from(path.width) * HASH_BYTES);
                if data.len() < usize::from(path.width) * HASH_BYTES {
                    return Err(Error::Internal("a tile of the audit log is too short"));
                }
                Ok(data)
            }
        }
    }

    async fn bundle(&self, path: TilePath) -> Result<Vec<u8>> {
        let entries = self
            .stored_entries(path.n.saturating_mul(256), path.width.into())
            .await?;
        EntryBundle::encode(&entries).map_err(|_| Error::Internal("an audit entry is too long"))
    }

    /// Entries from `first`, their exact bytes, in order: at most `count_max` and [`ENTRIES_MAX`], fewer at the end.
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails.
    pub async fn entries(&self, first: u64, count_max: u32) -> Result<Vec<Vec<u8>>> {
        let left = u32::try_from(self.size().saturating_sub(first)).unwrap_or(u32::MAX);
        self.stored_entries(first, count_max.min(ENTRIES_MAX).min(left))
            .await
    }

    async fn stored_entries(&self, first: u64, count: u32) -> Result<Vec<Vec<u8>>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let entries = self
            .inner
            .store
            .entries(self.origin(), first, count)
            .await?;
        if entries.len() == count as usize {
            Ok(entries)
        } else {
            Err(Error::Internal("entries of the audit log are missing"))
        }
    }

    /// One entry.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the log has not reached it.
    pub async fn entry(&self, index: u64) -> Result<Vec<u8>> {
        let entry = self.entries(index, 1).await?.into_iter().next();
        entry.ok_or(Error::NotFound("audit entry"))
    }

    /// An entry of any log in the store, as other servers of this environment write theirs beside this one; `None` if
    /// there is none.
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails.
    pub(crate) async fn entry_of(&self, origin: &str, index: u64) -> Result<Option<Vec<u8>>> {
        Ok(self.entries_of(origin, index, 1).await?.pop())
    }

    /// Entries of any log in the store. Another log's own checkpoint vouches for its entries, not this one's: who believes
    /// one looks at its side record, which only a server of this environment can have sealed.
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails.
    pub(crate) async fn entries_of(
        &self,
        origin: &str,
        first: u64,
        count_max: u32,
    ) -> Result<Vec<Vec<u8>>> {
        if origin == self.origin() {
            return self.entries(first, count_max).await;
        }
        Ok(self.inner.store.entries(origin, first, count_max).await?)
    }

    /// The logs of other servers in this store.
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails.
    pub(crate) async fn other_origins(&self) -> Result<Vec<String>> {
        let mut origins = self.inner.store.origins().await?;
        origins.retain(|origin| origin != self.origin());
        Ok(origins)
    }

    /// How many entries a log of another server has.
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails.
    pub(crate) async fn size_of(&self, origin: &str) -> Result<u64> {
        let state = self.inner.store.state(origin).await?;
        Ok(state.map_or(0, |state| state.size))
    }

    /// The side record of an entry, sealed; `None` if it never had one or it was destroyed.
    ///
    /// # Errors
    /// [`Error::Internal`] if what the store holds is not what the entry committed to.
    pub async fn side(&self, entry: &Entry) -> Result<Option<SealedSide>> {
        let Some(sha256) = entry.side() else {
            return Ok(None);
        };
        match self.inner.store.side(sha256).await? {
            Some(row) if row.sha256 == sha256 => SealedSide::from_row(row).map(Some),
            Some(_) => Err(Error::Internal("a side record was changed outside Privet")),
            None => Ok(None),
        }
    }

    /// The proof that entry `index` is in the log, as a C2SP tlog-proof file under the newest checkpoint.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the log has not reached it.
    pub async fn proof(&self, index: u64) -> Result<String> {
        let published = self.inner.status.published();
        if index >= published.size {
            return Err(Error::NotFound("audit entry"));
        }
        let hashes = self
            .hashes(|tiles| inclusion_proof(index, published.size, tiles))
            .await?;
        let checkpoint = String::from_utf8(published.checkpoint.clone())
            .map_err(|_| Error::Internal("the checkpoint is not text"))?;
        Ok(Proof {
            index,
            hashes,
            checkpoint,
            extra: None,
        }
        .to_string())
    }

    /// The proof that the log of the newest checkpoint continues the one of `old` entries: hashes as base64, one a
    /// line, in the order of RFC 6962; empty if the sizes are equal or `old` is 0.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the log has not reached `old`.
    pub async fn consistency_proof(&self, old: u64) -> Result<String> {
        let size = self.size();
        if old > size {
            return Err(Error::NotFound("checkpoint"));
        }
        let hashes = self
            .hashes(|tiles| consistency_proof(old, size, tiles))
            .await?;
        Ok(hashes.iter().map(|hash| hash.to_base64() + "\n").collect())
    }

    /// Wakes whoever follows the log when it has grown.
    pub fn follow(&self) -> Follower {
        Follower {
            published: self.inner.status.subscribe(),
        }
    }

    async fn hashes<T>(
        &self,
        build: impl Fn(&privet_tlog::MemoryTiles) -> Result<T, BuildError<MissingTile>>,
    ) -> Result<T> {
        let built = with_tiles(&*self.inner.store, self.origin(), build).await;
        built.map_err(|error| match error {
            TilesError::Store(error) => Error::Store(error),
            TilesError::Missing(_) => Error::Internal("a tile of the audit log is missing"),
            TilesError::Question(_) => Error::NotFound("audit entry"),
        })
    }
}

/// Waits for new entries, for `privet audit tail`.
#[derive(Debug)]
pub struct Follower {
    published: watch::Receiver<std::sync::Arc<Published>>,
}

impl Follower {
    /// Waits until the log has more than `size` entries and answers how many; `None` when the log was closed.
    pub async fn longer_than(&mut self, size: u64) -> Option<u64> {
        let published = self
            .published
            .wait_for(|published| published.size > size)
            .await
            .ok()?;
        Some(published.size)
    }
}
