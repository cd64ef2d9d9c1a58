//! What people ask for, over HTTP.

use serde_json::json;

use crate::bed::bed;

#[tokio::test]
async fn a_request_to_be_forgotten_is_entered_listed_shown_and_taken_back() {
    let bed = bed().await;
    let subject = bed.subject("ada@example.com").await;
    let (job, operator) = (bed.of("job").await, bed.of("operator").await);
    let path = format!("/v1/subjects/{subject}/erasure");
    let asked = job.post(&path, json!({})).await.expect(201).json();
    assert_eq!(asked["kind"], "erasure");
    assert_eq!(
        (&asked["state"], &asked["urgency"]),
        (&json!("cooling"), &json!("in_time"))
    );
    assert_eq!(asked["subject"], json!(subject));

    let again = job.post(&path, json!({})).await.expect(409).json();
    assert_eq!(again["code"], "request_running");
    let unchecked = json!({"channel": "letter"});
    let unchecked = operator.post(&path, unchecked).await.expect(422).json();
    assert_eq!(unchecked["code"], "identity_unchecked");
    operator
        .post(&path, json!({"because": "x"}))
        .await
        .expect(400);

    let list = operator.get("/v1/requests?running=true").await.expect(200);
    assert_eq!(list.json()["requests"], json!([asked]));
    operator.get("/v1/requests?count=0").await.expect(400);
    let id = asked["id"].as_str().unwrap();
    let shown = operator
        .get(&format!("/v1/requests/{id}"))
        .await
        .expect(200);
    let shown = shown.json();
    assert_eq!(
        (&shown["by"], &shown["channel"]),
        (&json!("job"), &json!("app"))
    );

    let run = operator
        .call("POST", "/v1/requests/run", None)
        .await
        .expect(200);
    let nothing = json!({"erased": 0, "collected": 0, "expired": 0, "failed": 0});
    assert_eq!(run.json(), nothing);
    let cancel = format!("/v1/requests/{id}/cancel");
    let cancelled = job.call("POST", &cancel, None).await.expect(200).json();
    assert_eq!(cancelled["state"], "cancelled");
    let again = job.call("POST", &cancel, None).await.expect(409).json();
    assert_eq!(again["code"], "request_ended");
    let list = operator.get("/v1/requests?running=true").await.expect(200);
    assert_eq!(list.json()["requests"], json!([]));
}
