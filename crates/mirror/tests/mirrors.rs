//! One suite over every kind of mirror: a folder, a bucket in memory, and the buckets of real servers.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::path::Path;
use std::sync::Arc;

use object_store::ObjectStore as _;
use object_store::memory::InMemory;
use privet_buckets::{Bucket, Careless, Service};
use privet_mirror::{BucketMirror, FolderMirror, folder_name};
use privet_tlog::TilePath;
use privet_vault::port::{LogMirror, MirrorError};

const ORIGIN: &str = "log.example/test/1";
const OTHER: &str = "log.example/test/ü_2";

async fn origins(mirror: &dyn LogMirror) -> Vec<String> {
    let mut origins = mirror.origins().await.unwrap();
    origins.sort();
    origins
}

async fn check(mirror: &dyn LogMirror) {
    assert_eq!(origins(mirror).await, [""; 0]);
    assert_eq!(mirror.checkpoint(ORIGIN).await, Ok(None));

    let paths = [
        TilePath::entries(0, 3),
        TilePath::hashes(0, 0, 3),
        TilePath::hashes(1, 1_234_067, 256),
    ];
    for path in paths {
        assert_eq!(mirror.file(ORIGIN, path).await, Ok(None));
        // A second time, as after an answer that was lost.
        for _ in 0..2 {
            let bytes = path.to_string().into_bytes();
            mirror.put(ORIGIN, path, bytes).await.unwrap();
        }
    }
    for path in paths {
        let found = mirror.file(ORIGIN, path).await.unwrap();
        assert_eq!(found, Some(path.to_string().into_bytes()));
        assert_eq!(mirror.file(OTHER, path).await, Ok(None));
    }

    let put = async |note: &str, replaces: Option<&_>| {
        let note = note.as_bytes().to_vec();
        mirror.put_checkpoint(ORIGIN, note, replaces).await
    };
    let first = put("one\n", None).await.unwrap();
    assert_eq!(put("other\n", None).await, Err(MirrorError::Replaced));
    let found = mirror.checkpoint(ORIGIN).await.unwrap().unwrap();
    assert_eq!((&*found.note, &found.version), (&b"one\n"[..], &first));
    let second = put("two\n", Some(&first)).await.unwrap();
    // Whoever has not seen the second replaces nothing.
    let late = put("late\n", Some(&first)).await;
    assert_eq!(late, Err(MirrorError::Replaced));
    let found = mirror.checkpoint(ORIGIN).await.unwrap().unwrap();
    assert_eq!((&*found.note, &found.version), (&b"two\n"[..], &second));
    // By the version that was read, too, which a start goes on from.
    put("three\n", Some(&found.version)).await.unwrap();

    mirror
        .put(OTHER, TilePath::entries(0, 1), b"theirs".to_vec())
        .await
        .unwrap();
    assert_eq!(origins(mirror).await, [ORIGIN, OTHER]);
    assert_eq!(mirror.checkpoint(OTHER).await, Ok(None));
    let unknown = mirror
        .put_checkpoint(OTHER, b"note".to_vec(), Some(&second))
        .await;
    assert_eq!(unknown, Err(MirrorError::Replaced));

    for _ in 0..2 {
        mirror
            .remove(ORIGIN, TilePath::entries(0, 3))
            .await
            .unwrap();
    }
    assert_eq!(mirror.file(ORIGIN, TilePath::entries(0, 3)).await, Ok(None));
}

#[tokio::test]
async fn a_folder() {
    let folder = tempfile::tempdir().unwrap();
    // What others keep there is none of ours.
    std::fs::create_dir(folder.path().join("lost+found")).unwrap();
    std::fs::write(folder.path().join("README"), "").unwrap();
    let mirror = FolderMirror::open(folder.path()).unwrap();
    check(&mirror).await;
    let log = folder.path().join(folder_name(ORIGIN));
    let checkpoint = std::fs::read(log.join("checkpoint")).unwrap();
    assert_eq!(checkpoint, b"three\n");
    assert!(log.join("tile/1/x001/x234/067").is_file());
}

#[tokio::test]
async fn a_disk_that_is_gone_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk");
    assert!(FolderMirror::open(&path).is_err());
    std::fs::write(&path, "").unwrap();
    assert!(FolderMirror::open(&path).is_err(), "a file is no folder");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let mirror = FolderMirror::open(&path).unwrap();
    std::fs::remove_dir(&path).unwrap();
    let tile = TilePath::hashes(0, 0, 1);
    let Err(error) = mirror.put(ORIGIN, tile, Vec::new()).await else {
        panic!("it is written somewhere");
    };
    let text = error.to_string();
    assert!(text.starts_with("it does not take a file: "), "{text}");
    assert!(!text.contains("disk"), "it names no path: {text}");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_bucket_in_memory() {
    check(&BucketMirror::new(Arc::new(InMemory::new()))).await;
}

#[tokio::test]
async fn a_service_that_takes_no_notice_of_conditions_is_found_out() {
    let dutiful = Arc::new(InMemory::new());
    let mirror = BucketMirror::new(dutiful.clone());
    mirror.probe(7).await.unwrap();
    let listed = dutiful.list_with_delimiter(None).await.unwrap();
    assert!(listed.common_prefixes.is_empty(), "something was left");
    for careless in [Careless::about_everything(), Careless::about_replacing()] {
        let objects = Arc::new(careless);
        let Err(error) = BucketMirror::new(objects.clone()).probe(7).await else {
            panic!("{objects:?} passes for a mirror");
        };
        let text = error.to_string();
        assert!(
            text.contains("it takes no notice of the condition"),
            "{text}"
        );
        let listed = objects.list_with_delimiter(None).await.unwrap();
        assert!(listed.common_prefixes.is_empty(), "something was left");
    }
}

async fn a_bucket_of(service: Service) {
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(bucket) = Bucket::start(service, installed).unwrap() else {
        println!("left out: {} is not installed", service.program());
        return;
    };
    let objects = privet_objects::open(&bucket.address(), &lowercase(bucket.options())).unwrap();
    let mirror = BucketMirror::new(objects);
    mirror.probe(7).await.unwrap();
    check(&mirror).await;
}

fn lowercase(options: Vec<(String, String)>) -> Vec<(String, String)> {
    let pairs = options.into_iter();
    pairs
        .map(|(key, value)| (key.to_ascii_lowercase(), value))
        .collect()
}

#[tokio::test]
async fn a_bucket_of_s3() {
    a_bucket_of(Service::S3).await;
}

#[tokio::test]
async fn a_bucket_of_google() {
    a_bucket_of(Service::Google).await;
}

#[tokio::test]
async fn a_bucket_of_azure() {
    a_bucket_of(Service::Azure).await;
}
