//! Opening one SQLite file: its rights, its settings, its format, and what an engine error means to a caller.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use privet_vault::port::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::SqliteOptions;

/// Statements kept prepared per connection: more than any port has.
const STATEMENTS_MAX: usize = 128;

/// What distinguishes the three files.
#[derive(Debug)]
pub(super) struct FileSpec {
    /// File name inside the folder.
    pub(super) name: &'static str,
    /// `PRAGMA application_id`: what kind of file it is.
    pub(super) application_id: i32,
    /// The steps from an empty file to today's format; `PRAGMA user_version` counts those done. Steps are never
    /// changed or taken back, only added.
    pub(super) migrations: &'static [&'static str],
    /// What to do when its content cannot be right.
    pub(super) damaged: &'static str,
    /// How much of it may be mapped into memory.
    pub(super) mmap_bytes: i64,
    /// Page cache of each connection.
    pub(super) cache_bytes: i64,
    /// Bytes of a page. What is inserted in random order costs a page per row, so those files have small ones; entries
    /// and tiles of up to 8 KiB come in order, and then overflow into one page at most.
    pub(super) page_bytes: u32,
    /// Pages in the write-ahead log after which a commit moves them into the file: few where one slow commit delays
    /// many callers, many where the same page is written by many commits.
    pub(super) checkpoint_pages: u32,
    /// Whether erasure searches the file for what it destroyed.
    pub(super) searched: bool,
}

/// Whether a file is opened by its server or beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Reading and writing; the folder's lock is held.
    Write,
    /// Reading alone.
    Read,
}

/// Why a piece of work inside the engine failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Already in the port's words.
    Store(StoreError),
    /// In the engine's.
    Engine(rusqlite::Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl Failure {
    /// Whether a UNIQUE index (not a primary key) refused a row.
    pub(super) fn is_unique_index(&self) -> bool {
        matches!(self, Self::Engine(rusqlite::Error::SqliteFailure(error, _))
            if error.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE)
    }

    /// In the port's words. The engine's message is dropped, since only its code is sure to hold no value.
    pub(super) fn into_store(self, spec: &FileSpec) -> StoreError {
        let error = match self {
            Self::Store(error) => return error,
            Self::Engine(error) => error,
        };
        match error {
            rusqlite::Error::SqliteFailure(error, _) => match error.code {
                ErrorCode::ConstraintViolation => StoreError::Conflict,
                ErrorCode::DiskFull => StoreError::Full,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                    StoreError::Damaged(spec.damaged)
                }
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                    StoreError::Unavailable(format!(
                        "`{}` is locked by another program: close it and try again",
                        spec.name
                    ))
                }
                _ => StoreError::Unavailable(format!(
                    "`{}`: {}",
                    spec.name,
                    ffi::code_to_str(error.extended_code)
                )),
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..) => StoreError::Damaged(spec.damaged),
            rusqlite::Error::ToSqlConversionFailure(_) => {
                StoreError::Unavailable("a time or number is out of the store's range".to_owned())
            }
            _ => StoreError::Unavailable(format!("`{}` refused a statement", spec.name)),
        }
    }
}

/// The folder's files of one kind: the path, and for the key store a second handle for searching its bytes.
///
/// The handle is opened before SQLite opens the file and closed after: closing any handle of a file drops all POSIX
/// locks that this process has on it, SQLite's among them (<https://www.sqlite.org/howtocorrupt.html>, section 2.2).
#[derive(Debug)]
pub(super) struct StoreFile {
    pub(super) spec: &'static FileSpec,
    pub(super) path: PathBuf,
    pub(super) raw: Option<File>,
    /// Held together by those of ours who have a snapshot of it, and by whoever empties its write-ahead log alone.
    snapshots: RwLock<()>,
}

impl StoreFile {
    /// Makes the file where it does not exist yet, with rights for its owner alone.
    pub(super) fn create(dir: &Path, spec: &'static FileSpec) -> Result<Self, StoreError> {
        let path = dir.join(spec.name);
        let context = |error: io::Error| io_failure(spec.name, &error);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
        {
            Ok(file) => {
                // The name must survive a power failure as surely as what is written under it.
                file.sync_all()
                    .and_then(|()| File::open(dir)?.sync_all())
                    .map_err(context)?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let rights = fs::metadata(&path).map_err(context)?.permissions();
                if rights.mode() & 0o077 != 0 {
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
                        .map_err(context)?;
                }
            }
            Err(error) => return Err(context(error)),
        }
        let raw = if spec.searched {
            Some(File::open(&path).map_err(context)?)
        } else {
            None
        };
        Ok(Self {
            spec,
            path,
            raw,
            snapshots: RwLock::default(),
        })
    }

    /// The file as it is, for reading.
    pub(super) fn existing(dir: &Path, spec: &'static FileSpec) -> Result<Self, StoreError> {
        let path = dir.join(spec.name);
        fs::metadata(&path).map_err(|error| io_failure(spec.name, &error))?;
        Ok(Self {
            spec,
            path,
            raw: None,
            snapshots: RwLock::default(),
        })
    }

    /// Held while somebody of ours has a snapshot.
    pub(super) fn among_readers(&self) -> RwLockReadGuard<'_, ()> {
        self.snapshots
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Held while nobody of ours has one.
    pub(super) fn without_readers(&self) -> RwLockWriteGuard<'_, ()> {
        self.snapshots
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection that writes, after the format was checked and brought up to date.
    pub(super) fn writer(&self, options: &SqliteOptions) -> Result<Connection, StoreError> {
        self.open_writer(options)
            .map_err(|failure| failure.into_store(self.spec))
    }

    fn open_writer(&self, options: &SqliteOptions) -> Result<Connection, Failure> {
        let spec = self.spec;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(options.busy_wait)?;
        let version = check_format(&connection, spec)?;
        // It has no effect on a file that has pages already.
        connection.pragma_update(None, "page_size", spec.page_bytes)?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update_and_check(None, "secure_delete", "on", |_| Ok(()))?;
        connection.pragma_update_and_check(
            None,
            "wal_autocheckpoint",
            spec.checkpoint_pages,
            |_| Ok(()),
        )?;
        set_common(&connection, spec)?;
        migrate(&connection, spec, version)?;
        if let Some(pages) = options.pages_max {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(connection)
    }

    /// A connection that only reads.
    pub(super) fn reader(&self, options: &SqliteOptions) -> Result<Connection, StoreError> {
        self.open_reader(options)
            .map_err(|failure| failure.into_store(self.spec))
    }

    fn open_reader(&self, options: &SqliteOptions) -> Result<Connection, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(options.busy_wait)?;
        let version = check_format(&connection, self.spec)?;
        if usize::try_from(version).ok() != Some(self.spec.migrations.len()) {
            return Err(StoreError::Unavailable(format!(
                "`{}` has an older format: start the server once, which brings it up to date",
                self.spec.name
            ))
            .into());
        }
        set_common(&connection, self.spec)?;
        Ok(connection)
    }
}

/// What both kinds of connection need.
fn set_common(connection: &Connection, spec: &FileSpec) -> Result<(), Failure> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Else a statement with a parameter in its LIMIT is prepared anew whenever it is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // Sorting and rebuilding must not leave a copy in some temporary file.
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -(spec.cache_bytes / 1024))?;
    connection.pragma_update_and_check(None, "mmap_size", spec.mmap_bytes, |_| Ok(()))?;
    Ok(())
}

/// The format's number, after making sure that it is one of ours and not newer than this program.
fn check_format(connection: &Connection, spec: &FileSpec) -> Result<u32, Failure> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == 0 && version == 0 && tables == 0 {
        return Ok(0);
    }
    if application != i64::from(spec.application_id) {
        return Err(StoreError::Damaged(spec.damaged).into());
    }
    let found =
        u32::try_from(version).map_err(|_| Failure::Store(StoreError::Damaged(spec.damaged)))?;
    let known = u32::try_from(spec.migrations.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StoreError::NewerVersion { found, known }.into());
    }
    Ok(found)
}

/// Does the steps that are missing, each in a transaction of its own.
fn migrate(connection: &Connection, spec: &FileSpec, done: u32) -> Result<(), Failure> {
    for (version, step) in (1_u32..).zip(spec.migrations).skip(done as usize) {
        connection.execute_batch(&format!(
            "BEGIN EXCLUSIVE; {step}; PRAGMA application_id = {}; PRAGMA user_version = {version}; COMMIT",
            spec.application_id
        ))?;
    }
    Ok(())
}

/// A failed file operation in the port's words.
pub(super) fn io_failure(name: &str, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        kind => StoreError::Unavailable(format!("`{name}`: {kind}")),
    }
}
