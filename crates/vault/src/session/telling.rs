//! Telling a person by mail that an engineer asks them for leave to look. What is to be told stands in the request's row, so that nothing
//! is lost with a server; whoever asks waits for none of it.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::mail::Unwritten;
use crate::port::{GrantRequestRow, MailError, MailNotice};
use crate::{Error, Result, SubjectRef, Vault};

use super::lock;

/// Requests that are looked at together.
const REQUESTS_MAX: u32 = 200;
/// How long a server may take for one mail before another takes it over: longer than any mail is given.
const LEASE: SignedDuration = SignedDuration::from_mins(15);
/// The shortest time before a mail is tried again.
const AGAIN_MIN: Duration = Duration::from_secs(60);
/// A person gets at most one such mail in this time; what they are asked meanwhile, they are told of afterwards, if it still waits.
const BETWEEN: Duration = Duration::from_secs(10 * 60);

/// When whom this server has told.
#[derive(Default)]
pub(crate) struct Told(HashMap<SubjectRef, Duration>);

impl Told {
    /// How long it is too early to tell them again.
    fn too_early(&mut self, subject: SubjectRef, now: Duration) -> Option<Duration> {
        self.0.retain(|_, told| now.saturating_sub(*told) < BETWEEN);
        let told = self.0.get(&subject)?;
        Some(BETWEEN.saturating_sub(now.saturating_sub(*told)))
    }
}

/// What becomes of what is to be told.
enum Next {
    /// Nothing more.
    Nothing,
    /// It is tried again after this time; the others, too, if they need not be tried now.
    Again { after: Duration, stop: bool },
}

impl Vault {
    /// Tells everybody who is asked and was not told yet.
    pub(crate) async fn tell_of_looks(&self) -> Result<()> {
        let Ok(_one) = self.inner.sessions.telling.try_lock() else {
            return Ok(());
        };
        self.tell_due_looks().await
    }

    async fn tell_due_looks(&self) -> Result<()> {
        if !self.writes_to_people() {
            return Ok(());
        }
        let now = self.now();
        for row in self.inner.keys.requests_to_tell(now, REQUESTS_MAX).await? {
            if self.tell_of_look(row).await? {
                break;
            }
        }
        Ok(())
    }

    /// The same for a request that was just made.
    pub(super) async fn tell_of_looks_at_once(&self) {
        let _one = self.inner.sessions.telling.lock().await;
        if let Err(error) = self.tell_due_looks().await {
            tracing::warn!(%error, "people could not be told what they are asked; it is tried again");
        }
    }

    /// Tells of one request; whether the others are left for now.
    async fn tell_of_look(&self, row: GrantRequestRow) -> Result<bool> {
        let (Some(seen), [subject]) = (row.tell_at, &row.subjects[..]) else {
            return Ok(false);
        };
        let monotonic = self.inner.clock.monotonic();
        let early = lock(&self.inner.sessions.told).too_early(*subject, monotonic);
        let lease = match early {
            Some(early) => later(self.now(), early),
            None => self.now().saturating_add(LEASE).unwrap_or(Timestamp::MAX),
        };
        let keys = &self.inner.keys;
        let claimed = keys.tell_request(row.id, seen, Some(lease)).await?;
        if !claimed || early.is_some() {
            return Ok(false);
        }
        let written = self.write_of_look(&row, *subject).await;
        let next = match &written {
            Ok(()) => Next::Nothing,
            Err(unwritten) => next_after(&row, unwritten),
        };
        let (moment, stop) = match next {
            Next::Nothing => (None, false),
            Next::Again { after, stop } => (Some(later(self.now(), after.max(AGAIN_MIN))), stop),
        };
        // If another server took over, it says what becomes of it.
        keys.tell_request(row.id, lease, moment).await?;
        if written.is_ok() {
            lock(&self.inner.sessions.told)
                .0
                .insert(*subject, monotonic);
            let notice = MailNotice::LookAsked { request: row.id };
            self.written_to(&notice).await;
        }
        Ok(stop)
    }

    async fn write_of_look(
        &self,
        row: &GrantRequestRow,
        subject: SubjectRef,
    ) -> Result<(), Unwritten> {
        const GONE: Error = Error::NotFound("request");
        // The row alone says whom it asks: its entry has to say the same.
        if !self.asks_person(row).await? {
            return Err(GONE.into());
        }
        // An answer to a session that is over would be of no use.
        let session = self.inner.data.session(row.session).await;
        let session = session.map_err(Error::from)?;
        if session.is_none_or(|session| session.ended_at.is_some()) {
            return Err(GONE.into());
        }
        let open = self.subject_by_reference(subject).await?.ok_or(GONE)?;
        let notice = MailNotice::LookAsked { request: row.id };
        self.write_to(&open, &notice, row.asked_at).await
    }
}

fn next_after(row: &GrantRequestRow, unwritten: &Unwritten) -> Next {
    let (request, message) = (row.id, "a person could not be told what they are asked");
    match unwritten {
        // Nobody is asked any more, or there is nowhere to write to.
        Unwritten::Vault(Error::NotFound(_)) | Unwritten::NoAddress => Next::Nothing,
        Unwritten::Vault(error) => {
            tracing::warn!(%request, %error, message);
            let after = AGAIN_MIN;
            Next::Again { after, stop: false }
        }
        Unwritten::Mail(error) => {
            tracing::warn!(%request, %error, message);
            match error {
                MailError::Refused(_) => Next::Nothing,
                MailError::Deferred { after, .. } => Next::Again {
                    after: *after,
                    stop: false,
                },
                MailError::Unavailable { after, .. } => Next::Again {
                    after: *after,
                    stop: true,
                },
            }
        }
    }
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}
