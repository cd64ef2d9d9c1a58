//! A log store in memory that fails on demand, a clock that is set by hand, randomness from a seed.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use privet_seal::{Entropy, KeyId, RecordKey, Secret32};
use privet_tlog::note::{KeyName, SigningKey};
use privet_vault::audit::{
    Actor, AuditLimits, AuditLog, EntryKind, Record, SideKey, StartError, SubjectUse,
};
use privet_vault::port::{LogBatch, LogState, LogStore, SideRow, StoreError, TileRow};
use privet_vault::{Clock, SubjectRef};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use tokio::sync::{Semaphore, watch};

pub(crate) const ORIGIN: &str = "log.example/test/1";

/// One origin's log, open to tampering.
#[derive(Default, Clone)]
pub(crate) struct Stored {
    pub(crate) state: Option<LogState>,
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) tiles: BTreeMap<(u8, u64), TileRow>,
    pub(crate) sides: HashMap<[u8; 32], Vec<u8>>,
}

/// The literal model of a log store: what it holds is a value that a test may change.
#[derive(Default)]
pub(crate) struct MemoryLog {
    pub(crate) stored: Mutex<Stored>,
}

#[async_trait]
impl LogStore for MemoryLog {
    async fn origins(&self) -> Result<Vec<String>, StoreError> {
        let stored = self.stored.lock().unwrap();
        Ok(stored.state.iter().map(|_| ORIGIN.to_owned()).collect())
    }

    async fn state(&self, origin: &str) -> Result<Option<LogState>, StoreError> {
        let stored = self.stored.lock().unwrap();
        Ok(stored.state.clone().filter(|_| origin == ORIGIN))
    }

    async fn append(&self, _origin: &str, batch: LogBatch) -> Result<(), StoreError> {
        let mut stored = self.stored.lock().unwrap();
        if stored.state.as_ref().map_or(0, |state| state.size) != batch.size_before {
            return Err(StoreError::Conflict);
        }
        stored.entries.extend(batch.entries);
        stored.tiles.extend(
            batch
                .tiles
                .into_iter()
                .map(|tile| ((tile.level, tile.number), tile)),
        );
        stored.sides.extend(
            batch
                .sides
                .into_iter()
                .map(|side| (side.sha256, side.sealed)),
        );
        stored.state = Some(batch.state);
        Ok(())
    }

    async fn entries(
        &self,
        _origin: &str,
        first: u64,
        count_max: u32,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let stored = self.stored.lock().unwrap();
        let first = usize::try_from(first).unwrap();
        Ok(stored
            .entries
            .iter()
            .skip(first)
            .take(count_max as usize)
            .cloned()
            .collect())
    }

    async fn tile(&self, _: &str, level: u8, number: u64) -> Result<Option<TileRow>, StoreError> {
        Ok(self
            .stored
            .lock()
            .unwrap()
            .tiles
            .get(&(level, number))
            .cloned())
    }

    async fn side(&self, sha256: [u8; 32]) -> Result<Option<SideRow>, StoreError> {
        let stored = self.stored.lock().unwrap();
        Ok(stored.sides.get(&sha256).map(|sealed| SideRow {
            sha256,
            sealed: sealed.clone(),
        }))
    }

    async fn delete_sides(&self, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
        self.stored
            .lock()
            .unwrap()
            .sides
            .retain(|hash, _| !hashes.contains(hash));
        Ok(())
    }
}

/// What happens to one call of the store.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It fails and nothing was done.
    Before(StoreError),
    /// It was done, but the caller hears of an error.
    After(StoreError),
    /// The process dies before it is done.
    KillBefore,
    /// The process dies after it was done.
    KillAfter,
}

/// Passes calls on, except that the call with a given number meets a fault.
pub(crate) struct FaultyLog {
    pub(crate) inner: Arc<dyn LogStore>,
    calls: AtomicU64,
    faults: Mutex<HashMap<u64, Fault>>,
    dead: watch::Sender<bool>,
    /// Appends take one permit each.
    pub(crate) gate: Semaphore,
}

impl FaultyLog {
    pub(crate) fn new(inner: Arc<dyn LogStore>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            calls: AtomicU64::new(0),
            faults: Mutex::default(),
            dead: watch::Sender::new(false),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Call number `call`, from 0, meets `fault`.
    pub(crate) fn fail(&self, call: u64, fault: Fault) {
        self.faults.lock().unwrap().insert(call, fault);
    }

    /// The next call meets `fault`.
    pub(crate) fn fail_next(&self, fault: Fault) {
        self.fail(self.calls(), fault);
    }

    /// Nobody can append until permits are added.
    pub(crate) fn close_gate(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Waits until the process is dead.
    pub(crate) async fn died(&self) {
        self.dead.subscribe().wait_for(|dead| *dead).await.unwrap();
    }

    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        if *self.dead.borrow() {
            std::future::pending::<()>().await;
        }
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let fault = self.faults.lock().unwrap().remove(&number);
        match fault {
            None => call.await,
            Some(Fault::Before(error)) => Err(error),
            Some(Fault::After(error)) => call.await.and(Err(error)),
            Some(Fault::KillBefore) => self.die().await,
            Some(Fault::KillAfter) => {
                call.await?;
                self.die().await
            }
        }
    }

    async fn die<T>(&self) -> Result<T, StoreError> {
        self.dead.send_replace(true);
        std::future::pending().await
    }
}

#[async_trait]
impl LogStore for FaultyLog {
    async fn origins(&self) -> Result<Vec<String>, StoreError> {
        self.pass(self.inner.origins()).await
    }

    async fn state(&self, origin: &str) -> Result<Option<LogState>, StoreError> {
        self.pass(self.inner.state(origin)).await
    }

    async fn append(&self, origin: &str, batch: LogBatch) -> Result<(), StoreError> {
        self.gate.acquire().await.unwrap().forget();
        self.pass(self.inner.append(origin, batch)).await
    }

    async fn entries(
        &self,
        origin: &str,
        first: u64,
        count_max: u32,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        self.pass(self.inner.entries(origin, first, count_max))
            .await
    }

    async fn tile(
        &self,
        origin: &str,
        level: u8,
        number: u64,
    ) -> Result<Option<TileRow>, StoreError> {
        self.pass(self.inner.tile(origin, level, number)).await
    }

    async fn side(&self, sha256: [u8; 32]) -> Result<Option<SideRow>, StoreError> {
        self.pass(self.inner.side(sha256)).await
    }

    async fn delete_sides(&self, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
        self.pass(self.inner.delete_sides(hashes)).await
    }
}

/// Stands still until it is set; each reading moves it on by a microsecond.
pub(crate) struct TestClock {
    now: Mutex<Timestamp>,
}

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            now: Mutex::new("2026-11-20T17:12:03.123456Z".parse().unwrap()),
        })
    }

    pub(crate) fn turn(&self, by: SignedDuration) {
        let mut now = self.now.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let mut now = self.now.lock().unwrap();
        *now = now.checked_add(SignedDuration::from_micros(1)).unwrap();
        *now
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// Randomness that is the same in every run.
pub(crate) struct Seeded(Mutex<StdRng>);

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        self.0.lock().unwrap().fill_bytes(out);
    }
}

pub(crate) fn entropy() -> Arc<dyn Entropy> {
    Arc::new(Seeded(Mutex::new(StdRng::seed_from_u64(7))))
}

pub(crate) fn signer() -> SigningKey {
    signer_of(ORIGIN, 5)
}

pub(crate) fn signer_of(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).unwrap(), &[seed; 32]).unwrap()
}

pub(crate) fn side_key() -> SideKey {
    SideKey::new(
        KeyId([3; 16]),
        RecordKey::from(Secret32::from_slice(&[4; 32]).unwrap()),
    )
}

/// A log whose background check is over, so that a test knows which call of the store is whose.
pub(crate) async fn start(
    store: Arc<dyn LogStore>,
    clock: Arc<TestClock>,
) -> Result<AuditLog, StartError> {
    start_with(store, clock, patient()).await
}

/// Limits for tests whose subject is not the deadline: a busy machine may take its time.
pub(crate) fn patient() -> AuditLimits {
    AuditLimits {
        deadline: Duration::from_secs(60),
        ..AuditLimits::default()
    }
}

pub(crate) async fn start_with(
    store: Arc<dyn LogStore>,
    clock: Arc<TestClock>,
    limits: AuditLimits,
) -> Result<AuditLog, StartError> {
    let log = start_unchecked(store, clock, limits).await?;
    while !log.health().check_ended {
        tokio::task::yield_now().await;
    }
    Ok(log)
}

/// A log whose background check has just begun.
pub(crate) async fn start_unchecked(
    store: Arc<dyn LogStore>,
    clock: Arc<TestClock>,
    limits: AuditLimits,
) -> Result<AuditLog, StartError> {
    let environment = "test".parse().unwrap();
    AuditLog::start(
        store,
        ORIGIN.to_owned(),
        environment,
        signer(),
        clock,
        entropy(),
        limits,
    )
    .await
}

pub(crate) fn reveal(number: u8) -> Record {
    let subject = SubjectUse {
        reference: SubjectRef::from_bytes([number; 16]),
        fields: [1, 2].into(),
        count: 2,
    };
    Record::new(EntryKind::Reveal, Actor::System)
        .purpose("support")
        .subject(subject)
}
