//! Erasure by destroying keys and links, with the log as its ledger: intent, destruction, done. An intent without its
//! "done" is finished on the next start, before anything is opened; so is every erasure that a restored key store
//! does not know of.

mod fields;
mod noted;
mod replay;
mod rows;

pub(crate) use fields::FieldsInHand;
pub use fields::{ClearedTable, FieldElsewhere, FieldsErased, KeptField, SourceFields};
pub(crate) use noted::{Draft, FieldsDraft, Standing, fields_erased, settle, settled};
pub(crate) use rows::{Held, InHand};
pub use rows::{RowsErased, SourceRows};

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use privet_seal::KeyId;

use crate::audit::{Actor, EntryKind, Record};
use crate::policy::Action;
use crate::port::{
    AliasRow, KeyRow, OrphanRow, Orphans, RetentionKey, StoreError, SubjectRow, Telling,
};
use crate::receipt::Receipt;
use crate::session::lock;
use crate::subject_request::{Confirmation, Event};
use crate::{
    Caller, Error, Puid, RequestRunId, Result, SubjectName, SubjectRef, SubjectRequestId, Vault,
};

use noted::Doomed;

/// How often a subject is destroyed anew when their telemetry id was rotated in the same moment, and fields of one when others of
/// them were erased.
const ATTEMPTS_MAX: u32 = 16;

/// How long whoever closes an account waits for the log's mirror.
const MIRROR_WAIT: Duration = Duration::from_secs(10);

/// How long a request waits for it before it lets others pass; it is confirmed with a later run.
const MIRROR_WAIT_OF_REQUESTS: Duration = Duration::from_secs(1);

/// What an erasure destroyed and what it had to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The index of the durable `erasure.done` entry.
    pub entry: u64,
    /// Keys destroyed.
    pub keys_destroyed: u64,
    /// Sealed values deleted from the vault.
    pub values_deleted: u64,
    /// Keys that law keeps, with the day on which each dies.
    pub kept: Vec<RetentionKey>,
    /// What was done about their rows in applications' databases.
    pub rows: SourceRows,
    /// What is kept of the subject's answers, if anything; it is found by this alone, and told this once.
    pub consent: Option<ConsentKept>,
    /// Whether the log's mirror has that entry, so that no restore of the stores undoes what was done. If not, it is done all the
    /// same, and holds as soon as the mirror answers again.
    pub confirmed: bool,
    /// The request that was carried out: one was entered if nobody had asked. The receipt is found by it.
    pub request: SubjectRequestId,
    /// The receipt, where it could be written at once and this server signs any.
    pub receipt: Option<Receipt>,
}

/// That a closed subject's answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentKept {
    /// The account whose they were, for [`Vault::kept_consent`].
    pub puid: Puid,
    /// The day on which they are destroyed.
    pub until: Date,
}

/// What a destruction had to leave.
pub(crate) struct Left {
    kept: Vec<RetentionKey>,
    consent: Option<ConsentKept>,
}

/// An erasure whose intent is durable.
#[derive(Debug, Clone)]
pub(crate) struct Erasure {
    subject: SubjectRef,
    keys: Vec<KeyId>,
    actor: Actor,
    /// The caller's network address, for the side record.
    address: Option<String>,
    /// Which rows of applications' databases named the subject; nobody else is at work on them.
    aliases: Arc<Vec<Held>>,
    /// The request that is carried out, and the attempt that holds it.
    request: SubjectRequestId,
    run: RequestRunId,
    /// Whether nobody had asked for it, so that the request is entered with the intent.
    is_new: bool,
    /// What the receipt will say.
    draft: Draft,
}

impl Vault {
    /// Closes a subject: a durable intent, then its keys and links are destroyed (never a retention key before its
    /// date), a durable "done", then its values are deleted. What fails after the intent is tried again until it is
    /// done, here and after a restart; a caller that goes away stops nothing. Then the rows that named the subject in
    /// applications' databases are erased, as the data map says; a database that is down is waited for later, not here.
    ///
    /// # Errors
    /// [`Error::Denied`] by policy, [`Error::NotFound`] for an unknown subject. After any other error the erasure may
    /// be under way.
    pub async fn close_subject(&self, caller: &Caller, subject: &SubjectName) -> Result<Closed> {
        let decision = self
            .permit(caller, Action::CloseSubject, EntryKind::ErasureDenied)
            .await?;
        let open = self.subject(subject).await?;
        let reference = open.row.reference;
        let Doomed {
            keys,
            aliases,
            draft,
        } = self.doomed(reference).await?;
        let run = RequestRunId::random(self.inner.keyring.entropy());
        let running = self.hasten_request(reference, run, &draft).await?;
        let entropy = self.inner.keyring.entropy();
        let request = running.unwrap_or_else(|| SubjectRequestId::random(entropy));
        let erasure = Erasure {
            subject: reference,
            keys,
            actor: Actor::from(caller),
            address: Some(caller.address().to_owned()),
            aliases: self.hold_aliases(aliases),
            request,
            run,
            is_new: running.is_none(),
            draft,
        };
        let intent = Record::by(EntryKind::ErasureIntended, caller)
            .ruling(self.ruling(&decision))
            .fact("erased", reference.to_string())
            .fact("request", request.to_string())
            .count("keys", erasure.keys.len() as u64)
            .personal("keys", key_list(&erasure.keys));
        let vault = self.clone();
        let work = tokio::spawn(async move { vault.erase(intent, erasure).await });
        work.await
            .map_err(|_| Error::Internal("an erasure broke off; the next start finishes it"))?
    }

    /// The same for a request whose time to be taken back is over; the server itself carries it out. `None`: another attempt has
    /// taken over, or done it.
    pub(crate) async fn close_for_request(
        &self,
        subject: SubjectRef,
        request: SubjectRequestId,
        run: RequestRunId,
    ) -> Result<Option<Closed>> {
        let Doomed {
            keys,
            aliases,
            draft,
        } = self.doomed(subject).await?;
        if !self.prepare_erasure(request, run, &draft).await? {
            return Ok(None);
        }
        let erasure = Erasure {
            subject,
            keys,
            actor: Actor::System,
            address: None,
            aliases: self.hold_aliases(aliases),
            request,
            run,
            is_new: false,
            draft,
        };
        let intent = Record::new(EntryKind::ErasureIntended, Actor::System)
            .fact("erased", subject.to_string())
            .fact("request", request.to_string())
            .count("keys", erasure.keys.len() as u64)
            .personal("keys", key_list(&erasure.keys));
        self.erase(intent, erasure).await.map(Some)
    }

    async fn erase(&self, intent: Record, erasure: Erasure) -> Result<Closed> {
        let hold = self.inner.ledger.hold(self.inner.audit.size());
        self.record(intent).await?;
        let carried_out = self.carry_out(&erasure).await;
        match carried_out {
            Ok(_) => hold.release(),
            Err(_) => lock(&self.inner.ledger.unfinished).push(erasure),
        }
        carried_out
    }

    /// Everything after the intent; repeating it is harmless.
    async fn carry_out(&self, erasure: &Erasure) -> Result<Closed> {
        if erasure.is_new {
            // It leads to a receipt, whatever happens from here on.
            self.enter_erasure(
                erasure.request,
                erasure.subject,
                erasure.run,
                &erasure.draft,
            )
            .await?;
        }
        let Left { kept, consent } = self.destroy(erasure.subject).await?;
        // Seen here, it is done again if a failover of the key store loses it.
        self.catch_up().await?;
        let mut done = Record::new(EntryKind::ErasureDone, erasure.actor.clone())
            .fact("erased", erasure.subject.to_string())
            .fact("request", erasure.request.to_string())
            .count("keys", erasure.keys.len() as u64)
            .count("kept", kept.len() as u64)
            .personal("keys", key_list(&erasure.keys));
        if let Some(address) = &erasure.address {
            done = done.personal("address", address.as_str());
        }
        let entry = self.record(done).await?;
        // Neither waits for the other: their databases are not the same.
        let (orphaned, rows) = tokio::join!(
            self.delete_orphans(),
            self.erase_rows_of(&erasure.aliases, &erasure.actor)
        );
        let orphaned = orphaned?;
        let mut draft = erasure.draft.clone();
        draft.recorded(&self.inner.config.origin, entry, self.now());
        draft.deleted(orphaned);
        let values_deleted = draft.values();
        draft.erased(&rows);
        // Last: the mirror has had all this time for it. Where nobody waits, the others that are to be erased do.
        let patience = match erasure.actor {
            Actor::System => MIRROR_WAIT_OF_REQUESTS,
            _ => MIRROR_WAIT,
        };
        let confirmed = self.inner.audit.is_mirrored(entry, patience).await;
        let receipt = self.confirmed_receipt(erasure, draft, entry).await;
        Ok(Closed {
            confirmed,
            entry,
            keys_destroyed: erasure.keys.len() as u64,
            values_deleted,
            kept,
            rows,
            consent,
            request: erasure.request,
            receipt,
        })
    }

    /// The receipt, if it can be written now; else it follows when the request is confirmed.
    async fn confirmed_receipt(
        &self,
        erasure: &Erasure,
        draft: Draft,
        entry: u64,
    ) -> Option<Receipt> {
        let held = (erasure.request, erasure.run);
        let confirmation = self.confirm_erasure(held, draft, (entry, Duration::ZERO));
        self.receipt_if_done(held, confirmation.await).await
    }

    /// The receipt, if that was all; else the request is let go until it is looked at again.
    async fn receipt_if_done(
        &self,
        (request, run): (SubjectRequestId, RequestRunId),
        confirmation: Result<Confirmation>,
    ) -> Option<Receipt> {
        let waits = match confirmation {
            Ok(Confirmation::Done(content)) => return self.signed_erasure(*content?).ok(),
            Ok(Confirmation::Waits(why)) => self.step_waits(request, run, why).await,
            Err(error) => Err(error),
        };
        if let Err(error) = waits {
            tracing::warn!(%request, %error, "an erasure could not be confirmed; it is looked at again");
        }
        None
    }

    /// Takes the request that a closing carries out, if there is one, so that nobody else does.
    async fn hasten_request(
        &self,
        subject: SubjectRef,
        run: RequestRunId,
        draft: &Draft,
    ) -> Result<Option<SubjectRequestId>> {
        let Some(id) = self.running_erasure(subject).await? else {
            return Ok(None);
        };
        let server = self.inner.config.origin.clone();
        let event = Event::Hastened { run, server };
        // Where another server carries it out just now, both do, and that one's receipt counts.
        self.requests_book().apply(id, &event, self.now()).await?;
        self.prepare_erasure(id, run, draft).await?;
        Ok(Some(id))
    }

    /// What named the subject in applications' databases, kept from whoever erases orphaned rows: this erasure says what came of
    /// them.
    fn hold_aliases(&self, aliases: Vec<AliasRow>) -> Arc<Vec<Held>> {
        let rows = aliases.into_iter().map(orphan);
        let held = rows.filter_map(|row| self.inner.in_hand.take(row));
        Arc::new(held.collect())
    }

    /// Tries again what failed after its intent.
    pub(crate) async fn finish_erasures(&self) -> Result<()> {
        let unfinished = std::mem::take(&mut *lock(&self.inner.ledger.unfinished));
        let mut outcome = self.delete_orphans().await.map(drop);
        for erasure in unfinished {
            // The ledger's position stays where it is until the next start; replaying a finished erasure is harmless.
            if let Err(error) = self.carry_out(&erasure).await {
                lock(&self.inner.ledger.unfinished).push(erasure);
                outcome = Err(error);
            }
        }
        if self.inner.ledger.must_take_up_fields()
            && let Err(error) = self.finish_fields().await
        {
            self.inner.ledger.take_up_fields();
            outcome = Err(error);
        }
        outcome
    }

    /// Deletes the values of destroyed subjects, and what they agreed to unless that is kept; answers how many values
    /// there were.
    pub(crate) async fn delete_orphans(&self) -> Result<u64> {
        let mut count = 0;
        let orphans = self.inner.keys.orphans().await?;
        for puid in &orphans.puids {
            count += self.inner.data.delete_subject(*puid).await?;
        }
        if !orphans.places.is_empty() {
            self.inner.data.delete_consent(&orphans.places).await?;
        }
        if orphans != Orphans::default() {
            self.inner.keys.remove_orphans(&orphans).await?;
        }
        Ok(count)
    }

    pub(crate) async fn destroy(&self, subject: SubjectRef) -> Result<Left> {
        let now = self.now();
        let today = now.to_zoned(TimeZone::UTC).date();
        let keys = &self.inner.keys;
        let mut destroyed = Err(StoreError::Conflict);
        let mut kept_consent = None;
        for _ in 0..ATTEMPTS_MAX {
            let row = keys.subjects_by_reference(&[subject]).await?.pop();
            let row = row.flatten();
            let telling = match &row {
                None => None,
                Some(row) => self.end_of_telemetry_id(row).await?,
            };
            let consent = self.end_of_consent(subject, row.as_ref(), today).await?;
            let kept = consent.kept.as_ref().and_then(retention_key);
            kept_consent = row
                .as_ref()
                .zip(kept.as_ref())
                .map(|(row, key)| ConsentKept {
                    puid: row.puid,
                    until: key.expires_on,
                });
            destroyed = keys
                .destroy_subject(subject, today, now, telling, consent)
                .await;
            if let Ok(all) = &mut destroyed {
                all.extend(kept);
            }
            if destroyed != Err(StoreError::Conflict) {
                break;
            }
        }
        // Also after an error: it may have been destroyed all the same.
        self.inner.keyring.forget(subject);
        self.inner.stamps.forget(subject);
        self.inner.sessions.end_subject(subject);
        Ok(Left {
            kept: destroyed?,
            consent: kept_consent,
        })
    }

    /// What telemetry is told. An erasure must not depend on keys that open, so that where the salt does not, nothing is.
    async fn end_of_telemetry_id(&self, row: &SubjectRow) -> Result<Option<Telling>> {
        match self.last_telling(row).await {
            Ok(telling) => Ok(Some(telling)),
            Err(Error::Internal(why)) => {
                tracing::error!(
                    why,
                    "telemetry is not told that an id ended: its salt does not open, and is destroyed with its subject"
                );
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// What is known of an alias when its subject is gone.
fn orphan(alias: AliasRow) -> OrphanRow {
    let AliasRow {
        source, table, key, ..
    } = alias;
    OrphanRow { source, table, key }
}

fn retention_key(row: &KeyRow) -> Option<RetentionKey> {
    Some(RetentionKey {
        id: row.id,
        expires_on: row.expires_on?,
    })
}

/// Sealed values name their keys, so that these ids in the open, beside a time, would lead from a telemetry id that ended
/// then to the account in an old copy of the data.
fn key_list(keys: &[KeyId]) -> serde_json::Value {
    keys.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .into()
}
