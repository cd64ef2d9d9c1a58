//! The data store in memory.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use async_trait::async_trait;
use privet_vault::port::{
    DataStore, IndexEntry, SessionFilter, SessionRow, StoreError, ValueWrite, Verdict,
};
use privet_vault::{Puid, SessionId};

use super::Shared;
use crate::write::{SESSIONS_DEFAULT, last_writes};

#[derive(Default)]
pub(super) struct MemoryData(Shared<State>);

#[derive(Clone, Default)]
struct State {
    values: BTreeMap<(Puid, u16), Value>,
    sessions: BTreeMap<SessionId, SessionRow>,
    session_entries: Vec<(SessionId, String, u64)>,
}

#[derive(Clone)]
struct Value {
    sealed: Vec<u8>,
    index: Vec<IndexEntry>,
}

#[async_trait]
impl DataStore for MemoryData {
    async fn put_values(&self, values: Vec<ValueWrite>) -> Result<(), StoreError> {
        self.0.write(|state| {
            let writes = last_writes(values);
            for write in &writes {
                state.values.remove(&(write.puid, write.field));
            }
            for write in writes {
                let Some(sealed) = write.sealed else { continue };
                if write
                    .index
                    .iter()
                    .any(|entry| state.is_taken(write.field, entry))
                {
                    return Err(StoreError::NotUnique(write.field));
                }
                let value = Value {
                    sealed,
                    index: write.index,
                };
                state.values.insert((write.puid, write.field), value);
            }
            Ok(())
        })
    }

    async fn values(
        &self,
        subjects: &[Puid],
        fields: &[u16],
    ) -> Result<Vec<Vec<Option<Vec<u8>>>>, StoreError> {
        let state = self.0.read();
        let value = |subject: &Puid, field: &u16| {
            state
                .values
                .get(&(*subject, *field))
                .map(|value| value.sealed.clone())
        };
        let row = |subject| fields.iter().map(|field| value(subject, field)).collect();
        Ok(subjects.iter().map(row).collect())
    }

    async fn fields_of(&self, subject: Puid) -> Result<Vec<u16>, StoreError> {
        let state = self.0.read();
        let keys = state.values.keys().filter(|(puid, _)| *puid == subject);
        Ok(keys.map(|(_, field)| *field).collect())
    }

    async fn lookup(
        &self,
        field: u16,
        index: [u8; 18],
        count_max: u32,
    ) -> Result<Vec<Puid>, StoreError> {
        let state = self.0.read();
        let holders = state.values.iter().filter(|((_, of), value)| {
            *of == field && value.index.iter().any(|entry| entry.bytes == index)
        });
        Ok(holders
            .map(|((puid, _), _)| *puid)
            .take(count_max as usize)
            .collect())
    }

    async fn delete_subject(&self, subject: Puid) -> Result<u64, StoreError> {
        self.0.write(|state| {
            let before = state.values.len();
            state.values.retain(|(puid, _), _| *puid != subject);
            Ok((before - state.values.len()) as u64)
        })
    }

    async fn put_session(&self, session: SessionRow) -> Result<(), StoreError> {
        self.0.write(|state| {
            let former = state.sessions.remove(&session.id);
            let id = session.id;
            let row = match former {
                Some(former) => former.merged(session),
                None => session,
            };
            state.sessions.insert(id, row);
            Ok(())
        })
    }

    async fn session(&self, id: SessionId) -> Result<Option<SessionRow>, StoreError> {
        Ok(self.0.read().sessions.get(&id).cloned())
    }

    async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<SessionRow>, StoreError> {
        let state = self.0.read();
        let mut found: Vec<_> = state
            .sessions
            .values()
            .filter(|row| is_wanted(row, filter))
            .cloned()
            .collect();
        found.sort_by_key(|row| Reverse((row.started_at, row.id)));
        let count_max = if filter.count_max == 0 {
            SESSIONS_DEFAULT
        } else {
            filter.count_max
        };
        found.truncate(count_max as usize);
        Ok(found)
    }

    async fn add_session_entries(
        &self,
        entries: Vec<(SessionId, String, u64)>,
    ) -> Result<(), StoreError> {
        self.0.write(|state| {
            for entry in entries {
                if !state.session_entries.contains(&entry) {
                    state.session_entries.push(entry);
                }
            }
            Ok(())
        })
    }

    async fn session_entries(&self, id: SessionId) -> Result<Vec<(String, u64)>, StoreError> {
        let state = self.0.read();
        let entries = state
            .session_entries
            .iter()
            .filter(|(session, ..)| *session == id);
        Ok(entries
            .map(|(_, origin, index)| (origin.clone(), *index))
            .collect())
    }
}

impl State {
    fn is_taken(&self, field: u16, entry: &IndexEntry) -> bool {
        entry.unique
            && self
                .values
                .iter()
                .filter(|((_, of), _)| *of == field)
                .flat_map(|(_, value)| &value.index)
                .any(|other| other.unique && other.bytes == entry.bytes)
    }
}

fn is_wanted(row: &SessionRow, filter: &SessionFilter) -> bool {
    let verdict = row
        .review
        .as_ref()
        .map_or(Verdict::Pending, |review| review.verdict);
    filter.verdict.is_none_or(|wanted| wanted == verdict)
        && filter
            .principal
            .as_ref()
            .is_none_or(|wanted| *wanted == row.principal)
        && filter
            .decrypted
            .is_none_or(|wanted| wanted == row.decrypted)
        && filter
            .open
            .is_none_or(|wanted| wanted == row.ended_at.is_none())
        && filter.before.is_none_or(|moment| row.started_at < moment)
}
