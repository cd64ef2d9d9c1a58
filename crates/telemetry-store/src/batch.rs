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

/// Records while they are collected, apart by table, tenant and day.
#[derive(Debug)]
pub struct Rows {
    attributes: Arc<[Attribute]>,
    tenants: HashMap<Arc<str>, Vec<Collected>>,
    rows: usize,
    misfits: u64,
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
            tenants: HashMap::new(),
            rows: 0,
            misfits: 0,
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
        let received =
            Timestamp::from_millisecond(record.common().received_ms).map_err(|_| Error::Time)?;
        let day = TimeZone::UTC.to_datetime(received).date();
        self.push_on(day, tenant, record, values)
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
        if !self.tenants.contains_key(tenant) {
            let fits = !tenant.is_empty()
                && tenant.len() <= TENANT_SIZE_BYTES_MAX
                && !tenant.chars().any(char::is_control);
            if !fits {
                return Err(Error::Tenant);
            }
            self.tenants.insert(tenant.into(), Vec::new());
        }
        let Some(parts) = self.tenants.get_mut(tenant) else {
            return Err(Error::Tenant);
        };
        let table = record.table();
        let at = parts
            .iter()
            .position(|part| part.table == table && part.day == day);
        let at = at.unwrap_or_else(|| {
            parts.push(Collected::new(table, day, self.attributes.len()));
            parts.len() - 1
        });
        if let Some(part) = parts.get_mut(at) {
            self.misfits += part.push(record, values, &self.attributes);
            self.rows += 1;
        }
        Ok(())
    }

    /// How many records were added.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
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
        for (tenant, parts) in self.tenants {
            for part in parts {
                batches.push(part.finish(&tenant, &self.attributes)?);
            }
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
    fn new(table: Table, day: Date, attributes: usize) -> Self {
        Self {
            table,
            day,
            order: Vec::new(),
            fixed: table
                .columns()
                .map(|column| Column::new(column.kind))
                .collect(),
            attributes: (0..attributes).map(|_| None).collect(),
        }
    }

    /// The values that did not fit.
    fn push(
        &mut self,
        record: &Record<'_>,
        values: &[(usize, Value<'_>)],
        attributes: &[Attribute],
    ) -> u64 {
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
        let mut columns = self.fixed.iter_mut();
        // The cells first: a zip that ends has taken one more from whatever comes first.
        for (cell, column) in head.into_iter().zip(columns.by_ref()) {
            column.append(cell);
        }
        record.own(|cell| {
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
            if column.len() == row && !column.append((*value).into()) {
                misfits += 1;
            }
        }
        misfits
    }

    fn finish(mut self, tenant: &Arc<str>, attributes: &[Attribute]) -> Result<Batch, Error> {
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
            tenant: Arc::clone(tenant),
            day: self.day,
            rows: RecordBatch::try_new(schema(self.table, &present), arrays)?,
            attributes: present.into(),
            extent: Extent::of(&self.order),
        })
    }
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
