//! Consent: what people say yes and no to, as a ledger that only grows, and the question that the monitor asks it before
//! it opens anything for a purpose that rests on consent.
//!
//! The ledger lies in the data store, sealed under keys of the subjects in the key store: what was said, when and how. Whose
//! a row is, or which belong together, is known to the keys alone. One outlives its account only as far as law asks for
//! proof.

mod basis;
mod change;
mod copy;
mod event;
mod gpc;
mod import;
mod keep;
mod kept;
mod ledger;
mod notice;
mod read;
mod receipt;
mod roll;
mod rule;
mod sealed;

use std::sync::Arc;

use serde_json::{Map, Value as Json};

pub(crate) use basis::check_bits;
pub use change::{ConsentChange, ConsentGrant};
pub use event::{ConsentAnswer, ConsentChannel, ConsentEvent, ConsentState, UnknownChannel};
pub use gpc::GpcOutcome;
pub use import::{IMPORT_LINES_MAX, ImportLine, Imported};
pub use kept::{KeptAnswer, KeptConsent, KeptConsentOrder};
pub use notice::{Notice, NoticeText};
pub(crate) use notice::{changed, refuse_changed};
pub use read::{ConsentHistory, ConsentView, PastConsent, PurposeConsent};
pub(crate) use roll::Roll;
pub(crate) use rule::{ConsentRule, count, nobody_agrees};
pub(crate) use sealed::ConsentKey;

use change::{Answered, Checked};

use crate::audit::{EntryKind, Record};
use crate::keyring::OpenSubject;
use crate::policy::{Action, Decision};
use crate::port::NewConsentRow;
use crate::{Caller, Error, Result, SubjectName, Vault};

/// How often a change is tried anew when another one of the same person was first.
const ATTEMPTS_MAX: u32 = 16;

impl Vault {
    /// Puts a person's answers into the ledger, and answers what holds from then on. Saying no is the same call as saying
    /// yes. The entries are durable before the change is; when this returns, every call that begins later sees it.
    ///
    /// # Errors
    /// [`Error::Invalid`] with a code that says what is wrong with the change, and nothing is kept then;
    /// [`Error::Conflict`] when other changes of the same person were always first. After any other error the change may
    /// have been kept; saying it again is harmless.
    pub async fn record_consent(
        &self,
        caller: &Caller,
        subject: &SubjectName,
        change: &ConsentChange,
    ) -> Result<ConsentView> {
        // A wrong word is told as what it is, whoever sent it.
        self.check_change(change)?;
        let decision = self
            .permit(caller, Action::RecordConsent, EntryKind::ConsentDenied)
            .await?;
        let open = self.subject(subject).await?;
        self.record_consent_of(caller, &decision, &open, change)
            .await
    }

    /// The same of somebody who was decided about.
    pub(crate) async fn record_consent_of(
        &self,
        caller: &Caller,
        decision: &Decision,
        open: &OpenSubject,
        change: &ConsentChange,
    ) -> Result<ConsentView> {
        let checked = self.check_change(change)?;
        let state = self
            .record_checked(caller, decision, open, &checked)
            .await?;
        Ok(self.consent_view(Some(&state)))
    }

    /// Entries first, then the row, then the step of the shared sequence.
    async fn record_checked(
        &self,
        caller: &Caller,
        decision: &Decision,
        open: &OpenSubject,
        checked: &Checked<'_>,
    ) -> Result<ConsentState> {
        self.record_change(caller, decision, open, checked).await?;
        let state = self.append_answers(open, checked).await?;
        self.tell_consent(open, &state).await?;
        Ok(state)
    }

    /// One entry for what was said yes to and one for what was said no to. Several servers may write at once, so the order
    /// of entries is not that of the ledger; a person's numbers are.
    async fn record_change(
        &self,
        caller: &Caller,
        decision: &Decision,
        open: &OpenSubject,
        checked: &Checked<'_>,
    ) -> Result<()> {
        let record = |kind, answered: &[Answered<'_>]| {
            let notices = answered.iter().map(|answered| {
                let name = answered.purpose.name.to_string();
                (name, Json::from(answered.notice))
            });
            let record = Record::by(kind, caller)
                .ruling(self.ruling(decision))
                .fact("channel", checked.channel.as_str())
                .fact("purposes", notices.collect::<Map<_, _>>())
                .subject(open.used(Arc::from([]), 0));
            self.record(record)
        };
        if !checked.withdrawn.is_empty() {
            record(EntryKind::ConsentWithdrawn, &checked.withdrawn).await?;
        }
        if !checked.granted.is_empty() {
            record(EntryKind::ConsentGranted, &checked.granted).await?;
        }
        Ok(())
    }

    /// Adds the event behind the person's last one. The change says yes and no absolutely, so that it means the same
    /// after another one that was first.
    async fn append_answers(
        &self,
        open: &OpenSubject,
        checked: &Checked<'_>,
    ) -> Result<ConsentState> {
        let keyring = &self.inner.keyring;
        keyring.make_consent_keys(&[open], self.now()).await?;
        for _ in 0..ATTEMPTS_MAX {
            let last = self.last_consent(open).await?;
            let event = checked.event_after(last.as_ref(), self.now());
            if self.append_event(open, checked, &event).await? {
                return Ok(event.state);
            }
        }
        Err(Error::conflict(
            "consent_busy",
            "other changes of this person's consent were always first: look what holds now, then send it again",
        ))
    }

    /// Adds an event behind the person's last one; `false`: another one was first.
    async fn append_event(
        &self,
        open: &OpenSubject,
        checked: &Checked<'_>,
        event: &ConsentEvent,
    ) -> Result<bool> {
        let (data, entropy) = (&self.inner.data, self.inner.keyring.entropy());
        let key = open.consent_key().ok_or(ledger::UNREADABLE)?;
        let row = NewConsentRow {
            place: key.place(event.state.number),
            row: key.seal(event, checked.evidence, entropy)?,
            granted: checked.granted_bits(),
        };
        if data.append_consent(vec![row]).await? == [true] {
            return Ok(true);
        }
        check_bits(&**data, &self.inner.map).await?;
        Ok(false)
    }

    /// Tells every server of a change whose row is durable: whoever reads of it finds the row. Until then the change is not
    /// acknowledged.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the subject was erased meanwhile: its key may have been made after the erasure, and goes
    /// like those of others who left; so does the row.
    async fn tell_consent(&self, open: &OpenSubject, state: &ConsentState) -> Result<()> {
        let reference = open.row.reference;
        let keys = &self.inner.keys;
        self.tell_of_consent(open, Some(state)).await?;
        let left = keys.subjects_by_reference(&[reference]).await?;
        if left.into_iter().flatten().next().is_some() {
            return Ok(());
        }
        if let Some(key) = open.consent_key() {
            let place = key.place(state.number);
            self.inner.data.delete_consent(&[place]).await?;
        }
        self.destroy(reference).await?;
        self.delete_orphans().await?;
        Err(Error::NotFound("subject"))
    }
}
