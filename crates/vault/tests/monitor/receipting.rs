//! Receipts of erasure: one for each, whatever happens on the way, always the same, for whoever knows the request and about nobody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use privet_classify::DataMap;
use privet_store::{FailNth, Faults, MemoryStores, Moment};
use privet_vault::audit::EntryKind;
use privet_vault::port::{StoreError, SubjectRequestFilter};
use privet_vault::receipt::{
    DestroyedKeys, ErasureContent, KeyBackups, Receipt, ReceiptKey, TelemetryEnd, verify_erasure,
};
use privet_vault::subject_request::{RequestOrigin, SubjectRequestState};
use privet_vault::{Parts, SubjectName, SubjectRequestId, Vault};

use crate::bed::{Bed, HandClock, MAP, hand_clock, parts, root};
use crate::consenting::{change, say};
use crate::engine::new_stores;
use crate::requesting::{later, letter};

const DAY: Duration = Duration::from_secs(24 * 3_600);
const MORE: &str = "[consent]\nkeep = { for = \"90d\", why = \"claims\" }\n\
    [controller]\nname = \"Shop Ltd\"\ncontact = \"privacy@shop.example\"\n";

fn signer() -> ReceiptKey {
    ReceiptKey::from_seed(&[9; 32]).unwrap()
}

/// A server's parts whose data map has a controller.
pub(crate) fn parts_of(stores: &MemoryStores, clock: &Arc<HandClock>) -> Parts {
    let mut parts = parts(stores, clock, "test", root());
    parts.map = DataMap::parse(&[MAP, MORE].concat()).unwrap();
    parts
}

pub(crate) async fn start(
    stores: &MemoryStores,
    clock: &Arc<HandClock>,
    faults: Option<&Arc<Faults>>,
) -> Bed {
    let mut parts = parts_of(stores, clock);
    if let Some(faults) = faults {
        parts.keys = Arc::new(FailNth::new(stores.keys.clone(), faults));
    }
    start_with(parts, stores, clock).await
}

pub(crate) async fn start_with(parts: Parts, stores: &MemoryStores, clock: &Arc<HandClock>) -> Bed {
    let vault = Vault::start(parts).await.unwrap();
    vault.sign_receipts(signer());
    Bed {
        vault,
        clock: clock.clone(),
        stores: stores.clone(),
    }
}

pub(crate) async fn bed() -> Bed {
    start(&new_stores().await, &hand_clock(), None).await
}

pub(crate) fn read(receipt: &Receipt) -> ErasureContent {
    verify_erasure(receipt.as_bytes(), &signer().public()).unwrap()
}

async fn asked(bed: &Bed, subject: &SubjectName) -> SubjectRequestId {
    let operator = bed.caller("operator").await;
    let asked = bed
        .vault
        .request_erasure(&operator, subject, letter())
        .await;
    asked.unwrap().id
}

pub(crate) async fn run(bed: &Bed) {
    let operator = bed.caller("operator").await;
    bed.vault.run_requests(&operator).await.unwrap();
}

/// Nothing in a receipt is somebody's.
pub(crate) fn leads_to_nobody(receipt: &Receipt, subject: &SubjectName) {
    let SubjectName::Oid(oid) = subject else {
        panic!("subjects here have an oid");
    };
    let text = std::str::from_utf8(receipt.as_bytes()).unwrap();
    for what in [&oid.to_string(), "ada@example.com", "0143"] {
        assert!(!text.contains(what), "{what}");
    }
}

#[tokio::test]
async fn whoever_is_erased_has_a_receipt() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let job = bed.caller("job").await;
    say(&bed.vault, &job, &ada, change(&["marketing"], &[])).await;
    let id = asked(&bed, &ada).await;
    let early = bed.vault.erasure_receipt_by_id(id).await.unwrap_err();
    assert_eq!(early.code(), "no_receipt");
    later(&bed, 7 * DAY).await;
    run(&bed).await;

    let receipt = bed.vault.erasure_receipt_by_id(id).await.unwrap();
    leads_to_nobody(&receipt, &ada);
    let content = read(&receipt);
    assert_eq!(content.request, id);
    assert_eq!(content.controller.unwrap().name, "Shop Ltd");
    let keys = DestroyedKeys {
        // Of the account, and of what was agreed to.
        account: 2,
        operational: 1,
        retention: 0,
        telemetry: 0,
        requests: 1,
    };
    assert_eq!(content.destroyed.keys, keys);
    assert_eq!((content.destroyed.links, content.destroyed.values), (1, 2));
    assert_eq!(content.telemetry, TelemetryEnd::None);
    // The bed's clock starts on 2025-11-20.
    assert_eq!(content.kept.len(), 1);
    assert_eq!(content.kept[0].what, "consent");
    assert_eq!(content.kept[0].why.as_deref(), Some("claims"));
    assert_eq!(content.kept[0].until.to_string(), "2026-02-25");
    assert_eq!(content.backups.until.to_string(), "2025-12-11");
    assert_eq!(content.backups.hold_keys, KeyBackups::OfKeysAndData);
    let log = bed.vault.audit().verifier_key().clone();
    let checkpoint = content.log.check(&[log]).unwrap();
    assert!(checkpoint.size > content.log.index);
    let entry = bed.vault.audit().entry(content.log.index).await.unwrap();
    let entry = privet_vault::audit::Entry::parse(&entry).unwrap();
    assert_eq!(entry.kind(), Some(EntryKind::ErasureDone));
    assert_eq!(entry.ts, content.destroyed.at);

    // The same for whoever may, at any time, on a server that was started again.
    let operator = bed.caller("operator").await;
    let again = bed.vault.erasure_receipt(&operator, id).await.unwrap();
    assert_eq!(again, receipt);
    let auditor = bed.caller("auditor").await;
    let refused = bed.vault.erasure_receipt(&auditor, id).await.unwrap_err();
    assert_eq!(refused.code(), "policy_denied");
    let unknown = SubjectRequestId::from_bytes([9; 16]);
    let unknown = bed.vault.erasure_receipt_by_id(unknown).await.unwrap_err();
    assert_eq!(unknown.code(), "not_found");
    bed.vault.stop().await;
    let bed = start(&bed.stores, &bed.clock, None).await;
    assert_eq!(bed.vault.erasure_receipt_by_id(id).await.unwrap(), receipt);
}

#[tokio::test]
async fn a_closing_hands_its_receipt_out() {
    let bed = bed().await;
    let operator = bed.caller("operator").await;
    let ada = bed.subject("ada@example.com").await;
    let closed = bed.vault.close_subject(&operator, &ada).await.unwrap();
    assert!(closed.confirmed);
    let receipt = closed.receipt.unwrap();
    leads_to_nobody(&receipt, &ada);
    let content = read(&receipt);
    assert_eq!(
        (content.request, content.log.index),
        (closed.request, closed.entry)
    );
    let found = bed.vault.erasure_receipt_by_id(closed.request).await;
    assert_eq!(found.unwrap(), receipt);
    let shown = bed.vault.request(&operator, closed.request).await.unwrap();
    assert_eq!(shown.summary.state, SubjectRequestState::Done);

    // Of what somebody asked for before, that request is carried out.
    let eve = bed.subject("eve@example.com").await;
    let id = asked(&bed, &eve).await;
    let closed = bed.vault.close_subject(&operator, &eve).await.unwrap();
    assert_eq!(closed.request, id);
    assert_eq!(read(&closed.receipt.unwrap()).request, id);

    // What is taken back, and what is no erasure, has none.
    let bob = bed.subject("bob@example.com").await;
    let id = asked(&bed, &bob).await;
    bed.vault.cancel_request(&operator, id).await.unwrap();
    let none = bed.vault.erasure_receipt_by_id(id).await.unwrap_err();
    assert_eq!(none.code(), "no_receipt");
}

#[tokio::test]
async fn a_server_without_a_key_signs_later() {
    let (stores, clock) = (new_stores().await, hand_clock());
    let vault = Vault::start(parts(&stores, &clock, "test", root())).await;
    let bed = Bed {
        vault: vault.unwrap(),
        clock,
        stores,
    };
    let operator = bed.caller("operator").await;
    let ada = bed.subject("ada@example.com").await;
    let closed = bed.vault.close_subject(&operator, &ada).await.unwrap();
    assert_eq!(closed.receipt, None);
    let off = bed.vault.erasure_receipt_by_id(closed.request).await;
    assert_eq!(off.unwrap_err().code(), "receipts_off");
    bed.vault.stop().await;
    let bed = start(&bed.stores, &bed.clock, None).await;
    let receipt = bed.vault.erasure_receipt_by_id(closed.request).await;
    let content = read(&receipt.unwrap());
    assert_eq!(content.log.index, closed.entry);
    assert_eq!(content.controller.unwrap().name, "Shop Ltd");
}

/// Every request that there is, with its state.
pub(crate) async fn requests(bed: &Bed) -> Vec<(SubjectRequestId, SubjectRequestState)> {
    let filter = SubjectRequestFilter {
        count_max: 9,
        ..SubjectRequestFilter::default()
    };
    let rows = bed.stores.keys.subject_requests(&filter).await.unwrap();
    let states = rows.iter().map(|row| (row.id, row.progress.state));
    states.collect()
}

/// The receipt, once the server has looked at its key store after the hand moved the clock.
pub(crate) async fn fetched(bed: &Bed, id: SubjectRequestId) -> Receipt {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        match bed.vault.erasure_receipt_by_id(id).await {
            Err(error) if error.code() == "key_store_unread" => {
                assert!(Instant::now() < patience, "the key store is never read");
                tokio::task::yield_now().await;
            }
            fetched => return fetched.unwrap(),
        }
    }
}

/// Cuts it short at each call of the key store, before or after its effect, by a crash; answers how many were.
async fn crashes(is_asked: bool) -> u32 {
    let mut cut_short = 0;
    let moments = [Moment::Before, Moment::After].into_iter();
    for (moment, nth) in moments.flat_map(|moment| (1..30).map(move |nth| (moment, nth))) {
        let faults = Faults::new();
        let (stores, clock) = (new_stores().await, hand_clock());
        let bed = start(&stores, &clock, Some(&faults)).await;
        let ada = bed.subject("ada@example.com").await;
        if is_asked {
            asked(&bed, &ada).await;
            bed.clock.advance(8 * DAY);
        }
        let operator = bed.caller("operator").await;
        faults.fail_nth(nth, moment, StoreError::Unavailable("crash".into()));
        // Whatever it answers, nobody is told.
        let failed = match is_asked {
            true => {
                let run = bed.vault.run_requests(&operator).await;
                run.map_or(true, |run| run.failed > 0)
            }
            false => bed.vault.close_subject(&operator, &ada).await.is_err(),
        };
        cut_short += u32::from(failed);
        drop(bed);
        faults.clear();

        let bed = start(&stores, &clock, None).await;
        let SubjectName::Oid(oid) = &ada else {
            panic!()
        };
        let known = bed.stores.keys.subjects_by_oid(&[*oid]).await.unwrap() != [None];
        let intended = bed.count(EntryKind::ErasureIntended).await > 0;
        assert!(
            !intended || !known,
            "{moment:?} {nth}: an intent is finished"
        );
        for _ in 0..40 {
            let open = requests(&bed).await;
            if !open.is_empty() && open.iter().all(|(_, state)| state.has_ended()) {
                break;
            }
            bed.clock.advance(Duration::from_secs(3_600));
            run(&bed).await;
        }
        let open = requests(&bed).await;
        if open.is_empty() {
            assert!(known && !is_asked, "{moment:?} {nth}: nothing had begun");
            continue;
        }
        assert_eq!(open.len(), 1, "{moment:?} {nth}");
        let (id, state) = open[0];
        assert_eq!(state, SubjectRequestState::Done, "{moment:?} {nth}");
        let receipt = fetched(&bed, id).await;
        let content = read(&receipt);
        assert_eq!(
            (
                content.destroyed.keys.account,
                content.destroyed.keys.operational
            ),
            (1, 1),
            "{moment:?} {nth}: what was destroyed is known"
        );
        let log = bed.vault.audit().verifier_key().clone();
        content.log.check(&[log]).unwrap();
        run(&bed).await;
        assert_eq!(fetched(&bed, id).await, receipt);
    }
    cut_short
}

#[tokio::test]
async fn a_request_that_is_cut_short_ends_with_one_receipt() {
    let cut_short = crashes(true).await;
    assert!(cut_short > 12, "{cut_short} of the calls failed");
}

#[tokio::test]
async fn a_closing_that_is_cut_short_ends_with_one_receipt() {
    let cut_short = crashes(false).await;
    assert!(cut_short > 12, "{cut_short} of the calls failed");
}

#[tokio::test]
async fn an_application_gets_the_receipt_of_what_it_passed_on() {
    let bed = bed().await;
    let job = bed.caller("job").await;
    let ada = bed.subject("ada@example.com").await;
    let origin = RequestOrigin::default();
    let id = bed
        .vault
        .request_erasure(&job, &ada, origin)
        .await
        .unwrap()
        .id;
    later(&bed, 8 * DAY).await;
    run(&bed).await;
    let receipt = bed.vault.erasure_receipt_by_id(id).await.unwrap();
    assert_eq!(read(&receipt).destroyed.keys.operational, 1);
}
