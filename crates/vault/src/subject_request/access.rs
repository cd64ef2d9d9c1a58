//! Access requests: asking for a copy, and what a server needs to make one.

use std::sync::Arc;

use privet_archive::{About, Language};

use super::details::RequestOrigin;
use super::machine::SubjectRequestKind;
use super::view::RequestSummary;
use crate::audit::EntryKind;
use crate::policy::Action;
use crate::port::{FileStore, Spools, SubjectRequestRow, TelemetryEvents};
use crate::{Caller, Error, Result, SubjectName, Vault};

/// What copies are made with.
#[derive(Clone)]
pub struct CopyParts {
    /// Where the files lie.
    pub files: Arc<dyn FileStore>,
    /// Where rows wait until a file is made of them.
    pub spools: Arc<dyn Spools>,
    /// Telemetry; `None` where this server keeps none.
    pub telemetry: Option<Arc<dyn TelemetryEvents>>,
    /// The language of the copies' texts.
    pub language: Language,
}

impl std::fmt::Debug for CopyParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CopyParts")
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// States what copies are made with, once. Without it, or without a controller in the data map, nobody can ask for one.
    pub fn make_copies(&self, parts: CopyParts) {
        // A second one would be a mistake of the binary's; the first stays.
        let _ = self.inner.copies.set(parts);
    }

    /// Enters a person's wish to see everything that is held of them. With the next batch, or when somebody has the requests
    /// carried out, a file is made, which is kept for some weeks.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::NotFound`] for an unknown subject, [`Error::Invalid`] when it is not said how the identity was
    /// checked, [`Error::Conflict`] with code `request_running` when the subject has such a request already, [`Error::Unready`] with code
    /// `copies_off` where no copies are made.
    pub async fn request_access(
        &self,
        caller: &Caller,
        subject: &SubjectName,
        origin: RequestOrigin,
    ) -> Result<RequestSummary> {
        let decision = self
            .permit(caller, Action::RequestAccess, EntryKind::RequestDenied)
            .await?;
        self.copies()?;
        let kind = SubjectRequestKind::Access;
        self.enter_request(caller, &decision, subject, kind, origin)
            .await
    }

    /// What copies are made with, and in whose name.
    pub(super) fn copies(&self) -> Result<(&CopyParts, &privet_classify::Controller)> {
        let off = |text| Error::unready("copies_off", text);
        let parts = self.inner.copies.get().ok_or_else(|| {
            off("this server makes no copies of what is held of people: ask its operator")
        })?;
        let controller = self.inner.map.controller().ok_or_else(|| {
            off("the data map does not say in whose name people get copies: ask its owner for a `[controller]` section")
        })?;
        Ok((parts, controller))
    }

    /// What a copy says of itself. It is the request's and nothing else's, so that the same request twice is the same file.
    pub(super) fn about(&self, row: &SubjectRequestRow) -> Result<About> {
        let (parts, controller) = self.copies()?;
        Ok(About {
            company: controller.name.clone(),
            contact: controller.contact.clone(),
            request: row.id.to_string(),
            taken_at: row.asked_at,
            language: parts.language,
        })
    }
}
