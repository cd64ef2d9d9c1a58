//! What every place for files has to do: the same suite for a folder, for a bucket in memory and for real services.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail by panicking, and tests say what was left out"
)]

use std::path::Path;
use std::sync::Arc;

use object_store::memory::InMemory;
use privet_buckets::{Bucket, Service};
use privet_request_files::{BucketFiles, FolderFiles, FolderSpools};
use privet_telemetry_store::open_bucket;
use privet_vault::port::{FileError, FileName, FileStore, SpoolName, Spools as _};
use privet_vault::{RequestRunId, SubjectRequestId};

fn name(request: u8, run: u8) -> FileName {
    FileName {
        request: SubjectRequestId::from_bytes([request; 16]),
        run: RequestRunId::from_bytes([run; 16]),
    }
}

/// Bytes of several parts of a bucket, none of which is like another.
fn content(len: usize) -> Vec<u8> {
    (0..len as u64 / 8 + 1)
        .flat_map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
        .take(len)
        .collect()
}

async fn put(files: &dyn FileStore, name: FileName, content: &[u8]) {
    let mut file = files.begin(name).await.unwrap();
    for part in content.chunks(1 << 20) {
        file.append(part).await.unwrap();
    }
    file.finish().await.unwrap();
}

async fn names(files: &dyn FileStore) -> Vec<FileName> {
    let mut names = files.list().await.unwrap();
    names.sort();
    names
}

async fn check(files: &dyn FileStore) {
    assert_eq!(names(files).await, []);
    assert_eq!(files.size_bytes(name(1, 1)).await, Err(FileError::Missing));

    // Longer than two parts of a bucket, and shorter than one.
    let (long, short) = (content((17 << 20) + 5), content(45));
    put(files, name(1, 1), &long).await;
    put(files, name(1, 2), &short).await;
    put(files, name(2, 1), &short).await;
    assert_eq!(names(files).await, [name(1, 1), name(1, 2), name(2, 1)]);
    let size = long.len() as u64;
    assert_eq!(files.size_bytes(name(1, 1)).await, Ok(size));
    for range in [
        0..1,
        0..size,
        (8 << 20) - 3..(8 << 20) + 3,
        size - 1..size,
        7..7,
    ] {
        let part = files.read(name(1, 1), range.clone()).await.unwrap();
        let wanted = long
            .get(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap())
            .unwrap();
        assert!(part == wanted, "{range:?}");
    }
    for range in [size - 1..size + 1, size..size + 1] {
        let read = files.read(name(1, 1), range.clone()).await;
        assert!(read.is_err(), "{range:?}");
    }

    // Nobody sees what is not finished, and nothing stays of what is given up.
    let mut begun = files.begin(name(3, 1)).await.unwrap();
    begun.append(&short).await.unwrap();
    assert_eq!(files.size_bytes(name(3, 1)).await, Err(FileError::Missing));
    assert_eq!(names(files).await.len(), 3);
    begun.abandon().await;
    let mut dropped = files.begin(name(3, 2)).await.unwrap();
    dropped.append(&short).await.unwrap();
    drop(dropped);
    assert_eq!(names(files).await.len(), 3);

    files.delete(name(1, 1)).await.unwrap();
    files.delete(name(1, 1)).await.unwrap();
    assert_eq!(files.read(name(1, 1), 0..1).await, Err(FileError::Missing));
    assert_eq!(files.read(name(1, 2), 0..45).await.unwrap(), short);
    files.delete(name(1, 2)).await.unwrap();
    files.delete(name(2, 1)).await.unwrap();
    assert_eq!(names(files).await, []);
}

#[tokio::test]
async fn a_folder_keeps_files() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("requests");
    check(&FolderFiles::open(&root).unwrap()).await;
    // Not even empty folders are left: their names are those of requests.
    assert_eq!(
        std::fs::read_dir(&root).unwrap().count(),
        1,
        "of the one given up"
    );
}

#[tokio::test]
async fn a_bucket_in_memory_keeps_files() {
    check(&BucketFiles::new(Arc::new(InMemory::new()))).await;
}

async fn check_service(service: Service) {
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(bucket) = Bucket::start(service, installed).unwrap() else {
        println!(
            "left out: {} is not installed (`./test` installs it)",
            service.program()
        );
        return;
    };
    let objects = open_bucket(&bucket.address(), &bucket.options()).unwrap();
    check(&BucketFiles::new(objects)).await;
}

#[tokio::test]
async fn s3_keeps_files() {
    check_service(Service::S3).await;
}

#[tokio::test]
async fn google_keeps_files() {
    check_service(Service::Google).await;
}

#[tokio::test]
async fn azure_keeps_files() {
    check_service(Service::Azure).await;
}

#[tokio::test]
async fn what_a_killed_server_left_unfinished_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let files = FolderFiles::open(dir.path()).unwrap();
    put(&files, name(1, 1), b"whole").await;
    let folder = dir.path().join(name(1, 1).request.to_string());
    let left = folder.join(format!("{}.part", name(1, 2).run));
    std::fs::write(&left, b"half").unwrap();
    std::fs::write(dir.path().join("read me"), b"of somebody else").unwrap();
    assert_eq!(names(&files).await, [name(1, 1)]);
    let files = FolderFiles::open(dir.path()).unwrap();
    assert!(!left.exists());
    assert_eq!(files.read(name(1, 1), 0..5).await.unwrap(), b"whole");
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("requests");
    let files = FolderFiles::open(&root).unwrap();
    put(&files, name(1, 1), b"sealed").await;
    let folder = root.join(name(1, 1).request.to_string());
    let file = folder.join(name(1, 1).run.to_string());
    for (path, mode) in [(root, 0o700), (folder, 0o700), (file, 0o600)] {
        let permissions = std::fs::metadata(path).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode);
    }
}

#[test]
fn spools_come_back_until_their_attempt_ends() {
    let dir = tempfile::tempdir().unwrap();
    let spools = FolderSpools::open(dir.path()).unwrap();
    let run = RequestRunId::from_bytes([1; 16]);
    let read = |spools: &FolderSpools, collection| {
        let mut content = Vec::new();
        let mut spool = spools.open(SpoolName { run, collection })?;
        spool.read_to_end(&mut content)?;
        std::io::Result::Ok(content)
    };
    // More than files may be open at once.
    let mut open: Vec<_> = (0..2_000)
        .map(|collection| spools.create(SpoolName { run, collection }).unwrap())
        .collect();
    for spool in &mut open {
        spool.write_all(b"one ").unwrap();
    }
    for spool in &mut open {
        spool.write_all(b"two").unwrap();
    }
    assert_eq!(read(&spools, 1_999).unwrap(), b"one two");
    // The same twice would be two attempts under one name.
    assert!(spools.create(SpoolName { run, collection: 0 }).is_err());
    spools.delete(run).unwrap();
    spools.delete(run).unwrap();
    assert!(read(&spools, 0).is_err());

    let mut left = spools.create(SpoolName { run, collection: 7 }).unwrap();
    left.write_all(b"of a killed server").unwrap();
    let spools = FolderSpools::open(dir.path()).unwrap();
    assert!(read(&spools, 7).is_err());
}
