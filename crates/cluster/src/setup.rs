//! How a cluster is to be, other than the usual one.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::Cluster;
use crate::user::User;

/// Where the small disk is, in the cluster's folder.
pub(crate) const SMALL_DISK: &str = "small";

/// How a cluster is to be.
///
/// ```no_run
/// use privet_cluster::Setup;
///
/// let (certificate, key) = ("-----BEGIN …", "-----BEGIN …");
/// let cluster = Setup::new().certificate(certificate, key).setting("work_mem", "64kB").start()?;
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Setup {
    settings: Vec<(String, String)>,
    certificate: Option<(String, String)>,
    clients: Option<String>,
    socket: bool,
    disk: Option<u32>,
}

impl Setup {
    /// The usual cluster.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of `postgresql.conf`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// It speaks TLS with this certificate chain and key (PEM), and still takes connections without.
    #[must_use]
    pub fn certificate(mut self, chain: &str, key: &str) -> Self {
        self.certificate = Some((chain.to_owned(), key.to_owned()));
        self
    }

    /// User `certified` logs in with a client certificate that this authority (PEM) signed for `CN=certified`, and with
    /// nothing else.
    #[must_use]
    pub fn clients_of(mut self, authority: &str) -> Self {
        self.clients = Some(authority.to_owned());
        self
    }

    /// It also listens on a Unix socket, in [`Cluster::folder`].
    #[must_use]
    pub fn socket(mut self) -> Self {
        self.socket = true;
        self
    }

    /// It has a disk of its own of so many MiB, as tablespace `small`, that can fill up. Only root can have that.
    #[must_use]
    pub fn small_disk(mut self, mebibytes: u32) -> Self {
        self.disk = Some(mebibytes);
        self
    }

    /// Whether a cluster with a small disk can be made here.
    pub fn can_have_disks() -> bool {
        matches!(User::of_servers(), Ok(User::Other(_)))
            && Command::new("unshare")
                .args(["-m", "true"])
                .status()
                .is_ok_and(|status| status.success())
    }

    /// Makes the cluster and waits until it answers.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; the error says what its log said.
    pub fn start(&self) -> Result<Cluster> {
        let cluster = Cluster::made(self, None)?;
        if self.disk.is_some() {
            let disk = cluster.folder().join(SMALL_DISK);
            let sql = format!("CREATE TABLESPACE small LOCATION '{}'", disk.display());
            cluster.sql("postgres", &sql)?;
        }
        Ok(cluster)
    }

    /// A command that runs the following words as the server's user. The small disk exists for it and what it starts
    /// alone, so that it is gone with them.
    pub(crate) fn command(&self, user: &User, folder: &Path) -> Command {
        let Some(mebibytes) = self.disk else {
            return user.command();
        };
        let mut command = Command::new("unshare");
        command
            .args(["-m", "sh", "-c"])
            .arg("mount -t tmpfs -o \"size=$1m\" none \"$2\" && chown --reference=\"$3\" \"$2\" && shift 3 && exec \"$@\"")
            .arg("disk")
            .arg(mebibytes.to_string())
            .arg(folder.join(SMALL_DISK))
            .arg(folder)
            .args(user.words());
        command
    }

    /// Writes what the script adds to the configuration: `extra.conf`, `extra_hba.conf` and the files they name.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        if self.disk.is_some() {
            if !Self::can_have_disks() {
                bail!("only root can make a small disk");
            }
            fs::create_dir(folder.join(SMALL_DISK))?;
        }
        let mut lines = String::new();
        let shown = folder.display();
        for (name, value) in &self.settings {
            writeln!(lines, "{name} = '{}'", value.replace('\'', "''"))?;
        }
        if self.socket {
            writeln!(lines, "unix_socket_directories = '{shown}'")?;
        }
        if let Some((chain, key)) = &self.certificate {
            write_secret(&folder.join("server.crt"), chain)?;
            write_secret(&folder.join("server.key"), key)?;
            writeln!(lines, "ssl = on\nssl_cert_file = '{shown}/server.crt'")?;
            writeln!(lines, "ssl_key_file = '{shown}/server.key'")?;
        }
        let mut rules = String::new();
        if let Some(authority) = &self.clients {
            write_secret(&folder.join("clients.crt"), authority)?;
            writeln!(lines, "ssl_ca_file = '{shown}/clients.crt'")?;
            // The first rule that matches counts.
            writeln!(
                rules,
                "hostssl all certified 127.0.0.1/32 cert\nhost all certified all reject"
            )?;
        }
        fs::write(folder.join("extra.conf"), lines)?;
        fs::write(folder.join("extra_hba.conf"), rules)?;
        Ok(())
    }
}

fn write_secret(path: &Path, content: &str) -> Result<()> {
    fs::write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(())
}
