//! The three stores as SQLite files in one folder.

mod column;
mod copy;
mod data;
mod engine;
mod file;
mod keys;
mod lock;
mod log;
mod scrub;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub use self::copy::SqliteKeyCopy;
use privet_vault::port::{DataStore, KeyStore, LogStore, StoreError};

use self::data::SqliteData;
use self::engine::Engine;
use self::file::{Access, FileSpec, StoreFile, io_failure};
use self::keys::SqliteKeys;
use self::lock::FolderLock;
use self::log::SqliteLog;

/// How to open a folder; [`SqliteOptions::default`] is right for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Threads that read each file.
    pub readers: usize,
    /// Pages (of 4 KiB, in the log 8 KiB) that each file may have; beyond it writing answers [`StoreError::Full`] and reading goes on.
    pub pages_max: Option<u32>,
    /// How long a call waits for another program's lock on a file before it fails.
    pub busy_wait: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            readers: cores.clamp(2, 4),
            pages_max: None,
            busy_wait: Duration::from_secs(5),
        }
    }
}

/// `data.sqlite`, `keys.sqlite` and `log.sqlite` of one folder.
///
/// The folder is locked until the last of the three is dropped; dropping it waits for the calls that were accepted.
#[derive(Clone)]
pub struct SqliteStores {
    /// Sealed values, blind indexes, sessions.
    pub data: Arc<dyn DataStore>,
    /// Keys, links, tokens, grants.
    pub keys: Arc<dyn KeyStore>,
    /// The audit log.
    pub log: Arc<dyn LogStore>,
}

impl std::fmt::Debug for SqliteStores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStores").finish_non_exhaustive()
    }
}

/// Keeps servers off a folder for as long as it lives, without opening what is in there.
#[derive(Debug)]
pub struct StoresLock {
    _lock: FolderLock,
}

impl SqliteStores {
    /// Locks a folder that exists, as a server would: whoever holds the lock may delete what is in there.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when a server has it, else what the system said.
    pub fn lock(dir: &Path) -> Result<StoresLock, StoreError> {
        let _lock = FolderLock::acquire(dir)?;
        Ok(StoresLock { _lock })
    }

    /// Opens the folder for its server: makes what does not exist yet and brings older formats up to date.
    ///
    /// Blocks for a few milliseconds, whatever the stores hold.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another server has it, [`StoreError::NewerVersion`] when a newer `privet` wrote it,
    /// [`StoreError::Damaged`] when a file is none of ours, else what the system said.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, &SqliteOptions::default())
    }

    /// Like [`open`](Self::open), with other options.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_with(dir: &Path, options: &SqliteOptions) -> Result<Self, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|error| io_failure("the store's folder", &error))?;
        let lock = Arc::new(FolderLock::acquire(dir)?);
        Self::start(|spec| {
            let file = StoreFile::create(dir, spec)?;
            let lock = Some(Arc::clone(&lock));
            Engine::start(file, Access::Write, options, lock)
        })
    }

    /// Opens the folder for reading, beside a server that may be running; every writing method fails.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the files do not exist or have an older format, and those of
    /// [`open`](Self::open) but for [`StoreError::InUse`].
    pub fn open_read_only(dir: &Path) -> Result<Self, StoreError> {
        let options = SqliteOptions {
            readers: 1,
            ..SqliteOptions::default()
        };
        Self::start(|spec| {
            Engine::start(
                StoreFile::existing(dir, spec)?,
                Access::Read,
                &options,
                None,
            )
        })
    }

    fn start(
        engine: impl Fn(&'static FileSpec) -> Result<Engine, StoreError>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            data: Arc::new(SqliteData {
                engine: engine(&data::SPEC)?,
            }),
            keys: Arc::new(SqliteKeys {
                engine: engine(&keys::SPEC)?,
            }),
            log: Arc::new(SqliteLog {
                engine: engine(&log::SPEC)?,
            }),
        })
    }
}
