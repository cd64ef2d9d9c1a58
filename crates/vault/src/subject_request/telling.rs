//! The step that tells people by mail that their file is there. It goes beside everything else that is done for requests, so that a
//! mail server that hangs holds up nothing but mail.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::book::Outcome;
use super::collecting::Claims;
use super::machine::Event;
use crate::mail::Unwritten;
use crate::port::{MailError, MailNotice, SubjectRequestRow};
use crate::{Error, RequestRunId, Result, Vault};

/// Mails of one run at most.
const MAILS_MAX: usize = 1_000;

/// Why a person was not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Untold {
    /// There is nowhere to write to.
    NoAddress,
    /// The mail server refuses the mail for good.
    Refused,
    /// It puts the mail off, or its answer was lost.
    Deferred,
    /// It is away, or does not take our mail.
    Unavailable,
}

impl Untold {
    const ALL: [Self; 4] = [
        Self::NoAddress,
        Self::Refused,
        Self::Deferred,
        Self::Unavailable,
    ];

    const fn code(self) -> &'static str {
        match self {
            Self::NoAddress => "no_address",
            Self::Refused => "mail_refused",
            Self::Deferred => "mail_deferred",
            Self::Unavailable => "mail_unavailable",
        }
    }

    const fn in_words(self) -> &'static str {
        match self {
            Self::NoAddress => "nobody was told: no address of theirs is held here",
            Self::Refused => {
                "nobody was told: the mail server refuses mail to their address for good"
            }
            Self::Deferred => "the mail server puts the mail off; it is tried again by itself",
            Self::Unavailable => {
                "the mail server is away or does not take our mail, as the server's log says; it is tried again by itself"
            }
        }
    }
}

/// What an operator is told of a request whose person was not told, by the code of its last failure.
pub fn why_untold(code: &str) -> Option<&'static str> {
    let mut all = Untold::ALL.into_iter();
    all.find(|why| why.code() == code).map(Untold::in_words)
}

/// Whether the other mails of a run are tried now.
#[derive(PartialEq, Eq)]
enum Others {
    Tried,
    Left,
}

impl Vault {
    /// Tells everybody whose file is there and who is to be told now.
    pub(crate) async fn tell_people(&self) -> Result<()> {
        // A run may last longer than the time to the next.
        let Ok(_one) = self.inner.requests.telling.try_lock() else {
            return Ok(());
        };
        self.tell_due(false).await
    }

    /// The same, those who wait for a pause to end among them, when somebody wants it now.
    pub(super) async fn tell_people_at_once(&self) {
        let _one = self.inner.requests.telling.lock().await;
        if let Err(error) = self.tell_due(true).await {
            tracing::warn!(%error, "people could not be told that their files are there; it is tried again");
        }
    }

    async fn tell_due(&self, at_once: bool) -> Result<()> {
        if !self.writes_to_people() {
            return Ok(());
        }
        let book = self.requests_book();
        for (row, _) in book.untold(self.now(), at_once, MAILS_MAX).await? {
            if self.tell(&row, at_once).await? == Others::Left {
                break;
            }
        }
        Ok(())
    }

    /// Takes the step of one request.
    async fn tell(&self, row: &SubjectRequestRow, at_once: bool) -> Result<Others> {
        let attempt = RequestRunId::random(self.inner.keyring.entropy());
        let (server, now) = (&self.inner.config.origin, self.now());
        let book = self.requests_book();
        let claimed = book.claim(row, attempt, server, at_once, now).await?;
        let Some((row, _)) = claimed else {
            return Ok(Others::Tried);
        };
        let kept = Claims(vec![(row.id, attempt)]).keep(self);
        let written = self.write_of_copy(&row).await;
        drop(kept);
        let unwritten = match written {
            Ok(notice) => {
                let told = Event::Told { run: attempt };
                let told = book.apply(row.id, &told, self.now()).await?;
                // Else the request was taken back, or the person erased, meanwhile.
                if matches!(told, Some(Outcome::Changed(..))) {
                    self.written_to(&notice).await;
                }
                return Ok(Others::Tried);
            }
            Err(unwritten) => unwritten,
        };
        let (why, pause) = match &unwritten {
            Unwritten::Vault(error) => {
                self.step_failed(&row, attempt, error).await?;
                return Ok(Others::Tried);
            }
            Unwritten::NoAddress => (Untold::NoAddress, None),
            Unwritten::Mail(MailError::Refused(_)) => (Untold::Refused, None),
            Unwritten::Mail(MailError::Deferred { after, .. }) => (Untold::Deferred, Some(after)),
            Unwritten::Mail(MailError::Unavailable { after, .. }) => {
                (Untold::Unavailable, Some(after))
            }
        };
        let code = why.code();
        if let Unwritten::Mail(error) = &unwritten {
            tracing::warn!(request = %row.id, code, %error, "a person could not be told that their file is there");
        }
        match pause {
            Some(pause) => {
                let pause = SignedDuration::try_from(*pause).unwrap_or(SignedDuration::MAX);
                self.pause(&row, attempt, code, pause).await?;
            }
            None => {
                let code = code.to_owned();
                let event = Event::Untold { run: attempt, code };
                book.apply(row.id, &event, self.now()).await?;
            }
        }
        Ok(match why {
            Untold::Unavailable => Others::Left,
            Untold::NoAddress | Untold::Refused | Untold::Deferred => Others::Tried,
        })
    }

    async fn write_of_copy(&self, row: &SubjectRequestRow) -> Result<MailNotice, Unwritten> {
        const GONE: Error = Error::NotFound("subject");
        self.fresh()?;
        // The row alone says whose request it is: what was sealed with it has to say the same.
        self.request_details(row).await?.ok_or(GONE)?;
        let open = self.subject_of(row).await?.ok_or(GONE)?;
        let file = row.progress.file.as_ref().ok_or(GONE)?;
        let notice = MailNotice::CopyReady {
            request: row.id,
            until: last_day(file.until),
        };
        self.write_to(&open, &notice, file.made_at).await?;
        Ok(notice)
    }
}

/// The last day (UTC) that is over before the file is.
fn last_day(until: Timestamp) -> jiff::civil::Date {
    let day = until.to_zoned(TimeZone::UTC).date();
    day.saturating_sub(1.day())
}
