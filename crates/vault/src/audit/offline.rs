//! What needs no running server: verify a log in a store or an exported directory, export it, prove an entry.

use std::path::Path;

use privet_tlog::note::VerifierKey;
use privet_tlog::{
    BuildError, Checkpoint, Hash, MemoryTiles, MissingTile, Origin, Proof, VerifyError,
    consistency_proof, inclusion_proof, verify_consistency, verify_log,
};

use super::check::{CheckError, StoreCheck};
use super::directory::Directory;
use super::start::open_checkpoint;
use super::status::Progress;
use super::tiles::{TilesError, with_tiles};
use crate::port::LogStore;

pub use super::export::export;

/// Checks every entry, tile and signature of the log of `origin` in a store: recomputes the root from the entries'
/// bytes and compares it with the signed one, and with each earlier checkpoint in `since`. What is appended meanwhile
/// is not looked at. Answers the checkpoint that everything was checked against.
///
/// # Errors
/// [`CheckError`] names the first entry or tile that is wrong.
pub async fn verify_store(
    store: &dyn LogStore,
    origin: &str,
    keys: &[VerifierKey],
    since: &[Checkpoint],
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Checkpoint, CheckError> {
    let origin = origin_named(origin)?;
    let mut check = StoreCheck::open(store, &origin, keys).await?;
    while check.step().await? {
        progress(check.progress());
    }
    progress(check.progress());
    let checkpoint = check.checkpoint().clone();
    refuse_unsigned(store, &checkpoint).await?;
    for old in since {
        continues_in_store(store, old, &checkpoint).await?;
    }
    Ok(checkpoint)
}

/// Checks an exported directory like [`verify_store`] does a store. Reads files, so it blocks.
///
/// # Errors
/// [`CheckError`] names the first entry, tile or file that is wrong.
pub fn verify_directory(
    directory: &Path,
    keys: &[VerifierKey],
    since: &[Checkpoint],
    mut progress: impl FnMut(Progress),
) -> Result<Checkpoint, CheckError> {
    let directory = Directory::new(directory);
    let checkpoint = directory
        .checkpoint(keys)?
        .ok_or_else(|| directory.no_checkpoint())?;
    let of = checkpoint.size;
    verify_log(&directory, &checkpoint, |done| {
        progress(Progress { done, of })
    })
    .map_err(|error| match error {
        VerifyError::Fault(fault) => fault.into(),
        VerifyError::Bundle { path, source } => CheckError::Malformed(path, source),
        VerifyError::Read { path, source } => directory.read_error(path, source),
    })?;
    for old in since {
        let proof = consistency_proof(old.size, of, &directory);
        let proof = proof.map_err(|_| CheckError::Rewritten(old.size))?;
        continues(old, &checkpoint, &proof)?;
    }
    Ok(checkpoint)
}

/// The proof that entry `index` is in the log of `origin` in a store, as a C2SP tlog-proof file.
///
/// # Errors
/// [`CheckError::NoEntry`] if the log has no such entry; else why the proof could not be built.
pub async fn prove_in_store(
    store: &dyn LogStore,
    origin: &str,
    keys: &[VerifierKey],
    index: u64,
) -> Result<String, CheckError> {
    let origin = origin_named(origin)?;
    let state = store.state(origin.as_str()).await?;
    let state = state.ok_or_else(|| CheckError::NoLog(origin.to_string()))?;
    let checkpoint = open_checkpoint(&state, &origin, keys).map_err(CheckError::from_start)?;
    if index >= checkpoint.size {
        return Err(CheckError::NoEntry(index));
    }
    let hashes = store_hashes(store, &checkpoint, |tiles| {
        inclusion_proof(index, checkpoint.size, tiles)
    });
    Ok(proof_text(index, hashes.await?, &state.checkpoint))
}

/// The proof that entry `index` is in an exported log, as a C2SP tlog-proof file. Reads files, so it blocks.
///
/// # Errors
/// [`CheckError::NoEntry`] if the log has no such entry; else why the proof could not be built.
pub fn prove_in_directory(
    directory: &Path,
    keys: &[VerifierKey],
    index: u64,
) -> Result<String, CheckError> {
    let directory = Directory::new(directory);
    let checkpoint = directory
        .checkpoint(keys)?
        .ok_or_else(|| directory.no_checkpoint())?;
    if index >= checkpoint.size {
        return Err(CheckError::NoEntry(index));
    }
    let hashes =
        inclusion_proof(index, checkpoint.size, &directory).map_err(|error| match error {
            BuildError::Read { path, source } => directory.read_error(path, source),
            BuildError::Length { path } => CheckError::Missing(path),
            BuildError::Question(_) => CheckError::NoEntry(index),
        })?;
    Ok(proof_text(
        index,
        hashes,
        &directory.checkpoint_bytes()?.unwrap_or_default(),
    ))
}

pub(crate) fn origin_named(origin: &str) -> Result<Origin, CheckError> {
    Origin::new(origin).map_err(|_| CheckError::NoLog(origin.to_owned()))
}

/// Fails unless the log of `new` begins with that of `old`.
pub(crate) async fn continues_in_store(
    store: &dyn LogStore,
    old: &Checkpoint,
    new: &Checkpoint,
) -> Result<(), CheckError> {
    if old.size > new.size {
        return Err(CheckError::Rewritten(old.size));
    }
    let proof = store_hashes(store, new, |tiles| {
        consistency_proof(old.size, new.size, tiles)
    });
    continues(old, new, &proof.await?)
}

fn continues(old: &Checkpoint, new: &Checkpoint, proof: &[Hash]) -> Result<(), CheckError> {
    let same_log = old.origin == new.origin;
    let proven = verify_consistency(old.size, &old.root, new.size, &new.root, proof).is_ok();
    if same_log && proven {
        Ok(())
    } else {
        Err(CheckError::Rewritten(old.size))
    }
}

async fn store_hashes(
    store: &dyn LogStore,
    checkpoint: &Checkpoint,
    build: impl Fn(&MemoryTiles) -> Result<Vec<Hash>, BuildError<MissingTile>>,
) -> Result<Vec<Hash>, CheckError> {
    let built = with_tiles(store, checkpoint.origin.as_str(), build).await;
    built.map_err(|error| match error {
        TilesError::Missing(path) => CheckError::Missing(path),
        TilesError::Question(_) => CheckError::Rewritten(checkpoint.size),
        TilesError::Store(error) => CheckError::Store(error),
    })
}

/// Entries behind the signed ones are nobody's, unless a running server has just signed them.
async fn refuse_unsigned(store: &dyn LogStore, checkpoint: &Checkpoint) -> Result<(), CheckError> {
    let Checkpoint { origin, size, .. } = checkpoint;
    if store.entries(origin.as_str(), *size, 1).await?.is_empty() {
        return Ok(());
    }
    match store.state(origin.as_str()).await? {
        Some(state) if state.size > *size => Ok(()),
        _ => Err(CheckError::Unsigned(*size)),
    }
}

fn proof_text(index: u64, hashes: Vec<Hash>, checkpoint: &[u8]) -> String {
    let checkpoint = String::from_utf8_lossy(checkpoint).into_owned();
    Proof {
        index,
        hashes,
        checkpoint,
        extra: None,
    }
    .to_string()
}
