//! The request that each erasure of fields is entered as, so that it ends in a receipt as whole erasures do. It is nobody's from the
//! beginning, since its receipt is to stay when the person leaves.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use privet_seal::KeyKind;

use super::{CarriedOut, place};
use crate::erasure::{FieldsDraft, Standing};
use crate::port::{FieldErasure, StoreError, SubjectRequestRow};
use crate::receipt::Receipt;
use crate::subject_request::{Progress, SubjectRequestKind};
use crate::{RequestRunId, Result, SubjectRequestId, Vault};

/// Keeps this use of a subject's reference apart from any other.
const LABEL: &[u8] = b"privet/v1/request-of-fields";

/// A request that this attempt holds.
pub(super) struct Entered {
    pub(super) request: SubjectRequestId,
    run: RequestRunId,
    draft: FieldsDraft,
}

/// The request's id: made of what the key store knows of the erasure, so that whoever takes it up enters no second one. It cannot be
/// guessed, as little as the subject's reference, which is random and in no answer.
pub(super) fn request_of(account: &FieldErasure) -> SubjectRequestId {
    let mut hash = Context::new(&SHA256);
    hash.update(LABEL);
    hash.update(account.subject.as_bytes());
    hash.update(&account.generation.to_be_bytes());
    let mut id = [0; 16];
    for (to, from) in id.iter_mut().zip(hash.finish().as_ref()) {
        *to = *from;
    }
    // RFC 9562, section 5.8: made by a method of one's own.
    let id = uuid::Builder::from_custom_bytes(id).into_uuid();
    SubjectRequestId::from_bytes(id.into_bytes())
}

impl Vault {
    /// Enters an erasure of fields, before anything is gone, held by this attempt. Where it was entered before, that stays as it is.
    pub(super) async fn enter_fields(
        &self,
        account: &FieldErasure,
        operational: Option<&FieldErasure>,
    ) -> Result<Entered> {
        let now = self.now();
        let entered = Entered {
            request: request_of(account),
            run: RequestRunId::random(self.inner.keyring.entropy()),
            draft: self.noted_fields(account, operational).await?,
        };
        let (server, receipt) = (self.inner.config.origin.clone(), entered.draft.to_bytes()?);
        let rules = self.requests_book().rules();
        let row = SubjectRequestRow {
            id: entered.request,
            subject: None,
            kind: SubjectRequestKind::Erasure,
            received_at: now,
            asked_at: now,
            // Who asked, and how it was made sure that it was them, is in the log.
            details: Vec::new(),
            version: 1,
            progress: Progress::erasing_fields(entered.run, server, receipt, now, rules),
        };
        match self.inner.keys.add_subject_request(row, None).await {
            Ok(()) | Err(StoreError::Conflict) => Ok(entered),
            Err(error) => Err(error.into()),
        }
    }

    /// What was begun together with an erasure in the vault. Of several of the same fields, the one that ends last.
    pub(super) async fn begun_beside(
        &self,
        account: &FieldErasure,
    ) -> Result<Option<FieldErasure>> {
        let pending = self.inner.keys.field_erasures().await?;
        let is_beside = |one: &FieldErasure| {
            one.subject == account.subject
                && one.kind == KeyKind::SubjectOperational
                && one.fields == account.fields
        };
        let beside = pending.into_iter().filter(is_beside);
        Ok(beside.max_by_key(place))
    }

    /// The receipt, if it can be written now; else it follows when the request is confirmed.
    pub(super) async fn fields_receipt(&self, carried_out: &CarriedOut) -> Option<Receipt> {
        let Entered {
            request,
            run,
            draft,
        } = &carried_out.entered;
        let mut draft = draft.clone();
        draft.cleared(&carried_out.sources, &carried_out.elsewhere);
        if draft.is_of_account_alone() {
            let entry = carried_out.done.entry;
            draft.recorded(&self.inner.config.origin, entry, Standing::Over);
        }
        let held = (*request, *run);
        let confirmation = self.confirm_fields(held, draft, Duration::ZERO).await;
        self.receipt_if_done(held, confirmation).await
    }
}
