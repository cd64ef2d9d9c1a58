//! Where PostgreSQL's programs are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Names the folder of another server's programs than the installed one's.
const VARIABLE: &str = "PRIVET_POSTGRES_BIN";

/// Where Debian keeps them, a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folders of a server's programs.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    server: PathBuf,
    /// Asked for what a bare server comes without.
    clients: Option<PathBuf>,
}

impl Programs {
    /// Those that the environment names, or else the newest that are installed.
    pub(crate) fn find() -> Result<Self> {
        let Some(named) = env::var_os(VARIABLE) else {
            return Ok(Self {
                server: installed()?,
                clients: None,
            });
        };
        let server = PathBuf::from(named);
        for program in ["initdb", "pg_ctl", "postgres"] {
            if !server.join(program).is_file() {
                bail!(
                    "`{VARIABLE}` names `{}`, where no `{program}` is: name the folder of a server's programs",
                    server.display()
                );
            }
        }
        Ok(Self {
            server,
            clients: installed().ok(),
        })
    }

    /// The folder with `initdb`, `pg_ctl` and `postgres`.
    pub(crate) fn server(&self) -> &Path {
        &self.server
    }

    /// A client: the server's own, else the installed one, else whatever the shell would find.
    pub(crate) fn client(&self, name: &str) -> PathBuf {
        let folders = [Some(&self.server), self.clients.as_ref()];
        let mut paths = folders
            .into_iter()
            .flatten()
            .map(|folder| folder.join(name));
        paths
            .find(|path| path.is_file())
            .unwrap_or_else(|| PathBuf::from(name))
    }
}

/// The folder of the newest PostgreSQL that is installed.
fn installed() -> Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for entry in fs::read_dir(DEBIAN).into_iter().flatten() {
        let entry = entry?;
        let version = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let bin = entry.path().join("bin");
        if let Some(version) = version
            && bin.join("initdb").is_file()
        {
            found.push((version, bin));
        }
    }
    if let Some((_, bin)) = found.into_iter().max() {
        return Ok(bin);
    }
    let output = Command::new("pg_config").arg("--bindir").output();
    let output =
        output.context("PostgreSQL is not installed: install Debian's package `postgresql`")?;
    let bin = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    if bin.join("initdb").is_file() {
        return Ok(bin);
    }
    bail!("PostgreSQL's server is not installed: install Debian's package `postgresql`")
}
