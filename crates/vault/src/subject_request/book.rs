//! Requests as they are kept: the [machine] over the rows of a key store. Each change is one compare-and-swap of
//! what was looked at, so that of two servers one gets its way and the other looks again.

use std::sync::Arc;

use jiff::Timestamp;

use super::machine::SubjectRequestState;
use super::machine::{self, Effects, Event, Progress, Refusal, RequestRules, Step};
use crate::port::{KeyStore, StoreError, SubjectRequestFilter, SubjectRequestRow};
use crate::{RequestRunId, SubjectRequestId};

/// How often a change is tried again when others change the same request.
const ATTEMPTS_MAX: u32 = 16;
/// Requests that are read together.
const PAGE: u32 = 500;

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It happened; the row as it is now.
    Changed(Box<SubjectRequestRow>, Effects),
    /// The machine said no to the row that was looked at.
    Refused(Refusal),
    /// Somebody else changed the row first, or it is no more: look again.
    Behind,
}

/// The requests of a key store.
#[derive(Clone)]
pub struct RequestBook {
    keys: Arc<dyn KeyStore>,
    rules: RequestRules,
}

impl std::fmt::Debug for RequestBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestBook")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

impl RequestBook {
    /// The requests in this store, under these rules.
    pub fn new(keys: Arc<dyn KeyStore>, rules: RequestRules) -> Self {
        Self { keys, rules }
    }

    /// The rules.
    pub fn rules(&self) -> &RequestRules {
        &self.rules
    }

    /// Requests that [run](SubjectRequestState::is_running) and of which a step is due, with the step, the oldest first, at most
    /// `count_max`; with `at_once` also those that wait for the batch or a pause.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn due(
        &self,
        now: Timestamp,
        at_once: bool,
        count_max: usize,
    ) -> Result<Vec<(SubjectRequestRow, Step)>, StoreError> {
        let mut running = SubjectRequestState::ALL.to_vec();
        running.retain(|state| state.is_running());
        let running = SubjectRequestFilter {
            states: running,
            ..SubjectRequestFilter::default()
        };
        self.due_among(running, now, at_once, count_max).await
    }

    /// Requests whose file is there and of which somebody is to be told now; else as [`due`](Self::due).
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn untold(
        &self,
        now: Timestamp,
        at_once: bool,
        count_max: usize,
    ) -> Result<Vec<(SubjectRequestRow, Step)>, StoreError> {
        // Files lie there for weeks: of these only the ones with something to do are read.
        let ready = SubjectRequestFilter {
            states: vec![SubjectRequestState::Ready],
            wakes_by: (!at_once).then_some(now),
            ..SubjectRequestFilter::default()
        };
        self.due_among(ready, now, at_once, count_max).await
    }

    async fn due_among(
        &self,
        mut filter: SubjectRequestFilter,
        now: Timestamp,
        at_once: bool,
        count_max: usize,
    ) -> Result<Vec<(SubjectRequestRow, Step)>, StoreError> {
        filter.count_max = PAGE;
        let mut due = Vec::new();
        loop {
            let rows = self.keys.subject_requests(&filter).await?;
            let is_last = rows.len() < PAGE as usize;
            filter.after = rows.last().map(|row| (row.asked_at, row.id));
            for row in rows {
                if due.len() >= count_max {
                    return Ok(due);
                }
                if let Ok(step) = row.progress.due(now, at_once, &self.rules) {
                    due.push((row, step));
                }
            }
            if is_last {
                return Ok(due);
            }
        }
    }

    /// Requests whose file is over, at most `count_max`.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn over(
        &self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<SubjectRequestRow>, StoreError> {
        let filter = SubjectRequestFilter {
            states: vec![SubjectRequestState::Ready, SubjectRequestState::Notified],
            wakes_by: Some(now),
            count_max,
            ..SubjectRequestFilter::default()
        };
        let mut rows = self.keys.subject_requests(&filter).await?;
        rows.retain(|row| self.next(&row.progress, &Event::Passed, now).is_ok());
        Ok(rows)
    }

    /// Lets an event happen to a row that was looked at.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; the event may have happened all the same.
    pub async fn step(
        &self,
        row: &SubjectRequestRow,
        event: &Event,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let (progress, effects) = match self.next(&row.progress, event, now) {
            Ok(after) => after,
            Err(refusal) => return Ok(Outcome::Refused(refusal)),
        };
        let destroys = effects.destroys_key;
        let changed =
            self.keys
                .advance_subject_request(row.id, row.version, progress.clone(), destroys);
        if !changed.await? {
            return Ok(Outcome::Behind);
        }
        let mut row = row.clone();
        row.version += 1;
        row.progress = progress;
        if destroys {
            row.details.clear();
        }
        Ok(Outcome::Changed(Box::new(row), effects))
    }

    /// Looks at a request and lets an event happen to it, again and again while others change it; `None` when there is no such request.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; the event may have happened all the same.
    pub async fn apply(
        &self,
        id: SubjectRequestId,
        event: &Event,
        now: Timestamp,
    ) -> Result<Option<Outcome>, StoreError> {
        for _ in 0..ATTEMPTS_MAX {
            let Some(row) = self.keys.subject_request(id).await? else {
                return Ok(None);
            };
            match self.step(&row, event, now).await? {
                Outcome::Behind => {}
                outcome => return Ok(Some(outcome)),
            }
        }
        Err(StoreError::Conflict)
    }

    /// Takes the step that is due of a row that was looked at; `None` if somebody else was first or it is not due any more.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails. It may be taken all the same, and is due again when its lease is over.
    pub async fn claim(
        &self,
        row: &SubjectRequestRow,
        run: RequestRunId,
        server: &str,
        at_once: bool,
        now: Timestamp,
    ) -> Result<Option<(SubjectRequestRow, Step)>, StoreError> {
        let event = Event::Claimed {
            run,
            server: server.to_owned(),
            at_once,
        };
        match self.step(row, &event, now).await? {
            Outcome::Changed(row, effects) => Ok(effects.step.map(|step| (*row, step))),
            Outcome::Refused(_) | Outcome::Behind => Ok(None),
        }
    }

    fn next(
        &self,
        progress: &Progress,
        event: &Event,
        now: Timestamp,
    ) -> Result<(Progress, Effects), Refusal> {
        machine::next(progress, event, now, &self.rules)
    }
}
