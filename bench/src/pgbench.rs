//! pgbench as a process beside what is measured, and what it says of itself.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use privet_cluster::Cluster;

use crate::folder;
use crate::query::Target;

/// pgbench against one database.
#[derive(Debug, Clone)]
pub(crate) struct PgBench {
    program: PathBuf,
    target: Target,
}

/// What it found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ran {
    pub(crate) tps: f64,
    pub(crate) transactions: f64,
}

impl PgBench {
    /// The program that belongs to this server, which need not be where it goes to.
    pub(crate) fn new(cluster: &Cluster, target: &Target) -> Self {
        Self {
            program: cluster.program("pgbench"),
            target: target.clone(),
        }
    }

    /// Runs it with these arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Ran> {
        let target = &self.target;
        let output = Command::new(&self.program)
            .args(arguments)
            .args(["-h", "127.0.0.1", "-p", &target.port.to_string()])
            .args(["-U", &target.user])
            .arg(&target.database)
            .env("PGPASSWORD", &target.password)
            .env("PGOPTIONS", &target.options)
            .env("PGSSLMODE", "disable")
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("pgbench: {said}");
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let number = |start: &str| -> Option<f64> {
            let line = text.lines().find_map(|line| line.strip_prefix(start))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let (tps, transactions) = number("tps = ")
            .zip(number("number of transactions actually processed: "))
            .with_context(|| format!("pgbench: {said}"))?;
        Ok(Ran { tps, transactions })
    }

    /// The same, with how long each transaction took in ms, sorted. With a rate (`-R`) that is counted from when it
    /// should have begun, so that nobody's waiting is left out.
    pub(crate) fn run_timed(&self, arguments: &[&str]) -> Result<(Ran, Vec<f64>)> {
        let folder = folder::scratch("pgbench")?;
        fs::create_dir_all(&folder)?;
        let prefix = folder.join("times");
        let prefix = prefix.to_str().context("a folder's name is no text")?;
        let prefix = format!("--log-prefix={prefix}");
        let ran = self.run(&[arguments, &["-l", &prefix]].concat())?;
        let mut times_ms = Vec::new();
        for file in fs::read_dir(&folder)? {
            for line in fs::read_to_string(file?.path())?.lines() {
                // Client, number, time in microseconds, …
                let time = line
                    .split(' ')
                    .nth(2)
                    .and_then(|time| time.parse::<f64>().ok());
                times_ms.push(time.context("a malformed line of pgbench's log")? / 1e3);
            }
        }
        times_ms.sort_by(f64::total_cmp);
        fs::remove_dir_all(&folder)?;
        Ok((ran, times_ms))
    }
}
