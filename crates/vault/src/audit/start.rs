//! What a start checks before the log may be written: that the store holds what was last signed, and nothing more.

use jiff::Timestamp;
use privet_tlog::note::{SigningKey, VerifierKey};
use privet_tlog::{
    Checkpoint, Hash, Level, Origin, Tile, TileBuilder, inclusion_proof, leaf_hash,
    right_edge_tiles, verify_inclusion,
};

use super::entry::Entry;
use super::sequencer::is_behind;
use super::tiles::{TilesError, with_tiles};
use crate::port::{LogState, LogStore, StoreError};
use crate::{Error, Reason};

/// Why the audit log cannot be opened for writing. Nothing may be revealed without it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The origin cannot be the name of a log.
    #[error("`{0}` cannot be the origin of a log: it must be a name without spaces and plus signs")]
    Origin(String),
    /// The signing key was made for another log.
    #[error("the signing key is named `{key}`, but the log's origin is `{origin}`")]
    Signer {
        /// The key's name.
        key: String,
        /// The configured origin.
        origin: String,
    },
    /// The checkpoint was not signed by this key, or was changed.
    #[error("the checkpoint of the audit log does not verify with this server's signing key")]
    Checkpoint(#[source] privet_tlog::OpenError),
    /// The store does not hold what the checkpoint says.
    #[error("the audit log does not match its checkpoint ({0}): run `privet audit verify`")]
    Damaged(String),
    /// The clock is behind the last entry.
    #[error(
        "the clock says {}, but the last entry of the audit log is of {}: set the clock right",
        seconds(.now), seconds(.last)
    )]
    Clock {
        /// What the clock says.
        now: Timestamp,
        /// The time of the last entry.
        last: Timestamp,
    },
    /// The entry that opens the log could not be written.
    #[error("the audit log cannot be written ({})", .0.text)]
    Append(Reason),
    /// The store cannot be read.
    #[error("the store of the audit log cannot be read")]
    Store(#[from] StoreError),
}

fn seconds(at: &Timestamp) -> impl std::fmt::Display {
    at.strftime("%Y-%m-%d %H:%M:%S UTC")
}

impl StartError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Origin(_) | Self::Signer { .. } => "audit_signer",
            Self::Checkpoint(_) | Self::Damaged(_) => "audit_damaged",
            Self::Clock { .. } => "audit_clock",
            Self::Append(reason) => reason.code,
            Self::Store(_) => "audit_store",
        }
    }
}

impl From<StartError> for Error {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(error) => Self::Store(error),
            error => Self::AuditUnavailable(Reason {
                code: error.code(),
                text: error.to_string(),
            }),
        }
    }
}

/// A log that matches its checkpoint.
pub(crate) struct Opened {
    pub(crate) origin: Origin,
    pub(crate) tree: TileBuilder,
    pub(crate) state: Option<LogState>,
}

/// Reads where the log stands and checks it: signature, right edge, root, last entry, and that nothing follows.
pub(crate) async fn open(
    store: &dyn LogStore,
    origin: String,
    signer: &SigningKey,
    now: Timestamp,
) -> Result<Opened, StartError> {
    if signer.name().as_str() != origin {
        return Err(StartError::Signer {
            key: signer.name().to_string(),
            origin,
        });
    }
    let name = Origin::new(origin.as_str()).map_err(|_| StartError::Origin(origin))?;
    let state = store.state(name.as_str()).await?;
    let Some(state) = state else {
        nothing_follows(store, &name, 0).await?;
        return Ok(Opened {
            origin: name,
            tree: TileBuilder::new(),
            state: None,
        });
    };
    let checkpoint = open_checkpoint(&state, &name, &[signer.verifier()])?;
    let tree = right_edge(store, &checkpoint).await?;
    if tree.root() != checkpoint.root {
        return Err(damaged("the tiles at its end lead to another root"));
    }
    nothing_follows(store, &name, state.size).await?;
    check_last_entry(store, &checkpoint, &state).await?;
    if is_behind(now, state.last_entry_at) {
        return Err(StartError::Clock {
            now,
            last: state.last_entry_at,
        });
    }
    Ok(Opened {
        origin: name,
        tree,
        state: Some(state),
    })
}

/// Reads a stored checkpoint: signature, origin, and that it speaks of as many entries as the row.
pub(crate) fn open_checkpoint(
    state: &LogState,
    origin: &Origin,
    keys: &[VerifierKey],
) -> Result<Checkpoint, StartError> {
    let checkpoint = Checkpoint::open(&state.checkpoint, keys).map_err(StartError::Checkpoint)?;
    if checkpoint.origin != *origin {
        return Err(damaged("its checkpoint is of another origin"));
    }
    if checkpoint.size != state.size || state.size == 0 {
        return Err(damaged(format!(
            "the checkpoint states {} entries, the store {}",
            checkpoint.size, state.size
        )));
    }
    Ok(checkpoint)
}

/// The tree that a checkpoint speaks of, from the tiles at its end.
pub(crate) async fn right_edge(
    store: &dyn LogStore,
    checkpoint: &Checkpoint,
) -> Result<TileBuilder, StartError> {
    let mut tiles = Vec::new();
    for path in right_edge_tiles(checkpoint.size) {
        let Level::Hashes(level) = path.level else {
            continue;
        };
        let row = store
            .tile(checkpoint.origin.as_str(), level, path.n)
            .await?
            .ok_or_else(|| damaged(format!("`{path}` is missing")))?;
        // A wider tile has seen more entries than the checkpoint: the row with the state was put back.
        if row.width != path.width {
            return Err(damaged(format!("`{path}` is {} wide", row.width)));
        }
        tiles.push(Tile {
            level,
            n: path.n,
            width: row.width,
            data: row.data,
        });
    }
    TileBuilder::from_partial_tiles(checkpoint.size, tiles)
        .map_err(|_| damaged("the tiles at its end have the wrong length"))
}

async fn nothing_follows(
    store: &dyn LogStore,
    origin: &Origin,
    size: u64,
) -> Result<(), StartError> {
    if store.entries(origin.as_str(), size, 1).await?.is_empty() {
        Ok(())
    } else {
        Err(damaged(format!(
            "it holds an entry {size} that the checkpoint does not know"
        )))
    }
}

/// The last entry must be the one that was signed; its time, which the signature does not cover as a column, is what
/// the clock is measured against.
async fn check_last_entry(
    store: &dyn LogStore,
    checkpoint: &Checkpoint,
    state: &LogState,
) -> Result<(), StartError> {
    let last = state.size.saturating_sub(1);
    let origin = checkpoint.origin.as_str();
    let wrong = || damaged(format!("entry {last} is not what the log committed to"));
    let entries = store.entries(origin, last, 1).await?;
    let bytes = entries
        .first()
        .ok_or_else(|| damaged(format!("entry {last} is missing")))?;
    let proof: Vec<Hash> = with_tiles(store, origin, |tiles| {
        inclusion_proof(last, state.size, tiles)
    })
    .await
    .map_err(|error| match error {
        TilesError::Store(error) => error.into(),
        error => damaged(error.to_string()),
    })?;
    verify_inclusion(
        last,
        state.size,
        &leaf_hash(bytes),
        &proof,
        &checkpoint.root,
    )
    .map_err(|_| wrong())?;
    let entry = Entry::parse(bytes).map_err(|_| wrong())?;
    if entry.ts == state.last_entry_at {
        Ok(())
    } else {
        Err(damaged(
            "the time of the last entry is not the one in the store",
        ))
    }
}

fn damaged(what: impl Into<String>) -> StartError {
    StartError::Damaged(what.into())
}
