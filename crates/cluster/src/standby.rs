//! Standbys: a second server that follows the first one's write-ahead log and can take over.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::outage::PATIENCE_S;
use crate::{Cluster, Setup};

/// How long a standby may take to catch up.
const PATIENCE: Duration = Duration::from_secs(300);

impl Cluster {
    /// Makes a standby of this server, on a port of its own, and waits until it answers reads. It follows
    /// asynchronously: what this server commits may not have arrived there yet.
    ///
    /// # Errors
    /// When `pg_basebackup` is not installed or older than the server, or the standby does not start.
    pub fn standby(&self) -> Result<Self> {
        Self::made(&Setup::new(), Some(self))
    }

    /// Waits until this standby has everything that the primary has committed so far.
    ///
    /// # Errors
    /// When one of them does not answer, or the standby does not catch up.
    pub fn catches_up_with(&self, primary: &Self) -> Result<()> {
        let written = primary.sql("postgres", "SELECT pg_current_wal_flush_lsn()")?;
        let arrived = format!("SELECT pg_last_wal_replay_lsn() >= '{}'", written.trim());
        let began = Instant::now();
        while self.sql("postgres", &arrived)?.trim() != "t" {
            if began.elapsed() > PATIENCE {
                bail!("the standby does not catch up: {}", self.log());
            }
        }
        Ok(())
    }

    /// Makes this standby a primary, on its own port.
    ///
    /// # Errors
    /// When it does not become one.
    pub fn promote(&self) -> Result<()> {
        self.control(&["-t", PATIENCE_S, "-w", "promote"])
    }

    /// Makes this standby the primary, on the port of the one that was, which has been stopped.
    ///
    /// # Errors
    /// When it does not become one.
    pub fn take_over(&self, primary: &Self) -> Result<()> {
        self.control(&["-m", "fast", "-t", PATIENCE_S, "-w", "stop"])?;
        let port = primary.port();
        self.start_with(&format!("-p {port}"))?;
        self.port.store(port, Ordering::Relaxed);
        self.promote()
    }
}
