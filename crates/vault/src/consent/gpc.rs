//! Global Privacy Control (W3C Working Draft): a browser that says no, for the purposes that the data map marks.

use privet_classify::Basis;

use super::change::{Answered, Checked, mask};
use super::event::ConsentChannel;
use crate::audit::EntryKind;
use crate::keyring::OpenSubject;
use crate::policy::Action;
use crate::{Caller, Result, SubjectName, Vault};

/// The one value of `Sec-GPC` that says anything (section 3.1 of the draft).
const SIGNAL: &str = "1";
/// Events that are read at once.
const EVENTS_PAGE: u32 = 100;
/// How many pages of a person's events are read to learn whether they overruled the signal.
const PAGES_MAX: u32 = 10;

/// What a signal did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpcOutcome {
    /// Whether there was a signal.
    pub is_signal: bool,
    /// Purposes that it withdrew now; none when all were withdrawn before.
    pub withdrawn: Vec<String>,
}

impl Vault {
    /// Honours the signal of a person's own request: withdraws what the data map marks, once, and not again what the person
    /// agreed to afterwards in spite of it.
    ///
    /// `values` are those of every `Sec-GPC` header of that request. One that is exactly `1` is a signal, and several are
    /// one; anything else is none.
    ///
    /// # Errors
    /// As [`Vault::record_consent`].
    pub async fn honour_gpc(
        &self,
        caller: &Caller,
        subject: &SubjectName,
        values: &[String],
    ) -> Result<GpcOutcome> {
        let decision = self
            .permit(caller, Action::RecordConsent, EntryKind::ConsentDenied)
            .await?;
        let open = self.subject(subject).await?;
        if !values.iter().any(|value| value == SIGNAL) {
            return Ok(GpcOutcome {
                is_signal: false,
                withdrawn: Vec::new(),
            });
        }
        let checked = Checked {
            granted: Vec::new(),
            withdrawn: self.withdrawn_by_gpc(&open).await?,
            channel: ConsentChannel::Gpc,
            language: None,
            evidence: None,
        };
        if !checked.withdrawn.is_empty() {
            self.record_checked(caller, &decision, &open, &checked)
                .await?;
        }
        let names = checked.withdrawn.iter();
        Ok(GpcOutcome {
            is_signal: true,
            withdrawn: names.map(|one| one.purpose.name.to_string()).collect(),
        })
    }

    /// What the signal changes for a person.
    async fn withdrawn_by_gpc(&self, open: &OpenSubject) -> Result<Vec<Answered<'_>>> {
        let marked = self.inner.map.purposes().filter(|purpose| purpose.gpc);
        let mut marked: Vec<Answered<'_>> = marked
            .filter_map(
                |purpose| match (purpose.basis, purpose.bit, &purpose.notice) {
                    (Basis::Consent, Some(bit), Some(notice)) => Some(Answered {
                        purpose,
                        bit,
                        notice,
                    }),
                    _ => None,
                },
            )
            .collect();
        let Some(last) = self.last_consent(open).await? else {
            return Ok(marked);
        };
        let answer = |one: &Answered<'_>| last.answer(one.bit).map(|answer| answer.agreed);
        marked.retain(|one| answer(one) != Some(false));
        if marked.iter().any(|one| answer(one) == Some(true)) {
            let overruled = self.signal_bits(open).await?;
            marked.retain(|one| answer(one) != Some(true) || overruled & mask(one.bit) == 0);
        }
        Ok(marked)
    }

    /// The bits that the signal withdrew before. A yes that holds all the same was said afterwards, with the signal on, to
    /// whoever asked, and is more than a general preference.
    async fn signal_bits(&self, open: &OpenSubject) -> Result<u32> {
        let (mut bits, mut before) = (0, None);
        for _ in 0..PAGES_MAX {
            let page = self.past_consents(open, before, EVENTS_PAGE).await?;
            let signals = page.events.iter().map(|(event, _)| event);
            let signals = signals.filter(|event| event.channel == ConsentChannel::Gpc);
            bits |= signals.fold(0, |all, event| all | event.withdrawn);
            before = page.before;
            if before.is_none() {
                break;
            }
        }
        Ok(bits)
    }
}
