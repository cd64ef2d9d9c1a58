//! Copies of what is held of people, from the first word to the last: asked for, made once, read, over.

use std::sync::Arc;
use std::time::Duration;

use privet_classify::DataMap;
use privet_seal::KeyKind;
use privet_store::{FailNth, Faults, Moment};
use privet_vault::audit::EntryKind;
use privet_vault::port::{
    FileName, FileStore as _, StoreError, SubjectRequestFilter, TelemetryEvents,
};
use privet_vault::subject_request::{FileRange, RequestOrigin, RequestRun, SubjectRequestState};
use privet_vault::*;
use serde_json::json;

use crate::bed::{Bed, MAP, bed, hand_clock, parts, parts_of_another, root};
use crate::copies::{CONTROLLER, Copy, Places, copy, part};
use crate::engine::new_stores;
use crate::requesting::{later, letter};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A vault that makes copies.
pub(crate) async fn making(telemetry: Option<Arc<dyn TelemetryEvents>>) -> (Bed, Places) {
    let (stores, clock) = (new_stores().await, hand_clock());
    let mut parts = parts(&stores, &clock, "test", root());
    parts.map = DataMap::parse(&format!("{CONTROLLER}{MAP}")).unwrap();
    let vault = Vault::start(parts).await.unwrap();
    let places = Places::new();
    vault.make_copies(places.parts(telemetry));
    let bed = Bed {
        vault,
        clock,
        stores,
    };
    (bed, places)
}

pub(crate) async fn ask(bed: &Bed, subject: &SubjectName) -> SubjectRequestId {
    let job = bed.caller("job").await;
    let origin = RequestOrigin::default();
    let asked = bed.vault.request_access(&job, subject, origin).await;
    asked.unwrap().id
}

pub(crate) async fn run(bed: &Bed) -> RequestRun {
    let operator = bed.caller("operator").await;
    bed.vault.run_requests(&operator).await.unwrap()
}

pub(crate) async fn read(bed: &Bed, request: SubjectRequestId) -> Copy {
    let job = bed.caller("job").await;
    copy(&bed.vault, &job, request).await
}

async fn refused(bed: &Bed, request: SubjectRequestId) -> &'static str {
    let job = bed.caller("job").await;
    let read = bed.vault.request_file(&job, request, FileRange::Whole);
    read.await.unwrap_err().code()
}

pub(crate) async fn state(bed: &Bed, id: SubjectRequestId) -> SubjectRequestState {
    let row = bed.stores.keys.subject_request(id).await.unwrap();
    row.unwrap().progress.state
}

async fn keys_left(bed: &Bed) -> usize {
    let tenant = "acme".parse().unwrap();
    let keys = bed.stores.keys.keys_of_kind(&tenant, KeyKind::Request);
    keys.await.unwrap().len()
}

pub(crate) async fn files_left(places: &Places) -> usize {
    places.files.list().await.unwrap().len()
}

pub(crate) fn collected(count: u64) -> RequestRun {
    RequestRun {
        collected: count,
        ..RequestRun::default()
    }
}

#[tokio::test]
async fn what_was_done_behind_an_impatient_callers_back_is_counted_in_the_next_answer() {
    let (bed, _places) = making(None).await;
    let subject = bed.subject("ada@example.com").await;
    let id = ask(&bed, &subject).await;
    let operator = bed.caller("operator").await;
    let within = |patience| bed.vault.run_requests_within(&operator, patience);
    // It has begun by then, and nobody waits for it.
    assert_eq!(within(Duration::ZERO).await.unwrap(), None);
    while state(&bed, id).await != SubjectRequestState::Ready {
        tokio::task::yield_now().await;
    }
    let patient = Duration::from_secs(600);
    assert_eq!(within(patient).await.unwrap(), Some(collected(1)));
    assert_eq!(within(patient).await.unwrap(), Some(RequestRun::default()));
}

#[tokio::test]
async fn a_copy_is_made_once_read_in_parts_and_over_after_its_days() {
    let (bed, places) = making(None).await;
    let subject = bed.subject("ada@example.com").await;
    let id = ask(&bed, &subject).await;
    assert_eq!(state(&bed, id).await, SubjectRequestState::Waiting);
    assert_eq!(refused(&bed, id).await, "no_file");
    assert_eq!(run(&bed).await, collected(1));
    assert_eq!(run(&bed).await, RequestRun::default());
    assert_eq!(state(&bed, id).await, SubjectRequestState::Ready);
    assert_eq!((files_left(&places).await, places.spools_left()), (1, 0));

    let whole = read(&bed, id).await;
    let account = whole.rows("account");
    assert_eq!(account[0]["email"], "ada@example.com");
    assert_eq!(account[0]["phone"], "+1 202 555 0143");
    assert!(!places.hold("ada@example.com"), "files are sealed");

    let job = bed.caller("job").await;
    let size = whole.bytes.len() as u64;
    for (range, from, to) in [
        (FileRange::From(0, Some(0)), 0, 1),
        (FileRange::From(7, Some(100)), 7, 101),
        (FileRange::From(size - 3, None), size - 3, size),
        (FileRange::Last(5), size - 5, size),
        (FileRange::From(0, Some(u64::MAX)), 0, size),
    ] {
        let part = part(&bed.vault, &job, id, range).await.unwrap();
        let wanted = &whole.bytes[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()];
        assert!(part == wanted, "{range:?}");
    }
    let beyond = part(&bed.vault, &job, id, FileRange::From(size, None)).await;
    assert_eq!(beyond.unwrap_err().code(), "range");
    assert_eq!(bed.count(EntryKind::RequestFileRead).await, 6);
    assert_eq!(bed.count(EntryKind::RequestCollecting).await, 1);

    later(&bed, 30 * DAY - Duration::from_secs(60)).await;
    assert_eq!(run(&bed).await, RequestRun::default());
    read(&bed, id).await;
    later(&bed, Duration::from_secs(60)).await;
    // Its time is over, whether or not somebody has cleared away yet.
    assert_eq!(refused(&bed, id).await, "no_file");
    let over = RequestRun {
        expired: 1,
        ..RequestRun::default()
    };
    assert_eq!(run(&bed).await, over);
    assert_eq!(state(&bed, id).await, SubjectRequestState::Expired);
    assert_eq!((files_left(&places).await, keys_left(&bed).await), (0, 0));
    assert_eq!(refused(&bed, id).await, "no_file");
}

#[tokio::test]
async fn one_copy_at_a_time_and_only_for_whom_policy_lets() {
    let (bed, _places) = making(None).await;
    let subject = bed.subject("ada@example.com").await;
    let operator = bed.caller("operator").await;
    let asked = bed
        .vault
        .request_access(&operator, &subject, letter())
        .await;
    let id = asked.unwrap().id;
    let again = bed
        .vault
        .request_access(&operator, &subject, letter())
        .await;
    let again = again.unwrap_err();
    assert_eq!(again.code(), "request_running");
    assert!(again.to_string().contains(&id.to_string()), "{again}");
    assert_eq!(run(&bed).await, collected(1));
    // The file is for the person; who handles requests hands it to nobody.
    for name in ["operator", "on_call", "auditor", "analyst"] {
        let caller = bed.caller(name).await;
        let read = bed.vault.request_file(&caller, id, FileRange::Whole).await;
        assert_eq!(read.unwrap_err().code(), "policy_denied", "{name}");
    }
    for name in ["on_call", "auditor", "analyst"] {
        let caller = bed.caller(name).await;
        let asked = bed.vault.request_access(&caller, &subject, letter()).await;
        assert_eq!(asked.unwrap_err().code(), "policy_denied", "{name}");
    }
    let unknown = SubjectRequestId::from_bytes([1; 16]);
    assert_eq!(refused(&bed, unknown).await, "not_found");
    // Once the file is there, the next may be asked for.
    ask(&bed, &subject).await;
}

#[tokio::test]
async fn without_a_controller_or_a_place_nobody_asks_for_a_copy() {
    let bed = bed().await;
    let subject = bed.subject("ada@example.com").await;
    let job = bed.caller("job").await;
    let ask = || {
        let origin = RequestOrigin::default();
        bed.vault.request_access(&job, &subject, origin)
    };
    let off = ask().await.unwrap_err();
    assert_eq!(off.code(), "copies_off");
    bed.vault.make_copies(Places::new().parts(None));
    let off = ask().await.unwrap_err();
    assert_eq!(off.code(), "copies_off");
    assert!(off.to_string().contains("[controller]"), "{off}");
}

#[tokio::test]
async fn a_copy_ends_with_its_person() {
    let (bed, places) = making(None).await;
    let (subject, other) = (
        bed.subject("ada@example.com").await,
        bed.subject("bob@example.com").await,
    );
    let (id, others) = (ask(&bed, &subject).await, ask(&bed, &other).await);
    assert_eq!(run(&bed).await, collected(2));
    let job = bed.caller("job").await;
    let reading = bed.vault.request_file(&job, id, FileRange::Whole).await;
    let mut reading = reading.unwrap();
    let waiting = ask(&bed, &subject).await;

    bed.vault.close_subject(&job, &subject).await.unwrap();
    for id in [id, waiting] {
        let row = bed.stores.keys.subject_request(id).await.unwrap();
        assert_eq!(row, None);
        assert_eq!(refused(&bed, id).await, "not_found");
    }
    // Who was reading reads no further.
    assert_eq!(reading.next().await.unwrap_err().code(), "no_file");
    assert_eq!(run(&bed).await, RequestRun::default());
    assert_eq!((files_left(&places).await, keys_left(&bed).await), (1, 1));
    read(&bed, others).await;
}

#[tokio::test]
async fn a_copy_that_is_taken_back_is_gone() {
    let (bed, places) = making(None).await;
    let subject = bed.subject("ada@example.com").await;
    let operator = bed.caller("operator").await;
    for collect in [false, true] {
        let id = ask(&bed, &subject).await;
        if collect {
            assert_eq!(run(&bed).await, collected(1));
        }
        bed.vault.cancel_request(&operator, id).await.unwrap();
        assert_eq!(state(&bed, id).await, SubjectRequestState::Cancelled);
        assert_eq!((files_left(&places).await, keys_left(&bed).await), (0, 0));
        assert_eq!(refused(&bed, id).await, "no_file");
    }
    assert_eq!(run(&bed).await, RequestRun::default());
}

#[tokio::test]
async fn two_servers_make_each_copy_once() {
    let (stores, clock) = (new_stores().await, hand_clock());
    let places = Places::new();
    let mut beds = Vec::new();
    for origin in ["privet.example/test/1", "privet.example/test/2"] {
        let mut parts = parts_of_another(&stores, &clock, origin);
        parts.map = DataMap::parse(&format!("{CONTROLLER}{MAP}")).unwrap();
        let vault = Vault::start(parts).await.unwrap();
        vault.make_copies(places.parts(None));
        beds.push(Bed {
            vault,
            clock: clock.clone(),
            stores: stores.clone(),
        });
    }
    let mut ids = Vec::new();
    for n in 0..8 {
        let subject = beds[0].subject(&format!("person{n}@example.com")).await;
        ids.push(ask(&beds[0], &subject).await);
    }
    let (first, second) = tokio::join!(run(&beds[0]), run(&beds[1]));
    assert_eq!(
        first.collected + second.collected,
        8,
        "{first:?} {second:?}"
    );
    assert_eq!((first.failed, second.failed), (0, 0));
    assert_eq!((files_left(&places).await, places.spools_left()), (8, 0));
    for (n, id) in ids.into_iter().enumerate() {
        let email = json!(format!("person{n}@example.com"));
        for bed in &beds {
            assert_eq!(read(bed, id).await.rows("account")[0]["email"], email);
        }
    }
}

#[tokio::test]
async fn the_same_request_twice_is_the_same_file() {
    let (bed, places) = making(None).await;
    let subject = bed.subject("ada@example.com").await;
    let id = ask(&bed, &subject).await;
    assert_eq!(run(&bed).await, collected(1));
    let first = places.files.list().await.unwrap()[0];
    let whole = read(&bed, id).await.bytes;
    assert!(whole == again(&bed, &places, id, first).await);
}

/// Makes the file of a request once more, from the same rows.
async fn again(bed: &Bed, places: &Places, id: SubjectRequestId, first: FileName) -> Vec<u8> {
    // The row goes back to what it was while the file was being made, as a key store does that is restored.
    let row = bed.stores.keys.subject_request(id).await.unwrap().unwrap();
    let mut progress = row.progress.clone();
    progress.state = SubjectRequestState::Collecting;
    progress.file = None;
    let stepped = bed
        .stores
        .keys
        .advance_subject_request(id, row.version, progress, false);
    assert!(stepped.await.unwrap());
    bed.clock.advance(Duration::from_secs(5));
    assert_eq!(run(bed).await, collected(1));
    let files = places.files.list().await.unwrap();
    let [second] = files.as_slice() else {
        panic!("one file is left, the second");
    };
    assert_ne!(*second, first);
    read(bed, id).await.bytes
}

/// Whatever call of files or spools fails: trying again ends it, with one file and nothing left over.
#[tokio::test]
async fn places_that_fail_delay_a_copy_and_do_not_double_it() {
    let mut cut_short = 0;
    for number in 1..200 {
        let (bed, places) = making(None).await;
        let (subject, other) = (
            bed.subject("ada@example.com").await,
            bed.subject("bob@example.com").await,
        );
        let ids = [ask(&bed, &subject).await, ask(&bed, &other).await];
        places.faults.fail(number);
        let first = run(&bed).await;
        let happened = places.faults.end();
        cut_short += u32::from(first.failed > 0);
        let second = run(&bed).await;
        assert_eq!(first.collected + second.collected, 2, "{number}");
        assert_eq!(second.failed, 0, "{number}");
        run(&bed).await;
        assert_eq!(files_left(&places).await, 2, "{number}");
        for (id, email) in ids.iter().zip(["ada@example.com", "bob@example.com"]) {
            let copy = read(&bed, *id).await;
            assert_eq!(copy.rows("account")[0]["email"], email, "{number}");
        }
        if !happened {
            assert!(cut_short > 5, "few calls were cut short: {cut_short}");
            return;
        }
    }
    panic!("a run makes more calls than this test lets it");
}

/// Whatever call of the key store fails, before or after its effect: the copy is made in the end, once.
#[tokio::test]
async fn a_key_store_that_fails_delays_a_copy_and_does_not_double_it() {
    for (moment, nth) in [Moment::Before, Moment::After]
        .into_iter()
        .flat_map(|moment| (1..26).map(move |nth| (moment, nth)))
    {
        let faults = Faults::new();
        let (stores, clock) = (new_stores().await, hand_clock());
        let mut failing = parts(&stores, &clock, "test", root());
        failing.map = DataMap::parse(&format!("{CONTROLLER}{MAP}")).unwrap();
        failing.keys = Arc::new(FailNth::new(stores.keys.clone(), &faults));
        let vault = Vault::start(failing).await.unwrap();
        let places = Places::new();
        vault.make_copies(places.parts(None));
        let bed = Bed {
            vault,
            clock,
            stores,
        };
        let subject = bed.subject("ada@example.com").await;
        let id = ask(&bed, &subject).await;
        let operator = bed.caller("operator").await;
        faults.fail_nth(nth, moment, StoreError::Unavailable("gone".into()));
        let _ = bed.vault.run_requests(&operator).await;
        faults.clear();
        // A lease may have been left behind: it ends by itself.
        for _ in 0..4 {
            if state(&bed, id).await == SubjectRequestState::Ready {
                break;
            }
            later(&bed, Duration::from_secs(360)).await;
            run(&bed).await;
        }
        // And the next one sweeps up what was left.
        run(&bed).await;
        assert_eq!(state(&bed, id).await, SubjectRequestState::Ready, "{nth}");
        assert_eq!(files_left(&places).await, 1, "{moment:?} {nth}");
        let copy = read(&bed, id).await;
        assert_eq!(copy.rows("account")[0]["email"], "ada@example.com");
        let filter = SubjectRequestFilter {
            count_max: 9,
            ..SubjectRequestFilter::default()
        };
        let rows = bed.stores.keys.subject_requests(&filter).await.unwrap();
        assert_eq!(rows.len(), 1);
    }
}
