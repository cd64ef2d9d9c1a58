//! Applications' code beside a data map.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use privet_classify::DataMap;

/// How deep folders may lie in each other: a link back to a folder above would have no end.
const DEPTH_MAX: usize = 64;

/// Folders with code that nobody wrote: builds, versions, packages.
const SKIPPED: [&str; 3] = ["target", ".git", "node_modules"];

/// Reads all Rust files at and below the paths and compares them with the map.
///
/// # Errors
/// If a file or folder cannot be read, or there is no Rust file at all.
pub(super) fn check(map: &DataMap, paths: &[PathBuf]) -> Result<privet_code::Report> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, DEPTH_MAX, &mut files)?;
    }
    files.sort();
    if files.is_empty() {
        bail!("there is no Rust file in the paths of --code");
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    Ok(privet_code::check(map, &files))
}

fn collect(path: &Path, depth: usize, files: &mut Vec<(String, String)>) -> Result<()> {
    let shown = path.display();
    let cannot = || format!("cannot read `{shown}`");
    let kind = fs::metadata(path).with_context(cannot)?;
    if kind.is_file() {
        if path.extension().is_some_and(|extension| extension == "rs") {
            files.push((
                shown.to_string(),
                fs::read_to_string(path).with_context(cannot)?,
            ));
        }
        return Ok(());
    }
    let Some(depth) = depth.checked_sub(1) else {
        bail!("the folders at `{shown}` lie too deep in each other");
    };
    for entry in fs::read_dir(path).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let name = entry.file_name();
        let skipped = SKIPPED.iter().any(|skipped| name == *skipped);
        if !skipped {
            collect(&entry.path(), depth, files)?;
        }
    }
    Ok(())
}
