//! Collecting records, and the sorted rows that become one file.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::take::take;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::column::{Cell, Column};
use crate::record::{Record, Value};
use crate::table::{COMMON, schema};
use crate::{Attribute, Error, Table};

/// The longest name of a tenant, which is a part of paths.
const TENANT_SIZE_BYTES_MAX: usize = 128;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Records while they are collected, apart by table, tenant and day.
#[derive(Debug)]
pub struct Rows {
    attributes: Arc<[Attribute]>,
    parts: Vec<Collected>,
    /// Of each table, day and tenant its place among the parts.
    places: HashMap<(Table, Date, Arc<str>), usize>,
    /// Where the last record went: mostly, the next one goes there, too.
    last: usize,
    /// The day of the last record, and its number: days are told from times once for many records.
    day: (i64, Date),
    rows: usize,
    misfits: u64,
    size_bytes: usize,
}

/// Sorted rows of one table, tenant and day: what one file holds.
#[derive(Debug, Clone)]
pub struct Batch {
    pub(crate) table: Table,
    pub(crate) tenant: Arc<str>,
    pub(crate) day: Date,
    pub(crate) attributes: Arc<[Attribute]>,
    pub(crate) rows: RecordBatch,
    pub(crate) extent: Extent,
}

/// What is known about a file's rows without reading them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The first and the last person, in the order of bytes.
    pub(crate) people: Option<([u8; 16], [u8; 16])>,
    /// How many different people.
    pub(crate) distinct: u64,
    /// Rows about nobody who is known.
    pub(crate) nobody: u64,
    /// The earliest and the latest event, in nanoseconds.
    pub(crate) times: (i64, i64),
}

#[derive(Debug)]
struct Collected {
    table: Table,
    tenant: Arc<str>,
    day: Date,
    order: Vec<Key>,
    fixed: Vec<Column>,
    attributes: Vec<Option<Column>>,
}

/// By person, nobody last, then by time, then as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    is_nobody: bool,
    tyid: u128,
    time_ns: i64,
    row: u32,
}

impl Rows {
    /// Nothing yet; values refer to `attributes` by their index.
    ///
    /// # Errors
    ///
    /// [`Error::Attribute`] if two differ at most by the case of their letters.
    pub fn new(attributes: impl Into<Arc<[Attribute]>>) -> Result<Self, Error> {
        let attributes = attributes.into();
        let mut seen = std::collections::HashSet::new();
        for attribute in attributes.iter() {
            if !seen.insert(attribute.name().to_lowercase()) {
                return Err(Error::Attribute {
                    name: attribute.name().to_owned(),
                    why: "another one differs at most by the case of its letters",
                });
            }
        }
        Ok(Self {
            attributes,
            parts: Vec::new(),
            places: HashMap::new(),
            last: 0,
            day: (0, date(0)?),
            rows: 0,
            misfits: 0,
            size_bytes: 0,
        })
    }

    /// Adds a record with the values of its attributes, each with its index. A value that does not fit its column's type
    /// is left out and counted; of two for one column the first counts.
    ///
    /// # Errors
    ///
    /// [`Error::Tenant`], [`Error::Time`], [`Error::Attribute`] (an index that there is not); nothing was added then.
    pub fn push(
        &mut self,
        tenant: &str,
        record: &Record<'_>,
        values: &[(usize, Value<'_>)],
    ) -> Result<(), Error> {
        let number = record.common().received_ms.div_euclid(DAY_MS);
        if self.day.0 != number {
            self.day = (number, date(number)?);
        }
        self.push_on(self.day.1, tenant, record, values)
    }

    /// Adds a record to another day than the one on which it was received.
    pub(crate) fn push_on(
        &mut self,
        day: Date,
        tenant: &str,
        record: &Record<'_>,
        values: &[(usize, Value<'_>)],
    ) -> Result<(), Error> {
        if values
            .iter()
            .any(|(index, _)| *index >= self.attributes.len())
        {
            return Err(Error::Attribute {
                name: String::new(),
                why: "there is no such column",
            });
        }
        let place = self.place(record.table(), day, tenant)?;
        if let Some(part) = self.parts.get_mut(place) {
            let (size_bytes, misfits) = part.push(record, values, &self.attributes);
            self.size_bytes += size_bytes;
            self.misfits += misfits;
            self.rows += 1;
        }
        Ok(())
    }

    /// The place of the part that such a record belongs to.
    fn place(&mut self, table: Table, day: Date, tenant: &str) -> Result<usize, Error> {
        let belongs =
            |part: &Collected| part.table == table && part.day == day && *part.tenant == *tenant;
        if self.parts.get(self.last).is_some_and(belongs) {
            return Ok(self.last);
        }
        let fits = !tenant.is_empty()
            && tenant.len() <= TENANT_SIZE_BYTES_MAX
            && !tenant.chars().any(char::is_control);
        if !fits {
            return Err(Error::Tenant);
        }
        let tenant: Arc<str> = tenant.into();
        let next = self.parts.len();
        let key = (table, day, Arc::clone(&tenant));
        self.last = *self.places.entry(key).or_insert(next);
        if self.last == next {
            let part = Collected::new(table, tenant, day, self.attributes.len());
            self.parts.push(part);
        }
        Ok(self.last)
    }

    /// How many records were added.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// About how many bytes of memory the records take, as long as they are collected.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// How many values did not fit their columns.
    pub fn misfits(&self) -> u64 {
        self.misfits
    }

    /// The rows, sorted. This is work for a thread of its own when there are many.
    ///
    /// # Errors
    ///
    /// [`Error::Arrow`] if there are more rows or bytes than a batch can hold (2 GiB of text in one column).
    pub fn finish(self) -> Result<Vec<Batch>, Error> {
        let mut batches = Vec::new();
        for part in self.parts {
            batches.push(part.finish(&self.attributes)?);
        }
        batches.sort_by(|a, b| (a.table, &a.tenant, a.day).cmp(&(b.table, &b.tenant, b.day)));
        Ok(batches)
    }
}

impl Batch {
    /// Its table.
    pub fn table(&self) -> Table {
        self.table
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows.num_rows()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its schema, without the columns that would hold nothing.
    pub fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}

impl Collected {
    fn new(table: Table, tenant: Arc<str>, day: Date, attributes: usize) -> Self {
        Self {
            table,
            tenant,
            day,
            order: Vec::new(),
            fixed: table
                .columns()
                .map(|column| Column::new(column.kind))
                .collect(),
            attributes: (0..attributes).map(|_| None).collect(),
        }
    }

    /// The bytes of memory that the row takes, and how many values did not fit.
    fn push(
        &mut self,
        record: &Record<'_>,
        values: &[(usize, Value<'_>)],
        attributes: &[Attribute],
    ) -> (usize, u64) {
        let common = record.common();
        let row = self.order.len();
        let person = common.person;
        self.order.push(Key {
            is_nobody: person.is_none(),
            tyid: person.map_or(0, |person| u128::from_be_bytes(person.tyid)),
            time_ns: common.time_ns,
            row: u32::try_from(row).unwrap_or(u32::MAX),
        });
        let head: [Cell<'_>; COMMON.len()] = [
            Cell::Int(common.time_ns),
            Cell::Int(common.received_ms),
            person
                .as_ref()
                .map_or(Cell::Null, |person| Cell::Id16(&person.tyid)),
            Cell::Unsigned(person.map_or(0, |person| person.consent.into())),
            Cell::Unsigned(person.map_or(0, |person| person.stamp.into())),
            person.map_or(Cell::Null, |person| Cell::Text(person.notice)),
            Cell::text(common.purpose),
            Cell::Flag(common.exportable),
        ];
        // A column without a value for this row takes about as much as one number.
        let columns = self.fixed.len() + self.attributes.len();
        let mut size_bytes = size_of::<Key>() + columns * size_of::<u64>();
        let mut columns = self.fixed.iter_mut();
        // The cells first: a zip that ends has taken one more from whatever comes first.
        for (cell, column) in head.into_iter().zip(columns.by_ref()) {
            size_bytes += cell.size_bytes();
            column.append(cell);
        }
        record.own(|cell| {
            size_bytes += cell.size_bytes();
            if let Some(column) = columns.next() {
                column.append(cell);
            }
        });
        let mut misfits = 0;
        for (index, value) in values {
            let (Some(slot), Some(attribute)) =
                (self.attributes.get_mut(*index), attributes.get(*index))
            else {
                continue;
            };
            let column = slot.get_or_insert_with(|| Column::new(attribute.of().kind()));
            let missing = row.saturating_sub(column.len());
            column.append_nulls(missing);
            let cell = Cell::from(*value);
            if column.len() == row {
                size_bytes += cell.size_bytes();
                misfits += u64::from(!column.append(cell));
            }
        }
        (size_bytes, misfits)
    }

    fn finish(mut self, attributes: &[Attribute]) -> Result<Batch, Error> {
        let rows = self.order.len();
        if u32::try_from(rows).is_err() {
            return Err(Error::Arrow(
                arrow_schema::ArrowError::InvalidArgumentError("too many rows".into()),
            ));
        }
        self.order.sort_unstable();
        let order: UInt32Array = self.order.iter().map(|key| key.row).collect();
        let is_sorted = order.values().iter().is_sorted();
        let mut arrays = Vec::with_capacity(self.fixed.len() + attributes.len());
        let mut present = Vec::new();
        let sorted = |array: ArrayRef| {
            if is_sorted {
                Ok(array)
            } else {
                take(&array, &order, None)
            }
        };
        for column in &mut self.fixed {
            arrays.push(sorted(column.finish())?);
        }
        for (attribute, column) in attributes.iter().zip(&mut self.attributes) {
            let Some(column) = column else { continue };
            let missing = rows.saturating_sub(column.len());
            column.append_nulls(missing);
            arrays.push(sorted(column.finish())?);
            present.push(attribute.clone());
        }
        Ok(Batch {
            table: self.table,
            tenant: self.tenant,
            day: self.day,
            rows: RecordBatch::try_new(schema(self.table, &present), arrays)?,
            attributes: present.into(),
            extent: Extent::of(&self.order),
        })
    }
}

/// The day of that number, counted from 1970, UTC.
fn date(number: i64) -> Result<Date, Error> {
    let midnight = number.checked_mul(DAY_MS).ok_or(Error::Time)?;
    let midnight = Timestamp::from_millisecond(midnight).map_err(|_| Error::Time)?;
    Ok(TimeZone::UTC.to_datetime(midnight).date())
}

impl Extent {
    /// Of sorted keys.
    fn of(order: &[Key]) -> Self {
        let people = order.partition_point(|key| !key.is_nobody);
        let (known, nobody) = order.split_at_checked(people).unwrap_or((order, &[]));
        let distinct = known.chunk_by(|a, b| a.tyid == b.tyid).count();
        let times = order.iter().map(|key| key.time_ns);
        Self {
            people: known
                .first()
                .zip(known.last())
                .map(|(first, last)| (first.tyid.to_be_bytes(), last.tyid.to_be_bytes())),
            distinct: u64::try_from(distinct).unwrap_or(u64::MAX),
            nobody: u64::try_from(nobody.len()).unwrap_or(u64::MAX),
            times: (
                times.clone().min().unwrap_or_default(),
                times.max().unwrap_or_default(),
            ),
        }
    }
}
