//! The copy of what is held of a person, as they ask for it and get it themself.

use super::Me;
use crate::audit::EntryKind;
use crate::policy::Action;
use crate::subject_request::{FileReading, FileWish, RequestSummary, SubjectRequestKind};
use crate::{Result, SubjectRequestId};

impl Me {
    /// Asks for a copy.
    ///
    /// # Errors
    /// [`crate::Error::Denied`] by policy, [`crate::Error::Conflict`] with code `request_running` while one is being made,
    /// [`crate::Error::Unready`] with code `copies_off` where none are made.
    pub async fn ask_for_copy(&self) -> Result<RequestSummary> {
        let (action, denied) = (Action::RequestAccess, EntryKind::RequestDenied);
        let decision = self.permit(action, denied).await?;
        self.vault
            .enter_own(
                &self.caller,
                &decision,
                &self.open,
                SubjectRequestKind::Access,
            )
            .await
    }

    /// The copies that the person has asked for, the oldest first, at most the first hundred.
    ///
    /// # Errors
    /// [`crate::Error::Denied`] by policy.
    pub async fn copies(&self) -> Result<Vec<RequestSummary>> {
        let (action, denied) = (Action::RequestAccess, EntryKind::RequestDenied);
        let decision = self.permit(action, denied).await?;
        let record = self.record(EntryKind::RequestRead, &decision, [].into());
        self.vault.record(record).await?;
        self.vault
            .own_requests(&self.open, SubjectRequestKind::Access)
            .await
    }

    /// Begins to read the file of one of these. That it is handed out is on record before this returns.
    ///
    /// # Errors
    /// [`crate::Error::Denied`] by policy, [`crate::Error::NotFound`] for a request that is none of the person's; else as
    /// [`crate::Vault::request_file`].
    pub async fn copy_file(
        &self,
        request: SubjectRequestId,
        wish: impl Into<FileWish>,
    ) -> Result<FileReading> {
        let (action, denied) = (Action::ReadRequestFile, EntryKind::RequestDenied);
        let decision = self.permit(action, denied).await?;
        let whose = Some(self.open.row.reference);
        self.vault
            .file_for(&self.caller, &decision, (request, whose), &wish.into())
            .await
    }
}
