//! Applications' databases: what adopting and checking need of them.

use async_trait::async_trait;
use zeroize::Zeroize;

use super::{Runners, Upstreams};
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

impl SqlValue {
    /// Overwrites the value and leaves NULL: for values that were read to be sealed.
    pub fn wipe(&mut self) {
        match self {
            Self::Null => {}
            Self::Integer(integer) => integer.zeroize(),
            Self::Real(real) => real.zeroize(),
            Self::Text(text) => text.zeroize(),
            Self::Blob(bytes) => bytes.zeroize(),
        }
        *self = Self::Null;
    }
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
    /// Tables, by name; those that only serve an engine's own ends are left out.
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
    /// Made by a module of the engine (full text, R*Tree), not a table of rows.
    pub is_virtual: bool,
}

impl TableInfo {
    /// The column of this name; engines do not tell `A` from `a` in names.
    pub fn column(&self, name: &str) -> Option<&ColumnInfo> {
        self.columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Whether at most one row can hold a given value in this column.
    pub fn is_unique(&self, column: &str) -> bool {
        let alone = |names: &[Option<String>]| match names {
            [Some(only)] => only.eq_ignore_ascii_case(column),
            _ => false,
        };
        let primary = match self.primary_key.as_slice() {
            [only] => only.eq_ignore_ascii_case(column),
            _ => false,
        };
        let mut indexes = self
            .indexes
            .iter()
            .filter(|index| index.unique && !index.partial);
        primary || indexes.any(|index| alone(&index.columns))
    }
}

impl Catalog {
    /// The table of this name; engines do not tell `A` from `a` in names.
    pub fn table(&self, name: &str) -> Option<&TableInfo> {
        self.tables
            .iter()
            .find(|table| table.name.eq_ignore_ascii_case(name))
    }
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
    /// Holds only the rows that a WHERE names.
    pub partial: bool,
    /// Made by a UNIQUE or PRIMARY KEY constraint, so that it cannot be dropped alone.
    pub constraint: bool,
}

/// How one table is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealPlan {
    /// The table.
    pub table: String,
    /// Columns to seal.
    pub columns: Vec<SealPlanColumn>,
    /// The way from the table to the one whose rows are the subjects; empty when that is the table itself.
    pub hops: Vec<Hop>,
    /// The table at the end of the way: aliases of subjects name it.
    pub root_table: String,
    /// Its column that holds the subject's own key.
    pub root_column: String,
}

/// One step from a row to the row that it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The referring column, in the table that was reached so far.
    pub column: String,
    /// The table referred to.
    pub parent: String,
    /// The column there that holds the same value; no two rows may share one.
    pub parent_column: String,
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

/// A row with what sealing needs. It holds plaintext, which is overwritten when it is dropped.
#[derive(Debug, Clone)]
pub struct SourceRow {
    /// Which row.
    pub key: RowKey,
    /// The subject's key in the root table as text; `None`: the path leads nowhere for this row.
    pub subject: Option<String>,
    /// One value per column of the plan; `Null` where there is nothing to seal (NULL, or sealed before).
    pub values: Vec<SqlValue>,
    /// One value per column of the plan that has `retain_from`, else `Null`.
    pub retain_from: Vec<SqlValue>,
}

impl Drop for SourceRow {
    fn drop(&mut self) {
        self.subject.zeroize();
        wipe(&mut self.values);
        wipe(&mut self.retain_from);
    }
}

fn wipe(values: &mut [SqlValue]) {
    values.iter_mut().for_each(SqlValue::wipe);
}

/// A row to write back. What it was when it was read goes with it, so that a row that changed meanwhile is left alone;
/// columns that are not written do not matter. That is plaintext, which is overwritten when it is dropped.
#[derive(Debug, Clone)]
pub struct SealedRow {
    /// Which row.
    pub key: RowKey,
    /// The subject's key as it was read: what is sealed for one person must not come to lie in another's row.
    pub subject: Option<String>,
    /// The old value per column of the plan.
    pub old: Vec<SqlValue>,
    /// What it was retained from, per column of the plan, as it was read.
    pub retain_from: Vec<SqlValue>,
    /// The sealed text per column of the plan; `None` leaves the column and its index as they are.
    pub sealed: Vec<Option<String>>,
    /// The blind index text per column of the plan.
    pub index: Vec<Option<String>>,
}

impl Drop for SealedRow {
    fn drop(&mut self) {
        self.subject.zeroize();
        wipe(&mut self.old);
        wipe(&mut self.retain_from);
    }
}

/// How many rows were written, and how many had changed meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Affected {
    /// Written.
    pub written: u64,
    /// Left alone because they had changed or gone.
    pub changed: u64,
}

/// What a look over one table finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableScan {
    /// Rows.
    pub rows: u64,
    /// Rows with something to seal.
    pub rows_to_seal: u64,
    /// Of those, the ones whose subject path leads nowhere.
    pub rows_without_subject: u64,
    /// The first few of these.
    pub without_subject: Vec<RowKey>,
    /// Per column of the plan: values that are neither NULL nor sealed.
    pub plaintext: Vec<u64>,
    /// Of all these, the values in rows without subject.
    pub plaintext_without_subject: u64,
    /// Per column of the plan: sealed values.
    pub sealed: Vec<u64>,
}

/// What must not change while a database is sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Integrity {
    /// Rows of every table.
    pub rows: Vec<(String, u64)>,
    /// References of every table that lead nowhere.
    pub dangling: Vec<(String, u64)>,
}

/// One application's database.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its name in the data map.
    fn name(&self) -> &SourceName;

    /// Its description of itself.
    async fn catalog(&self) -> Result<Catalog, SourceError>;

    /// What stands in the way of sealing by these plans, all of it, one sentence each that says what to do. Looks
    /// only; nothing is changed.
    async fn obstacles(&self, plans: &[SealPlan]) -> Result<Vec<String>, SourceError>;

    /// What [`prepare`](Source::prepare) and [`finish`](Source::finish) would have added and is not there: index
    /// columns, unique indexes, the guards that refuse plaintext. One sentence each.
    async fn gaps(&self, plans: &[SealPlan]) -> Result<Vec<String>, SourceError>;

    /// Checks the engine's own structures, and counts rows and references that lead nowhere.
    async fn integrity(&self) -> Result<Integrity, SourceError>;

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

    /// The blind indexes that rows after `after` hold already for sealed values in the plan's column of this position, in
    /// key order; empty where the index column does not exist yet.
    async fn indexed(
        &self,
        plan: &SealPlan,
        column: usize,
        after: Option<RowKey>,
        rows_max: u32,
    ) -> Result<Vec<(RowKey, String)>, SourceError>;

    /// Writes rows in one transaction.
    async fn write(&self, plan: &SealPlan, rows: Vec<SealedRow>) -> Result<Affected, SourceError>;

    /// Ends an adoption: unique indexes, guards that refuse plaintext from now on, then whatever removes the old
    /// plaintext from free space, statistics and logs.
    async fn finish(&self, plans: &[SealPlan]) -> Result<(), SourceError>;

    /// Forgets what reading and writing left in memory: connections and their pages. Called when a job ends, however; the
    /// next call opens them again.
    async fn close(&self);

    /// How clients' statements reach it.
    fn serving(&self) -> Serving<'_>;
}

/// How the statements of clients are run.
#[derive(Clone, Copy)]
pub enum Serving<'s> {
    /// By a child process of ours that holds no keys: the database is a file.
    Runner(&'s dyn Runners),
    /// By the database server itself, in its own protocol.
    Upstream(&'s dyn Upstreams),
}

impl std::fmt::Debug for Serving<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Runner(_) => "Runner",
            Self::Upstream(_) => "Upstream",
        })
    }
}
