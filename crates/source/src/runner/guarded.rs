//! What adoption guards in the database, followed while it changes: an adoption may end in the middle of a session.
//!
//! Blind indexes are written by Privet and by applications with what Privet gave them, not by hand: a person could
//! make one row answer to another's e-mail address. Emptying one is allowed. The authorizer does not say which columns
//! an INSERT names, so this is done by triggers of this connection alone, which it then lets nobody drop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::sqlite::name::{GUARD_PREFIX, INDEX_COLUMN_ENDING, OWN_PREFIX, literal, quoted};

/// Tables with sealed columns, in lower case, each with its index columns.
type Tables = BTreeMap<String, Vec<String>>;

/// Shared between the authorizer and whoever runs statements.
#[derive(Clone, Default)]
pub(crate) struct Guarded(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    tables: Tables,
    /// Whether the triggers are those that `tables` asks for.
    protected: bool,
    /// The schema that `tables` was read from; `None`: look again.
    version: Option<i64>,
    /// The statement that the authorizer is asked about is our own.
    at_work: bool,
}

/// What became of following the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Followed {
    /// Everything is as it was.
    Same,
    /// The guards are others now: what was compiled before must be compiled again.
    Changed,
    /// They should be, and cannot within a transaction: rolling back would take triggers away that the next statement
    /// relies on.
    TooLate,
}

impl Guarded {
    /// Whether a table of this name has sealed columns.
    pub(crate) fn has(&self, table: &str) -> bool {
        self.state()
            .tables
            .contains_key(&table.to_ascii_lowercase())
    }

    /// Whether no table has.
    pub(crate) fn is_empty(&self) -> bool {
        self.state().tables.is_empty()
    }

    /// Whether the statement to be authorized is our own.
    pub(crate) fn is_at_work(&self) -> bool {
        self.state().at_work
    }

    /// Brings the guards up to date. Called before each statement that writes; in a transaction this takes its lock on
    /// the schema, so that none of it can change until the statement has run.
    pub(crate) fn follow(&self, connection: &Connection) -> rusqlite::Result<Followed> {
        let version = connection
            .prepare_cached("PRAGMA main.schema_version")?
            .query_row([], |row| row.get(0))?;
        if self.state().version == Some(version) {
            return Ok(Followed::Same);
        }
        self.state().at_work = true;
        let followed = self.follow_to(connection, version);
        self.state().at_work = false;
        followed
    }

    fn follow_to(&self, connection: &Connection, version: i64) -> rusqlite::Result<Followed> {
        let tables = read(connection)?;
        let is_same = {
            let state = self.state();
            state.protected && state.tables == tables
        };
        if !connection.is_autocommit() {
            // The version is not kept: a rollback would bring back the old one, and another change the same number.
            return Ok(if is_same {
                Followed::Same
            } else {
                Followed::TooLate
            });
        }
        if !is_same {
            self.state().protected = false;
            protect(connection, &tables)?;
        }
        let mut state = self.state();
        state.tables = tables;
        state.protected = true;
        state.version = Some(version);
        Ok(if is_same {
            Followed::Same
        } else {
            Followed::Changed
        })
    }

    // Never held while a statement runs: the authorizer takes it, on the same thread.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tables on which adoption put its guards, and their index columns.
fn read(connection: &Connection) -> rusqlite::Result<Tables> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT DISTINCT lower(tbl_name) FROM main.sqlite_schema
         WHERE type = 'trigger' AND substr(name, 1, {}) = {}",
        GUARD_PREFIX.len(),
        literal(GUARD_PREFIX),
    ))?;
    let names: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT name FROM pragma_table_xinfo(?1, 'main') WHERE substr(name, -{}) = {}",
        INDEX_COLUMN_ENDING.len(),
        literal(INDEX_COLUMN_ENDING),
    ))?;
    let mut tables = Tables::new();
    for table in names {
        let columns = statement.query_map([&table], |row| row.get(0))?;
        let columns = columns.collect::<Result<_, _>>()?;
        tables.insert(table, columns);
    }
    Ok(tables)
}

fn protect(connection: &Connection, tables: &Tables) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT name FROM temp.sqlite_schema WHERE type = 'trigger' AND substr(name, 1, {}) = {}",
        OWN_PREFIX.len(),
        literal(OWN_PREFIX),
    ))?;
    let old: Vec<String> = statement
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for name in old {
        connection.execute_batch(&format!("DROP TRIGGER temp.{}", quoted(&name)))?;
    }
    for (number, (table, columns)) in tables.iter().enumerate() {
        for (position, column) in columns.iter().enumerate() {
            let (table, name) = (quoted(table), quoted(column));
            let raise = format!(
                "BEGIN SELECT RAISE(ABORT, {}); END;",
                literal(&format!(
                    "column `{column}` holds a blind index and is not written by hand"
                )),
            );
            connection.execute_batch(&format!(
                "CREATE TEMP TRIGGER {OWN_PREFIX}insert_{number}_{position} BEFORE INSERT ON main.{table}
                 WHEN NEW.{name} IS NOT NULL {raise}
                 CREATE TEMP TRIGGER {OWN_PREFIX}update_{number}_{position} BEFORE UPDATE OF {name} ON main.{table}
                 WHEN NEW.{name} IS NOT NULL AND NEW.{name} IS NOT OLD.{name} {raise}",
            ))?;
        }
    }
    Ok(())
}
