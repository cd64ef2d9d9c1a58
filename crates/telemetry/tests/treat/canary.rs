//! A marker in every place where text can stand: only those that the data map lets pass come out.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Gauge, Metric, NumberDataPoint};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use privet_telemetry::Message;
use prost::Message as _;

use crate::bed::{ADA, any, key, resource, scope, text, treat};
use crate::{logs, points, spans};

const MARKER: &str = "canary";

/// Attributes of every class and of none, in every type, with markers in keys as well.
fn attributes(place: &str) -> Vec<KeyValue> {
    let marked = || Value::StringValue(format!("{MARKER}-{place}"));
    let mut all: Vec<_> = [
        "order.id",
        "user.name",
        "note",
        "birthday",
        "country",
        "http.status",
        "cached",
        "load",
    ]
    .into_iter()
    .chain([
        "canary.key",
        "",
        "privet.purpose.canary",
        "privet.canary",
        "resource.http.method",
    ])
    .map(|name| key(name, marked()))
    .collect();
    let nested = Value::KvlistValue(KeyValueList {
        values: vec![key("http.method", marked())],
    });
    let listed = Value::ArrayValue(ArrayValue {
        values: vec![any(marked())],
    });
    all.extend([
        key("http.method", nested),
        key("http.method", listed),
        key("http.method", Value::BytesValue(MARKER.as_bytes().to_vec())),
        key("event.name", marked()),
        text("company", "passes"),
        text("user.id", ADA),
    ]);
    all
}

fn id<const LENGTH: usize>() -> Vec<u8> {
    vec![7; LENGTH]
}

/// A resource and a scope.
fn around() -> (Option<Resource>, Option<InstrumentationScope>) {
    (
        resource(attributes("resource")),
        scope(MARKER, attributes("scope")),
    )
}

fn of_logs() -> Message {
    let record = |event: &str| LogRecord {
        severity_text: MARKER.to_owned(),
        body: Some(any(Value::StringValue(MARKER.to_owned()))),
        attributes: attributes("record"),
        // As long as an id, and readable.
        trace_id: b"canary".to_vec(),
        span_id: b"canary".to_vec(),
        event_name: event.to_owned(),
        ..LogRecord::default()
    };
    let (resource, scope) = around();
    logs::request(
        resource,
        scope,
        vec![record(MARKER), record(""), record("order.shown")],
    )
}

fn of_spans() -> Message {
    let span = Span {
        trace_id: id::<16>(),
        span_id: id::<8>(),
        parent_span_id: b"canary".to_vec(),
        trace_state: MARKER.to_owned(),
        name: MARKER.to_owned(),
        attributes: attributes("span"),
        events: vec![Event {
            name: MARKER.to_owned(),
            attributes: attributes("event"),
            ..Event::default()
        }],
        links: vec![Link {
            trace_id: id::<16>(),
            span_id: id::<8>(),
            trace_state: MARKER.to_owned(),
            attributes: attributes("link"),
            ..Link::default()
        }],
        status: Some(Status {
            message: MARKER.to_owned(),
            code: 2,
        }),
        ..Span::default()
    };
    let (resource, scope) = around();
    spans::request(resource, scope, vec![span])
}

fn of_points() -> Message {
    let point = NumberDataPoint {
        attributes: attributes("point"),
        exemplars: vec![Exemplar {
            filtered_attributes: attributes("exemplar"),
            trace_id: b"canary".to_vec(),
            ..Exemplar::default()
        }],
        ..NumberDataPoint::default()
    };
    let metric = |name: &str, unit: &str| Metric {
        name: name.to_owned(),
        description: MARKER.to_owned(),
        unit: unit.to_owned(),
        metadata: attributes("metadata"),
        data: Some(Data::Gauge(Gauge {
            data_points: vec![point.clone()],
        })),
    };
    let (resource, scope) = around();
    let metrics = vec![
        metric(MARKER, ""),
        metric("orders", MARKER),
        metric("http.duration", "s"),
    ];
    points::request(resource, scope, metrics)
}

/// Each class's marker, and each place's, is found in what comes in, so that finding none in what comes out says something.
#[test]
fn no_marker_comes_out() {
    let mut passed = 0;
    for message in [of_logs(), of_spans(), of_points()] {
        let raw = format!("{message:?}");
        assert!(raw.matches(MARKER).count() > 20, "{raw}");
        let treated = treat(message);
        let bytes = treated.batch.encode_to_vec();
        let found = bytes
            .windows(MARKER.len())
            .position(|window| window == MARKER.as_bytes());
        assert_eq!(found, None, "{:?}", treated.batch);
        passed += bytes
            .windows(6)
            .filter(|window| window == b"passes")
            .count();
        // Neither does the id that applications know the person by, in any form.
        let hidden = format!("{:?}", treated.batch);
        assert!(!hidden.contains(ADA), "{hidden}");
        let oid: privet_vault::Oid = ADA.parse().unwrap();
        assert!(!bytes.windows(16).any(|window| window == oid.as_bytes()));
    }
    assert!(passed > 10, "{passed}");
}
