//! What the consent ledger promises: nothing is lost, nothing changes, and it is always decided which answer is the last.

use std::sync::Arc;

use privet_vault::port::{
    ConsentAnswer, ConsentBit, ConsentChannel, ConsentEvent, ConsentState, DataStore,
    NewConsentEvent, StoreError,
};

use crate::rows::{at, puid, value};
use crate::{Stores, on_each};

const MARKETING: u8 = 2;

fn answer(bit: u8, agreed: bool, since: i64) -> ConsentAnswer {
    ConsentAnswer {
        bit,
        agreed,
        // A notice may be any line of text.
        notice: "2026 11, »second« version".to_owned(),
        since: at(since),
    }
}

/// Subject `n` answers for marketing at `when`, after the event `after`.
fn event(n: u32, after: u64, agreed: bool, when: i64) -> NewConsentEvent {
    let bit = ConsentBit {
        bit: MARKETING,
        purpose: "marketing".to_owned(),
    };
    NewConsentEvent {
        puid: puid(n),
        after,
        at: at(when),
        granted: if agreed { vec![bit] } else { Vec::new() },
        withdrawn: if agreed { 0 } else { 1 << MARKETING },
        answers: vec![answer(MARKETING, agreed, when), answer(31, false, 7)],
        channel: ConsentChannel::Support,
        evidence: agreed.then(|| vec![0xE0, 0, 0xFF]),
    }
}

/// What is read of [`event`].
fn read(sequence: u64, agreed: bool, when: i64) -> ConsentEvent {
    ConsentEvent {
        state: ConsentState {
            sequence,
            at: at(when),
            answers: vec![answer(MARKETING, agreed, when), answer(31, false, 7)],
        },
        granted: if agreed { 1 << MARKETING } else { 0 },
        withdrawn: if agreed { 0 } else { 1 << MARKETING },
        channel: ConsentChannel::Support,
        evidence: agreed.then(|| vec![0xE0, 0, 0xFF]),
    }
}

async fn add(stores: &Stores, event: NewConsentEvent) -> Result<u64, StoreError> {
    stores.data.append_consent(event).await
}

#[tokio::test]
async fn the_last_event_is_the_state_and_all_stay() {
    on_each(async |stores| {
        assert_eq!(add(stores, event(1, 0, true, 10)).await, Ok(1));
        assert_eq!(add(stores, event(2, 0, true, 11)).await, Ok(2));
        assert_eq!(add(stores, event(1, 1, false, 12)).await, Ok(3));
        stores.reopen().await;
        assert_eq!(add(stores, event(1, 3, true, 12)).await, Ok(4));
        let data = &stores.data;
        let asked = [puid(2), puid(3), puid(1), puid(2)];
        let now = data.consent_now(&asked).await.unwrap();
        let (one, two) = (read(4, true, 12).state, read(2, true, 11).state);
        assert_eq!(now, [Some(two.clone()), None, Some(one), Some(two)]);
        assert!(data.consent_now(&[]).await.unwrap().is_empty());

        let history = data.consent_events(puid(1), None, 10).await.unwrap();
        let whole = [read(4, true, 12), read(3, false, 12), read(1, true, 10)];
        assert_eq!(history, whole);
        let page = data.consent_events(puid(1), Some(4), 1).await.unwrap();
        assert_eq!(page, whole[1..2]);
        let rest = data.consent_events(puid(1), Some(3), 9).await.unwrap();
        assert_eq!(rest, whole[2..]);
        assert_eq!(data.consent_events(puid(3), None, 9).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn the_state_of_a_moment_is_that_of_the_last_event_until_then() {
    on_each(async |stores| {
        add(stores, event(1, 0, true, 10)).await.unwrap();
        add(stores, event(1, 1, false, 20)).await.unwrap();
        // In the same instant: the position decides.
        add(stores, event(1, 2, true, 20)).await.unwrap();
        add(stores, event(2, 0, true, 1)).await.unwrap();
        let then = async |when| {
            let state = stores.data.consent_at(puid(1), when).await.unwrap();
            state.map(|state| state.sequence)
        };
        assert_eq!(then(at(9)).await, None);
        assert_eq!(then(at(10)).await, Some(1));
        let before = at(20) - jiff::SignedDuration::from_nanos(1);
        assert_eq!(then(before).await, Some(1));
        assert_eq!(then(at(20)).await, Some(3));
        assert_eq!(then(at(1_000)).await, Some(3));
    })
    .await;
}

#[tokio::test]
async fn an_event_follows_the_last_one_or_is_refused() {
    on_each(async |stores| {
        let refused = Err(StoreError::Conflict);
        assert_eq!(add(stores, event(1, 1, true, 10)).await, refused);
        assert_eq!(add(stores, event(1, 0, true, 10)).await, Ok(1));
        assert_eq!(add(stores, event(1, 0, false, 11)).await, refused);
        assert_eq!(add(stores, event(1, 2, false, 11)).await, refused);
        // Of what is refused nothing stays, also not its place.
        assert_eq!(add(stores, event(2, 0, false, 11)).await, Ok(2));
        let history = stores.data.consent_events(puid(1), None, 9).await;
        assert_eq!(history.unwrap(), [read(1, true, 10)]);
    })
    .await;
}

/// One says yes and another no, both after the same state: one of them has to look again.
#[tokio::test]
async fn of_two_at_once_one_is_told() {
    on_each(async |stores| {
        let mut last = 0;
        for round in 0..10 {
            let both = [true, false].map(|agreed| event(1, last, agreed, round));
            let [yes, no] = both.map(|event| {
                let data = Arc::clone(&stores.data);
                tokio::spawn(async move { data.append_consent(event).await })
            });
            let told = [yes.await.unwrap(), no.await.unwrap()];
            let refused = told.iter().filter(|one| **one == Err(StoreError::Conflict));
            assert_eq!(refused.count(), 1, "{told:?}");
            last += 1;
            assert!(told.contains(&Ok(last)), "{told:?}");
        }
    })
    .await;
}

/// Whoever has seen a position has seen all before it: none is given twice, left out, or comes later.
#[tokio::test]
async fn positions_are_shared_by_all_writers() {
    on_each(async |stores| {
        let writers = (0..8).map(|n| {
            let data: Arc<dyn DataStore> = Arc::clone(&stores.data);
            tokio::spawn(async move {
                let mut given = Vec::new();
                for round in 0..5 {
                    let after = given.last().copied().unwrap_or(0);
                    let next = event(n, after, round % 2 == 0, round);
                    given.push(data.append_consent(next).await.unwrap());
                }
                given
            })
        });
        let mut all = Vec::new();
        for writer in writers.collect::<Vec<_>>() {
            let given = writer.await.unwrap();
            assert!(given.is_sorted_by(|a, b| a < b), "{given:?}");
            all.extend(given);
        }
        all.sort_unstable();
        assert_eq!(all, (1..=40).collect::<Vec<u64>>());
    })
    .await;
}

#[tokio::test]
async fn a_bit_stands_for_one_purpose_for_ever() {
    on_each(async |stores| {
        assert_eq!(stores.data.consent_bits().await.unwrap(), []);
        // A no to what nobody ever agreed to says nothing about the bit.
        add(stores, event(1, 0, false, 1)).await.unwrap();
        assert_eq!(stores.data.consent_bits().await.unwrap(), []);
        add(stores, event(1, 1, true, 2)).await.unwrap();
        let mut other = event(2, 0, true, 3);
        let bit = |bit, purpose: &str| ConsentBit {
            bit,
            purpose: purpose.to_owned(),
        };
        other.granted = vec![bit(0, "improvement"), bit(MARKETING, "profiling")];
        let refused = add(stores, other.clone()).await;
        assert_eq!(refused, Err(StoreError::Conflict));
        other.granted = vec![bit(31, "research"), bit(0, "improvement")];
        add(stores, other).await.unwrap();
        stores.reopen().await;
        let known = [
            bit(0, "improvement"),
            bit(MARKETING, "marketing"),
            bit(31, "research"),
        ];
        assert_eq!(stores.data.consent_bits().await.unwrap(), known);
        let added = stores.data.consent_events(puid(2), None, 1).await.unwrap();
        assert_eq!(added[0].granted, 1 << 31 | 1);
    })
    .await;
}

#[tokio::test]
async fn deleting_a_subjects_values_leaves_what_it_agreed_to() {
    on_each(async |stores| {
        let data = &stores.data;
        data.put_values(vec![value(1, 1, b"x", &[])]).await.unwrap();
        add(stores, event(1, 0, true, 10)).await.unwrap();
        assert_eq!(data.delete_subject(puid(1)).await, Ok(1));
        let history = data.consent_events(puid(1), None, 9).await.unwrap();
        assert_eq!(history, [read(1, true, 10)]);
    })
    .await;
}
