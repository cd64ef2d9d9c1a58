//! A real PostgreSQL for tests: made in a temporary folder, listening on loopback alone, gone with the test process.
//!
//! ```no_run
//! let cluster = privet_cluster::Cluster::start()?;
//! let url = cluster.database("shop")?;
//! # Ok::<(), anyhow::Error>(())
//! ```
//!
//! The server is the one that is installed (Debian's package `postgresql`). Root may not run it, so that as root it
//! runs as user `postgres` or `nobody`. It ends when the [`Cluster`] is dropped, or with the process, however that
//! ends: it hangs on a pipe that this process holds.

mod outage;
mod setup;
mod user;

pub use setup::Setup;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use user::User;

const SCRIPT: &str = include_str!("cluster.sh");

/// Its only use is to show that passwords are asked for; nobody else reaches the port.
const PASSWORD: &str = "only-for-tests";

/// How often another port is tried when somebody was faster.
const TRIES: u32 = 5;

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    bin: PathBuf,
    port: u16,
    child: Child,
    /// Closing it ends the server.
    hold: Option<ChildStdin>,
    folder: TempDir,
    user: User,
}

impl Cluster {
    /// Makes a cluster and waits until it answers: about two seconds.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; the error says what its log said.
    pub fn start() -> Result<Self> {
        Setup::new().start()
    }

    fn made(setup: &Setup) -> Result<Self> {
        let bin = installed()?;
        let mut last = None;
        for _ in 0..TRIES {
            match Self::on(&bin, free_port()?, setup) {
                Ok(cluster) => return Ok(cluster),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no try")?)
    }

    fn on(bin: &Path, port: u16, setup: &Setup) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("privet-cluster-")
            .tempdir()?;
        fs::write(folder.path().join("password"), PASSWORD)?;
        setup.write(folder.path())?;
        let user = User::of_servers()?;
        user.give(folder.path())?;
        let mut child = setup
            .command(&user, folder.path())
            .args(["sh", "-c", SCRIPT, "cluster.sh"])
            .arg(bin)
            .arg(folder.path())
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let hold = child.stdin.take();
        let mut said = String::new();
        let output = child.stdout.take().context("no standard output")?;
        BufReader::new(output).read_line(&mut said)?;
        if said != "ready\n" {
            drop(hold);
            child.wait()?;
            let log = |name| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
            bail!(
                "PostgreSQL does not start: {}{}",
                log("initdb.log"),
                log("server.log")
            );
        }
        Ok(Self {
            bin: bin.to_owned(),
            port,
            child,
            hold,
            folder,
            user,
        })
    }

    /// The URL of a database of this cluster, which is made if it does not exist.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn database(&self, name: &str) -> Result<String> {
        let made = self.sql("postgres", &format!("CREATE DATABASE \"{name}\""));
        match made {
            Err(error) if !error.to_string().contains("already exists") => Err(error),
            _ => Ok(self.url(name)),
        }
    }

    /// The URL of a database, for the superuser of this cluster.
    pub fn url(&self, database: &str) -> String {
        let port = self.port;
        format!("postgresql://privet:{PASSWORD}@127.0.0.1:{port}/{database}")
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The cluster's own folder, where its Unix socket is if it has one.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The password of user `privet`.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The folder of the installed programs: `psql`, `pg_dump`, `pgbench`.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// Runs SQL with psql, stopping at the first error; answers what it printed, unaligned and without headers.
    ///
    /// # Errors
    /// With what psql said.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = Command::new(self.bin.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .arg(self.url(database))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut input = psql.stdin.take().context("no standard input")?;
        input.write_all(sql.as_bytes())?;
        drop(input);
        let output = psql.wait_with_output()?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A server that stands still would not hear that it is to end.
        let _ = self.resume();
        self.hold = None;
        // It ends at once; a test that failed has more to say than this could.
        let _ = self.child.wait();
    }
}

/// The newest PostgreSQL that is installed.
fn installed() -> Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for entry in fs::read_dir("/usr/lib/postgresql").into_iter().flatten() {
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

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
