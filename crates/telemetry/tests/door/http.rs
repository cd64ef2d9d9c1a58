//! OTLP over HTTP: what is taken, what is refused, and with which words.

use std::io::Write as _;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::Request;
use flate2::Compression;
use flate2::write::GzEncoder;
use insta::assert_snapshot;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use privet_telemetry::{Limits, Signal};
use prost::Message as _;

use crate::bed::{ADA, Answer, BOB, PROTOBUF, TOKEN, logs, open, post, record};

const JSON: &str = "application/json";

fn shown(answer: &Answer) -> String {
    let header = |name: &str| {
        answer
            .headers
            .get(name)
            .map_or("-", |value| value.to_str().unwrap())
    };
    let kind = header("content-type");
    let body = match kind {
        JSON => String::from_utf8(answer.body.to_vec()).unwrap(),
        _ => format!("{} bytes", answer.body.len()),
    };
    format!(
        "{} {kind} retry {} {body}",
        answer.status.as_u16(),
        header("retry-after")
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn each_signal_is_taken_in_each_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let json = [
        (
            "logs",
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1","severityNumber":9,"body":{"stringValue":"x"},"unknown":1}]}]}]}"#,
        ),
        (
            "traces",
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"x","kind":2,"startTimeUnixNano":"1","endTimeUnixNano":2}]}]}]}"#,
        ),
        (
            "metrics",
            r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"orders","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"asInt":"3","timeUnixNano":"1"}]}}]}]}]}"#,
        ),
    ];
    for (signal, body) in json {
        let answer = door.post(&format!("/v1/{signal}"), JSON, body).await;
        assert_eq!(
            shown(&answer),
            "200 application/json retry - {}",
            "{signal}"
        );
        let answer = door
            .post(
                &format!("/v1/{signal}"),
                "application/json; charset=utf-8",
                body,
            )
            .await;
        assert_eq!(answer.status, 200, "{signal}");
    }
    for signal in Signal::ALL {
        assert_eq!(door.intake.counts(signal).accepted, 2, "{signal:?}");
    }
    let body = logs(vec![record(1, ADA)]).encode_to_vec();
    let answer = door.post("/v1/logs", PROTOBUF, body.clone()).await;
    assert_eq!(shown(&answer), "200 application/x-protobuf retry - 0 bytes");
    let packed = post("/v1/logs", PROTOBUF).header("content-encoding", "gzip");
    let answer = door.ask(packed.body(gzip(&body).into()).unwrap()).await;
    assert_eq!(shown(&answer), "200 application/x-protobuf retry - 0 bytes");
    assert_eq!(door.intake.counts(Signal::Logs).accepted, 4);
}

#[tokio::test]
async fn a_client_is_told_what_was_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let answer = door
        .logs(&logs(vec![record(1, ADA), record(2, BOB), record(3, "x")]))
        .await;
    let response = ExportLogsServiceResponse::decode(answer.body).unwrap();
    let partial = response.partial_success.unwrap();
    assert_eq!(
        (partial.rejected_log_records, &*partial.error_message),
        (2, "no consent: 2")
    );
    let body = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"ada@example.org","gauge":{"dataPoints":[{"asDouble":1}]}}]}]}]}"#;
    assert_snapshot!(shown(&door.post("/v1/metrics", JSON, body).await), @r#"200 application/json retry - {"partialSuccess":{"errorMessage":"unknown metric: 1","rejectedDataPoints":"1"}}"#);
}

#[tokio::test]
async fn whoever_shows_no_token_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let unread = || {
        Body::from_stream(futures_util::stream::pending::<
            Result<Vec<u8>, std::io::Error>,
        >())
    };
    let with = |value: Option<&str>| {
        let request = Request::post("/v1/logs").header("content-type", JSON);
        match value {
            Some(value) => request.header("authorization", value),
            None => request,
        }
    };
    for value in [
        None,
        Some("Bearer"),
        Some("Bearer wrong"),
        Some("Basic eDp4"),
        Some(TOKEN),
    ] {
        let answer = door.ask(with(value).body(unread()).unwrap()).await;
        assert_eq!(answer.status, 401, "{value:?}");
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    let two = with(Some(&format!("Bearer {TOKEN}"))).header("authorization", "Bearer other");
    assert_eq!(door.ask(two.body(unread()).unwrap()).await.status, 401);
}

#[tokio::test]
async fn what_is_wrong_is_told_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        body_bytes_max: 2_000,
        message_bytes_max: 5_000,
        ..Limits::default()
    };
    let door = open(folder.path(), limits);
    let ask = async |path: &str, kind: &str, encoding: &str, body: Vec<u8>| {
        let request = post(path, kind).header("content-encoding", encoding);
        let answer = door.ask(request.body(body.into()).unwrap()).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!said.contains("ada"), "{said}");
        shown(&answer)
    };
    let words = || br#"{"resourceLogs":"ada@example.org"}"#.to_vec();
    assert_snapshot!(ask("/v1/logs", JSON, "", words()).await, @r#"400 application/json retry - {"code":3,"message":"the body is not OTLP of that signal and content type"}"#);
    assert_snapshot!(ask("/v1/logs", PROTOBUF, "", words()).await, @"400 application/x-protobuf retry - 56 bytes");
    assert_snapshot!(ask("/v1/logs", JSON, "gzip", words()).await, @r#"400 application/json retry - {"code":3,"message":"the body is not gzip, though it says so"}"#);
    assert_snapshot!(ask("/v1/logs", JSON, "br", words()).await, @r#"415 application/json retry - {"code":3,"message":"pack the body with `gzip`, or not at all"}"#);
    assert_snapshot!(ask("/v1/logs", "text/plain", "", words()).await, @r#"415 application/json retry - {"code":3,"message":"send `application/x-protobuf` or `application/json`"}"#);
    assert_snapshot!(ask("/v1/ada", JSON, "", words()).await, @r#"404 application/json retry - {"code":12,"message":"there is nothing under this path: send to `/v1/logs`, `/v1/traces` or `/v1/metrics`"}"#);
    assert_snapshot!(ask("/v1/logs", JSON, "", vec![b' '; 2_001]).await, @r#"413 application/json retry - {"code":8,"message":"a body has at most 2000 bytes: send smaller batches"}"#);
    // A small body that becomes a large one.
    assert_snapshot!(ask("/v1/logs", JSON, "gzip", gzip(&vec![b' '; 200_000])).await, @r#"413 application/json retry - {"code":8,"message":"the body is longer than is taken at once: send smaller batches"}"#);
    let answer = door
        .ask(Request::get("/v1/logs").body(Body::empty()).unwrap())
        .await;
    assert_eq!(answer.status, 405);
    door.monitor.is_unready.store(true, Ordering::Relaxed);
    assert_snapshot!(ask("/v1/logs", JSON, "", b"{}".to_vec()).await, @r#"503 application/json retry 1 {"code":14,"message":"the server cannot decide now: send it again"}"#);
    for signal in Signal::ALL {
        assert_eq!(
            door.intake.counts(signal),
            privet_telemetry::Counts::default()
        );
    }
    assert_eq!(door.journal.close_file().await.unwrap(), []);
}
