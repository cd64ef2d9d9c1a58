//! Files in a folder of this server: written under another name, brought to the disk, and then given their own.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use privet_vault::port::{FileError, FileName, FileStore, NewFile};

use crate::private::{make_folder, new_file, unless_missing};

/// What the names of unfinished files end with. No id ends like that.
const UNFINISHED: &str = ".part";

/// A folder with files of requests: `<request>/<run>`.
#[derive(Debug, Clone)]
pub struct FolderFiles {
    root: Arc<Path>,
}

impl FolderFiles {
    /// The folder, which is made if it is not there, for its owner alone. What a server left unfinished is deleted: the folder
    /// is one server's.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn open(root: &Path) -> io::Result<Self> {
        make_folder(root)?;
        for folder in fs::read_dir(root)? {
            let folder = folder?.path();
            if folder.is_dir() {
                delete_unfinished(&folder)?;
            }
        }
        Ok(Self { root: root.into() })
    }

    fn folder(&self, name: FileName) -> PathBuf {
        self.root.join(name.request.to_string())
    }

    fn path(&self, name: FileName) -> PathBuf {
        self.folder(name).join(name.run.to_string())
    }
}

fn delete_unfinished(folder: &Path) -> io::Result<()> {
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(UNFINISHED) {
            unless_missing(fs::remove_file(&path))?;
        }
    }
    Ok(())
}

#[async_trait]
impl FileStore for FolderFiles {
    async fn begin(&self, name: FileName) -> Result<Box<dyn NewFile>, FileError> {
        let (folder, path) = (self.folder(name), self.path(name));
        let unfinished = path.with_extension("part");
        let root = Arc::clone(&self.root);
        let opened = unfinished.clone();
        let file = on_disk(move || {
            make_folder(&folder)?;
            new_file().open(&opened)
        });
        Ok(Box::new(Unfinished {
            file: Some(file.await?),
            unfinished,
            path,
            root,
        }))
    }

    async fn size_bytes(&self, name: FileName) -> Result<u64, FileError> {
        let path = self.path(name);
        on_disk(move || Ok(fs::metadata(path)?.len())).await
    }

    async fn read(&self, name: FileName, range: Range<u64>) -> Result<Vec<u8>, FileError> {
        let path = self.path(name);
        on_disk(move || {
            let mut file = File::open(path)?;
            let len = range.end.saturating_sub(range.start);
            // Before room is made for it.
            if range.end > file.metadata()?.len() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            file.seek(SeekFrom::Start(range.start))?;
            let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        })
        .await
    }

    async fn delete(&self, name: FileName) -> Result<(), FileError> {
        let (folder, path) = (self.folder(name), self.path(name));
        on_disk(move || {
            unless_missing(fs::remove_file(path))?;
            // Others may still be in it.
            let _ = fs::remove_dir(folder);
            Ok(())
        })
        .await
    }

    async fn list(&self) -> Result<Vec<FileName>, FileError> {
        let root = Arc::clone(&self.root);
        on_disk(move || {
            let mut names = Vec::new();
            for folder in fs::read_dir(root)? {
                let folder = folder?;
                let Ok(request) = folder.file_name().to_string_lossy().parse() else {
                    continue;
                };
                for file in fs::read_dir(folder.path())? {
                    if let Ok(run) = file?.file_name().to_string_lossy().parse() {
                        names.push(FileName { request, run });
                    }
                }
            }
            Ok(names)
        })
        .await
    }
}

/// A file under another name.
struct Unfinished {
    /// `None` while it is being written to, or when that broke off.
    file: Option<File>,
    unfinished: PathBuf,
    path: PathBuf,
    root: Arc<Path>,
}

#[async_trait]
impl NewFile for Unfinished {
    async fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let mut file = self.file.take().ok_or_else(broken_off)?;
        let bytes = bytes.to_vec();
        let written = on_disk(move || {
            file.write_all(&bytes)?;
            Ok(file)
        });
        self.file = Some(written.await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), FileError> {
        let file = self.file.take().ok_or_else(broken_off)?;
        let (from, to, root) = (
            self.unfinished.clone(),
            self.path.clone(),
            Arc::clone(&self.root),
        );
        on_disk(move || {
            // The bytes are on the disk before the name is, and the name before the answer.
            file.sync_all()?;
            fs::rename(from, &to)?;
            for folder in to.ancestors().skip(1).take(2) {
                File::open(folder)?.sync_all()?;
                if folder == &*root {
                    break;
                }
            }
            Ok(())
        })
        .await
    }

    async fn abandon(self: Box<Self>) {
        // Dropping it does.
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After its end there is nothing of this name; what stays is deleted by the next start.
        let _ = fs::remove_file(&self.unfinished);
    }
}

fn broken_off() -> FileError {
    FileError::Unavailable("writing broke off".to_owned())
}

/// Runs what waits for the disk where it holds nobody up.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, FileError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| told(&error)),
        Err(_) => Err(broken_off()),
    }
}

fn told(error: &io::Error) -> FileError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::UnexpectedEof => FileError::Missing,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FileError::Full,
        // The kind alone: a message of the system may hold a path.
        kind => FileError::Unavailable(kind.to_string()),
    }
}
