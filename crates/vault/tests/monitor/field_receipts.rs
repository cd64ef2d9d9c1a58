//! Receipts of erasing single fields: one for each, whatever happens on the way, always the same, and never of more than happened.

use std::sync::Arc;
use std::time::Duration;

use privet_store::{FailNth, Faults, Moment};
use privet_vault::audit::{Entry, EntryKind};
use privet_vault::port::StoreError;
use privet_vault::receipt::{DestroyedKeys, ErasureContent, TelemetryEnd};
use privet_vault::subject_request::{RequestQuery, SubjectRequestState};
use privet_vault::{Caller, Error, FieldsErased, SubjectName};

use crate::bed::{Bed, hand_clock};
use crate::engine::new_stores;
use crate::receipting::{
    bed, fetched, leads_to_nobody, parts_of, read, requests, start, start_with,
};

const HOUR: Duration = Duration::from_secs(3_600);

async fn erase(
    bed: &Bed,
    by: &Caller,
    subject: &SubjectName,
    fields: &[&str],
) -> Result<FieldsErased, Error> {
    let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    let checked = Some("knew the marker");
    bed.vault.erase_fields(by, subject, &fields, checked).await
}

/// What the log says of an erasure of fields where its receipt says that it does.
async fn entry_of(bed: &Bed, content: &ErasureContent) -> Entry {
    let log = bed.vault.audit().verifier_key().clone();
    content.log.check(&[log]).unwrap();
    let entry = bed.vault.audit().entry(content.log.index).await.unwrap();
    let entry = Entry::parse(&entry).unwrap();
    assert_eq!(entry.kind(), Some(EntryKind::ErasureFieldsDone));
    assert_eq!(entry.facts["request"], content.request.to_string());
    assert_eq!(entry.ts, content.destroyed.at);
    entry
}

#[tokio::test]
async fn whoever_had_a_field_erased_has_a_receipt() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let operator = bed.caller("operator").await;
    let erased = erase(&bed, &operator, &ada, &["phone", "email"]).await;
    let erased = erased.unwrap();
    let receipt = erased.receipt.unwrap();
    leads_to_nobody(&receipt, &ada);
    let content = read(&receipt);
    assert_eq!(content.request, erased.request);
    let fields: Vec<&str> = content.fields.iter().map(|one| &*one.field).collect();
    assert_eq!(fields, ["email", "phone"]);
    // The shop does not know them: what it may have is not ours to erase.
    let untouched = &content.fields[0].elsewhere[..];
    assert_eq!(untouched.len(), 1);
    assert_eq!(
        (&*untouched[0].source, &*untouched[0].column),
        ("shop", "email")
    );
    let keys = DestroyedKeys {
        account: 1,
        ..DestroyedKeys::default()
    };
    assert_eq!(content.destroyed.keys, keys);
    assert_eq!((content.destroyed.values, content.destroyed.links), (2, 0));
    assert_eq!(content.telemetry, TelemetryEnd::Stays);
    assert!(content.outstanding.is_empty() && content.later.is_empty());
    // The bed's clock starts on 2025-11-20.
    assert_eq!(content.backups.until.to_string(), "2025-12-04");
    assert_eq!(content.log.index, erased.entry);
    entry_of(&bed, &content).await;

    // It is one of the requests, of nobody, and cannot be taken back.
    let query = RequestQuery::default();
    let list = bed.vault.requests(&operator, &query).await.unwrap();
    let [listed] = &list.requests[..] else {
        panic!("{list:?}")
    };
    assert_eq!((listed.id, listed.oid), (erased.request, None));
    assert_eq!(listed.state, SubjectRequestState::Done);
    assert_eq!(listed.fields, ["email", "phone"]);
    let late = bed.vault.cancel_request(&operator, listed.id).await;
    assert_eq!(late.unwrap_err().code(), "request_ended");

    // The same at any time, on a server that was started again, and when they have left.
    let by_id = bed.vault.erasure_receipt_by_id(erased.request).await;
    assert_eq!(by_id.unwrap(), receipt);
    let again = bed.vault.erasure_receipt(&operator, erased.request).await;
    assert_eq!(again.unwrap(), receipt);
    let more = erase(&bed, &operator, &ada, &["phone"]).await.unwrap();
    assert_ne!(more.request, erased.request);
    assert_eq!(read(&more.receipt.unwrap()).destroyed.values, 0);
    bed.vault.close_subject(&operator, &ada).await.unwrap();
    bed.vault.stop().await;
    let bed = start(&bed.stores, &bed.clock, None).await;
    let left = bed.vault.erasure_receipt_by_id(erased.request).await;
    assert_eq!(left.unwrap(), receipt);
}

/// Erases a field with a key store that fails at a call, and takes it up on another server; whether it was cut short.
async fn cut_short(dies: bool, nth: u64) -> bool {
    let case = format!("{dies} {nth}");
    let faults = Faults::new();
    let (stores, clock) = (new_stores().await, hand_clock());
    let bed = start(&stores, &clock, Some(&faults)).await;
    let ada = bed.subject("ada@example.com").await;
    let operator = bed.caller("operator").await;
    let error = StoreError::Unavailable("crash".into());
    match dies {
        true => faults.die_at(nth, error),
        false => faults.fail_nth(nth, Moment::After, error),
    }
    let erased = erase(&bed, &operator, &ada, &["phone"]).await;
    faults.clear();
    let told = erased.as_ref().ok().and_then(|one| one.receipt.clone());
    let begun = !stores.keys.field_erasures().await.unwrap().is_empty();
    drop(bed);
    let bed = start(&stores, &clock, None).await;
    for _ in 0..40 {
        let open = requests(&bed).await;
        if open.iter().all(|(_, state)| state.has_ended()) {
            break;
        }
        bed.clock.advance(HOUR);
        run_when_read(&bed).await;
    }
    let open = requests(&bed).await;
    assert!(open.len() <= 1, "{case}: {open:?}");
    let Some((id, state)) = open.first() else {
        assert!(erased.is_err() && !begun, "{case}: it was begun");
        return false;
    };
    assert_eq!(*state, SubjectRequestState::Done, "{case}");
    let receipt = fetched(&bed, *id).await;
    assert!(told.is_none_or(|told| told == receipt), "{case}");
    let content = read(&receipt);
    assert_eq!(content.fields[0].field, "phone", "{case}");
    let destroyed = &content.destroyed;
    let counts = (destroyed.keys.account, destroyed.values);
    assert_eq!(counts, (1, 1), "{case}");
    let entry = entry_of(&bed, &content).await;
    assert!(["all", "account"].contains(&entry.facts["side"].as_str().unwrap()));
    erased.is_err()
}

/// The server has to look at its key store first, after the hand moved the clock.
async fn run_when_read(bed: &Bed) {
    let operator = bed.caller("operator").await;
    let running = async {
        while bed.vault.run_requests(&operator).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, running).await.unwrap();
}

#[tokio::test]
async fn an_erasure_of_fields_that_is_cut_short_ends_with_one_receipt() {
    let mut count = 0;
    for dies in [false, true] {
        for nth in 1..28 {
            count += u32::from(cut_short(dies, nth).await);
        }
    }
    assert!(count >= 12, "{count} were cut short");
}

/// What the data store does not answer for is not said to be gone.
#[tokio::test]
async fn there_is_no_receipt_of_what_is_still_there() {
    let faults = Faults::new();
    let (stores, clock) = (new_stores().await, hand_clock());
    let mut parts = parts_of(&stores, &clock);
    parts.data = Arc::new(FailNth::new(stores.data.clone(), &faults));
    let bed = start_with(parts, &stores, &clock).await;
    let ada = bed.subject("ada@example.com").await;
    let operator = bed.caller("operator").await;
    // From the third call on: after it was entered, and before a value is gone.
    faults.die_at(3, StoreError::Unavailable("crash".into()));
    erase(&bed, &operator, &ada, &["phone"]).await.unwrap_err();
    let open = requests(&bed).await;
    let [(id, SubjectRequestState::Confirming)] = open[..] else {
        panic!("{open:?}")
    };
    bed.clock.advance(HOUR);
    run_when_read(&bed).await;
    let none = loop {
        let none = bed.vault.erasure_receipt_by_id(id).await.unwrap_err();
        if none.code() != "key_store_unread" {
            break none;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(none.code(), "no_receipt");
    let row = stores.keys.subject_request(id).await.unwrap().unwrap();
    assert_eq!(row.progress.failure.as_deref(), Some("fields_outstanding"));
    let late = bed.vault.cancel_request(&operator, id).await.unwrap_err();
    assert_eq!(late.code(), "request_too_late");
    drop(bed);
    let bed = start(&stores, &clock, None).await;
    run_when_read(&bed).await;
    assert_eq!(read(&fetched(&bed, id).await).destroyed.values, 1);
}
