//! Requests that are due soon or late are pointed out: each once, whichever server runs and however often it is started. What was
//! said stands in the logs, where it is looked for before it is said again.

use std::collections::BTreeSet;

use jiff::Timestamp;
use memchr::memmem;

use super::deadline::{Deadline, Urgency};
use crate::audit::{Actor, Entry, EntryKind, Record};
use crate::session::lock;
use crate::{Result, SubjectRequestId, Vault};

/// A request that is due soon.
const DUE_SOON: &str = "request_due_soon";
/// A request whose deadline has passed.
const LATE: &str = "request_late";

/// Entries that are looked through at once.
const CHUNK: u64 = 2_000;
/// Entries of one log that are looked through at most; what was said before them is said once more.
const ENTRIES_MAX: u64 = 1_000_000;

/// What has to be said of a request.
struct Finding {
    request: SubjectRequestId,
    urgency: Urgency,
    name: &'static str,
    /// It was not so before.
    since: Timestamp,
}

impl Vault {
    /// Puts on record which running requests are due soon or late.
    pub(crate) async fn find_late_requests(&self) -> Result<()> {
        let mut findings = Vec::new();
        for row in self.requests_in(super::running_states()).await? {
            let deadline = Deadline::of(row.received_at);
            let urgency = deadline.urgency(self.now());
            let (name, since) = match urgency {
                Urgency::InTime => continue,
                Urgency::Soon => (DUE_SOON, deadline.soon_from()),
                Urgency::Late => (LATE, deadline.late_from()),
            };
            if !lock(&self.inner.requests.reported).contains(&(row.id, urgency)) {
                findings.push(Finding {
                    request: row.id,
                    urgency,
                    name,
                    since,
                });
            }
        }
        let Some(since) = findings.iter().map(|finding| finding.since).min() else {
            return Ok(());
        };
        let said = match self.said_since(since).await {
            Ok(said) => said,
            Err(error) => {
                tracing::warn!(%error, "whether late requests were pointed out cannot be looked up: it is done again");
                BTreeSet::new()
            }
        };
        for Finding {
            request,
            urgency,
            name,
            ..
        } in findings
        {
            if !said.contains(&(request.to_string(), name.to_owned())) {
                let record = Record::new(EntryKind::Finding, Actor::System)
                    .fact("finding", name)
                    .fact("request", request.to_string());
                self.record(record).await?;
                tracing::warn!(%request, finding = name, "an operator has to look at this");
            }
            lock(&self.inner.requests.reported).insert((request, urgency));
        }
        Ok(())
    }

    /// The findings about requests that any server put on record from this moment on: request and name.
    async fn said_since(&self, since: Timestamp) -> Result<BTreeSet<(String, String)>> {
        let audit = &self.inner.audit;
        let mut logs = vec![(audit.origin().to_owned(), audit.size())];
        for origin in audit.other_origins().await? {
            let size = audit.size_of(&origin).await?;
            logs.push((origin, size));
        }
        let mut said = BTreeSet::new();
        for (origin, size) in logs {
            let end = size.saturating_sub(ENTRIES_MAX);
            let mut left = size;
            while left > end {
                let first = left.saturating_sub(CHUNK).max(end);
                let count = u32::try_from(left - first).unwrap_or(u32::MAX);
                let entries = audit.entries_of(&origin, first, count).await?;
                said.extend(entries.iter().filter_map(|bytes| said_of_request(bytes)));
                let oldest = entries.first().and_then(|bytes| Entry::parse(bytes).ok());
                if oldest.is_some_and(|entry| entry.ts < since) {
                    break;
                }
                left = first;
                // Others wait for this thread.
                tokio::task::yield_now().await;
            }
        }
        Ok(said)
    }
}

/// Which finding an entry is about which request, if it is one.
fn said_of_request(bytes: &[u8]) -> Option<(String, String)> {
    // Most entries are none, which need not be parsed to be told.
    let name = [DUE_SOON, LATE]
        .into_iter()
        .find(|name| memmem::find(bytes, name.as_bytes()).is_some())?;
    let entry = Entry::parse(bytes).ok()?;
    let fact = |name: &str| entry.facts.get(name)?.as_str();
    let is_it = entry.kind() == Some(EntryKind::Finding) && fact("finding") == Some(name);
    is_it.then_some(())?;
    Some((fact("request")?.to_owned(), name.to_owned()))
}
