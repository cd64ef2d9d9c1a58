//! The end of an erasure of single fields, as that of whole ones: all of it is over by what the key store says, the log says so, and
//! its mirror has that. A database that is away delays it by a day.

use std::time::Duration;

use super::{Confirmation, WaitsFor};
use crate::audit::{Actor, EntryKind, Record};
use crate::erasure::{FieldsDraft, Standing};
use crate::{RequestRunId, Result, SubjectRequestId, Vault};

impl Vault {
    /// Finds out whether an erasure of fields that this attempt holds is over and confirmed, waiting so long for the mirror. If it is,
    /// that settles what its receipt says.
    pub(crate) async fn confirm_fields(
        &self,
        (id, run): (SubjectRequestId, RequestRunId),
        mut draft: FieldsDraft,
        patience: Duration,
    ) -> Result<Confirmation> {
        let Some(row) = self.inner.keys.subject_request(id).await? else {
            return Ok(Confirmation::Done(None));
        };
        let pending = self.inner.keys.field_erasures().await?;
        let standing = draft.standing(&pending);
        let goes_on = match standing {
            Standing::UnderWay => true,
            Standing::OldKeyOpens => !self.is_long(draft.since(self.now())),
            Standing::Over => false,
        };
        if goes_on {
            self.note(id, run, draft.to_bytes()?).await?;
            return Ok(Confirmation::Waits(WaitsFor::Fields));
        }
        let origin = &self.inner.config.origin;
        let (entry, standing) = match draft.entry_in(origin) {
            Some(recorded) => recorded,
            None => {
                let entry = self.record(over(&draft, id, standing)).await?;
                draft.recorded(origin, entry, standing);
                self.note(id, run, draft.to_bytes()?).await?;
                (entry, standing)
            }
        };
        let why = match self.inner.audit.is_mirrored(entry, patience).await {
            true => self.settle_keys().await?,
            false => Some(WaitsFor::Mirror),
        };
        if let Some(why) = why {
            self.note(id, run, draft.to_bytes()?).await?;
            return Ok(Confirmation::Waits(why));
        }
        let content = self.content_of_fields(&row, &draft, (entry, standing));
        self.settle_receipt(id, run, content.await?).await
    }
}

/// The entry that a receipt names where no single one said it all before: there were two sides, or whoever wrote it is gone.
fn over(draft: &FieldsDraft, id: SubjectRequestId, standing: Standing) -> Record {
    let is_over = standing == Standing::Over;
    Record::new(EntryKind::ErasureFieldsDone, Actor::System)
        .fact("erased_of", draft.subject().to_string())
        .fact("request", id.to_string())
        .fact("side", if is_over { "all" } else { "account" })
}
