//! OTLP over gRPC, by its frames: length and payload in, length, payload and trailers out.

use axum::body::Body;
use axum::http::Request;
use bytes::{Buf as _, BufMut as _, Bytes};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use privet_telemetry::{Limits, Signal};
use prost::Message as _;

use crate::bed::{ADA, Answer, BOB, Door, TOKEN, logs, open, record};

const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

fn framed(payload: &[u8]) -> Bytes {
    let mut frame = Vec::new();
    frame.put_u8(0);
    frame.put_u32(payload.len().try_into().unwrap());
    frame.put(payload);
    frame.into()
}

async fn call(door: &Door, method: &str, token: &str, payload: &[u8]) -> Answer {
    let request = Request::post(method)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(framed(payload)))
        .unwrap();
    door.ask(request).await
}

fn status(answer: &Answer) -> String {
    let of = |name: &str| {
        let trailer = answer
            .trailers
            .as_ref()
            .and_then(|trailers| trailers.get(name));
        trailer
            .or(answer.headers.get(name))
            .map_or("-", |value| value.to_str().unwrap())
    };
    format!("{} {}", of("grpc-status"), of("grpc-message"))
}

#[tokio::test]
async fn a_call_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let request = logs(vec![record(1, ADA), record(2, BOB)]).encode_to_vec();
    let answer = call(&door, LOGS, TOKEN, &request).await;
    assert_eq!(status(&answer), "0 -");
    let mut body = answer.body;
    assert_eq!((body.get_u8(), body.get_u32() as usize), (0, body.len()));
    let response = ExportLogsServiceResponse::decode(body).unwrap();
    assert_eq!(response.partial_success.unwrap().rejected_log_records, 1);
    for method in [
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    ] {
        assert_eq!(status(&call(&door, method, TOKEN, &[]).await), "0 -");
    }
    assert_eq!(door.intake.counts(Signal::Logs).accepted, 1);
}

#[tokio::test]
async fn what_is_wrong_has_a_status() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        message_bytes_max: 1_000,
        records_max: 2,
        ..Limits::default()
    };
    let door = open(folder.path(), limits);
    let of = async |method: &str, token: &str, payload: &[u8]| {
        status(&call(&door, method, token, payload).await)
    };
    assert!(of(LOGS, "wrong", &[]).await.starts_with("16 "));
    assert!(
        of(
            "/opentelemetry.proto.collector.logs.v1.LogsService/Other",
            TOKEN,
            &[]
        )
        .await
        .starts_with("12 ")
    );
    assert!(of(LOGS, TOKEN, b"ada@example.org").await.starts_with("3 "));
    assert!(
        of(LOGS, TOKEN, &logs(vec![record(1, ADA); 3]).encode_to_vec())
            .await
            .starts_with("8 ")
    );
    assert!(of(LOGS, TOKEN, &[0; 1_001]).await.starts_with("11 "));
    assert_eq!(door.journal.close_file().await.unwrap(), []);
}
