//! Consent: what people say yes and no to, as a ledger that only grows, and the question that the monitor asks it before
//! it opens anything for a purpose that rests on consent.
//!
//! The ledger lies in the data store under the account's id. It holds no plaintext: purposes are bits, and evidence is
//! sealed under the subject's account key, so that an erasure ends it while the answers stay.

mod basis;
mod read;
mod rule;

use std::sync::Arc;

use jiff::Timestamp;
use privet_classify::{Basis, Purpose};
use privet_seal::{Block, FieldNumber, Nonce, Value, Zeroizing};
use serde_json::{Map, Value as Json};

pub(crate) use basis::check_bits;
pub use read::{ConsentHistory, ConsentView, PastConsent, PurposeConsent};
pub(crate) use rule::{ConsentRule, count, nobody_agrees};

use crate::audit::{EntryKind, Record};
use crate::keyring::OpenSubject;
use crate::policy::{Action, Decision};
use crate::port::{
    ConsentAnswer, ConsentBit, ConsentChannel, ConsentState, NewConsentEvent, StoreError,
};
use crate::{Caller, Error, Result, SubjectName, Vault};

/// The field number that evidence is sealed under: the data map numbers fields from 1, so that evidence opens as no field
/// and no field opens as evidence.
const EVIDENCE: FieldNumber = FieldNumber(0);
/// Bytes of one piece of evidence.
const EVIDENCE_BYTES_MAX: usize = 16 * 1024;
/// How often a change is tried anew when another one of the same person was first.
const ATTEMPTS_MAX: u32 = 16;

/// A yes to one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentGrant {
    /// A purpose of the data map that rests on consent.
    pub purpose: String,
    /// The version of the notice that the person was shown.
    pub notice: String,
}

/// What a person answered.
pub struct ConsentChange {
    /// What they say yes to, each purpose by itself.
    pub grant: Vec<ConsentGrant>,
    /// Names of purposes that they say no to.
    pub withdraw: Vec<String>,
    /// How the answer came.
    pub channel: ConsentChannel,
    /// What shows that it was given, such as the address of a form; kept sealed.
    pub evidence: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for ConsentChange {
    // Evidence is personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsentChange")
            .field("grant", &self.grant)
            .field("withdraw", &self.withdraw)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// A change whose every word was found right: purposes of the map, each once, and yes only to the notices in force.
struct Checked<'a> {
    granted: Vec<Answered<'a>>,
    withdrawn: Vec<Answered<'a>>,
    channel: ConsentChannel,
}

/// A purpose that rests on consent.
#[derive(Clone, Copy)]
struct Answered<'a> {
    purpose: &'a Purpose,
    bit: u8,
    notice: &'a str,
}

impl Vault {
    /// Puts a person's answers into the ledger, and answers what holds from then on. Saying no is the same call as saying
    /// yes. The entries are durable before the change is; when this returns, every call that begins later sees it.
    ///
    /// # Errors
    /// [`Error::Invalid`] with a code that says what is wrong with the change, and nothing is kept then;
    /// [`Error::Conflict`] when other changes of the same person were always first.
    pub async fn record_consent(
        &self,
        caller: &Caller,
        subject: &SubjectName,
        change: &ConsentChange,
    ) -> Result<ConsentView> {
        let checked = self.check_change(change)?;
        let decision = self
            .permit(caller, Action::RecordConsent, EntryKind::ConsentDenied)
            .await?;
        let open = self.subject(subject).await?;
        let evidence = match &change.evidence {
            None => None,
            Some(evidence) => Some(self.seal_evidence(&open, evidence)?),
        };
        self.record_change(caller, &decision, &open, &checked)
            .await?;
        let state = self.append_answers(&open, &checked, evidence).await?;
        Ok(self.consent_view(Some(&state)))
    }

    fn check_change(&self, change: &ConsentChange) -> Result<Checked<'_>> {
        let granted = change.grant.iter().map(|grant| {
            let answered = self.purpose_on_consent(&grant.purpose)?;
            if grant.notice != answered.notice {
                return Err(outdated(&answered));
            }
            Ok(answered)
        });
        let granted: Vec<Answered<'_>> = granted.collect::<Result<_>>()?;
        let withdrawn = change.withdraw.iter();
        let withdrawn: Vec<Answered<'_>> = withdrawn
            .map(|name| self.purpose_on_consent(name))
            .collect::<Result<_>>()?;
        let mut bits = 0_u32;
        for answered in granted.iter().chain(&withdrawn) {
            let bit = mask(answered.bit);
            if bits & bit != 0 {
                return Err(Error::invalid(
                    "consent_twice",
                    format!(
                        "purpose `{}` is named twice: say yes or no to it, once",
                        answered.purpose.name
                    ),
                ));
            }
            bits |= bit;
        }
        if bits == 0 {
            return Err(Error::invalid(
                "consent_empty",
                "name at least one purpose in `grant` or `withdraw`",
            ));
        }
        if change.channel == ConsentChannel::Gpc && !granted.is_empty() {
            return Err(Error::invalid(
                "consent_channel",
                "Global Privacy Control says no and never yes: grant by the channel on which the person was asked",
            ));
        }
        check_evidence(change.evidence.as_ref().map(|evidence| evidence.as_str()))?;
        Ok(Checked {
            granted,
            withdrawn,
            channel: change.channel,
        })
    }

    fn purpose_on_consent(&self, name: &str) -> Result<Answered<'_>> {
        let purpose = self.inner.map.purpose(name).ok_or_else(|| {
            Error::invalid("unknown_purpose", "the purpose is not in the data map")
        })?;
        match (purpose.basis, purpose.bit, &purpose.notice) {
            (Basis::Consent, Some(bit), Some(notice)) => Ok(Answered {
                purpose,
                bit,
                notice,
            }),
            _ => Err(Error::invalid(
                "purpose_without_consent",
                format!(
                    "purpose `{}` rests on `{}`, so nobody is asked for it: leave it out",
                    purpose.name, purpose.basis
                ),
            )),
        }
    }

    /// One entry for what was said yes to and one for what was said no to. Several servers may write at once, so the order
    /// of entries is not that of the ledger; its positions are.
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
        evidence: Option<Vec<u8>>,
    ) -> Result<ConsentState> {
        let (data, puid) = (&self.inner.data, open.row.puid);
        for _ in 0..ATTEMPTS_MAX {
            let last = data.consent_now(&[puid]).await?.pop().flatten();
            // A person's times never go back, also when servers' clocks differ, so that the state of any moment is decided.
            let at = last
                .as_ref()
                .map_or(self.now(), |last| last.at.max(self.now()));
            let answers = checked.answers_after(last.as_ref(), at);
            let event = NewConsentEvent {
                puid,
                after: last.map_or(0, |last| last.sequence),
                at,
                granted: checked.granted.iter().map(Answered::as_bit).collect(),
                withdrawn: checked
                    .withdrawn
                    .iter()
                    .fold(0, |all, answered| all | mask(answered.bit)),
                answers: answers.clone(),
                channel: checked.channel,
                evidence: evidence.clone(),
            };
            match data.append_consent(event).await {
                Ok(sequence) => {
                    return Ok(ConsentState {
                        sequence,
                        at,
                        answers,
                    });
                }
                Err(StoreError::Conflict) => check_bits(&**data, &self.inner.map).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::conflict(
            "consent_busy",
            "other changes of this person's consent were always first: look what holds now, then send it again",
        ))
    }

    fn seal_evidence(&self, open: &OpenSubject, evidence: &str) -> Result<Vec<u8>> {
        let nonce = Nonce::random(self.inner.keyring.entropy());
        let sealed = open
            .account()?
            .seal(EVIDENCE, Value::Text(evidence), Block::SHORT, nonce);
        sealed.map_err(|_| Error::Internal("evidence could not be sealed"))
    }
}

impl Answered<'_> {
    fn as_bit(&self) -> ConsentBit {
        ConsentBit {
            bit: self.bit,
            purpose: self.purpose.name.to_string(),
        }
    }
}

impl Checked<'_> {
    /// All answers that hold from this change on. Who says the same again has said it since the first time.
    fn answers_after(&self, last: Option<&ConsentState>, at: Timestamp) -> Vec<ConsentAnswer> {
        let mut answers = last.map_or_else(Vec::new, |last| last.answers.clone());
        let said = [(&self.granted, true), (&self.withdrawn, false)];
        for (answered, agreed) in said {
            for Answered { bit, notice, .. } in answered {
                let same = |answer: &&ConsentAnswer| {
                    answer.agreed == agreed && (!agreed || answer.notice == *notice)
                };
                let former = answers.iter().find(|answer| answer.bit == *bit);
                let since = former.filter(same).map_or(at, |answer| answer.since);
                answers.retain(|answer| answer.bit != *bit);
                answers.push(ConsentAnswer {
                    bit: *bit,
                    agreed,
                    notice: (*notice).to_owned(),
                    since,
                });
            }
        }
        answers.sort_by_key(|answer| answer.bit);
        answers
    }
}

fn outdated(answered: &Answered<'_>) -> Error {
    Error::invalid(
        "notice_outdated",
        format!(
            "the notice in force for purpose `{}` is `{}`: show that text and ask again",
            answered.purpose.name, answered.notice
        ),
    )
}

fn check_evidence(evidence: Option<&str>) -> Result<()> {
    match evidence {
        Some(evidence) if evidence.trim().is_empty() || evidence.len() > EVIDENCE_BYTES_MAX => {
            Err(Error::invalid(
                "evidence_invalid",
                format!(
                    "evidence has 1 to {EVIDENCE_BYTES_MAX} bytes: leave it out, or say where it lies"
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// A bit as a number; the data map numbers them 0 to 31.
fn mask(bit: u8) -> u32 {
    1_u32.checked_shl(bit.into()).unwrap_or(0)
}
