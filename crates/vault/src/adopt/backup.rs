//! No value is sealed before its keys were found in a backup: with the only copy of a key, every value under it would be lost.

use std::collections::HashSet;
use std::sync::Arc;

use super::run::{BATCH_ROWS, Running, Stop};
use super::seal::Owned;
use super::{Plans, TablePlan};
use crate::port::{RowKey, SourceRow, Wanted};
use crate::{Error, SubjectRef};

/// What was done about the backup, as the log says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backup {
    /// Every key that will be used was read back from it.
    Verified,
    /// Development goes without.
    Waived,
    /// There is nothing to seal.
    Unneeded,
}

impl Backup {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Waived => "waived",
            Self::Unneeded => "unneeded",
        }
    }
}

impl Running {
    /// Makes every key that will be needed, and reads each back from the backup: opened under the root key, and the same as
    /// the one that sealing will use.
    pub(super) async fn secure_keys(&self, plans: &Plans) -> Result<Backup, Stop> {
        let inner = &self.vault.inner;
        if self.job.status().total == 0 {
            return Ok(Backup::Unneeded);
        }
        let Some(backup) = inner.key_backup.get() else {
            if inner.config.development {
                let note = "DEVELOPMENT: no backup of the key store was verified. Whoever loses the key store loses every \
                            sealed value";
                self.job.update(|status| status.notes.push(note.to_owned()));
                return Ok(Backup::Waived);
            }
            return Err(Stop::Problems(vec![
                "there is no backup of the key store, and without its keys no sealed value can ever be opened: say where \
                 one is or is to be made (`key_backup` in [stores])"
                    .to_owned(),
            ]));
        };
        for table in &plans.tables {
            let mut after = None;
            while let Some(rows) = self.next_rows(table, &mut after).await? {
                Owned::new(&self.vault, self.source.name(), table, rows).await?;
            }
        }
        let unread = |error: crate::port::StoreError| {
            Stop::Problems(vec![format!(
                "the backup of the key store cannot be used: {error}"
            )])
        };
        let store = backup.open().await.map_err(unread)?;
        let mut missing = HashSet::new();
        for table in &plans.tables {
            let keyring = inner.keyring.over(Arc::clone(&store), &inner.clock);
            let mut after = None;
            while let Some(rows) = self.next_rows(table, &mut after).await? {
                missing.extend(self.missing(table, &keyring, &*store, &rows).await?);
            }
        }
        if !missing.is_empty() {
            return Err(Stop::Problems(vec![format!(
                "the backup of the key store lacks the keys of {} people whose values are to be sealed: let it catch \
                 up, or make a new one, then start again",
                missing.len()
            )]));
        }
        Ok(Backup::Verified)
    }

    /// The subjects of these rows that are not in the backup with the keys that will be used.
    async fn missing(
        &self,
        table: &TablePlan,
        keyring: &crate::keyring::Keyring,
        store: &dyn crate::port::KeyStore,
        rows: &[SourceRow],
    ) -> Result<Vec<SubjectRef>, Stop> {
        let vault = &self.vault;
        let (source, root) = (self.source.name(), &table.seal.root_table);
        let mut keys: Vec<String> = rows.iter().filter_map(|row| row.subject.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        if vault.fresh().is_err() {
            vault.catch_up().await?;
        }
        let live = vault.by_alias(source, root, &keys).await?;
        let copied = store.subjects_by_alias(source, root, &keys).await;
        let copied = copied.map_err(Error::from)?;
        let copied = copied.into_iter().map(|pair| pair.map(|(_, row)| row));
        // A key that does not open under the root key is as good as none.
        let copied = keyring.open_rows(copied.collect(), vault.now()).await;
        let Ok(copied) = copied else {
            return Ok(live
                .iter()
                .flatten()
                .map(|open| open.row.reference)
                .collect());
        };
        let mut missing = Vec::new();
        for (live, copied) in live.iter().zip(&copied) {
            let Some(live) = live else {
                // Rows without anything to seal have no subject.
                continue;
            };
            let same = copied.as_ref().is_some_and(|copied| copied.holds(live));
            if !same {
                missing.push(live.row.reference);
            }
        }
        Ok(missing)
    }

    async fn next_rows(
        &self,
        table: &TablePlan,
        after: &mut Option<RowKey>,
    ) -> Result<Option<Vec<SourceRow>>, Stop> {
        let read = self
            .source
            .read(&table.seal, Wanted::Plaintext, after.as_ref(), BATCH_ROWS);
        let rows = read.await?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        *after = Some(last.key.clone());
        Ok(Some(rows))
    }
}
