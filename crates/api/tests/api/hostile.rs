//! Malformed, oversized, truncated and slow requests; methods and paths that are not there; and what leaks of them.

use std::time::Duration;

use privet_api::{ApiConfig, Limits};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::bed::{Bed, Stores, bed, reveal_email};
use crate::http::{parse, read_to_end};

const HEAD: &str = "POST /v1/reveal HTTP/1.1\r\nhost: privet\r\nconnection: close\r\n";

/// What stands in every hostile request and may stand in no answer.
const SECRET: &str = "ada-lovelace";

async fn with(limits: Limits) -> Bed {
    let config = ApiConfig {
        limits,
        ..ApiConfig::default()
    };
    Bed::start(Stores::memory(), config).await
}

/// Sends a body with this content type and length as a job, and answers the problem.
async fn refused(bed: &Bed, kind: &str, length: &str, body: &str) -> String {
    let token = bed.of("job").await.token.unwrap();
    let request = format!(
        "{HEAD}authorization: Bearer {token}\r\n{kind}content-length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(bed.client.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = parse(&read_to_end(&mut stream).await);
    assert!(!answer.text().contains(SECRET), "{}", answer.text());
    answer.problem()
}

#[tokio::test]
async fn bodies_that_are_none() {
    let bed = bed().await;
    let json = "content-type: application/json\r\n";
    for (kind, body, problem) in [
        (json, "", "400 malformed_json"),
        (json, "ada-lovelace", "400 malformed_json"),
        (json, "{\"ada-lovelace\":1}", "400 malformed_json"),
        (
            json,
            "{\"subjects\":[\"ada-lovelace\"",
            "400 malformed_json",
        ),
        (
            json,
            "{\"subjects\":\"ada-lovelace\"}",
            "400 malformed_json",
        ),
        (json, "[\"ada-lovelace\"]", "400 malformed_json"),
        (
            "content-type: text/plain\r\n",
            "ada-lovelace",
            "415 not_json",
        ),
        ("content-type: application/jsonp\r\n", "{}", "415 not_json"),
        ("", "{}", "415 not_json"),
    ] {
        let length = body.len().to_string();
        assert_eq!(refused(&bed, kind, &length, body).await, problem, "{body}");
    }
    let deep = "[".repeat(100_000);
    let length = deep.len().to_string();
    assert_eq!(
        refused(&bed, json, &length, &deep).await,
        "400 malformed_json"
    );
}

#[tokio::test]
async fn a_truncated_body_is_told_or_dropped() {
    let bed = bed().await;
    let token = bed.of("job").await.token.unwrap();
    let request = format!(
        "{HEAD}authorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{{\"subjects\":[\"{SECRET}\""
    );
    let mut stream = TcpStream::connect(bed.client.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let bytes = read_to_end(&mut stream).await;
    if !bytes.is_empty() {
        assert_eq!(parse(&bytes).problem(), "400 body_truncated");
    }
    assert_eq!(bed.count("reveal").await, 0);
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let bed = with(Limits {
        body_bytes_max: 1_000,
        ..Limits::default()
    })
    .await;
    let token = bed.of("job").await.token.unwrap();
    let headers = format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
    // Announced: refused before it is read.
    let announced = format!("{HEAD}{headers}content-length: 1001\r\n\r\n{{");
    let answer = bed.client.raw(announced.as_bytes()).await;
    assert_eq!(answer.problem(), "413 body_too_large");
    // Not announced: refused when it has become too long.
    let chunk = format!("{:x}\r\n{}\r\n", 600, " ".repeat(600));
    let chunked = format!("{HEAD}{headers}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}");
    let answer = bed.client.raw(chunked.as_bytes()).await;
    assert_eq!(answer.problem(), "413 body_too_large");
    // Chunks within the limit are a body like any other.
    let body = json!({"subjects": [], "fields": [], "purpose": "service"}).to_string();
    let (first, second) = body.split_at(10);
    let chunks = [first, second].map(|part| format!("{:x}\r\n{part}\r\n", part.len()));
    let fine = format!(
        "{HEAD}{headers}transfer-encoding: chunked\r\n\r\n{}{}0\r\n\r\n",
        chunks[0], chunks[1]
    );
    let answer = bed.client.raw(fine.as_bytes()).await;
    assert_eq!(answer.problem(), "422 too_many");
}

#[tokio::test]
async fn without_a_token_no_body_is_read() {
    let bed = bed().await;
    let request = format!("{HEAD}content-type: application/json\r\ncontent-length: 999\r\n\r\n{{");
    let answer = bed.client.raw(request.as_bytes()).await;
    assert_eq!(answer.problem(), "401 unauthenticated");
}

#[tokio::test]
async fn heads_that_are_none() {
    let bed = bed().await;
    let large = format!(
        "GET /v1/whoami HTTP/1.1\r\nx: {}\r\n\r\n",
        "y".repeat(64 * 1024)
    );
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200));
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "z".repeat(100_000));
    for (request, status) in [
        ("\0\0\0\0\0\0\0\0\r\n\r\n", 400),
        ("ada-lovelace\r\n\r\n", 400),
        ("GET /v1/whoami HTTP/9.9\r\n\r\n", 400),
        ("GET  HTTP/1.1\r\n\r\n", 400),
        ("POST /v1/reveal HTTP/1.1\r\ncontent-length: x\r\n\r\n", 400),
        (
            "POST /v1/reveal HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
            400,
        ),
        (&large, 431),
        (&many, 431),
        (&long, 431),
    ] {
        let mut stream = TcpStream::connect(bed.client.address).await.unwrap();
        let _ = stream.write_all(request.as_bytes()).await;
        let bytes = read_to_end(&mut stream).await;
        // A reset may overtake the answer; that nothing else came back is what counts.
        if !bytes.is_empty() {
            let answer = parse(&bytes);
            let start: String = request.chars().take(40).collect();
            assert_eq!(answer.status, status, "{start}");
            assert!(answer.body.is_empty());
        }
    }
    bed.client.get("/health/live").await.expect(200);
}

#[tokio::test]
async fn a_slow_head_ends_the_connection() {
    let bed = with(Limits {
        head_time: Duration::from_millis(200),
        ..Limits::default()
    })
    .await;
    let mut stream = TcpStream::connect(bed.client.address).await.unwrap();
    stream
        .write_all(b"GET /health/live HTTP/1.1\r\nx: ")
        .await
        .unwrap();
    let bytes = read_to_end(&mut stream).await;
    assert!(bytes.is_empty() || parse(&bytes).status == 408);
    // A connection that says nothing ends likewise.
    let mut idle = TcpStream::connect(bed.client.address).await.unwrap();
    assert!(read_to_end(&mut idle).await.is_empty());
}

#[tokio::test]
async fn a_slow_body_ends_the_request() {
    let bed = with(Limits {
        request_time: Duration::from_millis(300),
        ..Limits::default()
    })
    .await;
    let token = bed.of("job").await.token.unwrap();
    let request = format!(
        "{HEAD}authorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: 500\r\n\r\n{{\"subjects\":["
    );
    let answer = bed.client.raw(request.as_bytes()).await;
    assert_eq!(answer.problem(), "408 request_timeout");
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_left() {
    let bed = with(Limits {
        connections_max: 1,
        stall_time: Duration::from_millis(300),
        ..Limits::default()
    })
    .await;
    let mut greedy = TcpStream::connect(bed.client.address).await.unwrap();
    let ask = "GET /openapi.json HTTP/1.1\r\nhost: privet\r\n\r\n".repeat(2_000);
    // It asks for far more than the buffers between the two hold, and takes none of it.
    let asked = greedy.write_all(ask.as_bytes());
    let _ = tokio::time::timeout(Duration::from_secs(5), asked).await;
    // The only place is free again as soon as the greedy one is given up.
    bed.client.get("/health/live").await.expect(200);
    drop(greedy);
}

#[tokio::test]
async fn more_connections_than_places_wait() {
    let bed = with(Limits {
        connections_max: 2,
        head_time: Duration::from_millis(300),
        ..Limits::default()
    })
    .await;
    let first = TcpStream::connect(bed.client.address).await.unwrap();
    let second = TcpStream::connect(bed.client.address).await.unwrap();
    // Waits until one of the two silent ones has been given up.
    bed.client.get("/health/live").await.expect(200);
    drop((first, second));
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there() {
    let bed = bed().await;
    let job = bed.of("job").await;
    for (method, path, problem) in [
        ("GET", "/nonsense", "404 no_such_route"),
        ("GET", "/v1/ada-lovelace", "404 no_such_route"),
        ("GET", "/v1/subjects/", "404 no_such_route"),
        ("GET", "/v1/reveal", "405 method_not_allowed"),
        ("DELETE", "/v1/subjects", "405 method_not_allowed"),
        ("BREW", "/health/live", "405 method_not_allowed"),
        ("GET", "/v1/subjects/ada-lovelace", "400 invalid_id"),
        ("GET", "/v1/subjects/%ff", "400 invalid_id"),
        ("GET", "/v1/subjects/..%2f..%2fmetrics", "400 invalid_id"),
        ("GET", "/v1/sessions?ada-lovelace=1", "400 invalid_query"),
        (
            "GET",
            "/v1/sessions?count=ada-lovelace",
            "400 invalid_query",
        ),
        ("GET", "/v1/sessions?count=0", "400 invalid_query"),
        ("GET", "/v1/sessions?principal=ADA", "400 invalid_query"),
        ("GET", "/v1/audit/entries?count=1001", "400 invalid_query"),
        (
            "GET",
            "/v1/audit/entries?first=0&wait_seconds=21",
            "400 invalid_query",
        ),
        ("GET", "/v1/audit/proof/x", "400 invalid_id"),
    ] {
        let answer = job.call(method, path, None).await;
        assert_eq!(answer.problem(), problem, "{method} {path}");
        assert!(!answer.text().contains(SECRET), "{}", answer.text());
    }
}

#[tokio::test]
async fn metrics_know_no_names() {
    let bed = bed().await;
    let oid = bed.subject("ada@example.com").await;
    let job = bed.of("job").await;
    reveal_email(&job, &oid, "service").await.expect(200);
    reveal_email(&job, &oid, "curiosity").await.expect(422);
    job.get(&format!("/v1/subjects/{oid}?ada=1")).await;
    job.call("ADA", "/ada", None).await.expect(404);
    let metrics = bed.client.get("/metrics").await.expect(200);
    let text = metrics.text();
    for line in [
        "privet_http_requests_total{method=\"POST\",route=\"/v1/reveal\",status=\"200\"} 1",
        "privet_http_requests_total{method=\"GET\",route=\"/v1/subjects/{oid}\",status=\"403\"} 0",
        "privet_http_requests_total{method=\"other\",route=\"unmatched\",status=\"404\"} 1",
        "privet_http_request_seconds_count{route=\"/v1/reveal\"} 2",
        "privet_refused_total{code=\"unknown_purpose\"} 1",
        "privet_values_shown_total{form=\"clear\"} 1",
        "privet_ready 1",
        "privet_audit_queue_max 4096",
    ] {
        let zero = line.strip_suffix(" 0");
        match zero {
            Some(series) => assert!(!text.contains(series), "{series}"),
            None => assert!(text.contains(line), "{line} is not in\n{text}"),
        }
    }
    let lower = text.to_lowercase();
    for secret in ["ada", &oid, "pvt_", "127.0.0.1", "curiosity"] {
        assert!(!lower.contains(secret), "{secret}");
    }
}
