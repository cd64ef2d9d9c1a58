//! What auditors say about a session: verdicts and comments. Each is an entry of the log, so none is ever taken back.

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::audit::{Actor, EntryKind, Record};
use crate::keyring::SIDE_KEY_DAYS;
use crate::policy::{Action, Decision};
use crate::port::{Review, SessionRow, Verdict};
use crate::vault::Question;
use crate::{Caller, Error, Result, SessionId, Vault};

const NOTE_CHARS_MAX: usize = 4_000;
/// A session's key dies this long after an approval.
const KEPT_AFTER_APPROVAL_DAYS: i64 = 30;

impl Vault {
    /// Gives a verdict with a note; never on one's own session. An approval ends a session that goes on.
    ///
    /// # Errors
    /// [`Error::Denied`] with code `own_session`, [`Error::Invalid`] without a note on a flagged session.
    pub async fn review(
        &self,
        caller: &Caller,
        id: SessionId,
        verdict: Verdict,
        note: &str,
    ) -> Result<()> {
        let (mut row, decision) = self.session_to_judge(caller, id).await?;
        let note = note.trim();
        if verdict == Verdict::Pending {
            return Err(Error::invalid(
                "verdict",
                "a verdict is `approved` or `flagged`",
            ));
        }
        if verdict == Verdict::Flagged && note.is_empty() {
            return Err(Error::invalid(
                "note",
                "say in a note what is wrong with the session",
            ));
        }
        check_note(note)?;
        if verdict == Verdict::Approved && row.ended_at.is_none() {
            // What is approved is whole: nobody goes on under an approval, on whichever server they are.
            self.end_session_by_row(&row, Actor::from(caller), "an auditor approved it")
                .await?;
            row.ended_at = Some(self.now());
        }
        let now = self.now();
        let tenant = &self.inner.config.tenant;
        let record = Record::by(EntryKind::SessionReviewed, caller)
            .ruling(self.ruling(&decision))
            .fact("verdict", verdict.as_str())
            .fact("reviewed", id.to_string())
            .personal("note", note);
        let key = self.inner.keyring.session_key(tenant, id, now).await?;
        self.record_session(id, &key, record).await?;
        let started_at = row.started_at;
        row.review = Some(Review {
            verdict,
            reviewer: caller.principal().name.clone(),
            at: now,
        });
        self.inner.data.put_session(row).await?;
        if verdict == Verdict::Approved {
            let last_day = now + SignedDuration::from_hours(24 * KEPT_AFTER_APPROVAL_DAYS);
            // An approval shortens the key's life and never prolongs it.
            let last_day =
                last_day.min(started_at + SignedDuration::from_hours(24 * SIDE_KEY_DAYS));
            let last_day = last_day.to_zoned(TimeZone::UTC).date();
            self.inner.keys.set_key_expiry(key.id(), last_day).await?;
        }
        Ok(())
    }

    /// Adds a comment to a session, which changes no verdict.
    ///
    /// # Errors
    /// [`Error::Denied`] with code `own_session`, [`Error::Invalid`] with code `note` for none and for one that is too long.
    pub async fn comment(&self, caller: &Caller, id: SessionId, text: &str) -> Result<()> {
        let (_, decision) = self.session_to_judge(caller, id).await?;
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::invalid("note", "write something first"));
        }
        check_note(text)?;
        let tenant = &self.inner.config.tenant;
        let record = Record::by(EntryKind::SessionCommented, caller)
            .ruling(self.ruling(&decision))
            .fact("commented", id.to_string())
            .personal("note", text);
        let key = self
            .inner
            .keyring
            .session_key(tenant, id, self.now())
            .await?;
        self.record_session(id, &key, record).await.map(drop)
    }

    /// A session of somebody else, for whoever may give a verdict on it.
    async fn session_to_judge(
        &self,
        caller: &Caller,
        id: SessionId,
    ) -> Result<(SessionRow, Decision)> {
        let row = self.inner.data.session(id).await?;
        let question = Question::about(Action::ReviewSession);
        let question = question.of(row.as_ref().map(|row| &row.source));
        let decision = self
            .permit_question(caller, Action::ReviewSession, &question)
            .await?;
        let row = row.ok_or(Error::NotFound("session"))?;
        if row.principal == caller.principal().name {
            return Err(Error::denied(
                "own_session",
                "this is your own session: another auditor has to review it",
            ));
        }
        Ok((row, decision))
    }

    pub(crate) fn field_name(&self, number: u16) -> String {
        let known = self.inner.map.field_by_number(number);
        known.map_or_else(|| format!("#{number}"), |field| field.name.to_string())
    }
}

pub(super) fn check_note(note: &str) -> Result<()> {
    if note.chars().count() <= NOTE_CHARS_MAX {
        return Ok(());
    }
    Err(Error::invalid(
        "note",
        format!("a note has at most {NOTE_CHARS_MAX} characters"),
    ))
}
