//! Another telemetry id, for who wants one and knows what it means.

use serde_json::json;

use crate::bed::bed;

#[tokio::test]
async fn a_telemetry_id_is_made_anew_once_that_is_understood() {
    let bed = bed().await;
    let subject = bed.subject("ada@example.com").await;
    let path = format!("/v1/subjects/{subject}/telemetry-id/rotate");
    let job = bed.of("job").await;
    for body in [json!({}), json!({"understood": false})] {
        let explained = job.post(&path, body).await.expect(200).json();
        assert_eq!(explained["rotated"], false);
        assert!(
            explained["meaning"]
                .as_str()
                .unwrap()
                .contains("ask for an export first")
        );
        assert!(explained.get("entry").is_none());
    }
    let understood = json!({"understood": true});
    let rotated = job.post(&path, understood).await.expect(200).json();
    assert_eq!(rotated["rotated"], true);
    assert!(rotated["entry"].as_u64().is_some());
    let unknown = json!({"understood": true, "sure": true});
    job.post(&path, unknown).await.expect(400);
}
