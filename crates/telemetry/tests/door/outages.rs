//! A store that fails, one that does not answer, and one that comes back.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use privet_telemetry::Limits;
use privet_telemetry_store::{Access, Machine, Settings, Store, Table};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::bed::{ADA, logs, open, open_over, record};
use crate::stored::times;

/// How long anything may take before a test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// The store's folder is a file for a while, so that nothing can be put into it.
#[tokio::test]
async fn while_the_store_fails_the_journal_takes_what_it_can_hold() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        journal_bytes_max: 2_000,
        ..Limits::default()
    };
    let door = open(folder.path(), limits);
    let place = folder.path().join("store");
    let aside = folder.path().join("aside");
    fs::rename(&place, &aside).unwrap();
    fs::write(&place, []).unwrap();
    let mut taken = 0;
    let refused = loop {
        let answer = door.logs(&logs(vec![record(1_000 + taken, ADA)])).await;
        if answer.status != 200 {
            break answer;
        }
        taken += 1;
        assert!(door.storing.store_all().await.is_err());
    };
    assert!(taken > 3, "{taken}");
    assert_eq!(
        (refused.status.as_u16(), &refused.headers["retry-after"]),
        (503, &"10".parse().unwrap())
    );
    assert!(door.journal.bytes() <= 2_000);
    // Nothing is started anew when the store is back.
    fs::remove_file(&place).unwrap();
    fs::rename(&aside, &place).unwrap();
    door.storing.store_all().await.unwrap();
    assert_eq!(door.logs(&logs(vec![record(999, ADA)])).await.status, 200);
    door.storing.store_all().await.unwrap();
    let found = times(&door, folder.path()).await;
    assert_eq!(found.len(), usize::try_from(taken).unwrap() + 1);
}

/// An object store that takes every call and answers none while it is shut.
#[derive(Debug, Clone)]
struct Gate {
    inner: Arc<InMemory>,
    is_open: watch::Receiver<bool>,
}

impl std::fmt::Display for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("gate")
    }
}

impl Gate {
    async fn pass(&self) {
        let mut is_open = self.is_open.clone();
        is_open.wait_for(|is_open| *is_open).await.unwrap();
    }
}

#[async_trait]
impl ObjectStore for Gate {
    async fn put_opts(&self, to: &Path, what: PutPayload, how: PutOptions) -> Result<PutResult> {
        self.pass().await;
        self.inner.put_opts(to, what, how).await
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.pass().await;
        self.inner.put_multipart_opts(to, how).await
    }

    async fn get_opts(&self, from: &Path, how: GetOptions) -> Result<GetResult> {
        self.pass().await;
        self.inner.get_opts(from, how).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let gate = self.clone();
        let opened = async move {
            gate.pass().await;
            Ok::<_, object_store::Error>(gate.inner.delete_stream(paths))
        };
        stream::once(opened).try_flatten().boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (gate, prefix) = (self.clone(), prefix.cloned());
        let opened = async move {
            gate.pass().await;
            Ok::<_, object_store::Error>(gate.inner.list(prefix.as_ref()))
        };
        stream::once(opened).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.pass().await;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.pass().await;
        self.inner.copy_opts(from, to, how).await
    }
}

/// Clients do not wait for the store, nor does whoever stops the server; what was acknowledged meanwhile is stored once.
#[tokio::test]
async fn while_the_store_does_not_answer_records_are_taken_and_the_server_stops() {
    let folder = tempfile::tempdir().unwrap();
    let (open, is_open) = watch::channel(false);
    let gate = Gate {
        inner: Arc::default(),
        is_open,
    };
    let store = Store::over(
        Arc::new(gate),
        Settings::new(Access::Write),
        Arc::new(Machine),
    );
    let door = open_over(folder.path(), Limits::default(), store);
    let (stop, stopped) = watch::channel(false);
    let storing = door.storing.clone().run(Duration::from_millis(1), stopped);
    let storing = tokio::spawn(storing);
    for time in 1..=20 {
        let answer = timeout(PATIENCE, door.logs(&logs(vec![record(time, ADA)]))).await;
        assert_eq!(answer.unwrap().status, 200);
    }
    stop.send(true).unwrap();
    timeout(PATIENCE, storing).await.unwrap().unwrap();
    assert!(door.journal.bytes() > 0);
    open.send(true).unwrap();
    door.storing.store_all().await.unwrap();
    let snapshot = door.store.snapshot().await.unwrap();
    let stored: u64 = snapshot.files(Table::Logs).map(|file| file.rows).sum();
    assert_eq!((stored, door.journal.waiting()), (20, vec![]));
}
