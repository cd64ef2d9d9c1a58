//! Bodies that nobody means well with.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use privet_telemetry::{Dropped, Encoding, Limits, Message, Signal, Undecoded};
use proptest::prelude::*;
use prost::Message as _;

use crate::bed::{ADA, BOB, NOBODY, any, key, resource, text, treat, treat_within};
use crate::logs;
use crate::shown::shown;

fn decode(signal: Signal, body: &[u8]) -> Result<usize, Undecoded> {
    let limits = Limits::default();
    Message::decode(signal, Encoding::Protobuf, body, &limits).map(|message| message.records())
}

fn encoded(message: Message) -> Vec<u8> {
    match message {
        Message::Logs(request) => request.encode_to_vec(),
        Message::Traces(request) => request.encode_to_vec(),
        Message::Metrics(request) => request.encode_to_vec(),
    }
}

fn one_log(value: AnyValue) -> Message {
    let record = LogRecord {
        body: Some(value),
        ..LogRecord::default()
    };
    logs::request(None, None, vec![record])
}

#[test]
fn values_that_lie_deep_in_one_another_are_refused() {
    let nested = |depth: usize| {
        (0..depth).fold(any(Value::BoolValue(true)), |inner, _| {
            any(Value::ArrayValue(ArrayValue {
                values: vec![inner],
            }))
        })
    };
    assert_eq!(decode(Signal::Logs, &encoded(one_log(nested(15)))), Ok(1));
    let deep = encoded(one_log(nested(60)));
    assert_eq!(decode(Signal::Logs, &deep), Err(Undecoded::TooLarge));
    // So deep that a decoder without a limit would run out of stack, written by hand as the encoder would, too.
    let mut body = Vec::new();
    for level in 0..6_000 {
        // A list in a value, a value in a list.
        let mut outer = vec![if level % 2 == 0 { 0x0a } else { 0x2a }];
        prost::encoding::encode_varint(body.len() as u64, &mut outer);
        outer.extend_from_slice(&body);
        body = outer;
    }
    for field in [0x2a_u8, 0x12, 0x12, 0x0a] {
        let mut outer = vec![field];
        prost::encoding::encode_varint(body.len() as u64, &mut outer);
        outer.extend_from_slice(&body);
        body = outer;
    }
    assert_eq!(decode(Signal::Logs, &body), Err(Undecoded::TooLarge));
    let json = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{}1{}}}]}}]}}]}}"#,
        r#"{"arrayValue":{"values":["#.repeat(10_000),
        "]}}".repeat(10_000)
    );
    let decoded = Message::decode(
        Signal::Logs,
        Encoding::Json,
        json.as_bytes(),
        &Limits::default(),
    );
    assert_eq!(decoded.unwrap_err(), Undecoded::Malformed);
}

#[test]
fn a_small_body_of_many_parts_is_refused() {
    // An empty span takes two bytes here, and three hundred once it is decoded.
    let spans = [0x12, 0x00].repeat(600_000);
    let mut scope = vec![0x12];
    prost::encoding::encode_varint(spans.len() as u64, &mut scope);
    scope.extend(spans);
    let mut body = vec![0x0a];
    prost::encoding::encode_varint(scope.len() as u64, &mut body);
    body.extend(scope);
    assert_eq!(decode(Signal::Traces, &body), Err(Undecoded::TooLarge));
    let json = format!(r#"{{"resourceSpans":[{}]}}"#, vec!["{}"; 600_000].join(","));
    let decoded = Message::decode(
        Signal::Traces,
        Encoding::Json,
        json.as_bytes(),
        &Limits::default(),
    );
    assert_eq!(decoded.unwrap_err(), Undecoded::TooLarge);
    let limits = Limits {
        records_max: 2,
        ..Limits::default()
    };
    let three = encoded(logs::request(None, None, vec![LogRecord::default(); 3]));
    let decoded = Message::decode(Signal::Logs, Encoding::Protobuf, &three, &limits);
    assert_eq!(decoded.unwrap_err(), Undecoded::TooLarge);
}

#[test]
fn a_hundred_thousand_different_keys_leave_nothing() {
    let records = (0..1_000).map(|record| LogRecord {
        attributes: (0..100)
            .map(|one| text(&format!("k{record}.{one}\u{0}\u{202e}"), "v"))
            .collect(),
        ..LogRecord::default()
    });
    let treated = treat(logs::request(None, None, records.collect()));
    assert!(treated.batch.names.is_empty());
    assert!(shown(&treated).ends_with("accepted 1000, lost (unknown) 100000\n"));
}

/// Where a resource names a thing, each person has a resource of their own, as long as the one that was sent.
#[test]
fn long_attributes_are_not_multiplied_by_people() {
    let limits = Limits {
        message_bytes_max: 1_000,
        ..Limits::default()
    };
    let about = |oid| LogRecord {
        attributes: vec![text("user.id", oid)],
        ..LogRecord::default()
    };
    let resource = resource(vec![
        text("order.id", "4711"),
        text("company", &"c".repeat(800)),
    ]);
    let records = [ADA, BOB, ADA, NOBODY, BOB, NOBODY].map(about);
    let treated = treat_within(logs::request(resource, None, records.to_vec()), &limits);
    assert_eq!(treated.batch.origins.len(), 2);
    let counts = treated.counts;
    assert_eq!((counts.accepted, counts.dropped(Dropped::TooLarge)), (4, 2));
}

#[test]
fn other_bytes_are_no_request() {
    for body in [
        &b"{"[..],
        b"\xff",
        b"\x0a\x05a",
        b"\x0b",
        b"<html>",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ] {
        for signal in Signal::ALL {
            assert_eq!(decode(signal, body), Err(Undecoded::Malformed), "{body:?}");
        }
    }
    for json in [
        "",
        "[",
        "null",
        "1",
        r#"{"resourceLogs":1}"#,
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"xyz"}]}]}]}"#,
    ] {
        let decoded = Message::decode(
            Signal::Logs,
            Encoding::Json,
            json.as_bytes(),
            &Limits::default(),
        );
        assert_eq!(decoded.unwrap_err(), Undecoded::Malformed, "{json}");
    }
}

proptest! {
    /// Whatever comes: no panic; and what the decoder takes, the count of its parts took before.
    #[test]
    fn any_bytes_are_decoded_or_refused(body in proptest::collection::vec(0..=u8::MAX, 0..200)) {
        for signal in Signal::ALL {
            let taken = match signal {
                Signal::Logs => ExportLogsServiceRequest::decode(&*body).is_ok(),
                Signal::Traces => ExportTraceServiceRequest::decode(&*body).is_ok(),
                Signal::Metrics => ExportMetricsServiceRequest::decode(&*body).is_ok(),
            };
            let decoded = Message::decode(signal, Encoding::Protobuf, &body, &Limits::default());
            if let Ok(message) = decoded {
                prop_assert!(taken);
                treat(message);
            }
        }
    }

    /// A request with one byte changed.
    #[test]
    fn a_damaged_request_does_no_harm(place in 0..2_000_usize, byte in 0..=u8::MAX) {
        let record = LogRecord {
            attributes: vec![text("http.method", "GET"), key("http.status", Value::IntValue(200))],
            event_name: "order.shown".to_owned(),
            trace_id: vec![1; 16],
            ..LogRecord::default()
        };
        let mut body = encoded(logs::request(None, None, vec![record; 4]));
        let place = place % body.len();
        body[place] = byte;
        if let Ok(message) = Message::decode(Signal::Logs, Encoding::Protobuf, &body, &Limits::default()) {
            treat(message);
        }
    }
}
