//! Deleting what nobody reads any more.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt;
use object_store::path::Path;
use uuid::Uuid;

use crate::error::cannot;
use crate::folder::STAGING;
use crate::log::entry_path;
use crate::store::{Change, Committed};
use crate::{Error, Store, Table};

/// Files that no entry names are left-overs after this many grace times: an append gives up after one.
const GRACES_OF_LEFTOVERS: i64 = 24;
/// Files deleted with one entry of the log.
const FILES_PER_ENTRY: usize = 1000;

/// What a cleaning deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Data files that had been removed.
    pub removed: u64,
    /// Data files that no entry names.
    pub leftovers: u64,
    /// Entries of the log, and checkpoints.
    pub entries: u64,
}

impl Store {
    /// Deletes removed files whose grace time is over, files that no entry names (a writer died before its commit), and
    /// entries of the log that a checkpoint has replaced for as long. May be called at any time, by several processes.
    ///
    /// # Errors
    ///
    /// As [`Store::snapshot`]; what was not deleted is the next time.
    pub async fn clean(&self) -> Result<Cleaned, Error> {
        self.writable()?;
        let now_ms = self.surroundings.now_ms();
        Ok(Cleaned {
            removed: self.clean_removed(now_ms).await?,
            leftovers: self.clean_leftovers(now_ms).await?,
            entries: self.clean_log(now_ms).await?,
        })
    }

    async fn clean_removed(&self, now_ms: i64) -> Result<u64, Error> {
        let before_ms = now_ms.saturating_sub(self.settings.grace_ms);
        let over = |state: &crate::state::State| {
            let over = state
                .removed
                .iter()
                .filter(|(_, at_ms)| **at_ms < before_ms);
            over.map(|(path, _)| Arc::clone(path))
                .take(FILES_PER_ENTRY)
                .collect::<Vec<_>>()
        };
        let mut deleted = 0;
        loop {
            let forget = self.look(over).await?;
            if forget.is_empty() {
                return Ok(deleted);
            }
            for path in &forget {
                self.delete(&parse(path)?).await?;
                deleted += 1;
            }
            let change = Change {
                forget,
                ..Change::default()
            };
            let Committed::Now(_) = self.commit(change).await? else {
                return Ok(deleted);
            };
        }
    }

    async fn clean_leftovers(&self, now_ms: i64) -> Result<u64, Error> {
        let patience_ms = self.settings.grace_ms.saturating_mul(GRACES_OF_LEFTOVERS);
        let before_ms = now_ms.saturating_sub(patience_ms);
        let mut deleted = 0;
        let prefixes = Table::ALL.into_iter().map(Table::name).chain([STAGING]);
        for prefix in prefixes {
            let prefix = Path::from(prefix);
            let mut old = Vec::new();
            let mut objects = self.objects.list(Some(&prefix));
            while let Some(object) = objects.next().await {
                let object = object.map_err(cannot("list its files"))?;
                if made_ms(&object.location).is_some_and(|made_ms| made_ms < before_ms) {
                    old.push(object.location);
                }
            }
            drop(objects);
            // The log is read after the list: what it does not name now was old when it was listed.
            let named = self
                .look(|state| {
                    let paths = state.files.keys().chain(state.removed.keys());
                    paths.map(Arc::clone).collect::<HashSet<_>>()
                })
                .await?;
            for path in old
                .into_iter()
                .filter(|path| !named.contains(path.as_ref()))
            {
                self.delete(&path).await?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    async fn clean_log(&self, now_ms: i64) -> Result<u64, Error> {
        let before_ms = now_ms.saturating_sub(self.settings.grace_ms);
        let checkpoints = self.log.checkpoints().await?;
        // The one after which readers that list late begin has been there for the grace time.
        let Some(base) = checkpoints
            .iter()
            .rev()
            .find(|checkpoint| checkpoint.at_ms < before_ms)
        else {
            return Ok(0);
        };
        let mut deleted = 0;
        for version in self.log.entries_upto(base.version).await? {
            self.delete(&entry_path(version)).await?;
            deleted += 1;
        }
        for checkpoint in checkpoints.iter().filter(|checkpoint| *checkpoint < base) {
            self.delete(&checkpoint.path()).await?;
            deleted += 1;
        }
        Ok(deleted)
    }
}

fn parse(path: &str) -> Result<Path, Error> {
    Path::parse(path).map_err(|_| Error::Damaged {
        name: "a file's path".into(),
    })
}

/// When a file was made, by the UUID that it is named after; `None`: it is not one of ours.
fn made_ms(path: &Path) -> Option<i64> {
    let name = path.filename()?;
    let id: Uuid = name.strip_suffix(".parquet").unwrap_or(name).parse().ok()?;
    let (seconds, nanoseconds) = id.get_timestamp()?.to_unix();
    i64::try_from(seconds * 1000 + u64::from(nanoseconds / 1_000_000)).ok()
}
