//! A log on its way out of its store into plain tlog-tiles: what is new since an earlier copy, in an order in which an
//! interruption leaves the older log whole.

use privet_tlog::{
    Checkpoint, EntryBundle, HASH_BYTES, Level, TILE_WIDTH, TilePath, right_edge_tiles, tile_width,
};

use super::check::CheckError;
use super::status::Progress;
use crate::port::LogStore;

/// Bundles of one read from the store.
const BUNDLES_AT_ONCE: u64 = 16;

/// Files handed over at once.
const FILES_AT_ONCE: usize = 64;

/// One more than the highest level that has tiles.
const LEVELS: u8 = 8;

/// Where the files go.
pub(super) trait Files: Sync {
    /// Why they cannot be written, or be made from the store.
    type Error: From<CheckError> + Send;

    /// Writes each as a whole.
    fn write(
        &self,
        files: Vec<(TilePath, Vec<u8>)>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// The log up to a checkpoint, to be copied to where its beginning lies already.
pub(super) struct Copying<'a> {
    pub(super) store: &'a dyn LogStore,
    pub(super) checkpoint: &'a Checkpoint,
    /// Entries that are there already.
    pub(super) written: u64,
    /// Whether the files at the end of what is there are written anew even if they did not change: the last ones that were
    /// written are the likeliest to be missing.
    pub(super) whole_edge: bool,
}

impl Copying<'_> {
    /// Bundles of entries, in order.
    pub(super) async fn entries<F: Files>(
        &self,
        to: &F,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<(), F::Error> {
        let of = self.checkpoint.size;
        let width = u64::from(TILE_WIDTH);
        let mut bundle = self.begin() / width;
        while bundle * width < of {
            let first = bundle * width;
            let count = (BUNDLES_AT_ONCE * width).min(of - first);
            let count_max = u32::try_from(count).unwrap_or(u32::MAX);
            let origin = self.checkpoint.origin.as_str();
            let entries = self.store.entries(origin, first, count_max).await;
            let entries = entries.map_err(CheckError::from)?;
            if entries.len() as u64 != count {
                let n = bundle + entries.len() as u64 / width;
                let path = TilePath::entries(n, tile_width(0, n, of));
                return Err(CheckError::Missing(path).into());
            }
            let mut files = Vec::new();
            for (n, entries) in (bundle..).zip(entries.chunks(TILE_WIDTH.into())) {
                let path = TilePath::entries(n, tile_width(0, n, of));
                let bytes = EntryBundle::encode(entries)
                    .map_err(|error| CheckError::Malformed(path, error))?;
                files.push((path, bytes));
            }
            to.write(files).await?;
            bundle += BUNDLES_AT_ONCE;
            progress(Progress {
                done: first + count,
                of,
            });
        }
        Ok(())
    }

    /// Tiles of hashes.
    pub(super) async fn tiles<F: Files>(&self, to: &F) -> Result<(), F::Error> {
        let mut files = Vec::new();
        for path in self.changed() {
            let Level::Hashes(level) = path.level else {
                continue;
            };
            let row = self
                .store
                .tile(self.checkpoint.origin.as_str(), level, path.n)
                .await;
            let row = row.map_err(CheckError::from)?;
            let mut data = row.ok_or(CheckError::Missing(path))?.data;
            // The log may have grown since the checkpoint was read.
            data.truncate(usize::from(path.width) * HASH_BYTES);
            files.push((path, data));
            if files.len() == FILES_AT_ONCE {
                to.write(std::mem::take(&mut files)).await?;
            }
        }
        to.write(files).await
    }

    /// The partial tiles and the partial bundle of the log as it was, of which no checkpoint speaks any more once the new one
    /// is written.
    pub(super) fn replaced(&self) -> Vec<TilePath> {
        let size = self.checkpoint.size;
        let n = self.written / u64::from(TILE_WIDTH);
        let bundle = TilePath::entries(n, tile_width(0, n, self.written));
        let mut replaced = right_edge_tiles(self.written);
        replaced.extend((bundle.width > 0).then_some(bundle));
        replaced.retain(|path| tile_width(level_of(path), path.n, size) != path.width);
        replaced
    }

    /// The first entry whose files are written.
    fn begin(&self) -> u64 {
        match self.whole_edge {
            true => self.written.saturating_sub(1),
            false => self.written,
        }
    }

    fn changed(&self) -> Vec<TilePath> {
        let size = self.checkpoint.size;
        let begin = self.begin();
        let mut changed = Vec::new();
        for level in 0..LEVELS {
            let first = begin.checked_shr(8 * u32::from(level)).unwrap_or(0);
            // The node before is there, and completes its tile where this one would begin the next.
            let first = first.saturating_sub(u64::from(self.whole_edge));
            for n in first / u64::from(TILE_WIDTH).. {
                let width = tile_width(level, n, size);
                if width == 0 {
                    break;
                }
                if self.whole_edge || tile_width(level, n, self.written) != width {
                    changed.push(TilePath::hashes(level, n, width));
                }
            }
        }
        changed
    }
}

/// The level of the tree whose nodes a file follows: entries are as many as leaves.
fn level_of(path: &TilePath) -> u8 {
    match path.level {
        Level::Hashes(level) => level,
        Level::Entries => 0,
    }
}
