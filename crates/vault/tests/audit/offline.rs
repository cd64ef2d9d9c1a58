//! Verifying, exporting and proving without a server; what was tampered with is found and named.

use std::path::Path;
use std::sync::Arc;

use privet_tlog::{Checkpoint, Proof};
use privet_vault::audit::offline::{
    export, prove_in_directory, prove_in_store, verify_directory, verify_store,
};
use privet_vault::audit::{AuditLog, CheckError, Progress};

use crate::support::{
    Fault, FaultyLog, MemoryLog, ORIGIN, Stored, TestClock, reveal, side_key, signer, start,
};

/// A log whose last tile and bundle are partial, and whose second level has two hashes.
const ENTRIES: u64 = 700;

/// A change to a stored log, and what the check says of it.
type Case = (fn(&mut Stored), &'static str);

const CASES: &[Case] = &[
    (
        |s| s.entries[0][30] ^= 1,
        "entry 0 is not what the log committed to",
    ),
    (
        |s| s.entries[471][30] ^= 1,
        "entry 471 is not what the log committed to",
    ),
    (
        |s| s.entries[699][30] ^= 1,
        "entry 699 is not what the log committed to",
    ),
    (
        |s| s.entries.swap(300, 301),
        "entry 300 is not what the log committed to",
    ),
    (
        |s| drop(s.entries.remove(300)),
        "entry 300 is not what the log committed to",
    ),
    (
        |s| s.entries.truncate(650),
        "`tile/entries/002.p/188` is missing or too short",
    ),
    (
        |s| s.entries.clear(),
        "`tile/entries/000` is missing or too short",
    ),
    (
        |s| s.entries.push(b"{}".to_vec()),
        "entry 700 follows the last one that was signed",
    ),
    (
        |s| s.tiles.get_mut(&(0, 1)).unwrap().data[64] ^= 1,
        "hash 2 of `tile/0/001` is wrong",
    ),
    (
        |s| s.tiles.get_mut(&(0, 2)).unwrap().data[64] ^= 1,
        "hash 2 of `tile/0/002.p/188` is wrong",
    ),
    (
        |s| s.tiles.get_mut(&(1, 0)).unwrap().data[32] ^= 1,
        "hash 1 of `tile/1/000.p/2` is wrong",
    ),
    (|s| drop(s.tiles.remove(&(0, 1))), "`tile/0/001` is missing"),
    (
        |s| drop(s.tiles.remove(&(1, 0))),
        "`tile/1/000.p/2` is missing",
    ),
    (
        |s| s.tiles.get_mut(&(0, 1)).unwrap().data.truncate(100),
        "`tile/0/001` has the wrong length",
    ),
    (
        replace_entry_and_tile,
        "entries 256 to 511 are not what the log committed to",
    ),
    (
        |s| s.state.as_mut().unwrap().size = 699,
        "states 700 entries, the store 699",
    ),
    (
        |s| s.state.as_mut().unwrap().checkpoint[60] ^= 1,
        "the checkpoint does not verify",
    ),
    (|s| s.state = None, "there is no log of origin"),
];

#[tokio::test]
async fn tampering_with_a_store_is_found_and_named() {
    let memory = written().await;
    let keys = [signer().verifier()];
    let mut seen = Vec::new();
    let progress = |progress: Progress| seen.push(progress);
    let checkpoint = verify_store(&*memory, ORIGIN, &keys, &[], progress)
        .await
        .unwrap();
    assert_eq!(checkpoint.size, ENTRIES);
    assert_eq!(
        seen.last(),
        Some(&Progress {
            done: ENTRIES,
            of: ENTRIES
        })
    );
    for (change, words) in CASES {
        let changed = MemoryLog::default();
        *changed.stored.lock().unwrap() = memory.stored.lock().unwrap().clone();
        change(&mut changed.stored.lock().unwrap());
        let error = verify_store(&changed, ORIGIN, &keys, &[], drop)
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains(words),
            "`{error}` instead of `{words}`"
        );
    }
}

#[tokio::test]
async fn an_exported_log_verifies_and_tampering_with_it_is_found() {
    let memory = written().await;
    let keys = [signer().verifier()];
    let exported = tempfile::tempdir().unwrap();
    let dir = exported.path();
    let checkpoint = export(&*memory, ORIGIN, &keys, dir, drop).await.unwrap();
    assert_eq!(verify_directory(dir, &keys, &[], drop).unwrap(), checkpoint);
    insta::assert_snapshot!(files(dir).join("\n"), @r"
    checkpoint
    tile/0/000
    tile/0/001
    tile/0/002.p/188
    tile/1/000.p/2
    tile/entries/000
    tile/entries/001
    tile/entries/002.p/188
    ");

    for (name, place, words) in [
        (
            "tile/entries/001",
            40,
            "entry 256 is not what the log committed to",
        ),
        ("tile/entries/001", 0, "`tile/entries/001` is malformed"),
        ("tile/0/001", 64, "hash 2 of `tile/0/001` is wrong"),
        ("tile/1/000.p/2", 0, "hash 0 of `tile/1/000.p/2` is wrong"),
        ("checkpoint", 25, "the checkpoint does not verify"),
    ] {
        let path = dir.join(name);
        let intact = std::fs::read(&path).unwrap();
        let mut changed = intact.clone();
        changed[place] ^= 0x40;
        std::fs::write(&path, &changed).unwrap();
        let error = verify_directory(dir, &keys, &[], drop).unwrap_err();
        assert!(
            error.to_string().contains(words),
            "`{error}` instead of `{words}`"
        );
        std::fs::remove_file(&path).unwrap();
        let error = verify_directory(dir, &keys, &[], drop).unwrap_err();
        assert!(
            error.to_string().contains(name),
            "`{error}` does not name `{name}`"
        );
        std::fs::write(&path, &intact).unwrap();
    }
    verify_directory(dir, &keys, &[], drop).unwrap();
}

#[tokio::test]
async fn an_export_goes_on_where_it_was() {
    let memory = written().await;
    let keys = [signer().verifier()];
    let (step_by_step, at_once) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = start(memory.clone(), TestClock::new()).await.unwrap();
    for more in [0, 1, 66, 300] {
        record(&log, more).await;
        export(&*memory, ORIGIN, &keys, step_by_step.path(), drop)
            .await
            .unwrap();
        verify_directory(step_by_step.path(), &keys, &[], drop).unwrap();
    }
    export(&*memory, ORIGIN, &keys, at_once.path(), drop)
        .await
        .unwrap();
    assert_eq!(files(step_by_step.path()), files(at_once.path()));
    for file in files(at_once.path()) {
        let read = |dir: &Path| std::fs::read(dir.join(&file)).unwrap();
        assert_eq!(read(step_by_step.path()), read(at_once.path()), "{file}");
    }
}

#[tokio::test]
async fn an_interrupted_export_is_still_the_older_log() {
    let memory = written().await;
    let keys = [signer().verifier()];
    let exported = tempfile::tempdir().unwrap();
    let dir = exported.path();
    let old = export(&*memory, ORIGIN, &keys, dir, drop).await.unwrap();
    let log = start(memory.clone(), TestClock::new()).await.unwrap();
    record(&log, 300).await;
    let whole = FaultyLog::new(memory.clone());
    let copy = tempfile::tempdir().unwrap();
    export(&*whole, ORIGIN, &keys, copy.path(), drop)
        .await
        .unwrap();
    for call in 0..whole.calls() {
        let store = FaultyLog::new(memory.clone());
        let gone = privet_vault::port::StoreError::Unavailable("gone".to_owned());
        store.fail(call, Fault::Before(gone));
        let failed = export(&*store, ORIGIN, &keys, dir, drop).await;
        if failed.is_ok() {
            continue;
        }
        assert_eq!(
            verify_directory(dir, &keys, &[], drop).unwrap(),
            old,
            "call {call}"
        );
    }
    let new = export(&*memory, ORIGIN, &keys, dir, drop).await.unwrap();
    assert_eq!(verify_directory(dir, &keys, &[old], drop).unwrap(), new);
    assert_eq!(files(dir), files(copy.path()));
}

#[tokio::test]
async fn a_store_that_was_put_back_does_not_overwrite_an_export() {
    let memory = written().await;
    let keys = [signer().verifier()];
    let before = memory.stored.lock().unwrap().clone();
    let log = start(memory.clone(), TestClock::new()).await.unwrap();
    record(&log, 10).await;
    let exported = tempfile::tempdir().unwrap();
    let newest = export(&*memory, ORIGIN, &keys, exported.path(), drop)
        .await
        .unwrap();

    let restored = Arc::new(MemoryLog::default());
    *restored.stored.lock().unwrap() = before;
    for more in [0, 30] {
        let log = start(restored.clone(), TestClock::new()).await.unwrap();
        record(&log, more).await;
        let error = export(&*restored, ORIGIN, &keys, exported.path(), drop)
            .await
            .unwrap_err();
        assert!(matches!(error, CheckError::Rewritten(711)), "{error}");
        let since = std::slice::from_ref(&newest);
        let error = verify_store(&*restored, ORIGIN, &keys, since, drop)
            .await
            .unwrap_err();
        assert!(matches!(error, CheckError::Rewritten(711)), "{error}");
    }
    assert_eq!(
        verify_directory(exported.path(), &keys, &[], drop).unwrap(),
        newest
    );
}

#[tokio::test]
async fn proofs_hold_for_their_entry_alone() {
    let memory = written().await;
    let keys = [signer().verifier()];
    let exported = tempfile::tempdir().unwrap();
    export(&*memory, ORIGIN, &keys, exported.path(), drop)
        .await
        .unwrap();
    let entries = memory.stored.lock().unwrap().entries.clone();
    for index in [0, 1, 255, 256, 511, 512, 699] {
        let text = prove_in_store(&*memory, ORIGIN, &keys, index)
            .await
            .unwrap();
        assert_eq!(
            text,
            prove_in_directory(exported.path(), &keys, index).unwrap()
        );
        let proof = Proof::parse(text.as_bytes()).unwrap();
        let index = usize::try_from(index).unwrap();
        proof.verify(&entries[index], &keys).unwrap();
        assert!(proof.verify(&entries[(index + 1) % 700], &keys).is_err());
    }
    let error = prove_in_store(&*memory, ORIGIN, &keys, ENTRIES)
        .await
        .unwrap_err();
    assert!(matches!(error, CheckError::NoEntry(ENTRIES)), "{error}");
    let error = prove_in_directory(exported.path(), &keys, ENTRIES).unwrap_err();
    assert!(matches!(error, CheckError::NoEntry(ENTRIES)), "{error}");
}

#[tokio::test]
async fn the_read_side_answers_what_an_export_holds() {
    let memory = written().await;
    let keys = [signer().verifier()];
    let log = start(memory.clone(), TestClock::new()).await.unwrap();
    let exported = tempfile::tempdir().unwrap();
    export(&*memory, ORIGIN, &keys, exported.path(), drop)
        .await
        .unwrap();
    for file in files(exported.path()) {
        let served = match file.as_str() {
            "checkpoint" => log.checkpoint(),
            path => log.tile(path).await.unwrap(),
        };
        assert_eq!(
            served,
            std::fs::read(exported.path().join(&file)).unwrap(),
            "{file}"
        );
    }
    // Any narrower width, too, as of an earlier checkpoint.
    let narrow = log.tile("tile/0/002.p/10").await.unwrap();
    assert_eq!(narrow, log.tile("tile/0/002.p/189").await.unwrap()[..320]);
    assert_eq!(
        log.tile("tile/entries/002.p/1").await.unwrap().len(),
        2 + entry_length(&memory, 512)
    );
    for path in [
        "tile/0/002",
        "tile/0/002.p/190",
        "tile/0/003.p/1",
        "tile/2/000.p/1",
        "tile/9/000",
        "../x",
    ] {
        assert_eq!(
            log.tile(path).await.unwrap_err().code(),
            "not_found",
            "{path}"
        );
    }

    let old = Checkpoint::open(
        &std::fs::read(exported.path().join("checkpoint")).unwrap(),
        &keys,
    )
    .unwrap();
    record(&log, 500).await;
    let new = Checkpoint::open(&log.checkpoint(), &keys).unwrap();
    let proof = log.consistency_proof(old.size).await.unwrap();
    let hashes: Vec<_> = proof
        .lines()
        .map(|line| privet_tlog::Hash::from_base64(line).unwrap())
        .collect();
    privet_tlog::verify_consistency(old.size, &old.root, new.size, &new.root, &hashes).unwrap();
    assert!(log.consistency_proof(new.size + 1).await.is_err());
    assert_eq!(log.entries(1_200, 50).await.unwrap().len(), 1);
    assert_eq!(log.entry(1_201).await.unwrap_err().code(), "not_found");
}

fn entry_length(memory: &MemoryLog, index: usize) -> usize {
    memory.stored.lock().unwrap().entries[index].len()
}

/// A log of exactly [`ENTRIES`] entries, `log.opened` included.
async fn written() -> Arc<MemoryLog> {
    let memory = Arc::new(MemoryLog::default());
    let log = start(memory.clone(), TestClock::new()).await.unwrap();
    record(&log, ENTRIES - 1).await;
    memory
}

async fn record(log: &AuditLog, count: u64) {
    let key = side_key();
    for i in 0..count {
        log.record(reveal(i.to_be_bytes()[7]), &key).await.unwrap();
    }
}

/// Somebody changes an entry and the tile that holds its hash, but not the tile above.
fn replace_entry_and_tile(stored: &mut Stored) {
    stored.entries[471][30] ^= 1;
    let hash = privet_tlog::leaf_hash(&stored.entries[471]);
    let place = (471 - 256) * 32;
    let tile = stored.tiles.get_mut(&(0, 1)).unwrap();
    tile.data[place..place + 32].copy_from_slice(&hash.0);
}

/// All files below a directory, sorted.
fn files(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    files.sort();
    files
}
