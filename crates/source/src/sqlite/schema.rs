//! What sealing adds to an application's schema: index columns, their indexes, guards that refuse plaintext in sealed
//! columns, and, until it is finished, a mark that says so.

use privet_vault::port::{SealPlan, SealPlanColumn};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::error::Failing;
use super::name::{GUARD_PREFIX, UNCLEAN_TABLE, literal, quoted};
use super::plan::{index_name, is_plain};

/// Marks the file as one that may hold old values, and adds the index columns that are missing.
pub(crate) fn prepare(connection: &mut Connection, plan: &SealPlan) -> Result<(), Failing> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !is_marked(&transaction)? {
        transaction.execute_batch(&mark())?;
    }
    for index in plan
        .columns
        .iter()
        .filter_map(|column| column.index_column.as_deref())
    {
        if !has_column(&transaction, &plan.table, index)? {
            let (table, index) = (quoted(&plan.table), quoted(index));
            transaction
                .execute_batch(&format!("ALTER TABLE main.{table} ADD COLUMN {index} TEXT"))?;
        }
    }
    Ok(transaction.commit()?)
}

/// Takes the mark away: nothing old is left.
pub(crate) fn unmark(connection: &mut Connection) -> Result<(), Failing> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if is_marked(&transaction)? {
        transaction.execute_batch(&format!("DROP TABLE main.{UNCLEAN_TABLE}"))?;
    }
    Ok(transaction.commit()?)
}

fn is_marked(connection: &Connection) -> Result<bool, Failing> {
    let sql: Option<String> = connection
        .query_row(
            "SELECT sql FROM main.sqlite_schema WHERE name = ?1 COLLATE NOCASE",
            [UNCLEAN_TABLE],
            |row| row.get(0),
        )
        .optional()?;
    match sql {
        None => Ok(false),
        Some(sql) if sql == mark() => Ok(true),
        Some(_) => Err(Failing::Unfit(format!(
            "a table is named `{UNCLEAN_TABLE}`, by which Privet marks an unfinished adoption: rename it"
        ))),
    }
}

/// The mark is an empty table: it commits together with what it speaks of, and survives whatever the file does.
fn mark() -> String {
    format!("CREATE TABLE {UNCLEAN_TABLE} (empty)")
}

pub(crate) fn has_column(
    connection: &Connection,
    table: &str,
    column: &str,
) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM pragma_table_xinfo(?1, 'main') WHERE name = ?2 COLLATE NOCASE";
    let found = connection
        .prepare_cached(sql)?
        .query_row(params![table, column], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// Something of ours in the schema: what it is, its name, and the statement that makes it.
pub(crate) struct Own {
    kind: &'static str,
    name: String,
    sql: String,
    /// What its absence means, as a sentence.
    gap: String,
}

impl Own {
    /// Everything that a finished adoption by this plan has.
    pub(crate) fn of(plan: &SealPlan) -> Vec<Self> {
        let mut all: Vec<Self> = plan
            .columns
            .iter()
            .filter_map(|column| index(plan, column))
            .collect();
        if !plan.columns.is_empty() {
            all.push(guard(plan, "insert", "INSERT"));
            let names: Vec<String> = plan
                .columns
                .iter()
                .map(|column| quoted(&column.name))
                .collect();
            all.push(guard(
                plan,
                "update",
                &format!("UPDATE OF {}", names.join(", ")),
            ));
        }
        all
    }

    /// Whether it is there, exactly so.
    pub(crate) fn is_there(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let sql: Option<String> = connection
            .prepare_cached("SELECT sql FROM main.sqlite_schema WHERE type = ?1 AND name = ?2")?
            .query_row([self.kind, &self.name], |row| row.get(0))
            .optional()?;
        Ok(sql.is_some_and(|sql| sql == self.sql))
    }

    /// Makes it, in place of an older one of the same name.
    pub(crate) fn make(&self, connection: &Connection) -> rusqlite::Result<()> {
        if self.is_there(connection)? {
            return Ok(());
        }
        let (kind, name) = (self.kind, quoted(&self.name));
        connection.execute_batch(&format!("DROP {kind} IF EXISTS main.{name}; {}", self.sql))
    }
}

fn index(plan: &SealPlan, column: &SealPlanColumn) -> Option<Own> {
    let index_column = column.index_column.as_deref()?;
    let name = index_name(&plan.table, index_column);
    let unique = if column.unique { "UNIQUE " } else { "" };
    let sql = format!(
        "CREATE {unique}INDEX {} ON {} ({})",
        quoted(&name),
        quoted(&plan.table),
        quoted(index_column)
    );
    let gap = format!(
        "table `{}` has no {}index `{name}`",
        plan.table,
        unique.to_lowercase()
    );
    Some(Own {
        kind: "index",
        name,
        sql,
        gap,
    })
}

/// A trigger that refuses plaintext with a message that does not repeat it. A CHECK constraint would
/// need the table to be built anew.
fn guard(plan: &SealPlan, when: &str, event: &str) -> Own {
    let name = format!("{GUARD_PREFIX}{when}_{}", plan.table);
    let mut sql = format!(
        "CREATE TRIGGER {} BEFORE {event} ON {} BEGIN SELECT CASE",
        quoted(&name),
        quoted(&plan.table)
    );
    for column in &plan.columns {
        let plain = is_plain(&format!("NEW.{}", quoted(&column.name)));
        let why = literal(&format!(
            "column `{}` takes sealed values only",
            column.name
        ));
        sql.push_str(&format!(" WHEN {plain} THEN RAISE(ABORT, {why})"));
    }
    sql.push_str(" END; END");
    let gap = format!(
        "table `{}` has no guard `{name}` that refuses plaintext",
        plan.table
    );
    Own {
        kind: "trigger",
        name,
        sql,
        gap,
    }
}

/// Lets plaintext in again.
pub(crate) fn unguard(connection: &mut Connection, plans: &[SealPlan]) -> Result<(), Failing> {
    remove(connection, plans, |own| own.kind == "trigger")
}

/// Takes away everything that sealing added, and leaves the mark: what was sealed before may still be in the file.
pub(crate) fn unprepare(connection: &mut Connection, plans: &[SealPlan]) -> Result<(), Failing> {
    remove(connection, plans, |_| true)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for plan in plans {
        let columns = plan.columns.iter();
        for index in columns.filter_map(|column| column.index_column.as_deref()) {
            if has_column(&transaction, &plan.table, index)? {
                let (table, index) = (quoted(&plan.table), quoted(index));
                transaction
                    .execute_batch(&format!("ALTER TABLE main.{table} DROP COLUMN {index}"))?;
            }
        }
    }
    Ok(transaction.commit()?)
}

fn remove(
    connection: &mut Connection,
    plans: &[SealPlan],
    is_meant: impl Fn(&Own) -> bool,
) -> Result<(), Failing> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for own in plans.iter().flat_map(Own::of).filter(is_meant) {
        let (kind, name) = (own.kind, quoted(&own.name));
        transaction.execute_batch(&format!("DROP {kind} IF EXISTS main.{name}"))?;
    }
    Ok(transaction.commit()?)
}

/// What a finished adoption would have and this database has not.
pub(crate) fn gaps(
    connection: &mut Connection,
    plans: &[SealPlan],
) -> Result<Vec<String>, Failing> {
    let transaction = connection.transaction()?;
    let mut gaps = Vec::new();
    if is_marked(&transaction)? {
        gaps.push("old values may still be in the file".to_owned());
    }
    for plan in plans {
        for index in plan
            .columns
            .iter()
            .filter_map(|column| column.index_column.as_deref())
        {
            if !has_column(&transaction, &plan.table, index)? {
                gaps.push(format!(
                    "table `{}` has no column `{index}` for the blind index",
                    plan.table
                ));
            }
        }
        for own in Own::of(plan) {
            if !own.is_there(&transaction)? {
                gaps.push(own.gap);
            }
        }
    }
    Ok(gaps)
}
