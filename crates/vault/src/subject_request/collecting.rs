//! The step that makes files: requests that are due are claimed together, everything is read once for all of them, and each
//! becomes a file. What fails for one is tried again for that one.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use privet_seal::KeyId;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::access::CopyParts;
use super::machine::Event;
use super::run::RequestRun;
use crate::audit::{Actor, EntryKind, Record};
use crate::collect::{Batch, Member};
use crate::port::SubjectRequestRow;
use crate::{Error, RequestRunId, Result, SubjectRequestId, Vault};

/// How often a lease is prolonged before it would be over.
const PROLONGED: u32 = 4;
/// The shortest time between two prolongations.
const PROLONGED_AFTER_MIN: Duration = Duration::from_secs(1);
/// Requests that are claimed at the same time, and entries that are written: what comes together is brought to the disk together.
const AT_ONCE: usize = 64;
/// Files that are made at the same time, of which each takes a few MiB of memory.
const FILES_AT_ONCE: usize = 4;

impl Vault {
    /// Collects for all of these requests in one pass.
    pub(super) async fn collect_requests(
        &self,
        due: Vec<SubjectRequestRow>,
        at_once: bool,
        run: &mut RequestRun,
    ) -> Result<()> {
        // Without the parts nobody can ask; who asked under other settings is collected for once they are back.
        let Ok((parts, _)) = self.copies() else {
            return Ok(());
        };
        let parts = parts.clone();
        let mut members = Vec::new();
        // What a store refuses for one holds nobody else up; it is told at the end.
        let mut failed = Ok(());
        let claimed = stream::iter(due).map(|row| self.claim_member(row, at_once));
        let mut claimed = claimed.buffered(AT_ONCE);
        while let Some(claimed) = claimed.next().await {
            match claimed {
                Ok(Claimed::Member(member)) => members.push(*member),
                Ok(Claimed::Failed) => run.failed += 1,
                Ok(Claimed::Elsewhere) => {}
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        if members.is_empty() {
            return failed;
        }
        let _kept = Claims::of(&members).keep(self);
        let (spools, telemetry) = (parts.spools.clone(), parts.telemetry.clone());
        let mut batch = Batch::new(members, spools, telemetry, parts.language);
        match self.put_collecting_on_record(&batch).await {
            Ok(()) => self.gather(&mut batch).await,
            Err(error) => batch.fail_all(&error),
        }
        let finished = stream::iter(batch.members).map(|member| self.finish_member(&parts, member));
        let mut finished = finished.buffered(FILES_AT_ONCE);
        while let Some(finished) = finished.next().await {
            match finished {
                Ok(Finished::Collected) => run.collected += 1,
                Ok(Finished::Ended) => {}
                Ok(Finished::Failed) => run.failed += 1,
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        failed
    }

    /// Takes the step of one request.
    async fn claim_member(&self, row: SubjectRequestRow, at_once: bool) -> Result<Claimed> {
        let attempt = RequestRunId::random(self.inner.keyring.entropy());
        let (server, now) = (&self.inner.config.origin, self.now());
        let book = self.requests_book();
        let claimed = book.claim(&row, attempt, server, at_once, now).await?;
        let Some((row, _)) = claimed else {
            return Ok(Claimed::Elsewhere);
        };
        match self.member(row.clone(), attempt).await {
            Ok(member) => Ok(Claimed::Member(Box::new(member))),
            Err(error) => {
                self.step_failed(&row, attempt, &error).await?;
                Ok(Claimed::Failed)
            }
        }
    }

    /// Opens what a claimed request needs, and checks that it is this person's.
    async fn member(&self, row: SubjectRequestRow, run: RequestRunId) -> Result<Member> {
        const GONE: Error = Error::NotFound("subject");
        self.request_details(&row).await?.ok_or(GONE)?;
        let open = self.subject_of(&row).await?.ok_or(GONE)?;
        let (tenant, id) = (&self.inner.config.tenant, *row.id.as_bytes());
        let keys = self.inner.keyring.requests();
        let key = keys.open(tenant, id, self.now()).await?.ok_or(GONE)?;
        Ok(Member {
            row,
            run,
            open,
            key,
            filled: Vec::new(),
            failed: None,
        })
    }

    /// For whom everything is opened is durable before the first value is read.
    async fn put_collecting_on_record(&self, batch: &Batch) -> Result<()> {
        let mut fields: Vec<u16> = self.inner.map.fields().map(|field| field.number).collect();
        fields.sort_unstable();
        let fields: std::sync::Arc<[u16]> = fields.into();
        let records = batch.members.iter().map(|member| {
            let key: KeyId = member.key.id();
            Record::new(EntryKind::RequestCollecting, Actor::System)
                .fact("request", member.row.id.to_string())
                .personal("key", key.to_string())
                .subject(member.open.used(std::sync::Arc::clone(&fields), 0))
        });
        let records: Vec<Record> = records.collect();
        let written = stream::iter(records).map(|record| self.record_patiently(record));
        let written = written.buffered(AT_ONCE);
        written.try_for_each(|_| async { Ok(()) }).await
    }

    async fn finish_member(&self, parts: &CopyParts, mut member: Member) -> Result<Finished> {
        let (row, attempt) = (member.row.clone(), member.run);
        let made = match member.failed.take() {
            Some(error) => Err(error),
            None => self.make_file(parts, member).await,
        };
        let spools = std::sync::Arc::clone(&parts.spools);
        let cleared = tokio::task::spawn_blocking(move || spools.delete(attempt)).await;
        if !matches!(cleared, Ok(Ok(()))) {
            // They are sealed, and the next start throws them away.
            tracing::warn!(request = %row.id, "what was gathered for a request could not be deleted");
        }
        match made {
            Ok(true) => Ok(Finished::Collected),
            Ok(false) => Ok(Finished::Ended),
            Err(error) => {
                self.step_failed(&row, attempt, &error).await?;
                Ok(Finished::Failed)
            }
        }
    }
}

/// What became of taking a request's step.
enum Claimed {
    Member(Box<Member>),
    /// Another server does it.
    Elsewhere,
    /// What it needs does not open; it is tried again.
    Failed,
}

/// What became of making a request's file.
enum Finished {
    Collected,
    /// Taken back, or the person was erased, meanwhile.
    Ended,
    /// It is tried again.
    Failed,
}

/// What this server holds, and prolongs while it works on it.
pub(super) struct Claims(pub(super) Vec<(SubjectRequestId, RequestRunId)>);

impl Claims {
    fn of(members: &[Member]) -> Self {
        let claims = members.iter().map(|member| (member.row.id, member.run));
        Self(claims.collect())
    }

    pub(super) fn keep(self, vault: &Vault) -> Kept {
        let vault = vault.clone();
        let lease = vault.requests_book().rules().lease;
        let lease = Duration::try_from(lease).unwrap_or_default();
        let period = (lease / PROLONGED).max(PROLONGED_AFTER_MIN);
        Kept(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                for (id, run) in &self.0 {
                    let event = Event::Prolonged { run: *run };
                    // What is lost shows when the result is reported.
                    let now = vault.now();
                    if let Err(error) = vault.requests_book().apply(*id, &event, now).await {
                        tracing::warn!(request = %id, %error, "a request's lease could not be prolonged");
                    }
                }
            }
        }))
    }
}

/// Ends the prolonging with whatever was worked on.
pub(super) struct Kept(JoinHandle<()>);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.abort();
    }
}
