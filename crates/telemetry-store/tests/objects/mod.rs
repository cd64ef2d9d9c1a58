//! A clock that tests move, and an object store that fails as they say.

#![allow(
    clippy::allow_attributes,
    reason = "what is unused depends on the test program"
)]
#![allow(dead_code, reason = "each test program uses its part")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use privet_telemetry_store::Surroundings;

/// A clock that moves when it is told to, and randomness that counts.
#[derive(Debug)]
pub(crate) struct Moved {
    now_ms: AtomicI64,
    random: AtomicU64,
}

impl Default for Moved {
    fn default() -> Self {
        Self {
            now_ms: AtomicI64::new(1_790_000_000_000),
            random: AtomicU64::new(1),
        }
    }
}

impl Moved {
    pub(crate) fn advance(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Surroundings for Moved {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        // Both halves: names take the first ten bytes.
        let n = self.random.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        bytes[..8].copy_from_slice(&n);
        bytes[8..].copy_from_slice(&n);
        bytes
    }
}

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It works.
    None,
    /// It fails and does nothing.
    Fails,
    /// It is done, and its answer is lost.
    LosesAnswer,
}

/// An object store in memory that fails in the n-th call, and whose lists lag.
#[derive(Debug)]
pub(crate) struct Faulty {
    inner: InMemory,
    faults: Vec<Fault>,
    calls: AtomicU64,
    pub(crate) enabled: AtomicBool,
    /// What is there is written over, though it was only to be created.
    pub(crate) overwrites: AtomicBool,
    /// Lists show what was there this many calls ago.
    lag: u64,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    made: BTreeMap<Path, u64>,
    gone: BTreeMap<Path, (u64, ObjectMeta)>,
    /// What happened before this call is in every list.
    caught_up: u64,
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("faulty")
    }
}

fn failure() -> Error {
    Error::Generic {
        store: "faulty",
        source: "as the test says".into(),
    }
}

impl Faulty {
    pub(crate) fn new(faults: Vec<Fault>, lag: u64) -> Arc<Self> {
        Arc::new(Self {
            inner: InMemory::new(),
            faults,
            calls: AtomicU64::new(0),
            enabled: AtomicBool::new(true),
            overwrites: AtomicBool::new(false),
            lag,
            seen: Mutex::default(),
        })
    }

    /// Lists show all that has happened.
    pub(crate) fn catch_up(&self) {
        let now = self.calls.load(Ordering::SeqCst);
        self.seen.lock().unwrap().caught_up = now;
    }

    fn next(&self) -> (u64, Fault) {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if !self.enabled.load(Ordering::SeqCst) || self.faults.is_empty() {
            return (call, Fault::None);
        }
        let at = usize::try_from(call).unwrap() % self.faults.len();
        (call, self.faults[at])
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        let (call, fault) = self.next();
        if self.overwrites.load(Ordering::SeqCst) {
            options.mode = PutMode::Overwrite;
        }
        if fault == Fault::Fails {
            return Err(failure());
        }
        let put = self.inner.put_opts(location, payload, options).await?;
        self.seen
            .lock()
            .unwrap()
            .made
            .insert(location.clone(), call);
        if fault == Fault::LosesAnswer {
            return Err(failure());
        }
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        if self.next().1 != Fault::None {
            return Err(failure());
        }
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if self.next().1 != Fault::None {
            return Err(failure());
        }
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        // Deletions are few and one by one here.
        let (call, fault) = self.next();
        if fault == Fault::Fails {
            return stream::once(async { Err(failure()) }).boxed();
        }
        let inner = self.inner.clone();
        let locations = futures_util::FutureExt::now_or_never(locations.try_collect::<Vec<_>>())
            .expect("the paths are known")
            .unwrap();
        for location in &locations {
            let meta = futures_util::FutureExt::now_or_never(object_store::ObjectStoreExt::head(
                &inner, location,
            ));
            if let Some(Ok(meta)) = meta {
                let mut seen = self.seen.lock().unwrap();
                seen.gone.insert(location.clone(), (call, meta));
            }
        }
        let deleted = inner.delete_stream(stream::iter(locations.into_iter().map(Ok)).boxed());
        if fault == Fault::LosesAnswer {
            return deleted.map(|_| Err(failure())).boxed();
        }
        deleted
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (call, fault) = self.next();
        if fault != Fault::None {
            return stream::once(async { Err(failure()) }).boxed();
        }
        let enabled = self.enabled.load(Ordering::SeqCst);
        let seen = self.seen.lock().unwrap();
        let until = if enabled {
            call.saturating_sub(self.lag).max(seen.caught_up)
        } else {
            call
        };
        let hidden: Vec<Path> = seen
            .made
            .iter()
            .filter(|(_, made)| **made >= until)
            .map(|(path, _)| path.clone())
            .collect();
        let prefix_owned = prefix.cloned();
        let ghosts: Vec<ObjectMeta> = seen
            .gone
            .values()
            .filter(|(gone, meta)| {
                *gone >= until
                    && prefix_owned
                        .as_ref()
                        .is_none_or(|prefix| meta.location.prefix_matches(prefix))
            })
            .map(|(_, meta)| meta.clone())
            .collect();
        self.inner
            .list(prefix)
            .try_filter(move |meta| std::future::ready(!hidden.contains(&meta.location)))
            .chain(stream::iter(ghosts.into_iter().map(Ok)))
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
