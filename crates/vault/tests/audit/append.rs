//! Appending: order, indexes, refusals, and what becomes of whoever waits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use privet_tlog::{Checkpoint, Proof};
use privet_vault::audit::{AuditLimits, Entry, EntryKind, Record};
use privet_vault::port::StoreError;

use crate::support::{
    Fault, FaultyLog, MemoryLog, TestClock, patient, reveal, side_key, signer, start, start_with,
};

#[tokio::test]
async fn an_entry_is_durable_signed_and_provable_when_recorded() {
    let store = Arc::new(MemoryLog::default());
    let log = start(store.clone(), TestClock::new()).await.unwrap();
    let index = log.record(reveal(1), &side_key()).await.unwrap();

    assert_eq!(index, 1, "after `log.opened`");
    let bytes = store.stored.lock().unwrap().entries[1].clone();
    let keys = [signer().verifier()];
    let checkpoint = Checkpoint::open(&log.checkpoint(), &keys).unwrap();
    assert_eq!(checkpoint.size, 2);
    let proof = Proof::parse(log.proof(index).await.unwrap().as_bytes()).unwrap();
    assert_eq!(proof.verify(&bytes, &keys).unwrap(), checkpoint);

    let entry = Entry::parse(&bytes).unwrap();
    assert_eq!(entry.kind(), Some(EntryKind::Reveal));
    let side = log
        .side(&entry)
        .await
        .unwrap()
        .unwrap()
        .open(&side_key())
        .unwrap();
    let (root, count) = entry.subjects().unwrap();
    let subject = side.subjects[0].reference;
    assert!(side.subject_proof(subject).unwrap().verify(&root, count));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_at_once_get_consecutive_indexes() {
    let store = Arc::new(MemoryLog::default());
    let log = start(store.clone(), TestClock::new()).await.unwrap();
    let callers: Vec<_> = (0..512u16)
        .map(|i| {
            let log = log.clone();
            tokio::spawn(async move {
                log.record(reveal(i.to_be_bytes()[1]), &side_key())
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut indexes = BTreeSet::new();
    for caller in callers {
        indexes.insert(caller.await.unwrap());
    }
    assert_eq!(indexes, (1..=512).collect());
    let entries = store.stored.lock().unwrap().entries.clone();
    let times: Vec<_> = entries
        .iter()
        .map(|entry| Entry::parse(entry).unwrap().ts)
        .collect();
    assert!(times.is_sorted(), "entries carry times in their order");
    assert_eq!(log.health().size, 513);
    assert!(log.health().commits < 513, "callers share commits");
}

#[tokio::test(start_paused = true)]
async fn past_the_deadline_the_answer_is_no() {
    let store = FaultyLog::new(Arc::new(MemoryLog::default()));
    let log = start_with(store.clone(), TestClock::new(), AuditLimits::default())
        .await
        .unwrap();
    store.close_gate();
    let began = tokio::time::Instant::now();
    let error = log.record(reveal(1), &side_key()).await.unwrap_err();
    assert_eq!(error.code(), "audit_deadline");
    assert_eq!(began.elapsed(), Duration::from_millis(250));

    // It may land afterwards, once; whoever gave up while it waited in the queue leaves nothing behind.
    let late = log.record(reveal(2), &side_key()).await.unwrap_err();
    assert_eq!(late.code(), "audit_deadline");
    store.gate.add_permits(10);
    assert_eq!(log.record(reveal(3), &side_key()).await.unwrap(), 2);
    assert_eq!(log.health().refused, 2);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_refused_at_once() {
    let store = FaultyLog::new(Arc::new(MemoryLog::default()));
    let limits = AuditLimits {
        queue_max: 4,
        ..patient()
    };
    let log = start_with(store.clone(), TestClock::new(), limits)
        .await
        .unwrap();
    store.close_gate();
    // One entry is being committed, four wait, the sixth is too many.
    let first = tokio::spawn({
        let log = log.clone();
        async move { log.record(reveal(0), &side_key()).await }
    });
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    let waiting: Vec<_> = (1..5)
        .map(|i| {
            let log = log.clone();
            tokio::spawn(async move { log.record(reveal(i), &side_key()).await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(log.health().queue_depth, 4);
    let error = log.record(reveal(5), &side_key()).await.unwrap_err();
    assert_eq!(error.code(), "audit_queue_full");
    store.gate.add_permits(10);
    assert_eq!(first.await.unwrap().unwrap(), 1);
    for waiting in waiting {
        assert!(waiting.await.unwrap().is_ok());
    }
    assert_eq!(log.health().queue_depth, 0);
}

#[tokio::test]
async fn a_full_disk_is_refused_until_there_is_room() {
    let store = FaultyLog::new(Arc::new(MemoryLog::default()));
    let log = start(store.clone(), TestClock::new()).await.unwrap();
    store.fail_next(Fault::Before(StoreError::Full));
    let error = log.record(reveal(1), &side_key()).await.unwrap_err();
    assert_eq!(error.code(), "audit_disk_full");
    let health = log.health();
    assert_eq!(health.refusing.unwrap().code, "audit_disk_full");
    assert!(!health.stopped);

    assert_eq!(log.record(reveal(1), &side_key()).await.unwrap(), 1);
    assert_eq!(log.health().refusing, None);
}

#[tokio::test]
async fn a_commit_that_broke_after_it_happened_is_found() {
    let store = FaultyLog::new(Arc::new(MemoryLog::default()));
    let log = start(store.clone(), TestClock::new()).await.unwrap();
    store.fail_next(Fault::After(StoreError::Unavailable(
        "connection lost".to_owned(),
    )));
    let error = log.record(reveal(1), &side_key()).await.unwrap_err();
    assert_eq!(error.code(), "audit_store");
    assert_eq!(
        log.record(reveal(2), &side_key()).await.unwrap(),
        2,
        "the first one landed"
    );

    // A store that retries inside sees its own commit as a conflict.
    store.fail_next(Fault::After(StoreError::Conflict));
    assert_eq!(log.record(reveal(3), &side_key()).await.unwrap(), 3);
    // While the outcome cannot be learned, nothing is written.
    store.fail_next(Fault::Before(StoreError::Unavailable("gone".to_owned())));
    assert!(log.record(reveal(4), &side_key()).await.is_err());
    store.fail_next(Fault::Before(StoreError::Unavailable(
        "still gone".to_owned(),
    )));
    assert_eq!(
        log.record(reveal(4), &side_key()).await.unwrap_err().code(),
        "audit_store"
    );
    assert_eq!(log.record(reveal(4), &side_key()).await.unwrap(), 4);
}

#[tokio::test]
async fn a_second_writer_stops_the_first_for_good() {
    let store = Arc::new(MemoryLog::default());
    let clock = TestClock::new();
    let first = start(store.clone(), clock.clone()).await.unwrap();
    let second = start(store.clone(), clock).await.unwrap();
    for _ in 0..2 {
        let error = first.record(reveal(1), &side_key()).await.unwrap_err();
        assert_eq!(error.code(), "audit_stopped");
    }
    assert!(first.health().stopped);
    assert_eq!(second.record(reveal(1), &side_key()).await.unwrap(), 2);
    assert_eq!(
        store.stored.lock().unwrap().entries.len(),
        3,
        "nothing of the first got in"
    );
}

#[tokio::test]
async fn a_clock_that_goes_back_stops_the_log_until_it_is_right() {
    let clock = TestClock::new();
    let log = start(Arc::new(MemoryLog::default()), clock.clone())
        .await
        .unwrap();
    clock.turn(SignedDuration::from_millis(-900));
    let within = log.record(reveal(1), &side_key()).await.unwrap();
    let entries = log.entries(0, 2).await.unwrap();
    let times: Vec<_> = entries
        .iter()
        .map(|entry| Entry::parse(entry).unwrap().ts)
        .collect();
    assert_eq!(
        (within, times[0]),
        (1, times[1]),
        "a small step back gets the time of the last"
    );

    clock.turn(SignedDuration::from_millis(-200));
    let error = log.record(reveal(2), &side_key()).await.unwrap_err();
    assert_eq!(error.code(), "audit_clock");
    assert_eq!(log.health().refusing.unwrap().code, "audit_clock");
    clock.turn(SignedDuration::from_secs(2));
    assert_eq!(log.record(reveal(2), &side_key()).await.unwrap(), 2);
    assert_eq!(log.health().refusing, None);
}

#[tokio::test(start_paused = true)]
async fn the_log_beats_each_minute() {
    let log = start(Arc::new(MemoryLog::default()), TestClock::new())
        .await
        .unwrap();
    let mut follower = log.follow();
    let began = tokio::time::Instant::now();
    assert_eq!(follower.longer_than(1).await, Some(2));
    assert_eq!(began.elapsed(), Duration::from_secs(60));
    let entry = Entry::parse(&log.entry(1).await.unwrap()).unwrap();
    assert_eq!(entry.kind(), Some(EntryKind::LogHeartbeat));
    assert_eq!(follower.longer_than(2).await, Some(3));
    assert_eq!(began.elapsed(), Duration::from_secs(120));
}

#[tokio::test]
async fn shutting_down_commits_what_waits_and_refuses_the_rest() {
    let store = Arc::new(MemoryLog::default());
    let log = start(store.clone(), TestClock::new()).await.unwrap();
    let key = side_key();
    let (recorded, ()) = tokio::join!(log.record(reveal(1), &key), log.shutdown());
    assert_eq!(recorded.unwrap(), 1);
    let error = log.record(reveal(2), &key).await.unwrap_err();
    assert_eq!(error.code(), "audit_stopped");
    let stored = store.stored.lock().unwrap();
    let last = Entry::parse(stored.entries.last().unwrap()).unwrap();
    assert_eq!(
        (stored.entries.len(), last.kind()),
        (3, Some(EntryKind::LogClosed))
    );
}

#[tokio::test]
async fn an_entry_that_is_too_long_is_not_written() {
    let log = start(Arc::new(MemoryLog::default()), TestClock::new())
        .await
        .unwrap();
    let long = Record::new(EntryKind::LogRead, privet_vault::audit::Actor::System)
        .fact("long", "x".repeat(9000));
    assert_eq!(
        log.record(long, &side_key()).await.unwrap_err().code(),
        "internal"
    );
    assert_eq!(log.size(), 1);
}
