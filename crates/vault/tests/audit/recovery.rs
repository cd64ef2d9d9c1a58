//! Dying between any two calls of the store, and what a start accepts and refuses afterwards.

use std::sync::Arc;

use jiff::SignedDuration;
use privet_vault::audit::{AuditLimits, Entry, StartError};
use privet_vault::port::{LogStore, StoreError};

use crate::support::{
    Fault, FaultyLog, MemoryLog, ORIGIN, TestClock, reveal, side_key, signer_of, start,
    start_unchecked,
};

/// Entries that are there before the process that dies.
const BEFORE: u64 = 250;

/// Entries that it records, across the end of a tile.
const RECORDED: u64 = 12;

#[tokio::test(start_paused = true)]
async fn killed_between_any_two_calls_no_acknowledged_entry_is_lost() {
    let before = written(BEFORE - 1).await.stored.lock().unwrap().clone();
    let copy = || {
        let memory = Arc::new(MemoryLog::default());
        *memory.stored.lock().unwrap() = before.clone();
        memory
    };
    let whole = FaultyLog::new(copy());
    assert_eq!(
        run_until_it_dies(whole.clone()).await,
        BEFORE + 1 + RECORDED
    );
    for call in 0..whole.calls() {
        for fault in [Fault::KillBefore, Fault::KillAfter] {
            let what = format!("{fault:?} at call {call}");
            let memory = copy();
            let store = FaultyLog::new(memory.clone());
            store.fail(call, fault);
            let acknowledged = run_until_it_dies(store).await;

            let clock = TestClock::new();
            clock.turn(SignedDuration::from_hours(1));
            let log = start(memory, clock).await.unwrap();
            let kept = log.size() - 1;
            assert!(
                acknowledged <= kept,
                "{what}: {acknowledged} acknowledged, {kept} kept"
            );
            assert!(
                kept <= acknowledged + 1,
                "{what}: an entry that nobody asked for"
            );
            assert!(!log.health().stopped, "{what}");
            assert_eq!(
                log.record(reveal(1), &side_key()).await.unwrap(),
                kept + 1,
                "{what}"
            );
        }
    }
}

/// How many entries the log had when the last one was acknowledged.
async fn run_until_it_dies(store: Arc<FaultyLog>) -> u64 {
    let run = async {
        let clock = TestClock::new();
        let log = start_unchecked(store, clock, AuditLimits::default())
            .await
            .unwrap();
        let mut acknowledged = log.size();
        for i in 0..RECORDED {
            match log.record(reveal(i.to_be_bytes()[7]), &side_key()).await {
                Ok(index) => acknowledged = index + 1,
                Err(error) => {
                    assert_eq!(error.code(), "audit_deadline", "the dead do not answer");
                    break;
                }
            }
        }
        acknowledged
    };
    // A start that dies never answers; its own limit is not the subject here.
    let limit = std::time::Duration::from_secs(30);
    tokio::time::timeout(limit, run).await.unwrap_or(BEFORE)
}

#[tokio::test]
async fn any_failing_call_of_a_start_is_an_error_and_the_next_start_succeeds() {
    let memory = written(300).await;
    let clean = FaultyLog::new(memory.clone());
    start_unchecked(clean.clone(), TestClock::new(), AuditLimits::default())
        .await
        .unwrap();
    let calls = clean.calls();
    assert!(calls > 5, "{calls} calls");
    for call in 0..calls {
        let store = FaultyLog::new(memory.clone());
        store.fail(
            call,
            Fault::Before(StoreError::Unavailable("gone".to_owned())),
        );
        let clock = TestClock::new();
        let started = start_unchecked(store, clock.clone(), AuditLimits::default()).await;
        assert_eq!(started.unwrap_err().code(), "audit_store", "call {call}");
        start(memory.clone(), clock).await.unwrap();
    }
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let memory = written(600).await;
    let log = start(memory, TestClock::new()).await.unwrap();
    assert_eq!(log.size(), 602, "`log.opened` twice");
    let entry = Entry::parse(&log.entry(601).await.unwrap()).unwrap();
    assert_eq!(
        (entry.t.as_str(), entry.counts["size"]),
        ("log.opened", 601)
    );
    assert_eq!(log.health().check.done, 602);
    assert_eq!(log.health().refusing, None);
}

/// A change to a stored log, and words of the error that it must lead to.
type Case = (&'static str, fn(&mut crate::support::Stored), &'static str);

const CASES: &[Case] = &[
    (
        "another key",
        |s| resign(s, ORIGIN, 6),
        "does not verify with this server's signing key",
    ),
    (
        "another origin",
        |s| resign(s, "log.example/other", 5),
        "does not verify",
    ),
    (
        "a changed checkpoint",
        |s| flip_checkpoint(s),
        "does not verify",
    ),
    (
        "no checkpoint",
        |s| s.state.as_mut().unwrap().checkpoint.clear(),
        "does not verify",
    ),
    (
        "a size that is too small",
        |s| s.state.as_mut().unwrap().size -= 1,
        "601 entries, the store 600",
    ),
    (
        "no state",
        |s| s.state = None,
        "holds an entry 0 that the checkpoint does not know",
    ),
    (
        "a lost tile",
        |s| drop(s.tiles.remove(&(0, 2))),
        "`tile/0/002.p/89` is missing",
    ),
    (
        "a changed tile",
        |s| s.tiles.get_mut(&(0, 2)).unwrap().data[40] ^= 1,
        "another root",
    ),
    (
        "a changed upper tile",
        |s| s.tiles.get_mut(&(1, 0)).unwrap().data[40] ^= 1,
        "another root",
    ),
    (
        "a short tile",
        |s| s.tiles.get_mut(&(0, 2)).unwrap().data.truncate(64),
        "wrong length",
    ),
    (
        "a narrow tile",
        |s| s.tiles.get_mut(&(0, 2)).unwrap().width = 88,
        "is 88 wide",
    ),
    (
        "a wide tile",
        |s| s.tiles.get_mut(&(0, 2)).unwrap().width = 90,
        "is 90 wide",
    ),
    (
        "an entry too many",
        |s| s.entries.push(b"{}".to_vec()),
        "holds an entry 601",
    ),
    (
        "an entry too few",
        |s| drop(s.entries.pop()),
        "entry 600 is missing",
    ),
    (
        "a changed last entry",
        |s| s.entries[600][30] ^= 1,
        "entry 600 is not what",
    ),
    (
        "an earlier last time",
        |s| turn_back(s),
        "the time of the last entry",
    ),
];

#[tokio::test]
async fn a_start_refuses_what_was_changed() {
    let memory = written(600).await;
    let intact = memory.stored.lock().unwrap().clone();
    for (name, change, words) in CASES {
        let changed = Arc::new(MemoryLog::default());
        *changed.stored.lock().unwrap() = intact.clone();
        change(&mut changed.stored.lock().unwrap());
        let before = changed.stored.lock().unwrap().entries.len();
        let error = start(changed.clone(), TestClock::new()).await.unwrap_err();
        assert_eq!(error.code(), "audit_damaged", "{name}");
        assert!(error.to_string().contains(words), "{name}: {error}");
        let after = changed.stored.lock().unwrap().entries.len();
        assert_eq!(before, after, "{name}: nothing is written");
    }
}

#[tokio::test]
async fn a_start_refuses_a_clock_that_is_behind() {
    let memory = written(3).await;
    let clock = TestClock::new();
    clock.turn(SignedDuration::from_hours(-1));
    let error = start(memory.clone(), clock.clone()).await.unwrap_err();
    assert!(matches!(error, StartError::Clock { .. }), "{error}");
    clock.turn(SignedDuration::from_hours(1));
    start(memory, clock).await.unwrap();
}

#[tokio::test]
async fn a_start_refuses_a_key_of_another_log() {
    let environment = "test".parse().unwrap();
    let error = privet_vault::audit::AuditLog::start(
        Arc::new(MemoryLog::default()),
        ORIGIN.to_owned(),
        environment,
        signer_of("log.example/other", 5),
        TestClock::new(),
        crate::support::entropy(),
        AuditLimits::default(),
    )
    .await
    .unwrap_err();
    assert_eq!(error.code(), "audit_signer");
}

#[tokio::test]
async fn the_background_check_stops_the_log_when_an_old_entry_was_changed() {
    let memory = written(600).await;
    memory.stored.lock().unwrap().entries[17][30] ^= 1;
    let log = start(memory, TestClock::new()).await.unwrap();
    let health = log.health();
    assert!(health.stopped);
    assert!(
        health
            .refusing
            .unwrap()
            .text
            .contains("privet audit verify")
    );
    let error = log.record(reveal(1), &side_key()).await.unwrap_err();
    assert_eq!(error.code(), "audit_stopped");
    assert!(log.entry(3).await.is_ok(), "it can still be read");
}

/// A log of `log.opened` and `count` entries, closed without a word.
async fn written(count: u64) -> Arc<MemoryLog> {
    let memory = Arc::new(MemoryLog::default());
    let log = start(memory.clone() as Arc<dyn LogStore>, TestClock::new())
        .await
        .unwrap();
    let key = side_key();
    for i in 0..count {
        log.record(reveal(i.to_be_bytes()[7]), &key).await.unwrap();
    }
    memory
}

fn resign(stored: &mut crate::support::Stored, origin: &str, seed: u8) {
    let state = stored.state.as_mut().unwrap();
    let keys = [crate::support::signer().verifier()];
    let mut checkpoint = privet_tlog::Checkpoint::open(&state.checkpoint, &keys).unwrap();
    checkpoint.origin = privet_tlog::Origin::new(origin).unwrap();
    let note = checkpoint.signed(&[&signer_of(origin, seed)]).unwrap();
    state.checkpoint = note.to_string().into_bytes();
}

fn flip_checkpoint(stored: &mut crate::support::Stored) {
    let checkpoint = &mut stored.state.as_mut().unwrap().checkpoint;
    let place = checkpoint.len() - 10;
    checkpoint[place] = if checkpoint[place] == b'A' {
        b'B'
    } else {
        b'A'
    };
}

fn turn_back(stored: &mut crate::support::Stored) {
    let state = stored.state.as_mut().unwrap();
    state.last_entry_at = state
        .last_entry_at
        .checked_sub(SignedDuration::from_secs(5))
        .unwrap();
}
