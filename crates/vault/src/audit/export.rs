//! Copies a log out of its store into plain files that any C2SP tool reads. The checkpoint is written last, so an
//! export that was interrupted is still the older log; the next one goes on from there.

use std::path::{Path, PathBuf};

use privet_tlog::note::VerifierKey;
use privet_tlog::{
    Checkpoint, EntryBundle, HASH_BYTES, Level, TILE_WIDTH, TilePath, right_edge_tiles, tile_paths,
    tile_width,
};

use super::check::CheckError;
use super::directory::Directory;
use super::offline::{continues_in_store, origin_named};
use super::start::open_checkpoint;
use super::status::Progress;
use crate::port::LogStore;

/// Bundles of one read from the store.
const BUNDLES_AT_ONCE: u64 = 16;

/// Files handed to the disk at once.
const FILES_AT_ONCE: usize = 64;

/// Writes the log of `origin` under `directory` as C2SP tlog-tiles, or adds what is new since the last export there.
/// Side records stay behind: a copy of them would outlive their erasure. Answers the checkpoint that was written.
///
/// # Errors
/// [`CheckError::Rewritten`] if the directory holds a log that this one does not continue: the store was changed or
/// put back, and the older truth in the directory is left alone.
pub async fn export(
    store: &dyn LogStore,
    origin: &str,
    keys: &[VerifierKey],
    directory: &Path,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Checkpoint, CheckError> {
    let origin = origin_named(origin)?;
    let state = store.state(origin.as_str()).await?;
    let state = state.ok_or_else(|| CheckError::NoLog(origin.to_string()))?;
    let checkpoint = open_checkpoint(&state, &origin, keys).map_err(CheckError::from_start)?;
    let old = Directory::new(directory).checkpoint(keys)?;
    if let Some(old) = &old {
        continues_in_store(store, old, &checkpoint).await?;
    }
    let export = Export {
        store,
        checkpoint: &checkpoint,
        written: old.as_ref().map_or(0, |old| old.size),
        root: directory.to_owned(),
    };
    export.entries(&mut progress).await?;
    export.tiles().await?;
    let root = directory.to_owned();
    blocking(move || Directory::new(&root).write_checkpoint(&state.checkpoint)).await?;
    export.remove_replaced().await?;
    Ok(checkpoint)
}

struct Export<'a> {
    store: &'a dyn LogStore,
    checkpoint: &'a Checkpoint,
    /// Entries that the directory holds already.
    written: u64,
    root: PathBuf,
}

impl Export<'_> {
    async fn entries(&self, progress: &mut impl FnMut(Progress)) -> Result<(), CheckError> {
        let of = self.checkpoint.size;
        let width = u64::from(TILE_WIDTH);
        let mut bundle = self.written / width;
        while bundle * width < of {
            let first = bundle * width;
            let count = (BUNDLES_AT_ONCE * width).min(of - first);
            let count_max = u32::try_from(count).unwrap_or(u32::MAX);
            let origin = self.checkpoint.origin.as_str();
            let entries = self.store.entries(origin, first, count_max).await?;
            if entries.len() as u64 != count {
                let n = bundle + entries.len() as u64 / width;
                return Err(CheckError::Missing(TilePath::entries(
                    n,
                    tile_width(0, n, of),
                )));
            }
            let mut files = Vec::new();
            for (n, entries) in (bundle..).zip(entries.chunks(TILE_WIDTH.into())) {
                let path = TilePath::entries(n, tile_width(0, n, of));
                let bytes = EntryBundle::encode(entries)
                    .map_err(|error| CheckError::Malformed(path, error))?;
                files.push((path, bytes));
            }
            self.write(files).await?;
            bundle += BUNDLES_AT_ONCE;
            progress(Progress {
                done: first + count,
                of,
            });
        }
        Ok(())
    }

    async fn tiles(&self) -> Result<(), CheckError> {
        let mut files = Vec::new();
        for path in tile_paths(self.checkpoint.size) {
            let Level::Hashes(level) = path.level else {
                continue;
            };
            if tile_width(level, path.n, self.written) == path.width {
                continue;
            }
            let row = self
                .store
                .tile(self.checkpoint.origin.as_str(), level, path.n)
                .await?;
            let mut data = row.ok_or(CheckError::Missing(path))?.data;
            // The log may have grown since the checkpoint was read.
            data.truncate(usize::from(path.width) * HASH_BYTES);
            files.push((path, data));
            if files.len() == FILES_AT_ONCE {
                self.write(std::mem::take(&mut files)).await?;
            }
        }
        self.write(files).await
    }

    async fn write(&self, files: Vec<(TilePath, Vec<u8>)>) -> Result<(), CheckError> {
        let root = self.root.clone();
        blocking(move || {
            let directory = Directory::new(&root);
            files
                .iter()
                .try_for_each(|(path, bytes)| directory.write(path, bytes))
        })
        .await
    }

    /// Removes the partial tiles of the log as it was, now that no checkpoint speaks of them.
    async fn remove_replaced(&self) -> Result<(), CheckError> {
        let size = self.checkpoint.size;
        let n = self.written / u64::from(TILE_WIDTH);
        let bundle = TilePath::entries(n, tile_width(0, n, self.written));
        let mut replaced = right_edge_tiles(self.written);
        replaced.extend((bundle.width > 0).then_some(bundle));
        replaced.retain(|path| {
            let level = if let Level::Hashes(level) = path.level {
                level
            } else {
                0
            };
            tile_width(level, path.n, size) != path.width
        });
        let root = self.root.clone();
        blocking(move || {
            let directory = Directory::new(&root);
            replaced.iter().try_for_each(|path| directory.remove(path))
        })
        .await
    }
}

async fn blocking(
    work: impl FnOnce() -> Result<(), CheckError> + Send + 'static,
) -> Result<(), CheckError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(CheckError::File(
        "export".to_owned(),
        std::io::ErrorKind::Interrupted,
    )))
}
