//! Applications' databases: what adopting, checking and the SQL door need of them.

use std::time::Duration;

use async_trait::async_trait;

use crate::SourceName;

/// Why an application's database did not do what it was asked. Texts name tables and columns, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Reaching it failed.
    #[error("source `{name}` cannot be reached: {why}")]
    Unreachable {
        /// The source.
        name: SourceName,
        /// What the engine or system said.
        why: String,
    },
    /// It is locked by another program for longer than the wait allows.
    #[error("source `{0}` is locked by another program: close it, or try again later")]
    Locked(SourceName),
    /// Its schema does not fit what was asked.
    #[error("{0}")]
    Schema(String),
    /// The disk is full.
    #[error("no space left for source `{0}`")]
    Full(SourceName),
    /// Anything else.
    #[error("source `{name}`: {why}")]
    Failed {
        /// The source.
        name: SourceName,
        /// What the engine said, without values.
        why: String,
    },
}

/// One value as a database holds it.
#[derive(Clone, PartialEq)]
pub enum SqlValue {
    /// NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// A double.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl std::fmt::Debug for SqlValue {
    // A value may be personal: only its type is ever printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Integer(_) => "Integer(…)",
            Self::Real(_) => "Real(…)",
            Self::Text(_) => "Text(…)",
            Self::Blob(_) => "Blob(…)",
        })
    }
}

/// A database's own description of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Ordinary tables, by name.
    pub tables: Vec<TableInfo>,
    /// Views: name and text.
    pub views: Vec<(String, String)>,
    /// Triggers: name, table.
    pub triggers: Vec<(String, String)>,
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableInfo {
    /// Name.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<ColumnInfo>,
    /// Columns of the primary key in order; empty: the engine's own row id.
    pub primary_key: Vec<String>,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Indexes, including those of constraints.
    pub indexes: Vec<IndexInfo>,
}

/// One column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Name.
    pub name: String,
    /// Declared type, as written.
    pub declared_type: String,
    /// NOT NULL.
    pub not_null: bool,
    /// GENERATED, so that it cannot be written.
    pub generated: bool,
}

/// One foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignKey {
    /// Columns here.
    pub columns: Vec<String>,
    /// Table there.
    pub parent: String,
    /// Columns there; empty: its primary key.
    pub parent_columns: Vec<String>,
}

/// One index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexInfo {
    /// Name.
    pub name: String,
    /// Columns; expressions are `None`.
    pub columns: Vec<Option<String>>,
    /// UNIQUE.
    pub unique: bool,
}

/// How one table is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealPlan {
    /// The table.
    pub table: String,
    /// Columns to seal.
    pub columns: Vec<SealPlanColumn>,
    /// From the table's own column through foreign keys to the root: `(table, column, parent column)` joins, then the
    /// root's own column names the subject.
    pub hops: Vec<(String, String, String)>,
    /// The column of the last table reached that holds the subject's own key.
    pub root_table: String,
    /// That column.
    pub root_column: String,
}

/// One column to seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealPlanColumn {
    /// Name.
    pub name: String,
    /// The blind-index column to add and fill, such as `email_px`.
    pub index_column: Option<String>,
    /// Whether that index is unique.
    pub unique: bool,
    /// The column whose date starts the field's legal retention.
    pub retain_from: Option<String>,
}

/// What identifies a row while its table is worked through; ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey(pub i64);

/// A row with what sealing needs.
#[derive(Debug, Clone)]
pub struct SourceRow {
    /// Which row.
    pub key: RowKey,
    /// The subject's key in the root table as text; `None`: the path leads nowhere for this row.
    pub subject: Option<String>,
    /// One value per column of the plan.
    pub values: Vec<SqlValue>,
    /// One value per column of the plan that has `retain_from`, else `Null`.
    pub retain_from: Vec<SqlValue>,
}

/// A row to write back. `None` leaves a column as it is.
#[derive(Debug, Clone)]
pub struct SealedRow {
    /// Which row.
    pub key: RowKey,
    /// The old value, so that a row that changed meanwhile is left alone.
    pub old: Vec<SqlValue>,
    /// The sealed text per column of the plan.
    pub sealed: Vec<Option<String>>,
    /// The blind index text per column of the plan.
    pub index: Vec<Option<String>>,
}

/// How many rows were written, and how many had changed meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Affected {
    /// Written.
    pub written: u64,
    /// Left alone because they had changed.
    pub changed: u64,
}

/// What a look over one table finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableScan {
    /// Rows.
    pub rows: u64,
    /// Rows whose subject path leads nowhere.
    pub without_subject: u64,
    /// Per column of the plan: values that are neither NULL nor sealed.
    pub plaintext: Vec<u64>,
    /// Per column of the plan: sealed values.
    pub sealed: Vec<u64>,
}

/// Whether a session's statements may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// Protected: every ordinary statement.
    Ordinary,
    /// Decrypted: reading only.
    ReadOnly,
}

/// Why a statement failed; shown to the client that wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RunError {
    /// SQLSTATE, five characters.
    pub code: &'static str,
    /// The engine's message.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// The shape of a statement's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Described {
    /// Result columns: name and declared type (empty for expressions).
    pub columns: Vec<(String, String)>,
    /// Number of parameters.
    pub parameters: u16,
    /// Whether it only reads.
    pub read_only: bool,
}

/// Runs one client's statements, guarded, outside the process that holds keys.
#[async_trait]
pub trait Runner: Send {
    /// The first statement of `sql` and the bytes it takes; `None` at the end (blank or comment).
    async fn describe(&mut self, sql: &str) -> Result<Option<(Described, usize)>, RunError>;

    /// Starts one statement; rows are then fetched with [`next_rows`](Runner::next_rows).
    async fn start(&mut self, sql: &str, parameters: &[SqlValue]) -> Result<Described, RunError>;

    /// The next rows, at most `count_max`; an empty list is the end.
    async fn next_rows(&mut self, count_max: u32) -> Result<Vec<Vec<SqlValue>>, RunError>;

    /// Ends the running statement (also before its end); answers the rows that it changed.
    async fn finish(&mut self) -> Result<u64, RunError>;

    /// Whether a transaction is open.
    fn in_transaction(&self) -> bool;

    /// What another task calls to stop the running statement.
    fn canceller(&self) -> Box<dyn Fn() + Send + Sync>;
}

/// One application's database.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its name in the data map.
    fn name(&self) -> &SourceName;

    /// Its description of itself.
    async fn catalog(&self) -> Result<Catalog, SourceError>;

    /// Counts rows, missing subjects, plaintext and sealed values of a planned table.
    async fn scan(&self, plan: &SealPlan) -> Result<TableScan, SourceError>;

    /// Adds what sealing needs: index columns. Repeating it is harmless.
    async fn prepare(&self, plan: &SealPlan) -> Result<(), SourceError>;

    /// The next rows after `after` that hold at least one value that is neither NULL nor sealed, in key order.
    async fn read(
        &self,
        plan: &SealPlan,
        after: Option<RowKey>,
        rows_max: u32,
    ) -> Result<Vec<SourceRow>, SourceError>;

    /// Writes rows in one transaction.
    async fn write(&self, plan: &SealPlan, rows: Vec<SealedRow>) -> Result<Affected, SourceError>;

    /// Ends an adoption: unique indexes, then whatever removes the old plaintext from free space and logs, and a
    /// check of integrity and foreign keys.
    async fn finish(&self, plans: &[SealPlan]) -> Result<(), SourceError>;

    /// A runner for one client.
    async fn runner(
        &self,
        mode: RunMode,
        limits: RunLimits,
    ) -> Result<Box<dyn Runner>, SourceError>;
}

/// Bounds of one client's statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLimits {
    /// Longest statement.
    pub statement: Duration,
    /// Most memory of the process that runs them.
    pub memory_bytes_max: u64,
}
