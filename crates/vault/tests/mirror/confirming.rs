//! An erasure that somebody asked for is done when the mirror says so, and not before.

use std::time::Duration;

use privet_seal::Zeroizing;
use privet_vault::audit::EntryKind;
use privet_vault::subject_request::{RequestChannel, RequestOrigin, SubjectRequestState as State};
use privet_vault::{Caller, SubjectRequestId};

use crate::bed::Bed;
use crate::faulty::Mood;
use crate::place::{Mirrored, PATIENCE, revealed};

const DAY: Duration = Duration::from_secs(24 * 3_600);

async fn asked(bed: &Bed, email: &str) -> (SubjectRequestId, privet_vault::SubjectName) {
    let operator = bed.caller("operator").await;
    let subject = bed.subject(email).await;
    let origin = RequestOrigin {
        channel: Some(RequestChannel::Letter),
        received_on: None,
        checked: Some(Zeroizing::new("knew the contract".into())),
    };
    let asked = bed.vault.request_erasure(&operator, &subject, origin).await;
    (asked.unwrap().id, subject)
}

async fn state(bed: &Bed, id: SubjectRequestId) -> (State, Option<String>) {
    let row = bed.stores.keys.subject_request(id).await.unwrap().unwrap();
    (row.progress.state, row.progress.failure)
}

async fn run(bed: &Bed, operator: &Caller) -> privet_vault::subject_request::RequestRun {
    // The server has to look at its key store first, after the hand moved the clock.
    let running = async {
        loop {
            if let Ok(run) = bed.vault.run_requests(operator).await {
                return run;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, running).await.unwrap()
}

/// The mirror is away for days: the person is erased, the request waits and says so, and goes on by itself.
async fn waits_for_its_mirror(mood: Mood) {
    let mirrored = Mirrored::new().await;
    let bed = &mirrored.bed;
    let (id, ada) = asked(bed, "ada@example.com").await;
    mirrored.caught_up().await;
    bed.clock.advance(8 * DAY);
    let operator = bed.caller("operator").await;
    mirrored.mirror.becomes(mood);
    let ran = run(bed, &operator).await;
    assert_eq!((ran.erased, ran.confirmed, ran.failed), (1, 0, 0));
    let waits = (State::Confirming, Some("mirror_behind".to_owned()));
    assert_eq!(state(bed, id).await, waits);
    assert_eq!(revealed(bed, &ada).await, "nobody");
    let none = bed.vault.erasure_receipt_by_id(id).await.unwrap_err();
    assert_eq!(none.code(), "no_receipt");
    let late = bed.vault.cancel_request(&operator, id).await.unwrap_err();
    assert_eq!(late.code(), "request_too_late");
    bed.clock.advance(DAY);
    let operator = bed.caller("operator").await;
    let ran = run(bed, &operator).await;
    assert_eq!((ran.erased, ran.confirmed, ran.failed), (0, 0, 0));
    assert_eq!(state(bed, id).await, waits);
    let shown = bed.vault.request(&operator, id).await.unwrap();
    assert!(shown.summary.next_at.is_some() && shown.summary.attempts >= 2);

    mirrored.mirror.becomes(Mood::Works);
    mirrored.caught_up().await;
    let ran = run(bed, &operator).await;
    assert_eq!((ran.erased, ran.confirmed, ran.failed), (0, 1, 0));
    assert_eq!(state(bed, id).await, (State::Done, None));
    assert_eq!(bed.count(EntryKind::ErasureDone).await, 1);
}

#[tokio::test]
async fn a_request_waits_for_a_mirror_that_fails() {
    waits_for_its_mirror(Mood::Fails).await;
}

#[tokio::test]
async fn a_request_waits_for_a_mirror_that_hangs() {
    waits_for_its_mirror(Mood::Hangs).await;
}

/// With a mirror that answers, one run is enough.
#[tokio::test]
async fn a_mirror_that_answers_confirms_at_once() {
    let mirrored = Mirrored::new().await;
    let bed = &mirrored.bed;
    let (id, _) = asked(bed, "ada@example.com").await;
    bed.clock.advance(8 * DAY);
    let operator = bed.caller("operator").await;
    let ran = run(bed, &operator).await;
    assert_eq!(ran.erased, 1);
    let confirmed = async {
        while state(bed, id).await.0 != State::Done {
            run(bed, &operator).await;
        }
    };
    tokio::time::timeout(PATIENCE, confirmed).await.unwrap();
    let size = mirrored.place.verified(&mirrored.key()).size;
    assert!(size > 0);
}

/// A closing at once answers that it is not confirmed; the request that it became is, later.
#[tokio::test]
async fn what_is_closed_at_once_is_confirmed_later() {
    let mirrored = Mirrored::new().await;
    let bed = &mirrored.bed;
    let ada = bed.subject("ada@example.com").await;
    let operator = bed.caller("operator").await;
    mirrored.caught_up().await;
    mirrored.mirror.becomes(Mood::Fails);
    let closed = bed.vault.close_subject(&operator, &ada).await.unwrap();
    assert!(!closed.confirmed && closed.receipt.is_none());
    assert_eq!(state(bed, closed.request).await.0, State::Confirming);
    mirrored.mirror.becomes(Mood::Works);
    mirrored.caught_up().await;
    let ran = run(bed, &operator).await;
    assert_eq!((ran.confirmed, ran.failed), (1, 0));
    assert_eq!(state(bed, closed.request).await, (State::Done, None));
}

/// Fields that are erased while the mirror is away are gone at once; their receipt comes when it says so.
#[tokio::test]
async fn fields_that_are_erased_at_once_are_confirmed_later() {
    let mirrored = Mirrored::new().await;
    let bed = &mirrored.bed;
    let ada = bed.subject("ada@example.com").await;
    let operator = bed.caller("operator").await;
    mirrored.caught_up().await;
    mirrored.mirror.becomes(Mood::Fails);
    let (fields, checked) = (["phone".to_owned()], Some("knew the marker"));
    let erased = bed.vault.erase_fields(&operator, &ada, &fields, checked);
    let erased = erased.await.unwrap();
    assert!(!erased.confirmed && erased.receipt.is_none());
    let waits = (State::Confirming, Some("mirror_behind".to_owned()));
    assert_eq!(state(bed, erased.request).await, waits);
    mirrored.mirror.becomes(Mood::Works);
    mirrored.caught_up().await;
    let ran = run(bed, &operator).await;
    assert_eq!((ran.confirmed, ran.failed), (1, 0));
    assert_eq!(state(bed, erased.request).await, (State::Done, None));
    // What it rests on is what was said at once.
    assert_eq!(bed.count(EntryKind::ErasureFieldsDone).await, 1);
}
