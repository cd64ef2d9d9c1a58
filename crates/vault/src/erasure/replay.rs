//! What a log says and the key store does not know of: erasures that a crash cut short, erasures, revocations of tokens and
//! requests taken back that a restored key store lost. Every log of the store is replayed, whichever server wrote it.

use std::collections::{BTreeMap, BTreeSet};

use memchr::memmem;
use privet_seal::KeyKind;

use super::fields::side;
use crate::audit::{Actor, EntryKind, Missing, Record};
use crate::port::{FieldErasure, NewSessionEntry, SessionPart, StoreError, SubjectRow};
use crate::{
    Error, Reason, RequestRunId, Result, SessionId, SubjectRef, SubjectRequestId, TokenId, Vault,
};

/// How many entries a replay reads at once.
const BATCH: u32 = 2_000;

/// What logs say that waits until all of them are read. Fields of one subject may have been erased by several servers, and each of
/// these erasures is about what the ones before it left.
#[derive(Default)]
struct Replayed {
    fields: Vec<FieldErasure>,
    /// How far each log is read; the key store learns of it when all is done.
    positions: Vec<(String, u64)>,
}

impl Vault {
    /// Carries out every erasure that any log records and this key store may have missed, and finishes those that lack
    /// their "done".
    ///
    /// `mirrored` is what other logs lack of the mirror.
    pub(crate) async fn replay_erasures(&self, mirrored: &[Missing]) -> Result<()> {
        let origin = self.inner.config.origin.clone();
        let position = self.inner.keys.log_position(&origin).await?;
        let mut replayed = Replayed::default();
        let size = self.inner.audit.size();
        self.replay_log(&origin, position, size, None, &mut replayed)
            .await?;
        let others = self.read_other_logs(mirrored, &mut replayed).await;
        self.finish_replay(replayed).await?;
        others
    }

    /// The same of the logs that other servers write. One that runs moves its position by itself, so that there is
    /// little to read; one that died left an erasure behind at worst, which must not wait for its return.
    pub(crate) async fn replay_other_logs(&self, mirrored: &[Missing]) -> Result<()> {
        let mut replayed = Replayed::default();
        let outcome = self.read_other_logs(mirrored, &mut replayed).await;
        self.finish_replay(replayed).await?;
        outcome
    }

    async fn read_other_logs(&self, mirrored: &[Missing], replayed: &mut Replayed) -> Result<()> {
        let mut outcome = Ok(());
        for origin in self.inner.audit.other_origins().await? {
            // In this order: the position never passes the size.
            let position = self.inner.keys.log_position(&origin).await?;
            let size = self.inner.audit.size_of(&origin).await?;
            let missing = mirrored.iter().find(|missing| missing.origin() == origin);
            // One that cannot be replayed does not keep the others waiting.
            let read = self.replay_log(&origin, position, size, missing, replayed);
            if let Err(error) = read.await {
                outcome = Err(error);
            }
        }
        outcome
    }

    async fn finish_replay(&self, replayed: Replayed) -> Result<()> {
        if !replayed.fields.is_empty() {
            self.replay_fields(replayed.fields).await?;
        }
        for (origin, position) in replayed.positions {
            self.inner.keys.set_log_position(&origin, position).await?;
        }
        Ok(())
    }

    /// Begins once more what this key store does not know of, and finishes what it knows to be unfinished. The generation tells: one
    /// that is at work, or was, has its key.
    async fn replay_fields(&self, erasures: Vec<FieldErasure>) -> Result<()> {
        let mut of_keys: BTreeMap<(SubjectRef, u8), Vec<FieldErasure>> = BTreeMap::new();
        for erasure in erasures {
            of_keys
                .entry((erasure.subject, erasure.kind.code()))
                .or_default()
                .push(erasure);
        }
        for ((reference, _), erasures) in of_keys {
            let rows = self.inner.keys.subjects_by_reference(&[reference]).await?;
            let Some(subject) = rows.into_iter().flatten().next() else {
                continue;
            };
            let Some(kind) = erasures.first().map(|erasure| erasure.kind) else {
                continue;
            };
            let keys = self
                .inner
                .keys
                .keys_of(&subject.tenant, kind, *reference.as_bytes())
                .await?;
            let newest = keys.first().map_or(0, |key| key.generation);
            let missed = erasures.iter().filter(|one| one.generation > newest);
            let (generations, fields): (Vec<u32>, Vec<&[u16]>) = missed
                .map(|one| (one.generation, one.fields.as_slice()))
                .unzip();
            let Some(generation) = generations.into_iter().max() else {
                continue;
            };
            let fields: BTreeSet<u16> = fields.into_iter().flatten().copied().collect();
            let Some(erasure) = self.again(&subject, kind, fields).await? else {
                continue;
            };
            let erasure = FieldErasure {
                generation,
                ..erasure
            };
            match self.begin_erasures(&subject, vec![erasure]).await {
                // Another server replays it, too.
                Err(Error::Store(StoreError::Conflict)) => {}
                begun => begun?,
            }
        }
        // What is to be done in applications' databases waits for nobody's start.
        self.inner.ledger.take_up_fields();
        self.finish_account_fields().await
    }

    /// What is begun once more; `None`: there is nothing to do about it.
    async fn again(
        &self,
        subject: &SubjectRow,
        kind: KeyKind,
        fields: BTreeSet<u16>,
    ) -> Result<Option<FieldErasure>> {
        let fields: Vec<u16> = fields.into_iter().collect();
        match kind {
            KeyKind::SubjectOperational => self.in_sources(subject, &fields).await,
            _ => self.next_erasure(subject, kind, &fields).await.map(Some),
        }
    }

    /// Replays a log of so many entries from a position, and then what it lacks of its mirror.
    async fn replay_log(
        &self,
        origin: &str,
        mut position: u64,
        stored: u64,
        missing: Option<&Missing>,
        replayed: &mut Replayed,
    ) -> Result<()> {
        let size = missing.map_or(stored, |missing| missing.size().max(stored));
        if position > size {
            return Err(Error::AuditUnavailable(Reason {
                code: "audit_went_back",
                text: format!(
                    "the log of `{origin}` holds {size} entries, but the key store has seen {position}: a copy was \
                     restored, or a standby that had not seen everything took over; restore the log, or let the \
                     server of the database that has all of it take over again"
                ),
            }));
        }
        // Whether each is done, and for which request.
        let mut erased: BTreeMap<SubjectRef, (bool, Option<SubjectRequestId>)> = BTreeMap::new();
        while position < size {
            let entries = match missing.filter(|_| position >= stored) {
                Some(missing) => missing.entries(position).await?,
                None => {
                    let left = u32::try_from(stored - position).unwrap_or(u32::MAX);
                    let audit = &self.inner.audit;
                    audit.entries_of(origin, position, left.min(BATCH)).await?
                }
            };
            if entries.is_empty() {
                return Err(Error::Internal(
                    "the log is shorter than its checkpoint says",
                ));
            }
            for entry in &entries {
                self.index_session_entry(origin, position, entry).await?;
                if let Some((kind, subject, request)) = erased_subject(entry) {
                    let known = erased.entry(subject).or_default();
                    known.0 |= kind == EntryKind::ErasureDone;
                    known.1 = known.1.or(request);
                }
                replayed.fields.extend(erased_fields(entry));
                if let Some(token) = revoked_token(entry) {
                    self.inner.keys.revoke_token(token, self.now()).await?;
                }
                if let Some(request) = cancelled_request(entry) {
                    self.replay_cancelled_request(request).await?;
                }
                position += 1;
            }
        }
        for (subject, (done, request)) in erased {
            if let (false, Some(request)) = (done, request) {
                self.enter_cut_short(request, subject).await?;
            }
            self.replay(subject, done).await?;
        }
        self.delete_orphans().await?;
        // Only what the log holds is behind it: the rest comes once more when its server has brought it back.
        let position = match origin == self.inner.audit.origin() {
            true => position.min(self.inner.audit.size_mirrored()),
            false => position.min(stored),
        };
        replayed.positions.push((origin.to_owned(), position));
        Ok(())
    }

    /// Erases a subject that the key store still, or again, knows.
    pub(crate) async fn replay(&self, subject: SubjectRef, done: bool) -> Result<()> {
        let rows = self.inner.keys.subjects_by_reference(&[subject]).await?;
        let missed = rows.into_iter().flatten().next().is_some();
        if done && !missed {
            return Ok(());
        }
        self.destroy(subject).await?;
        let record = Record::new(EntryKind::ErasureDone, Actor::System)
            .fact("erased", subject.to_string())
            .fact("replayed", true);
        self.record(record).await.map(drop)
    }

    /// A crash may have come between an intent and the request whose receipt says what came of it.
    async fn enter_cut_short(&self, request: SubjectRequestId, subject: SubjectRef) -> Result<()> {
        let known = self.inner.keys.subjects_by_reference(&[subject]).await?;
        if known.into_iter().flatten().next().is_none() {
            return Ok(());
        }
        let draft = self.doomed(subject).await?.draft;
        let run = RequestRunId::random(self.inner.keyring.entropy());
        self.enter_erasure(request, subject, run, &draft).await
    }

    /// A crash may have come between an entry and the note that it belongs to a session.
    async fn index_session_entry(&self, origin: &str, index: u64, entry: &[u8]) -> Result<()> {
        let Some((session, kind)) = session_of(entry) else {
            return Ok(());
        };
        let noted = NewSessionEntry {
            session,
            origin: origin.to_owned(),
            index,
            // What a newer version wrote may be anything.
            part: kind.map_or(SessionPart::Frame, EntryKind::part),
        };
        Ok(self.inner.data.add_session_entries(vec![noted]).await?)
    }
}

/// The session that an entry belongs to and its kind, if this version knows it; cheap for entries of none.
fn session_of(entry: &[u8]) -> Option<(SessionId, Option<EntryKind>)> {
    memmem::find(entry, b"\"session\"")?;
    let value: serde_json::Value = serde_json::from_slice(entry).ok()?;
    let session = value.get("session")?.as_str()?.parse().ok()?;
    Some((session, value.get("t")?.as_str()?.parse().ok()))
}

/// The token that an entry says was revoked; cheap for all others.
fn revoked_token(entry: &[u8]) -> Option<TokenId> {
    memmem::find(entry, b"\"token.revoked\"")?;
    let value: serde_json::Value = serde_json::from_slice(entry).ok()?;
    (value.get("t")?.as_str()? == "token.revoked").then_some(())?;
    value.get("facts")?.get("token")?.as_str()?.parse().ok()
}

/// The request of a person that an entry says was taken back; cheap for all others.
fn cancelled_request(entry: &[u8]) -> Option<SubjectRequestId> {
    memmem::find(entry, b"\"request.cancelled\"")?;
    let value: serde_json::Value = serde_json::from_slice(entry).ok()?;
    (value.get("t")?.as_str()? == "request.cancelled").then_some(())?;
    value.get("facts")?.get("request")?.as_str()?.parse().ok()
}

/// The subject that an erasure entry names, and the request; cheap for all others.
fn erased_subject(entry: &[u8]) -> Option<(EntryKind, SubjectRef, Option<SubjectRequestId>)> {
    memmem::find(entry, b"\"erasure.")?;
    let value: serde_json::Value = serde_json::from_slice(entry).ok()?;
    let kind = match value.get("t")?.as_str()? {
        "erasure.intended" => EntryKind::ErasureIntended,
        "erasure.done" => EntryKind::ErasureDone,
        _ => return None,
    };
    let facts = value.get("facts")?;
    let subject = facts.get("erased")?.as_str()?.parse().ok()?;
    let request = facts.get("request").and_then(|request| request.as_str());
    Some((kind, subject, request.and_then(|id| id.parse().ok())))
}

/// The fields that an entry says are erased; cheap for all others.
fn erased_fields(entry: &[u8]) -> Option<FieldErasure> {
    memmem::find(entry, b"\"erasure.fields_intended\"")?;
    let value: serde_json::Value = serde_json::from_slice(entry).ok()?;
    (value.get("t")?.as_str()? == EntryKind::ErasureFieldsIntended.as_str()).then_some(())?;
    let facts = value.get("facts")?;
    // Of other keys than these this version knows nothing.
    let kinds = [KeyKind::SubjectAccount, KeyKind::SubjectOperational];
    let said = facts.get("side")?.as_str()?;
    let kind = kinds.into_iter().find(|kind| side(*kind) == said)?;
    let fields = facts.get("fields")?.as_array()?.iter();
    let fields = fields.map(|number| u16::try_from(number.as_u64()?).ok());
    Some(FieldErasure {
        subject: facts.get("erased_of")?.as_str()?.parse().ok()?,
        kind,
        generation: u32::try_from(facts.get("generation")?.as_u64()?).ok()?,
        fields: fields.collect::<Option<_>>()?,
        sources: Vec::new(),
        until: None,
    })
}
