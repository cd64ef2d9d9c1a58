//! The files of a demo folder.

use std::fs;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::{PEOPLE, Sample};
use crate::command::init::{write_bundle, write_keys};
use crate::folder::{
    Folder, SETTINGS, make_private, read_secret_line, replace_secret, write_missing,
};
use crate::output::note;
use crate::serve::Server;

const DEMO_SETTINGS: &str = include_str!("../../assets/demo/privet.toml");
const DATAMAP: &str = include_str!("../../assets/demo/datamap.toml");
/// Must be the one in the demo's settings.
const ORIGIN: &str = "privet.example/demo/1";
/// Marks a folder that `--fresh` may delete.
const MARKER: &str = ".privet-demo";
const UNFINISHED_MARKER: &str = ".privet-demo.new";
/// The application's database.
pub(super) const SHOP: &str = "shop.sqlite";

/// Whether a folder was made by `privet demo`.
pub(crate) fn is_demo(path: &Path) -> bool {
    path.join(MARKER).is_file()
}

/// Whether a folder holds anything but a marker that a killed start did not finish.
pub(super) fn holds_anything(path: &Path) -> std::io::Result<bool> {
    for entry in fs::read_dir(path)? {
        if entry?.file_name() != UNFINISHED_MARKER {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Deletes a demo folder; the marker goes last, so that what was interrupted can be repeated.
pub(super) fn delete(path: &Path) -> Result<()> {
    let cannot = || format!("cannot delete `{}`", path.display());
    for entry in fs::read_dir(path).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        if entry.file_name() == MARKER {
            continue;
        }
        let is_folder = entry.file_type().with_context(cannot)?.is_dir();
        let gone = if is_folder {
            fs::remove_dir_all(entry.path())
        } else {
            fs::remove_file(entry.path())
        };
        gone.with_context(cannot)?;
    }
    fs::remove_dir_all(path).with_context(cannot)
}

/// Writes settings, data map, policies and keys where they are missing; the settings come last, since they make the
/// folder one.
pub(super) fn write_configuration(folder: &Folder) -> Result<()> {
    make_private(folder.path())?;
    write_missing(&folder.join(MARKER), "made by `privet demo`\n")?;
    write_missing(&folder.join("datamap.toml"), DATAMAP)?;
    write_bundle(folder)?;
    write_keys(folder, ORIGIN, None)?;
    write_missing(&folder.join(SETTINGS), DEMO_SETTINGS)
}

/// Writes `demo.json`, the password file for psql and the header files for curl.
pub(super) fn write_facts(folder: &Folder, server: &Server, sample: &Sample) -> Result<()> {
    let mut tokens = serde_json::Map::new();
    let mut passwords = String::new();
    for (name, _) in PEOPLE {
        let path = folder.token(&name.parse()?);
        let token = read_secret_line(&path)?;
        passwords.push_str(&format!("{}:*:*:{name}:{}\n", server.gateway.ip(), *token));
        let header = format!("Authorization: Bearer {}\n", *token);
        replace_secret(&path.with_extension("header"), header.as_bytes())?;
        tokens.insert(name.to_owned(), token.as_str().into());
    }
    replace_secret(&folder.join("pgpass"), passwords.as_bytes())?;
    let facts = json!({
        "environment": server.environment,
        "api": server.api,
        "gateway": server.gateway.to_string(),
        "database": super::SOURCE,
        "tokens": tokens,
        "sample": { "oid": sample.oid.to_string(), "alias": sample.alias, "email": sample.email },
    });
    let text = format!("{}\n", serde_json::to_string_pretty(&facts)?);
    replace_secret(&folder.join("demo.json"), text.as_bytes())
}

/// Asks a yes-or-no question of a person; without one to ask, that is an error.
pub(super) fn confirm(question: &str) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("{question} There is nobody to ask here: say --yes");
    }
    note(format!("{question} [y/N]"));
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .context("cannot read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use privet_classify::DataMap;

    use super::*;
    use crate::settings::Settings;

    #[test]
    fn the_demo_s_files_are_right_and_agree() {
        let settings: Settings = toml::from_str(DEMO_SETTINGS).unwrap();
        let map = DataMap::parse(DATAMAP).unwrap();
        assert_eq!(settings.log.origin, ORIGIN);
        assert_eq!(settings.sources.len(), 1);
        assert_eq!(
            settings.stores.folder().path,
            Path::new(super::super::STORES)
        );
        for name in settings.sources.keys() {
            assert!(map.source(name.as_str()).is_some(), "{name}");
        }
    }
}
