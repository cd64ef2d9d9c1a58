//! The peer: DuckDB from its Python package, over a table of its own with the same events, and over the same files.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::folder;

/// The version that is installed.
const PACKAGE: &str = "duckdb==2.0.1";

/// What it needed, the median of several rounds each.
#[derive(Debug, Deserialize)]
pub(crate) struct Measured {
    pub(crate) plain_ms: f64,
    pub(crate) argmax_ms: f64,
    pub(crate) kept_ms: f64,
    /// The same two where the table is sorted by person.
    pub(crate) sorted_argmax_ms: f64,
    pub(crate) sorted_kept_ms: f64,
    pub(crate) person_ms: f64,
    /// Plainly, and the two joins, from the same files as ours.
    pub(crate) files_plain_ms: f64,
    pub(crate) files_argmax_ms: f64,
    pub(crate) files_kept_ms: f64,
    /// The filtered sum, for comparison.
    pub(crate) sum: i64,
}

/// Installs it into the folder of benchmarks, and measures over those files.
pub(crate) fn measure(files: &[PathBuf], somebody: &str) -> Result<Measured> {
    let folder = folder::path("duckdb")?;
    let python = folder.join("bin/python");
    if !python.is_file() {
        done(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    done(Command::new(&python).args(["-m", "pip", "install", "--quiet", PACKAGE]))?;
    let mut measure = Command::new(&python);
    measure.args(["-c", include_str!("duckdb.py")]);
    let output = done(measure.arg(somebody).args(files))?;
    serde_json::from_slice(&output).context("DuckDB's answer is none")
}

fn done(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}
