//! The log over HTTP: read by auditors, verified by what C2SP says, and not drowned in its own readers.

use privet_tlog::note::{KeyName, SigningKey};
use privet_tlog::{EntryBundle, Proof};
use privet_wire::LogPage;

use crate::bed::{Bed, ORIGIN, Stores, bed, reveal_email};

async fn page(client: &crate::http::Client, query: &str) -> LogPage {
    let path = format!("/v1/audit/entries{query}");
    client.get(&path).await.expect(200).read()
}

#[tokio::test]
async fn what_is_served_verifies() {
    for stores in [Stores::memory(), Stores::sqlite()] {
        let bed = Bed::start(stores, privet_api::ApiConfig::default()).await;
        bed.subject("ada@example.com").await;
        let auditor = bed.of("auditor").await;
        let entries = page(&auditor, "?first=0").await;
        let index = 2;
        let proof = auditor.get("/v1/audit/proof/2").await.expect(200);
        let proof = Proof::parse(&proof.body).unwrap();
        let key = SigningKey::from_seed(KeyName::new(ORIGIN).unwrap(), &[7; 32]).unwrap();
        let entry = entries.entries[index].entry.get().as_bytes();
        let checked = proof.verify(entry, &[key.verifier()]);
        let checkpoint = checked.unwrap();
        assert!(checkpoint.size >= entries.size);

        let note = auditor.get("/v1/audit/checkpoint").await.expect(200);
        assert!(note.text().starts_with(ORIGIN));
        assert_eq!(
            note.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        let bundle = auditor
            .get("/v1/audit/tile/entries/000.p/3")
            .await
            .expect(200);
        let mut bundled = EntryBundle::decode(&bundle.body);
        assert_eq!(bundled.nth(index).unwrap().unwrap(), entry);
        for path in [
            "0/000.p/200",
            "entries/999",
            "x",
            "0/000.p/0",
            "../checkpoint",
        ] {
            let missing = auditor.get(&format!("/v1/audit/tile/{path}")).await;
            assert_eq!(missing.problem(), "404 not_found", "{path}");
        }
        let beyond = auditor.get("/v1/audit/proof/100000").await;
        assert_eq!(beyond.problem(), "404 not_found");
    }
}

#[tokio::test]
async fn a_reader_that_polls_is_recorded_once() {
    let bed = bed().await;
    let auditor = bed.of("auditor").await;
    for _ in 0..20 {
        auditor.get("/v1/audit/tile/0/000.p/1").await.expect(200);
        auditor.get("/v1/audit/checkpoint").await.expect(200);
        page(&auditor, "?first=0").await;
    }
    assert_eq!(bed.count("log.read").await, 1);
    page(&auditor, "?details=true").await;
    page(&auditor, "?details=true").await;
    assert_eq!(bed.count("log.read").await, 2);
    // Another token is another reader.
    page(&bed.of("auditor").await, "").await;
    assert_eq!(bed.count("log.read").await, 3);
    // A later reading is one of its own, and how much was read in the former one is told by a second entry.
    bed.clock.advance_seconds(301);
    page(&auditor, "").await;
    assert_eq!(bed.count("log.read").await, 5);
}

#[tokio::test]
async fn entries_come_in_stretches() {
    let bed = bed().await;
    bed.subject("ada@example.com").await;
    let auditor = bed.of("auditor").await;
    let all = page(&auditor, "?first=0&count=1000").await;
    assert_eq!(all.size, all.entries.len() as u64);
    assert!(all.entries.iter().map(|entry| entry.index).eq(0..all.size));
    let last = page(&auditor, "?count=2").await;
    assert_eq!(last.entries.len(), 2);
    assert_eq!(last.entries[1].index, last.size - 1);
    let middle = page(&auditor, "?first=1&count=1").await;
    assert_eq!(middle.entries[0].entry.get(), all.entries[1].entry.get());
    for first in [all.size + 9, u64::MAX - 1, u64::MAX] {
        let beyond = page(&auditor, &format!("?first={first}")).await;
        assert!(beyond.entries.is_empty(), "{first}");
    }
    for wrong in [
        "count=0",
        "count=1001",
        "wait_seconds=21",
        "first=0&wait_seconds=21",
    ] {
        let refused = auditor.get(&format!("/v1/audit/entries?{wrong}")).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    assert!(all.entries.iter().all(|entry| entry.details.is_none()));
}

#[tokio::test]
async fn a_follower_waits_for_the_next_entry() {
    let bed = bed().await;
    let auditor = bed.of("auditor").await;
    let size = page(&auditor, "").await.size;
    let query = format!("?first={size}&wait_seconds=20");
    let (woken, _) = tokio::join!(page(&auditor, &query), bed.subject("ada@example.com"));
    assert_eq!(woken.entries[0].index, size);
    let now = page(&auditor, "?first=0&wait_seconds=20").await;
    assert!(!now.entries.is_empty());
}

#[tokio::test]
async fn details_are_opened_and_bare_entries_are_not_personal() {
    let bed = bed().await;
    let oid = bed.subject("ada@example.com").await;
    let job = bed.of("job").await;
    let body = serde_json::json!({
        "subjects": [oid], "fields": ["email"], "purpose": "service",
        "reason": "ada@example.com wrote to us",
    });
    job.post("/v1/reveal", body).await.expect(200);
    reveal_email(&job, &oid, "service").await.expect(200);
    let auditor = bed.of("auditor").await;
    let bare = auditor.get("/v1/audit/entries?first=0").await.expect(200);
    for personal in ["ada@", "127.0.0.1", &oid] {
        assert!(!bare.text().contains(personal), "{personal}");
    }
    let page = page(&auditor, "?first=0&details=true").await;
    let reveal = page
        .entries
        .iter()
        .find(|entry| entry.entry.get().contains("\"t\":\"reveal\""));
    let details = reveal.unwrap().details.as_ref().unwrap();
    assert_eq!(details["reason"], "ada@example.com wrote to us");
    assert_eq!(details["address"], "127.0.0.1");
    assert_eq!(
        details["subjects"][0]["fields"],
        serde_json::json!(["email"])
    );
}
