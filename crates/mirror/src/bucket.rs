//! A mirror in a bucket of an object store.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutMode, PutResult,
    UpdateVersion,
};
use privet_objects::Why;
use privet_tlog::TilePath;
use privet_vault::port::{LogMirror, MirrorCheckpoint, MirrorError, MirrorVersion};

use crate::name::{folder_name, origin};
use crate::{CHECKPOINT, CHECKPOINT_BYTES_MAX, FILE_BYTES_MAX};

/// Where an object is put for a moment; no origin's folder is called so.
const PROBES: &str = "_probe";

/// A bucket with a log an origin. The service has to take conditional writes, as S3, Google Cloud Storage and Azure do.
#[derive(Debug, Clone)]
pub struct BucketMirror {
    objects: Arc<dyn ObjectStore>,
}

impl BucketMirror {
    /// The mirror in this bucket, or below this prefix of it. The network is not asked yet.
    pub fn new(objects: Arc<dyn ObjectStore>) -> Self {
        Self { objects }
    }

    /// Asks whether of two who replace one checkpoint only one succeeds, on an object that is deleted again: without that, two
    /// servers would take each other's logs away. The name has to be one that nobody else uses at the same time.
    ///
    /// # Errors
    /// [`MirrorError::Unavailable`] says what the service does not do.
    pub async fn probe(&self, name: u128) -> Result<(), MirrorError> {
        let path = Path::from(format!("{PROBES}/{name:032x}"));
        let probed = self.probed(&path).await;
        // Also after what went wrong: nothing is to stay.
        let deleted = self.objects.delete(&path).await;
        probed?;
        deleted.map_err(cannot("remove a file"))
    }

    async fn probed(&self, path: &Path) -> Result<(), MirrorError> {
        let put = |content: &'static str, mode: PutMode| {
            let objects = Arc::clone(&self.objects);
            let path = path.clone();
            async move { objects.put_opts(&path, content.into(), mode.into()).await }
        };
        let first = put("one", PutMode::Create).await;
        let first = first.map_err(cannot("take a checkpoint"))?;
        refused(put("other", PutMode::Create).await)?;
        let PutResult { e_tag, version, .. } = first;
        let first = UpdateVersion { e_tag, version };
        put("two", PutMode::Update(first.clone()))
            .await
            .map_err(cannot("take a checkpoint in the place of the one before"))?;
        refused(put("late", PutMode::Update(first)).await)
    }

    async fn read(
        &self,
        doing: &'static str,
        path: &Path,
        bytes_max: u64,
    ) -> Result<Option<(Vec<u8>, UpdateVersion)>, MirrorError> {
        let bounded = GetOptions {
            range: Some(GetRange::Bounded(0..bytes_max)),
            ..GetOptions::default()
        };
        let found = match self.objects.get_opts(path, bounded).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(cannot(doing))?,
        };
        let version = UpdateVersion {
            e_tag: found.meta.e_tag.clone(),
            version: found.meta.version.clone(),
        };
        let bytes = found.bytes().await.map_err(cannot(doing))?;
        Ok(Some((bytes.into(), version)))
    }
}

/// A write that was to be refused.
fn refused(written: Result<PutResult, Error>) -> Result<(), MirrorError> {
    let doing = "refuse to replace what somebody else wrote meanwhile";
    match written {
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(()),
        Err(error) => Err(cannot(doing)(error)),
        Ok(_) => Err(MirrorError::Unavailable {
            doing,
            why: "it takes no notice of the condition; use a service with conditional writes"
                .to_owned(),
        }),
    }
}

fn checkpoint_of(origin: &str) -> Path {
    Path::from(format!("{}/{CHECKPOINT}", folder_name(origin)))
}

fn file_of(origin: &str, path: TilePath) -> Path {
    Path::from(format!("{}/{path}", folder_name(origin)))
}

/// The client's own words are left out: they may quote an address with a signature in it.
fn cannot(doing: &'static str) -> impl Fn(Error) -> MirrorError {
    move |error| MirrorError::Unavailable {
        doing,
        why: Why::of(&error).to_string(),
    }
}

/// Both parts of a version in one text; the line between them is in neither.
fn to_text(version: UpdateVersion) -> MirrorVersion {
    let UpdateVersion { e_tag, version } = version;
    let part = |part: Option<String>| part.map(|part| format!("={part}")).unwrap_or_default();
    MirrorVersion(format!("{}\n{}", part(e_tag), part(version)))
}

fn from_text(version: &MirrorVersion) -> UpdateVersion {
    let part = |part: &str| part.strip_prefix('=').map(str::to_owned);
    let (e_tag, version) = version.0.split_once('\n').unwrap_or_default();
    UpdateVersion {
        e_tag: part(e_tag),
        version: part(version),
    }
}

#[async_trait]
impl LogMirror for BucketMirror {
    async fn origins(&self) -> Result<Vec<String>, MirrorError> {
        let listed = self.objects.list_with_delimiter(None).await;
        let listed = listed.map_err(cannot("list logs"))?;
        let names = listed.common_prefixes.iter().filter_map(Path::filename);
        Ok(names.filter_map(origin).collect())
    }

    async fn checkpoint(&self, origin: &str) -> Result<Option<MirrorCheckpoint>, MirrorError> {
        let path = checkpoint_of(origin);
        let found = self.read("show its checkpoint", &path, CHECKPOINT_BYTES_MAX);
        Ok(found.await?.map(|(note, version)| MirrorCheckpoint {
            note,
            version: to_text(version),
        }))
    }

    async fn put_checkpoint(
        &self,
        origin: &str,
        note: Vec<u8>,
        replaces: Option<&MirrorVersion>,
    ) -> Result<MirrorVersion, MirrorError> {
        let mode = match replaces {
            None => PutMode::Create,
            Some(version) => PutMode::Update(from_text(version)),
        };
        let path = checkpoint_of(origin);
        match self.objects.put_opts(&path, note.into(), mode.into()).await {
            Ok(PutResult { e_tag, version, .. }) => Ok(to_text(UpdateVersion { e_tag, version })),
            // What was to be replaced may be gone, too.
            Err(
                Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. },
            ) => Err(MirrorError::Replaced),
            Err(error) => Err(cannot("take a checkpoint")(error)),
        }
    }

    async fn file(&self, origin: &str, path: TilePath) -> Result<Option<Vec<u8>>, MirrorError> {
        let path = file_of(origin, path);
        let found = self.read("show a file", &path, FILE_BYTES_MAX).await?;
        Ok(found.map(|(bytes, _)| bytes))
    }

    async fn put(&self, origin: &str, path: TilePath, bytes: Vec<u8>) -> Result<(), MirrorError> {
        let put = self.objects.put(&file_of(origin, path), bytes.into()).await;
        put.map(drop).map_err(cannot("take a file"))
    }

    async fn remove(&self, origin: &str, path: TilePath) -> Result<(), MirrorError> {
        match self.objects.delete(&file_of(origin, path)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(cannot("remove a file")(error)),
        }
    }
}
