//! What is in a copy: consents with receipts, who looked, events; and what of its making is on record.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use privet_classify::Class;
use privet_seal::{Tyid, Zeroizing};
use privet_vault::audit::{Entry, EntryKind};
use privet_vault::port::{
    EventColumn, EventError, EventReader, EventTable, PersonalEvent, PersonalIds, TelemetryEvents,
};
use privet_vault::receipt::{ReceiptKey, verify};
use privet_vault::subject_request::{FileRange, SubjectRequestState};
use privet_vault::*;
use serde_json::json;

use crate::bed::{Bed, request};
use crate::copies::Copy;
use crate::copying::{ask, collected, making, read, run};
use crate::own::Door;

/// What `ada` and `bob` did before they asked, and what was looked at since.
async fn lived(bed: &Bed, ada: &SubjectName, bob: &SubjectName) -> [SubjectRequestId; 2] {
    let job = bed.caller("job").await;
    let yes = |purpose: &str| ConsentGrant {
        purpose: purpose.to_owned(),
        notice: "2026-11".to_owned(),
    };
    for (grant, withdraw) in [
        (vec![yes("marketing"), yes("improvement")], vec![]),
        (vec![], vec!["marketing".to_owned()]),
    ] {
        let change = ConsentChange {
            grant,
            withdraw,
            channel: ConsentChannel::App,
            language: None,
            evidence: Some(Zeroizing::new("evidence of ada".to_owned())),
        };
        let recorded = bed.vault.record_consent(&job, ada, &change).await;
        recorded.unwrap();
        bed.clock.advance(Duration::from_millis(5));
    }
    for (who, field) in [(ada, "email"), (bob, "phone")] {
        let wish = request(who, &[field], "service");
        bed.vault.reveal(&job, &wish).await.unwrap();
    }
    bed.clock.advance(Duration::from_millis(5));
    let asked = [ask(bed, ada).await, ask(bed, bob).await];
    bed.clock.advance(Duration::from_millis(5));
    // What is looked at after the request was made is for the next one.
    let wish = request(ada, &["phone"], "service");
    bed.vault.reveal(&job, &wish).await.unwrap();
    asked
}

/// The reveals among the looks of a copy.
fn reveals(copy: &Copy) -> Vec<serde_json::Value> {
    let mut looks = copy.rows("looks");
    looks.retain(|look| look["what"] == "reveal");
    looks
}

#[tokio::test]
async fn a_copy_has_consents_with_receipts_and_who_looked() {
    let (bed, _places) = making(None).await;
    bed.vault
        .sign_receipts(ReceiptKey::from_seed(&[9; 32]).unwrap());
    let (ada, bob) = (
        bed.subject("ada@example.com").await,
        bed.subject("bob@example.com").await,
    );
    let [of_ada, of_bob] = lived(&bed, &ada, &bob).await;
    assert_eq!(run(&bed).await, collected(2));

    let copy = read(&bed, of_ada).await;
    let consents = copy.rows("consents");
    let answers = consents
        .iter()
        .map(|row| json!([row["number"], row["purpose"], row["agreed"]]));
    assert_eq!(
        json!(answers.collect::<Vec<_>>()),
        json!([
            [2, "marketing", false],
            [1, "marketing", true],
            [1, "improvement", true]
        ])
    );
    assert_eq!(consents[0]["evidence"], "evidence of ada");
    let (job, key) = (bed.caller("job").await, bed.vault.receipt_key().unwrap());
    for number in [1, 2] {
        let receipt = copy.text(&format!("receipts/consent-{number}.jsonld"));
        let content = verify(receipt.as_bytes(), &key).unwrap();
        assert_eq!(content.number, number);
        let handed = bed.vault.consent_receipt(&job, &ada, number).await;
        assert_eq!(handed.unwrap().as_bytes(), receipt.as_bytes());
    }
    let seen = reveals(&copy);
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(
        (&seen[0]["who"], &seen[0]["fields"], &seen[0]["purpose"]),
        (&json!("job"), &json!("email"), &json!("service"))
    );
    let looks = copy.rows("looks");
    let times = looks.iter().filter_map(|look| look["time"].as_str());
    let times: Vec<Timestamp> = times.map(|time| time.parse().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older));

    let other = read(&bed, of_bob).await;
    assert!(!other.holds("ada") && other.rows("consents").is_empty());
    let seen = reveals(&other);
    assert_eq!((seen.len(), &seen[0]["fields"]), (1, &json!("phone")));
    // Nothing of that got into the log.
    let log = bed.log_text().await;
    assert!(!log.contains("evidence of ada") && !log.contains("ada@example"));
}

/// Events of people, in memory: what is tested is whose they are, and what becomes of them.
#[derive(Default)]
struct Events {
    of: Mutex<BTreeMap<[u8; 16], Vec<serde_json::Value>>>,
    is_away: AtomicBool,
}

struct Pages(Vec<PersonalEvent>);

#[async_trait]
impl EventReader for Pages {
    async fn next(&mut self) -> Result<Option<Vec<PersonalEvent>>, EventError> {
        Ok(self.0.pop().map(|event| vec![event]))
    }
}

#[async_trait]
impl TelemetryEvents for Events {
    async fn tables(&self) -> Result<Vec<EventTable>, EventError> {
        let column = |name: &str| EventColumn {
            name: name.to_owned(),
            class: Class::Sys,
        };
        Ok(vec![EventTable {
            name: "logs".to_owned(),
            columns: ["time", "event", "count", "tags"].map(column).into(),
        }])
    }

    async fn events_of(
        &self,
        table: &EventTable,
        people: &[PersonalIds],
    ) -> Result<Box<dyn EventReader>, EventError> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(EventError::Unavailable("a test says so".to_owned()));
        }
        let of = self.of.lock().unwrap();
        let mut events = Vec::new();
        for (person, ids) in people.iter().enumerate() {
            for event in ids.tyids.iter().filter_map(|id| of.get(id.as_bytes())) {
                events.extend(event.iter().map(|event| {
                    let columns = table.columns.iter();
                    let values = columns.map(|column| event[&column.name].clone());
                    let values = values.collect();
                    PersonalEvent { person, values }
                }));
            }
        }
        Ok(Box::new(Pages(events)))
    }
}

async fn tyid(bed: &Bed, subject: &SubjectName) -> Tyid {
    let SubjectName::Oid(oid) = subject else {
        panic!("subjects here have an oid");
    };
    let stamps = bed.vault.pseudonymizer().stamps(&[*oid]).await.unwrap();
    stamps[0].unwrap().tyid
}

#[tokio::test]
async fn a_copy_has_the_events_of_ids_that_are_the_persons_now() {
    let events = Arc::new(Events::default());
    let (bed, _places) = making(Some(events.clone())).await;
    let (ada, bob, unseen) = (
        bed.subject("ada@example.com").await,
        bed.subject("bob@example.com").await,
        bed.subject("eve@example.com").await,
    );
    let former = tyid(&bed, &ada).await;
    let job = bed.caller("job").await;
    bed.vault
        .rotate_telemetry_id(&job, &ada, true)
        .await
        .unwrap();
    let (now, of_bob) = (tyid(&bed, &ada).await, tyid(&bed, &bob).await);
    for (id, event) in [
        (former, json!({"event": "under the former id"})),
        (
            now,
            json!({"event": "of ada", "count": 3, "tags": ["a", 1], "time": null, "hidden": 1}),
        ),
        (of_bob, json!({"event": "of bob", "count": u64::MAX})),
    ] {
        events
            .of
            .lock()
            .unwrap()
            .insert(*id.as_bytes(), vec![event]);
    }
    let ids = [
        ask(&bed, &ada).await,
        ask(&bed, &bob).await,
        ask(&bed, &unseen).await,
    ];
    events.is_away.store(true, Ordering::SeqCst);
    let away = run(&bed).await;
    assert_eq!(
        (away.collected, away.failed),
        (1, 2),
        "whom it never saw waits for nothing"
    );
    events.is_away.store(false, Ordering::SeqCst);
    assert_eq!(run(&bed).await, collected(2));
    let rows = |copy: &Copy| copy.rows("telemetry.logs");
    let of_ada = read(&bed, ids[0]).await;
    assert_eq!(
        rows(&of_ada),
        [json!({"event": "of ada", "count": 3, "tags": "[\"a\",1]"})]
    );
    let of_bob = rows(&read(&bed, ids[1]).await);
    assert_eq!(of_bob[0]["count"], u64::MAX.to_string());
    let unseen = read(&bed, ids[2]).await;
    assert!(!unseen.collections().contains(&"telemetry.logs"));
}

/// What is opened for a copy is on record before, and what the entry says is that it was the server.
#[tokio::test]
async fn what_is_collected_is_on_record_and_no_look() {
    let (bed, _places) = making(None).await;
    let subject = bed.subject("ada@example.com").await;
    let id = ask(&bed, &subject).await;
    assert_eq!(run(&bed).await, collected(1));
    read(&bed, id).await;
    bed.clock.advance(Duration::from_millis(5));
    let again = ask(&bed, &subject).await;
    assert_eq!(run(&bed).await, collected(1));
    let looks = read(&bed, again).await.rows("looks");
    let whats: Vec<_> = looks.iter().map(|look| look["what"].clone()).collect();
    // The newest first: the file was handed out, and asked for; that the server made it is none of it.
    assert_eq!(
        whats,
        ["request.file_read", "request.asked", "subject.created"]
    );
    let entries = bed.vault.audit().entries(0, 4_000).await.unwrap();
    let of_kind = |kind: EntryKind| {
        let entries = entries.iter().map(|entry| Entry::parse(entry).unwrap());
        entries.filter(move |entry| entry.kind() == Some(kind))
    };
    for entry in of_kind(EntryKind::RequestCollecting) {
        assert_eq!(entry.actor.kind, "system");
        assert!(entry.subjects().is_some() && entry.side().is_some());
    }
    assert_eq!(of_kind(EntryKind::RequestCollecting).count(), 2);
}

#[tokio::test]
async fn people_get_their_own_copy_and_nobody_elses() {
    let (bed, _places) = making(None).await;
    let (ada, bob) = (
        bed.subject("ada@example.com").await,
        bed.subject("bob@example.com").await,
    );
    let door = Door::of(bed, SignedDuration::ZERO);
    let (me, other) = (door.me(&ada).await, door.me(&bob).await);
    let asked = me.ask_for_copy().await.unwrap();
    let again = me.ask_for_copy().await.unwrap_err();
    assert_eq!(again.code(), "request_running");
    assert_eq!(run(&door.bed).await, collected(1));

    let mut reading = me.copy_file(asked.id, FileRange::Whole).await.unwrap();
    let mut zip = Vec::new();
    while let Some(part) = reading.next().await.unwrap() {
        zip.extend_from_slice(&part);
    }
    assert_eq!(
        Copy::open(zip).rows("account")[0]["email"],
        "ada@example.com"
    );
    let stolen = other.copy_file(asked.id, FileRange::Whole).await;
    assert_eq!(stolen.unwrap_err().code(), "not_found");
    assert_eq!(other.copies().await.unwrap(), []);
    let copies = me.copies().await.unwrap();
    let states: Vec<_> = copies.iter().map(|copy| (copy.id, copy.state)).collect();
    assert_eq!(states, [(asked.id, SubjectRequestState::Ready)]);
}
