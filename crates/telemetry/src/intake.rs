//! A body on its way: decoded, asked whom it is about, treated, made durable.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::counts::{Counts, Lost};
use crate::journal::{Journal, Refused};
use crate::limits::Limits;
use crate::message::{Encoding, Message, Signal, Undecoded};
use crate::monitor::Monitor;
use crate::room::{Place, Room};
use crate::rules::Rules;
use crate::treat::{Surroundings, Treated};

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// It is no request that the door takes.
    #[error(transparent)]
    Undecoded(#[from] Undecoded),
    /// It is packed wrongly, or is too long unpacked.
    #[error(transparent)]
    Unpacked(#[from] Unpacked),
    /// The vault does not say whom it is about.
    #[error(transparent)]
    Vault(#[from] privet_vault::Error),
    /// The journal does not take it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A mistake of this program; its log says more.
    #[error("something is wrong in the server")]
    Internal,
}

/// Why a packed body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unpacked {
    /// It is not gzip.
    #[error("the body is not gzip, though it says so")]
    NotGzip,
    /// It is longer than the door takes.
    #[error("the body is longer than is taken at once: send smaller batches")]
    TooLong,
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// RFC 1952.
    Gzip,
}

/// What takes bodies.
#[derive(Debug)]
pub struct Intake {
    monitor: Arc<dyn Monitor>,
    rules: Arc<Rules>,
    limits: Limits,
    journal: Journal,
    /// Room for bodies until they are decoded.
    room: Room,
    /// Places for requests that are decoded, treated and made durable at the same time: they bound the memory.
    places: Semaphore,
    counts: Mutex<[Counts; Signal::ALL.len()]>,
}

impl Intake {
    /// Takes bodies into `journal`.
    pub fn new(
        monitor: Arc<dyn Monitor>,
        rules: Arc<Rules>,
        limits: Limits,
        journal: Journal,
    ) -> Self {
        Self {
            monitor,
            rules,
            room: Room::new(limits.bodies_bytes_max),
            places: Semaphore::new(limits.requests_max),
            limits,
            journal,
            counts: Mutex::default(),
        }
    }

    /// Bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whom the door asks.
    pub fn monitor(&self) -> &dyn Monitor {
        &*self.monitor
    }

    /// Waits until there is room for a body of so many bytes, which is held until it was taken.
    pub(crate) async fn room(&self, bytes: usize) -> Place<'_> {
        self.room.place(bytes).await
    }

    /// What became of the records of a signal so far.
    pub fn counts(&self, signal: Signal) -> Counts {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |(of, _): &(&Signal, &Counts)| **of == signal;
        let mut both = Signal::ALL.iter().zip(counts.iter());
        both.find(of)
            .map_or_else(Counts::default, |(_, counts)| *counts)
    }

    /// Takes a body. When this returns, what passed of it is durable.
    ///
    /// # Errors
    /// [`NotTaken`]; nothing of it was kept then.
    pub async fn take(
        &self,
        signal: Signal,
        encoding: Encoding,
        packing: Packing,
        body: Bytes,
    ) -> Result<Counts, NotTaken> {
        // Until it is durable: what was unpacked can be many times what was sent.
        let _place = self.places.acquire().await;
        let (limits, rules) = (self.limits, Arc::clone(&self.rules));
        let decoded = apart(move || {
            let body = unpack(packing, body, limits.message_bytes_max)?;
            let message = Message::decode(signal, encoding, &body, &limits)?;
            let subjects = message.subjects(&rules);
            Ok::<_, NotTaken>((message, subjects))
        });
        let (message, subjects) = decoded.await??;
        let people = self.monitor.people(subjects).await?;
        let (limits, rules) = (self.limits, Arc::clone(&self.rules));
        let received_ms = self.monitor.now_ms();
        let treated = apart(move || {
            message.treat(Surroundings {
                rules: &rules,
                people: &*people,
                limits: &limits,
                received_ms,
            })
        });
        let Treated { batch, counts } = treated.await?;
        // A request of which nothing passes is answered all the same: it was taken, and dropped.
        if batch.rows() > 0 {
            self.journal.append(&batch).await?;
        }
        self.count(signal, &counts);
        say(signal, &counts);
        Ok(counts)
    }

    fn count(&self, signal: Signal, more: &Counts) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = Signal::ALL
            .iter()
            .zip(counts.iter_mut())
            .find(|(of, _)| **of == signal);
        if let Some((_, counts)) = slot {
            counts.add(more);
        }
    }
}

/// One line a request: numbers alone, as names and values can be personal.
fn say(signal: Signal, counts: &Counts) {
    tracing::info!(
        signal = signal.as_str(),
        accepted = counts.accepted,
        rejected = counts.rejected(),
        lost_unknown = counts.lost(Lost::Unknown),
        lost_class = counts.lost(Lost::Class),
        lost_type = counts.lost(Lost::Type),
        lost_unlisted = counts.lost(Lost::Unlisted),
        lost_too_large = counts.lost(Lost::TooLarge),
        lost_nobody = counts.lost(Lost::Nobody),
        "telemetry was taken"
    );
}

/// Does work that takes a while off the threads that answer, and ends alone if it panics.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NotTaken> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        tracing::error!("a telemetry request panicked");
        NotTaken::Internal
    })
}

fn unpack(packing: Packing, body: Bytes, bytes_max: usize) -> Result<Bytes, Unpacked> {
    use std::io::Read as _;

    if packing == Packing::Plain {
        return match body.len() > bytes_max {
            true => Err(Unpacked::TooLong),
            false => Ok(body),
        };
    }
    let mut unpacked = Vec::new();
    // One byte more, so that what is longer is seen.
    let limit = u64::try_from(bytes_max)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut reader = flate2::read::MultiGzDecoder::new(&*body).take(limit);
    reader
        .read_to_end(&mut unpacked)
        .map_err(|_| Unpacked::NotGzip)?;
    match unpacked.len() > bytes_max {
        true => Err(Unpacked::TooLong),
        false => Ok(unpacked.into()),
    }
}
