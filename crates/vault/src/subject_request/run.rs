//! Taking the steps that are due: by the server itself each minute, or at once when somebody asks for it. What fails is tried again;
//! what another server does is left to it.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use privet_seal::{KeyId, KeyKind};

use super::book::Outcome;
use super::confirming::{Confirmation, WaitsFor};
use super::machine::{Event, Step, SubjectRequestState};
use crate::audit::{Actor, EntryKind, Record};
use crate::policy::Action;
use crate::port::{SubjectRequestFilter, SubjectRequestRow};
use crate::{Caller, Error, RequestRunId, Result, SubjectRef, SubjectRequestId, Vault};

/// Steps that one run takes at most.
const STEPS_MAX: usize = 1_000;
/// Requests that are looked at together.
const PAGE: u32 = 500;

/// As good as without end.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long a confirmation waits for the log's mirror before others have their turn.
const MIRROR_WAIT: Duration = Duration::from_secs(1);

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestRun {
    /// People who were erased.
    pub erased: u64,
    /// Erasures of earlier runs that were confirmed.
    pub confirmed: u64,
    /// Files that were made.
    pub collected: u64,
    /// Files whose time was over.
    pub expired: u64,
    /// Steps that failed and are tried again.
    pub failed: u64,
}

impl RequestRun {
    /// Both together.
    const fn and(self, other: Self) -> Self {
        Self {
            erased: self.erased + other.erased,
            confirmed: self.confirmed + other.confirmed,
            collected: self.collected + other.collected,
            expired: self.expired + other.expired,
            failed: self.failed + other.failed,
        }
    }
}

impl Vault {
    /// Takes every step that is due, those that wait for the daily batch or for a pause after a failure among them. An erasure that can still be taken
    /// back is none of them.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::Store`] when a store fails; the steps that were taken before stay taken.
    pub async fn run_requests(&self, caller: &Caller) -> Result<RequestRun> {
        loop {
            if let Some(run) = self.run_requests_within(caller, FOREVER).await? {
                return Ok(run);
            }
        }
    }

    /// The same, for somebody who waits only so long. `None` if it takes longer: it goes on, or begins when another one is over, if it is
    /// called again. What was done meanwhile is counted in the next answer.
    ///
    /// # Errors
    /// As [`Vault::run_requests`].
    pub async fn run_requests_within(
        &self,
        caller: &Caller,
        patience: Duration,
    ) -> Result<Option<RequestRun>> {
        let decision = self
            .permit(caller, Action::RunRequests, EntryKind::RequestDenied)
            .await?;
        let record = Record::by(EntryKind::RequestRun, caller).ruling(self.ruling(&decision));
        self.record(record).await?;
        let until = tokio::time::Instant::now() + patience;
        let turn = Arc::clone(&self.inner.requests.running).lock_owned();
        let Ok(mut unsaid) = tokio::time::timeout_at(until, turn).await else {
            return Ok(None);
        };
        let vault = self.clone();
        let (reply, answer) = tokio::sync::oneshot::channel();
        // Whoever asked may go away meanwhile, and does not wait for a mail server.
        tokio::spawn(async move {
            let run = vault.run_in_turn(true).await;
            let run = run.map(|run| std::mem::take(&mut *unsaid).and(run));
            match reply.send(run) {
                Ok(()) => {}
                Err(Ok(run)) => *unsaid = run,
                Err(Err(error)) => {
                    tracing::warn!(%error, "a run of requests failed; the next one goes on");
                }
            }
            drop(unsaid);
            vault.tell_people_at_once().await;
        });
        match tokio::time::timeout_at(until, answer).await {
            Ok(Ok(run)) => run.map(Some),
            Ok(Err(_)) => Err(Error::Internal(
                "a run of requests broke off; the next one goes on",
            )),
            Err(_) => Ok(None),
        }
    }

    /// What is due, by the server itself.
    pub(crate) async fn run_due_requests(&self) -> Result<()> {
        // A run may last longer than the time to the next.
        let Ok(_turn) = self.inner.requests.running.try_lock() else {
            return Ok(());
        };
        self.run_in_turn(false).await.map(drop)
    }

    async fn run_in_turn(&self, at_once: bool) -> Result<RequestRun> {
        let mut run = RequestRun::default();
        self.end_files(&mut run).await?;
        let due = self
            .requests_book()
            .due(self.now(), at_once, STEPS_MAX)
            .await?;
        let mut collecting = Vec::new();
        for (row, step) in due {
            match step {
                Step::Destroy => self.erase_for(&row, at_once, &mut run).await?,
                Step::Collect => collecting.push(row),
                // A run of its own: a mail server that hangs holds up nothing but mail.
                Step::Notify => {}
                Step::Confirm => self.confirm_for(&row, at_once, &mut run).await?,
            }
        }
        self.collect_requests(collecting, at_once, &mut run).await?;
        if at_once || run.erased > 0 || run.expired > 0 {
            self.sweep_in_passing().await;
        }
        Ok(run)
    }

    /// What a sweep cannot do now, the next one does; the run has done its part.
    async fn sweep_in_passing(&self) {
        if let Err(error) = self.sweep_files().await {
            tracing::warn!(%error, "files that no request needs could not be deleted");
        }
    }

    /// Carries out an erasure whose time to be taken back is over.
    async fn erase_for(
        &self,
        row: &SubjectRequestRow,
        at_once: bool,
        run: &mut RequestRun,
    ) -> Result<()> {
        if let Err(why) = self.trusts_the_day() {
            tracing::warn!(
                why,
                "nobody is erased today: check the machine's clock; if it is right, restart the server once more"
            );
            return Ok(());
        }
        let attempt = RequestRunId::random(self.inner.keyring.entropy());
        let server = &self.inner.config.origin;
        let claimed = self
            .requests_book()
            .claim(row, attempt, server, at_once, self.now());
        let Some((row, _)) = claimed.await? else {
            return Ok(());
        };
        match self.erase_requested(&row, attempt).await {
            Ok(()) => run.erased += 1,
            Err(error) => {
                run.failed += 1;
                self.step_failed(&row, attempt, &error).await?;
            }
        }
        Ok(())
    }

    /// Finds out whether an erasure that was carried out is confirmed by now.
    async fn confirm_for(
        &self,
        row: &SubjectRequestRow,
        at_once: bool,
        run: &mut RequestRun,
    ) -> Result<()> {
        let attempt = RequestRunId::random(self.inner.keyring.entropy());
        let server = &self.inner.config.origin;
        let claimed = self
            .requests_book()
            .claim(row, attempt, server, at_once, self.now());
        let Some((row, _)) = claimed.await? else {
            return Ok(());
        };
        match self.confirm_requested(&row, attempt, MIRROR_WAIT).await {
            Ok(Confirmation::Done(_)) => run.confirmed += 1,
            Ok(Confirmation::Waits(why)) => self.step_waits(row.id, attempt, why).await?,
            Err(error) => {
                run.failed += 1;
                self.step_failed(&row, attempt, &error).await?;
            }
        }
        Ok(())
    }

    /// Lets go of a step that something else has to happen for; it is tried again as what failed is.
    pub(crate) async fn step_waits(
        &self,
        id: SubjectRequestId,
        attempt: RequestRunId,
        why: WaitsFor,
    ) -> Result<()> {
        let event = self.failure(attempt, why.code(), SignedDuration::ZERO);
        self.requests_book().apply(id, &event, self.now()).await?;
        Ok(())
    }

    fn failure(&self, run: RequestRunId, code: &str, at_least: SignedDuration) -> Event {
        let mut jitter = [0; 4];
        self.inner.entropy.fill(&mut jitter);
        Event::Failed {
            run,
            code: code.to_owned(),
            at_least,
            jitter: u32::from_le_bytes(jitter),
        }
    }

    /// The keys of everything that a subject asked for.
    pub(crate) async fn request_keys_of(&self, subject: SubjectRef) -> Result<Vec<KeyId>> {
        let mut filter = SubjectRequestFilter {
            subject: Some(subject),
            count_max: PAGE,
            ..SubjectRequestFilter::default()
        };
        let mut ids = Vec::new();
        loop {
            let rows = self.inner.keys.subject_requests(&filter).await?;
            for row in rows.iter().filter(|row| !row.progress.state.has_ended()) {
                let (tenant, owner) = (&self.inner.config.tenant, *row.id.as_bytes());
                let keys = self
                    .inner
                    .keys
                    .keys_of(tenant, KeyKind::Request, owner)
                    .await?;
                ids.extend(keys.into_iter().map(|key| key.id));
            }
            match rows.last() {
                Some(last) if rows.len() >= PAGE as usize => {
                    filter.after = Some((last.asked_at, last.id));
                }
                _ => return Ok(ids),
            }
        }
    }

    async fn erase_requested(&self, row: &SubjectRequestRow, attempt: RequestRunId) -> Result<()> {
        // The row alone says whose request it is: what was sealed with it has to say the same.
        self.request_details(row).await?;
        let Some(subject) = row.subject else {
            return Ok(());
        };
        let closed = self.close_for_request(subject, row.id, attempt);
        closed.await.map(drop)
    }

    pub(super) async fn step_failed(
        &self,
        row: &SubjectRequestRow,
        attempt: RequestRunId,
        error: &Error,
    ) -> Result<()> {
        let code = error.code();
        tracing::warn!(request = %row.id, code, %error, "a step of a request failed; it is tried again");
        self.pause(row, attempt, code, SignedDuration::ZERO).await
    }

    /// Lets an attempt go that failed, for as long as is of use at least.
    pub(super) async fn pause(
        &self,
        row: &SubjectRequestRow,
        attempt: RequestRunId,
        code: &str,
        at_least: SignedDuration,
    ) -> Result<()> {
        let event = self.failure(attempt, code, at_least);
        // That it was lost meanwhile, or has ended, is as well.
        self.requests_book()
            .apply(row.id, &event, self.now())
            .await?;
        Ok(())
    }

    /// Destroys the keys of files whose time is over, and deletes their bytes; what of them stays goes with the next sweep.
    async fn end_files(&self, run: &mut RequestRun) -> Result<()> {
        let over = self.requests_book().over(self.now(), PAGE).await?;
        if over.is_empty() {
            return Ok(());
        }
        if let Err(why) = self.trusts_the_day() {
            tracing::warn!(
                why,
                "no file is deleted today: check the machine's clock; if it is right, restart the server once more"
            );
            return Ok(());
        }
        for row in over {
            let record = Record::new(EntryKind::RequestExpired, Actor::System)
                .fact("request", row.id.to_string());
            self.record_patiently(record).await?;
            let ended = self
                .requests_book()
                .step(&row, &Event::Passed, self.now())
                .await?;
            if let Outcome::Changed(ended, _) = ended {
                run.expired += 1;
                self.delete_file_of(&ended).await;
            }
        }
        Ok(())
    }

    /// Makes due again what this server was at work on when it stopped or was killed. Nobody else bears its name, so nobody is at
    /// work on that.
    pub(crate) async fn resume_requests(&self) -> Result<()> {
        let mut states = super::running_states();
        // Whose file is there may be about to be told of it.
        states.push(SubjectRequestState::Ready);
        let stopped = Error::unready(
            "server_stopped",
            "the server stopped while it was at work on it",
        );
        for row in self.requests_in(states).await? {
            let lease = row.progress.lease.as_ref();
            let own = lease.filter(|lease| lease.server == self.inner.config.origin);
            if let Some(lease) = own {
                self.step_failed(&row, lease.run, &stopped).await?;
            }
        }
        Ok(())
    }

    /// All requests in these states, the oldest first.
    pub(super) async fn requests_in(
        &self,
        states: Vec<SubjectRequestState>,
    ) -> Result<Vec<SubjectRequestRow>> {
        let mut filter = SubjectRequestFilter {
            states,
            count_max: PAGE,
            ..SubjectRequestFilter::default()
        };
        let mut all = Vec::new();
        loop {
            let rows = self.inner.keys.subject_requests(&filter).await?;
            filter.after = rows.last().map(|row| (row.asked_at, row.id));
            let is_last = rows.len() < PAGE as usize;
            all.extend(rows);
            if is_last {
                return Ok(all);
            }
        }
    }
}
