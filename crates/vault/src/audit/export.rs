//! Copies a log out of its store into plain files that any C2SP tool reads. The checkpoint is written last, so an
//! export that was interrupted is still the older log; the next one goes on from there.

use std::path::{Path, PathBuf};

use privet_tlog::note::VerifierKey;
use privet_tlog::{Checkpoint, TilePath};

use super::check::CheckError;
use super::copying::{Copying, Files};
use super::directory::Directory;
use super::offline::{continues_in_store, origin_named};
use super::start::open_checkpoint;
use super::status::Progress;
use crate::port::LogStore;

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
    progress: impl FnMut(Progress) + Send,
) -> Result<Checkpoint, CheckError> {
    let origin = origin_named(origin)?;
    let state = store.state(origin.as_str()).await?;
    let state = state.ok_or_else(|| CheckError::NoLog(origin.to_string()))?;
    let checkpoint = open_checkpoint(&state, &origin, keys).map_err(CheckError::from_start)?;
    let old = Directory::new(directory).checkpoint(keys)?;
    if let Some(old) = &old {
        continues_in_store(store, old, &checkpoint).await?;
    }
    let copying = Copying {
        store,
        checkpoint: &checkpoint,
        written: old.as_ref().map_or(0, |old| old.size),
        whole_edge: false,
    };
    let target = Target {
        root: directory.to_owned(),
    };
    copying.entries(&target, progress).await?;
    copying.tiles(&target).await?;
    let (root, replaced) = (target.root, copying.replaced());
    blocking(move || {
        let directory = Directory::new(&root);
        directory.write_checkpoint(&state.checkpoint)?;
        // Now that no checkpoint speaks of them.
        replaced.iter().try_for_each(|path| directory.remove(path))
    })
    .await?;
    Ok(checkpoint)
}

/// The directory that is written.
struct Target {
    root: PathBuf,
}

impl Files for Target {
    type Error = CheckError;

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
