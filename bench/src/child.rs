//! Work that needs a process of its own: one core, a cold cache, or a place outside the server that it measures. The
//! same program is started again; what to do comes as JSON on its standard input, the answer on its standard output.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::audit;
use crate::ingest::{self, Sending};
use crate::load::{self, Load};

/// What a child is asked to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Work {
    /// Verify a whole log, on one core.
    Verify(audit::Verify),
    /// Generate load for a server.
    Load(Load),
    /// Send telemetry to a server.
    Send(Sending),
}

/// Does the work in a child and waits for its answer.
pub(crate) fn run<T: DeserializeOwned>(work: &Work) -> Result<T> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--child")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    stdin.write_all(&serde_json::to_vec(work)?)?;
    drop(stdin);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("a child process failed");
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The child's side.
pub(crate) fn serve() -> Result<()> {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    let answer = match serde_json::from_slice(&input)? {
        Work::Verify(verify) => serde_json::to_vec(&audit::verify(&verify)?)?,
        Work::Load(load) => serde_json::to_vec(&load::generate(&load)?)?,
        Work::Send(sending) => serde_json::to_vec(&ingest::send(&sending)?)?,
    };
    Ok(std::io::stdout().write_all(&answer)?)
}
