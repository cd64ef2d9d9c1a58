//! Proofs from a store: their arithmetic wants tiles at hand, a store answers later.

use privet_tlog::{BuildError, Level, MemoryTiles, MissingTile, Tile};

use crate::port::{LogStore, StoreError};

/// Most tiles that one proof can need: two on each of eight levels, doubled.
const TILES_MAX: usize = 32;
/// Tiles that are kept between proofs, of 8 KiB each.
const KEPT_MAX: usize = 256;

/// Why a proof could not be built.
#[derive(Debug, thiserror::Error)]
pub enum TilesError {
    /// A tile that the log must have is not there, or too narrow.
    #[error("`{0}` is missing or too short")]
    Missing(privet_tlog::TilePath),
    /// No such proof exists.
    #[error("no such proof: {0}")]
    Question(privet_tlog::ProofError),
    /// The store failed.
    #[error("the store of the audit log cannot be read")]
    Store(#[from] StoreError),
}

/// Runs `build` with the tiles it asks for.
pub(crate) async fn with_tiles<T>(
    store: &dyn LogStore,
    origin: &str,
    build: impl Fn(&MemoryTiles) -> Result<T, BuildError<MissingTile>>,
) -> Result<T, TilesError> {
    Tiles::of(store, origin).build(build).await
}

/// The tiles of one log, kept for several proofs.
pub(crate) struct Tiles<'a> {
    store: &'a dyn LogStore,
    origin: &'a str,
    kept: MemoryTiles,
    count: usize,
}

impl<'a> Tiles<'a> {
    pub(crate) fn of(store: &'a dyn LogStore, origin: &'a str) -> Self {
        Self {
            store,
            origin,
            kept: MemoryTiles::default(),
            count: 0,
        }
    }

    /// Runs `build` with the tiles it asks for: each time it misses one, that one is fetched and it starts over, which
    /// costs microseconds.
    pub(crate) async fn build<T>(
        &mut self,
        build: impl Fn(&MemoryTiles) -> Result<T, BuildError<MissingTile>>,
    ) -> Result<T, TilesError> {
        if self.count > KEPT_MAX {
            self.kept = MemoryTiles::default();
            self.count = 0;
        }
        let mut fetched = 0;
        loop {
            let path = match build(&self.kept) {
                Ok(built) => return Ok(built),
                Err(BuildError::Question(error)) => return Err(TilesError::Question(error)),
                Err(BuildError::Length { path }) => return Err(TilesError::Missing(path)),
                Err(BuildError::Read { path, .. }) => path,
            };
            let Level::Hashes(level) = path.level else {
                return Err(TilesError::Missing(path));
            };
            let row = self.store.tile(self.origin, level, path.n).await?;
            let row = row.filter(|row| row.width >= path.width && fetched < TILES_MAX);
            let row = row.ok_or(TilesError::Missing(path))?;
            self.kept.insert(Tile {
                level,
                n: path.n,
                width: row.width,
                data: row.data,
            });
            fetched += 1;
            self.count += 1;
        }
    }
}
