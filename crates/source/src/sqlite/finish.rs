//! The end of an adoption: indexes and guards, and no plaintext left anywhere in the file or beside it.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use privet_vault::port::{Integrity, SealPlan, SourceError};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::error::Failing;
use super::file::{Access, File};
use super::name::{UNCLEAN_TABLE, quoted};
use super::schema::{self, Own};

/// Indexes and guards. Statistics go, because `sqlite_stat4` holds samples of what indexes held.
pub(crate) fn protect(connection: &mut Connection, plans: &[SealPlan]) -> Result<(), Failing> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for plan in plans {
        for own in Own::of(plan) {
            own.make(&transaction)
                .map_err(|error| not_unique(error, plan))?;
        }
        for statistics in ["sqlite_stat4", "sqlite_stat3", "sqlite_stat1"] {
            let exists = transaction
                .query_row(
                    "SELECT 1 FROM main.sqlite_schema WHERE name = ?1",
                    [statistics],
                    |_| Ok(()),
                )
                .optional()?;
            if exists.is_some() {
                let sql = format!("DELETE FROM main.{statistics} WHERE tbl = ?1 COLLATE NOCASE");
                transaction.execute(&sql, [&plan.table])?;
            }
        }
    }
    Ok(transaction.commit()?)
}

fn not_unique(error: rusqlite::Error, plan: &SealPlan) -> Failing {
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) {
        let table = &plan.table;
        return Failing::Unfit(format!(
            "two rows of table `{table}` have the same value in a field that the data map calls unique: \
             a row was added during the adoption; correct it and start again"
        ));
    }
    error.into()
}

/// Writes the file anew, so that nothing of what pages held before is left, and empties the logs. Only when that is known
/// to be done does the mark go that says the opposite.
pub(crate) fn clean(file: &File) -> Result<(), SourceError> {
    file.with(Access::Write, |connection| {
        empty_log(connection)?;
        connection.execute_batch("VACUUM")?;
        empty_log(connection)
    })?;
    file.close();
    let left = left_over(file);
    if left.is_empty() {
        let unmarked = file.with(Access::Write, schema::unmark);
        file.close();
        return unmarked;
    }
    Err(SourceError::Failed {
        name: file.name.clone(),
        why: format!(
            "{} may still hold old values: close the other programs that use the database, then adopt again",
            left.join(" and ")
        ),
    })
}

/// Moves the write-ahead log into the file and truncates it; another connection that reads an old state
/// stands in the way.
fn empty_log(connection: &Connection) -> Result<(), Failing> {
    let busy: bool =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy { Err(Failing::Locked) } else { Ok(()) }
}

/// Journals beside the file that are not empty.
fn left_over(file: &File) -> Vec<String> {
    ["-wal", "-journal"]
        .into_iter()
        .filter(|ending| {
            let mut path = OsString::from(&file.path);
            path.push(ending);
            fs::metadata(PathBuf::from(path)).is_ok_and(|metadata| metadata.len() > 0)
        })
        .map(|ending| format!("the file ending in `{ending}`"))
        .collect()
}

/// The engine's own check, rows of each table, references that lead nowhere.
pub(crate) fn integrity(connection: &mut Connection) -> Result<Integrity, Failing> {
    let transaction = connection.transaction()?;
    let problem: String =
        transaction.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if problem != "ok" {
        // Its text may name an index and a row, never a value.
        return Err(Failing::Unfit(format!(
            "the database is damaged ({problem}): restore it from a backup first"
        )));
    }
    let tables: Vec<String> = transaction
        .prepare(
            "SELECT name FROM pragma_table_list
             WHERE schema = 'main' AND type = 'table' AND substr(name, 1, 7) <> 'sqlite_' AND name <> ?1 ORDER BY name",
        )?
        .query_map([UNCLEAN_TABLE], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut integrity = Integrity::default();
    for table in tables {
        let rows = transaction.query_row(
            &format!("SELECT count(*) FROM main.{}", quoted(&table)),
            [],
            |row| row.get(0).map(i64::unsigned_abs),
        )?;
        integrity.rows.push((table, rows));
    }
    let sql = r#"SELECT "table", count(*) FROM pragma_foreign_key_check GROUP BY "table" ORDER BY "table""#;
    integrity.dangling = transaction
        .prepare(sql)?
        .query_map([], |row| {
            Ok((row.get(0)?, row.get(1).map(i64::unsigned_abs)?))
        })?
        .collect::<Result<_, _>>()?;
    Ok(integrity)
}
