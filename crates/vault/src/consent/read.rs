//! Reading the ledger: what holds now, what held at a moment, and every event with its evidence.

use std::sync::Arc;

use jiff::Timestamp;
use privet_classify::{Basis, Purpose};
use privet_seal::{SealedRef, Zeroizing};

use super::{EVIDENCE, mask};
use crate::audit::{EntryKind, Record};
use crate::keyring::OpenSubject;
use crate::policy::{Action, Decision};
use crate::port::{ConsentBit, ConsentChannel, ConsentEvent, ConsentState};
use crate::{Caller, PrincipalKind, Result, SubjectName, Vault};

/// Events in one answer.
const EVENTS_MAX: u32 = 100;

/// What a person agrees to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentView {
    /// The position of the person's last event in the ledger; 0 where there is none.
    pub sequence: u64,
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
    /// The position before which older events are; `None` at the end.
    pub before: Option<u64>,
}

/// One event.
pub struct PastConsent {
    /// Its position among all events of the environment.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Purposes that were said yes to, each with the version of its notice.
    pub granted: Vec<(String, String)>,
    /// Purposes that were said no to.
    pub withdrawn: Vec<String>,
    /// How the answer came.
    pub channel: ConsentChannel,
    /// Whether evidence was given with it.
    pub has_evidence: bool,
    /// The evidence; `None` for people of the staff, and where it does not open.
    pub evidence: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for PastConsent {
    // Evidence is personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PastConsent")
            .field("sequence", &self.sequence)
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
        let (data, puid) = (&self.inner.data, open.row.puid);
        let state = match as_of {
            None => data.consent_now(&[puid]).await?.pop().flatten(),
            Some(moment) => data.consent_at(puid, moment).await?,
        };
        self.record_reading(caller, &decision, &open, "state")
            .await?;
        let mut view = self.consent_view(state.as_ref());
        if as_of.is_some() {
            for purpose in &mut view.purposes {
                purpose.agreed = purpose.answer == Some(true);
            }
        }
        Ok(view)
    }

    /// A person's events, newest first: those before a position where one is given.
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
        let data = &self.inner.data;
        let events = data.consent_events(open.row.puid, before, EVENTS_MAX);
        let events = events.await?;
        let bits = data.consent_bits().await?;
        self.record_reading(caller, &decision, &open, "history")
            .await?;
        // No clear form for people without a grant, and there is none for evidence.
        let shows_evidence = caller.principal().kind != PrincipalKind::Person;
        let is_full = events.len() == EVENTS_MAX as usize;
        let last = events.last().map(|event| event.state.sequence);
        let events = events.into_iter().map(|event| {
            let evidence = event.evidence.as_ref().filter(|_| shows_evidence);
            let evidence = evidence.and_then(|sealed| opened_evidence(&open, sealed));
            self.past(&bits, &event, evidence)
        });
        Ok(ConsentHistory {
            events: events.collect(),
            before: last.filter(|_| is_full),
        })
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

    async fn record_reading(
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
    pub(super) fn consent_view(&self, state: Option<&ConsentState>) -> ConsentView {
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
            sequence: state.map_or(0, |state| state.sequence),
            purposes: purposes.collect(),
        }
    }

    fn past(
        &self,
        bits: &[ConsentBit],
        event: &ConsentEvent,
        evidence: Option<Zeroizing<String>>,
    ) -> PastConsent {
        let answers = event.state.answers.iter();
        let granted = answers
            .clone()
            .filter(|answer| event.granted & mask(answer.bit) != 0);
        let withdrawn = answers.filter(|answer| event.withdrawn & mask(answer.bit) != 0);
        PastConsent {
            sequence: event.state.sequence,
            at: event.state.at,
            granted: granted
                .map(|answer| (self.name_of(bits, answer.bit), answer.notice.clone()))
                .collect(),
            withdrawn: withdrawn
                .map(|answer| self.name_of(bits, answer.bit))
                .collect(),
            channel: event.channel,
            has_evidence: event.evidence.is_some(),
            evidence,
        }
    }

    /// What a bit stands for; one that neither ledger nor map know was only ever said no to.
    fn name_of(&self, bits: &[ConsentBit], bit: u8) -> String {
        if let Some(known) = bits.iter().find(|known| known.bit == bit) {
            return known.purpose.clone();
        }
        let mut purposes = self.inner.map.purposes();
        purposes
            .find(|purpose| purpose.bit == Some(bit))
            .map_or_else(|| format!("bit {bit}"), |purpose| purpose.name.to_string())
    }
}

fn opened_evidence(open: &OpenSubject, sealed: &[u8]) -> Option<Zeroizing<String>> {
    let parsed = SealedRef::parse(sealed).ok()?;
    let cipher = open.cipher(parsed.key_id())?;
    let value = cipher.open(EVIDENCE, &parsed).ok()?;
    Some(value.as_text())
}
