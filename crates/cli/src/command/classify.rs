//! `privet classify`: types for the fields of a data map.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use privet_classify::DataMap;

use crate::arguments::{Classify, Language};
use crate::folder::{Folder, read_text};
use crate::output::line;
use crate::serve::data_map;
use crate::settings::Settings;

pub(crate) fn run(dir: Option<PathBuf>, classify: &Classify) -> Result<()> {
    let map = map_of(dir, classify.map.as_deref())?;
    let source = match (classify.lang, classify.client) {
        (Language::Rust, false) => privet_code::generate(&map),
        (Language::Rust, true) => privet_code::generate_for_client(&map),
    };
    line(source.trim_end())
}

/// The data map that was named, else that of the folder.
pub(super) fn map_of(dir: Option<PathBuf>, named: Option<&Path>) -> Result<DataMap> {
    let Some(path) = named else {
        let folder =
            Folder::find(dir).context("name a data map with --map, or a folder that has one")?;
        return data_map(&folder, &Settings::read(&folder)?);
    };
    DataMap::parse(&read_text(path)?)
        .with_context(|| format!("the data map `{}` is not right", path.display()))
}
