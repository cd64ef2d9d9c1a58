//! The tables that statements see. Whose rows they have is decided in the scan itself, below every plan: a statement can name
//! a table as often and as deviously as it likes, each naming is a scan, and each scan shows the same people.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use privet_telemetry_store::{Attribute, DataFile, Snapshot, Table, schema};

use crate::bounds::Bounds;
use crate::people::People;
use crate::scan::{PeopleScan, Scanned};

/// What has been done so far, for progress lines. It counts what is read, not what is shown.
#[derive(Debug, Default)]
pub struct Progress {
    files: AtomicU64,
    files_read: AtomicU64,
}

impl Progress {
    pub(crate) fn plan(&self, files: usize) {
        let files = u64::try_from(files).unwrap_or_default();
        self.files.fetch_add(files, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) {
        self.files_read.fetch_add(1, Ordering::Relaxed);
    }

    /// Files read, and files planned to be.
    pub fn files(&self) -> (u64, u64) {
        let planned = self.files.load(Ordering::Relaxed);
        (
            self.files_read.load(Ordering::Relaxed).min(planned),
            planned,
        )
    }
}

/// One table with the rows of the people who may be seen.
#[derive(Debug)]
pub struct PeopleTable {
    table: Table,
    schema: SchemaRef,
    snapshot: Snapshot,
    files: Vec<Arc<DataFile>>,
    people: People,
    partitions: usize,
    progress: Arc<Progress>,
}

impl PeopleTable {
    /// A table of a snapshot. Its columns come from the data map and not from the files: which columns files have can depend on
    /// people who are not to be seen.
    pub fn new(
        table: Table,
        attributes: &[Attribute],
        snapshot: &Snapshot,
        people: People,
        partitions: usize,
        progress: Arc<Progress>,
    ) -> Self {
        let partition_columns = [
            Field::new("tenant", DataType::Utf8, false),
            Field::new("day", DataType::Date32, false),
        ];
        let stored = schema(table, attributes);
        let fields = partition_columns
            .map(Arc::new)
            .into_iter()
            .chain(stored.fields().iter().map(Arc::clone));
        Self {
            table,
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            files: snapshot.files(table).map(Arc::clone).collect(),
            snapshot: snapshot.clone(),
            people,
            partitions: partitions.max(1),
            progress,
        }
    }
}

#[async_trait]
impl TableProvider for PeopleTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(projection) => Arc::new(self.schema.project(projection)?),
            None => Arc::clone(&self.schema),
        };
        let bounds = Bounds::of(filters);
        let people = bounds.people(&self.people);
        let files = bounds.files(&self.files, &people);
        self.progress.plan(files.len());
        Ok(Arc::new(PeopleScan::new(Scanned {
            table: self.table,
            schema,
            files,
            objects: Arc::clone(self.snapshot.objects()),
            people,
            partitions: self.partitions,
            progress: Arc::clone(&self.progress),
        })))
    }

    /// Conditions choose files; whether a row meets them is decided by the plan above.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}
