//! A data store that goes back: what people took back stays taken back, although the row that says so is gone.

use std::sync::Arc;
use std::time::Duration;

use privet_store::{Faults, Moment};
use privet_vault::SubjectName;
use privet_vault::port::{ConsentPlace, StoreError};

use crate::bed::{Bed, MAP, bed, bed_with_failing_keys};
use crate::consenting::{change, no, of, reference, restarted, reveals, say, yes};
use crate::servers::Pair;
use crate::unwrapping::{consent_key, places, rows};

const EMAIL: &str = "ada@example.com";

async fn places_of(bed: &Bed, subject: &SubjectName) -> Vec<ConsentPlace> {
    places(&bed.stores, reference(bed, subject).await).await
}

/// As an older copy has it.
async fn lose(bed: &Bed, places: &[ConsentPlace]) {
    bed.stores.data.delete_consent(places).await.unwrap();
}

#[tokio::test]
async fn a_yes_does_not_come_back_with_an_older_copy() {
    let bed = bed().await;
    let ada = bed.subject(EMAIL).await;
    yes(&bed, &ada).await;
    no(&bed, &ada).await;
    let places = places_of(&bed, &ada).await;
    lose(&bed, &places[1..2]).await;
    // On the server that knows, and on one that has just started.
    assert_eq!(reveals(&bed, &ada, "marketing").await, "consent_missing");
    let again = restarted(&bed, MAP).await.unwrap();
    let job = again.caller("job").await;
    assert_eq!(reveals(&again, &ada, "marketing").await, "consent_missing");
    assert_eq!(reveals(&again, &ada, "service").await, EMAIL);
    let view = again.vault.consent(&job, &ada, None).await.unwrap();
    assert_eq!((view.number, view.lost), (2, true));
    let marketing = of(&view, "marketing");
    assert_eq!((marketing.agreed, marketing.answer), (false, None));
    // What is left can be looked at; what held at a moment cannot be told from it.
    let history = again.vault.consent_history(&job, &ada, None).await.unwrap();
    let numbers: Vec<_> = history.events.iter().map(|event| event.number).collect();
    assert_eq!((numbers, history.before), (vec![1], None));
    let now = again.vault.time();
    let past = again.vault.consent(&job, &ada, Some(now)).await;
    assert_eq!(past.unwrap_err().code(), "consent_lost");

    // Whoever answers again is asked no more, and only what they say now holds.
    let number = say(&again.vault, &job, &ada, change(&["improvement"], &[])).await;
    assert_eq!(number, 3);
    assert_eq!(reveals(&again, &ada, "improvement").await, EMAIL);
    assert_eq!(reveals(&again, &ada, "marketing").await, "consent_missing");
    let view = again.vault.consent(&job, &ada, None).await.unwrap();
    assert_eq!((view.number, view.lost), (3, false));
    let history = again.vault.consent_history(&job, &ada, None).await.unwrap();
    let numbers: Vec<_> = history.events.iter().map(|event| event.number).collect();
    assert_eq!(numbers, [3, 1]);
}

/// Every event is gone, and the person is as silent as if they had said no to everything.
#[tokio::test]
async fn a_copy_from_before_the_first_answer_makes_nobody_agree() {
    let bed = bed().await;
    let ada = bed.subject(EMAIL).await;
    let job = bed.caller("job").await;
    yes(&bed, &ada).await;
    assert_eq!(reveals(&bed, &ada, "marketing").await, EMAIL);
    lose(&bed, &places_of(&bed, &ada).await).await;
    assert_eq!(reveals(&bed, &ada, "marketing").await, "consent_missing");
    let view = bed.vault.consent(&job, &ada, None).await.unwrap();
    assert_eq!((view.number, view.lost), (1, true));
    yes(&bed, &ada).await;
    assert_eq!(reveals(&bed, &ada, "marketing").await, EMAIL);
}

/// The other server was told of the withdrawal, and the row is gone before it looked.
#[tokio::test]
async fn a_server_that_was_only_told_does_not_take_an_older_yes() {
    let Pair { one, two } = Pair::ruled("").await;
    let ada = one.subject(EMAIL).await;
    yes(&one, &ada).await;
    assert_eq!(reveals(&two, &ada, "marketing").await, EMAIL);
    no(&one, &ada).await;
    lose(&one, &places_of(&one, &ada).await[1..]).await;
    assert_eq!(reveals(&one, &ada, "marketing").await, "consent_missing");
    // Once it has read the shared sequence, which it does all the time.
    let told = async {
        while reveals(&two, &ada, "marketing").await != "consent_missing" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), told)
        .await
        .unwrap();
}

/// The row was written, and no server was told of it: whoever said it got an error. If it goes, nothing is lost that counted.
#[tokio::test]
async fn an_answer_that_nobody_was_told_of_may_go() {
    let faults = Faults::new();
    let bed = bed_with_failing_keys(&faults).await;
    let job = bed.caller("job").await;
    // Of all calls to the key store, the server's own among them, one is that which tells of the answer. Which one it is
    // may change from one round to the next.
    for round in 0..600 {
        let nth = 1 + round % 12;
        let email = format!("ada{round}@example.com");
        let ada = bed.subject(&email).await;
        no(&bed, &ada).await;
        faults.fail_nth(nth, Moment::Before, StoreError::Unavailable("gone".into()));
        let said = change(&["marketing"], &[]);
        let first = bed.vault.record_consent(&job, &ada, &said).await;
        faults.clear();
        let reference = reference(&bed, &ada).await;
        let key = consent_key(&bed.stores, reference).await.unwrap();
        let places = places(&bed.stores, reference).await;
        let count = rows(&bed.stores, &places).await.len() as u64;
        if first.is_ok() || key.told == count {
            continue;
        }
        // It counts as soon as it is there.
        assert_eq!((key.told, count), (1, 2));
        assert_eq!(reveals(&bed, &ada, "marketing").await, email);
        lose(&bed, &places[1..]).await;
        assert_eq!(reveals(&bed, &ada, "marketing").await, "consent_missing");
        let view = bed.vault.consent(&job, &ada, None).await.unwrap();
        assert_eq!((view.number, view.lost), (1, false));
        yes(&bed, &ada).await;
        assert_eq!(reveals(&bed, &ada, "marketing").await, email);
        return;
    }
    panic!("no failure came between the row and the telling");
}

/// Many events that this server has not seen, and a key store that went back behind them: they are found one by one.
#[tokio::test]
async fn events_that_the_key_store_forgot_are_found() {
    let Pair { one, two } = Pair::ruled("").await;
    let ada = one.subject(EMAIL).await;
    no(&one, &ada).await;
    assert_eq!(reveals(&two, &ada, "marketing").await, "consent_missing");
    // The other server knows of the first event alone, and looks for the others in the data store.
    for _ in 0..9 {
        yes(&one, &ada).await;
        no(&one, &ada).await;
    }
    yes(&one, &ada).await;
    assert_eq!(reveals(&two, &ada, "marketing").await, EMAIL);
    let job = two.caller("job").await;
    let view = two.vault.consent(&job, &ada, None).await.unwrap();
    assert_eq!((view.number, view.lost), (20, false));
    let key = consent_key(&two.stores, reference(&two, &ada).await).await;
    assert_eq!(key.unwrap().told, 20);
}

/// What every server has read is no longer kept: nobody notices but one that was away for as long.
#[tokio::test]
async fn changes_of_long_ago_are_missed_by_nobody_who_was_there() {
    let bed = bed().await;
    let ada = bed.subject(EMAIL).await;
    yes(&bed, &ada).await;
    no(&bed, &ada).await;
    // Closing an account ends with a look at the sequence, so that this server has read all of it.
    let bob = bed.subject("bob@example.com").await;
    let job = bed.caller("job").await;
    bed.vault.close_subject(&job, &bob).await.unwrap();
    let keys = Arc::clone(&bed.stores.keys);
    let position = keys.sequence().await.unwrap();
    keys.trim_changes(position).await.unwrap();
    assert_eq!(keys.changes_after(0).await.unwrap().len(), 1);
    yes(&bed, &ada).await;
    assert_eq!(reveals(&bed, &ada, "marketing").await, EMAIL);
    no(&bed, &ada).await;
    let again = restarted(&bed, MAP).await.unwrap();
    assert_eq!(reveals(&again, &ada, "marketing").await, "consent_missing");
    yes(&again, &ada).await;
    assert_eq!(reveals(&again, &ada, "marketing").await, EMAIL);
    assert_eq!(keys.sequence().await, Ok(position + 3));
}
