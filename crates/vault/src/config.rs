//! What the operator decides about a vault, as typed values; the binary reads them from `privet.toml`.

use std::time::Duration;

use privet_classify::MaskRules;

use crate::audit::AuditLimits;
use crate::subject_request::RequestRules;
use crate::{Environment, TenantName};

/// Settings of one environment's vault.
#[derive(Debug, Clone)]
pub struct Config {
    /// The environment; bound into every key, token and entry.
    pub environment: Environment,
    /// The tenant that subjects belong to unless said otherwise.
    pub tenant: TenantName,
    /// Relaxes what only production needs (the log's mirror, three clusters); receipts say so.
    pub development: bool,
    /// Refuses identifying values outside the ranges reserved for examples.
    pub synthetic_only: bool,
    /// The log's origin: its name for ever, one per environment and writer.
    pub origin: String,
    /// What masks may show.
    pub masks: MaskRules,
    /// Bounds of the audit log's queue.
    pub audit: AuditLimits,
    /// Bounds of sessions.
    pub sessions: SessionLimits,
    /// When requests of people are carried out, and for how long they can be taken back.
    pub requests: RequestRules,
    /// Bounds of one application statement.
    pub statements: crate::port::RunLimits,
}

/// Bounds of sessions (design section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// A justification ends after this much idleness.
    pub idle: Duration,
    /// A justification ends after this, whatever happens.
    pub whole: Duration,
    /// How long a grant lasts unless said otherwise.
    pub grant: Duration,
    /// The longest grant.
    pub grant_max: Duration,
    /// How long a grant lasts that was taken in an emergency, unless said otherwise.
    pub emergency: Duration,
    /// The longest of these.
    pub emergency_max: Duration,
    /// Subjects of one grant at most.
    pub subjects_max: u32,
    /// How long a request waits for a second person, and an approval for being used.
    pub request: Duration,
    /// Equality probes in one session.
    pub probes_max: u32,
}

impl Default for SessionLimits {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        Self {
            idle: Duration::from_secs(30 * MINUTE),
            whole: Duration::from_secs(8 * 60 * MINUTE),
            grant: Duration::from_secs(15 * MINUTE),
            grant_max: Duration::from_secs(60 * MINUTE),
            emergency: Duration::from_secs(5 * MINUTE),
            emergency_max: Duration::from_secs(15 * MINUTE),
            subjects_max: 20,
            request: Duration::from_secs(60 * MINUTE),
            probes_max: 100,
        }
    }
}
