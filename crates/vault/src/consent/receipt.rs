//! Receipts: what a person is handed for an answer. They are made from the ledger each time somebody asks, and are the same
//! each time, so that nothing else has to be kept; the key that signs them lies outside every store.

use super::change::mask;
use super::event::{ConsentEvent, ConsentState};
use crate::audit::EntryKind;
use crate::keyring::OpenSubject;
use crate::policy::{Action, Decision};
use crate::port::{ConsentBit, NoticeRow};
use crate::receipt::{
    AnswerKind, Controller, ErasureContent, Receipt, ReceiptAnswer, ReceiptContent, ReceiptError,
    ReceiptKey, ReceiptPublicKey, ReceiptSubject, ReceiptText,
};
use crate::{Caller, Error, Result, SubjectName, Vault};

/// Who signs, and in whose name.
pub(super) struct Issuer<'a> {
    key: &'a ReceiptKey,
    controller: Controller,
}

/// What a person said, and all that it is understood by.
pub(super) struct Said<'a> {
    pub(super) event: &'a ConsentEvent,
    /// What held before it.
    pub(super) before: Option<&'a ConsentState>,
    /// The texts that they were shown, where that is known.
    pub(super) texts: &'a [NoticeRow],
}

impl Vault {
    /// States the key that receipts are signed with, once. Without it, or without a controller in the data map, there are no
    /// receipts.
    pub fn sign_receipts(&self, key: ReceiptKey) {
        // A second one would be a mistake of the binary's; the first stays.
        let _ = self.inner.receipts.set(key);
    }

    /// What receipts can be checked with.
    ///
    /// # Errors
    /// [`Error::Unready`] with code `receipts_off` where there are none.
    pub fn receipt_key(&self) -> Result<ReceiptPublicKey> {
        Ok(self.issuer()?.key.public())
    }

    /// The receipt of one answer.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy; [`Error::NotFound`] for an unknown subject, and for a number that none of their answers
    /// has; [`Error::Unready`] with code `receipts_off` where there are none.
    pub async fn consent_receipt(
        &self,
        caller: &Caller,
        subject: &SubjectName,
        number: u64,
    ) -> Result<Receipt> {
        let decision = self
            .permit(caller, Action::ReadConsent, EntryKind::ConsentDenied)
            .await?;
        self.issuer()?;
        let open = self.subject(subject).await?;
        self.receipt_of(caller, &decision, &open, number).await
    }

    /// The same of somebody who was decided about.
    pub(crate) async fn receipt_of(
        &self,
        caller: &Caller,
        decision: &Decision,
        open: &OpenSubject,
        number: u64,
    ) -> Result<Receipt> {
        let issuer = self.issuer()?;
        // Stores count with numbers of this size; one beyond names no answer.
        let next = number.checked_add(1);
        let next = next.filter(|next| i64::try_from(*next).is_ok());
        let next = next.ok_or(Error::NotFound("answer"))?;
        let page = self.past_consents(open, Some(next), 2).await?;
        let mut events = page.events.into_iter();
        let event = events.next().map(|(event, _)| event);
        let event = event.filter(|event| event.state.number == number);
        let event = event.ok_or(Error::NotFound("answer"))?;
        let before = events.next().map(|(event, _)| event.state);
        let bits = self.inner.data.consent_bits().await?;
        let texts = self.texts_of(&event).await?;
        let said = Said {
            event: &event,
            before: before.as_ref(),
            texts: &texts,
        };
        self.record_reading(caller, decision, open, "receipt")
            .await?;
        self.signed_receipt(&issuer, ReceiptSubject::from(open.row.oid), &bits, &said)
    }

    pub(super) fn signed_receipt(
        &self,
        issuer: &Issuer<'_>,
        subject: ReceiptSubject,
        bits: &[ConsentBit],
        said: &Said<'_>,
    ) -> Result<Receipt> {
        let content = self.receipt_content(issuer, subject, bits, said);
        Receipt::sign(&content, issuer.key).map_err(unsignable)
    }

    /// Signs what became of an erasure. In whose name was settled with it, unless nobody was named then.
    pub(crate) fn signed_erasure(&self, mut content: ErasureContent) -> Result<Receipt> {
        let issuer = self.issuer()?;
        content.controller.get_or_insert(issuer.controller);
        Receipt::sign_erasure(&content, issuer.key).map_err(unsignable)
    }

    pub(super) fn issuer(&self) -> Result<Issuer<'_>> {
        let off = |text| Error::unready("receipts_off", text);
        let key = self.inner.receipts.get().ok_or_else(|| {
            off("this server signs no receipts: ask its operator for a `[receipts]` section in `privet.toml`")
        })?;
        let controller = self.inner.map.controller().ok_or_else(|| {
            off("the data map does not say in whose name receipts are given: ask its owner for a `[controller]` section")
        })?;
        Ok(Issuer {
            key,
            controller: Controller {
                name: controller.name.clone(),
                contact: controller.contact.clone(),
            },
        })
    }

    fn receipt_content(
        &self,
        issuer: &Issuer<'_>,
        subject: ReceiptSubject,
        bits: &[ConsentBit],
        said: &Said<'_>,
    ) -> ReceiptContent {
        let event = said.event;
        let about = event.granted | event.withdrawn;
        let answers = event.state.answers.iter();
        let answers = answers.filter(|answer| about & mask(answer.bit) != 0);
        let answers = answers.map(|answer| {
            let before = said.before.and_then(|before| before.answer(answer.bit));
            let agreed_before = before.is_some_and(|before| before.agreed);
            let purpose = self.name_of(bits, answer.bit);
            let text = said.texts.iter().find(|text| {
                answer.agreed && text.purpose == purpose && text.version == answer.notice
            });
            let text = text.zip(event.language.as_ref());
            ReceiptAnswer {
                notice: answer.notice.clone(),
                text: text.map(|(text, language)| ReceiptText {
                    language: language.clone(),
                    sha256: text.sha256,
                }),
                purpose,
                kind: match (agreed_before, answer.agreed) {
                    (false, true) => AnswerKind::Given,
                    (true, true) => AnswerKind::Renewed,
                    (false, false) => AnswerKind::Refused,
                    (true, false) => AnswerKind::Withdrawn,
                },
            }
        });
        ReceiptContent {
            subject,
            number: event.state.number,
            controller: issuer.controller.clone(),
            at: event.state.at,
            channel: event.channel,
            answers: answers.collect(),
        }
    }
}

fn unsignable(error: ReceiptError) -> Error {
    tracing::error!(%error, "a receipt could not be signed");
    Error::Internal("a receipt could not be signed")
}
