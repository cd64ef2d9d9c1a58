//! A folder as an object store whose answers are kept over a loss of power.
//!
//! The object store's own local folder writes a file beside its place and renames it, which a killed process survives. It
//! does not wait for the disk, though, so that after a loss of power an entry of the log could be there without its bytes.
//! Here a file's bytes are on the disk before its name is, and its name before the answer.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    UploadPart,
};

use crate::Surroundings;

mod reading;

use reading::Buffers;

/// Where files are written before they get their names: on the same file system, and outside of all tables.
pub(crate) const STAGING: &str = "_staging";

/// A folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    inner: Arc<LocalFileSystem>,
    root: Arc<FilePath>,
    surroundings: Arc<dyn Surroundings>,
    buffers: Arc<Buffers>,
    waits: Waits,
}

/// Who waits for the disk when parts of files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// A thread for that: whoever asks has others to serve.
    Apart,
    /// Whoever asks. Handing what lies in the system's cache from thread to thread takes longer than copying it.
    InPlace,
}

impl std::fmt::Display for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("folder")
    }
}

fn failed(source: io::Error) -> Error {
    Error::Generic {
        store: "folder",
        source: source.into(),
    }
}

impl Folder {
    /// The folder of that path, which has to be there.
    pub(crate) fn open(
        root: &FilePath,
        waits: Waits,
        surroundings: Arc<dyn Surroundings>,
    ) -> Result<Self> {
        let root = std::fs::canonicalize(root).map_err(failed)?;
        Ok(Self {
            inner: Arc::new(LocalFileSystem::new_with_prefix(&root)?),
            root: root.into(),
            surroundings,
            buffers: Arc::default(),
            waits,
        })
    }

    fn staged(&self) -> PathBuf {
        let id = crate::surroundings::new_id(self.surroundings.as_ref());
        self.root.join(STAGING).join(id.to_string())
    }
}

#[async_trait]
impl ObjectStore for Folder {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let target = self.inner.path_to_filesystem(location)?;
        let (root, staged) = (Arc::clone(&self.root), self.staged());
        let put = move || {
            let placed = place(&root, &staged, &target, &payload, &options.mode);
            if placed.is_err() {
                // What stays is swept up later.
                let _ = std::fs::remove_file(&staged);
            }
            placed
        };
        let placed = tokio::task::spawn_blocking(put)
            .await
            .map_err(|error| failed(io::Error::other(error)))?;
        match placed {
            Ok(()) => Ok(PutResult {
                e_tag: None,
                version: None,
                extensions: Default::default(),
            }),
            Err(source) if source.kind() == ErrorKind::AlreadyExists => Err(Error::AlreadyExists {
                path: location.to_string(),
                source: source.into(),
            }),
            Err(source) => Err(failed(source)),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let target = self.inner.path_to_filesystem(location)?;
        Ok(Box::new(Upload {
            inner: self.inner.put_multipart_opts(location, options).await?,
            root: Arc::clone(&self.root),
            target,
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(
        &self,
        location: &Path,
        ranges: &[std::ops::Range<u64>],
    ) -> Result<Vec<bytes::Bytes>> {
        let path = self.inner.path_to_filesystem(location)?;
        let read = match self.waits {
            Waits::InPlace => self.buffers.read(&path, ranges),
            Waits::Apart => {
                let (buffers, ranges) = (Arc::clone(&self.buffers), ranges.to_vec());
                tokio::task::spawn_blocking(move || buffers.read(&path, &ranges))
                    .await
                    .map_err(|error| failed(io::Error::other(error)))?
            }
        };
        match read {
            Err(source) if source.kind() == ErrorKind::NotFound => Err(Error::NotFound {
                path: location.to_string(),
                source: source.into(),
            }),
            read => read.map_err(failed),
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn place(
    root: &FilePath,
    staged: &FilePath,
    target: &FilePath,
    payload: &PutPayload,
    mode: &PutMode,
) -> io::Result<()> {
    let mut file = match OpenOptions::new().write(true).create_new(true).open(staged) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            std::fs::create_dir_all(root.join(STAGING))?;
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(staged)?
        }
        opened => opened?,
    };
    for part in payload {
        file.write_all(part)?;
    }
    file.sync_data()?;
    drop(file);
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match mode {
        PutMode::Overwrite => std::fs::rename(staged, target)?,
        PutMode::Create => {
            std::fs::hard_link(staged, target)?;
            // Its other name is swept up later if this fails.
            let _ = std::fs::remove_file(staged);
        }
        PutMode::Update(_) => return Err(ErrorKind::Unsupported.into()),
    }
    sync_folders(root, target)
}

/// A new file's name, and those of the folders above it that may be new as well.
fn sync_folders(root: &FilePath, target: &FilePath) -> io::Result<()> {
    for folder in target.ancestors().skip(1) {
        File::open(folder)?.sync_all()?;
        if folder == root {
            break;
        }
    }
    Ok(())
}

/// A file that is written in parts.
#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    root: Arc<FilePath>,
    target: PathBuf,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.inner.complete().await?;
        let (root, target) = (Arc::clone(&self.root), self.target.clone());
        let sync = move || {
            File::open(&target)?.sync_data()?;
            sync_folders(&root, &target)
        };
        tokio::task::spawn_blocking(sync)
            .await
            .map_err(|error| failed(io::Error::other(error)))?
            .map_err(failed)?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
