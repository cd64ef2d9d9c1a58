//! A file of SQLite and its connections: for reading, for sealing, for erasing.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use privet_vault::SourceName;
use privet_vault::port::SourceError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{self, Failing};

/// Page cache of each connection, in KiB.
const CACHE_KIB: u32 = 65_536;

/// Which connection works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    /// Sealing changes how values are written down, not what they are: the application's triggers would take it for its own kind of
    /// change, and there is no reference to a sealed column.
    Write,
    /// As an application would: what it keeps beside its rows (search indexes, sums, histories) is its triggers' business.
    Erase,
}

/// The file and its connections: one that reads ahead while one of the others writes.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: SourceName,
    pub(super) path: PathBuf,
    lock_wait: Duration,
    reader: Mutex<Option<Connection>>,
    writers: Mutex<Writers>,
    /// Whether it was said that its children are not confined.
    pub(super) unconfined: Once,
}

impl File {
    pub(super) fn new(name: SourceName, path: PathBuf, lock_wait: Duration) -> Self {
        Self {
            name,
            path,
            lock_wait,
            reader: Mutex::default(),
            writers: Mutex::default(),
            unconfined: Once::new(),
        }
    }

    /// Runs `work` with the connection of that kind.
    pub(super) fn with<T>(
        &self,
        access: Access,
        work: impl FnOnce(&mut Connection) -> Result<T, Failing>,
    ) -> Result<T, SourceError> {
        let (mut reader, mut writers);
        let slot = match access {
            Access::Read => {
                reader = lock(&self.reader);
                &mut *reader
            }
            Access::Write => {
                writers = lock(&self.writers);
                &mut writers.sealing
            }
            Access::Erase => {
                writers = lock(&self.writers);
                &mut writers.erasing
            }
        };
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self
                .open(access)
                .map_err(|error| error::unreachable(&self.name, &error))?,
        };
        // Kept only when all went well: after an error the next call starts with a fresh one.
        let done = work(&mut connection).map_err(|failing| failing.named(&self.name))?;
        *slot = Some(connection);
        Ok(done)
    }

    fn open(&self, access: Access) -> rusqlite::Result<Connection> {
        // Reading too must be able to roll back what a killed program left half done; `query_only` keeps it from
        // writing anything else.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(self.lock_wait)?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        // Else a statement with a parameter in its LIMIT is prepared anew whenever it is bound.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.execute_batch(&format!("PRAGMA cache_size = -{CACHE_KIB}"))?;
        let behaves = match access {
            Access::Read => "PRAGMA query_only = ON",
            Access::Write => "PRAGMA foreign_keys = OFF; PRAGMA secure_delete = ON",
            Access::Erase => "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON",
        };
        connection.execute_batch(behaves)?;
        let has_triggers = access == Access::Erase;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, has_triggers)?;
        // Opening reads nothing; this does, and so finds what is not a database.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    }

    /// Closes the connections, so that the engine removes its logs.
    pub(super) fn close(&self) {
        *lock(&self.reader) = None;
        *lock(&self.writers) = Writers::default();
    }
}

/// Connections that write; one works at a time.
#[derive(Debug, Default)]
struct Writers {
    sealing: Option<Connection>,
    erasing: Option<Connection>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
