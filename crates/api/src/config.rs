//! What the operator decides about the HTTP door.

use std::path::PathBuf;
use std::time::Duration;

use crate::drp::Drp;

/// Settings of the door.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// A certificate and its key; required on any address that is not loopback.
    pub tls: Option<TlsFiles>,
    /// Bounds.
    pub limits: Limits,
    /// Whether a statement asks the database's catalogs alone, as clients do by themselves: the pages fold these. The door
    /// that runs statements knows that, and this one does not know that door.
    pub is_catalog_question: fn(&str) -> bool,
    /// Metrics of other doors, which `/metrics` shows beside its own.
    pub metrics: Vec<prometheus::Registry>,
    /// Which agents may act for people; none unless it is stated.
    pub drp: Option<Drp>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            tls: None,
            limits: Limits::default(),
            is_catalog_question: |_| false,
            metrics: Vec::new(),
            drp: None,
        }
    }
}

/// A certificate chain and its private key, both PEM files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Bounds of what one client may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more wait in the system's backlog.
    pub connections_max: usize,
    /// Longest body in bytes.
    pub body_bytes_max: usize,
    /// Longest request line with headers in bytes.
    pub header_bytes_max: usize,
    /// Most headers.
    pub headers_max: usize,
    /// How long a request's head, and a TLS handshake, may take; also how long a connection may be idle.
    pub head_time: Duration,
    /// How long a request may take from its head to the answer's head, its body included.
    pub request_time: Duration,
    /// How long a client may take no byte of an answer.
    pub stall_time: Duration,
    /// How long running requests may go on after the order to stop.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            body_bytes_max: 1024 * 1024,
            header_bytes_max: 16 * 1024,
            headers_max: 64,
            head_time: Duration::from_secs(15),
            request_time: Duration::from_secs(30),
            stall_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(10),
        }
    }
}
