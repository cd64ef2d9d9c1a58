//! Sessions over HTTP: listed by pages, read, reviewed by somebody else.

use privet_vault::SessionId;
use privet_wire::{SessionDetail, SessionPage, Summary, Verdict};
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
    assert_eq!(detail.session.reason.as_deref(), Some(REASON));
    assert_eq!(
        detail.session.link.as_deref(),
        Some("https://tickets.example.com/7")
    );
    auditor.get(&path).await.expect(200);
    // The list, and one reading of the session.
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
    let note = detail.notes[0].text.as_deref();
    assert_eq!(note, Some("no ticket under that link"));
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
        path = format!("/v1/sessions?count=2&after={next}");
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

#[tokio::test]
async fn sessions_are_found_by_text_and_by_facts() {
    let bed = bed().await;
    let one = session(&bed, "order 7 is stuck").await;
    session(&bed, REASON).await;
    let auditor = bed.of("auditor").await;
    let found = async |body| -> SessionPage {
        let answer = auditor.post("/v1/sessions/search", body).await;
        answer.expect(200).read()
    };
    let page = found(json!({"text": "ORDER 7"})).await;
    assert_eq!(page.sessions.len(), 1);
    assert_eq!(page.sessions[0].id.to_string(), one.to_string());
    assert_eq!(page.sessions[0].reason.as_deref(), Some("order 7 is stuck"));
    assert_eq!(page.looked_at, 2);
    let filter = json!({"source": "shop", "verdict": "flagged"});
    let page = found(json!({"text": "order", "filter": filter})).await;
    assert!(page.sessions.is_empty() && page.next.is_none());
    for query in [
        "after=yesterday",
        "source=Not%20a%20name",
        "count=0",
        "count=1001",
    ] {
        let answer = auditor.get(&format!("/v1/sessions?{query}")).await;
        assert_eq!(answer.problem(), "400 invalid_query", "{query}");
    }
    let long = json!({"text": "x".repeat(201)});
    let answer = auditor.post("/v1/sessions/search", long).await;
    assert_eq!(answer.problem(), "422 text");
}

#[tokio::test]
async fn comments_gather_under_a_session() {
    let bed = bed().await;
    let id = session(&bed, REASON).await;
    let auditor = bed.of("auditor").await;
    let path = format!("/v1/sessions/{id}");
    for text in ["asked in the ticket", "no answer yet"] {
        let comments = format!("{path}/comments");
        auditor
            .post(&comments, json!({"text": text}))
            .await
            .expect(204);
    }
    let detail: SessionDetail = auditor.get(&path).await.expect(200).read();
    let texts: Vec<_> = detail
        .notes
        .iter()
        .map(|note| note.text.as_deref())
        .collect();
    assert_eq!(texts, [Some("asked in the ticket"), Some("no answer yet")]);
    assert_eq!(detail.session.verdict, Verdict::Pending);
}

#[tokio::test]
async fn a_summary_comes_in_three_formats() {
    let bed = bed().await;
    session(&bed, "=HYPERLINK(\"https://evil.example\")").await;
    let auditor = bed.of("auditor").await;
    let summary: Summary = auditor.get("/v1/summary").await.expect(200).read();
    assert_eq!((summary.total.sessions, summary.total.pending), (1, 1));
    let markdown = auditor.get("/v1/summary?format=markdown").await.expect(200);
    let kind = markdown.header("content-type").unwrap();
    assert!(kind.starts_with("text/markdown"), "{kind}");
    assert!(markdown.text().contains("| Sessions | 1 | 0 |"));
    let csv = auditor.get("/v1/summary?format=csv").await.expect(200);
    assert!(csv.text().contains(",\"'=HYPERLINK("), "{}", csv.text());
    let answer = auditor
        .get("/v1/summary?from=2026-01-02T00:00:00Z&before=2026-01-01T00:00:00Z")
        .await;
    assert_eq!(answer.problem(), "422 period");
}
