//! The rows of people in applications' databases: what reading them for the people themselves, and erasing them, needs.

use std::collections::BTreeMap;

pub use privet_seal::{TOMBSTONE, TOMBSTONE_MARK, TOMBSTONE_PREFIX};
use zeroize::Zeroize;

use super::{Hop, RowKey, SqlValue};

/// The way from a row to a person.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Way {
    /// The steps; none where the table itself names the person.
    pub hops: Vec<Hop>,
    /// The table at the end: aliases of people name it.
    pub root_table: String,
    /// Its column that holds the person's own key.
    pub root_column: String,
}

/// How one table is read for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReadPlan {
    /// The table.
    pub table: String,
    /// The columns whose values are wanted.
    pub columns: Vec<String>,
    /// The ways to the people: first to the one whose row it is, then to others who may see it.
    pub ways: Vec<Way>,
}

/// Keys of people as text, by the table that names them.
pub type RootKeys = BTreeMap<String, Vec<String>>;

/// A row of somebody. Its values are overwritten when it is dropped.
#[derive(Debug, Clone)]
pub struct PersonalRow {
    /// Which row.
    pub key: RowKey,
    /// Per way of the plan, the key of the person to whom it leads; `None` where it leads nowhere.
    pub people: Vec<Option<String>>,
    /// One value per column of the plan. Numbers of types that no [`SqlValue`] holds exactly, and all else, come as text.
    pub values: Vec<SqlValue>,
}

impl Drop for PersonalRow {
    fn drop(&mut self) {
        self.people.zeroize();
        self.values.iter_mut().for_each(SqlValue::wipe);
    }
}

/// What is done about the rows of somebody who left: one step, or several that no order makes possible one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasePlan {
    /// The steps, in their order.
    pub steps: Vec<EraseStep>,
    /// Whether all of it is one transaction at whose end alone references have to be right: for tables that refer to each
    /// other in a circle.
    pub together: bool,
}

impl ErasePlan {
    /// The step of a plan that leaves rows where they are, so that each transaction finds those again that are cleared already.
    pub fn clearing(&self) -> Option<&EraseStep> {
        match &*self.steps {
            [step] if !self.together && matches!(step.action, EraseAction::Clear(_)) => Some(step),
            _ => None,
        }
    }
}

/// What is done about the person's rows in one table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EraseStep {
    /// The table.
    pub table: String,
    /// How its rows lead to the person.
    pub way: Way,
    /// What is done.
    pub action: EraseAction,
    /// Columns whose values are kept for some time. Such a row is not deleted, and such a value not cleared.
    pub retained: Vec<RetainedColumn>,
    /// Which values are cleared, by the keys that sealed them.
    pub by_seal: BySeal,
}

/// Which values are meant, by the keys that sealed them. A key is given as what the text of its values
/// [begins with](privet_seal::text_beginning).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum BySeal {
    /// All, sealed or not.
    #[default]
    All,
    /// All, sealed or not, but for those of these keys.
    But {
        /// Values of these are newer than what is erased, and stay with their blind index.
        newer: Vec<String>,
        /// Values of these stay because a law wants them, without their blind index.
        kept: Vec<String>,
    },
    /// Those of these keys alone.
    Only(Vec<String>),
}

/// What is done about a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EraseAction {
    /// It stays, and these columns, which refer to what the person had, become NULL.
    Detach(Vec<String>),
    /// It stays, and these columns are cleared.
    Clear(Vec<ClearedColumn>),
    /// It is deleted.
    Delete,
}

/// A column to clear.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClearedColumn {
    /// Name.
    pub name: String,
    /// What it holds afterwards, where it was not NULL.
    pub with: Replacement,
    /// The column whose blind index this is, where it is one.
    pub index_of: Option<String>,
}

/// What stands in place of a value that was cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Replacement {
    /// NULL.
    Null,
    /// The [tombstone](TOMBSTONE).
    Tombstone,
    /// A tombstone of its own for each row, for columns that hold no value twice.
    OwnTombstone,
}

/// A column whose values are kept for as long as a law wants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RetainedColumn {
    /// The column.
    pub name: String,
    /// The column with the date from which that counts.
    pub from: String,
    /// The first day, as `2019-01-01`, from which values are kept still.
    pub since: String,
}

/// Where a person's sealed values are in one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPlan {
    /// The table.
    pub table: String,
    /// How its rows lead to the person.
    pub way: Way,
    /// The columns.
    pub columns: Vec<String>,
}

/// A row with values that certain keys sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedUnder {
    /// Which row.
    pub key: RowKey,
    /// One per column of the plan: the sealed text, where one of the keys sealed it.
    pub values: Vec<Option<String>>,
}

/// A row whose values are to be replaced by what was made of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSwap {
    /// Which row.
    pub key: RowKey,
    /// One per column of the plan: the sealed text and what comes in its place; `None` leaves the column as it is. Where other text
    /// stands by now, the row is left alone.
    pub values: Vec<Option<(String, String)>>,
}

/// What a call erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Rows, per step of the plan.
    pub rows: Vec<u64>,
    /// Whether there may be more to do.
    pub more: bool,
}

/// Rows with values that are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retained {
    /// How many.
    pub rows: u64,
    /// Per retained column of the step, the first day from which a value is kept, as `2019-01-01`.
    pub first: Vec<Option<String>>,
}
