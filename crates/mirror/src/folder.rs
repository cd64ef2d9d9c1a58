//! A mirror in a folder, such as the disk of a second machine.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use privet_tlog::TilePath;
use privet_vault::port::{LogMirror, MirrorCheckpoint, MirrorError, MirrorVersion};

use crate::name::{folder_name, origin};
use crate::{CHECKPOINT, CHECKPOINT_BYTES_MAX, FILE_BYTES_MAX};

/// The end of the names under which files are written before they get their own.
const UNFINISHED: &str = ".tmp";

/// A folder with a log an origin. Nobody but the server of an origin writes its log there, which the log's own store sees to.
#[derive(Debug, Clone)]
pub struct FolderMirror {
    root: PathBuf,
    /// Held while a checkpoint is compared and replaced: an attempt that was given up goes on in its thread.
    turn: Arc<Mutex<()>>,
}

impl FolderMirror {
    /// The mirror in a folder, which has to be there.
    ///
    /// # Errors
    /// When it is not, or is none.
    pub fn open(root: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(root)?;
        if !root.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        let turn = Arc::default();
        Ok(Self { root, turn })
    }

    fn log(&self, origin: &str) -> PathBuf {
        self.root.join(folder_name(origin))
    }

    fn file_of(&self, origin: &str, path: TilePath) -> PathBuf {
        self.log(origin).join(path.to_string())
    }

    fn replace(
        &self,
        origin: &str,
        note: &[u8],
        replaces: Option<&MirrorVersion>,
    ) -> io::Result<Option<MirrorVersion>> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.log(origin).join(CHECKPOINT);
        let there = read(&path, CHECKPOINT_BYTES_MAX)?;
        if there.map(|note| version(&note)).as_ref() != replaces {
            return Ok(None);
        }
        write(&self.root, &path, note)?;
        Ok(Some(version(note)))
    }
}

/// A checkpoint is its own version: one text is signed once.
fn version(note: &[u8]) -> MirrorVersion {
    MirrorVersion(String::from_utf8_lossy(note).into_owned())
}

#[async_trait]
impl LogMirror for FolderMirror {
    async fn origins(&self) -> Result<Vec<String>, MirrorError> {
        let root = self.root.clone();
        blocking("list logs", move || {
            let mut origins = Vec::new();
            for entry in fs::read_dir(&root)? {
                let entry = entry?;
                let name = entry.file_name();
                if entry.file_type()?.is_dir() {
                    origins.extend(name.to_str().and_then(origin));
                }
            }
            origins.sort();
            Ok(origins)
        })
        .await
    }

    async fn checkpoint(&self, origin: &str) -> Result<Option<MirrorCheckpoint>, MirrorError> {
        let path = self.log(origin).join(CHECKPOINT);
        let read = blocking("show its checkpoint", move || {
            read(&path, CHECKPOINT_BYTES_MAX)
        });
        let note = read.await?;
        Ok(note.map(|note| MirrorCheckpoint {
            version: version(&note),
            note,
        }))
    }

    async fn put_checkpoint(
        &self,
        origin: &str,
        note: Vec<u8>,
        replaces: Option<&MirrorVersion>,
    ) -> Result<MirrorVersion, MirrorError> {
        let (mirror, origin) = (self.clone(), origin.to_owned());
        let replaces = replaces.cloned();
        let replaced = blocking("take a checkpoint", move || {
            mirror.replace(&origin, &note, replaces.as_ref())
        });
        replaced.await?.ok_or(MirrorError::Replaced)
    }

    async fn file(&self, origin: &str, path: TilePath) -> Result<Option<Vec<u8>>, MirrorError> {
        let path = self.file_of(origin, path);
        blocking("show a file", move || read(&path, FILE_BYTES_MAX)).await
    }

    async fn put(&self, origin: &str, path: TilePath, bytes: Vec<u8>) -> Result<(), MirrorError> {
        let (root, path) = (self.root.clone(), self.file_of(origin, path));
        blocking("take a file", move || write(&root, &path, &bytes)).await
    }

    async fn remove(&self, origin: &str, path: TilePath) -> Result<(), MirrorError> {
        let path = self.file_of(origin, path);
        blocking("remove a file", move || {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            // Its folder only goes when it is empty; that it is not is no failure.
            if let Some(parent) = path.parent() {
                let _ = fs::remove_dir(parent);
            }
            Ok(())
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, MirrorError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|_| Err(ErrorKind::Interrupted.into()));
    done.map_err(|error| MirrorError::Unavailable {
        doing,
        // An error's own words may name the path.
        why: error.kind().to_string(),
    })
}

fn read(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > bytes_max {
        true => Err(ErrorKind::FileTooLarge.into()),
        false => Ok(Some(bytes)),
    }
}

/// Writes a file so that a reader sees the whole of it or nothing, and that a loss of power leaves what was answered.
fn write(root: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Whether it is still mounted: a folder is not made in the place of a disk.
    File::open(root)?;
    let parent = path.parent().ok_or(ErrorKind::InvalidInput)?;
    let is_new = !parent.exists();
    if is_new {
        fs::create_dir_all(parent)?;
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(parent)?.sync_all()?;
    // New folders are entries of those above them.
    for folder in parent.ancestors().skip(1).filter(|_| is_new) {
        File::open(folder)?.sync_all()?;
        if folder == root {
            break;
        }
    }
    Ok(())
}
