//! What happens to real servers: they stop, start again, stand still, and their disks fill up.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::Cluster;
use crate::setup::SMALL_DISK;

/// How long `pg_ctl` waits: a busy machine takes its time.
pub(crate) const PATIENCE_S: &str = "300";

impl Cluster {
    /// Ends the server at once, as a crash does: nothing is written down that was not durable.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&self) -> Result<()> {
        self.control(&["-m", "immediate", "stop"])
    }

    /// Starts a server that was stopped, on the same port, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&self) -> Result<()> {
        let port = self.port();
        self.start_with(&format!("-p {port}"))
    }

    /// The same, with options for the server.
    pub(crate) fn start_with(&self, options: &str) -> Result<()> {
        let log = self.folder().join("server.log");
        let log = log.to_string_lossy();
        self.control(&["-l", &log, "-o", options, "-t", PATIENCE_S, "-w", "start"])
    }

    /// Stops all of the server's processes in the middle of what they do: connections stay, nothing answers.
    ///
    /// # Errors
    /// When a process cannot be stopped.
    pub fn pause(&self) -> Result<()> {
        // First the one that makes the others: one that it made after they were listed would go on and answer.
        let postmaster = self.postmaster()?;
        signal("STOP", [&*postmaster])?;
        loop {
            match state(&postmaster)? {
                Some('T') => break,
                Some(_) => std::thread::yield_now(),
                None => bail!("the server has ended"),
            }
        }
        signal("STOP", children(&postmaster)?.split_whitespace())
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// When a process cannot be signalled.
    pub fn resume(&self) -> Result<()> {
        let postmaster = self.postmaster()?;
        signal("CONT", children(&postmaster)?.split_whitespace())?;
        signal("CONT", [&*postmaster])
    }

    /// Gives the small disk another size.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn resize_disk(&self, mebibytes: u32) -> Result<()> {
        let process = self.postmaster()?;
        // With the server's root, too: where that is not the machine's, the path is its own.
        let done = Command::new("nsenter")
            .args(["-t", &process, "-m", "-r", "mount", "-o"])
            .arg(format!("remount,size={mebibytes}m"))
            .arg(self.folder().join(SMALL_DISK))
            .status()?;
        if !done.success() {
            bail!("the small disk could not be resized");
        }
        Ok(())
    }

    pub(crate) fn control(&self, words: &[&str]) -> Result<()> {
        let done = self
            .user
            .command()
            .arg(self.programs.server().join("pg_ctl"))
            .arg("-D")
            .arg(self.folder().join("data"))
            .args(words)
            .stdout(Stdio::null())
            .status()?;
        if !done.success() {
            bail!("pg_ctl {} failed: {}", words.join(" "), self.log());
        }
        Ok(())
    }

    fn postmaster(&self) -> Result<String> {
        let file = self.folder().join("data/postmaster.pid");
        let text = fs::read_to_string(file).context("the server does not run")?;
        let first = text.lines().next().unwrap_or_default();
        Ok(first.trim().to_owned())
    }
}

/// Sends a signal to each process that is still there.
fn signal<'a>(name: &str, processes: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}"))
        .args(processes)
        // A child may just have ended.
        .stderr(Stdio::null());
    kill.status()?;
    Ok(())
}

/// The processes that this one has made, divided by blanks.
fn children(process: &str) -> Result<String> {
    ps(&["-o", "pid=", "--ppid", process])
}

/// What a process does, as `ps` writes it in one letter; none where there is no such process.
fn state(process: &str) -> Result<Option<char>> {
    Ok(ps(&["-o", "state=", "-p", process])?.trim().chars().next())
}

fn ps(words: &[&str]) -> Result<String> {
    let answer = Command::new("ps").args(words).output()?;
    Ok(String::from_utf8(answer.stdout)?)
}
