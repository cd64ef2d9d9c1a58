//! An append whose rows come piece by piece, so that they need not be in memory together.

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::store::{Change, Committed};
use crate::{Appended, Batch, DataFile, Error, Position, Store};

/// Files written at the same time.
const FILES_AT_ONCE: usize = 4;

impl Store {
    /// Begins an append. Nothing of it counts before it is committed.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`].
    pub fn begin(&self) -> Result<Adding, Error> {
        self.writable()?;
        Ok(Adding {
            store: self.clone(),
            started_ms: self.surroundings.now_ms(),
            files: Vec::new(),
        })
    }
}

/// Files that are written, and that count once [`commit`](Self::commit) returns. Those of one that is dropped are swept up later.
#[derive(Debug)]
#[must_use = "files that nobody commits count for nothing"]
pub struct Adding {
    store: Store,
    started_ms: i64,
    files: Vec<DataFile>,
}

impl Adding {
    /// Writes a piece: one file for each batch.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] and what keeps rows from becoming a file; nothing was added, and nothing will be.
    pub async fn write(&mut self, batches: Vec<Batch>) -> Result<(), Error> {
        let store = &self.store;
        let mut written = stream::iter(batches)
            .map(|batch| store.put(batch))
            .buffered(FILES_AT_ONCE);
        while let Some(file) = written.try_next().await? {
            self.files.push(file);
        }
        Ok(())
    }

    /// Adds all that was written, with one entry of the log.
    ///
    /// # Errors
    ///
    /// As [`Store::append`].
    pub async fn commit(self, position: Option<Position>) -> Result<Appended, Error> {
        let now_ms = self.store.surroundings.now_ms();
        // Files that no entry names are swept up after a multiple of this.
        if now_ms.saturating_sub(self.started_ms) > self.store.settings.grace_ms {
            return Err(Error::TooSlow);
        }
        let change = Change {
            add: self.files,
            position,
            ..Change::default()
        };
        match self.store.commit(change).await? {
            Committed::Now(version) => Ok(Appended::Now(version)),
            Committed::Before => Ok(Appended::Before),
            Committed::Outdated => Err(Error::Contended),
        }
    }
}
