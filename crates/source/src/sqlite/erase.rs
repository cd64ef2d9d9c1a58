//! Erasing the rows of one person, as an application would: its constraints and triggers are in force.

use privet_vault::port::{
    BySeal, ClearedColumn, EraseAction, ErasePlan, EraseStep, Erased, Replacement, Retained,
    RetainedColumn, TOMBSTONE, TOMBSTONE_MARK, TOMBSTONE_PREFIX, Way,
};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};

use super::error::Failing;
use super::name::{literal, quoted};
use super::plan::{key_name, of_t};
use super::rows::join;

/// What a changed row is called in its statement, beside `t`, which is looked for.
const CHANGED: &str = "changed";

/// One transaction; a plan that goes together is done in one, however many rows that are.
pub(crate) fn erase(
    connection: &mut Connection,
    plan: &ErasePlan,
    person: &str,
    rows_max: u32,
) -> Result<Erased, Failing> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let limit = if plan.together {
        -1
    } else {
        i64::from(rows_max)
    };
    if plan.together {
        transaction.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    }
    let mut erased = Erased::default();
    let mut last = "";
    for step in &plan.steps {
        last = &step.table;
        let rows = take(&transaction, step, person, limit)?;
        erased.more |= !plan.together && rows >= u64::from(rows_max);
        erased.rows.push(rows);
    }
    transaction
        .commit()
        .map_err(|error| refused(error.into(), last))?;
    Ok(erased)
}

/// All plans in one transaction; `None`, and nothing done, where that would change more rows than these, or one cannot be erased.
pub(crate) fn erase_at_once(
    connection: &mut Connection,
    plans: &[ErasePlan],
    person: &str,
    rows_max: u32,
) -> Result<Option<Vec<Erased>>, Failing> {
    match all_in_transaction(connection, plans, person, rows_max) {
        Err(Failing::Refused { .. }) => Ok(None),
        done => done,
    }
}

fn all_in_transaction(
    connection: &mut Connection,
    plans: &[ErasePlan],
    person: &str,
    rows_max: u32,
) -> Result<Option<Vec<Erased>>, Failing> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if plans.iter().any(|plan| plan.together) {
        transaction.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    }
    let (mut left, mut last) = (u64::from(rows_max), "");
    let mut erased = Vec::with_capacity(plans.len());
    for plan in plans {
        let mut done = Erased::default();
        for step in &plan.steps {
            last = &step.table;
            let limit = i64::try_from(left + 1).unwrap_or(i64::MAX);
            let rows = take(&transaction, step, person, limit)?;
            let Some(rest) = left.checked_sub(rows) else {
                return Ok(None);
            };
            left = rest;
            done.rows.push(rows);
        }
        erased.push(done);
    }
    transaction
        .commit()
        .map_err(|error| refused(error.into(), last))?;
    Ok(Some(erased))
}

/// The keys of rows with something to clear.
pub(crate) fn due_rows(
    connection: &Connection,
    step: &EraseStep,
    person: &str,
    rows_max: u32,
) -> Result<Vec<i64>, Failing> {
    let sql = format!("{} LIMIT ?2", due_keys(connection, step)?);
    let mut select = connection.prepare_cached(&sql)?;
    let keys = select.query_map(params![person, rows_max], |row| row.get(0))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// Clears those of these rows in which there still is something to clear, and that still are the person's, in one transaction.
pub(crate) fn clear(
    connection: &mut Connection,
    step: &EraseStep,
    person: &str,
    keys: &[i64],
) -> Result<u64, Failing> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(change) = change(step) else {
        return Ok(0);
    };
    let key = key_name(&transaction, &step.table)?;
    let sql = format!(
        "{change} WHERE {key} IN (SELECT value FROM json_each(?2))
         AND EXISTS ({} AND t.{key} = {CHANGED}.{key})",
        due_keys(&transaction, step)?
    );
    let keys: Vec<String> = keys.iter().map(i64::to_string).collect();
    let keys = format!("[{}]", keys.join(","));
    let rows = transaction
        .prepare_cached(&sql)?
        .execute(params![person, keys]);
    let rows = rows.map_err(|error| refused(error.into(), &step.table))?;
    let committed = transaction.commit();
    committed.map_err(|error| refused(error.into(), &step.table))?;
    Ok(rows as u64)
}

fn take(
    transaction: &Transaction<'_>,
    step: &EraseStep,
    person: &str,
    limit: i64,
) -> Result<u64, Failing> {
    let Some(change) = change(step) else {
        return Ok(0);
    };
    let sql = format!(
        "{change} WHERE {} IN ({} LIMIT ?2)",
        key_name(transaction, &step.table)?,
        due_keys(transaction, step)?
    );
    let mut statement = transaction.prepare_cached(&sql)?;
    let rows = statement.execute(params![person, limit]);
    Ok(rows.map_err(|error| refused(error.into(), &step.table))? as u64)
}

/// The keys of rows that lead to the person and have something to do about them, as a query, with the person's key in the first
/// parameter.
fn due_keys(connection: &Connection, step: &EraseStep) -> Result<String, Failing> {
    let key = key_name(connection, &step.table)?;
    let picked = Picked::new(connection, &step.table, &step.way)?;
    Ok(format!("SELECT t.{key} {} AND {}", picked.rows, due(step)))
}

/// What is done to a row; nothing where no column is cleared.
fn change(step: &EraseStep) -> Option<String> {
    let target = format!("main.{} AS {CHANGED}", quoted(&step.table));
    Some(match &step.action {
        EraseAction::Delete => format!("DELETE FROM {target}"),
        EraseAction::Detach(columns) => {
            let set: Vec<String> = columns
                .iter()
                .map(|column| format!("{} = NULL", quoted(column)))
                .collect();
            format!("UPDATE {target} SET {}", set.join(", "))
        }
        EraseAction::Clear(columns) => {
            let set: Vec<String> = columns
                .iter()
                .map(|column| {
                    let (name, new) = (quoted(&column.name), replacement(column.with));
                    let old = format!("{CHANGED}.{name}");
                    match kept(step, column, CHANGED) {
                        Some(kept) => {
                            format!("{name} = CASE WHEN {old} IS NULL OR {kept} THEN {old} ELSE {new} END")
                        }
                        None => format!("{name} = CASE WHEN {old} IS NULL THEN NULL ELSE {new} END"),
                    }
                })
                .collect();
            if set.is_empty() {
                return None;
            }
            format!("UPDATE {target} SET {}", set.join(", "))
        }
    })
}

/// The rows of a table that lead to the person.
pub(super) struct Picked {
    /// `FROM … WHERE …`, with the person's key in the first parameter.
    pub(super) rows: String,
}

impl Picked {
    pub(super) fn new(connection: &Connection, table: &str, way: &Way) -> Result<Self, Failing> {
        let mut rows = format!("FROM main.{} AS t", quoted(table));
        let last = join(&mut rows, way, 0, "JOIN");
        let hop = way.hops.last();
        let root = hop.map_or(table, |hop| hop.parent.as_str());
        let column = format!("{last}.{}", quoted(&way.root_column));
        // Letter for letter, as keys are told apart; by the column itself, too, where its type makes numbers of the text,
        // so that an index serves.
        let exact = format!("CAST({column} AS TEXT) COLLATE BINARY = ?1");
        rows.push_str(&match has_affinity(connection, root, &way.root_column)? {
            true => format!(" WHERE {column} = ?1 AND {exact}"),
            false => format!(" WHERE {exact}"),
        });
        Ok(Self { rows })
    }
}

/// Whether a column converts what it is compared with (<https://sqlite.org/datatype3.html#determination_of_column_affinity>).
fn has_affinity(connection: &Connection, table: &str, column: &str) -> Result<bool, Failing> {
    let declared: Option<String> = connection
        .prepare_cached(
            "SELECT type FROM pragma_table_xinfo(?1, 'main') WHERE name = ?2 COLLATE NOCASE",
        )?
        .query_row([table, column], |row| row.get(0))?;
    let declared = declared.unwrap_or_default().to_ascii_uppercase();
    let is_blob = declared.is_empty() || declared.contains("BLOB");
    let is_other = ["INT", "CHAR", "CLOB", "TEXT"];
    Ok(!is_blob || is_other.iter().any(|kind| declared.contains(kind)))
}

/// Whether there is something to do about a row `t`.
fn due(step: &EraseStep) -> String {
    match &step.action {
        EraseAction::Delete => {
            let kept = step.retained.iter().map(|column| is_kept(column, "t"));
            let kept: Vec<String> = kept.collect();
            if kept.is_empty() {
                "true".to_owned()
            } else {
                format!("NOT ({})", kept.join(" OR "))
            }
        }
        EraseAction::Detach(columns) => {
            let set = columns
                .iter()
                .map(|column| format!("{} IS NOT NULL", of_t(column)));
            format!("({})", set.collect::<Vec<_>>().join(" OR "))
        }
        EraseAction::Clear(columns) => {
            let full = columns.iter().map(|column| {
                let value = of_t(&column.name);
                let mut full = format!("{value} IS NOT NULL");
                if column.with != Replacement::Null {
                    full.push_str(&format!(
                        " AND substr(CAST({value} AS TEXT), 1, {}) <> {}",
                        TOMBSTONE_PREFIX.len(),
                        literal(TOMBSTONE_PREFIX)
                    ));
                }
                match kept(step, column, "t") {
                    Some(kept) => format!("({full} AND NOT {kept})"),
                    None => format!("({full})"),
                }
            });
            let full: Vec<String> = full.collect();
            if full.is_empty() {
                "false".to_owned()
            } else {
                format!("({})", full.join(" OR "))
            }
        }
    }
}

/// Whether the value of this column is kept in a row of `table`; `None` where none ever is.
fn kept(step: &EraseStep, column: &ClearedColumn, table: &str) -> Option<String> {
    let of_law = |name: &str| {
        let retained = step.retained.iter().find(|retained| retained.name == name);
        retained.map(|retained| is_kept(retained, table))
    };
    let value = column.index_of.as_ref().unwrap_or(&column.name);
    let begins = |keys: &[String]| begins(&format!("{table}.{}", quoted(value)), keys);
    match (&step.by_seal, &column.index_of) {
        (BySeal::All, _) => of_law(&column.name),
        (BySeal::But { newer, .. }, Some(_)) => Some(begins(newer)),
        (BySeal::But { newer, kept }, None) => {
            let spared = format!("{} OR {}", begins(newer), begins(kept));
            let law = of_law(value).map_or_else(String::new, |law| format!(" OR {law}"));
            Some(format!("({spared}{law})"))
        }
        // An index goes with its value.
        (BySeal::Only(keys), _) => {
            let law = of_law(value).map_or_else(String::new, |law| format!(" OR {law}"));
            Some(format!("(NOT {}{law})", begins(keys)))
        }
    }
}

/// Whether one of these keys sealed the value of an expression; never NULL.
pub(super) fn begins(expression: &str, keys: &[String]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| literal(key)).collect();
    let chars = TOMBSTONE_PREFIX.len();
    format!(
        "coalesce(substr(CAST({expression} AS TEXT), 1, {chars}) COLLATE BINARY IN ({}), 0)",
        keys.join(", ")
    )
}

/// Never NULL, so that its contrary is never NULL either. What is no date begins no retention.
fn is_kept(column: &RetainedColumn, table: &str) -> String {
    let (value, from) = (quoted(&column.name), quoted(&column.from));
    let (value, day) = (
        format!("{table}.{value}"),
        format!("substr({table}.{from}, 1, 10)"),
    );
    format!(
        "({value} IS NOT NULL AND typeof({table}.{from}) = 'text' \
         AND {day} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' AND {day} COLLATE BINARY >= {})",
        literal(&column.since)
    )
}

fn replacement(with: Replacement) -> String {
    match with {
        Replacement::Null => "NULL".to_owned(),
        Replacement::Tombstone => literal(TOMBSTONE),
        Replacement::OwnTombstone => {
            let before = TOMBSTONE.get(..TOMBSTONE_MARK.start).unwrap_or_default();
            let after = TOMBSTONE.get(TOMBSTONE_MARK.end..).unwrap_or_default();
            format!(
                "{} || lower(hex(randomblob(16))) || {}",
                literal(before),
                literal(after)
            )
        }
    }
}

/// Which rows of the person hold values that are kept.
pub(crate) fn retained(
    connection: &Connection,
    step: &EraseStep,
    person: &str,
) -> Result<Retained, Failing> {
    if step.retained.is_empty() {
        return Ok(Retained::default());
    }
    let kept: Vec<String> = step.retained.iter().map(|one| is_kept(one, "t")).collect();
    let first = step.retained.iter().zip(&kept).map(|(column, kept)| {
        let from = of_t(&column.from);
        format!("min(CASE WHEN {kept} THEN substr({from}, 1, 10) END)")
    });
    let first: Vec<String> = first.collect();
    let sql = format!(
        "SELECT count(*), {} {} AND ({})",
        first.join(", "),
        Picked::new(connection, &step.table, &step.way)?.rows,
        kept.join(" OR ")
    );
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([person], |row| {
        let first = (0..step.retained.len()).map(|position| row.get(1 + position));
        Ok(Retained {
            rows: row.get::<_, i64>(0)?.unsigned_abs(),
            first: first.collect::<Result<_, _>>()?,
        })
    })?)
}

/// Empties the write-ahead log, in which deleted rows remain, unless somebody reads an older state: then it is emptied when the
/// application does so.
pub(crate) fn scrub(connection: &Connection) -> Result<(), Failing> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// A message of the application's own trigger may say anything, so that only its code is passed on.
fn refused(failing: Failing, table: &str) -> Failing {
    let Failing::Engine(error) = &failing else {
        return failing;
    };
    if error.sqlite_error_code() != Some(ErrorCode::ConstraintViolation) {
        return failing;
    }
    let code = error.sqlite_error().map_or(0, |error| error.extended_code);
    let why = match code {
        rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "a foreign key refers to them",
        rusqlite::ffi::SQLITE_CONSTRAINT_TRIGGER => "a foreign key with RESTRICT, or a trigger",
        rusqlite::ffi::SQLITE_CONSTRAINT_NOTNULL => "a column that cannot be NULL",
        rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE => "a column that holds no value twice",
        _ => "a constraint",
    };
    Failing::Refused {
        table: table.to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cleared_by_its_key_is_looked_at_again() {
        // A table may be called as anything.
        for name in ["note", "t", "changed"] {
            let mut connection = Connection::open_in_memory().unwrap();
            connection
                .execute_batch(&format!(
                    "CREATE TABLE {name} (person INTEGER, body TEXT);
                     INSERT INTO {name} VALUES (1, 'a'), (1, 'b'), (2, 'c'), (1, NULL), (1, 'd'), (1, 'e');"
                ))
                .unwrap();
            let body = ClearedColumn {
                name: "body".to_owned(),
                with: Replacement::Tombstone,
                index_of: None,
            };
            let step = EraseStep {
                table: name.to_owned(),
                way: Way {
                    hops: Vec::new(),
                    root_table: name.to_owned(),
                    root_column: "person".to_owned(),
                },
                action: EraseAction::Clear(vec![body]),
                retained: Vec::new(),
                by_seal: BySeal::All,
            };
            let keys = due_rows(&connection, &step, "1", 3).unwrap();
            assert_eq!(keys, [1, 2, 5]);
            // Meanwhile one is given to somebody else, and one is emptied.
            let others = format!(
                "UPDATE {name} SET person = 2 WHERE rowid = 1; UPDATE {name} SET body = NULL WHERE rowid = 2;"
            );
            connection.execute_batch(&others).unwrap();
            assert_eq!(clear(&mut connection, &step, "1", &keys).unwrap(), 1);
            let bodies = format!("SELECT body FROM {name} ORDER BY rowid");
            let mut select = connection.prepare(&bodies).unwrap();
            let bodies = select.query_map([], |row| row.get(0)).unwrap();
            let bodies: Vec<Option<String>> = bodies.collect::<Result<_, _>>().unwrap();
            let bodies: Vec<Option<&str>> = bodies.iter().map(Option::as_deref).collect();
            let (a, c, e) = (Some("a"), Some("c"), Some("e"));
            assert_eq!(bodies, [a, None, c, None, Some(TOMBSTONE), e]);
        }
    }
}
