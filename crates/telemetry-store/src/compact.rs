//! Many small files of a day become one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, FixedSizeBinaryArray, RecordBatch, TimestampNanosecondArray, new_null_array,
};
use arrow_schema::SchemaRef;
use arrow_select::interleave::interleave_record_batch;
use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::error::cannot;
use crate::store::{Change, Committed};
use crate::surroundings::new_id;
use crate::table::{TIME, TYID, schema};
use crate::{Attribute, DataFile, Error, Store, Type, Why, file};

/// What is merged at once; the files, and the one that they become, are held in memory.
const INPUT_SIZE_BYTES_MAX: u64 = 128 << 20;
/// Larger files are left as they are.
const SMALL_SIZE_BYTES: u64 = 64 << 20;
/// Files merged at once.
const FILES_MAX: usize = 64;
/// Rows written at once.
const ROWS_AT_ONCE: usize = 32 * 1024;

/// What a compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Files that were merged.
    pub merged: u64,
    /// Files that they became.
    pub into: u64,
}

impl Store {
    /// Merges small files wherever a table, tenant and day have at least `files_min` of them (two at least), each such set
    /// once. Uses up to a quarter of a gigabyte of memory. May run in several processes: whoever commits second merges for nothing.
    ///
    /// # Errors
    ///
    /// As [`Store::append`]; what was merged before stays merged.
    pub async fn compact(&self, files_min: usize) -> Result<Compacted, Error> {
        self.writable()?;
        let sets = self
            .look(|state| {
                let mut sets: BTreeMap<_, Vec<Arc<DataFile>>> = BTreeMap::new();
                for file in state.files.values() {
                    if file.size_bytes <= SMALL_SIZE_BYTES {
                        let key = (file.table, Arc::clone(&file.tenant), file.day);
                        sets.entry(key).or_default().push(Arc::clone(file));
                    }
                }
                sets
            })
            .await?;
        let mut compacted = Compacted::default();
        for files in sets.into_values() {
            let (files, attributes) = choose(&files);
            if files.len() < files_min.max(2) {
                continue;
            }
            let merged = u64::try_from(files.len()).unwrap_or_default();
            if self.merge(files, attributes).await? {
                compacted.merged += merged;
                compacted.into += 1;
            }
        }
        Ok(compacted)
    }

    /// `false`: another process was faster.
    async fn merge(
        &self,
        files: Vec<Arc<DataFile>>,
        attributes: Arc<[Attribute]>,
    ) -> Result<bool, Error> {
        let started_ms = self.surroundings.now_ms();
        let Some(first) = files.first() else {
            return Ok(false);
        };
        let mut inputs = Vec::with_capacity(files.len());
        for file in &files {
            inputs.push(self.read(file).await?);
        }
        let mut merged = DataFile {
            attributes: Arc::clone(&attributes),
            people: None,
            nobody: files.iter().map(|file| file.nobody).sum(),
            rows: files.iter().map(|file| file.rows).sum(),
            ..first.as_ref().clone()
        };
        for file in &files {
            merged.times.0 = merged.times.0.min(file.times.0);
            merged.times.1 = merged.times.1.max(file.times.1);
            merged.people = match (merged.people, file.people) {
                (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
                (a, b) => a.or(b),
            };
        }
        let schema = schema(first.table, &attributes);
        let bytes = tokio::task::spawn_blocking(move || merge(inputs, &schema))
            .await
            .map_err(|_| Error::Unavailable {
                doing: "merge files",
                why: Why::Failing,
            })??;
        let id = new_id(self.surroundings.as_ref());
        let path = file::path(merged.table, &merged.tenant, merged.day, id);
        merged.path = path.as_ref().into();
        merged.size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let put = self.objects.put(&path, bytes.into()).await;
        put.map_err(cannot("take a file"))?;
        if self.surroundings.now_ms().saturating_sub(started_ms) > self.settings.grace_ms {
            return Err(Error::TooSlow);
        }
        let change = Change {
            add: vec![merged],
            remove: files.iter().map(|file| Arc::clone(&file.path)).collect(),
            ..Change::default()
        };
        Ok(matches!(self.commit(change).await?, Committed::Now(_)))
    }

    /// A file, whole.
    pub(crate) async fn read(&self, file: &DataFile) -> Result<Bytes, Error> {
        let path = Path::parse(&file.path).map_err(|_| Error::Damaged {
            name: "a file's path".into(),
        })?;
        let found = self
            .objects
            .get(&path)
            .await
            .map_err(cannot("show a file"))?;
        found.bytes().await.map_err(cannot("show a file"))
    }
}

/// Files that fit together and into memory, and the columns that they have among them.
fn choose(files: &[Arc<DataFile>]) -> (Vec<Arc<DataFile>>, Arc<[Attribute]>) {
    let mut types: HashMap<&str, Type> = HashMap::new();
    let mut size_bytes = 0;
    let mut chosen = Vec::new();
    for file in files.iter().take(FILES_MAX) {
        let agrees = |attribute: &Attribute| {
            types
                .get(attribute.name())
                .is_none_or(|of| *of == attribute.of())
        };
        // A file from before the data map changed a type stays apart.
        if size_bytes + file.size_bytes > INPUT_SIZE_BYTES_MAX
            || !file.attributes.iter().all(agrees)
        {
            continue;
        }
        size_bytes += file.size_bytes;
        types.extend(file.attributes.iter().map(|a| (a.name(), a.of())));
        chosen.push(Arc::clone(file));
    }
    let mut attributes: Vec<Attribute> = types
        .into_iter()
        .map(|(name, of)| Attribute::from((Arc::from(name), of)))
        .collect();
    attributes.sort();
    (chosen, attributes.into())
}

/// Nobody last, then by person and time: the order of all files.
type Key = (bool, [u8; 16], i64);

/// Where one file's rows have been read to.
struct Input {
    rows: ParquetRecordBatchReader,
    schema: SchemaRef,
    /// The number of the current batch.
    batch: usize,
    row: usize,
    keys: Vec<Key>,
}

fn merge(files: Vec<Bytes>, schema: &SchemaRef) -> Result<Bytes, Error> {
    let mut writer = file::Writer::new(schema)?;
    let mut batches: Vec<RecordBatch> = Vec::new();
    let mut inputs = Vec::with_capacity(files.len());
    let mut heap = BinaryHeap::new();
    for bytes in files {
        let mut input = Input {
            rows: ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()?,
            schema: Arc::clone(schema),
            batch: 0,
            row: 0,
            keys: Vec::new(),
        };
        if let Some(key) = input.next(&mut batches)? {
            heap.push(Reverse((key, inputs.len())));
        }
        inputs.push(input);
    }
    let mut order = Vec::with_capacity(ROWS_AT_ONCE);
    while let Some(Reverse((_, number))) = heap.pop() {
        let Some(input) = inputs.get_mut(number) else {
            continue;
        };
        order.push((input.batch, input.row));
        input.row += 1;
        if let Some(key) = input.next(&mut batches)? {
            heap.push(Reverse((key, number)));
        }
        if order.len() == ROWS_AT_ONCE {
            write(&mut writer, &batches, &mut order)?;
            keep_current(&mut batches, &mut inputs);
        }
    }
    write(&mut writer, &batches, &mut order)?;
    writer.finish()
}

fn write(
    writer: &mut file::Writer,
    batches: &[RecordBatch],
    order: &mut Vec<(usize, usize)>,
) -> Result<(), Error> {
    if !order.is_empty() {
        let batches: Vec<_> = batches.iter().collect();
        writer.write(&interleave_record_batch(&batches, order)?)?;
        order.clear();
    }
    Ok(())
}

/// Lets go of batches that were written.
fn keep_current(batches: &mut Vec<RecordBatch>, inputs: &mut [Input]) {
    let mut current = Vec::with_capacity(inputs.len());
    for input in inputs
        .iter_mut()
        .filter(|input| input.row < input.keys.len())
    {
        if let Some(batch) = batches.get(input.batch) {
            current.push(batch.clone());
            input.batch = current.len() - 1;
        }
    }
    *batches = current;
}

impl Input {
    /// The key of the current row, in the next batch if this one is over; `None`: there are no more rows.
    fn next(&mut self, batches: &mut Vec<RecordBatch>) -> Result<Option<Key>, Error> {
        while self.row >= self.keys.len() {
            let Some(batch) = self.rows.next() else {
                return Ok(None);
            };
            let batch = widen(&batch?, &self.schema)?;
            self.keys = keys(&batch)?;
            self.row = 0;
            self.batch = batches.len();
            batches.push(batch);
        }
        Ok(self.keys.get(self.row).copied())
    }
}

/// The columns that other files have, without values.
fn widen(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        match batch.column_by_name(field.name()) {
            Some(column) => Arc::clone(column),
            None => new_null_array(field.data_type(), batch.num_rows()),
        }
    });
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect())?)
}

fn keys(batch: &RecordBatch) -> Result<Vec<Key>, Error> {
    let damaged = || Error::Damaged {
        name: "a data file".into(),
    };
    let ids = batch
        .columns()
        .get(TYID)
        .and_then(|column| column.as_any().downcast_ref());
    let ids: &FixedSizeBinaryArray = ids.ok_or_else(damaged)?;
    let times = batch
        .columns()
        .get(TIME)
        .and_then(|column| column.as_any().downcast_ref());
    let times: &TimestampNanosecondArray = times.ok_or_else(damaged)?;
    let key = |(id, time): (Option<&[u8]>, &i64)| {
        let id = id
            .map(<[u8; 16]>::try_from)
            .transpose()
            .map_err(|_| damaged())?;
        Ok((id.is_none(), id.unwrap_or_default(), *time))
    };
    ids.iter().zip(times.values()).map(key).collect()
}
