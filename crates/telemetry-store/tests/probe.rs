//! Asking a store whether it does what is relied on.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use privet_telemetry_store::{Access, Error, Machine, Settings, Store, Why};

/// A store that takes no notice of conditions, as some that speak S3's language do.
#[derive(Debug, Default)]
struct Careless(InMemory);

impl std::fmt::Display for Careless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("careless")
    }
}

#[async_trait]
impl ObjectStore for Careless {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let mode = PutMode::Overwrite;
        let options = PutOptions { mode, ..options };
        self.0.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

fn over(objects: Arc<dyn ObjectStore>, access: Access) -> Store {
    Store::over(objects, Settings::new(access), Arc::new(Machine))
}

#[tokio::test]
async fn a_store_that_does_it_all_is_left_as_it_was() {
    let objects = Arc::new(InMemory::new());
    over(objects.clone(), Access::Write).probe().await.unwrap();
    let left: Vec<_> = objects.list(None).try_collect().await.unwrap();
    assert_eq!(left, []);

    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().to_str().unwrap();
    let open = |access| Store::open(address, Settings::new(access), Arc::new(Machine)).unwrap();
    open(Access::Write).probe().await.unwrap();
    let snapshot = open(Access::Read).snapshot().await.unwrap();
    let left: Vec<_> = snapshot.objects().list(None).try_collect().await.unwrap();
    assert_eq!(left, []);
    let refused = open(Access::Read).probe().await;
    assert!(matches!(refused, Err(Error::ReadOnly)), "{refused:?}");
}

#[tokio::test]
async fn a_store_that_takes_no_notice_of_conditions_is_found_out() {
    let objects = Arc::new(Careless::default());
    let probed = over(objects.clone(), Access::Write).probe().await;
    let Err(Error::Unavailable { doing, why }) = probed else {
        panic!("{probed:?}");
    };
    assert!(
        doing.contains("two writers") && why == Why::Unsupported,
        "{doing}"
    );
    let left: Vec<_> = objects.list(None).try_collect().await.unwrap();
    assert_eq!(left, []);
}

/// A folder that is no folder any more.
#[tokio::test]
async fn a_store_that_fails_says_at_what() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("store");
    let address = place.to_str().unwrap();
    let store = Store::open(address, Settings::new(Access::Write), Arc::new(Machine)).unwrap();
    std::fs::remove_dir(&place).unwrap();
    std::fs::write(&place, []).unwrap();
    let said = store.probe().await.unwrap_err().to_string();
    assert!(said.starts_with("the telemetry store does not "), "{said}");
}
