//! What the key store promises of grants for several people, and of requests that a second person decides.

use privet_seal::KeyKind;
use privet_vault::GrantRequestId;
use privet_vault::port::{
    ChangeKind, ConsentEnd, GrantRequestRow, GrantRow, RequestDecision, StoreError,
};

use crate::rows::{
    at, bytes, day, grant, grant_id, key, key_id, reference, request, request_id, session_id,
    subject,
};
use crate::{Stores, on_each};

fn said(approved: bool, seconds: i64) -> RequestDecision {
    RequestDecision {
        approved,
        by: "bea".parse().unwrap(),
        at: at(seconds),
    }
}

async fn stored(stores: &Stores, n: u32) -> GrantRequestRow {
    let found = stores.keys.request(request_id(n)).await.unwrap();
    found.unwrap()
}

#[tokio::test]
async fn a_grant_for_several_people_ends_with_any_of_them() {
    on_each(async |stores| {
        let of_two = GrantRow {
            subjects: vec![reference(2), reference(1)],
            request: Some(request_id(7)),
            emergency: true,
            ..grant(1, 1, 1)
        };
        let people = vec![subject(1), subject(2)];
        stores.keys.add_subjects(people).await.unwrap();
        stores.keys.add_grant(of_two.clone()).await.unwrap();
        stores.keys.add_grant(grant(2, 1, 1)).await.unwrap();
        stores.reopen().await;
        let found = stores.keys.grant(grant_id(1)).await;
        assert_eq!(found, Ok(Some(of_two)), "in the order asked for");
        stores
            .keys
            .destroy_subject(reference(2), day(1), at(9), None, ConsentEnd::default())
            .await
            .unwrap();
        let ended = async |n| {
            let found = stores.keys.grant(grant_id(n)).await.unwrap();
            found.unwrap().ended_at
        };
        assert_eq!((ended(1).await, ended(2).await), (Some(at(9)), None));
        let changes = stores.keys.changes_after(2).await.unwrap();
        let kinds: Vec<_> = changes.iter().map(|change| change.kind).collect();
        let expected = [
            ChangeKind::GrantEnded(grant_id(1)),
            ChangeKind::Erased(reference(2)),
        ];
        assert_eq!(kinds, expected);
    })
    .await;
}

#[tokio::test]
async fn recent_grants_come_newest_first() {
    on_each(async |stores| {
        for n in 1..=4 {
            let row = GrantRow {
                ends_at: at(i64::from(n) * 10),
                ..grant(n, n, 1)
            };
            stores.keys.add_grant(row).await.unwrap();
        }
        let since = async |seconds, count| {
            let found = stores.keys.grants_since(at(seconds), count).await.unwrap();
            let numbers = found.iter().map(|row| {
                let mut known = 1..=4;
                known.find(|n| grant_id(*n) == row.id).unwrap()
            });
            numbers.collect::<Vec<_>>()
        };
        assert_eq!(
            since(20, 10).await,
            [4, 3, 2],
            "one that ends now is among them"
        );
        assert_eq!(since(0, 2).await, [4, 3]);
        assert!(since(41, 10).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_request_comes_back_as_it_was_added() {
    on_each(async |stores| {
        let plain = request(1, 5);
        let decided = GrantRequestRow {
            decision: Some(said(true, 4)),
            grant: Some(grant_id(3)),
            tell_at: Some(at(7)),
            fields: vec![],
            ..request(2, 5)
        };
        for row in [plain.clone(), decided.clone(), request(3, 6)] {
            stores.keys.add_request(row).await.unwrap();
        }
        let twice = stores.keys.add_request(request(1, 9)).await;
        assert_eq!(twice, Err(StoreError::Conflict));
        stores.reopen().await;
        assert_eq!(stored(stores, 2).await, decided);
        let unknown = GrantRequestId::from_bytes(bytes(200, 1));
        assert_eq!(stores.keys.request(unknown).await, Ok(None));
        let of = stores.keys.requests_of(session_id(5)).await;
        assert_eq!(of, Ok(vec![plain, decided]), "oldest first");
    })
    .await;
}

#[tokio::test]
async fn requests_are_live_until_their_time_is_over() {
    on_each(async |stores| {
        for n in [3, 1, 2] {
            stores.keys.add_request(request(n, n)).await.unwrap();
        }
        let live = async |seconds, count| {
            let found = stores.keys.live_requests(at(seconds), count).await.unwrap();
            let asked = found.iter().map(|row| row.asked_at);
            asked.collect::<Vec<_>>()
        };
        assert_eq!(live(10, 10).await, [at(1), at(2), at(3)]);
        assert_eq!(live(3_602, 10).await, [at(3)], "its end is no part of it");
        assert_eq!(live(10, 2).await, [at(1), at(2)]);
    })
    .await;
}

#[tokio::test]
async fn of_a_request_somebody_is_told_by_one_and_only_while_it_waits() {
    on_each(async |stores| {
        for (n, tell_at) in [(1, Some(9)), (2, Some(5)), (3, None), (4, Some(20))] {
            let row = GrantRequestRow {
                tell_at: tell_at.map(at),
                ..request(n, 1)
            };
            stores.keys.add_request(row).await.unwrap();
        }
        let due = async |seconds, count| {
            let found = stores.keys.requests_to_tell(at(seconds), count).await;
            let ids = found.unwrap().into_iter().map(|row| row.id);
            ids.collect::<Vec<_>>()
        };
        assert_eq!(due(4, 10).await, []);
        assert_eq!(due(9, 10).await, [request_id(2), request_id(1)]);
        assert_eq!(due(20, 2).await, [request_id(2), request_id(1)]);
        let tell = async |n, seen, next: Option<i64>| {
            let told = stores
                .keys
                .tell_request(request_id(n), at(seen), next.map(at));
            told.await.unwrap()
        };
        assert!(!tell(1, 8, None).await, "another moment stands there");
        assert!(!tell(3, 8, Some(9)).await, "nobody is to be told");
        assert!(!tell(9, 8, Some(9)).await, "there is none");
        assert!(tell(1, 9, Some(30)).await);
        assert!(!tell(1, 9, Some(31)).await, "another server was first");
        assert_eq!(due(29, 10).await, [request_id(2), request_id(4)]);
        assert!(tell(2, 5, None).await);
        assert_eq!(stored(stores, 2).await.tell_at, None);
        let decided = stores.keys.decide_request(request_id(4), said(false, 21));
        assert!(decided.await.unwrap());
        assert_eq!(
            due(30, 10).await,
            [request_id(1)],
            "the other one was answered"
        );
        assert_eq!(due(3_602, 10).await, [], "its time is over");
        assert_eq!(due(3_600, 10).await, [request_id(1)]);
    })
    .await;
}

#[tokio::test]
async fn a_request_is_decided_once_and_an_unused_yes_taken_back() {
    on_each(async |stores| {
        let decide = async |n, decision| {
            let decided = stores.keys.decide_request(request_id(n), decision).await;
            decided.unwrap()
        };
        for n in 1..=4 {
            stores.keys.add_request(request(n, 1)).await.unwrap();
        }
        assert!(decide(1, said(true, 10)).await);
        assert!(!decide(1, said(true, 11)).await, "by whoever was first");
        assert!(decide(1, said(false, 12)).await, "taken back");
        assert!(!decide(1, said(true, 13)).await, "a no is for good");
        assert_eq!(stored(stores, 1).await.decision, Some(said(false, 12)));
        assert!(decide(2, said(false, 10)).await);
        assert!(!decide(2, said(false, 11)).await);
        assert!(!decide(3, said(true, 3_603)).await, "too late");
        assert!(!decide(9, said(true, 10)).await, "there is none");

        let used = async |n, by, seconds| {
            let used = stores
                .keys
                .use_request(request_id(n), grant_id(by), at(seconds));
            used.await.unwrap()
        };
        assert!(!used(4, 1, 10).await, "nobody approved");
        assert!(decide(4, said(true, 10)).await);
        assert!(!used(4, 1, 3_604).await, "too late");
        assert!(used(4, 1, 20).await);
        assert!(!used(4, 2, 21).await, "for one grant");
        assert!(!decide(4, said(false, 22)).await, "used");
        assert!(!used(1, 3, 20).await, "taken back");
        stores.reopen().await;
        assert_eq!(stored(stores, 4).await.grant, Some(grant_id(1)));
    })
    .await;
}

#[tokio::test]
async fn an_approval_is_used_by_one_of_many() {
    on_each(async |stores| {
        stores.keys.add_request(request(1, 1)).await.unwrap();
        let decided = stores.keys.decide_request(request_id(1), said(true, 2));
        assert_eq!(decided.await, Ok(true));
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..32 {
            let keys = stores.keys.clone();
            let used = async move { keys.use_request(request_id(1), grant_id(n), at(3)).await };
            tasks.spawn(used);
        }
        let used = tasks.join_all().await;
        assert_eq!(used.iter().filter(|used| **used == Ok(true)).count(), 1);
        assert!(used.iter().all(Result::is_ok));
    })
    .await;
}

#[tokio::test]
async fn owners_of_keys_whose_day_has_come_are_known_before_it() {
    on_each(async |stores| {
        let until = |n: u32, kind, owner, expires_on| {
            let mut row = key(n, kind, [owner; 16], 1);
            row.expires_on = expires_on;
            row
        };
        let rows = vec![
            until(1, KeyKind::Session, 3, Some(day(10))),
            until(2, KeyKind::Session, 1, Some(day(9))),
            until(3, KeyKind::Session, 2, Some(day(11))),
            until(4, KeyKind::Session, 4, None),
            until(5, KeyKind::Side, 5, Some(day(9))),
        ];
        stores.keys.add_keys(rows).await.unwrap();
        let expired = async |count| {
            let owners = stores.keys.expired_owners(KeyKind::Session, day(10), count);
            owners.await.unwrap()
        };
        assert_eq!(expired(10).await, [[1; 16], [3; 16]]);
        assert_eq!(expired(1).await, [[1; 16]]);
        let ids = [key_id(1), key_id(2)];
        stores.keys.destroy_keys(&ids).await.unwrap();
        assert!(expired(10).await.is_empty());
    })
    .await;
}
