//! What a purpose that rests on consent asks of each subject, and the look into the ledger.

use std::sync::Arc;

use privet_classify::{Basis, Purpose};

use super::event::ConsentState;
use crate::keyring::OpenSubject;
use crate::{Error, Result, Vault};

/// Who may be used for a purpose: those whose last answer is yes, to the notice in force.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConsentRule<'a> {
    purpose: &'a str,
    bit: u8,
    notice: &'a str,
}

impl<'a> ConsentRule<'a> {
    /// The rule of a purpose; none where it rests on anything else, which nobody's answers change.
    ///
    /// # Errors
    /// A purpose on consent without bit or notice, which no data map has, is denied to everybody.
    pub(crate) fn of(purpose: &'a Purpose) -> Result<Option<Self>> {
        if purpose.basis != Basis::Consent {
            return Ok(None);
        }
        match (purpose.bit, &purpose.notice) {
            (Some(bit), Some(notice)) => Ok(Some(Self {
                purpose: purpose.name.as_str(),
                bit,
                notice,
            })),
            _ => Err(Error::Internal("a purpose on consent has no bit or notice")),
        }
    }

    /// Whether what a person answered allows it. Silence is no, and so is a yes to another text.
    fn is_met(&self, state: Option<&ConsentState>) -> bool {
        let answer = state.and_then(|state| state.answer(self.bit));
        answer.is_some_and(|answer| answer.agreed && answer.notice == self.notice)
    }

    /// The purpose's bit as a number.
    pub(crate) fn mask(&self) -> u32 {
        super::change::mask(self.bit)
    }

    /// What a caller is told when nobody agrees.
    pub(crate) fn missing(&self) -> Error {
        Error::denied(
            "consent_missing",
            format!(
                "purpose `{}` rests on consent, and none to notice `{}` is on record: do without, or ask the person",
                self.purpose, self.notice
            ),
        )
    }
}

impl Vault {
    /// Takes those out of the list who do not agree, and says which they were, by what the ledger holds at this moment. Nothing is kept from an earlier look:
    /// a store shows everything that was committed before it is asked, so that a withdrawal which was acknowledged before
    /// a call began is always seen. An error on the way is an error of the call; nothing is opened then.
    pub(crate) async fn leave_out(
        &self,
        rule: Option<&ConsentRule<'_>>,
        opened: &mut [Option<Arc<OpenSubject>>],
    ) -> Result<Vec<bool>> {
        let Some(rule) = rule else {
            return Ok(vec![false; opened.len()]);
        };
        let asked: Vec<&OpenSubject> = opened.iter().flatten().map(|open| &**open).collect();
        let mut states = self.consent_states(&asked).await?.into_iter();
        let mut refused = Vec::with_capacity(opened.len());
        for open in opened {
            let is_refused = open.is_some() && !rule.is_met(states.next().flatten().as_ref());
            if is_refused {
                *open = None;
            }
            refused.push(is_refused);
        }
        Ok(refused)
    }
}

/// Whether nothing can be shown because those who exist do not agree.
pub(crate) fn nobody_agrees(opened: &[Option<Arc<OpenSubject>>], refused: &[bool]) -> bool {
    refused.contains(&true) && opened.iter().all(Option::is_none)
}

pub(crate) fn count(refused: &[bool]) -> u64 {
    refused.iter().filter(|refused| **refused).count() as u64
}
