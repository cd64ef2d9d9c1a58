//! Leaving, as people ask for it themself, and staying after all.

use super::Me;
use crate::audit::EntryKind;
use crate::policy::Action;
use crate::subject_request::{RequestSummary, SubjectRequestKind};
use crate::{Error, Result};

impl Me {
    /// Asks that the person is forgotten. They can stay after all for some days; then their keys and links are destroyed as by
    /// [`crate::Vault::close_subject`].
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::Conflict`] with code `request_running` when they asked before.
    pub async fn ask_to_leave(&self) -> Result<RequestSummary> {
        let (action, denied) = (Action::RequestErasure, EntryKind::RequestDenied);
        let decision = self.permit(action, denied).await?;
        self.vault
            .enter_own(
                &self.caller,
                &decision,
                &self.open,
                SubjectRequestKind::Erasure,
            )
            .await
    }

    /// The person's wish to leave, while it runs.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy.
    pub async fn leaving(&self) -> Result<Option<RequestSummary>> {
        let (action, denied) = (Action::RequestErasure, EntryKind::RequestDenied);
        let decision = self.permit(action, denied).await?;
        let record = self.record(EntryKind::RequestRead, &decision, [].into());
        self.vault.record(record).await?;
        let erasures = self
            .vault
            .own_requests(&self.open, SubjectRequestKind::Erasure)
            .await?;
        Ok(erasures
            .into_iter()
            .find(|request| request.state.is_running()))
    }

    /// Takes the wish to leave back.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::NotFound`] when there is none, [`Error::Conflict`] when it is too late.
    pub async fn stay(&self) -> Result<()> {
        let (action, denied) = (Action::CancelRequest, EntryKind::RequestDenied);
        let decision = self.permit(action, denied).await?;
        let erasures = self
            .vault
            .own_requests(&self.open, SubjectRequestKind::Erasure)
            .await?;
        let running = erasures.iter().find(|request| request.state.is_running());
        let running = running.ok_or(Error::NotFound("request"))?;
        let cancelled = self.vault.cancel_for(&self.caller, &decision, running.id);
        cancelled.await.map(drop)
    }
}
