//! The data store in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use privet_vault::port::{
    ConsentBit, ConsentPlace, ConsentRow, DataStore, IndexEntry, NewConsentRow, NewSessionEntry,
    NoticeRow, SessionCursor, SessionEntry, SessionEntryFilter, SessionFilter, SessionOrder,
    SessionRow, SessionTally, StoreError, TallyPeriod, ValueSwap, ValueWrite,
};
use privet_vault::{Puid, SessionId};

use super::Shared;
use crate::write::{contradicts, last_writes, sessions_max, step_nanoseconds};

#[derive(Default)]
pub(super) struct MemoryData(Shared<State>);

#[derive(Clone, Default)]
struct State {
    values: BTreeMap<(Puid, u16), Value>,
    sessions: BTreeMap<SessionId, SessionRow>,
    session_entries: Vec<NewSessionEntry>,
    consent: BTreeMap<ConsentPlace, ConsentRow>,
    consent_bits: BTreeMap<u8, String>,
    notices: BTreeMap<[String; 3], NoticeRow>,
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

    async fn swap_values(&self, swaps: Vec<ValueSwap>) -> Result<Vec<bool>, StoreError> {
        let swap = |state: &mut State, swap: ValueSwap| {
            let key = (swap.puid, swap.field);
            match (state.values.get_mut(&key), swap.new) {
                (Some(value), Some(new)) if value.sealed == swap.old => value.sealed = new,
                (Some(value), None) if value.sealed == swap.old => {
                    state.values.remove(&key);
                }
                _ => return false,
            }
            true
        };
        self.0
            .write(|state| Ok(swaps.into_iter().map(|one| swap(state, one)).collect()))
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

    async fn append_consent(&self, rows: Vec<NewConsentRow>) -> Result<Vec<bool>, StoreError> {
        let add = |state: &mut State| rows.into_iter().map(|row| state.add_consent(row)).collect();
        self.0.write(|state| Ok(add(state)))
    }

    async fn consent_states(
        &self,
        places: &[ConsentPlace],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let state = self.0.read();
        let at = |place| state.consent.get(place).map(|row| row.state.clone());
        Ok(places.iter().map(at).collect())
    }

    async fn consent_rows(
        &self,
        places: &[ConsentPlace],
    ) -> Result<Vec<Option<ConsentRow>>, StoreError> {
        let state = self.0.read();
        let at = |place| state.consent.get(place).cloned();
        Ok(places.iter().map(at).collect())
    }

    async fn delete_consent(&self, places: &[ConsentPlace]) -> Result<u64, StoreError> {
        self.0.write(|state| {
            let rows = places
                .iter()
                .filter(|place| state.consent.remove(*place).is_some());
            Ok(rows.count() as u64)
        })
    }

    async fn consent_bits(&self) -> Result<Vec<ConsentBit>, StoreError> {
        Ok(self.0.read().bits())
    }

    async fn add_notices(&self, rows: Vec<NoticeRow>) -> Result<(), StoreError> {
        self.0.write(|state| {
            for row in rows {
                let key = [&row.version, &row.purpose, &row.language].map(String::clone);
                state.notices.entry(key).or_insert(row);
            }
            Ok(())
        })
    }

    async fn notices(&self, versions: &[String]) -> Result<Vec<NoticeRow>, StoreError> {
        let state = self.0.read();
        let rows = state.notices.values();
        let wanted = rows.filter(|row| versions.contains(&row.version));
        Ok(wanted.cloned().collect())
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
        found.sort_by_key(|row| SessionCursor::from(row));
        if filter.order == SessionOrder::NewestFirst {
            found.reverse();
        }
        found.truncate(sessions_max(filter) as usize);
        Ok(found)
    }

    async fn session_tallies(&self, period: &TallyPeriod) -> Result<Vec<SessionTally>, StoreError> {
        let state = self.0.read();
        let step = i128::from(step_nanoseconds(period));
        let mut tallies: BTreeMap<_, SessionTally> = BTreeMap::new();
        let within = |row: &&SessionRow| (period.from..period.before).contains(&row.started_at);
        for row in state.sessions.values().filter(within) {
            let since = row.started_at.as_nanosecond() - period.from.as_nanosecond();
            let one = SessionTally {
                source: row.source.clone(),
                step: u32::try_from(since / step).unwrap_or(u32::MAX),
                decrypted: row.decrypted,
                verdict: row.verdict(),
                reviewer: row.review.as_ref().map(|review| review.reviewer.clone()),
                sessions: 0,
                statements: 0,
                opened: 0,
            };
            let tally = tallies.entry(one.clone()).or_insert(one);
            tally.sessions += 1;
            tally.statements += row.statements;
            tally.opened += row.opened;
        }
        Ok(tallies.into_values().collect())
    }

    async fn add_session_entries(&self, entries: Vec<NewSessionEntry>) -> Result<(), StoreError> {
        self.0.write(|state| {
            for entry in entries {
                let known = |known: &NewSessionEntry| {
                    (known.session, &known.origin, known.index)
                        == (entry.session, &entry.origin, entry.index)
                };
                if !state.session_entries.iter().any(known) {
                    state.session_entries.push(entry);
                }
            }
            Ok(())
        })
    }

    async fn session_entries(
        &self,
        filter: &SessionEntryFilter,
    ) -> Result<Vec<SessionEntry>, StoreError> {
        let state = self.0.read();
        let wanted = (1..)
            .zip(&state.session_entries)
            .filter(|(number, entry)| {
                *number > filter.after
                    && entry.session == filter.session
                    && entry.part >= filter.at_least
            })
            .take(filter.count_max as usize);
        let entries = wanted.map(|(number, entry)| SessionEntry {
            number,
            origin: entry.origin.clone(),
            index: entry.index,
        });
        Ok(entries.collect())
    }
}

impl State {
    fn add_consent(&mut self, new: NewConsentRow) -> bool {
        let known = self.bits();
        if self.consent.contains_key(&new.place) || contradicts(&known, &new.granted) {
            return false;
        }
        let granted = new.granted.into_iter().map(|bit| (bit.bit, bit.purpose));
        self.consent_bits.extend(granted);
        self.consent.insert(new.place, new.row);
        true
    }

    fn bits(&self) -> Vec<ConsentBit> {
        let bits = self.consent_bits.iter();
        bits.map(|(bit, purpose)| ConsentBit {
            bit: *bit,
            purpose: purpose.clone(),
        })
        .collect()
    }

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
    filter.verdict.is_none_or(|wanted| wanted == row.verdict())
        && filter
            .principal
            .as_ref()
            .is_none_or(|wanted| *wanted == row.principal)
        && filter
            .not_by
            .as_ref()
            .is_none_or(|unwanted| *unwanted != row.principal)
        && filter
            .source
            .as_ref()
            .is_none_or(|wanted| *wanted == row.source)
        && filter
            .decrypted
            .is_none_or(|wanted| wanted == row.decrypted)
        && filter
            .emergency
            .is_none_or(|wanted| wanted == row.emergency_at.is_some())
        && filter
            .open
            .is_none_or(|wanted| wanted == row.ended_at.is_none())
        && filter.from.is_none_or(|moment| row.started_at >= moment)
        && filter.before.is_none_or(|moment| row.started_at < moment)
        && filter.after.is_none_or(|cursor| match filter.order {
            SessionOrder::NewestFirst => SessionCursor::from(row) < cursor,
            SessionOrder::OldestFirst => SessionCursor::from(row) > cursor,
        })
}
