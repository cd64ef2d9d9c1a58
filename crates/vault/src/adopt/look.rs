//! Reading everything once before anything is changed: what can be sealed, and what cannot.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use jiff::civil::{Date, date};
use privet_classify::{Field, RetainFrom, ValueType};
use privet_seal::{BlindIndex, IndexKey, SEALED_SIZE_BYTES_MAX, Zeroizing};

use super::TablePlan;
use super::pace::Pace;
use super::run::{BATCH_ROWS, Stop};
use super::seal::{as_value, index_keys, is_due};
use super::status::Finding;
use crate::port::{RowKey, Source, SourceRow, SqlValue, Wanted};
use crate::subject::padding_block;
use crate::{Error, Vault};

/// How many rows a finding names.
const NAMED_MAX: usize = 5;

/// Under which key a value belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// There is nothing to seal.
    Nothing,
    /// The subject's operational key.
    Operational,
    /// The key of a retention rule and year.
    Retention {
        /// Of the retention's start.
        year: i16,
        /// The day on which no value of that year need be kept any more.
        expires_on: Date,
    },
    /// The date that its retention starts from is missing or not a date.
    Undated,
}

/// Under which key the value of this column belongs. A retention that is over by `today` asks for nothing any more.
pub(super) fn due(field: &Field, value: &SqlValue, from: &SqlValue, today: Date) -> Due {
    if *value == SqlValue::Null {
        return Due::Nothing;
    }
    let Some(retain) = &field.retain else {
        return Due::Operational;
    };
    if retain.from == RetainFrom::Closure {
        return Due::Operational;
    }
    // A number could be seconds, days or digits, so that only text counts.
    let SqlValue::Text(from) = from else {
        return Due::Undated;
    };
    let start = ValueType::Date.normalize(from).ok();
    let Some(year) = start.and_then(|day| day.parse::<Date>().ok().map(Date::year)) else {
        return Due::Undated;
    };
    match retain.for_.after(date(year, 12, 31)) {
        None => Due::Undated,
        Some(expires_on) if expires_on <= today => Due::Operational,
        Some(expires_on) => Due::Retention { year, expires_on },
    }
}

/// What looking over one table found.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Values that can be sealed.
    pub(super) to_seal: u64,
    /// Values that will stay as they are.
    pub(super) left: u64,
    /// Rows that need attention, though sealing goes on without them.
    pub(super) findings: Vec<Finding>,
    /// What forbids to begin.
    pub(super) problems: Vec<String>,
}

/// Looks over one table.
pub(super) async fn look(
    vault: &Vault,
    source: &dyn Source,
    table: &TablePlan,
    pace: &mut Pace,
) -> Result<Looked, Stop> {
    let mut look = Look::new(vault, table).await?;
    let mut after = None;
    let rows_max = pace.rows_max(table.fields.len());
    loop {
        let read = source.read(&table.seal, Wanted::Plaintext, after.as_ref(), rows_max);
        let rows = read.await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.key.clone());
        pace.wait(vault, rows.len() as u64).await;
        let work = tokio::task::spawn_blocking(move || {
            for row in rows {
                look.row(&row);
            }
            look
        });
        look = work
            .await
            .map_err(|_| Error::Internal("looking at a batch broke off"))?;
    }
    for (position, column) in table.seal.columns.iter().enumerate() {
        if column.unique {
            look.known(source, position).await?;
        }
    }
    Ok(look.end())
}

struct Look {
    table: TablePlan,
    today: Date,
    synthetic_only: bool,
    /// Per column with a look-up, its index keys, newest first.
    keys: Vec<Option<Arc<Vec<IndexKey>>>>,
    /// Per unique column, a short hash of each index and its row. An accidental equality among ten million rows has
    /// a chance of three in a million.
    seen: Vec<Vec<(u64, RowKey)>>,
    hasher: RandomState,
    looked: Looked,
    findings: BTreeMap<String, Finding>,
    real: BTreeMap<String, Finding>,
    /// By the column's name.
    too_long: BTreeMap<String, Finding>,
}

impl Look {
    async fn new(vault: &Vault, table: &TablePlan) -> Result<Self, Error> {
        let now = vault.now();
        let keys = index_keys(vault, table).await?;
        Ok(Self {
            table: table.clone(),
            today: now.to_zoned(jiff::tz::TimeZone::UTC).date(),
            synthetic_only: vault.inner.config.synthetic_only,
            seen: keys.iter().map(|_| Vec::new()).collect(),
            keys,
            hasher: RandomState::new(),
            looked: Looked::default(),
            findings: BTreeMap::new(),
            real: BTreeMap::new(),
            too_long: BTreeMap::new(),
        })
    }

    fn row(&mut self, row: &SourceRow) {
        let values = row.values.iter().filter(|value| **value != SqlValue::Null);
        if row.subject.is_none() {
            self.looked.left += values.count() as u64;
            let what =
                "has no subject: its values stay as they are until the row says whose they are";
            note(&mut self.findings, what.to_owned(), &row.key);
            return;
        }
        for (position, (value, from)) in row.values.iter().zip(&row.retain_from).enumerate() {
            self.value(&row.key, position, value, from);
        }
    }

    fn value(&mut self, key: &RowKey, position: usize, value: &SqlValue, from: &SqlValue) {
        let fields = Arc::clone(&self.table.fields);
        let Some(field) = fields.get(position) else {
            return;
        };
        let seal = Arc::clone(&self.table.seal);
        let plan = seal.columns.get(position);
        let due = due(field, value, from, self.today);
        if due == Due::Undated {
            self.looked.left += 1;
            let from = plan.and_then(|column| column.retain_from.as_deref());
            let what = format!(
                "has no date in `{}`, from which the retention of field `{}` counts: that value stays as it is",
                from.unwrap_or_default(),
                field.name
            );
            note(&mut self.findings, what, key);
        }
        if !is_due(due) {
            return;
        }
        self.looked.to_seal += 1;
        let Some(value) = as_value(value) else {
            return;
        };
        let sealed_len = padding_block(field).map(|block| value.sealed_len(block));
        if !matches!(sealed_len, Ok(Some(_))) {
            let column = plan.map_or_else(String::new, |column| column.name.clone());
            note(&mut self.too_long, column, key);
            return;
        }
        let text = value.as_text();
        if self.synthetic_only && field.class.is_identifying() {
            self.example(field, &text, key);
        }
        if let Some(Some(keys)) = self.keys.get(position) {
            match field.value_type.normalize(&text) {
                Ok(normalized) => {
                    let index = keys.first().map(|key| key.index(&normalized));
                    let unique = plan.is_some_and(|column| column.unique);
                    if let (true, Some(index)) = (unique, index) {
                        self.see(position, &index, key);
                    }
                }
                Err(_) => {
                    let what = format!(
                        "has a value of field `{}` that is no {}: it is sealed, but cannot be looked up",
                        field.name, field.value_type
                    );
                    note(&mut self.findings, what, key);
                }
            }
        }
    }

    fn example(&mut self, field: &Field, text: &Zeroizing<String>, key: &RowKey) {
        if !field.value_type.is_reserved_example(text) {
            let what = format!(
                "field `{}`: this environment takes only values from the ranges reserved for examples",
                field.name
            );
            note(&mut self.real, what, key);
        }
    }

    fn see(&mut self, position: usize, index: &BlindIndex, key: &RowKey) {
        let hash = self.hasher.hash_one(index);
        if let Some(seen) = self.seen.get_mut(position) {
            seen.push((hash, key.clone()));
        }
    }

    /// Adds the indexes of values that an earlier run sealed.
    async fn known(&mut self, source: &dyn Source, position: usize) -> Result<(), Stop> {
        let newest = self.keys.get(position).and_then(Option::as_ref);
        let newest = newest.and_then(|keys| keys.first().map(IndexKey::version));
        let mut after = None;
        loop {
            let found = source
                .indexed(&self.table.seal, position, after.as_ref(), BATCH_ROWS)
                .await?;
            let Some((last, _)) = found.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (key, text) in &found {
                match BlindIndex::parse(text) {
                    Ok(index) if Some(index.version()) == newest => self.see(position, &index, key),
                    _ => {}
                }
            }
        }
    }

    fn end(mut self) -> Looked {
        let table = &self.table.seal.table;
        for (what, finding) in self.real {
            let rows = named(&finding);
            self.looked
                .problems
                .push(format!("table `{table}`, {what}; {rows} hold others"));
        }
        for (column, finding) in self.too_long {
            self.looked.problems.push(format!(
                "column `{column}` of table `{table}` holds values that are too long to seal, which ends at {} MiB: \
                 shorten them, or give the column a class in place of the field; {} hold such",
                SEALED_SIZE_BYTES_MAX >> 20,
                named(&finding)
            ));
        }
        for (position, mut seen) in self.seen.into_iter().enumerate() {
            let column = self.table.seal.columns.get(position);
            let name = column
                .map(|column| column.name.as_str())
                .unwrap_or_default();
            if let Some(finding) = duplicates(&mut seen) {
                self.looked.problems.push(format!(
                    "column `{name}` of table `{table}` must be unique, but {} share a value with another row: correct \
                     them, or set `lookup = {{ unique = false }}`",
                    named(&finding)
                ));
            }
        }
        self.looked.findings = self.findings.into_values().collect();
        self.looked
    }
}

/// The rows that share a hash with another.
fn duplicates(seen: &mut Vec<(u64, RowKey)>) -> Option<Finding> {
    seen.sort_unstable();
    // A row is no duplicate of itself, however often it was seen.
    seen.dedup();
    let mut finding = Finding {
        what: String::new(),
        rows: 0,
        first: Vec::new(),
    };
    for group in seen.chunk_by(|(a, _), (b, _)| a == b) {
        if group.len() > 1 {
            finding.rows += group.len() as u64;
            let room = NAMED_MAX.saturating_sub(finding.first.len());
            let rows = group.iter().take(room).map(|(_, row)| row.to_string());
            finding.first.extend(rows);
        }
    }
    (finding.rows > 0).then_some(finding)
}

fn note(findings: &mut BTreeMap<String, Finding>, what: String, key: &RowKey) {
    let finding = findings.entry(what).or_insert_with_key(|what| Finding {
        what: what.clone(),
        rows: 0,
        first: Vec::new(),
    });
    finding.rows += 1;
    if finding.first.len() < NAMED_MAX {
        finding.first.push(key.to_string());
    }
}

/// `3 rows (row ids 1, 2, 3)`.
fn named(finding: &Finding) -> String {
    let ids = &finding.first;
    let more = if (ids.len() as u64) < finding.rows {
        ", …"
    } else {
        ""
    };
    format!("{} rows (row ids {}{more})", finding.rows, ids.join(", "))
}
