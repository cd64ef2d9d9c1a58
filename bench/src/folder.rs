//! Where benchmarks put files: beside the build, so that they lie on the disk of the project and go with `cargo clean`.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// A path in the folder of benchmarks.
pub(crate) fn path(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program
        .ancestors()
        .nth(2)
        .context("the program lies in no target folder")?;
    let folder = target.join("bench-data");
    std::fs::create_dir_all(&folder)?;
    Ok(folder.join(name))
}

/// A path in it at which there is nothing yet: what an earlier run left is removed.
pub(crate) fn scratch(name: &str) -> Result<PathBuf> {
    let path = path(&format!("scratch-{name}"))?;
    if path.is_dir() {
        std::fs::remove_dir_all(&path)?;
    } else if path.exists() {
        std::fs::remove_file(&path)?;
    }
    Ok(path)
}
