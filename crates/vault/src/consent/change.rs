//! What a person answers, checked against the data map before anything of it is kept.

use jiff::Timestamp;
use privet_classify::{Basis, Language, Purpose};
use privet_seal::Zeroizing;

use super::event::{ConsentAnswer, ConsentChannel, ConsentEvent, ConsentState};
use crate::port::ConsentBit;
use crate::{Error, Result, Vault};

/// Characters of a notice's version, as the data map has it.
const NOTICE_LENGTH_MAX: usize = 64;
/// Bytes of one piece of evidence.
const EVIDENCE_BYTES_MAX: usize = 16 * 1024;

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
    /// The language of the text that they were shown, where it is known. There has to be a text in it for each yes.
    pub language: Option<Language>,
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
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

/// A change whose every word was found right: purposes of the map, each once, and yes only to the notices in force.
pub(super) struct Checked<'a> {
    pub(super) granted: Vec<Answered<'a>>,
    pub(super) withdrawn: Vec<Answered<'a>>,
    pub(super) channel: ConsentChannel,
    pub(super) language: Option<&'a Language>,
    pub(super) evidence: Option<&'a str>,
}

/// A purpose that rests on consent.
#[derive(Clone, Copy)]
pub(super) struct Answered<'a> {
    pub(super) purpose: &'a Purpose,
    pub(super) bit: u8,
    pub(super) notice: &'a str,
}

impl Vault {
    pub(super) fn check_change<'a>(&'a self, change: &'a ConsentChange) -> Result<Checked<'a>> {
        let granted = change.grant.iter().map(|grant| {
            let answered = self.purpose_on_consent(&grant.purpose)?;
            if grant.notice != answered.notice {
                return Err(outdated(&answered));
            }
            Ok(answered)
        });
        let checked = self.check_with(change, granted.collect::<Result<_>>()?)?;
        self.check_language(change, &[])?;
        Ok(checked)
    }

    /// The same of an answer that was given elsewhere, maybe to a notice that is no longer in force: it is kept as what it was,
    /// and agrees to nothing now.
    pub(super) fn check_imported<'a>(&'a self, change: &'a ConsentChange) -> Result<Checked<'a>> {
        let granted = change.grant.iter().map(|grant| {
            let answered = self.purpose_on_consent(&grant.purpose)?;
            let version = grant.notice.as_str();
            let is_long = version.chars().count() > NOTICE_LENGTH_MAX;
            if version.trim().is_empty() || is_long || version.chars().any(char::is_control) {
                return Err(Error::invalid(
                    "notice_invalid",
                    format!(
                        "a notice's version has 1 to {NOTICE_LENGTH_MAX} characters in one line: name the text that was shown"
                    ),
                ));
            }
            let notice = version;
            Ok(Answered { notice, ..answered })
        });
        self.check_with(change, granted.collect::<Result<_>>()?)
    }

    fn check_with<'a>(
        &'a self,
        change: &'a ConsentChange,
        granted: Vec<Answered<'a>>,
    ) -> Result<Checked<'a>> {
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
        let evidence = change.evidence.as_ref().map(|evidence| evidence.as_str());
        check_evidence(evidence)?;
        Ok(Checked {
            granted,
            withdrawn,
            channel: change.channel,
            language: change.language.as_ref(),
            evidence,
        })
    }

    fn purpose_on_consent(&self, name: &str) -> Result<Answered<'_>> {
        let purpose = self.purpose(name)?;
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
    /// The event that these answers are, behind the person's last one. A person's times never go back, also when servers'
    /// clocks differ, so that the state of any moment is decided.
    pub(super) fn event_after(&self, last: Option<&ConsentState>, now: Timestamp) -> ConsentEvent {
        let at = last.map_or(now, |last| last.at.max(now));
        ConsentEvent {
            state: ConsentState {
                number: last.map_or(0, |last| last.number) + 1,
                at,
                answers: self.answers_after(last, at),
            },
            granted: bits(&self.granted),
            withdrawn: bits(&self.withdrawn),
            channel: self.channel,
            language: self.language.cloned(),
        }
    }

    /// The bits that are said yes to, and those that are said no to.
    pub(super) fn bits(&self) -> (u32, u32) {
        (bits(&self.granted), bits(&self.withdrawn))
    }

    /// What the bits that are said yes to stand for.
    pub(super) fn granted_bits(&self) -> Vec<ConsentBit> {
        self.granted.iter().map(Answered::as_bit).collect()
    }

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

fn bits(answered: &[Answered<'_>]) -> u32 {
    let bits = answered.iter().map(|answered| mask(answered.bit));
    bits.fold(0, |all, bit| all | bit)
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
pub(super) fn mask(bit: u8) -> u32 {
    1_u32.checked_shl(bit.into()).unwrap_or(0)
}
