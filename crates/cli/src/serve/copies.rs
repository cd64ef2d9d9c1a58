//! What copies of what is held of people are made with: where their files lie, where rows wait, and telemetry.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use privet_classify::DataMap;
use privet_request_files::{BucketFiles, FolderFiles, FolderSpools};
use privet_telemetry_store::{Store, open_bucket};
use privet_vault::port::{FileStore, TelemetryEvents};
use privet_vault::subject_request::CopyParts;

use crate::folder::{Folder, SETTINGS};
use crate::settings::Settings;
use crate::telemetry::bucket;

/// Where rows wait, sealed, until a file is made of them.
const SPOOLS: &str = "request-spools";

/// The parts. Nothing is asked of a bucket yet.
///
/// # Errors
/// What is not right in `[requests]`, or with the server's folder.
pub(super) fn parts(folder: &Folder, settings: &Settings, map: &DataMap) -> Result<CopyParts> {
    let spools = folder.join(SPOOLS);
    let spools = FolderSpools::open(&spools)
        .with_context(|| format!("cannot make `{}`", spools.display()))?;
    let files =
        files(folder, settings).with_context(|| format!("[requests] in `{SETTINGS}` is not right"));
    Ok(CopyParts {
        files: files?,
        spools: Arc::new(spools),
        telemetry: telemetry(folder, settings, map)?,
        language: settings.requests.language()?,
    })
}

fn telemetry(
    folder: &Folder,
    settings: &Settings,
    map: &DataMap,
) -> Result<Option<Arc<dyn TelemetryEvents>>> {
    let Some(telemetry) = &settings.telemetry else {
        return Ok(None);
    };
    let copies = crate::telemetry::copies(folder, telemetry, map)?;
    Ok(Some(Arc::new(copies)))
}

fn files(folder: &Folder, settings: &Settings) -> Result<Arc<dyn FileStore>> {
    let requests = &settings.requests;
    let options = bucket::options(
        folder,
        requests.store(),
        requests.bucket.as_ref(),
        "requests",
    )?;
    match Store::folder(requests.store()) {
        Some(path) => {
            let path = folder.join(path);
            let files = FolderFiles::open(&path)
                .with_context(|| format!("cannot make `{}`", path.display()))?;
            Ok(Arc::new(files))
        }
        None => {
            let objects = open_bucket(requests.store(), &options)
                .context("`store` is a folder, `s3://…`, `gs://…` or `az://…`")?;
            Ok(Arc::new(BucketFiles::new(objects)))
        }
    }
}
