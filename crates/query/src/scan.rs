//! Scanning the files of a table for the rows that may be seen.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{
    Array, ArrayRef, Date32Array, RecordBatch, RecordBatchOptions, StringArray, new_null_array,
};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures_util::stream;
use object_store::ObjectStore;
use privet_telemetry_store::{DataFile, Table};
use tokio::sync::OnceCell;

use crate::bounds::days;
use crate::error::unreadable;
use crate::group::{OpenFile, Rows};
use crate::people::People;
use crate::table::Progress;

/// What is scanned.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) table: Table,
    /// The columns that are asked for.
    pub(crate) schema: SchemaRef,
    pub(crate) files: Vec<Arc<DataFile>>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) people: People,
    pub(crate) partitions: usize,
    pub(crate) progress: Arc<Progress>,
}

/// A scan that shows the rows of people who may be seen, and nothing else. It says nothing about rows before it has read
/// them: no statistics, no order, a number of partitions that depends on no data.
#[derive(Debug)]
pub(crate) struct PeopleScan {
    scanned: Arc<Scanned>,
    /// Metadata of the files, read by whichever partition comes first.
    opened: Arc<[OnceCell<Arc<OpenFile>>]>,
    executions: Mutex<Executions>,
    properties: Arc<PlanProperties>,
}

/// How often each partition was executed, and what the partitions of each execution have taken.
#[derive(Debug)]
struct Executions {
    of_partitions: Vec<usize>,
    taken: Vec<Arc<Taken>>,
}

/// The row groups that one execution's partitions have taken so far: of each file, how many. Whoever is done early takes what is left
/// of the others' files, so that none works alone at the end.
#[derive(Debug)]
struct Taken(Box<[AtomicUsize]>);

impl Executions {
    /// All that the partition is to share with the others; executed once more, it begins with all of it again.
    fn join(&mut self, partition: usize, files: usize) -> Option<Arc<Taken>> {
        let executed = self.of_partitions.get_mut(partition)?;
        if self.taken.len() == *executed {
            let none = (0..files).map(|_| AtomicUsize::new(0));
            self.taken.push(Arc::new(Taken(none.collect())));
        }
        let taken = self.taken.get(*executed)?;
        *executed += 1;
        Some(Arc::clone(taken))
    }
}

impl PeopleScan {
    pub(crate) fn new(scanned: Scanned) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&scanned.schema)),
            Partitioning::UnknownPartitioning(scanned.partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            opened: scanned.files.iter().map(|_| OnceCell::new()).collect(),
            executions: Mutex::new(Executions {
                of_partitions: vec![0; scanned.partitions],
                taken: Vec::new(),
            }),
            scanned: Arc::new(scanned),
            properties: Arc::new(properties),
        }
    }
}

impl DisplayAs for PeopleScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // How many people and files there are is nobody's business.
        let who = match &self.scanned.people {
            People::Everybody => "everybody",
            People::Only(_) => "people who agree",
        };
        write!(
            f,
            "PeopleScan: table={}, rows={who}",
            self.scanned.table.name()
        )
    }
}

impl ExecutionPlan for PeopleScan {
    fn name(&self) -> &'static str {
        "PeopleScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let executions = self.executions.lock();
        let mut executions = executions.unwrap_or_else(PoisonError::into_inner);
        let Some(taken) = executions.join(partition, self.scanned.files.len()) else {
            return internal_err!("there is no partition {partition}");
        };
        let way = Way {
            scanned: Arc::clone(&self.scanned),
            opened: Arc::clone(&self.opened),
            taken,
            partition,
            batch_rows: context.session_config().batch_size(),
            files: 0,
        };
        let reading = Reading {
            batch_rows: context.session_config().batch_size(),
            schema: Arc::clone(&self.scanned.schema),
            current: None,
            ahead: Ahead::Way(way),
        };
        let batches = stream::try_unfold(reading, |mut reading| async move {
            Ok(reading.next().await?.map(|batch| (batch, reading)))
        });
        let schema = Arc::clone(&self.scanned.schema);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// What one partition reads: the group whose rows it hands on, while the next one is fetched.
struct Reading {
    schema: SchemaRef,
    batch_rows: usize,
    current: Option<Group>,
    ahead: Ahead,
}

enum Ahead {
    Way(Way),
    Next(SpawnedTask<Result<Option<(Group, Way)>>>),
    Nothing,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(group) = &mut self.current {
                let batch = group.next(&self.schema, self.batch_rows)?;
                if batch.is_some() {
                    return Ok(batch);
                }
                self.current = None;
            }
            let next = match std::mem::replace(&mut self.ahead, Ahead::Nothing) {
                Ahead::Nothing => return Ok(None),
                Ahead::Way(way) => way.next().await?,
                Ahead::Next(task) => task.join_unwind().await.map_err(unreadable)??,
            };
            if let Some((group, way)) = next {
                self.current = Some(group);
                self.ahead = Ahead::Next(SpawnedTask::spawn(way.next()));
            }
        }
    }
}

/// One partition's way through the row groups that nobody has taken. The first file is another one for each, so that nobody waits
/// while somebody else opens the same.
struct Way {
    scanned: Arc<Scanned>,
    opened: Arc<[OnceCell<Arc<OpenFile>>]>,
    taken: Arc<Taken>,
    partition: usize,
    batch_rows: usize,
    /// Files that lie behind.
    files: usize,
}

/// A row group that is being read.
struct Group {
    file: Arc<DataFile>,
    rows: Rows,
}

impl Taken {
    /// The next row group of a file that nobody has taken; there may be no such group.
    fn next(&self, file: usize) -> usize {
        let taken = self.0.get(file);
        taken.map_or(usize::MAX, |taken| taken.fetch_add(1, Ordering::Relaxed))
    }
}

impl Way {
    /// The next group with rows that may be seen.
    async fn next(mut self) -> Result<Option<(Group, Self)>> {
        loop {
            let Some((at, file)) = self.file() else {
                return Ok(None);
            };
            let open = self.open(at, &file).await?;
            let group = self.taken.next(at);
            if group >= open.groups() {
                // Each partition finds out, and one of them first.
                if group == open.groups() {
                    self.scanned.progress.read();
                }
                self.files += 1;
                continue;
            }
            if let Some(group) = self.start(file, &open, group).await? {
                return Ok(Some((group, self)));
            }
        }
    }

    /// The file that it has come to, and its place among all.
    fn file(&self) -> Option<(usize, Arc<DataFile>)> {
        let files = &self.scanned.files;
        if self.files >= files.len() {
            return None;
        }
        let first = files.len() * self.partition / self.scanned.partitions;
        let at = (first + self.files) % files.len();
        files.get(at).map(|file| (at, Arc::clone(file)))
    }

    async fn open(&self, at: usize, file: &DataFile) -> Result<Arc<OpenFile>> {
        let open = || async {
            OpenFile::open(&self.scanned.objects, file, &self.scanned.people)
                .await
                .map(Arc::new)
        };
        match self.opened.get(at) {
            Some(cell) => cell.get_or_try_init(open).await.map(Arc::clone),
            None => open().await,
        }
    }

    async fn start(
        &self,
        file: Arc<DataFile>,
        open: &OpenFile,
        group: usize,
    ) -> Result<Option<Group>> {
        let stored = open.schema();
        let fields = self.scanned.schema.fields().iter();
        let columns = fields.filter_map(|field| stored.index_of(field.name()).ok());
        let columns: Vec<_> = columns.collect();
        let people = &self.scanned.people;
        let rows = open.rows(group, people, &columns, self.batch_rows).await?;
        Ok(rows.map(|rows| Group { file, rows }))
    }
}

impl Group {
    fn next(&mut self, schema: &SchemaRef, batch_rows: usize) -> Result<Option<RecordBatch>> {
        let read = match &mut self.rows {
            Rows::Counted(0) => return Ok(None),
            Rows::Counted(rows) => {
                let rows = std::mem::take(rows);
                return self.shape(schema, None, rows).map(Some);
            }
            Rows::Read(rows) => rows.next()?,
            Rows::Whole(rows) => {
                let count = rows.num_rows().min(batch_rows);
                let next = rows.slice(0, count);
                *rows = rows.slice(count, rows.num_rows() - count);
                (count > 0).then_some(next)
            }
        };
        match read {
            None => Ok(None),
            Some(batch) => self.shape(schema, Some(&batch), batch.num_rows()).map(Some),
        }
    }

    /// The columns that are asked for, in their order: those of the file, those of its path, and nothing for the others.
    fn shape(
        &self,
        schema: &SchemaRef,
        batch: Option<&RecordBatch>,
        rows: usize,
    ) -> Result<RecordBatch> {
        // A value that does not fit a type which the data map has changed is left out.
        let options = CastOptions {
            safe: true,
            ..CastOptions::default()
        };
        let columns = schema.fields().iter().map(|field| -> Result<ArrayRef> {
            if let Some(column) = batch.and_then(|batch| batch.column_by_name(field.name())) {
                if column.data_type() == field.data_type() {
                    return Ok(Arc::clone(column));
                }
                return Ok(cast_with_options(column, field.data_type(), &options)?);
            }
            Ok(match field.name().as_str() {
                "tenant" => {
                    let tenant = self.file.tenant.as_ref();
                    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
                        tenant, rows,
                    )))
                }
                "day" => Arc::new(Date32Array::from_value(days(self.file.day), rows)),
                _ => new_null_array(field.data_type(), rows),
            })
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(schema),
            columns,
            &options,
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of what one execution takes nothing is missing in the next, and its partitions take nothing twice.
    #[test]
    fn each_execution_takes_every_group_once() {
        let mut executions = Executions {
            of_partitions: vec![0; 2],
            taken: Vec::new(),
        };
        for _ in 0..2 {
            let first = executions.join(0, 3).unwrap();
            let second = executions.join(1, 3).unwrap();
            let taken = [&first, &second, &first].map(|taken| taken.next(2));
            assert_eq!(taken, [0, 1, 2]);
            assert_eq!(second.next(0), 0);
        }
        // Alone, and further than the other.
        let alone = executions.join(1, 3).unwrap();
        assert_eq!(alone.next(2), 0);
        assert!(executions.join(2, 3).is_none());
    }
}
