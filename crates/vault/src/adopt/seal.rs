//! Sealing one batch of rows: subjects and keys first, durable, then the values.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use privet_seal::{IndexKey, Value, ValueCipher};

use super::TablePlan;
use super::look::{Due, due};
use crate::keyring::{OpenSubject, RetentionWish};
use crate::port::{SealedRow, SourceRow, SqlValue};
use crate::{Error, Result, SourceName, Vault};

/// Rows ready to be written.
pub(super) struct Batch {
    pub(super) rows: Vec<SealedRow>,
    /// How many values they seal.
    pub(super) values: u64,
}

/// Whether there is something to seal.
pub(super) fn is_due(due: Due) -> bool {
    matches!(due, Due::Operational | Due::Retention { .. })
}

/// A value as it is sealed, with its type; `None` for NULL, which stays NULL.
pub(super) fn as_value(value: &SqlValue) -> Option<Value<'_>> {
    match value {
        SqlValue::Null => None,
        SqlValue::Integer(integer) => Some(Value::Integer(*integer)),
        SqlValue::Real(real) => Some(Value::Real(*real)),
        SqlValue::Text(text) => Some(Value::Text(text)),
        SqlValue::Blob(bytes) => Some(Value::Bytes(bytes)),
    }
}

/// Rows with something due, their subjects, and every key that they need, durable.
pub(super) struct Owned {
    rows: Vec<(SourceRow, Arc<OpenSubject>)>,
    ciphers: HashMap<RetentionKey, Arc<ValueCipher>>,
    keys: Vec<Option<Arc<Vec<IndexKey>>>>,
    today: Date,
}

impl Owned {
    /// Finds or makes subjects and keys; rows without subject are left out.
    pub(super) async fn new(
        vault: &Vault,
        source: &SourceName,
        table: &TablePlan,
        rows: Vec<SourceRow>,
    ) -> Result<Self> {
        let today = vault.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        let rows = owners(vault, source, table, rows, today).await?;
        Ok(Self {
            ciphers: retention(vault, table, &rows, today).await?,
            keys: index_keys(vault, table).await?,
            rows,
            today,
        })
    }

    /// Seals the values, on a thread that may be busy.
    pub(super) async fn seal(self, vault: &Vault, table: &TablePlan) -> Result<Batch> {
        let (vault, table) = (vault.clone(), table.clone());
        let work = tokio::task::spawn_blocking(move || {
            let mut batch = Batch {
                rows: Vec::with_capacity(self.rows.len()),
                values: 0,
            };
            for (row, subject) in self.rows {
                let sealing = Sealing {
                    vault: &vault,
                    table: &table,
                    subject: &subject,
                    ciphers: &self.ciphers,
                    keys: &self.keys,
                    today: self.today,
                };
                let (row, values) = sealing.row(row)?;
                batch.values += values;
                batch.rows.push(row);
            }
            Ok(batch)
        });
        work.await
            .map_err(|_| Error::Internal("sealing a batch broke off"))?
    }
}

/// Rows with something due, each with its subject, which is made if it does not exist.
async fn owners(
    vault: &Vault,
    source: &SourceName,
    table: &TablePlan,
    rows: Vec<SourceRow>,
    today: Date,
) -> Result<Vec<(SourceRow, Arc<OpenSubject>)>> {
    let wanted = |row: &SourceRow| {
        let values = row.values.iter().zip(&row.retain_from);
        let mut dues = table
            .fields
            .iter()
            .zip(values)
            .map(|(field, (value, from))| due(field, value, from, today));
        row.subject.is_some() && dues.any(is_due)
    };
    let rows: Vec<SourceRow> = rows.into_iter().filter(wanted).collect();
    let mut keys: Vec<String> = rows.iter().filter_map(|row| row.subject.clone()).collect();
    keys.sort_unstable();
    keys.dedup();
    let root = &table.seal.root_table;
    let opened = match vault.ensure_subjects(source, root, &keys).await {
        // The tasks that keep the server up to date may wait for a processor that sealing keeps busy.
        Err(Error::Unready(_)) => {
            vault.catch_up().await?;
            vault.ensure_subjects(source, root, &keys).await?
        }
        other => other?,
    };
    let opened = keys.into_iter().zip(opened);
    let by_key: HashMap<String, Arc<OpenSubject>> = opened
        .filter_map(|(key, open)| Some((key, open?)))
        .collect();
    let owned = rows.into_iter().filter_map(|row| {
        let subject = by_key.get(row.subject.as_deref()?).cloned()?;
        Some((row, subject))
    });
    Ok(owned.collect())
}

/// A retention key's place: position of the row's subject by its reference, field, year.
type RetentionKey = (crate::SubjectRef, u16, i16);

/// The retention keys that a batch needs.
async fn retention(
    vault: &Vault,
    table: &TablePlan,
    owned: &[(SourceRow, Arc<OpenSubject>)],
    today: Date,
) -> Result<HashMap<RetentionKey, Arc<ValueCipher>>> {
    if table
        .seal
        .columns
        .iter()
        .all(|column| column.retain_from.is_none())
    {
        return Ok(HashMap::new());
    }
    let mut wishes: HashMap<RetentionKey, RetentionWish> = HashMap::new();
    for (row, subject) in owned {
        let values = row.values.iter().zip(&row.retain_from);
        for (field, (value, from)) in table.fields.iter().zip(values) {
            if let Due::Retention { year, expires_on } = due(field, value, from, today) {
                let key = (subject.row.reference, field.number, year);
                wishes.entry(key).or_insert_with(|| RetentionWish {
                    subject: Arc::clone(subject),
                    field: field.number,
                    year,
                    expires_on,
                });
            }
        }
    }
    let (keys, wishes): (Vec<_>, Vec<_>) = wishes.into_iter().unzip();
    let now = vault.now();
    let ciphers = vault.inner.keyring.retention_ciphers(&wishes, now).await?;
    Ok(keys.into_iter().zip(ciphers).collect())
}

/// Per column with a look-up, the keys of its blind index, newest first.
pub(super) async fn index_keys(
    vault: &Vault,
    table: &TablePlan,
) -> Result<Vec<Option<Arc<Vec<IndexKey>>>>> {
    let now = vault.now();
    let keyring = &vault.inner.keyring;
    let tenant = keyring.tenant(&vault.inner.config.tenant, now).await?;
    let mut keys = Vec::with_capacity(table.fields.len());
    for field in table.fields.iter() {
        keys.push(match field.lookup {
            None => None,
            Some(_) => Some(keyring.index_keys(&tenant, field.number, now).await?),
        });
    }
    Ok(keys)
}

/// What sealing a row takes.
struct Sealing<'a> {
    vault: &'a Vault,
    table: &'a TablePlan,
    subject: &'a OpenSubject,
    ciphers: &'a HashMap<RetentionKey, Arc<ValueCipher>>,
    keys: &'a [Option<Arc<Vec<IndexKey>>>],
    today: Date,
}

impl Sealing<'_> {
    fn row(&self, mut row: SourceRow) -> Result<(SealedRow, u64)> {
        let columns = self.table.fields.len();
        let mut new = Vec::with_capacity(columns);
        let mut index = Vec::with_capacity(columns);
        let mut values = 0;
        for position in 0..columns {
            let (text, blind) = self.value(&row, position)?.unzip();
            values += u64::from(text.is_some());
            new.push(text.map(SqlValue::Text));
            index.push(blind.flatten());
        }
        let row = SealedRow {
            key: row.key.clone(),
            version: row.version.take(),
            subject: row.subject.take(),
            old: std::mem::take(&mut row.values),
            retain_from: std::mem::take(&mut row.retain_from),
            new,
            index,
        };
        Ok((row, values))
    }

    /// The sealed text, and the blind index where there is one.
    fn value(&self, row: &SourceRow, position: usize) -> Result<Option<(String, Option<String>)>> {
        let field = self.table.fields.get(position);
        let (Some(field), Some(old), Some(from)) = (
            field,
            row.values.get(position),
            row.retain_from.get(position),
        ) else {
            return Ok(None);
        };
        let retained;
        let cipher = match due(field, old, from, self.today) {
            Due::Nothing | Due::Undated => return Ok(None),
            Due::Operational => self.subject.operational()?,
            Due::Retention { year, .. } => {
                let key = (self.subject.row.reference, field.number, year);
                retained = self
                    .ciphers
                    .get(&key)
                    .ok_or(Error::Internal("a retention key is missing"))?;
                retained
            }
        };
        let Some(value) = as_value(old) else {
            return Ok(None);
        };
        let bytes = self.vault.seal_bytes(cipher, field, value)?;
        let keys = self.keys.get(position).and_then(Option::as_ref);
        let index = keys.and_then(|keys| {
            let normalized = field.value_type.normalize(&value.as_text()).ok()?;
            Some(keys.first()?.index(&normalized).to_text())
        });
        Ok(Some((privet_seal::to_text(&bytes), index)))
    }
}
