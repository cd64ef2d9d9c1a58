//! Metrics for Prometheus: counts and times by route template, status and code; never a name, a value or an address.

use std::time::Duration;

use axum::http::Method;
use privet_vault::{Form, Vault};
use prometheus::{
    Encoder as _, Gauge, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};

use crate::Error;

/// Bounds of the histogram, in seconds: around what one durable entry costs.
const SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0,
];

/// All metrics of one door.
pub(crate) struct Metrics {
    registry: Registry,
    others: Vec<Registry>,
    requests: IntCounterVec,
    seconds: HistogramVec,
    refused: IntCounterVec,
    revealed: IntCounterVec,
    ready: IntGauge,
    sessions: IntGauge,
    log_entries: IntGauge,
    log_queue: IntGauge,
    log_queue_max: IntGauge,
    log_refused: IntGauge,
    log_commits: IntGauge,
    log_commit_seconds: Gauge,
    log_checked: IntGauge,
    mirror_entries_behind: IntGauge,
    mirror_seconds_behind: Gauge,
}

impl Metrics {
    /// Metrics beside those of other doors.
    pub(crate) fn new(others: Vec<Registry>) -> Result<Self, Error> {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let seconds = HistogramVec::new(
            HistogramOpts::new("privet_http_request_seconds", "Time to the answer's head")
                .buckets(SECONDS.to_vec()),
            &["route"],
        )?;
        registry.register(Box::new(seconds.clone()))?;
        let log_commit_seconds =
            Gauge::new("privet_audit_last_commit_seconds", "The last commit took")?;
        registry.register(Box::new(log_commit_seconds.clone()))?;
        let mirror_seconds_behind = Gauge::new(
            "privet_audit_mirror_seconds_behind",
            "For how long the log's mirror has lacked entries",
        )?;
        registry.register(Box::new(mirror_seconds_behind.clone()))?;
        Ok(Self {
            requests: counters(
                "privet_http_requests_total",
                "Requests answered",
                &["method", "route", "status"],
            )?,
            refused: counters("privet_refused_total", "Requests refused", &["code"])?,
            revealed: counters("privet_values_shown_total", "Values shown", &["form"])?,
            ready: gauge("privet_ready", "1 if what may be revealed is revealed")?,
            sessions: gauge("privet_sessions_open", "Justified sessions")?,
            log_entries: gauge("privet_audit_entries", "Durable entries of the log")?,
            log_queue: gauge("privet_audit_queue_depth", "Entries that wait for a commit")?,
            log_queue_max: gauge("privet_audit_queue_max", "Entries that may wait")?,
            log_refused: gauge("privet_audit_refused", "Entries refused since the start")?,
            log_commits: gauge("privet_audit_commits", "Commits since the start")?,
            log_checked: gauge(
                "privet_audit_checked",
                "Old entries checked since the start",
            )?,
            mirror_entries_behind: gauge(
                "privet_audit_mirror_entries_behind",
                "Entries that the log's mirror lacks; 0 without one",
            )?,
            mirror_seconds_behind,
            log_commit_seconds,
            seconds,
            registry,
            others,
        })
    }

    pub(crate) fn answered(
        &self,
        method: &Method,
        route: &str,
        status: u16,
        code: &str,
        took: Duration,
    ) {
        // Clients can invent methods, and each label is kept for ever.
        let method = match *method {
            Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE => {
                method.as_str()
            }
            _ => "other",
        };
        let mut digits = [0; 3];
        let status = three_digits(status, &mut digits);
        self.requests
            .with_label_values(&[method, route, status])
            .inc();
        self.seconds
            .with_label_values(&[route])
            .observe(took.as_secs_f64());
        if !code.is_empty() {
            self.refused.with_label_values(&[code]).inc();
        }
    }

    /// Values left the vault in this form.
    pub(crate) fn shown(&self, form: Form, values: u64) {
        let counter = self.revealed.with_label_values(&[form.as_str()]);
        counter.inc_by(values);
    }

    /// The text that Prometheus scrapes, with the state of now.
    pub(crate) fn text(&self, vault: &Vault) -> Result<Vec<u8>, prometheus::Error> {
        let health = vault.health();
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.ready.set(i64::from(health.reasons.is_empty()));
        self.sessions.set(whole(health.sessions_open as u64));
        self.log_entries.set(whole(health.audit.size));
        self.log_queue.set(whole(health.audit.queue_depth as u64));
        self.log_queue_max.set(whole(health.audit.queue_max as u64));
        self.log_refused.set(whole(health.audit.refused));
        self.log_commits.set(whole(health.audit.commits));
        self.log_checked.set(whole(health.audit.check.done));
        let last_commit = health.audit.last_commit.as_secs_f64();
        self.log_commit_seconds.set(last_commit);
        let mirror = health.audit.mirror.as_ref();
        let behind = mirror.map_or(0, |mirror| mirror.behind);
        self.mirror_entries_behind.set(whole(behind));
        let late = mirror.map_or(0.0, |mirror| mirror.late.as_secs_f64());
        self.mirror_seconds_behind.set(late);
        let mut text = Vec::with_capacity(8 * 1024);
        for registry in std::iter::once(&self.registry).chain(&self.others) {
            TextEncoder::new().encode(&registry.gather(), &mut text)?;
        }
        Ok(text)
    }
}

/// A status as text without an allocation.
fn three_digits(status: u16, digits: &mut [u8; 3]) -> &str {
    let digit = |place: u16| b'0' + u8::try_from(status / place % 10).unwrap_or_default();
    *digits = [digit(100), digit(10), digit(1)];
    std::str::from_utf8(digits).unwrap_or_default()
}
