//! What is noted of an erasure of single fields until its receipt can be written: with a request of its own, from before the first
//! value is gone. So whatever crashes, the receipt says no more than what was there, and no more than what the key store says is over.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use privet_seal::{KeyId, KeyKind, SealedRef};
use serde::{Deserialize, Serialize};

use super::{Stored, names, stored};
use crate::erasure::fields::{FieldElsewhere, SourceFields};
use crate::port::{FieldErasure, KeyRow, SubjectRequestRow};
use crate::receipt::{
    Destroyed, DestroyedKeys, ErasedField, ErasedTable, ErasureContent, KeptByLaw, TelemetryEnd,
    UntouchedColumn,
};
use crate::{Result, SourceName, SubjectRef, Vault};

/// What is known so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FieldsDraft {
    /// The log's name for whom it is; left out of what is settled.
    subject: SubjectRef,
    /// The generation of the account key that takes the place of those before.
    account: u32,
    /// Of the operational key, where applications' databases hold something of the fields.
    operational: Option<u32>,
    fields: Vec<ErasedField>,
    /// Those before both.
    keys: DestroyedKeys,
    values: u64,
    kept: Vec<KeptByLaw>,
    /// The log, the index of the entry that the receipt rests on, and whether all of it was over by then.
    entry: Option<(String, u64, bool)>,
    /// Since when the vault's own values are gone for certain.
    since: Option<Timestamp>,
    /// Databases that know the person and have a column of these fields.
    sources: BTreeSet<SourceName>,
    /// Those of them that were cleared at once, and what was done there.
    at_once: BTreeSet<SourceName>,
    tables: Vec<ErasedTable>,
}

/// How far an erasure of fields is, by what the key store says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The vault's own values may still open.
    UnderWay,
    /// Values in applications' databases may.
    OldKeyOpens,
    /// Nothing does.
    Over,
}

impl FieldsDraft {
    /// A draft from a request's row; `None` if there is none, or it is settled.
    pub(crate) fn of(row: &SubjectRequestRow) -> Option<Self> {
        match serde_json::from_slice(row.progress.receipt.as_deref()?) {
            Ok(Stored::Fields(draft)) => Some(*draft),
            Ok(Stored::Draft(_) | Stored::Settled(_)) | Err(_) => None,
        }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        stored(&Stored::Fields(Box::new(self.clone())))
    }

    pub(crate) fn subject(&self) -> SubjectRef {
        self.subject
    }

    /// The names of the fields.
    pub(crate) fn fields(&self) -> Vec<String> {
        self.fields.iter().map(|one| one.field.clone()).collect()
    }

    /// The index of its entry in the log of this origin, and how far the erasure was by then.
    pub(crate) fn entry_in(&self, origin: &str) -> Option<(u64, Standing)> {
        let (log, index, is_over) = self.entry.as_ref()?;
        let standing = match is_over {
            true => Standing::Over,
            false => Standing::OldKeyOpens,
        };
        (log == origin).then_some((*index, standing))
    }

    /// What the receipt says rests on this entry: what comes later, it does not claim.
    pub(crate) fn recorded(&mut self, origin: &str, index: u64, standing: Standing) {
        self.entry = Some((origin.to_owned(), index, standing == Standing::Over));
    }

    /// Whether the vault's own entry says all that there is to say.
    pub(crate) fn is_of_account_alone(&self) -> bool {
        self.operational.is_none()
    }

    /// Since when the vault's own values are gone for certain, which is now if it was not known before.
    pub(crate) fn since(&mut self, now: Timestamp) -> Timestamp {
        *self.since.get_or_insert(now)
    }

    /// How far it is: what is pending is not done.
    pub(crate) fn standing(&self, pending: &[FieldErasure]) -> Standing {
        let is_pending = |kind: KeyKind, generation: u32| {
            pending.iter().any(|one| {
                (one.subject, one.kind, one.generation) == (self.subject, kind, generation)
            })
        };
        let lives = |generation| is_pending(KeyKind::SubjectOperational, generation);
        if is_pending(KeyKind::SubjectAccount, self.account) {
            Standing::UnderWay
        } else if self.operational.is_some_and(lives) {
            Standing::OldKeyOpens
        } else {
            Standing::Over
        }
    }

    /// What was done in applications' databases at once, and which columns that left.
    pub(crate) fn cleared(&mut self, done: &SourceFields, elsewhere: &[FieldElsewhere]) {
        let is_left = |source: &SourceName| done.outstanding.contains_key(source);
        let cleared = self.sources.iter().filter(|source| !is_left(source));
        self.at_once = cleared.cloned().collect();
        let tables = done.tables.iter();
        self.tables = tables
            .filter(|(_, rows)| rows.cleared + rows.kept > 0)
            .map(|((source, table), rows)| ErasedTable {
                source: source.to_string(),
                table: table.clone(),
                deleted: 0,
                cleared: rows.cleared,
                detached: 0,
                kept: rows.kept,
            })
            .collect();
        // Of a database that was not gone through, it is not known which of its columns stay.
        for field in &mut self.fields {
            let left = |column: &UntouchedColumn| {
                let is_it = |source: &SourceName| source.as_str() == column.source;
                done.outstanding.keys().any(is_it)
            };
            field.elsewhere.retain(left);
            let told = elsewhere.iter().filter(|one| one.field == field.field);
            field.elsewhere.extend(told.map(UntouchedColumn::from));
            field.elsewhere.sort();
            field.elsewhere.dedup();
        }
    }
}

impl From<&FieldElsewhere> for UntouchedColumn {
    fn from(column: &FieldElsewhere) -> Self {
        Self {
            source: column.source.to_string(),
            table: column.table.clone(),
            column: column.column.clone(),
        }
    }
}

impl Vault {
    /// What is known of an erasure of fields before anything is gone.
    pub(in crate::erasure) async fn noted_fields(
        &self,
        account: &FieldErasure,
        operational: Option<&FieldErasure>,
    ) -> Result<FieldsDraft> {
        let subject = account.subject;
        let today = self.now().to_zoned(TimeZone::UTC).date();
        let rows = self.inner.keys.keys_of_subjects(&[subject]).await?;
        let rows: Vec<KeyRow> = rows.into_iter().flatten().collect();
        let before = |erasure: &FieldErasure| -> Vec<KeyId> {
            let is_before =
                |row: &&KeyRow| row.kind == erasure.kind && row.generation < erasure.generation;
            rows.iter().filter(is_before).map(|row| row.id).collect()
        };
        let old = before(account);
        let kept = rows.iter().filter_map(|row| {
            let until = row.expires_on.filter(|day| *day > today)?;
            let number = u16::try_from(row.generation >> 16).ok()?;
            let is_kept = row.kind == KeyKind::SubjectRetention
                && !row.is_of_consent()
                && account.fields.contains(&number);
            is_kept.then(|| self.kept_by_law(row, until))
        });
        // All of them, until it is known what was done there.
        let known = self.fields_numbered(&account.fields);
        let elsewhere = self.elsewhere(&known, &SourceFields::default());
        let fields = account.fields.iter().map(|number| {
            let field = self.field_name(*number);
            let columns = elsewhere.iter().filter(|column| column.field == field);
            ErasedField {
                elsewhere: columns.map(UntouchedColumn::from).collect(),
                field,
            }
        });
        Ok(FieldsDraft {
            subject,
            account: account.generation,
            operational: operational.map(|erasure| erasure.generation),
            fields: fields.collect(),
            keys: DestroyedKeys {
                account: old.len() as u64,
                operational: operational.map_or(0, |erasure| before(erasure).len() as u64),
                ..DestroyedKeys::default()
            },
            values: self.values_under(subject, &account.fields, &old).await?,
            kept: kept.collect(),
            entry: None,
            since: None,
            sources: operational.map_or_else(BTreeSet::new, |erasure| {
                erasure.sources.iter().cloned().collect()
            }),
            at_once: BTreeSet::new(),
            tables: Vec::new(),
        })
    }

    /// How many values of these fields the vault has under the keys that die. What is newer stays.
    async fn values_under(
        &self,
        subject: SubjectRef,
        fields: &[u16],
        keys: &[KeyId],
    ) -> Result<u64> {
        let rows = self.inner.keys.subjects_by_reference(&[subject]).await?;
        let Some(row) = rows.into_iter().flatten().next() else {
            return Ok(0);
        };
        let values = self.inner.data.values(&[row.puid], fields).await?;
        let values = values.into_iter().flatten().flatten();
        let is_old = |sealed: &Vec<u8>| {
            SealedRef::parse(sealed).is_ok_and(|sealed| keys.contains(&sealed.key_id()))
        };
        Ok(values.filter(is_old).count() as u64)
    }

    /// What the receipt of a request says from now on, by what was noted and what this server's log holds.
    pub(crate) async fn content_of_fields(
        &self,
        row: &SubjectRequestRow,
        draft: &FieldsDraft,
        (index, standing): (u64, Standing),
    ) -> Result<ErasureContent> {
        let (at, log) = self.log_place(index).await?;
        let is_over = standing == Standing::Over;
        let (later, outstanding) = match is_over {
            true => (
                draft.sources.difference(&draft.at_once).cloned().collect(),
                BTreeSet::new(),
            ),
            false => (BTreeSet::new(), draft.sources.clone()),
        };
        Ok(ErasureContent {
            request: row.id,
            controller: self.controller(),
            received_at: row.received_at,
            fields: draft.fields.clone(),
            destroyed: Destroyed {
                at,
                keys: DestroyedKeys {
                    operational: if is_over { draft.keys.operational } else { 0 },
                    ..draft.keys
                },
                links: 0,
                values: draft.values,
            },
            log,
            kept: draft.kept.clone(),
            tables: draft.tables.clone(),
            later: names(&later),
            outstanding: names(&outstanding),
            telemetry: TelemetryEnd::Stays,
            backups: self.backups_end(at),
        })
    }
}
