//! How a cluster is to be, other than the usual one.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Result;

use crate::Cluster;

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

    /// Makes the cluster and waits until it answers.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; the error says what its log said.
    pub fn start(&self) -> Result<Cluster> {
        Cluster::made(self)
    }

    /// Writes what the script adds to the configuration: `extra.conf`, `extra_hba.conf` and the files they name.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
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
