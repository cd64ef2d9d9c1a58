//! Forwarding: what was stored goes to a collector as OTLP, in order, at least once, however often either side ends.
//!
//! It works on the journal's files after they are stored ([`Queue`]), so that nothing it does or fails to do is felt at the door or in
//! the store. What the collector gets is specified in `docs/formats/forwarded-telemetry.md`.

mod collector;
mod counts;
mod endpoint;
mod groups;
mod grpc;
mod points;
mod queue;
mod records;
mod requests;

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use privet_seal::Entropy;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::journal::{Damage, Journal, Segment};
use crate::monitor::Monitor;
use crate::rules::Rules;
use collector::{Answer, Trouble};
use counts::Counting;
use queue::Waiting;
use requests::{Making, Parcel};

pub use collector::{Collector, CollectorError, CollectorSettings};
pub use counts::{Forwarded, Unsent};
pub use endpoint::{Endpoint, EndpointError, Protocol};
pub use queue::Queue;

/// How forwarding goes about it.
#[derive(Debug, Clone)]
pub struct ForwardLimits {
    /// About how long a request is, before it is packed. Collectors take 4 MiB over gRPC unless they are told otherwise.
    pub request_bytes: usize,
    /// The first and the longest pause after a failure; a part of each is chance, so that servers do not come all at once.
    pub pauses: RangeInclusive<Duration>,
    /// The longest that a collector may say to wait.
    pub wait_max: Duration,
}

impl Default for ForwardLimits {
    fn default() -> Self {
        Self {
            request_bytes: 1024 * 1024,
            pauses: Duration::from_secs(1)..=Duration::from_secs(60),
            wait_max: Duration::from_secs(600),
        }
    }
}

/// What forwards. Clones share it, and one of them runs.
#[derive(Clone)]
pub struct Forwarding(Arc<Parts>);

struct Parts {
    queue: Queue,
    collector: Collector,
    rules: Arc<Rules>,
    tenant: Arc<str>,
    limits: ForwardLimits,
    monitor: Arc<dyn Monitor>,
    entropy: Arc<dyn Entropy>,
    counts: Counting,
}

impl std::fmt::Debug for Forwarding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forwarding")
            .field("collector", &self.0.collector)
            .finish_non_exhaustive()
    }
}

impl Forwarding {
    /// Forwards what is in `queue` to `collector`, as records of `tenant` that pass by `rules`.
    pub fn new(
        queue: Queue,
        collector: Collector,
        rules: Arc<Rules>,
        tenant: &str,
        limits: ForwardLimits,
        surroundings: (Arc<dyn Monitor>, Arc<dyn Entropy>),
    ) -> Self {
        let (monitor, entropy) = surroundings;
        let counts = Counting::default();
        counts.waiting(|| queue.bytes());
        Self(Arc::new(Parts {
            queue,
            collector,
            rules,
            tenant: tenant.into(),
            limits,
            monitor,
            entropy,
            counts,
        }))
    }

    /// What became of what was to be forwarded, and what waits.
    pub fn counts(&self) -> Forwarded {
        *self.watch().borrow()
    }

    /// The same, as it changes.
    pub fn watch(&self) -> watch::Receiver<Forwarded> {
        self.0.counts.watch()
    }

    /// Takes over a file that was stored. Whatever goes wrong, the journal has it no more: nothing here may keep the door from taking.
    ///
    /// # Errors
    /// What the system says when the file can neither be moved nor removed.
    pub(crate) fn take(&self, journal: &Journal, segment: &Segment) -> std::io::Result<()> {
        let taken = self.0.queue.take(journal, segment);
        self.0.count_waiting();
        let Err(error) = taken else {
            return Ok(());
        };
        self.lost(segment, &error);
        journal.stored(segment)
    }

    /// Takes over what can be read of a damaged file.
    pub(crate) fn share(&self, segment: &Segment) {
        let shared = self.0.queue.share(segment);
        self.0.count_waiting();
        if let Err(error) = shared {
            self.lost(segment, &error);
        }
    }

    fn lost(&self, segment: &Segment, error: &std::io::Error) {
        let records = requests::count(&segment.path, 0);
        self.0.counts.unsent(Unsent::Lost, records);
        tracing::error!(
            records, kind = %error.kind(),
            "telemetry that was stored could not be kept for the collector, which does not get it"
        );
    }

    /// Forwards until `stop` is true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        // Whatever is broken off here is on the disk, and begun again at the next start.
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.0.forward() => {}
        }
    }
}

impl Parts {
    async fn forward(&self) {
        loop {
            match self.queue.oldest() {
                Some(file) => self.file(&file).await,
                None => self.queue.changed().await,
            }
        }
    }

    /// Sends a file, or drops it when more waits than may.
    async fn file(&self, file: &Waiting) {
        tokio::select! {
            biased;
            () = self.overflow() => self.drop_file(file).await,
            sent = self.send_file(file) => {
                if let Err(damage) = sent {
                    tracing::error!(
                        file = %file.path.display(), %damage,
                        "a part of a file that was to be forwarded cannot be read"
                    );
                }
            }
        }
        self.queue.remove(file);
        self.count_waiting();
    }

    fn count_waiting(&self) {
        self.counts.waiting(|| self.queue.bytes());
    }

    async fn overflow(&self) {
        while !self.queue.is_over() {
            self.queue.changed().await;
        }
    }

    async fn drop_file(&self, file: &Waiting) {
        let (path, position) = (file.path.clone(), self.queue.position());
        let counted = tokio::task::spawn_blocking(move || requests::count(&path, position));
        let records = counted.await.unwrap_or_default();
        self.counts.unsent(Unsent::Overflow, records);
        tracing::error!(
            records,
            "more telemetry waits for the collector than may (`queue_mib_max`): the oldest was dropped for it; the store has it"
        );
    }

    async fn send_file(&self, file: &Waiting) -> Result<(), Damage> {
        // One request is made while another is sent.
        let (give, mut parcels) = mpsc::channel(1);
        let making = Making {
            rules: Arc::clone(&self.rules),
            tenant: Arc::clone(&self.tenant),
            packing: self.collector.packing(),
            request_bytes: self.limits.request_bytes,
            kept_from_ms: self.kept_from_ms().unwrap_or(i64::MIN),
        };
        let (path, position) = (file.path.clone(), self.queue.position());
        let reading = tokio::task::spawn_blocking(move || {
            making.read(&path, position, &mut |parcel| {
                give.blocking_send(parcel).map_err(|_| requests::Gone)
            })
        });
        while let Some(parcel) = parcels.recv().await {
            self.deliver(&parcel).await;
            if let Some(position) = parcel.upto {
                self.queue.passed(position);
            }
        }
        match reading.await {
            Ok((outdated, read)) => {
                self.counts.unsent(Unsent::Outdated, outdated);
                read
            }
            // A mistake of this program: the file is not begun again for ever.
            Err(_) => Err(Damage::At(0)),
        }
    }

    /// The first moment of the days that the data map keeps, as the store counts them.
    fn kept_from_ms(&self) -> Option<i64> {
        let now = Timestamp::from_millisecond(self.monitor.now_ms()).ok()?;
        let today = TimeZone::UTC.to_datetime(now).date();
        let first = self.rules.keep.before(today)?;
        let first = first.to_zoned(TimeZone::UTC).ok()?;
        Some(first.timestamp().as_millisecond())
    }

    /// Sends a request until it is taken, or its answer is final.
    async fn deliver(&self, parcel: &Parcel) {
        let mut pause = *self.limits.pauses.start();
        loop {
            let answer = self.collector.send(parcel, self.monitor.now_ms()).await;
            let (why, after) = match answer {
                Answer::Taken { rejected } => {
                    return self.taken(parcel, rejected);
                }
                Answer::Refused(why) => {
                    return self.refused(parcel, why);
                }
                Answer::Later { why, after } => (why, after),
            };
            self.counts.failing(self.monitor.now_ms());
            let wait = match after {
                Some(after) => after.min(self.limits.wait_max),
                None => self.jittered(pause),
            };
            tracing::warn!(
                signal = parcel.signal.as_str(),
                waiting_bytes = self.queue.bytes(),
                wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                "telemetry could not be forwarded yet: {why}"
            );
            sleep(wait).await;
            pause = (pause * 2).min(*self.limits.pauses.end());
        }
    }

    fn taken(&self, parcel: &Parcel, rejected: u64) {
        self.counts.sent(parcel.signal, parcel.records, rejected);
        if rejected > 0 {
            tracing::warn!(
                signal = parcel.signal.as_str(),
                rejected,
                "the collector took a request without some of its records"
            );
        }
    }

    fn refused(&self, parcel: &Parcel, why: Trouble) {
        self.counts.unsent(Unsent::Refused, parcel.records);
        tracing::error!(
            signal = parcel.signal.as_str(),
            records = parcel.records,
            "the collector does not take what was forwarded, and sending it again is of no use: {why}"
        );
    }

    /// Between a half and the whole of it.
    fn jittered(&self, pause: Duration) -> Duration {
        let mut chance = [0; 4];
        self.entropy.fill(&mut chance);
        let part = f64::from(u32::from_be_bytes(chance)) / f64::from(u32::MAX);
        pause.mul_f64(0.5 + part / 2.0)
    }
}
