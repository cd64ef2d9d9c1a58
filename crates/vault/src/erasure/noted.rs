//! What is noted of an erasure until its receipt can be written: with the request, in the key store, so that a crash at any
//! point leaves it behind. Before anything is destroyed it says what will be; nothing of it leads to whose it was once that is done.

mod fields;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use privet_seal::{KeyId, KeyKind};
use privet_tlog::leaf_hash;
use serde::{Deserialize, Serialize};

use super::rows::SourceRows;
use crate::audit::Entry;
use crate::port::{AliasRow, KeyRow, SubjectRequestRow};
use crate::receipt::{
    BackupsEnd, Controller, Destroyed, DestroyedKeys, ErasedTable, ErasureContent, KeptByLaw,
    KeyBackups, LogPlace, TelemetryEnd,
};
use crate::{Error, Result, SourceName, SubjectRef, Vault};

pub(crate) use fields::{FieldsDraft, Standing};

/// What the answers to consent are called among what is kept.
const CONSENT: &str = "consent";
/// The law under which they are.
const CONSENT_BASIS: &str = "legal_obligation";

/// Keys and links that die now, and what a receipt will say of that.
pub(crate) struct Doomed {
    pub(crate) keys: Vec<KeyId>,
    pub(crate) aliases: Vec<AliasRow>,
    pub(crate) draft: Draft,
}

/// What is stored with a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stored {
    Draft(Box<Draft>),
    /// Of single fields. A server that knows nothing of these takes it for nothing that it could settle.
    Fields(Box<FieldsDraft>),
    Settled(Box<ErasureContent>),
}

/// What is known so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft {
    /// The log's name for whom it is; left out of what is settled.
    subject: SubjectRef,
    keys: DestroyedKeys,
    links: u64,
    /// `None` where the data store did not answer when they were counted.
    values: Option<u64>,
    kept: Vec<KeptByLaw>,
    /// The log and the index of the entry that says that it is done.
    entry: Option<(String, u64)>,
    /// When that was first said.
    since: Option<Timestamp>,
    tables: Vec<ErasedTable>,
    later: BTreeSet<SourceName>,
    /// Databases with rows that may still be there.
    outstanding: BTreeSet<SourceName>,
}

impl Draft {
    /// A draft from a request's row; `None` if there is none, or it is settled.
    pub(crate) fn of(row: &SubjectRequestRow) -> Option<Self> {
        match serde_json::from_slice(row.progress.receipt.as_deref()?) {
            Ok(Stored::Draft(draft)) => Some(*draft),
            Ok(Stored::Fields(_) | Stored::Settled(_)) | Err(_) => None,
        }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        stored(&Stored::Draft(Box::new(self.clone())))
    }

    pub(crate) fn subject(&self) -> SubjectRef {
        self.subject
    }

    /// The index of its entry in the log of this origin.
    pub(crate) fn entry_in(&self, origin: &str) -> Option<u64> {
        let (log, index) = self.entry.as_ref()?;
        (log == origin).then_some(*index)
    }

    pub(crate) fn recorded(&mut self, origin: &str, index: u64, now: Timestamp) {
        self.entry = Some((origin.to_owned(), index));
        self.since.get_or_insert(now);
    }

    pub(crate) fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// So many values were left to delete: the count of those that were not counted beforehand.
    pub(crate) fn deleted(&mut self, values: u64) {
        self.values.get_or_insert(values);
    }

    /// Sealed values that the vault had of them.
    pub(crate) fn values(&self) -> u64 {
        self.values.unwrap_or_default()
    }

    /// What was done in applications' databases at once.
    pub(crate) fn erased(&mut self, rows: &SourceRows) {
        let tables = rows
            .erased
            .iter()
            .map(|((source, table), rows)| ErasedTable {
                source: source.to_string(),
                table: table.clone(),
                deleted: rows.deleted,
                cleared: rows.cleared,
                detached: rows.detached,
                kept: rows.kept,
            });
        self.tables = tables.collect();
        self.outstanding = rows.outstanding.keys().cloned().collect();
    }

    pub(crate) fn outstanding(&self) -> BTreeSet<SourceName> {
        self.outstanding.clone()
    }

    /// In this database nothing is left to be done.
    pub(crate) fn erased_later(&mut self, source: SourceName) {
        if self.outstanding.remove(&source) {
            self.later.insert(source);
        }
    }
}

/// What a request's receipt says; `None` while it is not settled, and where nothing is known of it.
pub(crate) fn settled(row: &SubjectRequestRow) -> Option<ErasureContent> {
    match serde_json::from_slice(row.progress.receipt.as_deref()?) {
        Ok(Stored::Settled(content)) => Some(*content),
        Ok(Stored::Draft(_) | Stored::Fields(_)) | Err(_) => None,
    }
}

/// The names of the fields, where a request is the erasure of single ones.
pub(crate) fn fields_erased(row: &SubjectRequestRow) -> Vec<String> {
    if let Some(draft) = FieldsDraft::of(row) {
        return draft.fields();
    }
    let content = settled(row).map(|content| content.fields);
    let fields = content.unwrap_or_default().into_iter();
    fields.map(|one| one.field).collect()
}

/// What is stored from then on.
pub(crate) fn settle(content: &ErasureContent) -> Result<Vec<u8>> {
    stored(&Stored::Settled(Box::new(content.clone())))
}

fn stored(stored: &Stored) -> Result<Vec<u8>> {
    serde_json::to_vec(stored).map_err(|_| Error::Internal("what a receipt says cannot be JSON"))
}

impl Vault {
    /// The keys that die now: all but retention keys before their date. What was agreed to is kept by another key than this
    /// subject's.
    pub(super) async fn doomed(&self, subject: SubjectRef) -> Result<Doomed> {
        let today = self.now().to_zoned(TimeZone::UTC).date();
        let store = &self.inner.keys;
        let subjects = [subject];
        let (rows, salts, aliases, requests, values) = tokio::join!(
            store.keys_of_subjects(&subjects),
            store.salts_of(&subjects),
            store.aliases_of(subject),
            self.request_keys_of(subject),
            self.values_of(subject),
        );
        let (salts, aliases, requests) = (salts?, aliases?, requests?);
        let mut counts = DestroyedKeys::default();
        let (mut keys, mut kept) = (Vec::new(), Vec::new());
        for row in rows?.into_iter().flatten() {
            let lives = row.expires_on.filter(|day| *day > today);
            match (row.kind, lives) {
                (KeyKind::SubjectRetention, Some(until)) => {
                    kept.push(self.kept_by_law(&row, until));
                    continue;
                }
                (KeyKind::SubjectOperational, _) => counts.operational += 1,
                (KeyKind::SubjectRetention, None) if !row.is_of_consent() => counts.retention += 1,
                _ => counts.account += 1,
            }
            if row.is_of_consent() {
                kept.extend(self.kept_consent_until(today));
            }
            keys.push(row.id);
        }
        let salts: Vec<_> = salts.into_iter().flatten().map(|salt| salt.id).collect();
        counts.telemetry = salts.len() as u64;
        keys.extend(salts);
        counts.requests = requests.len() as u64;
        keys.extend(requests);
        let draft = Draft {
            subject,
            keys: counts,
            // The one between account and operational id is one, too.
            links: aliases.len() as u64 + 1,
            values,
            kept,
            entry: None,
            since: None,
            tables: Vec::new(),
            later: BTreeSet::new(),
            outstanding: aliases.iter().map(|alias| alias.source.clone()).collect(),
        };
        Ok(Doomed {
            keys,
            aliases,
            draft,
        })
    }

    /// How many values the vault has of somebody. Counted beforehand: whoever comes by deletes what nobody has a key for, so that
    /// what an erasure finds left to delete says little. A data store that is away keeps no keys from being destroyed.
    async fn values_of(&self, subject: SubjectRef) -> Option<u64> {
        let rows = self.inner.keys.subjects_by_reference(&[subject]).await;
        let row = rows.ok()?.into_iter().flatten().next()?;
        let fields = self.inner.data.fields_of(row.puid).await.ok()?;
        u64::try_from(fields.len()).ok()
    }

    fn kept_by_law(&self, row: &KeyRow, until: jiff::civil::Date) -> KeptByLaw {
        // `field number << 16 | calendar year` (docs/formats/keys.md).
        let number = u16::try_from(row.generation >> 16).unwrap_or_default();
        let mut fields = self.inner.map.fields();
        let rule = fields.find(|field| field.number == number);
        let rule = rule.and_then(|field| field.retain.as_ref());
        KeptByLaw {
            what: self.field_name(number),
            basis: rule.map(|rule| rule.basis.to_string()),
            why: rule.map(|rule| rule.why.clone()),
            until,
        }
    }

    fn kept_consent_until(&self, today: jiff::civil::Date) -> Option<KeptByLaw> {
        let keep = self.inner.map.consent().keep.as_ref()?;
        Some(KeptByLaw {
            what: CONSENT.to_owned(),
            basis: Some(CONSENT_BASIS.to_owned()),
            why: Some(keep.why.clone()),
            until: keep.for_.after(today)?,
        })
    }

    /// What the receipt of a request says from now on, by what was noted and what this server's log holds.
    pub(crate) async fn content_of(
        &self,
        row: &SubjectRequestRow,
        draft: &Draft,
        index: u64,
    ) -> Result<ErasureContent> {
        let (at, log) = self.log_place(index).await?;
        Ok(ErasureContent {
            request: row.id,
            controller: self.controller(),
            received_at: row.received_at,
            fields: Vec::new(),
            destroyed: Destroyed {
                at,
                keys: draft.keys,
                links: draft.links,
                values: draft.values(),
            },
            log,
            kept: draft.kept.clone(),
            tables: draft.tables.clone(),
            later: names(&draft.later),
            outstanding: names(&draft.outstanding),
            telemetry: match draft.keys.telemetry {
                0 => TelemetryEnd::None,
                _ => TelemetryEnd::Severed,
            },
            backups: self.backups_end(at),
        })
    }

    /// When an entry of this server's log was written, and the proof that the log holds it.
    async fn log_place(&self, index: u64) -> Result<(Timestamp, LogPlace)> {
        let audit = &self.inner.audit;
        let bytes = audit.entry(index).await?;
        let place = LogPlace {
            origin: audit.origin().to_owned(),
            index,
            leaf: leaf_hash(&bytes).to_base64(),
            proof: audit.proof(index).await?,
        };
        Ok((Entry::parse(&bytes)?.ts, place))
    }

    /// In whose name receipts are given.
    fn controller(&self) -> Option<Controller> {
        self.inner.map.controller().map(|controller| Controller {
            name: controller.name.clone(),
            contact: controller.contact.clone(),
        })
    }

    /// A backup of the key store that was made just before still holds the keys until it is thrown away.
    fn backups_end(&self, at: Timestamp) -> BackupsEnd {
        let days = i64::from(self.requests_book().rules().key_backup_days);
        let until = at.checked_add(SignedDuration::from_hours(24 * days));
        BackupsEnd {
            until: until
                .unwrap_or(Timestamp::MAX)
                .to_zoned(TimeZone::UTC)
                .date(),
            hold_keys: match self.inner.config.development {
                true => KeyBackups::OfKeysAndData,
                false => KeyBackups::OfKeys,
            },
        }
    }
}

fn names(names: &BTreeSet<SourceName>) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
