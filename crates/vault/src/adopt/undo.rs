//! Taking an adoption back, so that nobody is locked in: every value that can still be opened is written back in plaintext, and
//! what sealing had added goes.
//!
//! This opens everything there is in a source, so that two people must want it: one asks and says why, another approves, and
//! their approval is good for this source and this once. Each batch is on record, person by person, before its first value
//! is written. The values of a person who was erased stay as they are: their keys are gone.

use std::collections::HashMap;
use std::sync::Arc;

use privet_seal::{FieldNumber, SealedRef, Value};

use super::run::{Passed, Running, Stop};
use super::{JobState, Plans, TablePlan, TableStatus};
use crate::audit::{EntryKind, Record, SubjectUse};
use crate::keyring::OpenSubject;
use crate::port::{RowKey, SealedRow, SourceRow, SqlValue, Wanted};
use crate::subject::SUBJECTS_MAX;
use crate::{Error, PrincipalName};

/// How often a table is gone through again for rows that changed meanwhile.
const PASSES_MAX: u32 = 10;

impl Running {
    /// The whole job, from its first entry on.
    pub(super) async fn undo(&self, requester: &PrincipalName, reason: &str) -> Result<(), Stop> {
        let plans = self.plans().await?;
        self.count(&plans).await?;
        let status = self.job.status();
        let record = Record::by(EntryKind::UndoStarted, &self.caller)
            .fact("job", status.id.to_string())
            .fact("source", status.source.as_str())
            .fact("requester", requester.as_str())
            .count("values", status.total)
            .personal("reason", reason);
        self.vault.record_patiently(record).await?;
        self.job.update(|status| status.state = JobState::Opening);
        let seals = plans.seals();
        self.source.unguard(&seals).await?;
        for (position, table) in plans.tables.iter().enumerate() {
            self.restore(position, table).await?;
        }
        self.job.update(|status| {
            status.state = JobState::Finishing;
            status.seconds_left = None;
        });
        let notes = self.source.unprepare(&seals).await?;
        let mut left = 0;
        for table in &plans.tables {
            left += self
                .source
                .scan(&table.seal)
                .await?
                .sealed
                .iter()
                .sum::<u64>();
        }
        self.job.update(|status| {
            status.notes.extend(notes);
            status.left = left;
        });
        Ok(())
    }

    /// Puts how much there is to do into the status.
    async fn count(&self, plans: &Plans) -> Result<(), Stop> {
        for table in &plans.tables {
            let scan = self.source.scan(&table.seal).await?;
            let sealed = scan.sealed.iter().sum();
            let columns = table.seal.columns.iter();
            let status = TableStatus {
                table: table.seal.table.clone(),
                columns: columns.map(|column| column.name.clone()).collect(),
                rows: scan.rows,
                to_seal: 0,
                sealed,
                done: 0,
                findings: Vec::new(),
            };
            self.job.update(|job| {
                job.total += sealed;
                job.tables.push(status);
            });
        }
        Ok(())
    }

    async fn restore(&self, position: usize, table: &TablePlan) -> Result<(), Stop> {
        let start = self.vault.inner.clock.monotonic();
        for _ in 0..PASSES_MAX {
            let mut after: Option<RowKey> = None;
            let mut passed = Passed::default();
            // An entry names the subjects of a batch, and has room for so many.
            let rows_max = u32::try_from(SUBJECTS_MAX).unwrap_or(u32::MAX);
            loop {
                let read = self
                    .source
                    .read(&table.seal, Wanted::Sealed, after.as_ref(), rows_max);
                let rows = read.await?;
                let Some(last) = rows.last() else { break };
                after = Some(last.key.clone());
                let (rows, values) = self.open_batch(table, rows).await?;
                if rows.is_empty() {
                    continue;
                }
                let count = rows.len() as u64;
                let affected = self.source.write(&table.seal, rows).await?;
                passed.written += affected.written;
                passed.changed += affected.changed;
                let values = values.saturating_mul(affected.written) / count.max(1);
                let now = self.vault.inner.clock.monotonic();
                self.job.sealed(position, values, now.saturating_sub(start));
            }
            if passed.changed == 0 {
                return Ok(());
            }
        }
        Err(Self::restless(table))
    }

    /// Opens what can be opened, once the entry that says whose values these are is durable; answers the rows to write and
    /// how many values they hold.
    async fn open_batch(
        &self,
        table: &TablePlan,
        rows: Vec<SourceRow>,
    ) -> Result<(Vec<SealedRow>, u64), Stop> {
        let vault = &self.vault;
        let mut keys: Vec<String> = rows.iter().filter_map(|row| row.subject.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        if vault.fresh().is_err() {
            vault.catch_up().await?;
        }
        let mark = vault.inner.keyring.mark();
        let root = &table.seal.root_table;
        let mut opened = vault.by_alias(self.source.name(), root, &keys).await?;
        let fields: Arc<[u16]> = table.fields.iter().map(|field| field.number).collect();
        let uses: Vec<SubjectUse> = keys
            .iter()
            .zip(&opened)
            .filter_map(|(key, open)| {
                let rows = rows.iter().filter(|row| row.subject.as_ref() == Some(key));
                let values = rows.flat_map(|row| &row.values);
                let count = values.filter(|value| **value != SqlValue::Null).count();
                let count = u32::try_from(count).unwrap_or(u32::MAX);
                Some(open.as_ref()?.used(Arc::clone(&fields), count))
            })
            .collect();
        if uses.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let status = self.job.status();
        let record = Record::by(EntryKind::UndoOpened, &self.caller)
            .fact("job", status.id.to_string())
            .fact("source", status.source.as_str())
            .subjects(uses);
        vault.record_patiently(record).await?;
        vault.fresh()?;
        let erased = vault.erased_since(mark, &opened).await?;
        for (open, _) in opened.iter_mut().zip(erased).filter(|(_, gone)| *gone) {
            *open = None;
        }
        let subjects: HashMap<String, Option<Arc<OpenSubject>>> =
            keys.into_iter().zip(opened).collect();
        let mut values = 0;
        let mut restored = Vec::with_capacity(rows.len());
        for mut row in rows {
            let subject = row.subject.as_deref().and_then(|key| subjects.get(key));
            let Some(subject) = subject.and_then(Option::as_ref) else {
                continue;
            };
            let columns = table.fields.iter().zip(&row.values);
            let new: Vec<Option<SqlValue>> = columns
                .map(|(field, value)| open(subject, FieldNumber(field.number), value))
                .collect();
            let count = new.iter().flatten().count() as u64;
            if count == 0 {
                continue;
            }
            values += count;
            restored.push(SealedRow {
                key: row.key.clone(),
                version: row.version.take(),
                subject: row.subject.take(),
                old: std::mem::take(&mut row.values),
                retain_from: std::mem::take(&mut row.retain_from),
                index: vec![None; new.len()],
                new,
            });
        }
        Ok((restored, values))
    }

    /// The last entry, whatever came of it.
    pub(super) async fn undone(&self, reason: Option<&'static str>) -> Result<(), Error> {
        let status = self.job.status();
        let mut record = Record::by(EntryKind::UndoFinished, &self.caller)
            .fact("job", status.id.to_string())
            .fact("source", status.source.as_str())
            .fact("outcome", if reason.is_none() { "done" } else { "failed" })
            .count("values", status.done)
            .count("left", status.left);
        if let Some(code) = reason {
            record = record.reason(code);
        }
        self.vault.record_patiently(record).await.map(drop)
    }
}

/// What was sealed, if it is this subject's and of this field.
fn open(subject: &OpenSubject, field: FieldNumber, value: &SqlValue) -> Option<SqlValue> {
    let SqlValue::Text(text) = value else {
        return None;
    };
    let bytes = privet_seal::from_text(text).ok()?;
    let sealed = SealedRef::parse(&bytes).ok()?;
    let opened = subject.cipher(sealed.key_id())?.open(field, &sealed).ok()?;
    Some(match opened.as_value() {
        Value::Text(text) => SqlValue::Text(text.to_owned()),
        Value::Integer(integer) => SqlValue::Integer(integer),
        Value::Real(real) => SqlValue::Real(real),
        Value::Bytes(bytes) => SqlValue::Blob(bytes.to_vec()),
    })
}
