//! Whether this server would reveal what may be revealed, for probes and metrics.

use crate::audit::AuditHealth;
use crate::{Error, Reason, Vault};

/// How the vault is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultHealth {
    /// Why nothing is revealed at the moment; empty when all is well.
    pub reasons: Vec<Reason>,
    /// What is not as it should be, and keeps nothing from being revealed.
    pub warnings: Vec<Reason>,
    /// The audit log.
    pub audit: AuditHealth,
    /// Sessions of the protected console that are open here.
    pub sessions_open: usize,
}

impl Vault {
    /// How the vault is doing. Costs no store call.
    pub fn health(&self) -> VaultHealth {
        let audit = self.inner.audit.health();
        let mut reasons: Vec<Reason> = audit.refusing.clone().into_iter().collect();
        if let Err(Error::Unready(reason)) = self.fresh() {
            reasons.push(reason);
        }
        let mirror = audit.mirror.as_ref();
        VaultHealth {
            warnings: mirror
                .and_then(|mirror| mirror.warning())
                .into_iter()
                .collect(),
            reasons,
            audit,
            sessions_open: self.inner.sessions.live_count(),
        }
    }
}
