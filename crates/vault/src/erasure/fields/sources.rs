//! Erasing fields in applications' databases: the columns of these fields are cleared in the person's own rows, by the rules that the
//! data map has for people who leave, and every other value of theirs is sealed anew under a new operational key.
//!
//! An application may have had a value sealed under the old key and not have written it yet. So that key lives on for a while, and
//! is destroyed after one more look that finds nothing of it. What is found then was sealed before the erasure, and is erased, or
//! sealed anew, as the rest was; what was sealed after it, or came in plaintext after a database was cleared, stays.
//!
//! A database that is away, or does not fit the data map, delays this and nothing else.

mod one;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use privet_seal::{Block, FieldNumber, KeyId, KeyKind, Nonce, SealedRef, text_beginning};

use super::{By, SourceFields, about};
use crate::audit::{Actor, EntryKind, Record};
use crate::keyring::Generations;
use crate::port::{AliasRow, BySeal, FieldErasure, SourceError, SubjectRow};
use crate::subject::padding_block;
use crate::{Error, Result, SourceName, Vault};
use one::InSource;

/// How long the key before the new one lives on. Within it, whatever was sealed has to reach the database that it is for.
const GRACE: SignedDuration = SignedDuration::from_hours(1);
/// How long whoever erases fields waits for one source; what is left goes on without them.
pub(super) const WAIT: Duration = Duration::from_secs(10);
/// How long one person's rows may keep a source busy before others have their turn.
const LATER_WAIT: Duration = Duration::from_secs(600);
/// How often everything is gone through at the end. Each time but the last, values under an old key were found.
const PASSES_MAX: u32 = 16;

/// Why nothing more was done in a source; a sentence.
struct Failed(String);

impl From<SourceError> for Failed {
    fn from(error: SourceError) -> Self {
        Self(error.to_string())
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

/// Which values of the fields are cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Whatever is there and is not newer: the source was not cleared before.
    First,
    /// What was sealed under an old key, and came late.
    Late,
}

/// One person's erasure, with what it takes.
struct Clearing<'c> {
    vault: &'c Vault,
    erasure: &'c FieldErasure,
    /// This one, and those before it that have not ended, the oldest first.
    pending: Vec<FieldErasure>,
    keys: Generations,
    /// How the text of values begins that law keeps.
    kept: Vec<String>,
    aliases: BTreeMap<SourceName, Vec<AliasRow>>,
}

impl Vault {
    /// What erasing these fields is about in applications' databases; `None`: no database that knows the person has one of them.
    pub(in crate::erasure) async fn in_sources(
        &self,
        subject: &SubjectRow,
        fields: &[u16],
    ) -> Result<Option<FieldErasure>> {
        let known = self.aliases_by_source(subject).await?;
        let sources: Vec<SourceName> = known
            .into_keys()
            .filter(|source| self.has_column_of(source, |field| fields.contains(&field)))
            .collect();
        if sources.is_empty() {
            return Ok(None);
        }
        let kind = KeyKind::SubjectOperational;
        let erasure = self.next_erasure(subject, kind, fields).await?;
        let until = self.now().checked_add(GRACE);
        Ok(Some(FieldErasure {
            sources,
            until: Some(until.map_err(|_| Error::Internal("clock out of range"))?),
            ..erasure
        }))
    }

    async fn aliases_by_source(
        &self,
        subject: &SubjectRow,
    ) -> Result<BTreeMap<SourceName, Vec<AliasRow>>> {
        let tenant = self.inner.keyring.tenant(&subject.tenant, self.now());
        let tenant = tenant.await?;
        let mut known: BTreeMap<SourceName, Vec<AliasRow>> = BTreeMap::new();
        for alias in self.inner.keys.aliases_of(subject.reference).await? {
            // A row that was put there could have somebody else's data erased.
            tenant.check_alias(&alias)?;
            known.entry(alias.source.clone()).or_default().push(alias);
        }
        Ok(known)
    }

    /// Whether the data map has a column of such a field in a source.
    fn has_column_of(&self, source: &SourceName, is_meant: impl Fn(u16) -> bool) -> bool {
        let map = &self.inner.map;
        let tables = map.source(source.as_str()).map(|source| &source.tables);
        let columns = tables.into_iter().flatten();
        let mut columns = columns.flat_map(|table| table.sealed_columns());
        columns.any(|(_, name)| {
            let field = map.field(name.as_str());
            field.is_some_and(|field| is_meant(field.number))
        })
    }

    /// What of this was begun, here or by another server, and can go on. A failure of one does not keep the others waiting.
    pub(super) async fn finish_in_sources(&self) -> Result<()> {
        let mut outcome = Ok(());
        for erasure in self.inner.keys.field_erasures().await? {
            let is_ours = erasure.kind == KeyKind::SubjectOperational;
            if !is_ours || (erasure.sources.is_empty() && !self.is_over(&erasure)) {
                continue;
            }
            let Some(_held) = self.inner.fields_in_hand.take(&erasure) else {
                continue;
            };
            let done = self.carry_out_in_sources(&erasure, &By::SERVER, LATER_WAIT);
            match done.await {
                Ok(done) => {
                    for (source, why) in done.outstanding {
                        tracing::warn!(%source, why, "fields of somebody are not erased there yet; it is tried again");
                    }
                }
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// Whether the old key need not live on. By a wrong clock, it would die too soon.
    fn is_over(&self, erasure: &FieldErasure) -> bool {
        let until = erasure.until;
        self.trusts_the_day().is_ok() && until.is_none_or(|until| until <= self.now())
    }

    /// Everything after the new key, as far as it can be done now; repeating it is harmless.
    pub(super) async fn carry_out_in_sources(
        &self,
        erasure: &FieldErasure,
        by: &By,
        wait: Duration,
    ) -> Result<SourceFields> {
        self.intend(erasure, by).await?;
        self.catch_up().await?;
        let mut done = SourceFields {
            old_key_until: erasure.until,
            asked: erasure.sources.iter().cloned().collect(),
            ..SourceFields::default()
        };
        let clearing = Clearing::new(self, erasure).await?;
        let is_clear = match &clearing {
            Some(clearing) => clearing.first(by, wait, &mut done).await?,
            // The subject was closed meanwhile, and its rows are erased as those of people who left.
            None => true,
        };
        if !is_clear || !self.is_over(erasure) {
            return Ok(done);
        }
        if let Some(clearing) = &clearing
            && !clearing.last(by, wait, &mut done).await?
        {
            return Ok(done);
        }
        let keys = self.end_erasure(erasure).await?;
        let record = about(EntryKind::ErasureFieldsDone, erasure, by).count("keys", keys);
        self.record(record).await?;
        Ok(done)
    }
}

impl<'c> Clearing<'c> {
    /// `None`: it has ended, or the subject was closed.
    async fn new(vault: &'c Vault, erasure: &'c FieldErasure) -> Result<Option<Self>> {
        let keys = &vault.inner.keys;
        let pending = keys.field_erasures().await?;
        let is_due = |other: &FieldErasure| {
            other.subject == erasure.subject
                && other.kind == erasure.kind
                && other.generation <= erasure.generation
        };
        let pending: Vec<FieldErasure> = pending.into_iter().filter(is_due).collect();
        let references = [erasure.subject];
        let rows = keys.subjects_by_reference(&references).await?;
        let Some(subject) = rows.into_iter().flatten().next() else {
            return Ok(None);
        };
        let keyring = &vault.inner.keyring;
        let now = vault.now();
        let Some(generations) = keyring.generations(&subject, erasure.kind, now).await? else {
            return Ok(None);
        };
        let is_there = |one: &FieldErasure| one.generation == erasure.generation;
        if !pending.last().is_some_and(is_there) {
            return Ok(None);
        }
        let all = keys.keys_of_subjects(&references).await?;
        let kept = all.into_iter().flatten();
        let kept = kept.filter(|key| key.kind == KeyKind::SubjectRetention);
        Ok(Some(Self {
            vault,
            erasure,
            pending,
            keys: generations,
            kept: kept.map(|key| text_beginning(key.id)).collect(),
            aliases: vault.aliases_by_source(&subject).await?,
        }))
    }

    /// Clears every source that was not cleared before; whether none is left.
    async fn first(&self, by: &By, wait: Duration, done: &mut SourceFields) -> Result<bool> {
        let mut cleared = Vec::new();
        // Another server may have been at work since the erasure was read.
        let left = self.pending.last().map(|one| one.sources.clone());
        for name in left.unwrap_or_default() {
            let mut before = self.pending.iter().rev().skip(1);
            if before.any(|one| one.sources.contains(&name)) {
                let why = "an erasure before this one is still at work there";
                done.outstanding.insert(name, why.to_owned());
                continue;
            }
            match self.within(wait, &name, Look::First, done).await {
                Ok(_) => cleared.push(name),
                Err(Failed(why)) => drop(done.outstanding.insert(name, why)),
            }
        }
        self.put_on_record(by, done).await?;
        for name in &cleared {
            let keys = &self.vault.inner.keys;
            keys.fields_cleared(self.erasure, name).await?;
        }
        Ok(done.outstanding.is_empty())
    }

    /// Goes through everything until nothing is found under an old key; whether the old key can go.
    async fn last(&self, by: &By, wait: Duration, done: &mut SourceFields) -> Result<bool> {
        if self.pending.len() > 1 {
            return Ok(false);
        }
        let names = self.aliases.keys();
        let names = names.filter(|source| self.vault.has_column_of(source, |_| true));
        let names: Vec<SourceName> = names.cloned().collect();
        let before = done.tables.clone();
        let mut is_clear = false;
        for _ in 0..PASSES_MAX {
            let mut found = 0;
            for name in &names {
                match self.within(wait, name, Look::Late, done).await {
                    Ok(values) => found += values,
                    Err(Failed(why)) => drop(done.outstanding.insert(name.clone(), why)),
                }
            }
            is_clear = found == 0 && done.outstanding.is_empty();
            if is_clear || !done.outstanding.is_empty() {
                break;
            }
        }
        if done.tables != before || !done.outstanding.is_empty() {
            self.put_on_record(by, done).await?;
        }
        Ok(is_clear)
    }

    async fn within(
        &self,
        wait: Duration,
        name: &SourceName,
        look: Look,
        done: &mut SourceFields,
    ) -> Result<u64, Failed> {
        let work = self.source(name, look, done);
        match tokio::time::timeout(wait, work).await {
            Ok(found) => found,
            Err(_) => Err(Failed(format!(
                "source `{name}` takes longer than that: it goes on"
            ))),
        }
    }

    /// Clears and seals anew in one source; answers how many values there were.
    async fn source(
        &self,
        name: &SourceName,
        look: Look,
        done: &mut SourceFields,
    ) -> Result<u64, Failed> {
        // What the data map knows no more is nobody's to erase.
        if self.vault.inner.map.source(name.as_str()).is_none() {
            return Ok(0);
        }
        let source = self.vault.inner.sources.get(name);
        let source =
            source.ok_or_else(|| Failed(format!("this server has no source `{name}` any more")))?;
        let catalog = source.catalog().await?;
        let work = InSource {
            clearing: self,
            source,
            name,
            look,
        };
        let mut found = 0;
        for alias in self.aliases.get(name).into_iter().flatten() {
            found += work.person(alias, &catalog, done).await?;
        }
        if found > 0 {
            source.scrub().await?;
        }
        Ok(found)
    }

    /// Which values of a pending erasure's fields are cleared.
    fn meant(&self, pending: &FieldErasure, look: Look) -> BySeal {
        let generation = pending.generation;
        match look {
            Look::First if generation == self.erasure.generation => BySeal::But {
                newer: beginnings(self.keys.since(generation)),
                kept: self.kept.clone(),
            },
            _ => BySeal::Only(beginnings(self.keys.below(generation))),
        }
    }

    /// The value, sealed under the erasure's key; `None`: it does not open.
    fn anew(&self, field: u16, text: &str) -> Result<Option<String>> {
        let Ok(bytes) = privet_seal::from_text(text) else {
            return Ok(None);
        };
        let Ok(sealed) = SealedRef::parse(&bytes) else {
            return Ok(None);
        };
        let Some((_, cipher)) = self.keys.by_id(sealed.key_id()) else {
            return Ok(None);
        };
        let Ok(value) = cipher.open(FieldNumber(field), &sealed) else {
            return Ok(None);
        };
        let new = self.keys.from(self.erasure.generation);
        let new = new.ok_or(Error::Internal("a subject's new key is gone"))?;
        let block = match self.vault.inner.map.field_by_number(field) {
            Some(field) => padding_block(field)?,
            None => Block::SHORT,
        };
        let nonce = Nonce::random(self.vault.inner.keyring.entropy());
        let sealed = new.seal(FieldNumber(field), value.as_value(), block, nonce);
        let sealed =
            sealed.map_err(|_| Error::Internal("a value is too long to be sealed anew"))?;
        Ok(Some(privet_seal::to_text(&sealed)))
    }

    /// What was done, and how much is left; the counts in the side record, as those of people who leave.
    async fn put_on_record(&self, by: &By, done: &SourceFields) -> Result<()> {
        let counts = done.tables.values();
        let is_done = counts.map(|rows| rows.cleared + rows.resealed).sum::<u64>() > 0;
        // What the server tries again by itself is told once it comes to something.
        if !is_done && (done.outstanding.is_empty() || matches!(by.actor, Actor::System)) {
            return Ok(());
        }
        let rows = done.tables.iter().map(|((source, table), rows)| {
            serde_json::json!({
                "source": source.as_str(), "table": table, "cleared": rows.cleared, "resealed": rows.resealed,
                "kept": rows.kept, "unreadable": rows.unreadable,
            })
        });
        let record = Record::new(EntryKind::ErasureRows, by.actor.clone())
            .count("outstanding", done.outstanding.len() as u64)
            .personal("rows", rows.collect::<serde_json::Value>());
        self.vault.record(record).await.map(drop)
    }
}

fn beginnings(keys: impl Iterator<Item = KeyId>) -> Vec<String> {
    keys.map(text_beginning).collect()
}
