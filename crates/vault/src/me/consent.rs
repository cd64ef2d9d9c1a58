//! What a person agrees to, as they see and change it themself.

use super::Me;
use crate::Result;
use crate::audit::EntryKind;
use crate::consent::{ConsentChange, ConsentChannel, ConsentGrant, ConsentHistory, ConsentView};
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

    /// Says yes to one purpose under the notice that was shown, or no. It is in force when this returns.
    ///
    /// # Errors
    /// [`crate::Error::Denied`] by policy, [`crate::Error::Invalid`] with code `notice_outdated` when the notice has changed
    /// since it was shown, or for a purpose that nobody is asked about.
    pub async fn answer(&self, purpose: &str, yes: Option<&str>) -> Result<ConsentView> {
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
            // The page names the text's version, and shows it in no language.
            language: None,
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
