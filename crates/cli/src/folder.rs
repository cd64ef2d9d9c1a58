//! The folder that holds an environment's configuration, keys and stores: where each file lies, and how secrets are
//! written and read.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use privet_seal::Zeroizing;

/// The file that makes a folder a Privet folder.
pub(crate) const SETTINGS: &str = "privet.toml";
/// The environment variable that names the folder.
pub(crate) const DIR_VARIABLE: &str = "PRIVET_DIR";
/// Where `privet demo` makes its folder.
pub(crate) const DEMO: &str = "privet-demo";

/// A Privet folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A folder that may not exist yet.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder that `--dir`, else `PRIVET_DIR`, else the current folder names; it must hold `privet.toml`.
    pub(crate) fn find(named: Option<PathBuf>) -> Result<Self> {
        let said = named.is_some() || std::env::var_os(DIR_VARIABLE).is_some();
        let path = named_or_current(named);
        let shown = path.display();
        match fs::metadata(path.join(SETTINGS)) {
            Ok(found) if found.is_file() => return Ok(Self(path)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(error).with_context(|| format!("cannot look into `{shown}`"));
            }
            _ => {}
        }
        if !said && Path::new(DEMO).join(SETTINGS).is_file() {
            bail!("no `{SETTINGS}` in the current folder: did you mean --dir {DEMO}?");
        }
        bail!(
            "no `{SETTINGS}` in `{shown}`: name the folder that holds it with --dir or {DIR_VARIABLE}, or make one \
             with `privet demo` or `privet init`"
        )
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A path of the configuration, relative to the folder.
    pub(crate) fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }

    /// Where a principal's token lies for commands on this machine.
    pub(crate) fn token(&self, principal: &privet_vault::PrincipalName) -> PathBuf {
        self.0.join("tokens").join(principal.as_str())
    }

    /// What a running server says of itself.
    pub(crate) fn server(&self) -> PathBuf {
        self.0.join("server.json")
    }

    /// The command that starts this folder's server, for messages.
    pub(crate) fn start_command(&self) -> String {
        let dir = crate::output::shell(self.0.display());
        if crate::demo::is_demo(&self.0) {
            format!("privet demo --dir {dir}")
        } else {
            format!("privet serve --dir {dir}")
        }
    }
}

/// `--dir`, else `PRIVET_DIR`, else the current folder.
pub(crate) fn named_or_current(named: Option<PathBuf>) -> PathBuf {
    named
        .or_else(|| std::env::var_os(DIR_VARIABLE).map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from("."))
}

/// Makes a folder that only its owner may enter, where there is none.
pub(crate) fn make_private(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make `{}`", path.display()))
}

/// Writes a new file that only its owner may read. The file appears whole or not at all.
pub(crate) fn write_secret(path: &Path, content: &[u8]) -> Result<()> {
    if path.exists() {
        bail!("`{}` is there already", path.display());
    }
    replace_secret(path, content)
}

/// Replaces a file that only its owner may read, so that a crash leaves the old one or the new one.
pub(crate) fn replace_secret(path: &Path, content: &[u8]) -> Result<()> {
    replace(path, content, 0o600).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Writes a text file of the configuration unless there is one. It appears whole or not at all.
pub(crate) fn write_missing(path: &Path, text: &str) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    replace(path, text.as_bytes(), 0o644)
        .with_context(|| format!("cannot write `{}`", path.display()))
}

fn replace(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// Reads a secret file, refusing one that others may read.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let shown = path.display();
    let metadata = fs::metadata(path).with_context(|| format!("cannot read `{shown}`"))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!("`{shown}` has mode {mode:04o}, so others may read it: run `chmod 600 {shown}`");
    }
    let content = fs::read(path).with_context(|| format!("cannot read `{shown}`"))?;
    Ok(Zeroizing::new(content))
}

/// Reads a secret file that holds one line of text.
pub(crate) fn read_secret_line(path: &Path) -> Result<Zeroizing<String>> {
    let content = read_secret(path)?;
    let text = std::str::from_utf8(&content)
        .map_err(|_| anyhow::anyhow!("`{}` is not text", path.display()))?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Reads a text file of the configuration.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write_secret(&path, b" one\n").unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(read_secret_line(&path).unwrap().as_str(), "one");
        assert!(write_secret(&path, b"two").is_err(), "it is there already");
        replace_secret(&path, b"two").unwrap();
        assert_eq!(read_secret_line(&path).unwrap().as_str(), "two");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read_secret(&path).unwrap_err().to_string();
        assert!(
            error.contains("mode 0640") && error.contains("chmod 600"),
            "{error}"
        );
    }
}
