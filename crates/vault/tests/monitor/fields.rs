//! Erasing single fields: no copy of what is erased opens again, what stays does, whatever happens in between.

use std::sync::Arc;

use privet_seal::KeyKind;
use privet_store::{FailNth, Faults, MemoryStores, Moment, SqliteStores};
use privet_vault::audit::EntryKind;
use privet_vault::port::{DataStore, IndexEntry, KeyStore, StoreError, ValueWrite};
use privet_vault::{Caller, Error, FieldsErased, Mode, Parts, Puid, SubjectName, Vault};

use crate::bed::{
    Bed, HandClock, bed, hand_clock, parts, parts_of_another, request, root, shown, values,
};
use crate::engine::new_stores;
use crate::erasing::reopened;
use crate::sessions::{LINK, REASON, connection, decrypt};

const OTHER: &str = "privet.example/test/2";
const FIELDS: [&str; 3] = ["email", "phone", "note"];
const VALUES: [&str; 3] = ["ada@example.com", "+1 202 555 0143", "likes cats"];

/// Somebody with a value of each field.
async fn ada(bed: &Bed) -> SubjectName {
    let subject = bed.subject(VALUES[0]).await;
    let job = bed.caller("job").await;
    let note = values(&[("note", VALUES[2])]);
    bed.vault.write_fields(&job, &subject, note).await.unwrap();
    subject
}

async fn erase(
    vault: &Vault,
    by: &Caller,
    subject: &SubjectName,
    fields: &[&str],
) -> Result<FieldsErased, Error> {
    let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    vault
        .erase_fields(by, subject, &fields, Some("knew the marker"))
        .await
}

/// What a job is shown of all fields.
async fn all(vault: &Vault, job: &Caller, subject: &SubjectName) -> Vec<String> {
    let wish = request(subject, &FIELDS, "service");
    let revealed = vault.reveal(job, &wish).await.unwrap();
    let row = revealed.subjects[0].as_ref().unwrap();
    row.iter().map(shown).collect()
}

async fn puid(stores: &MemoryStores, subject: &SubjectName) -> Puid {
    let SubjectName::Oid(oid) = subject else {
        panic!()
    };
    let rows = stores.keys.subjects_by_oid(&[*oid]).await.unwrap();
    rows[0].as_ref().unwrap().puid
}

/// A copy of somebody's sealed values.
async fn copied(stores: &MemoryStores, puid: Puid) -> Vec<ValueWrite> {
    let rows = stores.data.values(&[puid], &[1, 2, 3]).await.unwrap();
    let copies = (1..).zip(rows.into_iter().flatten());
    let copies = copies.filter_map(|(field, sealed)| {
        Some(ValueWrite {
            puid,
            field,
            sealed: Some(sealed?),
            index: Vec::<IndexEntry>::new(),
        })
    });
    copies.collect()
}

/// Nothing of a copy opens that was made before.
async fn opens_no_more(bed: &Bed, subject: &SubjectName, copy: Vec<ValueWrite>, what: &str) {
    let job = bed.caller("job").await;
    let count = copy.len();
    bed.stores.data.put_values(copy).await.unwrap();
    let shown = all(&bed.vault, &job, subject).await;
    let unreadable = shown.iter().filter(|value| *value == "(unreadable)");
    assert_eq!(unreadable.count(), count, "{what}: {shown:?}");
}

async fn is_settled(stores: &MemoryStores, subject: &SubjectName) -> bool {
    let SubjectName::Oid(oid) = subject else {
        panic!()
    };
    let rows = stores.keys.subjects_by_oid(&[*oid]).await.unwrap();
    let reference = rows[0].as_ref().unwrap().reference;
    let keys = stores.keys.keys_of_subjects(&[reference]).await.unwrap();
    let of_account = keys[0]
        .iter()
        .filter(|key| key.kind == KeyKind::SubjectAccount);
    of_account.count() == 1 && stores.keys.field_erasures().await.unwrap().is_empty()
}

/// A server's parts, whose key and data stores do as they are told.
fn told(mut parts: Parts, stores: &MemoryStores, faults: &Arc<Faults>) -> Parts {
    let keys: Arc<dyn KeyStore> = stores.keys.clone();
    let data: Arc<dyn DataStore> = stores.data.clone();
    parts.keys = Arc::new(FailNth::new(keys, faults));
    parts.data = Arc::new(FailNth::new(data, faults));
    parts
}

fn same(stores: &MemoryStores) -> MemoryStores {
    MemoryStores {
        data: stores.data.clone(),
        keys: stores.keys.clone(),
        log: stores.log.clone(),
    }
}

async fn start(parts: Parts, stores: &MemoryStores, clock: &Arc<HandClock>) -> Bed {
    Bed {
        vault: Vault::start(parts).await.unwrap(),
        clock: clock.clone(),
        stores: same(stores),
    }
}

#[tokio::test]
async fn an_erased_field_is_gone_and_what_stays_opens() {
    let bed = bed().await;
    let subject = ada(&bed).await;
    let (job, operator) = (bed.caller("job").await, bed.caller("operator").await);
    let puid = puid(&bed.stores, &subject).await;
    let copy = copied(&bed.stores, puid).await;

    // Named twice is named once.
    let erased = erase(&bed.vault, &operator, &subject, &["email", "email"]).await;
    let erased = erased.unwrap();
    assert_eq!(erased.fields, ["email"]);
    assert_eq!((erased.values_deleted, erased.values_resealed), (1, 2));
    assert!(erased.confirmed && erased.kept.is_empty());
    // The application's own copy is not ours to erase, and is named.
    let elsewhere = &erased.elsewhere[..];
    assert_eq!(elsewhere.len(), 1);
    assert_eq!(
        (elsewhere[0].source.as_str(), elsewhere[0].table.as_str()),
        ("shop", "customer")
    );
    assert_eq!(
        (elsewhere[0].column.as_str(), elsewhere[0].field.as_str()),
        ("email", "email")
    );

    let left = ["(missing)", VALUES[1], VALUES[2]];
    assert_eq!(all(&bed.vault, &job, &subject).await, left);
    assert!(is_settled(&bed.stores, &subject).await);
    let found = bed.vault.lookup(&job, "email", VALUES[0], "service").await;
    assert!(found.unwrap().subjects.is_empty());
    // The address is free, also for the person themself.
    let other = bed.subject(VALUES[0]).await;
    assert_eq!(all(&bed.vault, &job, &other).await[0], VALUES[0]);
    let again = values(&[("email", "countess@example.com")]);
    bed.vault.write_fields(&job, &subject, again).await.unwrap();
    let now = all(&bed.vault, &job, &subject).await;
    assert_eq!(now, ["countess@example.com", VALUES[1], VALUES[2]]);

    let kinds = bed.kinds().await;
    let places = [
        EntryKind::ErasureFieldsIntended,
        EntryKind::ErasureFieldsDone,
    ]
    .map(|kind| kinds.iter().position(|found| *found == kind).unwrap());
    assert!(places[0] < places[1] && places[1] as u64 == erased.entry);
    let log = bed.log_text().await;
    assert!(VALUES.iter().all(|value| !log.contains(value)));
    opens_no_more(&bed, &subject, copy, "a copy from before").await;
}

#[tokio::test]
async fn what_was_deleted_before_is_erased_from_copies_as_well() {
    let bed = bed().await;
    let subject = ada(&bed).await;
    let (job, operator) = (bed.caller("job").await, bed.caller("operator").await);
    let puid = puid(&bed.stores, &subject).await;
    let copy = copied(&bed.stores, puid).await;
    let none = [("note".to_owned(), None)].into_iter().collect();
    bed.vault.write_fields(&job, &subject, none).await.unwrap();
    let erased = erase(&bed.vault, &operator, &subject, &["note", "phone"]).await;
    let erased = erased.unwrap();
    assert_eq!(erased.fields, ["phone", "note"]);
    assert_eq!((erased.values_deleted, erased.values_resealed), (1, 1));
    opens_no_more(&bed, &subject, copy, "a copy from before").await;
}

#[tokio::test]
async fn who_may_not_erases_nothing() {
    let bed = bed().await;
    let subject = ada(&bed).await;
    let job = bed.caller("job").await;
    for who in ["on_call", "auditor", "analyst"] {
        let caller = bed.caller(who).await;
        let error = erase(&bed.vault, &caller, &subject, &["email"]).await;
        assert_eq!(error.unwrap_err().code(), "policy_denied", "{who}");
    }
    assert_eq!(bed.count(EntryKind::ErasureDenied).await, 3);
    let code = async |subject: &SubjectName, fields: &[&str]| {
        let refused = erase(&bed.vault, &job, subject, fields).await;
        refused.unwrap_err().code()
    };
    assert_eq!(code(&subject, &["shoe_size"]).await, "unknown_field");
    assert_eq!(code(&subject, &["email", ""]).await, "unknown_field");
    assert_eq!(code(&subject, &[]).await, "too_many");
    assert_eq!(code(&subject, &["email"; 65]).await, "too_many");
    let nobody = "customer:1".parse().unwrap();
    assert_eq!(code(&nobody, &["email"]).await, "not_found");
    assert_eq!(bed.count(EntryKind::ErasureFieldsIntended).await, 0);
    assert_eq!(all(&bed.vault, &job, &subject).await, VALUES);
}

/// Wherever the process dies: before, everything opens; and the next start finishes what was begun.
#[tokio::test]
async fn an_erasure_that_is_cut_short_anywhere_loses_nothing_and_is_finished() {
    let mut cut_short = 0;
    for (dies, nth) in [false, true]
        .into_iter()
        .flat_map(|dies| (1..24).map(move |nth| (dies, nth)))
    {
        let faults = Faults::new();
        let (stores, clock) = (new_stores().await, hand_clock());
        let failing = told(parts(&stores, &clock, "test", root()), &stores, &faults);
        let bed = start(failing, &stores, &clock).await;
        let subject = ada(&bed).await;
        let operator = bed.caller("operator").await;
        let puid = puid(&bed.stores, &subject).await;
        let copy = copied(&bed.stores, puid).await;
        let error = StoreError::Unavailable("crash".into());
        match dies {
            true => faults.die_at(nth, error),
            false => faults.fail_nth(nth, Moment::After, error),
        }
        let erased = erase(&bed.vault, &operator, &subject, &["phone"]).await;
        faults.clear();
        let begun = !bed.stores.keys.field_erasures().await.unwrap().is_empty();
        let intended = bed.count(EntryKind::ErasureFieldsIntended).await > 0;
        drop(bed);
        if erased.is_ok() {
            continue;
        }
        let case = format!("{dies} {nth}");
        let bed = start(parts(&stores, &clock, "test", root()), &stores, &clock).await;
        let job = bed.caller("job").await;
        let shown = all(&bed.vault, &job, &subject).await;
        if !begun && !intended {
            assert_eq!(shown, VALUES, "{case}");
            continue;
        }
        cut_short += 1;
        assert_eq!(shown, [VALUES[0], "(missing)", VALUES[2]], "{case}");
        assert!(is_settled(&bed.stores, &subject).await, "{case}");
        opens_no_more(&bed, &subject, copy, &case).await;
    }
    assert!(cut_short >= 12, "{cut_short}");
}

#[tokio::test]
async fn an_erasure_that_failed_is_finished_without_a_restart() {
    let faults = Faults::new();
    let (stores, clock) = (new_stores().await, hand_clock());
    let mut failing = parts(&stores, &clock, "test", root());
    failing.data = Arc::new(FailNth::new(stores.data.clone(), &faults));
    let bed = start(failing, &stores, &clock).await;
    let subject = ada(&bed).await;
    let (job, operator) = (bed.caller("job").await, bed.caller("operator").await);
    faults.fail_nth(3, Moment::Before, StoreError::Full);
    let failed = erase(&bed.vault, &operator, &subject, &["phone"]).await;
    failed.unwrap_err();
    faults.clear();
    // Until then, both keys open.
    let shown = all(&bed.vault, &job, &subject).await;
    assert_eq!(
        (shown[0].as_str(), shown[2].as_str()),
        (VALUES[0], VALUES[2])
    );
    tokio::time::timeout(std::time::Duration::from_secs(60), async {
        while !is_settled(&bed.stores, &subject).await {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let shown = all(&bed.vault, &job, &subject).await;
    assert_eq!(shown, [VALUES[0], "(missing)", VALUES[2]]);
}

/// Two servers on the same stores; the first one's calls can be held.
async fn two() -> (Arc<Faults>, Bed, Bed) {
    let faults = Faults::new();
    let (stores, clock) = (new_stores().await, hand_clock());
    let held = told(parts(&stores, &clock, "test", root()), &stores, &faults);
    let one = start(held, &stores, &clock).await;
    let two = start(parts_of_another(&stores, &clock, OTHER), &stores, &clock).await;
    (faults, one, two)
}

/// Somebody writes a value on one server, is held at any of their calls, and fields are erased on another meanwhile.
#[tokio::test]
async fn what_is_written_meanwhile_stays() {
    for field in [0, 1] {
        for nth in 1..9 {
            let (faults, one, two) = two().await;
            let subject = ada(&one).await;
            let (job, operator) = (one.caller("job").await, two.caller("operator").await);
            let new = ["new@example.com", "+1 202 555 0199"][field];
            let gate = faults.hold_nth(nth);
            let vault = one.vault.clone();
            let (who, whom) = (job.clone(), subject.clone());
            let written = values(&[(FIELDS[field], new)]);
            let writing =
                tokio::spawn(async move { vault.write_fields(&who, &whom, written).await });
            gate.reached().await;
            erase(&two.vault, &operator, &subject, &["phone"])
                .await
                .unwrap();
            gate.open();
            writing.await.unwrap().unwrap();
            faults.clear();
            let reader = two.caller("job").await;
            let shown = all(&two.vault, &reader, &subject).await;
            let case = format!("{field} {nth}: {shown:?}");
            // The call that was held may have been one that the server makes by itself, and the value was there before.
            assert!(
                shown[field] == new || (field == 1 && shown[1] == "(missing)"),
                "{case}"
            );
            assert!(!shown.contains(&"(unreadable)".to_owned()), "{case}");
            assert_eq!(shown[2], VALUES[2], "{case}");
        }
    }
}

/// The other way round: whoever erases is held at any of their calls, and somebody writes meanwhile.
#[tokio::test]
async fn whoever_erases_is_held_up_by_nobody_who_writes() {
    for nth in 1..20 {
        let (faults, one, two) = two().await;
        let subject = ada(&one).await;
        let (job, operator) = (two.caller("job").await, one.caller("operator").await);
        let gate = faults.hold_nth(nth);
        let (vault, whom) = (one.vault.clone(), subject.clone());
        let erasing =
            tokio::spawn(async move { erase(&vault, &operator, &whom, &["phone"]).await });
        gate.reached().await;
        // An address of another length and in another place; a phone number that is newer than the erasure, or erased with it.
        let written = values(&[("email", "new@example.com"), ("phone", "+1 202 555 0199")]);
        two.vault
            .write_fields(&job, &subject, written)
            .await
            .unwrap();
        gate.open();
        erasing.await.unwrap().unwrap();
        faults.clear();
        let shown = all(&two.vault, &job, &subject).await;
        let case = format!("{nth}: {shown:?}");
        assert_eq!(shown[0], "new@example.com", "{case}");
        assert!(
            ["(missing)", "+1 202 555 0199"].contains(&shown[1].as_str()),
            "{case}"
        );
        assert_eq!(shown[2], VALUES[2], "{case}");
    }
}

/// Two servers erase different fields of somebody at the same time, in every order of their calls.
#[tokio::test]
async fn two_who_erase_at_once_both_do() {
    for nth in 1..22 {
        let (faults, one, two) = two().await;
        let subject = ada(&one).await;
        let puid = puid(&one.stores, &subject).await;
        let copy = copied(&one.stores, puid).await;
        let (first, second) = (one.caller("operator").await, two.caller("operator").await);
        let gate = faults.hold_nth(nth);
        let (vault, whom) = (one.vault.clone(), subject.clone());
        let erasing = tokio::spawn(async move { erase(&vault, &first, &whom, &["phone"]).await });
        gate.reached().await;
        let between = copied(&one.stores, puid).await;
        let erased = erase(&two.vault, &second, &subject, &["email"]).await;
        erased.unwrap();
        gate.open();
        erasing.await.unwrap().unwrap();
        faults.clear();
        let job = two.caller("job").await;
        let shown = all(&two.vault, &job, &subject).await;
        assert_eq!(shown, ["(missing)", "(missing)", VALUES[2]], "{nth}");
        assert!(is_settled(&two.stores, &subject).await, "{nth}");
        opens_no_more(&two, &subject, between, &nth.to_string()).await;
        opens_no_more(&two, &subject, copy, &nth.to_string()).await;
    }
}

/// One server dies half-way; the other erases something else, and finishes both.
#[tokio::test]
async fn what_a_dead_server_began_is_finished_by_the_next_who_erases() {
    for nth in 1..22 {
        let (faults, one, two) = two().await;
        let subject = ada(&one).await;
        let (first, second) = (one.caller("operator").await, two.caller("operator").await);
        faults.die_at(nth, StoreError::Unavailable("dead".into()));
        let erased = erase(&one.vault, &first, &subject, &["phone"]).await;
        let begun = !two.stores.keys.field_erasures().await.unwrap().is_empty();
        let erased_too = erase(&two.vault, &second, &subject, &["email"]).await;
        erased_too.unwrap();
        let job = two.caller("job").await;
        let shown = all(&two.vault, &job, &subject).await;
        assert_eq!(
            (shown[0].as_str(), shown[2].as_str()),
            ("(missing)", VALUES[2])
        );
        if begun || erased.is_ok() {
            assert_eq!(shown[1], "(missing)", "{nth}");
        }
        assert!(is_settled(&two.stores, &subject).await, "{nth}");
    }
}

/// A reader on another server has the old key ready, and reads what was sealed under the new one.
#[tokio::test]
async fn readers_elsewhere_see_what_stays_all_the_time() {
    for nth in 1..20 {
        let (faults, one, two) = two().await;
        let subject = ada(&one).await;
        let (job, operator) = (two.caller("job").await, one.caller("operator").await);
        assert_eq!(all(&two.vault, &job, &subject).await, VALUES);
        let gate = faults.hold_nth(nth);
        let (vault, whom) = (one.vault.clone(), subject.clone());
        let erasing =
            tokio::spawn(async move { erase(&vault, &operator, &whom, &["phone"]).await });
        gate.reached().await;
        let shown = all(&two.vault, &job, &subject).await;
        let found = two.vault.lookup(&job, "email", VALUES[0], "service").await;
        assert_eq!(found.unwrap().subjects.len(), 1, "{nth}");
        assert_eq!(
            (shown[0].as_str(), shown[2].as_str()),
            (VALUES[0], VALUES[2]),
            "{nth}"
        );
        gate.open();
        erasing.await.unwrap().unwrap();
    }
}

/// Somebody of whom two servers erase a field each, after copies of the stores were made; then some of these are put back, and the
/// first server starts. What is shown of the person then, and whether the copy of their values from before opens.
async fn put_back(stores: &[&str]) -> (Bed, SubjectName, Vec<ValueWrite>) {
    let folder = tempfile::tempdir().unwrap();
    let clock = hand_clock();
    let opened = async || {
        let SqliteStores { data, keys, log } = reopened(folder.path()).await;
        MemoryStores { data, keys, log }
    };
    let stores_of = opened().await;
    let first = parts(&stores_of, &clock, "test", root());
    let bed = start(first, &stores_of, &clock).await;
    drop(stores_of);
    let subject = ada(&bed).await;
    let puid = puid(&bed.stores, &subject).await;
    let copy = copied(&bed.stores, puid).await;
    bed.vault.stop().await;
    drop(bed);
    drop(opened().await);
    let paths = ["keys", "data"].map(|name| folder.path().join(format!("{name}.sqlite")));
    let copies = paths.clone().map(|path| std::fs::read(path).unwrap());

    let stores_of = opened().await;
    for (parts, field) in [
        (parts_of_another(&stores_of, &clock, OTHER), "phone"),
        (parts(&stores_of, &clock, "test", root()), "email"),
    ] {
        let bed = start(parts, &stores_of, &clock).await;
        let operator = bed.caller("operator").await;
        erase(&bed.vault, &operator, &subject, &[field])
            .await
            .unwrap();
        bed.vault.stop().await;
    }
    drop(stores_of);
    drop(opened().await);
    for (path, copy) in paths.iter().zip(copies) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        if stores.contains(&name) {
            std::fs::write(path, copy).unwrap();
        }
    }

    let stores_of = opened().await;
    let first = parts(&stores_of, &clock, "test", root());
    let bed = start(first, &stores_of, &clock).await;
    assert!(is_settled(&bed.stores, &subject).await, "{stores:?}");
    (bed, subject, copy)
}

#[tokio::test]
async fn stores_that_are_put_back_together_lose_nothing_that_stays() {
    let (bed, subject, copy) = put_back(&["keys", "data"]).await;
    let job = bed.caller("job").await;
    let shown = all(&bed.vault, &job, &subject).await;
    assert_eq!(shown, ["(missing)", "(missing)", VALUES[2]]);
    opens_no_more(&bed, &subject, copy, "a copy from before").await;
}

#[tokio::test]
async fn a_store_that_is_put_back_alone_brings_nothing_back() {
    for (stores, expected) in [
        // What the erased fields were sealed under, and all else then, is gone.
        (&["data"][..], ["(unreadable)"; 3]),
        // What stays was sealed under a key that is not among the older ones.
        (&["keys"][..], ["(missing)", "(missing)", "(unreadable)"]),
    ] {
        let (bed, subject, copy) = put_back(stores).await;
        let job = bed.caller("job").await;
        let shown = all(&bed.vault, &job, &subject).await;
        assert_eq!(shown, expected, "{stores:?}");
        opens_no_more(&bed, &subject, copy, "a copy from before").await;
        // The person goes on.
        let again = values(&[("phone", "+1 202 555 0199")]);
        bed.vault.write_fields(&job, &subject, again).await.unwrap();
        assert_eq!(
            all(&bed.vault, &job, &subject).await[1],
            "+1 202 555 0199",
            "{stores:?}"
        );
    }
}

/// A decrypted session holds keys of its own; it ends with those that are destroyed.
#[tokio::test]
async fn whoever_looks_at_the_person_looks_no_more() {
    let bed = bed().await;
    let subject = ada(&bed).await;
    let mut console = connection(&bed).await;
    console.justify(REASON, Some(LINK)).await.unwrap();
    let wish = decrypt(&subject, Some(&["email"]));
    console.decrypt(&wish).await.unwrap();
    assert!(matches!(console.mode(), Mode::Decrypted { .. }));
    let operator = bed.caller("operator").await;
    erase(&bed.vault, &operator, &subject, &["phone"])
        .await
        .unwrap();
    assert!(!matches!(console.mode(), Mode::Decrypted { .. }));
}
