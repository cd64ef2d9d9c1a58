//! Where a store is: a folder, or a bucket of an object store.

use std::path::Path as FilePath;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;

use crate::error::cannot;
use crate::folder::{Folder, Waits};
use crate::{Access, Error, Settings, Surroundings, Why};

/// The folder that an address means, if it means one.
pub(crate) fn folder(address: &str) -> Option<&FilePath> {
    match address.strip_prefix("file://") {
        Some(path) => path.starts_with('/').then(|| FilePath::new(path)),
        None if address.contains("://") || address.is_empty() => None,
        None => Some(FilePath::new(address)),
    }
}

/// The object store of an address, whose paths begin where the address ends.
pub(crate) fn open(
    address: &str,
    settings: &Settings,
    surroundings: &Arc<dyn Surroundings>,
) -> Result<Arc<dyn ObjectStore>, Error> {
    if let Some(folder) = folder(address) {
        if settings.access == Access::Write {
            std::fs::create_dir_all(folder).map_err(|error| Error::Unavailable {
                doing: "make its folder",
                why: Why::Disk(error.kind()),
            })?;
        }
        // Who only reads is a program that answers one question.
        let waits = match settings.access {
            Access::Read => Waits::InPlace,
            Access::Write => Waits::Apart,
        };
        let folder = Folder::open(folder, waits, Arc::clone(surroundings));
        return Ok(Arc::new(folder.map_err(cannot("open its folder"))?));
    }
    if address == "memory://" {
        return Ok(Arc::new(InMemory::new()));
    }
    Ok(privet_objects::open(address, &settings.options)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_folder_and_a_url_is_not() {
        let check = |address: &str| folder(address).map(|path| path.to_str().unwrap().to_owned());
        assert_eq!(check("/var/lib/t").as_deref(), Some("/var/lib/t"));
        assert_eq!(check("telemetry").as_deref(), Some("telemetry"));
        assert_eq!(check("file:///a b/c").as_deref(), Some("/a b/c"));
        for address in ["", "file://host/a", "s3://bucket/a", "http://a"] {
            assert_eq!(check(address), None, "{address}");
        }
    }
}
