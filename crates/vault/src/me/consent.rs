//! What a person agrees to, as they see and change it themself.

use std::collections::BTreeSet;

use privet_classify::Language;

use super::Me;
use crate::Result;
use crate::audit::EntryKind;
use crate::consent::{
    ConsentChange, ConsentChannel, ConsentGrant, ConsentHistory, ConsentView, NoticeText,
};
use crate::policy::Action;
use crate::receipt::Receipt;

impl Me {
    /// What holds now.
    ///
    /// # Errors
    /// [`crate::Error::Denied`] by policy.
    pub async fn consent(&self) -> Result<ConsentView> {
        let decision = self
            .permit(Action::ReadConsent, EntryKind::ConsentDenied)
            .await?;
        self.vault
            .consent_of(&self.caller, &decision, &self.open, None)
            .await
    }

    /// What a person is asked who sees this: of each purpose the text of the notice in force, in every language that there is. Texts are
    /// nobody's data.
    ///
    /// # Errors
    /// [`crate::Error::Store`] when the data store fails; [`crate::Error::Internal`] when a text in it was changed.
    pub async fn notice_texts(&self, view: &ConsentView) -> Result<Vec<NoticeText>> {
        let purposes = view.purposes.iter();
        let versions: BTreeSet<&str> = purposes.map(|one| &*one.current_notice).collect();
        let mut texts = self.vault.kept_texts(versions).await?;
        texts.retain(|text| {
            let mut purposes = view.purposes.iter();
            purposes.any(|one| one.purpose == text.purpose && one.current_notice == text.version)
        });
        Ok(texts.into_iter().map(NoticeText::from).collect())
    }

    /// What was answered, newest first: before a number where one is given.
    ///
    /// # Errors
    /// [`crate::Error::Denied`] by policy.
    pub async fn consent_history(&self, before: Option<u64>) -> Result<ConsentHistory> {
        let decision = self
            .permit(Action::ReadConsent, EntryKind::ConsentDenied)
            .await?;
        self.vault
            .consent_history_of(&self.caller, &decision, &self.open, before)
            .await
    }

    /// The receipt of one answer.
    ///
    /// # Errors
    /// [`crate::Error::Denied`] by policy, [`crate::Error::NotFound`] for a number that none of the person's answers has,
    /// [`crate::Error::Unready`] with code `receipts_off` where there are none.
    pub async fn consent_receipt(&self, number: u64) -> Result<Receipt> {
        let decision = self
            .permit(Action::ReadConsent, EntryKind::ConsentDenied)
            .await?;
        self.vault
            .receipt_of(&self.caller, &decision, &self.open, number)
            .await
    }

    /// Says yes to one purpose under the notice that was shown, or no. It is in force when this returns. `language`: that of the text
    /// which was on the page, so that the receipt bears its hash; `None` where there was none.
    ///
    /// # Errors
    /// [`crate::Error::Denied`] by policy, [`crate::Error::Invalid`] with code `notice_outdated` when the notice has changed
    /// since it was shown, `language_unknown` when it has no text in that language, or for a purpose that nobody is asked about.
    pub async fn answer(
        &self,
        purpose: &str,
        yes: Option<&str>,
        language: Option<Language>,
    ) -> Result<ConsentView> {
        let change = ConsentChange {
            grant: yes
                .map(|notice| ConsentGrant {
                    purpose: purpose.to_owned(),
                    notice: notice.to_owned(),
                })
                .into_iter()
                .collect(),
            withdraw: match yes {
                Some(_) => Vec::new(),
                None => vec![purpose.to_owned()],
            },
            channel: ConsentChannel::Web,
            language,
            evidence: None,
        };
        let decision = self
            .permit(Action::RecordConsent, EntryKind::ConsentDenied)
            .await?;
        self.vault
            .record_consent_of(&self.caller, &decision, &self.open, &change)
            .await
    }
}
