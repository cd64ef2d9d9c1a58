//! A mirror that fails, hangs, or loses its answers when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use privet_tlog::TilePath;
use privet_vault::port::{LogMirror, MirrorCheckpoint, MirrorError, MirrorVersion};

/// What it does with whatever it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Works,
    Fails,
    Hangs,
    /// It does what it is asked, and the answer to a write of a checkpoint is lost.
    LosesAnswers,
}

const MOODS: [Mood; 4] = [Mood::Works, Mood::Fails, Mood::Hangs, Mood::LosesAnswers];

pub(crate) struct Faulty {
    inner: Arc<dyn LogMirror>,
    mood: AtomicU8,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn LogMirror>) -> Arc<Self> {
        let mood = AtomicU8::new(0);
        Arc::new(Self { inner, mood })
    }

    pub(crate) fn becomes(&self, mood: Mood) {
        let at = MOODS.iter().position(|known| *known == mood).unwrap();
        self.mood.store(u8::try_from(at).unwrap(), Ordering::SeqCst);
    }

    fn mood(&self) -> Mood {
        MOODS[usize::from(self.mood.load(Ordering::SeqCst))]
    }

    async fn before(&self) -> Result<(), MirrorError> {
        match self.mood() {
            Mood::Works | Mood::LosesAnswers => Ok(()),
            Mood::Fails => Err(failed()),
            Mood::Hangs => {
                while self.mood() == Mood::Hangs {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Ok(())
            }
        }
    }
}

fn failed() -> MirrorError {
    MirrorError::Unavailable {
        doing: "answer",
        why: "it was told not to".to_owned(),
    }
}

#[async_trait]
impl LogMirror for Faulty {
    async fn origins(&self) -> Result<Vec<String>, MirrorError> {
        self.before().await?;
        self.inner.origins().await
    }

    async fn checkpoint(&self, origin: &str) -> Result<Option<MirrorCheckpoint>, MirrorError> {
        self.before().await?;
        self.inner.checkpoint(origin).await
    }

    async fn put_checkpoint(
        &self,
        origin: &str,
        note: Vec<u8>,
        replaces: Option<&MirrorVersion>,
    ) -> Result<MirrorVersion, MirrorError> {
        self.before().await?;
        let put = self.inner.put_checkpoint(origin, note, replaces).await;
        match self.mood() {
            Mood::LosesAnswers => put.and(Err(failed())),
            _ => put,
        }
    }

    async fn file(&self, origin: &str, path: TilePath) -> Result<Option<Vec<u8>>, MirrorError> {
        self.before().await?;
        self.inner.file(origin, path).await
    }

    async fn put(&self, origin: &str, path: TilePath, bytes: Vec<u8>) -> Result<(), MirrorError> {
        self.before().await?;
        self.inner.put(origin, path, bytes).await
    }

    async fn remove(&self, origin: &str, path: TilePath) -> Result<(), MirrorError> {
        self.before().await?;
        self.inner.remove(origin, path).await
    }
}
