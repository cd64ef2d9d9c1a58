//! Proofs from a store: their arithmetic wants tiles at hand, a store answers later.

use privet_tlog::{BuildError, Level, MemoryTiles, MissingTile, Tile};

use crate::port::{LogStore, StoreError};

/// Most tiles that one proof can need: two on each of eight levels, doubled.
const TILES_MAX: usize = 32;

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

/// Runs `build` with the tiles it asks for: each time it misses one, that one is fetched and it starts over, which
/// costs microseconds.
pub(crate) async fn with_tiles<T>(
    store: &dyn LogStore,
    origin: &str,
    build: impl Fn(&MemoryTiles) -> Result<T, BuildError<MissingTile>>,
) -> Result<T, TilesError> {
    let mut tiles = MemoryTiles::default();
    let mut fetched = 0;
    loop {
        let path = match build(&tiles) {
            Ok(built) => return Ok(built),
            Err(BuildError::Question(error)) => return Err(TilesError::Question(error)),
            Err(BuildError::Length { path }) => return Err(TilesError::Missing(path)),
            Err(BuildError::Read { path, .. }) => path,
        };
        let Level::Hashes(level) = path.level else {
            return Err(TilesError::Missing(path));
        };
        let row = store.tile(origin, level, path.n).await?;
        let row = row.filter(|row| row.width >= path.width && fetched < TILES_MAX);
        let row = row.ok_or(TilesError::Missing(path))?;
        tiles.insert(Tile {
            level,
            n: path.n,
            width: row.width,
            data: row.data,
        });
        fetched += 1;
    }
}
