//! Reading the ledger: what holds now, what held at a moment, and every event with its evidence.

use std::sync::Arc;

use jiff::Timestamp;
use privet_classify::{Basis, Language, Purpose};
use privet_seal::Zeroizing;

use super::change::mask;
use super::event::{ConsentChannel, ConsentEvent, ConsentState};
use crate::audit::{EntryKind, Record};
use crate::keyring::OpenSubject;
use crate::policy::{Action, Decision};
use crate::port::ConsentBit;
use crate::{Caller, Error, PrincipalKind, Result, SubjectName, Vault};

/// Events in one answer.
const EVENTS_MAX: u32 = 100;

/// What a person agrees to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentView {
    /// The number of the person's last event; 0 where there is none.
    pub number: u64,
    /// Whether the data store lost that event: it went back to an older copy, or rows were taken out of it. The person agrees
    /// to nothing until they answer again.
    pub lost: bool,
    /// Every purpose of the data map that rests on consent, by name.
    pub purposes: Vec<PurposeConsent>,
}

/// What a person said to one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurposeConsent {
    /// The purpose.
    pub purpose: String,
    /// Whether the person's data may be used for it: their answer was yes, and to the notice in force. Of a moment in the past,
    /// whether it was yes to the notice named.
    pub agreed: bool,
    /// The last answer; `None`: never asked, or never answered.
    pub answer: Option<bool>,
    /// Since when that is the answer.
    pub since: Option<Timestamp>,
    /// The version of the notice that was in force when it was given.
    pub notice: Option<String>,
    /// The version in force now.
    pub current_notice: String,
}

/// A page of a person's events.
#[derive(Debug)]
pub struct ConsentHistory {
    /// Newest first.
    pub events: Vec<PastConsent>,
    /// The number before which older events are; `None` at the end.
    pub before: Option<u64>,
}

/// One event.
pub struct PastConsent {
    /// Its number among the person's own events.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Purposes that were said yes to, each with the version of its notice.
    pub granted: Vec<(String, String)>,
    /// Purposes that were said no to.
    pub withdrawn: Vec<String>,
    /// How the answer came.
    pub channel: ConsentChannel,
    /// The language of the text that the person was shown, where it was told.
    pub language: Option<Language>,
    /// Whether evidence was given with it.
    pub has_evidence: bool,
    /// The evidence; `None` for people of the staff, and where it does not open.
    pub evidence: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for PastConsent {
    // Evidence is personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PastConsent")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// What a person agrees to now, or agreed to at a moment.
    ///
    /// # Errors
    /// [`crate::Error::Denied`] by policy, [`crate::Error::NotFound`] for an unknown subject.
    pub async fn consent(
        &self,
        caller: &Caller,
        subject: &SubjectName,
        as_of: Option<Timestamp>,
    ) -> Result<ConsentView> {
        let (decision, open) = self.reader(caller, subject).await?;
        self.consent_of(caller, &decision, &open, as_of).await
    }

    /// The same of somebody who was decided about.
    pub(crate) async fn consent_of(
        &self,
        caller: &Caller,
        decision: &Decision,
        open: &OpenSubject,
        as_of: Option<Timestamp>,
    ) -> Result<ConsentView> {
        let state = match as_of {
            None => self.last_consent(open).await?,
            Some(moment) => self.consent_at(open, moment).await?,
        };
        self.record_reading(caller, decision, open, "state").await?;
        let mut view = self.consent_view(state.as_ref());
        if as_of.is_some() {
            for purpose in &mut view.purposes {
                purpose.agreed = purpose.answer == Some(true);
            }
        }
        Ok(view)
    }

    /// A person's events, newest first: those before a number where one is given.
    ///
    /// # Errors
    /// As [`Vault::consent`].
    pub async fn consent_history(
        &self,
        caller: &Caller,
        subject: &SubjectName,
        before: Option<u64>,
    ) -> Result<ConsentHistory> {
        let (decision, open) = self.reader(caller, subject).await?;
        self.consent_history_of(caller, &decision, &open, before)
            .await
    }

    /// The same of somebody who was decided about.
    pub(crate) async fn consent_history_of(
        &self,
        caller: &Caller,
        decision: &Decision,
        open: &OpenSubject,
        before: Option<u64>,
    ) -> Result<ConsentHistory> {
        let page = self.past_consents(open, before, EVENTS_MAX).await?;
        let bits = self.inner.data.consent_bits().await?;
        self.record_reading(caller, decision, open, "history")
            .await?;
        // No clear form for people without a grant, and there is none for evidence.
        let shows_evidence = caller.principal().kind != PrincipalKind::Person;
        let events = page.events.into_iter().map(|(event, row)| {
            let mut past = self.past(&bits, &event);
            past.has_evidence = row.evidence.is_some();
            past.evidence = row
                .evidence
                .as_ref()
                .filter(|_| shows_evidence)
                .and_then(|sealed| opened_evidence(open, past.number, sealed));
            past
        });
        Ok(ConsentHistory {
            events: events.collect(),
            before: page.before,
        })
    }

    /// The state after the last event that was not later than a moment. Times never go back from one number to the next, so
    /// that it is found by halves.
    pub(super) async fn consent_at(
        &self,
        open: &OpenSubject,
        moment: Timestamp,
    ) -> Result<Option<ConsentState>> {
        let mut found = None;
        let newest = self.last_consent(open).await?;
        let (mut first, mut beyond) = (1, newest.map_or(0, |newest| newest.number) + 1);
        while first < beyond {
            let middle = first + (beyond - first) / 2;
            let mut page = self.past_consents(open, Some(middle + 1), 1).await?;
            let (event, _) = page.events.pop().ok_or_else(lost)?;
            if event.state.at <= moment {
                first = middle + 1;
                found = Some(event.state);
            } else {
                beyond = middle;
            }
        }
        Ok(found)
    }

    async fn reader(
        &self,
        caller: &Caller,
        subject: &SubjectName,
    ) -> Result<(Decision, Arc<OpenSubject>)> {
        let decision = self
            .permit(caller, Action::ReadConsent, EntryKind::ConsentDenied)
            .await?;
        Ok((decision, self.subject(subject).await?))
    }

    pub(super) async fn record_reading(
        &self,
        caller: &Caller,
        decision: &Decision,
        open: &OpenSubject,
        what: &'static str,
    ) -> Result<()> {
        let record = Record::by(EntryKind::ConsentRead, caller)
            .ruling(self.ruling(decision))
            .fact("what", what)
            .subject(open.used(Arc::from([]), 0));
        self.record(record).await.map(drop)
    }

    /// A state in words of the data map.
    pub(crate) fn consent_view(&self, state: Option<&ConsentState>) -> ConsentView {
        let on_consent = |purpose: &&Purpose| purpose.basis == Basis::Consent;
        let purposes = self.inner.map.purposes().filter(on_consent);
        let purposes = purposes.filter_map(|purpose| {
            let (bit, current) = (purpose.bit?, purpose.notice.clone()?);
            let answer = state.and_then(|state| state.answer(bit));
            Some(PurposeConsent {
                purpose: purpose.name.to_string(),
                agreed: answer.is_some_and(|answer| answer.agreed && answer.notice == current),
                answer: answer.map(|answer| answer.agreed),
                since: answer.map(|answer| answer.since),
                notice: answer.map(|answer| answer.notice.clone()),
                current_notice: current,
            })
        });
        ConsentView {
            number: state.map_or(0, |state| state.number),
            lost: state.is_some_and(ConsentState::is_lost),
            purposes: purposes.collect(),
        }
    }

    /// An event in words of the data map, so far without evidence.
    pub(super) fn past(&self, bits: &[ConsentBit], event: &ConsentEvent) -> PastConsent {
        let answers = event.state.answers.iter();
        let granted = answers
            .clone()
            .filter(|answer| event.granted & mask(answer.bit) != 0);
        let withdrawn = answers.filter(|answer| event.withdrawn & mask(answer.bit) != 0);
        PastConsent {
            number: event.state.number,
            at: event.state.at,
            granted: granted
                .map(|answer| (self.name_of(bits, answer.bit), answer.notice.clone()))
                .collect(),
            withdrawn: withdrawn
                .map(|answer| self.name_of(bits, answer.bit))
                .collect(),
            channel: event.channel,
            language: event.language.clone(),
            has_evidence: false,
            evidence: None,
        }
    }

    /// What a bit stands for; one that neither ledger nor map know was only ever said no to.
    pub(super) fn name_of(&self, bits: &[ConsentBit], bit: u8) -> String {
        if let Some(known) = bits.iter().find(|known| known.bit == bit) {
            return known.purpose.clone();
        }
        let mut purposes = self.inner.map.purposes();
        purposes
            .find(|purpose| purpose.bit == Some(bit))
            .map_or_else(|| format!("bit {bit}"), |purpose| purpose.name.to_string())
    }
}

fn opened_evidence(open: &OpenSubject, number: u64, sealed: &[u8]) -> Option<Zeroizing<String>> {
    open.consent_key()?.open_evidence(number, sealed).ok()
}

/// What a moment is answered with whose events are not all there.
fn lost() -> Error {
    Error::conflict(
        "consent_lost",
        "the data store has lost answers of this person, so that what held then cannot be told: look at the history, which \
         has what is left",
    )
}
