//! What people ask for, from the first word to the last: entered, shown, taken back, carried out once, and by whom.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, ToSpan};
use privet_seal::{KeyKind, Zeroizing};
use privet_store::{FailNth, Faults, MemoryStores, Moment, SqliteStores};
use privet_vault::audit::EntryKind;
use privet_vault::port::{StoreError, SubjectRequestFilter};
use privet_vault::subject_request::{
    RequestBook, RequestChannel, RequestOrigin, RequestQuery, RequestRules, RequestRun,
    SubjectRequestState, Urgency,
};
use privet_vault::{Caller, Clock, Error, Oid, RequestRunId, SubjectName, SubjectRequestId, Vault};

use crate::bed::{Bed, ORIGIN, bed, hand_clock, parts, parts_of_another, root};
use crate::engine::new_stores;

const DAY: Duration = Duration::from_secs(24 * 3_600);

pub(crate) fn letter() -> RequestOrigin {
    RequestOrigin {
        channel: Some(RequestChannel::Letter),
        received_on: None,
        checked: Some(Zeroizing::new(
            "knew the marker word of the contract".into(),
        )),
    }
}

pub(crate) async fn asked(bed: &Bed, caller: &Caller, subject: &SubjectName) -> SubjectRequestId {
    let asked = bed.vault.request_erasure(caller, subject, letter()).await;
    asked.unwrap().id
}

/// Time passes, and the server has looked at its key store since.
pub(crate) async fn later(bed: &Bed, by: Duration) {
    bed.clock.advance(by);
    let operator = bed.caller("operator").await;
    let unknown = SubjectRequestId::from_bytes([0xEE; 16]);
    let patience = Instant::now() + Duration::from_secs(60);
    while bed
        .vault
        .request(&operator, unknown)
        .await
        .unwrap_err()
        .code()
        != "not_found"
    {
        assert!(Instant::now() < patience, "the key store is never read");
        tokio::task::yield_now().await;
    }
}

async fn state(bed: &Bed, id: SubjectRequestId) -> SubjectRequestState {
    let row = bed.stores.keys.subject_request(id).await.unwrap();
    row.unwrap().progress.state
}

pub(crate) async fn is_known(stores: &MemoryStores, subject: &SubjectName) -> bool {
    let SubjectName::Oid(oid) = subject else {
        panic!("subjects here have an oid");
    };
    stores.keys.subjects_by_oid(&[*oid]).await.unwrap() != [None]
}

pub(crate) fn erased(count: u64) -> RequestRun {
    RequestRun {
        erased: count,
        ..RequestRun::default()
    }
}

#[tokio::test]
async fn an_erasure_waits_for_its_days_and_happens_once() {
    let bed = bed().await;
    let subject = bed.subject("ada@example.com").await;
    let (job, operator) = (bed.caller("job").await, bed.caller("operator").await);
    let origin = RequestOrigin::default();
    let asked = bed
        .vault
        .request_erasure(&job, &subject, origin)
        .await
        .unwrap();
    assert_eq!(asked.state, SubjectRequestState::Cooling);
    assert_eq!(asked.urgency, Some(Urgency::InTime));
    let cooling = SignedDuration::from_hours(7 * 24);
    assert_eq!(asked.next_at, Some(asked.asked_at + cooling));

    later(&bed, 7 * DAY - Duration::from_secs(60)).await;
    let run = bed.vault.run_requests(&operator).await.unwrap();
    assert_eq!(
        run,
        RequestRun::default(),
        "not even when somebody asks for it"
    );
    assert!(is_known(&bed.stores, &subject).await);

    later(&bed, Duration::from_secs(60)).await;
    // Tokens live for a month; the run is due for the server itself, too.
    let run = bed.vault.run_requests(&operator).await.unwrap();
    assert_eq!(run, erased(1));
    assert!(!is_known(&bed.stores, &subject).await);
    for _ in 0..2 {
        let again = bed.vault.run_requests(&operator).await.unwrap();
        assert_eq!(again, RequestRun::default());
    }
    assert_eq!(bed.count(EntryKind::ErasureIntended).await, 1);
    assert_eq!(bed.count(EntryKind::ErasureDone).await, 1);

    // That it was done stays, and whose it was does not.
    let shown = bed.vault.request(&operator, asked.id).await.unwrap();
    assert_eq!(shown.summary.state, SubjectRequestState::Done);
    assert_eq!((shown.summary.oid, shown.by), (None, None));
    let row = bed
        .stores
        .keys
        .subject_request(asked.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((row.subject, row.details.len()), (None, 0));
    let tenant = "acme".parse().unwrap();
    let keys = bed
        .stores
        .keys
        .keys_of_kind(&tenant, KeyKind::Request)
        .await;
    assert_eq!(keys, Ok(vec![]));
}

#[tokio::test]
async fn a_person_waits_for_one_erasure_and_is_told_until_when() {
    let bed = bed().await;
    let subject = bed.subject("ada@example.com").await;
    let operator = bed.caller("operator").await;
    let first = asked(&bed, &operator, &subject).await;
    let second = bed
        .vault
        .request_erasure(&operator, &subject, letter())
        .await;
    let Err(Error::Conflict(reason)) = second else {
        panic!("{second:?}");
    };
    assert_eq!(reason.code, "request_running");
    assert!(reason.text.contains(&first.to_string()), "{}", reason.text);
    // The bed's clock starts on 2025-11-20.
    assert!(reason.text.contains("from 2025-11-27T"), "{}", reason.text);
    assert!(
        reason.text.contains("by 2025-12-20 at the latest"),
        "{}",
        reason.text
    );
    bed.vault.cancel_request(&operator, first).await.unwrap();
    asked(&bed, &operator, &subject).await;
}

#[tokio::test]
async fn what_is_taken_back_never_happens() {
    let bed = bed().await;
    let subject = bed.subject("ada@example.com").await;
    let (job, operator) = (bed.caller("job").await, bed.caller("operator").await);
    let id = asked(&bed, &operator, &subject).await;
    let cancelled = bed.vault.cancel_request(&job, id).await.unwrap();
    assert_eq!(cancelled.state, SubjectRequestState::Cancelled);
    let again = bed.vault.cancel_request(&job, id).await.unwrap_err();
    assert_eq!(again.code(), "request_ended");
    later(&bed, 20 * DAY).await;
    let run = bed.vault.run_requests(&operator).await.unwrap();
    assert_eq!(run, RequestRun::default());
    assert!(is_known(&bed.stores, &subject).await);
    let unknown = SubjectRequestId::from_bytes([9; 16]);
    let unknown = bed.vault.cancel_request(&job, unknown).await.unwrap_err();
    assert_eq!(unknown.code(), "not_found");
}

#[tokio::test]
async fn people_of_the_staff_say_how_they_know_who_asks() {
    let bed = bed().await;
    let subject = bed.subject("ada@example.com").await;
    let operator = bed.caller("operator").await;
    let today = bed.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let refused = async |origin: RequestOrigin| {
        let refused = bed.vault.request_erasure(&operator, &subject, origin).await;
        refused.unwrap_err().code()
    };
    let unchecked = RequestOrigin {
        checked: Some(Zeroizing::new(" \n".into())),
        ..letter()
    };
    assert_eq!(refused(unchecked).await, "identity_unchecked");
    let of_no_channel = RequestOrigin {
        channel: None,
        ..letter()
    };
    assert_eq!(refused(of_no_channel).await, "identity_unchecked");
    let too_long = RequestOrigin {
        checked: Some(Zeroizing::new("x".repeat(2_001))),
        ..letter()
    };
    assert_eq!(refused(too_long).await, "identity_unchecked");
    for day in [today + 1.day(), today - 367.days()] {
        let received_on = Some(day);
        let origin = RequestOrigin {
            received_on,
            ..letter()
        };
        assert_eq!(refused(origin).await, "received_on");
    }

    // The law counts from the day on which the letter came; the days to take it back from today.
    let origin = RequestOrigin {
        received_on: Some(today - 25.days()),
        ..letter()
    };
    let asked = bed
        .vault
        .request_erasure(&operator, &subject, origin)
        .await
        .unwrap();
    assert_eq!(asked.urgency, Some(Urgency::Soon));
    assert_eq!(asked.due_on, today - 25.days() + 1.month());
    assert!(asked.next_at.unwrap() >= bed.clock.now() + SignedDuration::from_hours(7 * 24));
    let shown = bed.vault.request(&operator, asked.id).await.unwrap();
    assert_eq!(shown.by.unwrap().as_str(), "operator");
    assert_eq!(shown.channel, Some(RequestChannel::Letter));
    assert!(shown.checked.unwrap().contains("marker word"));
    assert!(!bed.log_text().await.contains("marker word"));
    let row = bed
        .stores
        .keys
        .subject_request(asked.id)
        .await
        .unwrap()
        .unwrap();
    assert!(!String::from_utf8_lossy(&row.details).contains("marker word"));
    let text = format!("{:?}", letter());
    assert!(!text.contains("marker word"));
}

#[tokio::test]
async fn requests_are_listed_by_whoever_may() {
    let bed = bed().await;
    let (job, operator) = (bed.caller("job").await, bed.caller("operator").await);
    let mut asked_for = Vec::new();
    for name in ["ada@example.com", "bob@example.com", "eve@example.com"] {
        let subject = bed.subject(name).await;
        later(&bed, Duration::from_secs(1)).await;
        asked_for.push((asked(&bed, &operator, &subject).await, subject));
    }
    bed.vault
        .cancel_request(&job, asked_for[1].0)
        .await
        .unwrap();
    let list = async |query: RequestQuery| {
        let list = bed.vault.requests(&operator, &query).await.unwrap();
        let ids = list.requests.iter().map(|request| request.id);
        (ids.collect::<Vec<_>>(), list.next)
    };
    let ids: Vec<_> = asked_for.iter().map(|(id, _)| *id).collect();
    assert_eq!(list(RequestQuery::default()).await, (ids.clone(), None));
    let running = RequestQuery {
        running: true,
        ..RequestQuery::default()
    };
    assert_eq!(list(running).await, (vec![ids[0], ids[2]], None));
    let of_one = RequestQuery {
        subject: Some(asked_for[2].1.clone()),
        ..RequestQuery::default()
    };
    assert_eq!(list(of_one).await, (vec![ids[2]], None));
    let page = |after| RequestQuery {
        after,
        count_max: 2,
        ..RequestQuery::default()
    };
    assert_eq!(list(page(None)).await, (ids[..2].to_vec(), Some(ids[1])));
    assert_eq!(list(page(Some(ids[1]))).await, (ids[2..].to_vec(), None));
    let first = bed
        .vault
        .requests(&operator, &RequestQuery::default())
        .await;
    let first = first.unwrap().requests.remove(0);
    let expected = first.oid.map(SubjectName::Oid);
    assert_eq!(expected.as_ref(), Some(&asked_for[0].1));

    // Whoever may not is refused, which is on record.
    let auditor = bed.caller("auditor").await;
    let before = bed.count(EntryKind::RequestDenied).await;
    let (id, subject) = &asked_for[0];
    let codes = [
        bed.vault
            .requests(&auditor, &RequestQuery::default())
            .await
            .unwrap_err()
            .code(),
        bed.vault.request(&auditor, *id).await.unwrap_err().code(),
        bed.vault
            .cancel_request(&auditor, *id)
            .await
            .unwrap_err()
            .code(),
        bed.vault
            .request_erasure(&auditor, subject, letter())
            .await
            .unwrap_err()
            .code(),
        bed.vault.run_requests(&auditor).await.unwrap_err().code(),
    ];
    assert_eq!(codes, ["policy_denied"; 5]);
    assert_eq!(bed.count(EntryKind::RequestDenied).await, before + 5);
}

#[tokio::test]
async fn nobody_asks_for_somebody_who_is_not_there() {
    let bed = bed().await;
    let operator = bed.caller("operator").await;
    let subject = bed.subject("ada@example.com").await;
    let id = asked(&bed, &operator, &subject).await;
    // Closing at once is left to whom policy lets; what was asked for is done with it.
    bed.vault.close_subject(&operator, &subject).await.unwrap();
    assert_eq!(state(&bed, id).await, SubjectRequestState::Done);
    let late = bed.vault.cancel_request(&operator, id).await.unwrap_err();
    assert_eq!(late.code(), "request_ended");
    let nobody = SubjectName::Oid(Oid::from_bytes([9; 16]));
    for name in [&subject, &nobody] {
        let refused = bed.vault.request_erasure(&operator, name, letter()).await;
        assert_eq!(refused.unwrap_err().code(), "not_found");
    }
    later(&bed, 8 * DAY).await;
    let run = bed.vault.run_requests(&operator).await.unwrap();
    assert_eq!(run, RequestRun::default());
    assert_eq!(bed.count(EntryKind::ErasureDone).await, 1);
}

#[tokio::test]
async fn a_row_that_was_given_to_another_person_erases_nobody() {
    let (stores, clock) = (new_stores().await, hand_clock());
    let vault = Vault::start(parts(&stores, &clock, "test", root()))
        .await
        .unwrap();
    let bed = Bed {
        vault,
        clock,
        stores,
    };
    let operator = bed.caller("operator").await;
    let ada = bed.subject("ada@example.com").await;
    let bob = bed.subject("bob@example.com").await;
    let id = asked(&bed, &operator, &ada).await;
    // Whoever can write to the key store makes a row of the same request that says "bob".
    let keys = &bed.stores.keys;
    let mut row = keys.subject_request(id).await.unwrap().unwrap();
    let SubjectName::Oid(oid) = bob else { panic!() };
    let victim = keys
        .subjects_by_oid(&[oid])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    row.id = SubjectRequestId::from_bytes([5; 16]);
    row.subject = Some(victim.reference);
    let tenant = "acme".parse().unwrap();
    let mut key = keys
        .keys_of(&tenant, KeyKind::Request, *id.as_bytes())
        .await
        .unwrap()
        .remove(0);
    key.id = privet_seal::KeyId([6; 16]);
    key.owner = *row.id.as_bytes();
    keys.add_subject_request(row, Some(key)).await.unwrap();
    later(&bed, 8 * DAY).await;
    let run = bed.vault.run_requests(&operator).await.unwrap();
    assert_eq!((run.erased, run.failed), (1, 1));
    assert!(is_known(&bed.stores, &SubjectName::Oid(oid)).await);
    assert!(!is_known(&bed.stores, &ada).await);
}

/// What a server had begun when it was killed does not wait until its lease is over: it is due when it starts again. What another
/// server has begun is that one's.
#[tokio::test]
async fn what_a_server_had_begun_is_due_when_it_starts_again() {
    for (server, runs) in [(ORIGIN, 1), ("privet.example/test/2", 0)] {
        let (stores, clock) = (new_stores().await, hand_clock());
        let started = async || {
            let vault = Vault::start(parts(&stores, &clock, "test", root())).await;
            Bed {
                vault: vault.unwrap(),
                clock: clock.clone(),
                stores: stores.clone(),
            }
        };
        let bed = started().await;
        let operator = bed.caller("operator").await;
        let subject = bed.subject("ada@example.com").await;
        let id = asked(&bed, &operator, &subject).await;
        bed.vault.stop().await;
        drop(bed);
        clock.advance(8 * DAY);
        let book = RequestBook::new(stores.keys.clone(), RequestRules::default());
        let row = stores.keys.subject_request(id).await.unwrap().unwrap();
        let run = RequestRunId::from_bytes([7; 16]);
        let now = row.asked_at + SignedDuration::from_hours(8 * 24);
        let claimed = book.claim(&row, run, server, true, now).await;
        assert!(claimed.unwrap().is_some());

        let bed = started().await;
        let row = stores.keys.subject_request(id).await.unwrap().unwrap();
        assert_eq!(row.progress.lease.is_none(), runs == 1);
        let operator = bed.caller("operator").await;
        let run = bed.vault.run_requests(&operator).await.unwrap();
        assert_eq!(run, erased(runs));
    }
}

#[tokio::test]
async fn two_servers_carry_an_erasure_out_once() {
    let (stores, clock) = (new_stores().await, hand_clock());
    let one = Vault::start(parts(&stores, &clock, "test", root()))
        .await
        .unwrap();
    let other = parts_of_another(&stores, &clock, "privet.example/test/2");
    let other = Vault::start(other).await.unwrap();
    let mut beds = Vec::new();
    for vault in [one, other] {
        beds.push(Bed {
            vault,
            clock: clock.clone(),
            stores: stores.clone(),
        });
    }
    let operator = beds[0].caller("operator").await;
    let mut people = Vec::new();
    for n in 0..8 {
        let subject = beds[0].subject(&format!("person{n}@example.com")).await;
        asked(&beds[0], &operator, &subject).await;
        people.push(subject);
    }
    clock.advance(8 * DAY);
    let callers = [
        beds[0].caller("operator").await,
        beds[1].caller("operator").await,
    ];
    let (first, second) = tokio::join!(
        beds[0].vault.run_requests(&callers[0]),
        beds[1].vault.run_requests(&callers[1])
    );
    assert_eq!(first.unwrap().erased + second.unwrap().erased, 8);
    for subject in &people {
        assert!(!is_known(&stores, subject).await);
    }
    let mut intents = 0;
    for bed in &beds {
        intents += bed.count(EntryKind::ErasureIntended).await;
    }
    assert_eq!(intents, 8);
}

/// Whatever call of the key store fails, before or after its effect: trying again ends it, and the person is erased in the end.
#[tokio::test]
async fn a_key_store_that_fails_delays_an_erasure_and_does_not_lose_it() {
    let mut cut_short = 0;
    for (moment, nth) in [Moment::Before, Moment::After]
        .into_iter()
        .flat_map(|moment| (1..24).map(move |nth| (moment, nth)))
    {
        let faults = Faults::new();
        let (stores, clock) = (new_stores().await, hand_clock());
        let mut failing = parts(&stores, &clock, "test", root());
        failing.keys = Arc::new(FailNth::new(stores.keys.clone(), &faults));
        let vault = Vault::start(failing).await.unwrap();
        let bed = Bed {
            vault,
            clock,
            stores,
        };
        let operator = bed.caller("operator").await;
        let subject = bed.subject("ada@example.com").await;
        let gone = || StoreError::Unavailable("gone".into());
        // The call that fails may be one of the server's own, which follows the sequence meanwhile.
        faults.fail_nth(nth, moment, gone());
        let entered = bed
            .vault
            .request_erasure(&operator, &subject, letter())
            .await;
        let failed_at_first = entered.is_err();
        faults.clear();
        let filter = SubjectRequestFilter {
            count_max: 9,
            ..SubjectRequestFilter::default()
        };
        let rows = bed.stores.keys.subject_requests(&filter).await.unwrap();
        if rows.is_empty() {
            asked(&bed, &operator, &subject).await;
        }
        bed.clock.advance(8 * DAY);
        let operator = bed.caller("operator").await;
        faults.fail_nth(nth, moment, gone());
        let run = bed.vault.run_requests(&operator).await;
        faults.clear();
        let failed = run.as_ref().map_or(true, |run| run.failed > 0);
        cut_short += u32::from(failed_at_first) + u32::from(failed);
        // A lease may have been left behind: it ends by itself.
        let patience = Instant::now() + Duration::from_secs(60);
        let ended = async || {
            let rows = bed.stores.keys.subject_requests(&filter).await.unwrap();
            assert_eq!(rows.len(), 1, "{moment:?} {nth}");
            rows[0].progress.state == SubjectRequestState::Done
        };
        while !ended().await {
            assert!(Instant::now() < patience, "{moment:?} {nth}: {run:?}");
            bed.clock.advance(Duration::from_secs(600));
            let _ = bed.vault.run_requests(&operator).await;
        }
        assert!(!is_known(&bed.stores, &subject).await);
        let tenant = "acme".parse().unwrap();
        let keys = bed
            .stores
            .keys
            .keys_of_kind(&tenant, KeyKind::Request)
            .await;
        assert_eq!(keys, Ok(vec![]));
    }
    assert!(cut_short > 15, "{cut_short} of the calls failed");
}

#[tokio::test]
async fn a_key_store_from_before_does_not_erase_whoever_changed_their_mind() {
    let folder = tempfile::tempdir().unwrap();
    let clock = hand_clock();
    let start = async || {
        let SqliteStores { data, keys, log } = reopened(folder.path()).await;
        let stores = MemoryStores { data, keys, log };
        let parts = parts(&stores, &clock, "test", root());
        Bed {
            vault: Vault::start(parts).await.unwrap(),
            clock: clock.clone(),
            stores,
        }
    };
    let bed = start().await;
    let operator = bed.caller("operator").await;
    let subject = bed.subject("ada@example.com").await;
    let id = asked(&bed, &operator, &subject).await;
    bed.vault.stop().await;
    drop(bed);
    drop(reopened(folder.path()).await);
    let keys = folder.path().join("keys.sqlite");
    let backup = std::fs::read(&keys).unwrap();

    let bed = start().await;
    let operator = bed.caller("operator").await;
    bed.vault.cancel_request(&operator, id).await.unwrap();
    bed.vault.stop().await;
    drop(bed);
    drop(reopened(folder.path()).await);
    std::fs::write(&keys, backup).unwrap();
    let restored = reopened(folder.path()).await;
    let row = restored.keys.subject_request(id).await.unwrap().unwrap();
    assert_eq!(
        row.progress.state,
        SubjectRequestState::Cooling,
        "the backup is from before"
    );
    drop(restored);

    let bed = start().await;
    assert_eq!(state(&bed, id).await, SubjectRequestState::Cancelled);
    let operator = bed.caller("operator").await;
    later(&bed, 8 * DAY).await;
    let run = bed.vault.run_requests(&operator).await.unwrap();
    assert_eq!(run, RequestRun::default());
    assert!(is_known(&bed.stores, &subject).await);
}

/// Opens the stores as soon as their former holder has let go.
async fn reopened(folder: &std::path::Path) -> SqliteStores {
    loop {
        match SqliteStores::open(folder) {
            Ok(stores) => return stores,
            Err(StoreError::InUse) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Waits until so many findings are on record in all logs; which there are of each.
async fn findings(beds: &[&Bed], count: usize) -> [usize; 2] {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let mut text = String::new();
        for bed in beds {
            text.push_str(&bed.log_text().await);
        }
        let counts = ["request_late", "request_due_soon"].map(|name| text.matches(name).count());
        if counts.iter().sum::<usize>() >= count {
            return counts;
        }
        assert!(Instant::now() < patience, "nothing was pointed out");
        tokio::task::yield_now().await;
    }
}

/// It is said once, whichever server runs and however often it is started.
#[tokio::test]
async fn the_server_points_out_what_is_late() {
    let (stores, clock) = (new_stores().await, hand_clock());
    let start = async |origin: &str| {
        let parts = match origin {
            ORIGIN => parts(&stores, &clock, "test", root()),
            other => parts_of_another(&stores, &clock, other),
        };
        Bed {
            vault: Vault::start(parts).await.unwrap(),
            clock: clock.clone(),
            stores: stores.clone(),
        }
    };
    let today = clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let received = async |bed: &Bed, name: &str, days: i32| {
        let operator = bed.caller("operator").await;
        let subject = bed.subject(&format!("{name}@example.com")).await;
        let origin = RequestOrigin {
            received_on: Some(today - days.days()),
            ..letter()
        };
        let asked = bed.vault.request_erasure(&operator, &subject, origin);
        asked.await.unwrap();
    };
    let bed = start(ORIGIN).await;
    for (name, days) in [("ada", 40), ("bob", 25), ("eve", 1)] {
        received(&bed, name, days).await;
    }
    bed.vault.stop().await;
    drop(bed);
    // It looks when it starts, and each hour. What comes later is looked at behind what was there.
    let bed = start(ORIGIN).await;
    assert_eq!(findings(&[&bed], 2).await, [1, 1]);
    received(&bed, "cid", 25).await;
    bed.vault.stop().await;
    drop(bed);
    let bed = start(ORIGIN).await;
    assert_eq!(findings(&[&bed], 3).await, [1, 2]);
    received(&bed, "dan", 40).await;
    let other = start("privet.example/test/2").await;
    assert_eq!(findings(&[&bed, &other], 4).await, [2, 2]);
}
