//! A mirror whose every answer has a deadline: one that hangs is one that fails.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use privet_tlog::TilePath;
use tokio::time::timeout;

use crate::port::{LogMirror, MirrorCheckpoint, MirrorError, MirrorVersion};

/// How long one request may take. A bundle has two megabytes at most, and a client may try a request again by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// The mirror behind it.
pub(crate) struct Bounded(pub(crate) Arc<dyn LogMirror>);

async fn within<T>(
    doing: &'static str,
    answer: impl Future<Output = Result<T, MirrorError>> + Send,
) -> Result<T, MirrorError> {
    let late = || MirrorError::Unavailable {
        doing,
        why: format!("no answer within {} seconds", PATIENCE.as_secs()),
    };
    timeout(PATIENCE, answer)
        .await
        .unwrap_or_else(|_| Err(late()))
}

#[async_trait]
impl LogMirror for Bounded {
    async fn origins(&self) -> Result<Vec<String>, MirrorError> {
        within("list logs", self.0.origins()).await
    }

    async fn checkpoint(&self, origin: &str) -> Result<Option<MirrorCheckpoint>, MirrorError> {
        within("show its checkpoint", self.0.checkpoint(origin)).await
    }

    async fn put_checkpoint(
        &self,
        origin: &str,
        note: Vec<u8>,
        replaces: Option<&MirrorVersion>,
    ) -> Result<MirrorVersion, MirrorError> {
        let put = self.0.put_checkpoint(origin, note, replaces);
        within("take a checkpoint", put).await
    }

    async fn file(&self, origin: &str, path: TilePath) -> Result<Option<Vec<u8>>, MirrorError> {
        within("show a file", self.0.file(origin, path)).await
    }

    async fn put(&self, origin: &str, path: TilePath, bytes: Vec<u8>) -> Result<(), MirrorError> {
        within("take a file", self.0.put(origin, path, bytes)).await
    }

    async fn remove(&self, origin: &str, path: TilePath) -> Result<(), MirrorError> {
        within("remove a file", self.0.remove(origin, path)).await
    }
}
