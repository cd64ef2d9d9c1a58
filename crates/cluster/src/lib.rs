//! A real PostgreSQL for tests: made in a temporary folder, listening on loopback alone, gone with the test process.
//!
//! ```no_run
//! let cluster = privet_cluster::Cluster::start()?;
//! let url = cluster.database("shop")?;
//! # Ok::<(), anyhow::Error>(())
//! ```
//!
//! The server is the newest that is installed (Debian's package `postgresql`), or the one whose programs are in the
//! folder that the environment variable `PRIVET_POSTGRES_BIN` names. Root may not run it, so that as root it runs as user
//! `postgres` or `nobody`. It ends when the [`Cluster`] is dropped, or with the process, however that ends: it hangs on a
//! pipe that this process holds.

mod outage;
mod programs;
mod setup;
mod standby;
mod user;

pub use setup::Setup;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use programs::Programs;
use user::User;

const SCRIPT: &str = include_str!("cluster.sh");

/// Its only use is to show that passwords are asked for; nobody else reaches the port.
const PASSWORD: &str = "only-for-tests";

/// How often another port is tried when somebody was faster.
const TRIES: u32 = 5;

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    /// Another one after it took over.
    port: AtomicU16,
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

    /// Makes one, as a standby if there is a primary.
    fn made(setup: &Setup, primary: Option<&Cluster>) -> Result<Self> {
        let programs = Programs::find()?;
        let mut last = None;
        for _ in 0..TRIES {
            match Self::on(&programs, free_port()?, setup, primary) {
                Ok(cluster) => return Ok(cluster),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no try")?)
    }

    fn on(
        programs: &Programs,
        port: u16,
        setup: &Setup,
        primary: Option<&Cluster>,
    ) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("privet-cluster-")
            .tempdir()?;
        fs::write(folder.path().join("password"), PASSWORD)?;
        setup.write(folder.path())?;
        let user = User::of_servers()?;
        user.give(folder.path())?;
        let mut command = setup.command(&user, folder.path());
        command
            .args(["sh", "-c", SCRIPT, "cluster.sh"])
            .arg(programs.server())
            .arg(folder.path())
            .arg(port.to_string());
        if let Some(primary) = primary {
            command
                .arg(primary.program("pg_basebackup"))
                .arg(primary.url("postgres"));
        }
        let mut child = command
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
            programs: programs.clone(),
            port: AtomicU16::new(port),
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
        let port = self.port();
        format!("postgresql://privet:{PASSWORD}@127.0.0.1:{port}/{database}")
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed)
    }

    /// The cluster's own folder, where its Unix socket is if it has one.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The password of user `privet`.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// A program for this server: `psql`, `pg_dump`, `pgbench`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.client(name)
    }

    /// The server's major version.
    ///
    /// # Errors
    /// When it does not say.
    pub fn version(&self) -> Result<u32> {
        let said = fs::read_to_string(self.folder().join("data/PG_VERSION"))?;
        said.trim().parse().context("`PG_VERSION` is no number")
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
        let mut psql = Command::new(self.program("psql"))
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

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
