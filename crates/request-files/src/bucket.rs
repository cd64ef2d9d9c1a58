//! Files in a bucket, written in parts: they are there when the last part was taken, or not at all.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, WriteMultipart};
use privet_vault::port::{FileError, FileName, FileStore, NewFile};

/// Bytes of a part. Services take none below 5 MiB but the last, and 10,000 of a file: files end at 78 GiB.
const PART_BYTES: usize = 8 << 20;
/// Parts on their way at once.
const PARTS_MAX: usize = 2;
/// Below what the files lie.
const FOLDER: &str = "requests";

/// A bucket with files of requests: `requests/<request>/<run>`. Servers may share it. Parts of a file whose server was killed
/// stay invisible until the bucket's own rule ends incomplete uploads.
#[derive(Debug, Clone)]
pub struct BucketFiles {
    objects: Arc<dyn ObjectStore>,
}

impl BucketFiles {
    /// The bucket.
    pub fn new(objects: Arc<dyn ObjectStore>) -> Self {
        Self { objects }
    }
}

fn path(name: FileName) -> Path {
    Path::from_iter([
        FOLDER,
        name.request.to_string().as_str(),
        name.run.to_string().as_str(),
    ])
}

/// The file of an object; `None` for anything else that somebody put there.
fn name(path: &Path) -> Option<FileName> {
    let parts: Vec<_> = path.parts().collect();
    let [folder, request, run] = parts.as_slice() else {
        return None;
    };
    let (request, run) = (request.as_ref().parse().ok()?, run.as_ref().parse().ok()?);
    (folder.as_ref() == FOLDER).then_some(FileName { request, run })
}

#[async_trait]
impl FileStore for BucketFiles {
    async fn begin(&self, name: FileName) -> Result<Box<dyn NewFile>, FileError> {
        let upload = self.objects.put_multipart(&path(name)).await;
        let upload = upload.map_err(told)?;
        Ok(Box::new(Upload(WriteMultipart::new_with_chunk_size(
            upload, PART_BYTES,
        ))))
    }

    async fn size_bytes(&self, name: FileName) -> Result<u64, FileError> {
        let found = self.objects.head(&path(name)).await;
        Ok(found.map_err(told)?.size)
    }

    async fn read(&self, name: FileName, range: Range<u64>) -> Result<Vec<u8>, FileError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let len = range.end.saturating_sub(range.start);
        let bytes = self.objects.get_range(&path(name), range).await;
        let bytes = bytes.map_err(told)?;
        // Services answer with what there is of a range.
        if bytes.len() as u64 != len {
            return Err(FileError::Missing);
        }
        Ok(bytes.into())
    }

    async fn delete(&self, name: FileName) -> Result<(), FileError> {
        match self.objects.delete(&path(name)).await.map_err(told) {
            Err(FileError::Missing) => Ok(()),
            deleted => deleted,
        }
    }

    async fn list(&self) -> Result<Vec<FileName>, FileError> {
        let folder = Path::from(FOLDER);
        let listed = self.objects.list(Some(&folder));
        let names = listed.try_filter_map(|object| async move { Ok(name(&object.location)) });
        names.try_collect().await.map_err(told)
    }
}

struct Upload(WriteMultipart);

#[async_trait]
impl NewFile for Upload {
    async fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.0.wait_for_capacity(PARTS_MAX).await.map_err(told)?;
        self.0.write(bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), FileError> {
        self.0.finish().await.map(drop).map_err(told)
    }

    async fn abandon(self: Box<Self>) {
        // What stays is the bucket's to end.
        let _ = self.0.abort().await;
    }
}

/// A client's own words may quote an address with a signature in it.
fn told(error: Error) -> FileError {
    let why = match error {
        Error::NotFound { .. } => return FileError::Missing,
        Error::PermissionDenied { .. } => "permission denied",
        Error::Unauthenticated { .. } => "the credentials are not accepted",
        _ => "the bucket does not answer as it should",
    };
    FileError::Unavailable(why.to_owned())
}
