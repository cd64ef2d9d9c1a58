//! What the key store promises of what people ask for: one running request of each kind, changes that one of several servers
//! makes, and an end with the subject.

use jiff::{SignedDuration, Timestamp};
use privet_seal::KeyKind;
use privet_vault::SubjectRequestId;
use privet_vault::port::{ConsentEnd, KeyRow, StoreError, SubjectRequestFilter, SubjectRequestRow};
use privet_vault::subject_request::{
    Effects, Event, Progress, RequestRules, SubjectRequestKind, SubjectRequestState, machine,
};
use privet_vault::{RequestRunId, SubjectRef};

use crate::rows::{at, bytes, day, key, key_id, reference, subject};
use crate::{Stores, on_each};

const ACCESS: SubjectRequestKind = SubjectRequestKind::Access;
const ERASURE: SubjectRequestKind = SubjectRequestKind::Erasure;

pub(crate) fn asked_id(n: u32) -> SubjectRequestId {
    SubjectRequestId::from_bytes(bytes(24, n))
}

fn run(n: u32) -> RequestRunId {
    RequestRunId::from_bytes(bytes(25, n))
}

/// Request `n`, asked for at `n` seconds.
pub(crate) fn asked(n: u32, subject: SubjectRef, kind: SubjectRequestKind) -> SubjectRequestRow {
    let now = at(i64::from(n));
    SubjectRequestRow {
        id: asked_id(n),
        subject: Some(subject),
        kind,
        received_at: at(-i64::from(n)),
        asked_at: now,
        details: vec![7; n as usize],
        version: 1,
        progress: Progress::asked(kind, true, now, &RequestRules::default()),
    }
}

/// The key of request `n`, with id `1,000 + n`.
pub(crate) fn key_of(n: u32) -> KeyRow {
    key(1_000 + n, KeyKind::Request, *asked_id(n).as_bytes(), 1)
}

/// What the machine makes of a row.
fn after(row: &SubjectRequestRow, event: &Event, seconds: i64) -> (SubjectRequestRow, Effects) {
    let rules = RequestRules::default();
    let (progress, effects) = machine::next(&row.progress, event, at(seconds), &rules).unwrap();
    let row = SubjectRequestRow {
        version: row.version + 1,
        progress,
        ..row.clone()
    };
    (row, effects)
}

fn claimed(n: u32) -> Event {
    Event::Claimed {
        run: run(n),
        server: format!("server {n}"),
        at_once: true,
    }
}

async fn add(stores: &Stores, n: u32, subject: u32, kind: SubjectRequestKind) -> SubjectRequestRow {
    let row = asked(n, reference(subject), kind);
    let added = stores
        .keys
        .add_subject_request(row.clone(), Some(key_of(n)));
    added.await.unwrap();
    row
}

async fn stored(stores: &Stores, n: u32) -> Option<SubjectRequestRow> {
    stores.keys.subject_request(asked_id(n)).await.unwrap()
}

async fn has_key(stores: &Stores, n: u32) -> bool {
    let keys = stores.keys.keys_by_id(&[key_id(1_000 + n)]).await.unwrap();
    keys[0].is_some()
}

async fn people(stores: &Stores) {
    let people = vec![subject(1), subject(2)];
    stores.keys.add_subjects(people).await.unwrap();
}

/// Puts a row's progress in the place of what was before it.
async fn put(stores: &Stores, row: &SubjectRequestRow, effects: Effects) -> bool {
    let advanced = stores.keys.advance_subject_request(
        row.id,
        row.version - 1,
        row.progress.clone(),
        effects.destroys_key,
    );
    advanced.await.unwrap()
}

#[tokio::test]
async fn a_request_comes_back_as_it_was_put() {
    on_each(async |stores| {
        people(stores).await;
        let mut row = add(stores, 1, 1, ACCESS).await;
        assert_eq!(stored(stores, 1).await, Some(row.clone()));
        let failed = Event::Failed {
            at_least: SignedDuration::ZERO,
            run: run(1),
            code: "source_unavailable".into(),
            jitter: 9,
        };
        let collected = Event::Collected {
            run: run(2),
            size_bytes: 1 << 40,
        };
        for (event, seconds) in [
            (claimed(1), 10),
            (Event::Prolonged { run: run(1) }, 20),
            (failed, 30),
            (claimed(2), 40),
            (collected, 50),
            (claimed(3), 60),
            (Event::Told { run: run(3) }, 70),
            (Event::Passed, 40 * 24 * 3_600),
        ] {
            let (next, effects) = after(&row, &event, seconds);
            assert!(put(stores, &next, effects).await, "{event:?}");
            stores.reopen().await;
            row = next;
            if effects.destroys_key {
                row.details.clear();
            }
            assert_eq!(stored(stores, 1).await.as_ref(), Some(&row), "{event:?}");
            assert_eq!(has_key(stores, 1).await, !effects.destroys_key);
        }
        assert_eq!(row.progress.state, SubjectRequestState::Expired);
        assert_eq!(stored(stores, 9).await, None);
    })
    .await;
}

#[tokio::test]
async fn requests_of_nobody_need_no_key_and_stay() {
    on_each(async |stores| {
        people(stores).await;
        let nobodys = |n: u32| SubjectRequestRow {
            subject: None,
            details: Vec::new(),
            ..asked(n, reference(1), ERASURE)
        };
        // As many at a time as there are.
        for n in [1, 2] {
            let added = stores.keys.add_subject_request(nobodys(n), None).await;
            assert_eq!(added, Ok(()));
            assert!(!has_key(stores, n).await);
            let again = stores.keys.add_subject_request(nobodys(n), None).await;
            assert_eq!(again, Err(StoreError::Conflict));
        }
        add(stores, 3, 1, ERASURE).await;
        let of_one = SubjectRequestFilter {
            subject: Some(reference(1)),
            count_max: 9,
            ..SubjectRequestFilter::default()
        };
        let found = stores.keys.subject_requests(&of_one).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(stored(stores, 1).await, Some(nobodys(1)));
    })
    .await;
}

#[tokio::test]
async fn a_subject_has_one_running_request_of_each_kind() {
    on_each(async |stores| {
        people(stores).await;
        let first = add(stores, 1, 1, ACCESS).await;
        let refused = async |n: u32, subject: u32, kind| {
            let row = asked(n, reference(subject), kind);
            let added = stores.keys.add_subject_request(row, Some(key_of(n))).await;
            assert_eq!(added, Err(StoreError::Conflict), "{n}");
            assert!(!has_key(stores, n).await || n == 1, "nothing is added");
        };
        refused(2, 1, ACCESS).await;
        refused(1, 2, ERASURE).await;
        refused(3, 9, ACCESS).await;
        add(stores, 4, 1, ERASURE).await;
        add(stores, 5, 2, ACCESS).await;
        refused(6, 1, ERASURE).await;
        // Also while it is worked on; not any more once there is a file.
        let (collecting, effects) = after(&first, &claimed(1), 10);
        assert!(put(stores, &collecting, effects).await);
        refused(2, 1, ACCESS).await;
        let collected = Event::Collected {
            run: run(1),
            size_bytes: 1,
        };
        let (ready, effects) = after(&collecting, &collected, 20);
        assert!(put(stores, &ready, effects).await);
        add(stores, 2, 1, ACCESS).await;
    })
    .await;
}

#[tokio::test]
async fn one_of_many_servers_changes_what_all_have_seen() {
    on_each(async |stores| {
        people(stores).await;
        let row = add(stores, 1, 1, ACCESS).await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..16 {
            let keys = stores.keys.clone();
            let (next, _) = after(&row, &claimed(n), 10);
            tasks.spawn(async move {
                let advanced =
                    keys.advance_subject_request(next.id, 1, next.progress.clone(), false);
                advanced.await.unwrap().then_some(next)
            });
        }
        let winners: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(stored(stores, 1).await.as_ref(), winners.first());
        let unknown = stores
            .keys
            .advance_subject_request(asked_id(9), 1, row.progress, true);
        assert_eq!(unknown.await, Ok(false));
    })
    .await;
}

#[tokio::test]
async fn one_of_many_that_ask_at_once_gets_its_request() {
    on_each(async |stores| {
        people(stores).await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 1..=16 {
            let keys = stores.keys.clone();
            let row = asked(n, reference(1), ACCESS);
            tasks.spawn(async move { keys.add_subject_request(row, Some(key_of(n))).await });
        }
        let added = tasks.join_all().await;
        assert_eq!(added.iter().filter(|added| added.is_ok()).count(), 1);
        let conflicts = added
            .iter()
            .filter(|added| **added == Err(StoreError::Conflict));
        assert_eq!(conflicts.count(), 15);
    })
    .await;
}

#[tokio::test]
async fn requests_are_listed_by_state_subject_and_time() {
    on_each(async |stores| {
        people(stores).await;
        let access = add(stores, 3, 1, ACCESS).await;
        add(stores, 2, 1, ERASURE).await;
        add(stores, 5, 2, ACCESS).await;
        let (cancelled, effects) = after(&access, &Event::Cancelled, 10);
        assert!(put(stores, &cancelled, effects).await);
        let list = async |filter: SubjectRequestFilter| {
            let found = stores.keys.subject_requests(&filter).await.unwrap();
            let seconds = found
                .iter()
                .map(|row| row.asked_at.duration_since(at(0)).as_secs());
            seconds.collect::<Vec<_>>()
        };
        let any = SubjectRequestFilter {
            count_max: 10,
            ..SubjectRequestFilter::default()
        };
        assert_eq!(list(any.clone()).await, [2, 3, 5], "the oldest first");
        let of_one = SubjectRequestFilter {
            subject: Some(reference(1)),
            ..any.clone()
        };
        assert_eq!(list(of_one).await, [2, 3]);
        let states = SubjectRequestFilter {
            states: vec![SubjectRequestState::Waiting, SubjectRequestState::Cancelled],
            ..any.clone()
        };
        assert_eq!(list(states).await, [3, 5]);
        let two = SubjectRequestFilter {
            count_max: 2,
            ..any.clone()
        };
        assert_eq!(list(two).await, [2, 3]);
        let rest = SubjectRequestFilter {
            after: Some((at(3), asked_id(3))),
            ..any.clone()
        };
        assert_eq!(list(rest).await, [5]);
        // The erasure wakes in a week, access with its batch, what ended never.
        let by = async |moment: Timestamp| {
            let by = SubjectRequestFilter {
                wakes_by: Some(moment),
                ..any.clone()
            };
            list(by).await
        };
        let batch = asked(5, reference(2), ACCESS).progress.due_at;
        assert!(by(batch - SignedDuration::from_nanos(1)).await.is_empty());
        assert_eq!(by(batch).await, [5]);
        assert_eq!(by(at(7 * 24 * 3_600 + 2)).await, [2, 5]);
    })
    .await;
}

#[tokio::test]
async fn requests_end_with_their_subject() {
    on_each(async |stores| {
        people(stores).await;
        add(stores, 1, 1, ACCESS).await;
        let erasure = add(stores, 2, 1, ERASURE).await;
        let other = add(stores, 3, 2, ERASURE).await;
        let (taken_back, effects) = after(&erasure, &Event::Cancelled, 10);
        assert!(put(stores, &taken_back, effects).await);
        let again = add(stores, 4, 1, ERASURE).await;
        let (destroying, effects) = after(&again, &claimed(1), 8 * 24 * 3_600);
        assert!(put(stores, &destroying, effects).await);
        let prepared = Event::Prepared {
            run: run(1),
            receipt: vec![8; 300],
        };
        let (destroying, effects) = after(&destroying, &prepared, 8 * 24 * 3_600);
        assert!(put(stores, &destroying, effects).await);
        let destroyed = async || {
            let consent = ConsentEnd::default();
            let keys = &stores.keys;
            let destroyed = keys.destroy_subject(reference(1), day(1), at(99), None, consent);
            destroyed.await.unwrap();
        };
        destroyed().await;
        let (gone, _) = after(&destroying, &Event::Destroyed, 99);
        let gone = SubjectRequestRow {
            subject: None,
            details: Vec::new(),
            ..gone
        };
        for _ in 0..2 {
            assert_eq!(stored(stores, 1).await, None);
            assert_eq!(stored(stores, 2).await, None);
            assert_eq!(stored(stores, 4).await, Some(gone.clone()));
            assert_eq!(stored(stores, 3).await, Some(other.clone()));
            for n in [1, 2, 4] {
                assert!(!has_key(stores, n).await, "{n}");
            }
            assert!(has_key(stores, 3).await);
            // Once more changes nothing.
            destroyed().await;
        }
        stores.reopen().await;
        assert_eq!(stored(stores, 4).await, Some(gone.clone()));
        // Who worked on it has to look again, and finds that it is theirs to confirm.
        let (late, effects) = after(&destroying, &Event::Prolonged { run: run(1) }, 100);
        assert!(!put(stores, &late, effects).await);
        let by = SubjectRequestFilter {
            wakes_by: gone.progress.wakes_at(),
            states: vec![SubjectRequestState::Confirming],
            count_max: 10,
            ..SubjectRequestFilter::default()
        };
        let waiting = stores.keys.subject_requests(&by).await.unwrap();
        assert_eq!(waiting, std::slice::from_ref(&gone));
        let confirmed = Event::Confirmed {
            run: run(1),
            receipt: Some(vec![9; 5_000]),
        };
        let (done, effects) = after(&gone, &confirmed, 101);
        assert!(put(stores, &done, effects).await);
        assert_eq!(stored(stores, 4).await, Some(done));
        let row = asked(5, reference(1), ACCESS);
        let added = stores.keys.add_subject_request(row, Some(key_of(5))).await;
        assert_eq!(added, Err(StoreError::Conflict), "nobody is there to ask");
    })
    .await;
}

#[tokio::test]
async fn nobody_asks_while_they_are_destroyed() {
    on_each(async |stores| {
        for round in 0..8 {
            stores
                .keys
                .add_subjects(vec![subject(round)])
                .await
                .unwrap();
            let row = asked(round, reference(round), ACCESS);
            let keys = stores.keys.clone();
            let adding =
                tokio::spawn(
                    async move { keys.add_subject_request(row, Some(key_of(round))).await },
                );
            let keys = stores.keys.clone();
            let consent = ConsentEnd::default();
            let destroyed = keys.destroy_subject(reference(round), day(1), at(9), None, consent);
            destroyed.await.unwrap();
            let added = adding.await.unwrap();
            assert!(
                matches!(added, Ok(()) | Err(StoreError::Conflict)),
                "{added:?}"
            );
            assert_eq!(stored(stores, round).await, None, "{added:?}");
            assert!(!has_key(stores, round).await);
        }
    })
    .await;
}
