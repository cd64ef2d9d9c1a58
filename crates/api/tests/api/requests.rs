//! What people ask for, over HTTP.

use serde_json::json;

use crate::bed::bed;
use crate::http::{Answer, Client};

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
    let nothing = json!({"erased": 0, "confirmed": 0, "collected": 0, "expired": 0, "failed": 0, "running": false});
    assert_eq!(run.json(), nothing);
    let cancel = format!("/v1/requests/{id}/cancel");
    let cancelled = job.call("POST", &cancel, None).await.expect(200).json();
    assert_eq!(cancelled["state"], "cancelled");
    let again = job.call("POST", &cancel, None).await.expect(409).json();
    assert_eq!(again["code"], "request_ended");
    let list = operator.get("/v1/requests?running=true").await.expect(200);
    assert_eq!(list.json()["requests"], json!([]));
}

/// The same request with further headers.
async fn with(client: &Client, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let token = client.token.as_deref().unwrap();
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: privet\r\nconnection: close\r\nauthorization: Bearer {token}\r\n"
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    client.raw(request.as_bytes()).await
}

#[tokio::test]
async fn a_copy_is_asked_for_and_handed_out_in_ranges() {
    let bed = bed().await;
    let subject = bed.subject("ada@example.com").await;
    let (job, operator) = (bed.of("job").await, bed.of("operator").await);
    let path = format!("/v1/subjects/{subject}/access");
    let asked = job.post(&path, json!({})).await.expect(201).json();
    assert_eq!(
        (&asked["kind"], &asked["state"]),
        (&json!("access"), &json!("waiting"))
    );
    let again = job.post(&path, json!({})).await;
    assert_eq!(again.problem(), "409 request_running");
    let id = asked["id"].as_str().unwrap();
    let file = format!("/v1/requests/{id}/file");
    assert_eq!(job.get(&file).await.problem(), "409 no_file");

    let run = operator.call("POST", "/v1/requests/run", None).await;
    assert_eq!(run.expect(200).json()["collected"], 1);
    assert_eq!(operator.get(&file).await.problem(), "403 policy_denied");
    let whole = job.get(&file).await.expect(200);
    assert_eq!(whole.header("content-type"), Some("application/zip"));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    assert_eq!(whole.header("cache-control"), Some("no-store"));
    let named = whole.header("content-disposition").unwrap();
    assert!(
        named.starts_with("attachment; filename=\"personal-data-"),
        "{named}"
    );
    let zip = &whole.body;
    let size = zip.len();
    assert_eq!(whole.header("content-length"), Some(&*size.to_string()));
    assert!(zip.starts_with(b"PK"));

    let tag = whole.header("etag").unwrap();
    let last = size - 1;
    for (headers, status, from, to) in [
        (&[("range", "bytes=0-1")][..], 206, 0, 2),
        (&[("range", "bytes=-4")], 206, size - 4, size),
        (&[("range", "bytes=7-"), ("if-range", tag)], 206, 7, size),
        (
            &[("range", "bytes=7-"), ("if-range", "\"other\"")],
            200,
            0,
            size,
        ),
        (&[("range", "bytes=0-1,4-5")], 200, 0, size),
        (&[("range", "lines=0-1")], 200, 0, size),
    ] {
        let part = with(&job, "GET", &file, headers).await;
        assert_eq!(part.status, status, "{headers:?}");
        assert!(part.body == zip[from..to], "{headers:?}");
        let range = (status == 206).then(|| format!("bytes {from}-{}/{size}", to - 1));
        assert_eq!(part.header("content-range"), range.as_deref());
        assert_eq!(part.header("etag"), Some(tag));
    }
    let beyond = format!("bytes={}-", last + 1);
    let beyond = with(&job, "GET", &file, &[("range", &beyond)]).await;
    let known = format!("bytes */{size}");
    assert_eq!(beyond.header("content-range"), Some(known.as_str()));
    assert_eq!(beyond.problem(), "416 range");

    let cancel = format!("/v1/requests/{id}/cancel");
    operator.call("POST", &cancel, None).await.expect(200);
    assert_eq!(job.get(&file).await.problem(), "409 no_file");
}
