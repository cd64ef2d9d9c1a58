//! Forwarding, against a collector that does what a test says, the project's own door, and OpenTelemetry's own code in Python.

mod collector;
mod content;
mod disk;
mod failures;
mod kills;
mod receivers;

use std::sync::Arc;
use std::time::Duration;

use privet_telemetry::{
    Collector, CollectorSettings, Endpoint, ForwardLimits, Forwarded, Forwarding, Packing,
    Protocol, Queue,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::bed::{Door, Zeros};

/// How long anything may take before a test fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What a test decides about forwarding.
pub(crate) struct Calm {
    pub(crate) protocol: Protocol,
    pub(crate) packing: Packing,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) authorities: Option<Vec<u8>>,
    pub(crate) queue_bytes_max: u64,
    pub(crate) request_bytes: usize,
    pub(crate) request_time: Duration,
    pub(crate) pause: Duration,
    pub(crate) wait_max: Duration,
}

impl Default for Calm {
    fn default() -> Self {
        Self {
            protocol: Protocol::Http,
            packing: Packing::Gzip,
            headers: Vec::new(),
            authorities: None,
            queue_bytes_max: 1 << 30,
            request_bytes: 1 << 20,
            request_time: 2 * PATIENCE,
            pause: Duration::from_millis(1),
            wait_max: Duration::from_millis(1),
        }
    }
}

/// What forwards that door's records to an address.
pub(crate) fn forwarding(door: &Door, endpoint: &str, calm: &Calm) -> Forwarding {
    let headers = calm.headers.iter().map(|(name, value)| {
        let name = axum::http::HeaderName::from_static(name);
        (name, value.parse().unwrap())
    });
    let collector = Collector::new(CollectorSettings {
        endpoint: Endpoint::parse(endpoint).unwrap(),
        protocol: calm.protocol,
        packing: calm.packing,
        headers: headers.collect(),
        authorities: calm.authorities.clone(),
        request_time: calm.request_time,
    });
    let limits = ForwardLimits {
        request_bytes: calm.request_bytes,
        pauses: calm.pause..=calm.pause,
        wait_max: calm.wait_max,
    };
    Forwarding::new(
        Queue::open(&door.journal, calm.queue_bytes_max).unwrap(),
        collector.unwrap(),
        Arc::clone(&door.rules),
        "acme",
        limits,
        (door.monitor.clone(), Arc::new(Zeros)),
    )
}

/// Forwarding that runs.
pub(crate) struct Running {
    pub(crate) forwarding: Forwarding,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Has what the door stores forwarded from now on.
    pub(crate) fn start(door: &mut Door, endpoint: &str, calm: &Calm) -> Self {
        let forwarding = forwarding(door, endpoint, calm);
        door.storing = door.storing.clone().forwarding(forwarding.clone());
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(forwarding.clone().run(stopped));
        Self {
            forwarding,
            stop,
            task,
        }
    }

    /// Waits until nothing waits.
    pub(crate) async fn drained(&self) {
        self.until(|counts| counts.waiting_bytes == 0).await;
    }

    /// Waits until the numbers are so.
    pub(crate) async fn until(&self, are_so: impl FnMut(&Forwarded) -> bool) {
        let mut counts = self.forwarding.watch();
        let waiting = tokio::time::timeout(PATIENCE, counts.wait_for(are_so));
        waiting.await.unwrap().unwrap();
    }

    pub(crate) async fn end(self) {
        self.stop.send(true).unwrap();
        let ended = tokio::time::timeout(PATIENCE, self.task).await;
        ended.unwrap().unwrap();
    }
}
