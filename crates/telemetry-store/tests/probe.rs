//! Asking a store whether it does what is relied on.

use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use privet_buckets::Careless;
use privet_telemetry_store::{Access, Error, Machine, Settings, Store, Why};

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
    let objects = Arc::new(Careless::about_everything());
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
