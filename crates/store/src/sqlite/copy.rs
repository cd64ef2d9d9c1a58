//! A copy of the key store's file, made while a server runs on it.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use privet_vault::port::{KeyBackup, KeyStore, StoreError};
use rusqlite::{Connection, OpenFlags};

use super::SqliteOptions;
use super::engine::Engine;
use super::file::{Access, StoreFile, io_failure};
use super::keys::{self, SqliteKeys};

/// Copies `keys.sqlite` of one folder to another, which should lie on another disk, and opens the copy.
#[derive(Debug, Clone)]
pub struct SqliteKeyCopy {
    from: PathBuf,
    to: PathBuf,
}

impl SqliteKeyCopy {
    /// A copy in folder `to` of the keys in folder `from`; nothing is made yet.
    pub fn new(from: &Path, to: &Path) -> Self {
        Self {
            from: from.join(keys::SPEC.name),
            to: to.to_owned(),
        }
    }

    /// The copy takes the place of an older one only when it is whole and on the disk.
    fn make(&self) -> Result<(), StoreError> {
        let io = |error: std::io::Error| io_failure("the copy of the key store", &error);
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.to);
        made.map_err(io)?;
        let new = self.to.join(format!("{}.new", keys::SPEC.name));
        match fs::remove_file(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let engine = |error: rusqlite::Error| {
            let code = error.sqlite_error_code();
            StoreError::Unavailable(format!("the key store cannot be copied ({code:?})"))
        };
        let path = new.to_str().ok_or_else(|| {
            StoreError::Unavailable("the path of the copy is not UTF-8: choose another".to_owned())
        })?;
        let live = Connection::open_with_flags(&self.from, flags).map_err(engine)?;
        // One read transaction, whatever is written meanwhile (<https://sqlite.org/lang_vacuum.html#vacuuminto>).
        live.execute("VACUUM INTO ?1", [path]).map_err(engine)?;
        let copied = File::open(&new).map_err(io)?;
        set_rights(&copied).map_err(io)?;
        copied.sync_all().map_err(io)?;
        fs::rename(&new, self.to.join(keys::SPEC.name)).map_err(io)?;
        File::open(&self.to)
            .and_then(|folder| folder.sync_all())
            .map_err(io)
    }
}

fn set_rights(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

#[async_trait]
impl KeyBackup for SqliteKeyCopy {
    async fn open(&self) -> Result<Arc<dyn KeyStore>, StoreError> {
        let copy = self.clone();
        let opened = tokio::task::spawn_blocking(move || {
            copy.make()?;
            let options = SqliteOptions {
                readers: 1,
                ..SqliteOptions::default()
            };
            let file = StoreFile::existing(&copy.to, &keys::SPEC)?;
            Engine::start(file, Access::Read, &options, None)
        });
        let engine = opened
            .await
            .map_err(|_| StoreError::Unavailable("copying the key store broke off".to_owned()))??;
        Ok(Arc::new(SqliteKeys { engine }))
    }
}
