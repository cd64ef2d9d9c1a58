//! Log records.

use insta::assert_snapshot;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use privet_telemetry::{Limits, Message};

use crate::bed::{ADA, BOB, NOBODY, any, key, resource, scope, text, treat, treat_within};
use crate::shown::shown;

pub(crate) fn request(
    resource: Option<Resource>,
    scope: Option<InstrumentationScope>,
    log_records: Vec<LogRecord>,
) -> Message {
    Message::Logs(ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource,
            scope_logs: vec![ScopeLogs {
                scope,
                log_records,
                schema_url: "https://canary.example/schema".to_owned(),
            }],
            schema_url: "https://canary.example/schema".to_owned(),
        }],
    })
}

fn record(event: &str, attributes: Vec<KeyValue>) -> LogRecord {
    LogRecord {
        time_unix_nano: 7,
        event_name: event.to_owned(),
        attributes,
        ..LogRecord::default()
    }
}

fn check(records: Vec<LogRecord>) -> String {
    shown(&treat(request(None, None, records)))
}

#[test]
fn values_pass_by_their_class() {
    let attributes = vec![
        text("user.id", ADA),
        text("order.id", "4711"),
        text("user.name", "canary"),
        text("note", "canary"),
        text("birthday", "1990-12-31"),
        text("country", "NO"),
        text("company", "Acme"),
        text("http.method", "GET"),
        key("http.status", Value::IntValue(200)),
        key("load", Value::DoubleValue(0.5)),
        key("cached", Value::BoolValue(true)),
        text("other", "canary"),
    ];
    assert_snapshot!(check(vec![record("", attributes)]), @r#"
    log - None None ("", "") at 7 of a1/80000001/3 for - with ["order.id=po1_2_205", "country=NO", "company=Acme", "http.method=GET", "http.status=200", "load=0.5", "cached=true"]
    accepted 1, lost (unknown) 1, lost (class) 3
    "#);
}

#[test]
fn a_value_of_another_type_is_dropped() {
    let list = Value::ArrayValue(ArrayValue {
        values: vec![any(Value::StringValue("GET".into()))],
    });
    let map = Value::KvlistValue(KeyValueList {
        values: vec![text("http.method", "GET")],
    });
    let attributes = vec![
        key("http.method", Value::IntValue(1)),
        key("http.method", list),
        key("http.method", map),
        key("http.method", Value::BytesValue(b"GET".to_vec())),
        key("http.method", Value::StringValueStrindex(1)),
        KeyValue {
            key: "http.method".into(),
            ..KeyValue::default()
        },
        key("http.status", Value::DoubleValue(200.0)),
        key("http.status", Value::StringValue("200".into())),
        key("cached", Value::StringValue("true".into())),
        key("load", Value::IntValue(i64::MAX)),
        key("order.id", Value::DoubleValue(1.0)),
        key("country", Value::IntValue(1)),
        // These two pass: a number is a number, and an id's digits are the id.
        key("load", Value::IntValue(-3)),
        key("order.id", Value::IntValue(4711)),
        text("country", "SE"),
    ];
    assert_snapshot!(check(vec![record("", attributes)]), @r#"
    log - None None ("", "") at 7 of nobody for - with ["load=-3.0", "order.id=po1_0_205"]
    accepted 1, lost (type) 12, lost (unlisted) 1
    "#);
}

#[test]
fn a_body_passes_where_the_map_says_so() {
    let with_body = |event: &str, body: Value| LogRecord {
        body: Some(any(body)),
        ..record(event, vec![text("user.id", ADA)])
    };
    let words = || Value::StringValue("3 rows".to_owned());
    let records = vec![
        with_body("order.placed", words()),
        with_body("order.shown", words()),
        with_body("other", words()),
        with_body("", words()),
        with_body("order.placed", Value::IntValue(1)),
    ];
    assert_snapshot!(check(records), @r#"
    log order.placed None Some("3 rows") ("", "") at 7 of a1/80000001/3 for improvement exportable with []
    log order.shown None None ("", "") at 7 of a1/80000001/3 for service with []
    log - None None ("", "") at 7 of a1/80000001/3 for - with []
    log - None None ("", "") at 7 of a1/80000001/3 for - with []
    log order.placed None None ("", "") at 7 of a1/80000001/3 for improvement exportable with []
    accepted 5, lost (unknown) 1, lost (class) 3, lost (type) 1
    "#);
}

#[test]
fn without_consent_a_record_is_dropped() {
    let of = |who: &str| record("order.placed", vec![text("user.id", who)]);
    let records = vec![
        of(ADA),
        of(BOB),
        of(NOBODY),
        of("ada@example.org"),
        record("order.placed", vec![]),
    ];
    assert_snapshot!(check(records), @r#"
    log order.placed None None ("", "") at 7 of a1/80000001/3 for improvement exportable with []
    accepted 1, dropped (no consent) 4
    "#);
    let of = |who: &str| record("order.shown", vec![text("user.id", who)]);
    let records = vec![of(BOB), of(NOBODY), of("ada@example.org")];
    assert_snapshot!(check(records), @r#"
    log order.shown None None ("", "") at 7 of b0/0/1 for service with []
    log order.shown None None ("", "") at 7 of nobody for service with []
    log order.shown None None ("", "") at 7 of nobody for service with []
    accepted 3, lost (nobody) 2
    "#);
}

#[test]
fn the_purpose_that_is_nearest_counts() {
    let stating = |event: &str, purpose: &str| {
        record(
            event,
            vec![text("user.id", BOB), text("privet.purpose", purpose)],
        )
    };
    let records = || {
        vec![
            stating("order.placed", "service"),
            stating("order.shown", "improvement"),
            stating("", "growth"),
            record("order.shown", vec![text("user.id", BOB)]),
            record("", vec![text("user.id", BOB)]),
            record("", vec![key("privet.purpose", Value::IntValue(1))]),
        ]
    };
    assert_snapshot!(check(records()), @r#"
    log order.placed None None ("", "") at 7 of b0/0/1 for service exportable with []
    log order.shown None None ("", "") at 7 of b0/0/1 for service with []
    log - None None ("", "") at 7 of b0/0/1 for - with []
    accepted 3, dropped (unknown purpose) 2, dropped (no consent) 1
    "#);
    // The scope's own purpose is asked after the event's, and what the scope states is asked before both.
    let in_scope = request(None, scope("shop.marketing", vec![]), records());
    assert_snapshot!(shown(&treat(in_scope)), @r#"
    log order.placed None None ("", "") at 7 of b0/0/1 for service exportable from shop.marketing [] with []
    log order.shown None None ("", "") at 7 of b0/0/1 for service from shop.marketing [] with []
    accepted 2, dropped (unknown purpose) 2, dropped (no consent) 2
    "#);
    let stated = scope("shop.marketing", vec![text("privet.purpose", "service")]);
    let records = vec![record("order.placed", vec![]), record("", vec![])];
    assert_snapshot!(shown(&treat(request(None, stated, records))), @r#"
    log order.placed None None ("", "") at 7 of nobody for service exportable from shop.marketing [] with []
    log - None None ("", "") at 7 of nobody for service from shop.marketing [] with []
    accepted 2
    "#);
}

#[test]
fn the_person_that_is_nearest_counts() {
    let around = || {
        resource(vec![
            text("user.id", ADA),
            text("order.id", "1"),
            text("http.method", "PUT"),
        ])
    };
    let records = vec![
        record("", vec![]),
        record("", vec![text("user.id", BOB)]),
        record("", vec![text("user.id", "nobody in particular")]),
        record("", vec![text("user.id", BOB), text("user.id", ADA)]),
        record("", vec![]),
    ];
    // What the resource calls things changes with the person, too.
    assert_snapshot!(shown(&treat(request(around(), None, records))), @r#"
    log - None None ("", "") at 7 of a1/80000001/3 for - from - ["resource.order.id=po1_2_49", "resource.http.method=PUT"] with []
    log - None None ("", "") at 7 of b0/0/1 for - from - ["resource.order.id=po1_1_49", "resource.http.method=PUT"] with []
    log - None None ("", "") at 7 of nobody for - from - ["resource.order.id=po1_0_49", "resource.http.method=PUT"] with []
    log - None None ("", "") at 7 of b0/0/1 for - from - ["resource.order.id=po1_1_49", "resource.http.method=PUT"] with []
    log - None None ("", "") at 7 of a1/80000001/3 for - from - ["resource.order.id=po1_2_49", "resource.http.method=PUT"] with []
    accepted 5, lost (nobody) 1
    "#);
    let own = scope(
        "shop.http",
        vec![
            text("user.id", BOB),
            text("company", "Acme"),
            text("note", "canary"),
        ],
    );
    let records = vec![record("", vec![]), record("", vec![text("user.id", ADA)])];
    assert_snapshot!(shown(&treat(request(around(), own, records))), @r#"
    log - None None ("", "") at 7 of b0/0/1 for - from shop.http ["resource.order.id=po1_1_49", "resource.http.method=PUT", "scope.company=Acme"] with []
    log - None None ("", "") at 7 of a1/80000001/3 for - from shop.http ["resource.order.id=po1_2_49", "resource.http.method=PUT", "scope.company=Acme"] with []
    accepted 2, lost (class) 1
    "#);
}

#[test]
fn numbers_and_ids_are_checked() {
    let with = |severity_number, trace: &[u8], span: &[u8]| LogRecord {
        severity_number,
        severity_text: "canary".to_owned(),
        trace_id: trace.to_vec(),
        span_id: span.to_vec(),
        ..record("", vec![])
    };
    let records = vec![
        with(0, &[], &[]),
        with(1, &[1; 16], &[2; 8]),
        with(24, &[0; 16], &[0; 8]),
        with(25, &[1; 15], &[2; 9]),
        with(-1, b"ada@example.org!", &[2; 8]),
    ];
    assert_snapshot!(check(records), @r#"
    log - None None ("", "") at 7 of nobody for - with []
    log - Some(1) None ("01010101010101010101010101010101", "0202020202020202") at 7 of nobody for - with []
    log - Some(24) None ("", "") at 7 of nobody for - with []
    log - None None ("", "") at 7 of nobody for - with []
    log - None None ("616461406578616d706c652e6f726721", "0202020202020202") at 7 of nobody for - with []
    accepted 5
    "#);
}

#[test]
fn clocks_are_as_they_are() {
    let at = |time_unix_nano, observed_time_unix_nano| LogRecord {
        time_unix_nano,
        observed_time_unix_nano,
        ..LogRecord::default()
    };
    let records = vec![
        at(1, 0),
        at(4_102_444_800_000_000_000, 5),
        at(0, 5),
        at(0, 0),
        at(u64::MAX, 5),
    ];
    assert_snapshot!(check(records), @r#"
    log - None None ("", "") at 1 of nobody for - with []
    log - None None ("", "") at 4102444800000000000 of nobody for - with []
    log - None None ("", "") at 5 of nobody for - with []
    log - None None ("", "") at 1795000000000000000 of nobody for - with []
    log - None None ("", "") at 1795000000000000000 of nobody for - with []
    accepted 5
    "#);
}

#[test]
fn what_a_person_did_is_exportable() {
    let initiated = |value| record("order.shown", vec![key("privet.user_initiated", value)]);
    let records = vec![
        initiated(Value::BoolValue(true)),
        initiated(Value::BoolValue(false)),
        initiated(Value::StringValue("true".into())),
        record("", vec![text("event.name", "order.shown")]),
    ];
    assert_snapshot!(check(records), @r#"
    log order.shown None None ("", "") at 7 of nobody for service exportable with []
    log order.shown None None ("", "") at 7 of nobody for service with []
    log order.shown None None ("", "") at 7 of nobody for service with []
    log order.shown None None ("", "") at 7 of nobody for service with []
    accepted 4
    "#);
}

#[test]
fn long_texts_and_long_lists_do_not_pass() {
    let limits = Limits {
        attributes_max: 2,
        value_bytes_max: 4,
        text_bytes_max: 6,
        ..Limits::default()
    };
    let method = |value: &str| text("http.method", value);
    let mut long_body = record("order.placed", vec![text("user.id", ADA)]);
    long_body.body = Some(any(Value::StringValue("1234567".into())));
    let records = vec![
        record("", vec![method("HEAD"), text("order.id", "12345")]),
        record("", vec![method("PATCH")]),
        record("", vec![method("GET"), method("GET"), method("GET")]),
        long_body,
    ];
    let treated = treat_within(request(None, None, records), &limits);
    assert_snapshot!(shown(&treated), @r#"
    log - None None ("", "") at 7 of nobody for - with ["http.method=HEAD"]
    log - None None ("", "") at 7 of nobody for - with []
    log order.placed None None ("", "") at 7 of a1/80000001/3 for improvement exportable with []
    accepted 3, dropped (too large) 1, lost (too_large) 3
    "#);
    let crowded = resource(vec![method("a"), method("b"), method("c")]);
    let treated = treat_within(request(crowded, None, vec![record("", vec![])]), &limits);
    assert_snapshot!(shown(&treated), @"accepted 0, dropped (too large) 1");
}
