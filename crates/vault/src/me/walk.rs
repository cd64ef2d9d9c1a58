//! Going through the logs of all servers backwards in time, and opening what lies beside their entries.

use std::collections::HashMap;

use privet_seal::KeyId;

use super::looks::short_name;
use crate::audit::{Entry, SideKey, SideRecord};
use crate::session::SessionReader;
use crate::{Error, Result, SessionId, Vault};

/// Entries that are read at once.
const CHUNK: u64 = 256;
/// Keys that are kept ready; a person's looks lie close together.
const KEYS_MAX: usize = 1_000;

/// All logs, from their ends to their beginnings: of what is next in each, the newest comes first.
pub(crate) struct Walk<'a> {
    vault: &'a Vault,
    logs: Vec<Log>,
}

struct Log {
    origin: String,
    /// How many entries are still to be read.
    left: u64,
    /// Entries that were read, oldest first, the last of them next. What is no entry of a version that is known is left out.
    read: Vec<(u64, Entry)>,
}

impl Log {
    /// How many entries were not handed out yet.
    fn rest(&self) -> u64 {
        self.read.last().map_or(self.left, |(index, _)| index + 1)
    }
}

impl<'a> Walk<'a> {
    /// From the logs' ends, or from where another walk was.
    pub(crate) async fn start(vault: &'a Vault, cursor: Option<&str>) -> Result<Self> {
        let audit = &vault.inner.audit;
        let cursor = cursor.map(parse).transpose()?;
        let mut origins = audit.other_origins().await?;
        origins.push(audit.origin().to_owned());
        let mut logs = Vec::new();
        for origin in origins {
            let size = match origin == audit.origin() {
                true => audit.size(),
                false => audit.size_of(&origin).await?,
            };
            // Whichever is not in the cursor came to be since.
            let left = match &cursor {
                Some(cursor) => cursor.get(&short_name(&origin)).copied().unwrap_or(0),
                None => size,
            };
            logs.push(Log {
                origin,
                left: left.min(size),
                read: Vec::new(),
            });
        }
        Ok(Self { vault, logs })
    }

    /// The next entry; `None` at the beginning of all logs.
    pub(crate) async fn next(&mut self) -> Result<Option<(String, u64, Entry)>> {
        for log in &mut self.logs {
            while log.read.is_empty() && log.left > 0 {
                let first = log.left.saturating_sub(CHUNK);
                let count = u32::try_from(log.left - first).unwrap_or(u32::MAX);
                let audit = &self.vault.inner.audit;
                let entries = audit.entries_of(&log.origin, first, count).await?;
                let entries = (first..).zip(entries);
                let entries =
                    entries.filter_map(|(index, bytes)| Some((index, Entry::parse(&bytes).ok()?)));
                (log.left, log.read) = (first, entries.collect());
                // Others wait for this thread.
                tokio::task::yield_now().await;
            }
        }
        let newest = self.logs.iter_mut().filter(|log| !log.read.is_empty());
        let newest = newest.max_by_key(|log| log.read.last().map(|(_, entry)| entry.ts));
        Ok(newest.and_then(|log| {
            let (index, entry) = log.read.pop()?;
            Some((log.origin.clone(), index, entry))
        }))
    }

    /// Where it is; `None` at the beginning of all logs.
    pub(super) fn cursor(&self) -> Option<String> {
        let rests = self
            .logs
            .iter()
            .map(|log| (short_name(&log.origin), log.rest()));
        let rests: Vec<_> = rests.filter(|(_, rest)| *rest > 0).collect();
        let rests = rests.iter().map(|(log, rest)| format!("{log}.{rest}"));
        let text = rests.collect::<Vec<_>>().join("-");
        (!text.is_empty()).then_some(text)
    }
}

fn parse(cursor: &str) -> Result<HashMap<String, u64>> {
    let parts = cursor.split('-').map(|part| {
        let (log, rest) = part.split_once('.')?;
        Some((log.to_owned(), rest.parse().ok()?))
    });
    parts.collect::<Option<_>>().ok_or_else(|| {
        Error::invalid(
            "before",
            "this is not where a page ended: begin with the newest",
        )
    })
}

/// Opens side records, and keeps the keys that it needed for the next ones.
pub(crate) struct Opened<'a> {
    vault: &'a Vault,
    keys: HashMap<KeyId, Option<SideKey>>,
    sessions: HashMap<SessionId, SessionReader<'a>>,
}

impl<'a> Opened<'a> {
    pub(crate) fn new(vault: &'a Vault) -> Self {
        Self {
            vault,
            keys: HashMap::new(),
            sessions: HashMap::new(),
        }
    }

    /// What lies beside an entry; `None` where there is nothing, or its key is destroyed.
    pub(crate) async fn side(&mut self, entry: &Entry) -> Result<Option<SideRecord>> {
        if let (Some(session), Some(_)) = (entry.session, entry.grant) {
            // These open with the keys of the session and of the subjects together.
            if self.sessions.len() >= KEYS_MAX {
                self.sessions.clear();
            }
            if !self.sessions.contains_key(&session) {
                let reader = SessionReader::open(self.vault, session).await?;
                self.sessions.insert(session, reader);
            }
            return match self.sessions.get_mut(&session) {
                Some(reader) => reader.side(entry).await,
                None => Ok(None),
            };
        }
        let Some(sealed) = self.vault.inner.audit.side(entry).await? else {
            return Ok(None);
        };
        let id = sealed.key_id();
        if self.keys.len() >= KEYS_MAX {
            self.keys.clear();
        }
        if !self.keys.contains_key(&id) {
            let keyring = &self.vault.inner.keyring;
            let key = keyring.record_key_by_id(id, self.vault.now()).await?;
            self.keys.insert(id, key);
        }
        let key = self.keys.get(&id).and_then(Option::as_ref);
        Ok(key.and_then(|key| sealed.open(key).ok()))
    }
}
