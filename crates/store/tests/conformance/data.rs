//! What the data store promises.

use jiff::SignedDuration;
use privet_vault::port::{
    NewSessionEntry, Review, SessionEntry, SessionEntryFilter, SessionFilter, SessionOrder,
    SessionPart, SessionRow, StoreError, TallyPeriod, Verdict,
};

use crate::rows::{at, index, no_value, puid, session, session_id, value};
use crate::{Stores, on_each};

async fn holders(stores: &Stores, field: u16, bytes: u8) -> Vec<privet_vault::Puid> {
    stores.data.lookup(field, [bytes; 18], 10).await.unwrap()
}

#[tokio::test]
async fn values_answer_in_the_order_asked() {
    on_each(async |stores| {
        let writes = vec![
            value(1, 1, b"one", &[]),
            value(1, 7, b"seven", &[]),
            value(2, 1, b"two", &[]),
        ];
        stores.data.put_values(writes).await.unwrap();
        stores.reopen().await;
        let some = |bytes: &[u8]| Some(bytes.to_vec());
        let found = stores
            .data
            .values(&[puid(2), puid(3), puid(1)], &[7, 1])
            .await
            .unwrap();
        assert_eq!(
            found,
            [
                [None, some(b"two")],
                [None, None],
                [some(b"seven"), some(b"one")]
            ]
        );
        let none: Vec<Vec<Option<Vec<u8>>>> = vec![vec![]];
        assert_eq!(stores.data.values(&[puid(1)], &[]).await.unwrap(), none);
        assert!(stores.data.values(&[], &[1]).await.unwrap().is_empty());
        assert_eq!(stores.data.fields_of(puid(1)).await.unwrap(), [1, 7]);
        assert!(stores.data.fields_of(puid(3)).await.unwrap().is_empty());
    })
    .await;
}

/// Whoever reads at the same time gets what they asked for, also beside somebody who wants much, and others who gave up.
#[tokio::test]
async fn readers_at_the_same_time_get_their_own_values() {
    on_each(async |stores| {
        let text = |n: u32, field: u16| format!("value {n} {field}").into_bytes();
        let mut writes = Vec::new();
        for n in 1..=40 {
            writes.extend((1..=20).map(|field| value(n, field, &text(n, field), &[])));
        }
        stores.data.put_values(writes).await.unwrap();
        let mut readers = tokio::task::JoinSet::new();
        for reader in 0..120_u32 {
            let data = stores.data.clone();
            readers.spawn(async move {
                // Every tenth wants all there is; the others two subjects, of whom the second may not exist.
                let (subjects, fields): (Vec<u32>, Vec<u16>) = match reader % 10 {
                    0 => ((1..=40).collect(), (1..=20).collect()),
                    _ => (
                        vec![reader % 40 + 1, reader % 50 + 1],
                        vec![20, (reader % 20) as u16 + 1],
                    ),
                };
                let puids: Vec<_> = subjects.iter().map(|n| puid(*n)).collect();
                if reader % 7 == 3 {
                    // It gives up at once.
                    let asked = data.values(&puids, &fields);
                    let _ = tokio::time::timeout(std::time::Duration::ZERO, asked).await;
                    return;
                }
                let found = data.values(&puids, &fields).await.unwrap();
                let expected: Vec<Vec<_>> = subjects
                    .iter()
                    .map(|n| {
                        let values = fields.iter();
                        values
                            .map(|field| (*n <= 40).then(|| text(*n, *field)))
                            .collect()
                    })
                    .collect();
                assert_eq!(found, expected, "reader {reader}");
            });
        }
        while let Some(read) = readers.join_next().await {
            read.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn values_of_any_length_come_back_whole() {
    on_each(async |stores| {
        for (field, length) in [0, 1, 100, 2_000, 2_100, 9_000, 1 << 20]
            .into_iter()
            .enumerate()
        {
            let sealed: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let write = value(1, field as u16, &sealed, &[]);
            stores.data.put_values(vec![write]).await.unwrap();
            let found = stores
                .data
                .values(&[puid(1)], &[field as u16])
                .await
                .unwrap();
            assert!(found == [[Some(sealed)]], "{length} bytes");
        }
    })
    .await;
}

#[tokio::test]
async fn a_write_replaces_value_and_index() {
    on_each(async |stores| {
        let put = async |writes| stores.data.put_values(writes).await.unwrap();
        put(vec![value(1, 1, b"old", &[index(1, true), index(2, true)])]).await;
        put(vec![value(1, 1, b"new", &[index(2, true), index(3, true)])]).await;
        assert!(holders(stores, 1, 1).await.is_empty());
        assert_eq!(holders(stores, 1, 2).await, [puid(1)]);
        assert_eq!(holders(stores, 1, 3).await, [puid(1)]);
        assert!(holders(stores, 2, 3).await.is_empty(), "another field");
        put(vec![no_value(1, 1)]).await;
        assert!(holders(stores, 1, 3).await.is_empty());
        assert!(stores.data.fields_of(puid(1)).await.unwrap().is_empty());
        put(vec![value(2, 1, b"free again", &[index(3, true)])]).await;
    })
    .await;
}

#[tokio::test]
async fn a_taken_unique_value_is_refused_with_its_field_and_nothing_is_stored() {
    on_each(async |stores| {
        let put = async |writes| stores.data.put_values(writes).await;
        put(vec![value(1, 4, b"taken", &[index(9, true)])])
            .await
            .unwrap();
        let refused = put(vec![
            value(2, 3, b"fine", &[index(9, true)]),
            value(2, 4, b"not fine", &[index(9, true)]),
            value(1, 3, b"fine too", &[]),
        ]);
        assert_eq!(refused.await, Err(StoreError::NotUnique(4)));
        assert!(stores.data.fields_of(puid(2)).await.unwrap().is_empty());
        assert_eq!(stores.data.fields_of(puid(1)).await.unwrap(), [4]);

        put(vec![value(1, 4, b"my own again", &[index(9, true)])])
            .await
            .unwrap();
        put(vec![value(2, 4, b"need not be unique", &[index(9, false)])])
            .await
            .unwrap();
        assert_eq!(holders(stores, 4, 9).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn two_subjects_can_exchange_a_unique_value() {
    on_each(async |stores| {
        let put = async |writes| stores.data.put_values(writes).await;
        let (a, b) = ([index(1, true)], [index(2, true)]);
        put(vec![value(1, 1, b"a", &a), value(2, 1, b"b", &b)])
            .await
            .unwrap();
        put(vec![value(1, 1, b"b", &b), value(2, 1, b"a", &a)])
            .await
            .unwrap();
        assert_eq!(holders(stores, 1, 1).await, [puid(2)]);
        let twice = put(vec![
            value(3, 1, b"c", &[index(3, true)]),
            value(4, 1, b"c", &[index(3, true)]),
        ]);
        assert_eq!(twice.await, Err(StoreError::NotUnique(1)));
    })
    .await;
}

#[tokio::test]
async fn the_last_write_of_a_call_counts() {
    on_each(async |stores| {
        let writes = vec![
            value(1, 1, b"first", &[index(1, true)]),
            no_value(1, 1),
            value(
                1,
                1,
                b"last",
                &[index(2, true), index(2, true), index(2, false)],
            ),
            value(1, 2, b"gone", &[index(1, true)]),
            no_value(1, 2),
        ];
        stores.data.put_values(writes).await.unwrap();
        let found = stores.data.values(&[puid(1)], &[1, 2]).await.unwrap();
        assert_eq!(found, [[Some(b"last".to_vec()), None]]);
        assert!(holders(stores, 1, 1).await.is_empty());
        assert_eq!(holders(stores, 1, 2).await, [puid(1)]);
    })
    .await;
}

#[tokio::test]
async fn a_look_up_answers_at_most_what_was_asked_for() {
    on_each(async |stores| {
        let writes = (0..30)
            .map(|n| value(n, 1, b"same", &[index(1, false)]))
            .collect();
        stores.data.put_values(writes).await.unwrap();
        let mut all: Vec<_> = (0..30).map(puid).collect();
        all.sort();
        let lookup = async |count_max| stores.data.lookup(1, [1; 18], count_max).await.unwrap();
        assert_eq!(lookup(100).await, all);
        assert_eq!(lookup(2).await, all[..2]);
        assert!(lookup(0).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn deleting_a_subject_leaves_others_and_frees_its_values() {
    on_each(async |stores| {
        let put = async |writes| stores.data.put_values(writes).await.unwrap();
        put(vec![
            value(1, 1, b"a", &[index(1, true)]),
            value(1, 2, b"b", &[]),
            value(2, 1, b"c", &[index(2, true)]),
        ])
        .await;
        assert_eq!(stores.data.delete_subject(puid(1)).await, Ok(2));
        assert_eq!(stores.data.delete_subject(puid(1)).await, Ok(0));
        assert!(stores.data.fields_of(puid(1)).await.unwrap().is_empty());
        assert_eq!(stores.data.fields_of(puid(2)).await.unwrap(), [1]);
        put(vec![value(2, 1, b"d", &[index(1, true)])]).await;
    })
    .await;
}

#[tokio::test]
async fn of_many_at_once_one_gets_a_unique_value() {
    on_each(async |stores| {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..64 {
            let data = stores.data.clone();
            let own = value(n, 2, b"own", &[index(n as u8, true)]);
            let shared = value(n, 1, b"wanted", &[index(200, true)]);
            tasks.spawn(async move {
                data.put_values(vec![own]).await.unwrap();
                (n, data.put_values(vec![shared]).await)
            });
        }
        let results = tasks.join_all().await;
        let winners: Vec<_> = results
            .iter()
            .filter(|(_, result)| result.is_ok())
            .collect();
        assert_eq!(winners.len(), 1);
        assert!(
            results
                .iter()
                .all(|(_, result)| { matches!(result, Ok(()) | Err(StoreError::NotUnique(1))) })
        );
        assert_eq!(holders(stores, 1, 200).await, [puid(winners[0].0)]);
        for n in 0..64 {
            assert_eq!(holders(stores, 2, n as u8).await, [puid(n)]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_comes_back_as_it_was_put() {
    on_each(async |stores| {
        let open = session(1, 0);
        let closed = SessionRow {
            ended_at: Some(at(99)),
            decrypted: true,
            opened: u64::from(u32::MAX) + 1,
            review: Some(Review {
                verdict: Verdict::Flagged,
                reviewer: "eve".parse().unwrap(),
                at: at(100),
            }),
            ..open.clone()
        };
        stores.data.put_session(open.clone()).await.unwrap();
        assert_eq!(stores.data.session(session_id(1)).await, Ok(Some(open)));
        stores.data.put_session(closed.clone()).await.unwrap();
        stores.reopen().await;
        assert_eq!(stores.data.session(session_id(1)).await, Ok(Some(closed)));
        assert_eq!(stores.data.session(session_id(2)).await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn an_end_and_a_verdict_survive_a_later_save() {
    on_each(async |stores| {
        let busy = SessionRow {
            emergency_at: Some(at(30)),
            active_at: at(40),
            statements: 7,
            opened: 3,
            decrypted: true,
            ..session(1, 0)
        };
        let judged = SessionRow {
            emergency_at: Some(at(35)),
            ended_at: Some(at(50)),
            review: reviewed(Verdict::Flagged),
            ..session(1, 0)
        };
        for row in [busy.clone(), judged.clone(), session(1, 0)] {
            stores.data.put_session(row).await.unwrap();
        }
        let found = stores.data.session(session_id(1)).await.unwrap();
        let whole = SessionRow {
            ended_at: judged.ended_at,
            review: judged.review,
            ..busy
        };
        assert_eq!(found, Some(whole.clone()));
        let reviewed_again = SessionRow {
            ended_at: Some(at(60)),
            review: reviewed(Verdict::Approved),
            ..session(1, 0)
        };
        stores.data.put_session(reviewed_again).await.unwrap();
        let found = stores.data.session(session_id(1)).await.unwrap().unwrap();
        assert_eq!(found.review.unwrap().verdict, Verdict::Approved);
        assert_eq!(found.ended_at, whole.ended_at);
    })
    .await;
}

fn reviewed(verdict: Verdict) -> Option<Review> {
    Some(Review {
        verdict,
        reviewer: "eve".parse().unwrap(),
        at: at(5),
    })
}

/// Sessions 1 to 5, of which 2 and 3 start together.
fn various_sessions() -> [SessionRow; 5] {
    let bob = "bob".parse().unwrap();
    [
        session(1, 10),
        SessionRow {
            principal: bob,
            ..session(2, 20)
        },
        SessionRow {
            decrypted: true,
            review: reviewed(Verdict::Approved),
            ..session(3, 20)
        },
        SessionRow {
            emergency_at: Some(at(41)),
            ended_at: Some(at(50)),
            review: reviewed(Verdict::Flagged),
            ..session(4, 40)
        },
        SessionRow {
            review: reviewed(Verdict::Pending),
            ..session(5, 30)
        },
    ]
}

/// The numbers of the sessions that a filter lets through, as listed.
async fn listed(stores: &Stores, filter: SessionFilter) -> Vec<u32> {
    let found = stores.data.sessions(&filter).await.unwrap();
    found
        .iter()
        .map(|row| (1..=5).find(|n| session_id(*n) == row.id).unwrap())
        .collect()
}

#[tokio::test]
async fn sessions_are_listed_newest_first_as_filtered() {
    on_each(async |stores| {
        for row in various_sessions() {
            stores.data.put_session(row).await.unwrap();
        }
        let all = SessionFilter::default();
        // Of two that started together the larger id is first.
        let (second, third) = if session_id(2) > session_id(3) {
            (2, 3)
        } else {
            (3, 2)
        };
        assert_eq!(listed(stores, all.clone()).await, [4, 5, second, third, 1]);
        let check = async |filter, expected: &[u32]| {
            assert_eq!(listed(stores, filter).await, expected);
        };
        let bob = Some("bob".parse().unwrap());
        let verdict = |verdict| SessionFilter {
            verdict: Some(verdict),
            ..all.clone()
        };
        check(verdict(Verdict::Pending), &[5, 2, 1]).await;
        check(verdict(Verdict::Flagged), &[4]).await;
        check(
            SessionFilter {
                principal: bob,
                ..all.clone()
            },
            &[2],
        )
        .await;
        check(
            SessionFilter {
                decrypted: Some(true),
                ..all.clone()
            },
            &[3],
        )
        .await;
        check(
            SessionFilter {
                open: Some(false),
                ..all.clone()
            },
            &[4],
        )
        .await;
        check(
            SessionFilter {
                open: Some(true),
                count_max: 1,
                ..all.clone()
            },
            &[5],
        )
        .await;
        check(
            SessionFilter {
                before: Some(at(20)),
                ..all.clone()
            },
            &[1],
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn emergencies_are_listed_apart() {
    on_each(async |stores| {
        for row in various_sessions() {
            stores.data.put_session(row).await.unwrap();
        }
        for (emergency, expected) in [(Some(true), 1), (Some(false), 4), (None, 5)] {
            let filter = SessionFilter {
                emergency,
                ..SessionFilter::default()
            };
            let found = listed(stores, filter).await;
            assert_eq!(found.len(), expected);
            assert_eq!(found.contains(&4), emergency != Some(false));
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_of_sessions_has_an_end() {
    on_each(async |stores| {
        for n in 0..105 {
            stores
                .data
                .put_session(session(n, i64::from(n)))
                .await
                .unwrap();
        }
        let list = async |count_max| {
            let filter = SessionFilter {
                count_max,
                ..SessionFilter::default()
            };
            stores.data.sessions(&filter).await.unwrap().len()
        };
        assert_eq!(list(0).await, 100);
        assert_eq!(list(1000).await, 105);
    })
    .await;
}

#[tokio::test]
async fn sessions_are_listed_by_source_period_and_page_in_both_orders() {
    on_each(async |stores| {
        for row in various_sessions() {
            stores.data.put_session(row).await.unwrap();
        }
        let elsewhere = SessionRow {
            source: "crm".parse().unwrap(),
            ..session(0, 15)
        };
        stores.data.put_session(elsewhere).await.unwrap();
        let shop = SessionFilter {
            source: Some("shop".parse().unwrap()),
            ..SessionFilter::default()
        };
        let (low, high) = if session_id(2) < session_id(3) {
            (2, 3)
        } else {
            (3, 2)
        };
        let newest = [4, 5, high, low, 1];
        assert_eq!(listed(stores, shop.clone()).await, newest);
        let oldest = SessionFilter {
            order: SessionOrder::OldestFirst,
            ..shop.clone()
        };
        let mut expected = newest;
        expected.reverse();
        assert_eq!(listed(stores, oldest.clone()).await, expected);
        for filter in [shop.clone(), oldest] {
            let mut page = SessionFilter {
                count_max: 2,
                ..filter.clone()
            };
            let mut seen = Vec::new();
            while let Some(last) = stores.data.sessions(&page).await.unwrap().last() {
                seen.extend(listed(stores, page.clone()).await);
                page.after = Some(last.into());
            }
            assert_eq!(seen, listed(stores, filter).await);
        }
        let between = SessionFilter {
            from: Some(at(20)),
            before: Some(at(40)),
            ..shop.clone()
        };
        assert_eq!(listed(stores, between).await, [5, high, low]);
        let others = SessionFilter {
            not_by: Some("ada".parse().unwrap()),
            ..shop
        };
        assert_eq!(listed(stores, others).await, [2]);
    })
    .await;
}

#[tokio::test]
async fn sessions_of_a_period_are_counted_by_what_tells_them_apart() {
    on_each(async |stores| {
        for row in various_sessions() {
            stores.data.put_session(row).await.unwrap();
        }
        let same = SessionRow {
            opened: 4,
            ..session(0, 11)
        };
        stores.data.put_session(same).await.unwrap();
        let period = TallyPeriod {
            from: at(10),
            before: at(40),
            step: SignedDuration::from_secs(10),
        };
        let tallies = stores.data.session_tallies(&period).await.unwrap();
        let found: Vec<_> = tallies
            .iter()
            .map(|tally| {
                let reviewer = tally.reviewer.as_ref().map(ToString::to_string);
                (
                    tally.step,
                    tally.decrypted,
                    tally.verdict,
                    reviewer,
                    (tally.sessions, tally.statements, tally.opened),
                )
            })
            .collect();
        let eve = || Some("eve".to_owned());
        assert_eq!(
            found,
            [
                (0, false, Verdict::Pending, None, (2, 6, 4)),
                (1, false, Verdict::Pending, None, (1, 3, 0)),
                (1, true, Verdict::Approved, eve(), (1, 3, 0)),
                (2, false, Verdict::Pending, eve(), (1, 3, 0)),
            ]
        );
    })
    .await;
}

/// Entries of a session from a place on, by their indexes.
async fn noted(stores: &Stores, n: u32, at_least: SessionPart, after: u64) -> Vec<SessionEntry> {
    let filter = SessionEntryFilter {
        session: session_id(n),
        at_least,
        after,
        count_max: 100,
    };
    stores.data.session_entries(&filter).await.unwrap()
}

#[tokio::test]
async fn entries_of_a_session_keep_their_order_and_count_once() {
    on_each(async |stores| {
        let entry = |n, origin: &str, index, part| NewSessionEntry {
            session: session_id(n),
            origin: origin.to_owned(),
            index,
            part,
        };
        let (step, frame) = (SessionPart::Step, SessionPart::Frame);
        let first = vec![
            entry(1, "b", 7, frame),
            entry(2, "b", 8, step),
            entry(1, "a", 9, step),
        ];
        stores.data.add_session_entries(first).await.unwrap();
        let second = vec![
            entry(1, "b", 7, step),
            entry(1, "b", 3, SessionPart::Sensitive),
        ];
        stores.data.add_session_entries(second).await.unwrap();
        stores.reopen().await;
        let place = |entry: &SessionEntry| (entry.origin.clone(), entry.index);
        let places = |entries: &[SessionEntry]| entries.iter().map(place).collect::<Vec<_>>();
        let whole = noted(stores, 1, step, 0).await;
        let (b7, a9, b3) = (
            ("b".to_owned(), 7),
            ("a".to_owned(), 9),
            ("b".to_owned(), 3),
        );
        assert_eq!(places(&whole), [b7.clone(), a9.clone(), b3.clone()]);
        assert!(whole.is_sorted_by_key(|entry| entry.number));
        let rest = noted(stores, 1, step, whole[0].number).await;
        assert_eq!(rest, whole[1..]);
        let sensitive = noted(stores, 1, SessionPart::Sensitive, 0).await;
        assert_eq!(places(&sensitive), [b7.clone(), b3]);
        assert_eq!(places(&noted(stores, 1, frame, 0).await), [b7]);
        assert_eq!(
            places(&noted(stores, 2, step, 0).await),
            [("b".to_owned(), 8)]
        );
        assert!(noted(stores, 3, step, 0).await.is_empty());
        let one = SessionEntryFilter {
            session: session_id(1),
            at_least: step,
            after: 0,
            count_max: 1,
        };
        assert_eq!(stores.data.session_entries(&one).await.unwrap(), whole[..1]);
    })
    .await;
}
