//! Salts of telemetry ids, and what telemetry has to be told of those who had them.

use privet_seal::{KeyKind, Tyid};
use privet_vault::port::{
    Change, ChangeKind, ConsentEnd, ConsentTold, KeyRow, StoreError, StreamEvent, StreamRow,
    Telling,
};

use crate::rows::{at, bytes, day, grant, key, key_id, oid, reference, subject};
use crate::{Stores, on_each};

/// Salt `10 n + 4 + generation` of subject `n`.
pub(crate) fn salt(n: u32, generation: u32) -> KeyRow {
    let owner = *reference(n).as_bytes();
    key(10 * n + 4 + generation, KeyKind::Salt, owner, generation)
}

pub(crate) fn event(n: u32, stamp: u32) -> StreamEvent {
    StreamEvent {
        tyid: Tyid::from_bytes(bytes(20, n)),
        tenant: "acme".parse().unwrap(),
        bits: 0x8000_0005,
        stamp,
        is_final: false,
        at: at(i64::from(n)),
    }
}

pub(crate) fn last(n: u32) -> StreamEvent {
    StreamEvent::last(
        Tyid::from_bytes(bytes(20, n)),
        "acme".parse().unwrap(),
        at(i64::from(n)),
    )
}

pub(crate) fn telling(generation: u32, event: Option<StreamEvent>) -> Telling {
    Telling { generation, event }
}

async fn salts(stores: &Stores, subjects: &[u32]) -> Vec<Option<KeyRow>> {
    let subjects: Vec<_> = subjects.iter().map(|n| reference(*n)).collect();
    stores.keys.salts_of(&subjects).await.unwrap()
}

#[tokio::test]
async fn the_first_salt_of_a_subject_stays() {
    on_each(async |stores| {
        let keys = &stores.keys;
        keys.add_subjects(vec![subject(1), subject(2)])
            .await
            .unwrap();
        assert_eq!(salts(stores, &[1, 2, 9]).await, [None, None, None]);
        let other = key(99, KeyKind::Salt, salt(1, 1).owner, 1);
        // Subject 9 does not exist; nothing of it may stay behind.
        let added = vec![salt(9, 1), salt(1, 1), salt(2, 1)];
        stores.keys.add_salts(added).await.unwrap();
        stores
            .keys
            .add_salts(vec![other.clone(), other])
            .await
            .unwrap();
        let expected = [Some(salt(2, 1)), None, Some(salt(1, 1)), Some(salt(1, 1))];
        assert_eq!(salts(stores, &[2, 9, 1, 1]).await, expected);
        let gone = stores.keys.keys_by_id(&[key_id(99), salt(9, 1).id]).await;
        assert_eq!(gone.unwrap(), [None, None]);
        // Every server learns whom telemetry has seen, once.
        let made = |sequence, n| Change {
            sequence,
            kind: ChangeKind::SaltMade(reference(n)),
        };
        let changes = stores.keys.changes_after(0).await.unwrap();
        assert_eq!(changes, [made(1, 1), made(2, 2)]);
        let seen = async |after: Option<u32>, count_max| {
            let after = after.map(reference);
            let rows = stores.keys.subjects_with_salts(after, count_max).await;
            rows.unwrap()
                .into_iter()
                .map(|row| row.reference)
                .collect::<Vec<_>>()
        };
        stores.keys.add_subjects(vec![subject(3)]).await.unwrap();
        assert_eq!(seen(None, 9).await, [reference(1), reference(2)]);
        assert_eq!(seen(None, 1).await, [reference(1)]);
        assert_eq!(seen(Some(1), 9).await, [reference(2)]);
        assert_eq!(seen(Some(2), 9).await, []);
        // What a subject's values are opened with has no salt among it.
        let keys = stores.keys.keys_of_subjects(&[reference(1)]).await.unwrap();
        assert_eq!(keys, [subject(1).keys]);
        stores.reopen().await;
        assert_eq!(salts(stores, &[1]).await, [Some(salt(1, 1))]);
    })
    .await;
}

#[tokio::test]
async fn a_rotation_replaces_the_salt_and_tells_of_it() {
    on_each(async |stores| {
        stores
            .keys
            .add_subjects(vec![subject(1), subject(2)])
            .await
            .unwrap();
        stores
            .keys
            .add_salts(vec![salt(1, 1), salt(2, 1)])
            .await
            .unwrap();
        let rotated = stores
            .keys
            .rotate_salt(salt(1, 2), telling(1, Some(last(1))))
            .await;
        assert_eq!(rotated, Ok(()));
        assert_eq!(
            salts(stores, &[1, 2]).await,
            [Some(salt(1, 2)), Some(salt(2, 1))]
        );
        let old = stores.keys.keys_by_id(&[salt(1, 1).id]).await.unwrap();
        assert_eq!(old, [None]);
        let change = Change {
            sequence: 3,
            kind: ChangeKind::SaltRotated(reference(1)),
        };
        assert_eq!(stores.keys.changes_after(2).await, Ok(vec![change]));
        let waiting = StreamRow {
            number: 3,
            event: last(1),
        };
        assert_eq!(
            stores.keys.stream_events(9).await,
            Ok(vec![waiting.clone()])
        );

        // What was worked out with the salt of before is refused as a whole, and so is what is about nobody.
        for (row, generation) in [
            (salt(1, 2), 1),
            (salt(1, 3), 1),
            (salt(2, 2), 0),
            (salt(9, 1), 0),
        ] {
            let refused = stores
                .keys
                .rotate_salt(row, telling(generation, Some(last(2))))
                .await;
            assert_eq!(refused, Err(StoreError::Conflict));
        }
        stores.reopen().await;
        assert_eq!(
            salts(stores, &[1, 2, 9]).await,
            [Some(salt(1, 2)), Some(salt(2, 1)), None]
        );
        assert_eq!(stores.keys.sequence().await, Ok(3));
        assert_eq!(stores.keys.stream_events(9).await, Ok(vec![waiting]));

        // Somebody whom telemetry has not seen: there is nothing to tell.
        stores.keys.add_subjects(vec![subject(3)]).await.unwrap();
        stores
            .keys
            .rotate_salt(salt(3, 1), telling(0, None))
            .await
            .unwrap();
        assert_eq!(salts(stores, &[3]).await, [Some(salt(3, 1))]);
        assert_eq!(stores.keys.stream_events(9).await.unwrap().len(), 1);
        assert_eq!(stores.keys.sequence().await, Ok(4));
    })
    .await;
}

#[tokio::test]
async fn an_erasure_takes_the_salt_and_tells_of_it() {
    on_each(async |stores| {
        stores
            .keys
            .add_subjects(vec![subject(1), subject(2)])
            .await
            .unwrap();
        stores.keys.add_salts(vec![salt(1, 1)]).await.unwrap();
        stores.keys.add_grant(grant(1, 1, 1)).await.unwrap();
        let destroy = async |generation| {
            let telling = Some(telling(generation, Some(last(1))));
            stores
                .keys
                .destroy_subject(reference(1), day(1), at(9), telling, ConsentEnd::default())
                .await
        };
        // Whoever saw no salt saw no id, and another generation is another id.
        for generation in [0, 2] {
            assert_eq!(destroy(generation).await, Err(StoreError::Conflict));
        }
        assert!(stores.keys.subjects_by_oid(&[oid(1)]).await.unwrap()[0].is_some());
        assert_eq!(stores.keys.sequence().await, Ok(2));
        assert_eq!(destroy(1).await, Ok(vec![]));
        assert_eq!(salts(stores, &[1]).await, [None]);
        // The grant's end is a change as well; what is told belongs to the erasure.
        let waiting = vec![StreamRow {
            number: 4,
            event: last(1),
        }];
        assert_eq!(stores.keys.stream_events(9).await, Ok(waiting.clone()));
        // Once more, also by somebody who thinks of another salt.
        for generation in [1, 0, 7] {
            assert_eq!(destroy(generation).await, Ok(vec![]));
        }
        assert_eq!(stores.keys.stream_events(9).await, Ok(waiting));
        assert_eq!(stores.keys.sequence().await, Ok(4));
        // Nobody can be given a salt any more.
        stores.keys.add_salts(vec![salt(1, 1)]).await.unwrap();
        assert_eq!(salts(stores, &[1]).await, [None]);
        // Nothing to tell of somebody without one.
        let none = Some(telling(0, None));
        stores
            .keys
            .destroy_subject(reference(2), day(1), at(9), none, ConsentEnd::default())
            .await
            .unwrap();
        assert_eq!(stores.keys.stream_events(9).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_change_of_consent_is_told_under_the_salt_that_lives() {
    on_each(async |stores| {
        let keys = &stores.keys;
        let people = vec![subject(1), subject(2), subject(3)];
        keys.add_subjects(people).await.unwrap();
        keys.add_salts(vec![salt(1, 1), salt(3, 1)]).await.unwrap();
        let told = |n, telling| ConsentTold {
            subject: reference(n),
            number: 1,
            telling,
        };
        let list = vec![
            told(3, Some(telling(1, Some(event(3, 7))))),
            told(2, Some(telling(0, None))),
            told(1, Some(telling(1, Some(event(1, 1))))),
            // Whatever salt there is, and of somebody who is gone.
            told(1, None),
            told(9, Some(telling(4, Some(event(9, 1))))),
        ];
        keys.consent_changed(list).await.unwrap();
        let row = |number, event| StreamRow { number, event };
        let waiting = vec![row(3, event(3, 7)), row(5, event(1, 1))];
        assert_eq!(keys.stream_events(9).await, Ok(waiting.clone()));
        assert_eq!(keys.sequence().await, Ok(7));
        // One that was worked out with another salt takes all with it.
        for (n, generation) in [(1, 0), (1, 2), (2, 1)] {
            let wrong = told(n, Some(telling(generation, Some(event(n, 9)))));
            let list = vec![told(3, None), wrong];
            let refused = keys.consent_changed(list).await;
            assert_eq!(refused, Err(StoreError::Conflict));
        }
        stores.reopen().await;
        assert_eq!(stores.keys.sequence().await, Ok(7));
        assert_eq!(stores.keys.stream_events(9).await, Ok(waiting));
    })
    .await;
}

#[tokio::test]
async fn events_wait_in_their_order_until_they_are_removed() {
    on_each(async |stores| {
        let people: Vec<u32> = (1..=5).collect();
        stores
            .keys
            .add_subjects(people.iter().map(|n| subject(*n)).collect())
            .await
            .unwrap();
        for n in [3, 1, 5, 2, 4] {
            stores
                .keys
                .rotate_salt(salt(n, 1), telling(0, Some(event(n, u32::MAX - n))))
                .await
                .unwrap();
        }
        let numbers = async |count_max| {
            let rows = stores.keys.stream_events(count_max).await.unwrap();
            rows.iter().map(|row| row.number).collect::<Vec<_>>()
        };
        assert_eq!(numbers(9).await, [1, 2, 3, 4, 5]);
        assert_eq!(numbers(2).await, [1, 2]);
        assert_eq!(numbers(0).await, [0_u64; 0]);
        let third = stores.keys.stream_events(3).await.unwrap().pop().unwrap();
        assert_eq!(third.event, event(5, u32::MAX - 5));
        for (through, left) in [(2, vec![3, 4, 5]), (1, vec![3, 4, 5]), (5, vec![])] {
            stores.keys.remove_stream_events(through).await.unwrap();
            assert_eq!(numbers(9).await, left);
        }
        // A number is never used again: whoever removes late must not remove what it has not seen.
        stores
            .keys
            .rotate_salt(salt(1, 2), telling(1, Some(last(1))))
            .await
            .unwrap();
        assert_eq!(numbers(9).await, [6]);
        stores.keys.remove_stream_events(5).await.unwrap();
        assert_eq!(numbers(9).await, [6]);
    })
    .await;
}

/// Several servers see the same person first; one of them must win, and no salt may be made for somebody who is erased
/// meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_first_salt_wins_and_none_outlives_its_subject() {
    on_each(async |stores| {
        for n in 1..=8_u32 {
            stores.keys.add_subjects(vec![subject(n)]).await.unwrap();
            let adding = (0..6_u32).map(|place| {
                let keys = std::sync::Arc::clone(&stores.keys);
                let row = key(1_000 * n + place, KeyKind::Salt, salt(n, 1).owner, 1);
                tokio::spawn(async move { keys.add_salts(vec![row]).await })
            });
            let adding: Vec<_> = adding.collect();
            let destroyed = stores
                .keys
                .destroy_subject(reference(n), day(1), at(9), None, ConsentEnd::default())
                .await;
            assert_eq!(destroyed, Ok(vec![]));
            for added in adding {
                assert_eq!(added.await.unwrap(), Ok(()));
            }
            assert_eq!(salts(stores, &[n]).await, [None], "subject {n}");
        }
        stores.keys.add_subjects(vec![subject(9)]).await.unwrap();
        let adding = (0..8_u32).map(|place| {
            let keys = std::sync::Arc::clone(&stores.keys);
            let row = key(9_000 + place, KeyKind::Salt, salt(9, 1).owner, 1);
            tokio::spawn(async move { keys.add_salts(vec![row]).await })
        });
        for added in adding.collect::<Vec<_>>() {
            assert_eq!(added.await.unwrap(), Ok(()));
        }
        let ids: Vec<_> = (0..8).map(|place| key_id(9_000 + place)).collect();
        let kept = stores.keys.keys_by_id(&ids).await.unwrap();
        assert_eq!(kept.iter().flatten().count(), 1);
    })
    .await;
}
