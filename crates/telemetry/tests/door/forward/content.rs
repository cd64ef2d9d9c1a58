//! What a collector gets of what was sent, to be looked at by a person.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use privet_telemetry::{
    Attribute, Batch, Common, Consent, Limits, Log, Packing, Person, Unsent, Value,
};
use prost::Message as _;
use serde_json::{Value as Json, json};

use super::collector::{Scripted, Seen};
use super::{Calm, Running};
use crate::bed::{ADA, BOB, open};

/// A request as JSON.
fn shown(seen: &Seen) -> Json {
    let body = &*seen.body;
    let content = match seen.path.as_str() {
        "/v1/logs" => serde_json::to_value(ExportLogsServiceRequest::decode(body).unwrap()),
        "/v1/traces" => serde_json::to_value(ExportTraceServiceRequest::decode(body).unwrap()),
        _ => serde_json::to_value(ExportMetricsServiceRequest::decode(body).unwrap()),
    };
    json!({ &seen.path: content.unwrap() })
}

fn text(key: &str, value: &str) -> Json {
    json!({"key": key, "value": {"stringValue": value}})
}

/// One request of each signal, with something of everything in it.
fn sent() -> [(&'static str, Json); 3] {
    let resource =
        json!({"attributes": [text("service.name", "shop"), text("host.name", "canary")]});
    let scope =
        json!({"name": "shop", "version": "canary", "attributes": [text("http.method", "GET")]});
    let ids = ("0102030405060708090a0b0c0d0e0f10", "0102030405060708");
    let about = |who: &str| {
        json!([
            text("user.id", who),
            text("user.name", "canary"),
            text("order.id", "4711")
        ])
    };
    let logs = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": [
        {"timeUnixNano": "7", "eventName": "order.placed", "severityNumber": 9, "severityText": "canary",
         "body": {"stringValue": "3 rows"}, "attributes": about(ADA), "traceId": ids.0, "spanId": ids.1},
        {"timeUnixNano": "8", "eventName": "GET /orders", "body": {"stringValue": "canary"}, "attributes": about(BOB)},
        {"timeUnixNano": "9", "eventName": "canary", "attributes": [
            {"key": "http.status", "value": {"intValue": "200"}}, {"key": "load", "value": {"intValue": "2"}}]},
    ]}]}]});
    let span = json!({
        "traceId": ids.0, "spanId": ids.1, "parentSpanId": "1112131415161718", "name": "GET /orders", "kind": 2,
        "startTimeUnixNano": "100", "endTimeUnixNano": "160", "attributes": about(ADA),
        "status": {"code": 2, "message": "canary"},
        "events": [{"timeUnixNano": "120", "name": "order.placed", "attributes": [text("http.method", "PUT")]}],
        "links": [{"traceId": "a102030405060708090a0b0c0d0e0f10", "spanId": "a102030405060708",
                   "attributes": [text("http.method", "LINK")]}],
    });
    let spans =
        json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]});
    let exemplar = json!({"timeUnixNano": "205", "asDouble": 4.5, "traceId": ids.0, "spanId": ids.1,
                          "filteredAttributes": [text("user.id", ADA)]});
    let point = |time: &str, exemplars: &[&Json]| {
        json!({"timeUnixNano": time, "startTimeUnixNano": "190", "asInt": "3", "exemplars": exemplars,
               "attributes": [text("http.method", "GET")]})
    };
    let sum = json!({"aggregationTemporality": 2, "isMonotonic": true,
                     "dataPoints": [point("200", &[]), point("210", &[&exemplar])]});
    let histogram = json!({"aggregationTemporality": 1, "dataPoints": [
        {"timeUnixNano": "220", "count": "3", "sum": 6.0, "min": 1.0, "max": 3.0,
         "explicitBounds": [2.0], "bucketCounts": ["2", "1"]}]});
    let empty_gauge = json!({"dataPoints": [{"timeUnixNano": "230"}]});
    let summary = json!({"dataPoints": [{"timeUnixNano": "240", "count": "2", "sum": 3.0,
                                        "quantileValues": [{"quantile": 0.5, "value": 1.0}]}]});
    let metrics = [
        ("sum", sum),
        ("histogram", histogram),
        ("gauge", empty_gauge),
        ("summary", summary),
    ];
    let metrics = metrics.map(
        |(kind, data)| json!({"name": "orders", "unit": "1", "description": "canary", kind: data}),
    );
    let metrics =
        json!({"resourceMetrics": [{"scopeMetrics": [{"scope": scope, "metrics": metrics}]}]});
    [
        ("/v1/logs", logs),
        ("/v1/traces", spans),
        ("/v1/metrics", metrics),
    ]
}

#[tokio::test]
async fn what_is_stored_is_forwarded_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let collector = Scripted::new([]).await;
    let calm = Calm {
        headers: vec![("authorization", "Bearer of the collector".to_owned())],
        ..Calm::default()
    };
    let running = Running::start(&mut door, &collector.address, &calm);
    for (path, body) in sent() {
        let answer = door.post(path, "application/json", body.to_string()).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.body),
            (200, &b"{}"[..]),
            "{path}"
        );
    }
    door.journal.append(&changes()).await.unwrap();
    door.storing.store_all().await.unwrap();
    running.drained().await;
    let seen = collector.seen();
    let all: Vec<_> = seen.iter().map(shown).collect();
    let all = serde_json::to_string_pretty(&all).unwrap();
    for secret in ["canary", "4711", ADA, BOB] {
        assert!(!all.contains(secret), "{secret}");
    }
    insta::assert_snapshot!(all);
    for one in seen {
        assert_eq!(one.headers["content-type"], "application/x-protobuf");
        assert_eq!(one.headers["content-encoding"], "gzip");
        assert_eq!(one.headers["authorization"], "Bearer of the collector");
    }
    running.end().await;
}

/// A change of consent, and the last word about an id.
fn changes() -> Batch {
    let person = |tyid, consent, stamp| Person {
        tyid: vec![tyid; 16],
        consent,
        stamp,
    };
    let consent = |person, time_ns, is_final| Consent {
        common: Common {
            time_ns,
            person: Some(person),
            ..Common::default()
        },
        is_final,
    };
    Batch {
        received_ms: 1_795_000_000_000,
        notice: "2026-11".to_owned(),
        people: vec![person(0xa1, 1, 4), person(0xb0, 0, u32::MAX)],
        consents: vec![consent(0, 300, false), consent(1, 310, true)],
        ..Batch::default()
    }
}

/// A journal of a server whose data map said something else.
#[tokio::test]
async fn what_no_longer_passes_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let attribute = |column, value| Attribute {
        column,
        value: Some(value),
    };
    let names = [
        "canary.event",
        "user.name",
        "order.id",
        "http.status",
        "order.placed",
    ];
    let log = |event| Log {
        common: Common {
            time_ns: 1,
            attributes: vec![
                attribute(1, Value::String("canary".to_owned())),
                attribute(2, Value::String("canary".to_owned())),
                attribute(3, Value::String("canary".to_owned())),
                attribute(99, Value::String("canary".to_owned())),
            ],
            ..Common::default()
        },
        event: Some(event),
        body: Some(["canary", "3 rows"][usize::from(event == 4)].to_owned()),
        ..Log::default()
    };
    let batch = Batch {
        received_ms: 1_795_000_000_000,
        names: names.map(str::to_owned).to_vec(),
        logs: vec![log(0), log(4)],
        ..Batch::default()
    };
    let collector = Scripted::new([]).await;
    let calm = Calm {
        packing: Packing::Plain,
        ..Calm::default()
    };
    let running = Running::start(&mut door, &collector.address, &calm);
    door.journal.append(&batch).await.unwrap();
    door.storing.store_all().await.unwrap();
    running.drained().await;
    let [seen] = &*collector.seen() else {
        panic!("not one request");
    };
    assert!(!seen.headers.contains_key("content-encoding"));
    let shown = shown(seen).to_string();
    assert!(
        shown.contains("3 rows") && !shown.contains("canary"),
        "{shown}"
    );
    let rows = crate::stored::rows(&door, folder.path(), "logs").await;
    assert!(!format!("{rows:?}").contains("canary"), "{rows:?}");
    running.end().await;
}

/// It waited for a collector until the data map keeps it no more; what was said about consent holds all the same.
#[tokio::test]
async fn what_is_no_longer_kept_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let collector = Scripted::new([]).await;
    let running = Running::start(&mut door, &collector.address, &Calm::default());
    let log = |time_ns| Log {
        common: Common {
            time_ns,
            ..Common::default()
        },
        ..Log::default()
    };
    for (time_ns, received_ms) in [(1, 0), (2, 1_795_000_000_000)] {
        let batch = Batch {
            logs: vec![log(time_ns)],
            received_ms,
            ..changes()
        };
        door.journal.append(&batch).await.unwrap();
    }
    door.storing.store_all().await.unwrap();
    running.drained().await;
    assert_eq!(collector.times(), [300, 310, 2, 300, 310]);
    running
        .until(|counts| counts.unsent(Unsent::Outdated) == 1)
        .await;
    running.end().await;
}

/// However short requests are to be, each record is in one, once.
#[tokio::test]
async fn long_files_become_many_requests() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let collector = Scripted::new([]).await;
    let calm = Calm {
        request_bytes: 5_000,
        ..Calm::default()
    };
    let running = Running::start(&mut door, &collector.address, &calm);
    let records = (0..300).map(|time| crate::bed::record(time + 1, ADA));
    let answer = door.logs(&crate::bed::logs(records.collect())).await;
    assert_eq!(answer.status, 200);
    door.storing.store_all().await.unwrap();
    running.drained().await;
    assert_eq!(collector.times(), (1..=300).collect::<Vec<_>>());
    let lengths = collector.seen().into_iter().map(|seen| seen.body.len());
    let lengths: Vec<_> = lengths.collect();
    assert!(lengths.len() > 5, "{lengths:?}");
    assert!(lengths.iter().all(|length| *length < 6_000), "{lengths:?}");
    running.end().await;
}
