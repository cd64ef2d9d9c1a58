//! Where the log's mirror is, and what keeps it from being one.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use privet_mirror::{BucketMirror, FolderMirror};
use privet_seal::Entropy as _;
use privet_vault::ThreadEntropy;
use privet_vault::port::{LogMirror, MirrorError};
use tokio::time::timeout;

use crate::folder::{Folder, SETTINGS};
use crate::settings::{Mirror, Settings};
use crate::telemetry::{bucket, writable};

/// Somebody waits for the answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The mirror; `None` where development does without.
///
/// # Errors
/// When there has to be one and is not, or what is stated is not right.
pub(crate) fn open(folder: &Folder, settings: &Settings) -> Result<Option<Arc<dyn LogMirror>>> {
    let Some(mirror) = &settings.log.mirror else {
        if settings.development {
            return Ok(None);
        }
        bail!(
            "the log has no mirror, which it needs outside of development: name a folder on another machine's disk, or a \
             bucket, as `place` under [log.mirror] of `{SETTINGS}`"
        );
    };
    let opened = opened(folder, mirror);
    opened
        .map(Some)
        .with_context(|| format!("`place` in [log.mirror] of `{SETTINGS}` cannot be used"))
}

fn opened(folder: &Folder, mirror: &Mirror) -> Result<Arc<dyn LogMirror>> {
    if let Some(path) = folder_of(folder, mirror)? {
        let shown = path.display();
        let opened = FolderMirror::open(&path).with_context(|| {
            format!("`{shown}` is not there: mount the disk that holds it, or make the folder")
        });
        return Ok(Arc::new(opened?));
    }
    Ok(Arc::new(bucket_of(folder, mirror)?))
}

fn bucket_of(folder: &Folder, mirror: &Mirror) -> Result<BucketMirror> {
    let options = options(folder, mirror)?;
    let objects = privet_objects::open(&mirror.place, &options)?;
    Ok(BucketMirror::new(objects))
}

/// What the bucket's client is told.
fn options(folder: &Folder, mirror: &Mirror) -> Result<Vec<(String, String)>> {
    bucket::options(folder, &mirror.place, mirror.bucket.as_ref(), "log.mirror")
}

/// The folder, if it is none in a bucket.
fn folder_of(folder: &Folder, mirror: &Mirror) -> Result<Option<PathBuf>> {
    if privet_objects::is_bucket(&mirror.place) {
        return Ok(None);
    }
    // What is stated for a bucket is of no use.
    options(folder, mirror)?;
    if mirror.place.is_empty() || mirror.place.contains("://") {
        bail!("it is not understood: use a folder, `s3://…`, `gs://…` or `az://…`");
    }
    Ok(Some(folder.join(Path::new(&mirror.place))))
}

/// What is wrong with the mirror, and what is worth knowing, said before a server is started. Nothing stays there.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<String>,
    pub(crate) notes: Vec<String>,
}

/// Looks at `[log.mirror]`.
pub(crate) async fn check(folder: &Folder, settings: &Settings) -> Findings {
    let mut findings = Findings::default();
    match looked_at(folder, settings).await {
        Ok(notes) => findings.notes = notes,
        Err(error) => findings.problems.push(format!("{error:#}")),
    }
    findings
}

async fn looked_at(folder: &Folder, settings: &Settings) -> Result<Vec<String>> {
    let opened = open(folder, settings)?;
    let (Some(opened), Some(mirror)) = (opened, &settings.log.mirror) else {
        return Ok(vec![
            "the log has no mirror, so that a restore of all three stores can undo an erasure: name one under [log.mirror]"
                .to_owned(),
        ]);
    };
    let cannot = || format!("`place` in [log.mirror] of `{SETTINGS}` cannot be used");
    patiently(opened.checkpoint(&settings.log.origin))
        .await
        .with_context(cannot)?;
    let Some(path) = folder_of(folder, mirror)? else {
        let mut name = [0; 16];
        ThreadEntropy.fill(&mut name);
        let bucket = bucket_of(folder, mirror)?;
        let probed = patiently(bucket.probe(u128::from_be_bytes(name))).await;
        return probed.map(|()| Vec::new()).with_context(cannot);
    };
    writable(&path).with_context(cannot)?;
    let stores = folder.join(settings.stores.folder().path);
    Ok(match is_beside(&path, &stores) {
        true => vec![format!(
            "the log's mirror `{}` is on the same disk as the stores, so that what destroys one destroys both: mount another \
             machine's",
            path.display()
        )],
        false => Vec::new(),
    })
}

/// What a mirror answers to somebody who waits.
async fn patiently<T>(asked: impl Future<Output = Result<T, MirrorError>>) -> Result<T> {
    let answer = timeout(PATIENCE, asked).await;
    let answer = answer
        .with_context(|| format!("it does not answer within {} seconds", PATIENCE.as_secs()))?;
    answer.map_err(|error| anyhow!("{error}"))
}

/// Whether two folders are on one file system. What is not there yet is made in what is.
fn is_beside(one: &Path, other: &Path) -> bool {
    let device = |path: &Path| {
        let there = path.ancestors().find_map(|path| path.metadata().ok());
        there.map(|metadata| metadata.dev())
    };
    matches!((device(one), device(other)), (Some(one), Some(other)) if one == other)
}
