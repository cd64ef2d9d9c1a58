//! The end of an erasure: it is done when the log's mirror says so, since then no restore of the stores brings anybody back, and
//! when the key store's files hold no copy of what was destroyed; from then on there is a receipt that is always the same.

mod fields;

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::book::Outcome;
use super::machine::{Event, SubjectRequestKind};
use crate::audit::{Actor, EntryKind, Record};
use crate::erasure::{Draft, FieldsDraft, settle, settled};
use crate::policy::Action;
use crate::port::SubjectRequestRow;
use crate::receipt::{ErasureContent, Receipt};
use crate::{Caller, Error, RequestRunId, Result, SubjectRequestId, Vault};

/// How long a confirmation waits for rows in applications' databases; the receipt then says that they are outstanding.
const ROWS_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// How long a confirmation waits for the key store's search before it is looked at again later.
const SEARCH_WAIT: Duration = Duration::from_secs(1);

/// What an erasure waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitsFor {
    /// The log's mirror does not say so yet.
    Mirror,
    /// Rows in applications' databases are still there.
    Rows,
    /// The key store's files are searched for copies of what was destroyed.
    Search,
    /// Single fields are still being erased, or the key before may still open.
    Fields,
}

impl WaitsFor {
    /// The stable code.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Mirror => "mirror_behind",
            Self::Rows => "rows_outstanding",
            Self::Search => "search_outstanding",
            Self::Fields => "fields_outstanding",
        }
    }
}

/// Whether an erasure is done.
#[derive(Debug)]
pub(crate) enum Confirmation {
    /// It is; what its receipt says, if that is known.
    Done(Option<Box<ErasureContent>>),
    /// It is looked at again later.
    Waits(WaitsFor),
}

impl Vault {
    /// Finds out whether an erasure that this attempt holds, and of which this log says with this entry that it is done, is
    /// confirmed, waiting so long for the mirror. If it is, that settles what its receipt says.
    pub(crate) async fn confirm_erasure(
        &self,
        (id, run): (SubjectRequestId, RequestRunId),
        mut draft: Draft,
        (entry, patience): (u64, Duration),
    ) -> Result<Confirmation> {
        let Some(row) = self.inner.keys.subject_request(id).await? else {
            // Another request of theirs was entered at that moment, and carried out.
            return Ok(Confirmation::Done(None));
        };
        self.settle_sources(&mut draft).await?;
        let why = if !self.inner.audit.is_mirrored(entry, patience).await {
            Some(WaitsFor::Mirror)
        } else if !draft.outstanding().is_empty() && !self.waited_long(&draft) {
            Some(WaitsFor::Rows)
        } else {
            self.settle_keys().await?
        };
        if let Some(why) = why {
            self.note(id, run, draft.to_bytes()?).await?;
            return Ok(Confirmation::Waits(why));
        }
        let content = self.content_of(&row, &draft, entry).await?;
        self.settle_receipt(id, run, content).await
    }

    /// From now on that is what the receipt says.
    async fn settle_receipt(
        &self,
        id: SubjectRequestId,
        run: RequestRunId,
        content: ErasureContent,
    ) -> Result<Confirmation> {
        let receipt = Some(settle(&content)?);
        let event = Event::Confirmed { run, receipt };
        let outcome = self.requests_book().apply(id, &event, self.now()).await?;
        match outcome {
            Some(Outcome::Changed(..)) => Ok(Confirmation::Done(Some(Box::new(content)))),
            // Whoever took it over settles it.
            _ => self.settled_by_another(id).await,
        }
    }

    async fn settled_by_another(&self, id: SubjectRequestId) -> Result<Confirmation> {
        let row = self.inner.keys.subject_request(id).await?;
        let content = row.as_ref().and_then(settled);
        Ok(match content {
            Some(content) => Confirmation::Done(Some(Box::new(content))),
            None => Confirmation::Waits(WaitsFor::Mirror),
        })
    }

    /// The same for a request that was taken to be confirmed.
    pub(super) async fn confirm_requested(
        &self,
        row: &SubjectRequestRow,
        run: RequestRunId,
        patience: Duration,
    ) -> Result<Confirmation> {
        if let Some(draft) = FieldsDraft::of(row) {
            return self.confirm_fields((row.id, run), draft, patience).await;
        }
        let Some(mut draft) = Draft::of(row) else {
            // A key store from before the erasure was put back, and the log has it carried out again: what was destroyed was told
            // then, if at all, and is not known here.
            let receipt = None;
            let event = Event::Confirmed { run, receipt };
            self.requests_book()
                .apply(row.id, &event, self.now())
                .await?;
            return Ok(Confirmation::Done(None));
        };
        draft.deleted(self.delete_orphans().await?);
        let origin = &self.inner.config.origin;
        let entry = match draft.entry_in(origin) {
            Some(entry) => entry,
            None => {
                // Another server's log, or none that is known, says that it is done: this one's says so as well.
                let record = Record::new(EntryKind::ErasureDone, Actor::System)
                    .fact("erased", draft.subject().to_string())
                    .fact("request", row.id.to_string())
                    .fact("replayed", true);
                let entry = self.record(record).await?;
                draft.recorded(origin, entry, self.now());
                self.note(row.id, run, draft.to_bytes()?).await?;
                entry
            }
        };
        self.confirm_erasure((row.id, run), draft, (entry, patience))
            .await
    }

    /// Stores what is about to be destroyed; `false` if that is not this attempt's to do any more.
    pub(crate) async fn prepare_erasure(
        &self,
        id: SubjectRequestId,
        run: RequestRunId,
        draft: &Draft,
    ) -> Result<bool> {
        let receipt = draft.to_bytes()?;
        let event = Event::Prepared { run, receipt };
        let outcome = self.requests_book().apply(id, &event, self.now()).await?;
        Ok(matches!(outcome, Some(Outcome::Changed(..))))
    }

    /// Stores what is known so far; that another attempt has taken over is found out later.
    async fn note(&self, id: SubjectRequestId, run: RequestRunId, receipt: Vec<u8>) -> Result<()> {
        let event = Event::Noted { run, receipt };
        self.requests_book().apply(id, &event, self.now()).await?;
        Ok(())
    }

    /// Databases in which nobody's rows wait to be erased have none of this person's, either: which those are is known no more.
    async fn settle_sources(&self, draft: &mut Draft) -> Result<()> {
        let today = self.now().to_zoned(TimeZone::UTC).date();
        for source in draft.outstanding() {
            let left = self.inner.keys.orphan_rows(&source, today, None, 1);
            if left.await?.is_empty() {
                draft.erased_later(source);
            }
        }
        Ok(())
    }

    /// Waits a while for the key store's search; a large store takes longer, and everybody goes on meanwhile.
    async fn settle_keys(&self) -> Result<Option<WaitsFor>> {
        let settled = self.inner.keys.settle_destroyed();
        match tokio::time::timeout(SEARCH_WAIT, settled).await {
            Ok(settled) => Ok(settled.map(|()| None)?),
            Err(_) => Ok(Some(WaitsFor::Search)),
        }
    }

    fn waited_long(&self, draft: &Draft) -> bool {
        draft.since().is_some_and(|since| self.is_long(since))
    }

    fn is_long(&self, since: Timestamp) -> bool {
        self.now().duration_since(since) > ROWS_WAIT
    }

    /// The receipt of an erasure, signed; always the same.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::NotFound`] for an unknown request; else as [`Vault::erasure_receipt_by_id`].
    pub async fn erasure_receipt(&self, caller: &Caller, id: SubjectRequestId) -> Result<Receipt> {
        let decision = self
            .permit(caller, Action::ReadRequests, EntryKind::RequestDenied)
            .await?;
        let row = self.request_of_person(id).await?;
        let record = Record::by(EntryKind::RequestRead, caller)
            .ruling(self.ruling(&decision))
            .fact("request", id.to_string());
        self.record(record).await?;
        self.receipt_of_erasure(&row)
    }

    /// The same for whoever knows the request's id, which only they were told who asked and who carried it out: whose it was is
    /// not known any more, so nobody can log in to get it.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown request, [`Error::Conflict`] with code `no_receipt` where there is none (yet),
    /// [`Error::Unready`] with code `receipts_off` where this server signs none.
    pub async fn erasure_receipt_by_id(&self, id: SubjectRequestId) -> Result<Receipt> {
        let row = self.request_of_person(id).await?;
        self.receipt_of_erasure(&row)
    }

    fn receipt_of_erasure(&self, row: &SubjectRequestRow) -> Result<Receipt> {
        if row.kind != SubjectRequestKind::Erasure {
            return Err(no_receipt("only erasures have one"));
        }
        match settled(row) {
            Some(content) => self.signed_erasure(content),
            None if row.progress.state.has_ended() => Err(no_receipt(
                "it was taken back, or carried out before there were receipts, or what was destroyed is not known any more since \
                 the key store was put back",
            )),
            None => Err(no_receipt("the erasure is not done yet")),
        }
    }
}

fn no_receipt(why: &str) -> Error {
    Error::conflict("no_receipt", format!("there is no receipt of this: {why}"))
}
