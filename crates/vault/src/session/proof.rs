//! The proof that what a session's record says is in the log: of all its entries, in one file.

use std::collections::{BTreeMap, BTreeSet};

use privet_tlog::{BUNDLED_ENTRIES_MAX, ProofBundle};

use crate::log_read::LogDetail;
use crate::port::{SessionEntryFilter, SessionPart};
use crate::{Caller, Error, Result, SessionId, Vault};

/// Entries that are looked up at a time.
const PAGE: u32 = 1_000;

impl Vault {
    /// The entries of a session with the proofs that they are in the log, as a bundle (`docs/formats/proof-bundles.md`): those
    /// of other servers under their own logs' checkpoints. It takes the right to read the session and that to read the log.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] by policy, [`Error::Invalid`] with code `proof_too_long` for a session with more
    /// entries than a bundle takes.
    pub async fn session_proof(&self, caller: &Caller, id: SessionId) -> Result<Vec<u8>> {
        self.reading_session(caller, id).await?;
        self.reading(caller, LogDetail::Bare).await?;
        // What this server has just written belongs to it as well.
        self.inner.listing.written().await;
        let mut logs = Vec::new();
        for (origin, indexes) in self.entries_by_log(id).await? {
            logs.push(self.inner.audit.bundled(&origin, &indexes).await?);
        }
        if logs.is_empty() {
            return Err(Error::NotFound("audit entry"));
        }
        Ok(ProofBundle { logs }.render())
    }

    async fn entries_by_log(&self, id: SessionId) -> Result<BTreeMap<String, BTreeSet<u64>>> {
        let mut logs: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        let (mut after, mut count) = (0, 0);
        loop {
            let filter = SessionEntryFilter {
                session: id,
                at_least: SessionPart::Step,
                after,
                count_max: PAGE,
            };
            let entries = self.inner.data.session_entries(&filter).await?;
            let is_last = entries.len() < PAGE as usize;
            for entry in entries {
                after = entry.number;
                let log = logs.entry(entry.origin).or_default();
                count += usize::from(log.insert(entry.index));
            }
            if count > BUNDLED_ENTRIES_MAX {
                return Err(Error::invalid(
                    "proof_too_long",
                    format!(
                        "this session has more than {BUNDLED_ENTRIES_MAX} entries: take the proofs of those that matter, \
                         or a copy of the whole log with `privet audit export`"
                    ),
                ));
            }
            if is_last {
                return Ok(logs);
            }
        }
    }
}
