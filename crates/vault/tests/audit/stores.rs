//! The log over the real stores: what was promised over the model holds over them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use privet_cluster::Cluster;
use privet_postgres::{Address, Plaintext, Rules};
use privet_store::{
    Clusters, MemoryStores, PostgresAddresses, PostgresOptions, PostgresStores, SqliteOptions,
    SqliteStores,
};
use privet_tlog::Proof;
use privet_vault::audit::offline::{export, prove_in_store, verify_directory, verify_store};
use privet_vault::audit::{AuditLog, Entry};
use privet_vault::port::LogStore;
use tokio::runtime::{Builder, Runtime};

use crate::support::{
    Fault, FaultyLog, ORIGIN, TestClock, patient, reveal, side_key, signer, start, start_unchecked,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_lives_in_each_store() {
    let dir = tempfile::tempdir().unwrap();
    lives(MemoryStores::new().log).await;
    lives(SqliteStores::open(dir.path()).unwrap().log).await;
    let cluster = Cluster::start().unwrap();
    lives(on_postgres(&cluster).await).await;
}

async fn on_postgres(cluster: &Cluster) -> Arc<dyn LogStore> {
    let rules = Rules {
        folder: Path::new("/"),
        plaintext: Plaintext::Local,
    };
    let address = Address::new(&cluster.database("log").unwrap(), &rules).unwrap();
    let addresses = PostgresAddresses {
        data: address.clone(),
        keys: address.clone(),
        log: address,
    };
    let options = PostgresOptions {
        connect_wait: Duration::from_secs(60),
        answer_wait: Duration::from_secs(60),
        clusters: Clusters::MayBeShared,
        ..PostgresOptions::default()
    };
    let stores = PostgresStores::connect(&addresses, &options).await;
    stores.unwrap().log
}

async fn lives(store: Arc<dyn LogStore>) {
    let clock = TestClock::new();
    let keys = [signer().verifier()];
    let log = start(Arc::clone(&store), clock.clone()).await.unwrap();
    let callers: Vec<_> = (0..600)
        .map(|i: u64| {
            let log = log.clone();
            let record = async move { log.record(reveal(i.to_be_bytes()[7]), &side_key()).await };
            tokio::spawn(record)
        })
        .collect();
    let mut indexes = Vec::new();
    for caller in callers {
        indexes.push(caller.await.unwrap().unwrap());
    }
    indexes.sort_unstable();
    assert_eq!(indexes, (1..=600).collect::<Vec<_>>());
    log.shutdown().await;

    let log = start(Arc::clone(&store), clock).await.unwrap();
    assert_eq!(log.size(), 603);
    let entry = Entry::parse(&log.entry(300).await.unwrap()).unwrap();
    let side = log
        .side(&entry)
        .await
        .unwrap()
        .unwrap()
        .open(&side_key())
        .unwrap();
    assert_eq!(side.subjects.len(), 1);
    store.delete_sides(&[entry.side().unwrap()]).await.unwrap();
    assert_eq!(
        log.side(&entry).await.unwrap(),
        None,
        "a side record can be destroyed alone"
    );

    let checkpoint = verify_store(&*store, ORIGIN, &keys, &[], drop)
        .await
        .unwrap();
    assert_eq!(checkpoint.size, 603);
    let dir = tempfile::tempdir().unwrap();
    export(&*store, ORIGIN, &keys, dir.path(), drop)
        .await
        .unwrap();
    assert_eq!(
        verify_directory(dir.path(), &keys, &[], drop).unwrap(),
        checkpoint
    );
    let proof = prove_in_store(&*store, ORIGIN, &keys, 300).await.unwrap();
    let bytes = log.entry(300).await.unwrap();
    Proof::parse(proof.as_bytes())
        .unwrap()
        .verify(&bytes, &keys)
        .unwrap();
}

/// Each run is a process of its own as far as tokio goes: dropping its runtime drops everything it was about to do.
#[test]
fn sqlite_killed_between_any_two_calls_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let template = dir.path().join("template");
    runtime().block_on(async {
        let log = open_sqlite(&template).await;
        for i in 0..250 {
            log.record(reveal(i), &side_key()).await.unwrap();
        }
        log.shutdown().await;
    });
    let mut call = 0;
    loop {
        let mut died = false;
        for fault in [Fault::KillBefore, Fault::KillAfter] {
            let what = format!("{fault:?} at call {call}");
            let copy = dir.path().join(&what);
            copy_folder(&template, &copy);
            let (acknowledged, calls) = runtime().block_on(run_until_it_dies(&copy, call, fault));
            died |= calls > call;
            runtime().block_on(async {
                let log = open_sqlite(&copy).await;
                assert!(acknowledged < log.size(), "{what}");
                assert!(!log.health().stopped, "{what}");
                let store = SqliteStores::open_read_only(&copy).unwrap().log;
                let keys = [signer().verifier()];
                verify_store(&*store, ORIGIN, &keys, &[], drop)
                    .await
                    .unwrap();
            });
        }
        if !died {
            break;
        }
        call += 1;
    }
    assert!(call > 12, "only {call} calls");
}

async fn run_until_it_dies(dir: &Path, call: u64, fault: Fault) -> (u64, u64) {
    let store = FaultyLog::new(SqliteStores::open(dir).unwrap().log);
    store.fail(call, fault);
    let mut acknowledged = 252;
    let run = async {
        let log = start_unchecked(store.clone(), later(), patient())
            .await
            .unwrap();
        for i in 0..8 {
            acknowledged = log.record(reveal(i), &side_key()).await.unwrap() + 1;
        }
    };
    tokio::select! {
        () = run => {}
        () = store.died() => {}
    }
    (acknowledged, store.calls())
}

#[test]
fn a_full_sqlite_file_refuses_and_goes_on_with_more_room() {
    let dir = tempfile::tempdir().unwrap();
    let recorded = runtime().block_on(async {
        let options = SqliteOptions {
            pages_max: Some(40),
            ..SqliteOptions::default()
        };
        let store = SqliteStores::open_with(dir.path(), &options).unwrap().log;
        let log = start(store, TestClock::new()).await.unwrap();
        for i in 0..10_000u64 {
            match log.record(reveal(i.to_be_bytes()[7]), &side_key()).await {
                Ok(index) => assert_eq!(index, i + 1),
                Err(error) => {
                    assert_eq!(error.code(), "audit_disk_full");
                    assert_eq!(log.health().refusing.unwrap().code, "audit_disk_full");
                    assert!(log.entry(i).await.is_ok(), "it can still be read");
                    return i;
                }
            }
        }
        panic!("the file never filled");
    });
    runtime().block_on(async {
        let log = open_sqlite(dir.path()).await;
        assert_eq!(
            log.record(reveal(1), &side_key()).await.unwrap(),
            recorded + 2
        );
    });
}

#[test]
fn bytes_changed_in_the_file_are_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let (entry, tile) = runtime.block_on(async {
        let log = open_sqlite(dir.path()).await;
        for i in 0..300u16 {
            log.record(reveal(i.to_be_bytes()[1]), &side_key())
                .await
                .unwrap();
        }
        let found = (
            log.entry(170).await.unwrap(),
            log.tile("tile/0/000").await.unwrap(),
        );
        log.shutdown().await;
        found
    });
    drop(runtime);
    let file = dir.path().join("log.sqlite");
    let intact = std::fs::read(&file).unwrap();
    for (bytes, place, words) in [
        (entry, 60, "entry 170 is not what the log committed to"),
        (tile[32..128].to_vec(), 0, "hash 1 of `tile/0/000` is wrong"),
    ] {
        let mut changed = intact.clone();
        let at = changed
            .windows(bytes.len())
            .position(|window| window == bytes)
            .unwrap();
        changed[at + place] ^= 1;
        std::fs::write(&file, &changed).unwrap();
        let error = self::runtime().block_on(async {
            let store = SqliteStores::open_read_only(dir.path()).unwrap().log;
            verify_store(&*store, ORIGIN, &[signer().verifier()], &[], drop)
                .await
                .unwrap_err()
        });
        assert_eq!(error.to_string(), words);
        let stopped = self::runtime().block_on(async {
            let store = SqliteStores::open(dir.path()).unwrap().log;
            start(store, later()).await.unwrap().health().stopped
        });
        assert!(stopped, "the background check found it, too");
    }
}

async fn open_sqlite(dir: &Path) -> AuditLog {
    start(SqliteStores::open(dir).unwrap().log, later())
        .await
        .unwrap()
}

/// A clock that is ahead of every run before: each new one starts where the first did.
fn later() -> Arc<TestClock> {
    static RUNS: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);
    let runs = RUNS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let clock = TestClock::new();
    clock.turn(SignedDuration::from_hours(runs));
    clock
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}
