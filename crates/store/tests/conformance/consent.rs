//! What the consent ledger promises: nothing is lost, nothing changes, and a place is taken once.

use std::sync::Arc;

use privet_vault::port::{ConsentBit, ConsentPlace, ConsentRow, DataStore, NewConsentRow};

use crate::rows::{place, puid, value};
use crate::{Stores, on_each};

const MARKETING: u8 = 2;

pub(crate) fn bit(bit: u8, purpose: &str) -> ConsentBit {
    ConsentBit {
        bit,
        purpose: purpose.to_owned(),
    }
}

/// The row of subject `n`'s event `number`; a store cannot look into it.
pub(crate) fn row(n: u32, number: u64) -> ConsentRow {
    ConsentRow {
        state: vec![n as u8, number as u8, 0, 0xFF],
        evidence: number.is_multiple_of(2).then(|| vec![0xE0, 0, 0xFF]),
    }
}

/// Subject `n`'s event `number`, which says yes to marketing if the number is odd.
fn event(n: u32, number: u64) -> NewConsentRow {
    let bit = bit(MARKETING, "marketing");
    NewConsentRow {
        place: place(n, number),
        row: row(n, number),
        granted: Vec::from_iter((!number.is_multiple_of(2)).then_some(bit)),
    }
}

async fn add(stores: &Stores, event: NewConsentRow) -> bool {
    let added = stores.data.append_consent(vec![event]).await.unwrap();
    assert_eq!(added.len(), 1);
    added[0]
}

fn places(n: u32) -> Vec<ConsentPlace> {
    (0..=12).map(|number| place(n, number)).collect()
}

/// Subject `n`'s rows, oldest first, of numbers up to 12.
async fn history(stores: &Stores, n: u32) -> Vec<ConsentRow> {
    let rows = stores.data.consent_rows(&places(n)).await.unwrap();
    let states = stores.data.consent_states(&places(n)).await.unwrap();
    let of_rows = rows.iter().map(|row| Some(row.as_ref()?.state.clone()));
    assert_eq!(states, of_rows.collect::<Vec<_>>());
    rows.into_iter().flatten().collect()
}

#[tokio::test]
async fn rows_are_found_by_their_places_and_stay() {
    on_each(async |stores| {
        assert!(add(stores, event(1, 1)).await);
        assert!(add(stores, event(2, 1)).await);
        assert!(add(stores, event(1, 2)).await);
        stores.reopen().await;
        assert!(add(stores, event(1, 3)).await);
        let data = &stores.data;
        // In the order asked, also twice.
        let asked = [place(2, 1), place(3, 1), place(1, 3), place(2, 1)];
        let states = data.consent_states(&asked).await.unwrap();
        let (one, two) = (Some(row(1, 3)), Some(row(2, 1)));
        let state = |row: &Option<ConsentRow>| row.as_ref().map(|row| row.state.clone());
        assert_eq!(states, [state(&two), None, state(&one), state(&two)]);
        let rows = data.consent_rows(&asked).await.unwrap();
        assert_eq!(rows, [two.clone(), None, one, two]);
        assert!(data.consent_states(&[]).await.unwrap().is_empty());
        assert!(data.consent_rows(&[]).await.unwrap().is_empty());
        assert_eq!(history(stores, 1).await, [row(1, 1), row(1, 2), row(1, 3)]);
        assert_eq!(history(stores, 3).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_place_is_taken_once_and_what_lies_there_stays() {
    on_each(async |stores| {
        assert!(add(stores, event(1, 1)).await);
        assert!(!add(stores, event(1, 1)).await);
        let other = NewConsentRow {
            row: row(2, 2),
            ..event(1, 1)
        };
        assert!(!add(stores, other).await);
        assert_eq!(history(stores, 1).await, [row(1, 1)]);
        // Which places belong together, and in which order they come, is not the store's to know.
        assert!(add(stores, event(1, 7)).await);
        assert!(add(stores, event(1, 4)).await);
        assert_eq!(history(stores, 1).await, [row(1, 1), row(1, 4), row(1, 7)]);
    })
    .await;
}

#[tokio::test]
async fn of_a_list_those_that_fit_are_added() {
    on_each(async |stores| {
        let none = stores.data.append_consent(Vec::new()).await;
        assert_eq!(none, Ok(Vec::new()));
        assert!(add(stores, event(2, 1)).await);
        // One that is taken, one that is taken by another of the list, and others.
        let list = [(1, 1), (2, 1), (1, 2), (3, 2), (1, 1), (4, 1), (2, 2)];
        let mut rows = list.map(|(n, number)| event(n, number)).to_vec();
        rows[4].row = row(9, 9);
        let added = stores.data.append_consent(rows).await.unwrap();
        assert_eq!(added, [true, false, true, true, false, true, true]);
        stores.reopen().await;
        assert_eq!(history(stores, 1).await, [row(1, 1), row(1, 2)]);
        assert_eq!(history(stores, 2).await, [row(2, 1), row(2, 2)]);
        assert_eq!(history(stores, 3).await, [row(3, 2)]);
        assert_eq!(history(stores, 4).await, [row(4, 1)]);
    })
    .await;
}

/// One says yes and another no, both after the same state: one of them has to look again.
#[tokio::test]
async fn of_two_at_once_one_is_told() {
    on_each(async |stores| {
        for number in 1..=10 {
            let both = [(); 2].map(|()| {
                let (data, event) = (Arc::clone(&stores.data), event(1, number));
                tokio::spawn(async move { data.append_consent(vec![event]).await })
            });
            let mut told = Vec::new();
            for one in both {
                told.extend(one.await.unwrap().unwrap());
            }
            told.sort_unstable();
            assert_eq!(told, [false, true]);
        }
        assert_eq!(history(stores, 1).await.len(), 10);
    })
    .await;
}

/// Lists that meet each other from both ends; none waits for ever, and no place is left out or taken twice.
#[tokio::test]
async fn lists_of_many_writers_do_not_wait_for_each_other() {
    on_each(async |stores| {
        let writers = (0..8_u32).map(|writer| {
            let data: Arc<dyn DataStore> = Arc::clone(&stores.data);
            tokio::spawn(async move {
                let mut count = 0;
                for number in 1..=5 {
                    let mut rows: Vec<_> = (0..12).map(|n| event(n, number)).collect();
                    if writer % 2 == 0 {
                        rows.reverse();
                    }
                    let added = data.append_consent(rows).await.unwrap();
                    count += added.iter().filter(|added| **added).count();
                }
                count
            })
        });
        let mut count = 0;
        for writer in writers.collect::<Vec<_>>() {
            count += writer.await.unwrap();
        }
        assert_eq!(count, 12 * 5);
        for n in 0..12 {
            let rows = (1..=5).map(|number| row(n, number));
            assert_eq!(history(stores, n).await, rows.collect::<Vec<_>>());
        }
    })
    .await;
}

#[tokio::test]
async fn a_bit_stands_for_one_purpose_for_ever() {
    on_each(async |stores| {
        let data = Arc::clone(&stores.data);
        let known = async || data.consent_bits().await.unwrap();
        assert_eq!(known().await, []);
        assert!(add(stores, event(1, 1)).await);
        let marketing = bit(MARKETING, "marketing");
        assert_eq!(known().await, std::slice::from_ref(&marketing));
        let granting = |n, number, granted: &[ConsentBit]| NewConsentRow {
            granted: granted.to_vec(),
            ..event(n, number)
        };
        let improvement = bit(0, "improvement");
        let both = [improvement.clone(), bit(MARKETING, "profiling")];
        // Of what is refused nothing stays: neither the row nor the other bit.
        assert!(!add(stores, granting(2, 1, &both)).await);
        assert_eq!(history(stores, 2).await, []);
        assert_eq!(known().await, std::slice::from_ref(&marketing));
        // Nor of one whose place is taken.
        assert!(!add(stores, granting(1, 1, std::slice::from_ref(&improvement))).await);
        assert_eq!(known().await, std::slice::from_ref(&marketing));
        let research = bit(31, "research");
        let both = [research.clone(), improvement.clone()];
        assert!(add(stores, granting(2, 1, &both)).await);
        assert_eq!(known().await, [improvement, marketing, research]);
    })
    .await;
}

/// Servers whose data maps differ: whichever is first decides, and the other is told.
#[tokio::test]
async fn of_two_purposes_for_a_bit_at_once_one_wins() {
    on_each(async |stores| {
        for round in 0..5_u8 {
            let purposes = ["profiling", "statistics"];
            let both = [0, 1].map(|n: usize| {
                let data = Arc::clone(&stores.data);
                let new = NewConsentRow {
                    granted: vec![bit(round, purposes[n])],
                    ..event(n as u32, u64::from(round) + 1)
                };
                tokio::spawn(async move { data.append_consent(vec![new]).await })
            });
            let mut told = Vec::new();
            for one in both {
                told.extend(one.await.unwrap().unwrap());
            }
            let winner = told.iter().position(|added| *added).unwrap();
            assert!(!told[1 - winner], "both were added");
            let known = stores.data.consent_bits().await.unwrap();
            assert_eq!(known[usize::from(round)], bit(round, purposes[winner]));
            // The loser goes on without a yes.
            let left = NewConsentRow {
                granted: Vec::new(),
                ..event(1 - winner as u32, u64::from(round) + 1)
            };
            assert!(add(stores, left).await);
        }
    })
    .await;
}

/// Few people, numbers and bits, so that calls meet each other's rows often.
#[tokio::test]
async fn lists_by_chance_are_answered_as_the_model_does() {
    on_each(async |stores| {
        let model = Stores::memory();
        let mut state = 1_u64;
        let mut chance = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut refused = 0;
        for _ in 0..150 {
            // Bits may contradict those of another list, never of the same: engines add a list's rows in their own order.
            let purpose = ["a", "b"][chance(6) as usize / 5];
            let rows: Vec<_> = (0..chance(5))
                .map(|_| {
                    let granted = (0..chance(3)).map(|_| bit(chance(6) as u8, purpose));
                    let granted = granted.collect();
                    NewConsentRow {
                        granted,
                        ..event(chance(4) as u32, chance(13))
                    }
                })
                .collect();
            let expected = model.data.append_consent(rows.clone()).await.unwrap();
            let added = stores.data.append_consent(rows).await.unwrap();
            assert_eq!(added, expected);
            refused += added.iter().filter(|added| !**added).count();
        }
        assert!(refused > 50, "{refused}");
        let bits = model.data.consent_bits().await.unwrap();
        assert_eq!(stores.data.consent_bits().await.unwrap(), bits);
        assert_eq!(bits.len(), 6);
        for n in 0..4 {
            let rows = history(&model, n).await;
            assert!(rows.len() > 5, "{}", rows.len());
            assert_eq!(history(stores, n).await, rows);
        }
    })
    .await;
}

#[tokio::test]
async fn deleting_a_subjects_values_leaves_what_it_agreed_to() {
    on_each(async |stores| {
        let data = &stores.data;
        data.put_values(vec![value(1, 1, b"x", &[])]).await.unwrap();
        assert!(add(stores, event(1, 1)).await);
        assert_eq!(data.delete_subject(puid(1)).await, Ok(1));
        assert_eq!(history(stores, 1).await, [row(1, 1)]);
    })
    .await;
}

#[tokio::test]
async fn rows_are_deleted_by_their_places() {
    on_each(async |stores| {
        for (n, number) in [(1, 1), (1, 2), (2, 1), (3, 1)] {
            assert!(add(stores, event(n, number)).await);
        }
        let data = &stores.data;
        assert_eq!(data.delete_consent(&[]).await, Ok(0));
        let gone = [place(1, 1), place(9, 1), place(3, 1), place(1, 2)];
        assert_eq!(data.delete_consent(&gone).await, Ok(3));
        assert_eq!(data.delete_consent(&gone).await, Ok(0));
        stores.reopen().await;
        assert_eq!(history(stores, 1).await, []);
        assert_eq!(history(stores, 2).await, [row(2, 1)]);
        assert_eq!(history(stores, 3).await, []);
        // What a bit stands for outlives whoever said yes.
        assert_eq!(stores.data.consent_bits().await.unwrap().len(), 1);
        // The place is free again.
        assert!(add(stores, event(1, 1)).await);
    })
    .await;
}
