//! The log's mirror: a copy of it where no restore of the stores reaches, such as a second machine or an object store.

use async_trait::async_trait;
use privet_tlog::TilePath;

/// Why a mirror did not do what was asked. Neither addresses nor credentials are in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// It failed, or did not answer in time. A write may have taken place all the same.
    #[error("it does not {doing}: {why}")]
    Unavailable {
        /// What was asked.
        doing: &'static str,
        /// Why not, as far as can be told.
        why: String,
    },
    /// The checkpoint is not the one that was to be replaced: somebody else wrote it, or an earlier attempt of which the
    /// answer was lost.
    #[error("its checkpoint was written by somebody else")]
    Replaced,
}

/// Which of the checkpoints that were written in one place one is; only the mirror that made it reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorVersion(pub String);

/// A checkpoint as it lies in a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorCheckpoint {
    /// A C2SP signed note, if it is what was written.
    pub note: Vec<u8>,
    /// What a write that replaces it has to state.
    pub version: MirrorVersion,
}

/// A place for logs of several origins, each as plain C2SP tlog-tiles: tiles, bundles of entries and one checkpoint.
///
/// Whatever a method wrote is durable when it returns. Everything but the checkpoint has one content for ever: writing it again
/// is harmless.
#[async_trait]
pub trait LogMirror: Send + Sync {
    /// The origins of which there is anything.
    async fn origins(&self) -> Result<Vec<String>, MirrorError>;

    /// The checkpoint of an origin; `None` if there is none.
    async fn checkpoint(&self, origin: &str) -> Result<Option<MirrorCheckpoint>, MirrorError>;

    /// Replaces the checkpoint of an origin if it still is that of `replaces` (`None`: if there is none), and answers the
    /// version of the new one; else [`MirrorError::Replaced`].
    async fn put_checkpoint(
        &self,
        origin: &str,
        note: Vec<u8>,
        replaces: Option<&MirrorVersion>,
    ) -> Result<MirrorVersion, MirrorError>;

    /// A tile or bundle; `None` if it is not there.
    async fn file(&self, origin: &str, path: TilePath) -> Result<Option<Vec<u8>>, MirrorError>;

    /// Writes a tile or bundle; a reader sees the whole of it or nothing.
    async fn put(&self, origin: &str, path: TilePath, bytes: Vec<u8>) -> Result<(), MirrorError>;

    /// Removes a partial tile or bundle that a wider one has replaced; it may be gone already.
    async fn remove(&self, origin: &str, path: TilePath) -> Result<(), MirrorError>;
}
