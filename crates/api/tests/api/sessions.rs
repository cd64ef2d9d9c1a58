//! Sessions over HTTP: listed by pages, read, reviewed by somebody else.

use privet_vault::SessionId;
use privet_wire::{SessionDetail, SessionPage, Verdict};
use serde_json::json;

use crate::bed::{Bed, bed};

const REASON: &str = "customer cannot log in";

/// A session of the on-call engineer, made as the SQL door makes one.
async fn session(bed: &Bed, reason: &str) -> SessionId {
    let token = bed.of("on_call").await.token.unwrap();
    let caller = bed.vault.authenticate(&token, "192.0.2.7").await.unwrap();
    let mut connection = bed.vault.connect(caller, "shop").await.unwrap();
    let link = "https://tickets.example.com/7";
    let id = connection.justify(reason, Some(link)).await.unwrap();
    connection.close().await.unwrap();
    id
}

#[tokio::test]
async fn a_session_is_listed_read_and_reviewed() {
    let bed = bed().await;
    let id = session(&bed, REASON).await;
    let auditor = bed.of("auditor").await;
    let page: SessionPage = auditor
        .get("/v1/sessions?verdict=pending&principal=on_call&decrypted=false")
        .await
        .expect(200)
        .read();
    assert_eq!(page.sessions.len(), 1);
    assert_eq!(page.sessions[0].id.to_string(), id.to_string());
    assert_eq!(page.sessions[0].verdict, Verdict::Pending);
    assert!(page.next.is_none());

    let path = format!("/v1/sessions/{id}");
    let detail: SessionDetail = auditor.get(&path).await.expect(200).read();
    assert_eq!(detail.reason.as_deref(), Some(REASON));
    assert_eq!(
        detail.link.as_deref(),
        Some("https://tickets.example.com/7")
    );
    assert_eq!(bed.count("session.read").await, 2);

    let review = format!("{path}/review");
    for (body, problem) in [
        (json!({"verdict": "flagged"}), "422 note"),
        (json!({"verdict": "pending"}), "422 verdict"),
        (json!({"verdict": "fine"}), "400 malformed_json"),
    ] {
        assert_eq!(auditor.post(&review, body).await.problem(), problem);
    }
    let flagged = json!({"verdict": "flagged", "note": "no ticket under that link"});
    auditor.post(&review, flagged).await.expect(204);
    let detail: SessionDetail = auditor.get(&path).await.expect(200).read();
    assert_eq!(detail.session.verdict, Verdict::Flagged);
    assert_eq!(detail.note.as_deref(), Some("no ticket under that link"));
    assert_eq!(detail.session.review.unwrap().reviewer, "auditor");
    let none: SessionPage = auditor
        .get("/v1/sessions?verdict=pending")
        .await
        .expect(200)
        .read();
    assert!(none.sessions.is_empty());
}

#[tokio::test]
async fn sessions_come_in_pages() {
    let bed = bed().await;
    for number in 0..5 {
        session(&bed, &format!("{REASON} ({number})")).await;
    }
    let auditor = bed.of("auditor").await;
    let mut path = "/v1/sessions?count=2".to_owned();
    let mut seen = Vec::new();
    for _ in 0..4 {
        let page: SessionPage = auditor.get(&path).await.expect(200).read();
        seen.extend(page.sessions.iter().map(|session| session.id));
        let Some(next) = page.next else { break };
        path = format!("/v1/sessions?count=2&before={next}");
    }
    assert_eq!(seen.len(), 5);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn a_session_that_is_not_there() {
    let bed = bed().await;
    let auditor = bed.of("auditor").await;
    let path = "/v1/sessions/0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d";
    assert_eq!(auditor.get(path).await.problem(), "404 not_found");
    let review = format!("{path}/review");
    let answer = auditor.post(&review, json!({"verdict": "approved"})).await;
    assert_eq!(answer.problem(), "404 not_found");
}
