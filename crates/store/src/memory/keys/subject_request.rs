//! What people ask for.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use privet_seal::KeyKind;
use privet_vault::port::{
    KeyRow, StoreError, SubjectRequestFilter, SubjectRequestRow, SubjectRequestStore,
};
use privet_vault::subject_request::{Event, Progress, RequestRules, machine};
use privet_vault::{SubjectRef, SubjectRequestId};

use super::{MemoryKeys, State};

#[async_trait]
impl SubjectRequestStore for MemoryKeys {
    async fn add_subject_request(
        &self,
        request: SubjectRequestRow,
        key: Option<KeyRow>,
    ) -> Result<(), StoreError> {
        self.0.write(|state| {
            let known = |subject| state.subject(|row| row.reference == subject).is_some();
            let is_known = request.subject.is_none_or(known);
            let is_new = state
                .subject_requests
                .iter()
                .all(|row| row.id != request.id);
            if !is_known || !is_new {
                return Err(StoreError::Conflict);
            }
            key.into_iter().try_for_each(|key| state.add_key(key))?;
            state.subject_requests.push(request);
            state.check_running()
        })
    }

    async fn subject_request(
        &self,
        id: SubjectRequestId,
    ) -> Result<Option<SubjectRequestRow>, StoreError> {
        let state = self.0.read();
        let found = state.subject_requests.iter().find(|row| row.id == id);
        Ok(found.cloned())
    }

    async fn subject_requests(
        &self,
        filter: &SubjectRequestFilter,
    ) -> Result<Vec<SubjectRequestRow>, StoreError> {
        let wanted = |row: &&SubjectRequestRow| {
            let wakes = row.progress.wakes_at();
            filter
                .subject
                .is_none_or(|subject| row.subject == Some(subject))
                && (filter.states.is_empty() || filter.states.contains(&row.progress.state))
                && filter
                    .wakes_by
                    .is_none_or(|by| wakes.is_some_and(|wakes| wakes <= by))
                && filter
                    .after
                    .is_none_or(|after| (row.asked_at, row.id) > after)
        };
        let state = self.0.read();
        let found = state.subject_requests.iter().filter(wanted);
        let mut found: Vec<_> = found.cloned().collect();
        found.sort_by_key(|row| (row.asked_at, row.id));
        found.truncate(filter.count_max as usize);
        Ok(found)
    }

    async fn advance_subject_request(
        &self,
        id: SubjectRequestId,
        version: u64,
        progress: Progress,
        destroys_key: bool,
    ) -> Result<bool, StoreError> {
        self.0.write(|state| {
            let current = |row: &&mut SubjectRequestRow| row.id == id && row.version == version;
            let Some(row) = state.subject_requests.iter_mut().find(current) else {
                return Ok(false);
            };
            row.version += 1;
            row.progress = progress;
            if destroys_key {
                row.details.clear();
                state.destroy_request_keys(&[id]);
            }
            state.check_running().map(|()| true)
        })
    }
}

impl State {
    /// Refuses a second request of one kind that runs for the same subject.
    fn check_running(&self) -> Result<(), StoreError> {
        let mut seen = BTreeSet::new();
        let running = |row: &&SubjectRequestRow| row.progress.state.is_running();
        for row in self.subject_requests.iter().filter(running) {
            if row.subject.is_some() && !seen.insert((row.subject, row.kind)) {
                return Err(StoreError::Conflict);
            }
        }
        Ok(())
    }

    fn destroy_request_keys(&mut self, ids: &[SubjectRequestId]) {
        self.destroy_keys(|key| {
            let mut owners = ids.iter().map(SubjectRequestId::as_bytes);
            key.kind == KeyKind::Request && owners.any(|owner| *owner == key.owner)
        });
    }

    /// What a destroyed subject asked for goes with it. What it waited to be erased by is nobody's,
    /// and stays until that is confirmed.
    pub(super) fn end_requests_of(&mut self, subject: SubjectRef, at: Timestamp) {
        let theirs = |row: &SubjectRequestRow| row.subject == Some(subject);
        let asked = self.subject_requests.iter().filter(|row| theirs(row));
        let ids: Vec<_> = asked.map(|row| row.id).collect();
        self.destroy_request_keys(&ids);
        for row in self.subject_requests.iter_mut().filter(|row| theirs(row)) {
            // No rule bears on this event.
            let rules = RequestRules::default();
            if let Ok((progress, _)) = machine::next(&row.progress, &Event::Destroyed, at, &rules) {
                row.subject = None;
                row.details.clear();
                row.version += 1;
                row.progress = progress;
            }
        }
        self.subject_requests.retain(|row| !theirs(row));
    }
}
