//! Dropping days, and carrying on what people said on them.
//!
//! Whoever computes the latest consent from the stream itself must not lose a withdrawal with the day on which it was made
//! while events from before it are kept, be it because tables are kept for different times. So the latest row of each id in the
//! dropped part of `consents` moves into the newest day, in the same entry of the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampMillisecondType, TimestampNanosecondType, UInt32Type};
use arrow_array::{Array, RecordBatch};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::store::{Change, Committed};
use crate::{Common, Consent, DataFile, Error, Record, Rows, Stamped, Store, Table};

/// Events can lie this many days behind a change of consent that they do not know of: servers' clocks, midnight.
const DAYS_LATE: i64 = 2;
/// How often another process may be faster.
const ATTEMPTS_MAX: usize = 10;

/// What was dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expired {
    /// Files.
    pub files: u64,
    /// People's last words that were carried on.
    pub carried: u64,
}

/// What somebody said last.
#[derive(Debug, Clone)]
struct Said {
    time_ns: i64,
    received_ms: i64,
    consent: u32,
    stamp: u32,
    notice: Option<String>,
    exportable: bool,
    is_final: bool,
}

impl Store {
    /// The day by the store's clock, UTC: the one under which rows are kept that arrive now.
    pub fn today(&self) -> Date {
        day(self.surroundings.now_ms())
    }

    /// Drops the days before a table's date, of all tenants. Tables that are not named keep theirs.
    ///
    /// # Errors
    ///
    /// As [`Store::append`]; nothing was dropped then, or it cannot be told ([`Error::Unknown`]), and trying again is safe.
    pub async fn expire(&self, keep_from: &[(Table, Date)]) -> Result<Expired, Error> {
        self.writable()?;
        let date = |table| {
            keep_from
                .iter()
                .find(|(of, _)| *of == table)
                .map(|(_, date)| *date)
        };
        // The oldest events that a word can be about.
        let oldest = Table::ALL
            .into_iter()
            .filter(|table| *table != Table::Consents);
        let oldest = oldest.map(|table| date(table).unwrap_or(Date::MIN)).min();
        for _ in 0..ATTEMPTS_MAX {
            let dropped = self
                .look(|state| {
                    let old = |file: &&Arc<DataFile>| {
                        date(file.table).is_some_and(|from| file.day < from)
                    };
                    state
                        .files
                        .values()
                        .filter(old)
                        .map(Arc::clone)
                        .collect::<Vec<_>>()
                })
                .await?;
            if dropped.is_empty() {
                return Ok(Expired::default());
            }
            let (add, carried) = self.carry(&dropped, oldest.unwrap_or(Date::MIN)).await?;
            let change = Change {
                add,
                remove: dropped.iter().map(|file| Arc::clone(&file.path)).collect(),
                ..Change::default()
            };
            if let Committed::Now(_) = self.commit(change).await? {
                return Ok(Expired {
                    files: u64::try_from(dropped.len()).unwrap_or_default(),
                    carried,
                });
            }
        }
        Err(Error::Contended)
    }

    /// Files of today with the last words of the days that are dropped.
    async fn carry(
        &self,
        dropped: &[Arc<DataFile>],
        oldest: Date,
    ) -> Result<(Vec<DataFile>, u64), Error> {
        let today = self.today();
        let mut said: BTreeMap<(Arc<str>, [u8; 16]), Said> = BTreeMap::new();
        for file in dropped.iter().filter(|file| file.table == Table::Consents) {
            let bytes = self.read(file).await?;
            for batch in ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()? {
                for (id, word) in words(&batch?) {
                    if late(word.received_ms) < oldest {
                        continue;
                    }
                    let key = (Arc::clone(&file.tenant), id);
                    said.entry(key)
                        .and_modify(|known| known.hear(&word))
                        .or_insert(word);
                }
            }
        }
        let carried = u64::try_from(said.len()).unwrap_or_default();
        let mut rows = Rows::new(Vec::new())?;
        for ((tenant, tyid), word) in &said {
            let record = Record::Consent(Consent {
                common: Common {
                    time_ns: word.time_ns,
                    received_ms: word.received_ms,
                    person: Some(Stamped {
                        tyid: *tyid,
                        consent: word.consent,
                        stamp: word.stamp,
                        notice: word.notice.as_deref().unwrap_or_default(),
                    }),
                    purpose: None,
                    exportable: word.exportable,
                },
                is_final: word.is_final,
            });
            rows.push_on(today, tenant, &record, &[])?;
        }
        let mut files = Vec::new();
        for batch in rows.finish()? {
            files.push(self.put(batch).await?);
        }
        Ok((files, carried))
    }
}

fn day(ms: i64) -> Date {
    let at = Timestamp::from_millisecond(ms).unwrap_or_default();
    TimeZone::UTC.to_datetime(at).date()
}

/// The last day on which an event can have been received that does not know of a word received then.
fn late(received_ms: i64) -> Date {
    let days = jiff::Span::new().days(DAYS_LATE);
    day(received_ms).checked_add(days).unwrap_or(Date::MAX)
}

impl Said {
    /// The highest stamp is the latest; of several, what all say yes to.
    fn hear(&mut self, other: &Self) {
        if other.stamp > self.stamp {
            *self = other.clone();
        } else if other.stamp == self.stamp {
            self.consent &= other.consent;
            self.is_final |= other.is_final;
            if other.received_ms > self.received_ms {
                self.received_ms = other.received_ms;
                self.notice.clone_from(&other.notice);
            }
        }
    }
}

/// The rows of `consents` about somebody.
fn words(batch: &RecordBatch) -> Vec<([u8; 16], Said)> {
    let column = |name| batch.column_by_name(name);
    let columns = (|| {
        Some((
            column("tyid")?.as_fixed_size_binary_opt()?,
            column("time")?.as_primitive_opt::<TimestampNanosecondType>()?,
            column("received")?.as_primitive_opt::<TimestampMillisecondType>()?,
            column("consent")?.as_primitive_opt::<UInt32Type>()?,
            column("stamp")?.as_primitive_opt::<UInt32Type>()?,
            column("notice")?.as_string_opt::<i32>()?,
            column("exportable")?.as_boolean_opt()?,
            column("final")?.as_boolean_opt()?,
        ))
    })();
    let Some((ids, times, received, consents, stamps, notices, exportable, finals)) = columns
    else {
        return Vec::new();
    };
    let rows = 0..batch.num_rows();
    rows.filter(|row| ids.is_valid(*row))
        .filter_map(|row| {
            let id = ids.value(row).try_into().ok()?;
            let said = Said {
                time_ns: times.value(row),
                received_ms: received.value(row),
                consent: consents.value(row),
                stamp: stamps.value(row),
                notice: notices.is_valid(row).then(|| notices.value(row).to_owned()),
                exportable: exportable.value(row),
                is_final: finals.value(row),
            };
            Some((id, said))
        })
        .collect()
}
