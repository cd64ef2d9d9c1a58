//! The program `privet serve` as a process of its own, as operators run it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::load;

/// How often somebody looks whether it is ready.
const WATCH: Duration = Duration::from_millis(1);

/// A server that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The executable that was built with this one.
pub(crate) fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("privet");
    if !program.is_file() {
        bail!(
            "there is no `{}`: build privet-cli in release",
            program.display()
        );
    }
    Ok(program)
}

/// A running server; it is told to stop when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    announced: PathBuf,
}

impl Server {
    /// Starts one over a folder.
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<Self> {
        let announced = folder.join("server.json");
        // What an earlier one left would be taken for this one's.
        let _ = std::fs::remove_file(&announced);
        let child = Command::new(program)
            .args(["serve", "--dir"])
            .arg(folder)
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { child, announced })
    }

    /// Waits until it answers that it is ready.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        let ready = tokio::time::timeout(PATIENCE, self.wait()).await;
        ready.context("the server does not get ready")?
    }

    async fn wait(&mut self) -> Result<()> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}");
            }
            if self.is_ready().await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(WATCH).await;
        }
    }

    async fn is_ready(&self) -> Result<()> {
        let address = self.address("api")?;
        let mut stream = TcpStream::connect(&address).await?;
        let request = format!("GET /health/ready HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        load::answer(&mut stream, &mut Vec::new()).await
    }

    /// Where a door of it listens.
    pub(crate) fn address(&self, door: &str) -> Result<String> {
        let text = std::fs::read(&self.announced)?;
        let server: serde_json::Value = serde_json::from_slice(&text)?;
        let address = server
            .get(door)
            .and_then(serde_json::Value::as_str)
            .and_then(|url| url.strip_prefix("http://"));
        Ok(address.context("no address")?.to_owned())
    }

    /// Its number.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Stops it, in order.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.order_to_stop();
        self.child.wait()?;
        Ok(())
    }

    fn order_to_stop(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // It may have ended by itself; then there is nothing to stop.
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.order_to_stop();
            // There is nobody to tell if it does not end well.
            let _ = self.child.wait();
        }
    }
}
