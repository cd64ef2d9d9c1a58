//! As whom the servers run: root may not run them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

/// As whom the servers run.
#[derive(Debug, Clone)]
pub(crate) enum User {
    /// As whoever runs the tests.
    Same,
    /// As this user, since the tests run as root.
    Other(&'static str),
}

impl User {
    pub(crate) fn of_servers() -> Result<Self> {
        let id = Command::new("id").arg("-u").output()?;
        if id.stdout != b"0\n" {
            return Ok(Self::Same);
        }
        let exists = |user: &str| {
            let mut id = Command::new("id");
            id.arg("-u")
                .arg(user)
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            id.status().is_ok_and(|status| status.success())
        };
        Ok(Self::Other(if exists("postgres") {
            "postgres"
        } else {
            "nobody"
        }))
    }

    /// Gives a folder to that user alone.
    pub(crate) fn give(&self, folder: &Path) -> Result<()> {
        let Self::Other(user) = self else {
            return Ok(());
        };
        let given = Command::new("chown")
            .arg("-R")
            .arg(user)
            .arg(folder)
            .status()?;
        if !given.success() {
            bail!("the folder cannot be given to user `{user}`");
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        Ok(())
    }

    /// What stands before a command that runs as that user.
    pub(crate) fn words(&self) -> Vec<String> {
        match self {
            Self::Same => vec!["env".to_owned()],
            Self::Other(user) => vec![
                "setpriv".to_owned(),
                format!("--reuid={user}"),
                format!("--regid={user}"),
                "--clear-groups".to_owned(),
            ],
        }
    }

    /// A command that runs the following words as that user.
    pub(crate) fn command(&self) -> Command {
        let mut words = self.words().into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        command
    }
}
