//! The full check of a log that somebody can read, from its first bundle to its checkpoint.

use super::fault::Span;
use super::{Fault, Verifier, VerifyError};
use crate::proof::verify_subtree;
use crate::tile::tile_width;
use crate::{
    Checkpoint, EntryBundle, Hash, Level, TILE_WIDTH, TilePath, TileReader, inclusion_proof,
    right_edge_tiles,
};

/// Somebody who has the entries, too.
pub trait LogReader: TileReader {
    /// The bundle that holds the `width` entries from index `n * 256` on.
    ///
    /// # Errors
    /// Whatever kept the reader from producing the bundle.
    fn bundle(&self, n: u64, width: u16) -> Result<Vec<u8>, Self::Error>;
}

/// Checks every entry and every tile of a log against a checkpoint whose signature was verified,
/// calling `progress` with the number of entries checked after each bundle.
///
/// Where an entry and a tile contradict each other, the signed root decides: whichever of the two the
/// proof leads to is right. Here `reader` must answer with tiles and bundles as wide as asked, no wider.
///
/// # Errors
/// [`VerifyError`] names the first entry or tile that is wrong, malformed or missing.
pub fn verify_log<R: LogReader>(
    reader: &R,
    checkpoint: &Checkpoint,
    mut progress: impl FnMut(u64),
) -> Result<(), VerifyError<R::Error>> {
    let size = checkpoint.size;
    let mut verifier = Verifier::new();
    for n in 0..size.div_ceil(TILE_WIDTH.into()) {
        push_bundle(reader, &mut verifier, n, tile_width(0, n, size))?;
        for path in completed_tiles(verifier.size()) {
            check_tile(reader, &verifier, path, checkpoint)?;
        }
        progress(verifier.size());
    }
    for path in right_edge_tiles(size) {
        check_tile(reader, &verifier, path, checkpoint)?;
    }
    Ok(verifier.finish(checkpoint)?)
}

fn push_bundle<R: LogReader>(
    reader: &R,
    verifier: &mut Verifier,
    n: u64,
    width: u16,
) -> Result<(), VerifyError<R::Error>> {
    let path = TilePath::entries(n, width);
    let bytes = reader
        .bundle(n, width)
        .map_err(|source| VerifyError::Read { path, source })?;
    let mut count = 0;
    for entry in EntryBundle::decode(&bytes) {
        verifier.push_entry(entry.map_err(|source| VerifyError::Bundle { path, source })?);
        count += 1;
    }
    if count == width {
        Ok(())
    } else {
        Err(Fault::BundleWidth { path }.into())
    }
}

/// The tiles that the last of `size` leaves completed, from level 0 up.
fn completed_tiles(size: u64) -> impl Iterator<Item = TilePath> {
    (0..8u8)
        .map(|level| (level, 8 * (u32::from(level) + 1)))
        .take_while(move |(_, height)| size.trailing_zeros() >= *height && size > 0)
        .filter_map(move |(level, height)| {
            let n = size.checked_shr(height)?.checked_sub(1)?;
            Some(TilePath::hashes(level, n, TILE_WIDTH))
        })
}

fn check_tile<R: LogReader>(
    reader: &R,
    verifier: &Verifier,
    path: TilePath,
    checkpoint: &Checkpoint,
) -> Result<(), VerifyError<R::Error>> {
    let Level::Hashes(level) = path.level else {
        return Ok(());
    };
    let data = reader
        .tile(level, path.n, path.width)
        .map_err(|source| VerifyError::Read { path, source })?;
    verifier
        .check_tile(level, path.n, path.width, &data)
        .map_err(|fault| settle(reader, fault, checkpoint).into())
}

/// Lets the signed root decide between entries and tile, if the rest of the tiles allows it: what
/// [`verify_log`] does with a [`Fault::Contradiction`], for those who drive a [`Verifier`]
/// themselves. Any other fault comes back as it was. `reader` must answer exactly as wide as asked.
pub fn settle<R: TileReader>(reader: &R, fault: Fault, checkpoint: &Checkpoint) -> Fault {
    let Fault::Contradiction {
        path,
        hash,
        computed,
        stored,
    } = fault
    else {
        return fault;
    };
    let Level::Hashes(level) = path.level else {
        return fault;
    };
    let Span { first, count } = Span::below(&path, hash);
    // The way up from the subtree in question is the end of the way up from its first leaf.
    let height = 8 * level;
    let Ok(proof) = inclusion_proof(first, checkpoint.size, reader) else {
        return fault;
    };
    let proof = proof.get(usize::from(height)..).unwrap_or_default();
    let leads_to_root = |subtree: &Hash| {
        verify_subtree(
            height,
            first >> height,
            checkpoint.size,
            subtree,
            proof,
            &checkpoint.root,
        )
        .is_ok()
    };
    if leads_to_root(&computed) {
        Fault::Tile { path, hash }
    } else if leads_to_root(&stored) {
        Fault::Entries { first, count }
    } else {
        fault
    }
}
