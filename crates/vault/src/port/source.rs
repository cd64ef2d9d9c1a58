//! Applications' databases: what adopting and checking need of them.

use async_trait::async_trait;
use zeroize::Zeroize;

use super::{
    Catalog, ErasePlan, EraseStep, Erased, PersonalRow, ReadPlan, Retained, RootKeys, Runners,
    SealedPlan, SealedSwap, SealedUnder, Upstreams,
};
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
    /// A constraint or a trigger of the application refuses to let rows be erased.
    #[error(
        "source `{name}` refuses to erase rows of table `{table}` ({why}): let the data map say what becomes of the rows \
         that refer to them, or change the application's constraint or trigger"
    )]
    Refused {
        /// The source.
        name: SourceName,
        /// The table.
        table: String,
        /// What the engine said, without values.
        why: String,
    },
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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hop {
    /// The referring columns, in the table that was reached so far, each with the column of the other table that holds the
    /// same value; no two rows there may share all of them.
    pub columns: Vec<(String, String)>,
    /// The table referred to.
    pub parent: String,
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

/// What identifies a row while its table is worked through. Only the engine knows the order of keys; the order here serves
/// to find equal ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// The engine's own row id.
    Number(i64),
    /// The columns of the key as text, in order.
    Columns(Box<[String]>),
}

impl std::fmt::Display for RowKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Columns(texts) => match &**texts {
                [only] => f.write_str(only),
                several => write!(f, "({})", several.join(", ")),
            },
        }
    }
}

/// Tells whether a row is still the version that was read, without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowVersion {
    /// Where it lies.
    pub place: String,
    /// What wrote it.
    pub writer: String,
}

/// Which values are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Those that are neither NULL nor sealed.
    Plaintext,
    /// Those that are sealed.
    Sealed,
}

/// What is done about old values in places that the engine uses no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clearing {
    /// Only what keeps nobody waiting.
    Leave,
    /// Tables are written anew, under whatever lock that takes.
    Rewrite,
}

/// A row with what sealing, or unsealing, needs. It holds plaintext, which is overwritten when it is dropped.
#[derive(Debug, Clone)]
pub struct SourceRow {
    /// Which row.
    pub key: RowKey,
    /// Which version of it, where the engine says so.
    pub version: Option<RowVersion>,
    /// The subject's key in the root table as text; `None`: the path leads nowhere for this row.
    pub subject: Option<String>,
    /// One value per column of the plan; `Null` where it is none of the wanted ones.
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

/// A row to write back. What it was when it was read goes with it, so that a row that changed meanwhile is left alone: its
/// version where the engine has such, else its values. That is plaintext, which is overwritten when it is dropped.
#[derive(Debug, Clone)]
pub struct SealedRow {
    /// Which row.
    pub key: RowKey,
    /// Which version of it was read, where the engine says so.
    pub version: Option<RowVersion>,
    /// The subject's key as it was read: what is sealed for one person must not come to lie in another's row.
    pub subject: Option<String>,
    /// The old value per column of the plan.
    pub old: Vec<SqlValue>,
    /// What it was retained from, per column of the plan, as it was read.
    pub retain_from: Vec<SqlValue>,
    /// The new value per column of the plan; `None` leaves the column and its index as they are.
    pub new: Vec<Option<SqlValue>>,
    /// The blind index text per column of the plan.
    pub index: Vec<Option<String>>,
}

impl Drop for SealedRow {
    fn drop(&mut self) {
        self.subject.zeroize();
        wipe(&mut self.old);
        wipe(&mut self.retain_from);
        self.new.iter_mut().flatten().for_each(SqlValue::wipe);
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

    /// What [`prepare`](Source::prepare) and [`guard`](Source::guard) would have added and is not there, and whether
    /// [`finish`](Source::finish) was not reached: index columns, unique indexes, the guards that refuse plaintext. One
    /// sentence each.
    async fn gaps(&self, plans: &[SealPlan]) -> Result<Vec<String>, SourceError>;

    /// Checks the engine's own structures, and counts rows and references that lead nowhere; nothing where the database is
    /// in use meanwhile and keeps its references itself.
    async fn integrity(&self) -> Result<Integrity, SourceError>;

    /// Counts rows, missing subjects, plaintext and sealed values of a planned table.
    async fn scan(&self, plan: &SealPlan) -> Result<TableScan, SourceError>;

    /// Adds what sealing needs: index columns, types that hold sealed values. What the application does goes on to work.
    /// Repeating it is harmless.
    async fn prepare(&self, plan: &SealPlan) -> Result<(), SourceError>;

    /// The next rows after `after` that hold at least one of the wanted values, in key order.
    async fn read(
        &self,
        plan: &SealPlan,
        wanted: Wanted,
        after: Option<&RowKey>,
        rows_max: u32,
    ) -> Result<Vec<SourceRow>, SourceError>;

    /// The blind indexes that rows after `after` hold already for sealed values in the plan's column of this position, in
    /// key order; empty where the index column does not exist yet.
    async fn indexed(
        &self,
        plan: &SealPlan,
        column: usize,
        after: Option<&RowKey>,
        rows_max: u32,
    ) -> Result<Vec<(RowKey, String)>, SourceError>;

    /// Writes rows in one transaction.
    async fn write(&self, plan: &SealPlan, rows: Vec<SealedRow>) -> Result<Affected, SourceError>;

    /// Unique indexes, and guards that refuse plaintext from now on. Repeating it is harmless.
    async fn guard(&self, plans: &[SealPlan]) -> Result<(), SourceError>;

    /// Ends an adoption: whatever removes the old plaintext from free space, statistics and logs. Answers where it may
    /// still be, and what else is worth knowing, one sentence each.
    async fn finish(
        &self,
        plans: &[SealPlan],
        clearing: Clearing,
    ) -> Result<Vec<String>, SourceError>;

    /// Begins to take an adoption back: no guard refuses plaintext any more. Repeating it is harmless.
    async fn unguard(&self, plans: &[SealPlan]) -> Result<(), SourceError>;

    /// Takes away what [`prepare`](Source::prepare) and [`guard`](Source::guard) had added. Answers what could not become
    /// as it was before, one sentence each.
    async fn unprepare(&self, plans: &[SealPlan]) -> Result<Vec<String>, SourceError>;

    /// The next rows after `after`, in key order and at most `rows_max`, that belong to one of `people` or may be seen by one,
    /// each once. Reading a table to its end goes through it once, however many people there are.
    async fn rows_of(
        &self,
        plan: &ReadPlan,
        people: &RootKeys,
        after: Option<&RowKey>,
        rows_max: u32,
    ) -> Result<Vec<PersonalRow>, SourceError>;

    /// Takes some more steps in erasing the rows of the person with this key, with the application's constraints and triggers in
    /// force: at most `rows_max` rows in one transaction, where others have to wait for it. Repeating it until it says that there is
    /// nothing more is all it takes, and doing so again later is harmless.
    async fn erase(
        &self,
        plan: &ErasePlan,
        person: &str,
        rows_max: u32,
    ) -> Result<Erased, SourceError>;

    /// Carries all these plans out in one transaction, which costs least where others wait for no more than they would anyway; what
    /// was done, plan by plan. `None` where more than `rows_max` rows would have to be changed, where a row cannot be erased, and with
    /// an engine that locks rows one by one, so that many locks at once could stand in an application's way: then nothing was
    /// changed, and each plan is to be carried out [by itself](Source::erase).
    async fn erase_at_once(
        &self,
        _plans: &[ErasePlan],
        _person: &str,
        _rows_max: u32,
    ) -> Result<Option<Vec<Erased>>, SourceError> {
        Ok(None)
    }

    /// Which of the person's rows hold values that [`erase`](Source::erase) keeps, because a law wants them.
    async fn retained(&self, step: &EraseStep, person: &str) -> Result<Retained, SourceError>;

    /// The person's next rows after `after`, in the engine's own order and at most `rows_max`, with values that one of `keys` sealed;
    /// each key is given as what the text of its values [begins with](privet_seal::text_beginning).
    async fn sealed_under(
        &self,
        plan: &SealedPlan,
        person: &str,
        keys: &[String],
        after: Option<&RowKey>,
        rows_max: u32,
    ) -> Result<Vec<SealedUnder>, SourceError>;

    /// Puts values in the place of those that they were made of, in one transaction; answers which rows still held these, in the
    /// list's order. The application's triggers stay silent, as for [`write`](Source::write).
    async fn swap_sealed(
        &self,
        plan: &SealedPlan,
        swaps: Vec<SealedSwap>,
    ) -> Result<Vec<bool>, SourceError>;

    /// After rows were erased: empties what logs of its own the engine can empty without making anybody wait.
    async fn scrub(&self) -> Result<(), SourceError>;

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
