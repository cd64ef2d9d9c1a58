//! What the telemetry door is lent: ids that stay the same until they are severed, what is stamped beside them, and what the
//! stream is told.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use privet_seal::{KeyKind, Tyid};
use privet_store::{FailNth, Faults, MemoryStores, Moment};
use privet_vault::audit::EntryKind;
use privet_vault::port::{KeyRow, StoreError, StreamEvent};
use privet_vault::{Oid, Rotation, Stamp, SubjectName, SubjectRef, Vault};

use crate::bed::{Bed, bed, bed_with_failing_keys, hand_clock, parts, root};
use crate::consenting::{no, yes};
use crate::engine::new_stores;
use crate::servers::Pair;

fn oid(subject: &SubjectName) -> Oid {
    let SubjectName::Oid(oid) = subject else {
        panic!("subjects of these tests are named by their ids");
    };
    *oid
}

async fn stamp(vault: &Vault, subject: &SubjectName) -> Option<Stamp> {
    let stamps = vault.pseudonymizer().stamps(&[oid(subject)]).await.unwrap();
    stamps[0]
}

async fn tyid(vault: &Vault, subject: &SubjectName) -> Tyid {
    stamp(vault, subject).await.unwrap().tyid
}

async fn rotate(bed: &Bed, subject: &SubjectName) {
    let job = bed.caller("job").await;
    let rotated = bed.vault.rotate_telemetry_id(&job, subject, true).await;
    assert!(matches!(rotated.unwrap(), Rotation::Rotated { .. }));
}

/// What waits for the stream; taking it is what the door does.
async fn told(vault: &Vault) -> Vec<StreamEvent> {
    let rows = vault.stream_events(1_000).await.unwrap();
    if let Some(last) = rows.last() {
        vault.stream_events_written(last.number).await.unwrap();
    }
    rows.into_iter().map(|row| row.event).collect()
}

/// Bits, stamp and whether it is the last word, of what is told about an id.
fn about(told: &[StreamEvent], id: Tyid) -> Vec<(u32, u32, bool)> {
    let about = told.iter().filter(|event| event.tyid == id);
    about
        .map(|event| (event.bits, event.stamp, event.is_final))
        .collect()
}

async fn reference(stores: &MemoryStores, subject: &SubjectName) -> Option<SubjectRef> {
    let rows = stores.keys.subjects_by_oid(&[oid(subject)]).await.unwrap();
    rows[0].as_ref().map(|row| row.reference)
}

async fn salt(bed: &Bed, subject: &SubjectName) -> Option<KeyRow> {
    let reference = reference(&bed.stores, subject).await?;
    let salts = bed.stores.keys.salts_of(&[reference]).await.unwrap();
    salts.into_iter().next().unwrap()
}

#[tokio::test]
async fn an_id_stays_the_same_and_is_nobody_elses() {
    let bed = bed().await;
    let (ada, bob) = (
        bed.subject("ada@example.com").await,
        bed.subject("bob@example.com").await,
    );
    assert_eq!(salt(&bed, &ada).await, None, "telemetry has not seen her");
    let lent = bed.vault.pseudonymizer();
    let unknown = Oid::from_bytes([7; 16]);
    let asked = [oid(&ada), unknown, oid(&bob), oid(&ada)];
    let stamps = lent.stamps(&asked).await.unwrap();
    let [first, none, other, again] = stamps.try_into().unwrap();
    assert!(none.is_none() && first == again);
    let (first, other) = (first.unwrap(), other.unwrap());
    assert_ne!(first.tyid, other.tyid);
    assert_ne!(first.tyid.as_bytes(), oid(&ada).as_bytes());
    assert_eq!((first.bits, first.number), (0, 0), "silence is no");

    // Ready without a store, and the same after a restart.
    let mut ready = Vec::new();
    assert_eq!(lent.warm(&asked, &mut ready).unwrap(), 1);
    assert!(ready == [Some(first), None, Some(other), Some(first)]);
    bed.vault.stop().await;
    let again = Vault::start(parts(&bed.stores, &bed.clock, "test", root())).await;
    assert!(stamp(&again.unwrap(), &ada).await == Some(first));
    assert_eq!(format!("{first:?}"), "Stamp { bits: 0, number: 0, .. }");
}

#[tokio::test]
async fn a_salt_says_on_which_day_it_was_made_and_not_when() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    bed.clock.advance(Duration::from_secs(4_711));
    // Until the sequence was read by the new time.
    let lent = bed.vault.pseudonymizer();
    let reads_again = async {
        while lent.stamps(&[oid(&ada)]).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), reads_again)
        .await
        .unwrap();
    let made = salt(&bed, &ada).await.unwrap();
    assert_eq!(
        (made.kind, made.generation, made.expires_on),
        (KeyKind::Salt, 1, None)
    );
    assert_eq!(made.created_at.as_second() % 86_400, 0);
    assert!(bed.vault.time().duration_since(made.created_at).as_hours() < 24);
}

#[tokio::test]
async fn what_is_stamped_follows_the_answers() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    // Before telemetry knows her, it is told nothing of her.
    yes(&bed, &ada).await;
    assert_eq!(told(&bed.vault).await, []);
    let first = stamp(&bed.vault, &ada).await.unwrap();
    assert_eq!((first.bits, first.number), (1, 1));
    no(&bed, &ada).await;
    let now = stamp(&bed.vault, &ada).await.unwrap();
    assert_eq!((now.tyid, now.bits, now.number), (first.tyid, 0, 2));
    yes(&bed, &ada).await;
    let now = stamp(&bed.vault, &ada).await.unwrap();
    assert_eq!((now.bits, now.number), (1, 3));
    // In the order of the answers, also of somebody who does nothing afterwards.
    let told = told(&bed.vault).await;
    assert_eq!(about(&told, first.tyid), [(0, 2, false), (1, 3, false)]);
    assert_eq!(told[0].tenant.as_str(), "acme");
    assert_eq!(bed.vault.stream_events(9).await.unwrap(), []);
}

#[tokio::test]
async fn a_rotation_that_is_not_understood_changes_nothing() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let before = stamp(&bed.vault, &ada).await;
    let job = bed.caller("job").await;
    let explained = bed.vault.rotate_telemetry_id(&job, &ada, false).await;
    assert_eq!(explained.unwrap(), Rotation::Explained);
    assert!(stamp(&bed.vault, &ada).await == before);
    assert_eq!(told(&bed.vault).await, []);
    assert_eq!(bed.count(EntryKind::TelemetryIdRotated).await, 0);

    // Whoever may not, may not even ask, and nobody unknown is explained anything about.
    let on_call = bed.caller("on_call").await;
    for understood in [false, true] {
        let refused = bed
            .vault
            .rotate_telemetry_id(&on_call, &ada, understood)
            .await;
        assert_eq!(refused.unwrap_err().code(), "policy_denied");
        let nobody = SubjectName::Oid(Oid::from_bytes([7; 16]));
        let unknown = bed
            .vault
            .rotate_telemetry_id(&job, &nobody, understood)
            .await;
        assert_eq!(unknown.unwrap_err().code(), "not_found");
    }
    assert_eq!(bed.count(EntryKind::TelemetryIdDenied).await, 2);
    assert!(stamp(&bed.vault, &ada).await == before);
}

#[tokio::test]
async fn a_rotation_ends_the_former_id_and_begins_to_count_anew() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    yes(&bed, &ada).await;
    let former = stamp(&bed.vault, &ada).await.unwrap();
    no(&bed, &ada).await;
    yes(&bed, &ada).await;
    let old_salt = salt(&bed, &ada).await.unwrap();
    told(&bed.vault).await;
    rotate(&bed, &ada).await;
    let now = stamp(&bed.vault, &ada).await.unwrap();
    assert_ne!(now.tyid, former.tyid);
    assert_eq!(
        (now.bits, now.number),
        (1, 1),
        "the answer stays, its number does not"
    );
    // Nothing is said of the new id at that moment: it would stand beside the end of the former one.
    let events = told(&bed.vault).await;
    assert_eq!(events.len(), 1);
    assert_eq!(about(&events, former.tyid), [(0, u32::MAX, true)]);
    let gone = bed.stores.keys.keys_by_id(&[old_salt.id]).await.unwrap();
    assert_eq!(gone, [None]);
    assert_eq!(salt(&bed, &ada).await.unwrap().generation, 2);

    no(&bed, &ada).await;
    let events = told(&bed.vault).await;
    assert_eq!(about(&events, now.tyid), [(0, 2, false)]);
    rotate(&bed, &ada).await;
    let third = stamp(&bed.vault, &ada).await.unwrap();
    assert!(third.tyid != now.tyid && third.tyid != former.tyid);
    assert_eq!((third.bits, third.number), (0, 1));
    assert_eq!(bed.count(EntryKind::TelemetryIdRotated).await, 2);
    let log = bed.log_text().await;
    for id in [former.tyid, now.tyid, third.tyid] {
        assert!(!log.contains(&id.to_text()));
    }
}

#[tokio::test]
async fn somebody_whom_telemetry_never_saw_can_rotate_and_nothing_is_told() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    rotate(&bed, &ada).await;
    assert_eq!(told(&bed.vault).await, []);
    let now = stamp(&bed.vault, &ada).await.unwrap();
    assert_eq!((now.bits, now.number), (0, 0));
}

#[tokio::test]
async fn closing_ends_the_id_and_destroys_the_salt() {
    let bed = bed().await;
    let (ada, bob) = (
        bed.subject("ada@example.com").await,
        bed.subject("bob@example.com").await,
    );
    yes(&bed, &ada).await;
    let (former, others) = (tyid(&bed.vault, &ada).await, tyid(&bed.vault, &bob).await);
    let old_salt = salt(&bed, &ada).await.unwrap();
    let operator = bed.caller("operator").await;
    bed.vault.close_subject(&operator, &ada).await.unwrap();
    assert!(stamp(&bed.vault, &ada).await.is_none());
    let gone = bed.stores.keys.keys_by_id(&[old_salt.id]).await.unwrap();
    assert_eq!(gone, [None]);
    let events = told(&bed.vault).await;
    assert_eq!(events.len(), 1);
    assert_eq!(about(&events, former), [(0, u32::MAX, true)]);
    assert_eq!(tyid(&bed.vault, &bob).await, others);
    // Nobody was told of, whom telemetry had not seen.
    let eve = bed.subject("eve@example.com").await;
    bed.vault.close_subject(&operator, &eve).await.unwrap();
    assert_eq!(told(&bed.vault).await, []);
}

/// Sealed values name their keys: ids of keys in the open would tie the moment of an erasure to an account in an old copy
/// of the data, and telemetry knows the moment.
#[tokio::test]
async fn no_entry_in_the_open_names_a_key_or_an_id() {
    let bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    yes(&bed, &ada).await;
    let id = tyid(&bed.vault, &ada).await;
    let rows = bed.stores.keys.subjects_by_oid(&[oid(&ada)]).await.unwrap();
    let row = rows[0].clone().unwrap();
    let keys = bed
        .stores
        .keys
        .keys_of_subjects(&[row.reference])
        .await
        .unwrap();
    let mut hidden: Vec<String> = keys[0].iter().map(|key| key.id.to_string()).collect();
    assert!(hidden.len() >= 2);
    hidden.push(salt(&bed, &ada).await.unwrap().id.to_string());
    hidden.extend([id.to_text(), row.puid.to_string(), row.oid.to_string()]);
    rotate(&bed, &ada).await;
    hidden.push(tyid(&bed.vault, &ada).await.to_text());
    let operator = bed.caller("operator").await;
    bed.vault.close_subject(&operator, &ada).await.unwrap();
    let log = bed.log_text().await;
    for hidden in hidden {
        assert!(!log.contains(&hidden));
    }
    assert!(
        log.contains(&row.reference.to_string()),
        "what an erasure is replayed by"
    );
}

/// Each store call of a closing fails in turn, before and after its effect: in the end the salt is gone, and telemetry was told,
/// once or more, and nothing else.
#[tokio::test]
async fn a_closing_that_breaks_off_is_told_all_the_same() {
    for nth in 1..=8 {
        for moment in [Moment::Before, Moment::After] {
            let faults = Faults::new();
            let bed = bed_with_failing_keys(&faults).await;
            let ada = bed.subject("ada@example.com").await;
            let former = tyid(&bed.vault, &ada).await;
            let operator = bed.caller("operator").await;
            faults.fail_nth(nth, moment, StoreError::Unavailable("crash".into()));
            let closed = bed.vault.close_subject(&operator, &ada).await;
            faults.clear();
            let Bed {
                vault,
                clock,
                stores,
            } = bed;
            drop(vault);
            let vault = Vault::start(parts(&stores, &clock, "test", root()))
                .await
                .unwrap();
            let intended = reference(&stores, &ada).await.is_none();
            assert!(intended || closed.is_err(), "call {nth}");
            let events = told(&vault).await;
            if intended {
                assert!(stamp(&vault, &ada).await.is_none());
                assert_eq!(about(&events, former), [(0, u32::MAX, true)], "call {nth}");
            } else {
                assert_eq!(tyid(&vault, &ada).await, former);
                assert_eq!(events, []);
            }
        }
    }
}

#[tokio::test]
async fn what_changes_on_one_server_is_not_ready_on_the_other() {
    let pair = Pair::ruled("").await;
    let ada = pair.one.subject("ada@example.com").await;
    let first = stamp(&pair.one.vault, &ada).await;
    assert!(stamp(&pair.two.vault, &ada).await == first);
    let differs = async |now: Option<Stamp>| {
        let waiting = async {
            while stamp(&pair.two.vault, &ada).await != now {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), waiting)
            .await
            .unwrap();
    };
    yes(&pair.one, &ada).await;
    let agreed = stamp(&pair.one.vault, &ada).await;
    assert_eq!(agreed.unwrap().bits, 1);
    differs(agreed).await;
    rotate(&pair.one, &ada).await;
    let rotated = stamp(&pair.one.vault, &ada).await;
    assert!(rotated.is_some() && rotated != agreed);
    differs(rotated).await;
    let operator = pair.one.caller("operator").await;
    pair.one.vault.close_subject(&operator, &ada).await.unwrap();
    differs(None).await;
}

#[tokio::test]
async fn both_servers_give_a_new_person_the_same_id() {
    let pair = Pair::ruled("").await;
    for place in 0..20 {
        let ada = pair.one.subject(&format!("ada{place}@example.com")).await;
        let (one, two) = tokio::join!(stamp(&pair.one.vault, &ada), stamp(&pair.two.vault, &ada));
        assert!(one.is_some() && one == two);
    }
}

#[tokio::test]
async fn nothing_is_answered_while_the_sequence_cannot_be_read() {
    let (stores, clock, faults) = (new_stores().await, hand_clock(), Faults::new());
    let mut cut = parts(&stores, &clock, "test", root());
    cut.keys = Arc::new(FailNth::new(stores.keys.clone(), &faults));
    let vault = Vault::start(cut).await.unwrap();
    let bed = Bed {
        vault,
        clock,
        stores,
    };
    let ada = bed.subject("ada@example.com").await;
    stamp(&bed.vault, &ada).await.unwrap();
    let lent = bed.vault.pseudonymizer();
    let gate = faults.hold_nth(1);
    gate.reached().await;
    bed.clock.advance(Duration::from_millis(1_100));
    let unread = "key_store_unread";
    let mut ready = Vec::new();
    assert_eq!(
        lent.warm(&[oid(&ada)], &mut ready).unwrap_err().code(),
        unread
    );
    assert_eq!(lent.stamps(&[oid(&ada)]).await.unwrap_err().code(), unread);
    assert_eq!(lent.objects().await.unwrap_err().code(), unread);
    gate.open();
}

#[tokio::test]
async fn a_thing_has_one_id_in_an_epoch_and_another_after_a_rotation() {
    let bed = bed().await;
    let (ada, bob) = (
        bed.subject("ada@example.com").await,
        bed.subject("bob@example.com").await,
    );
    let lent = bed.vault.pseudonymizer();
    let objects = lent.objects().await.unwrap();
    let (adas, bobs) = (stamp(&bed.vault, &ada).await, stamp(&bed.vault, &bob).await);
    let id = objects.id(adas.as_ref(), b"doc:42");
    assert_eq!(
        objects.id(bobs.as_ref(), b"doc:42"),
        id,
        "so that it can be counted"
    );
    assert_ne!(objects.id(adas.as_ref(), b"doc:43"), id);
    assert_ne!(objects.id(None, b"doc:42"), id);
    rotate(&bed, &ada).await;
    let rotated = stamp(&bed.vault, &ada).await;
    assert_ne!(objects.id(rotated.as_ref(), b"doc:42"), id);
    // Another server, or another day of the epoch, names it the same.
    let again = Vault::start(parts(&bed.stores, &bed.clock, "test", root()))
        .await
        .unwrap();
    let objects = again.pseudonymizer().objects().await.unwrap();
    assert_eq!(objects.id(adas.as_ref(), b"doc:42"), id);
}

/// With its epoch the salt of things is destroyed, and no start brings it back.
#[tokio::test]
async fn the_salt_of_things_ends_with_its_epoch() {
    let mut bed = bed().await;
    let ada = bed.subject("ada@example.com").await;
    let adas = stamp(&bed.vault, &ada).await;
    let former = bed
        .vault
        .pseudonymizer()
        .objects()
        .await
        .unwrap()
        .id(adas.as_ref(), b"doc:42");
    let owner = u128::from(former.epoch()).to_be_bytes();
    let tenant = "acme".parse().unwrap();
    let rows = bed
        .stores
        .keys
        .keys_of(&tenant, KeyKind::ObjectSalt, owner)
        .await
        .unwrap();
    let ends_on = rows[0].expires_on.unwrap();
    let now: Timestamp = bed.vault.time();
    let end = ends_on
        .to_zoned(jiff::tz::TimeZone::UTC)
        .unwrap()
        .timestamp();
    let left = end.duration_since(now);
    assert!(left.is_positive() && left.as_hours() <= 30 * 24);
    bed.clock.advance(Duration::try_from(left).unwrap());
    // A server that finds a long silence in its log does not trust its clock; the next start does.
    for _ in 0..2 {
        bed.vault.stop().await;
        bed.vault = Vault::start(parts(&bed.stores, &bed.clock, "test", root()))
            .await
            .unwrap();
    }
    // Whichever of them did it: one that is stopped right afterwards leaves no entry.
    let keys = &bed.stores.keys;
    let destroyed = async {
        let find = || keys.keys_of(&tenant, KeyKind::ObjectSalt, owner);
        while !find().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), destroyed)
        .await
        .unwrap();
    let objects = bed.vault.pseudonymizer().objects().await.unwrap();
    let now = objects.id(adas.as_ref(), b"doc:42");
    assert_eq!(now.epoch(), former.epoch() + 1);
    assert_ne!(now.as_bytes()[2..], former.as_bytes()[2..]);
}

#[tokio::test]
async fn the_notice_in_force_is_named() {
    let bed = bed().await;
    assert_eq!(bed.vault.pseudonymizer().notice(), "2026-11");
}
