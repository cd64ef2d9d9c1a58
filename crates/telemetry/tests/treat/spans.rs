//! Spans, their events and their links.

use insta::assert_snapshot;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use privet_telemetry::Message;

use crate::bed::{ADA, BOB, resource, scope, text, treat};
use crate::shown::shown;

pub(crate) fn request(
    resource: Option<Resource>,
    scope: Option<InstrumentationScope>,
    spans: Vec<Span>,
) -> Message {
    Message::Traces(ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource,
            scope_spans: vec![ScopeSpans {
                scope,
                spans,
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    })
}

fn span(name: &str, attributes: Vec<KeyValue>) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        parent_span_id: vec![3; 8],
        trace_state: "canary=1".to_owned(),
        name: name.to_owned(),
        kind: 2,
        start_time_unix_nano: 100,
        end_time_unix_nano: 350,
        attributes,
        ..Span::default()
    }
}

fn event(name: &str, attributes: Vec<KeyValue>) -> Event {
    Event {
        time_unix_nano: 120,
        name: name.to_owned(),
        attributes,
        ..Event::default()
    }
}

fn link(attributes: Vec<KeyValue>) -> Link {
    Link {
        trace_id: vec![4; 16],
        span_id: vec![5; 8],
        trace_state: "canary=1".to_owned(),
        attributes,
        ..Link::default()
    }
}

fn check(spans: Vec<Span>) -> String {
    shown(&treat(request(None, None, spans)))
}

#[test]
fn a_span_passes_with_its_events_and_links() {
    let whole = Span {
        events: vec![
            event(
                "order.shown",
                vec![text("http.method", "GET"), text("note", "canary")],
            ),
            event("exception", vec![text("exception.message", "canary")]),
            Event {
                time_unix_nano: 0,
                ..event("", vec![])
            },
        ],
        links: vec![link(vec![
            text("company", "Acme"),
            text("user.name", "canary"),
        ])],
        status: Some(Status {
            message: "canary".to_owned(),
            code: 2,
        }),
        ..span(
            "GET /orders",
            vec![text("user.id", ADA), text("http.method", "GET")],
        )
    };
    assert_snapshot!(check(vec![whole]), @r#"
    log order.shown None None ("01010101010101010101010101010101", "0202020202020202") at 120 of a1/80000001/3 for service with ["http.method=GET"]
    log - None None ("01010101010101010101010101010101", "0202020202020202") at 120 of a1/80000001/3 for - with []
    log - None None ("01010101010101010101010101010101", "0202020202020202") at 100 of a1/80000001/3 for - with []
    span GET /orders Some(2) Some(2) Some(250) ("01010101010101010101010101010101", "0202020202020202", "0303030303030303") at 100 of a1/80000001/3 for - with ["http.method=GET"]
    link ["01010101010101010101010101010101", "0202020202020202", "04040404040404040404040404040404", "0505050505050505"] at 100 of a1/80000001/3 for - with ["company=Acme"]
    accepted 1, lost (unknown) 2, lost (class) 2
    "#);
}

#[test]
fn what_cannot_be_is_left_out() {
    let spans = vec![
        Span {
            trace_id: vec![],
            ..span("", vec![])
        },
        Span {
            span_id: vec![0; 8],
            ..span("", vec![])
        },
        Span {
            parent_span_id: vec![1],
            kind: 6,
            end_time_unix_nano: 99,
            status: Some(Status {
                message: String::new(),
                code: 3,
            }),
            links: vec![Link {
                trace_id: vec![0; 16],
                ..link(vec![])
            }],
            ..span("SELECT canary", vec![])
        },
    ];
    assert_snapshot!(check(spans), @r#"
    span - None None None ("01010101010101010101010101010101", "0202020202020202", "") at 100 of nobody for - with []
    accepted 1, dropped (invalid) 2, lost (unknown) 1, lost (class) 1
    "#);
}

#[test]
fn each_part_needs_its_own_consent() {
    let with_parts = |who: &str| Span {
        events: vec![
            event("order.placed", vec![]),
            event("order.shown", vec![text("user.id", BOB)]),
        ],
        links: vec![link(vec![text("privet.purpose", "marketing")])],
        ..span("GET /orders", vec![text("user.id", who)])
    };
    assert_snapshot!(check(vec![with_parts(ADA), with_parts(BOB)]), @r#"
    log order.placed None None ("01010101010101010101010101010101", "0202020202020202") at 120 of a1/80000001/3 for improvement exportable with []
    log order.shown None None ("01010101010101010101010101010101", "0202020202020202") at 120 of b0/0/1 for service with []
    log order.shown None None ("01010101010101010101010101010101", "0202020202020202") at 120 of b0/0/1 for service with []
    span GET /orders Some(2) None Some(250) ("01010101010101010101010101010101", "0202020202020202", "0303030303030303") at 100 of a1/80000001/3 for - with []
    span GET /orders Some(2) None Some(250) ("01010101010101010101010101010101", "0202020202020202", "0303030303030303") at 100 of b0/0/1 for - with []
    link ["01010101010101010101010101010101", "0202020202020202", "04040404040404040404040404040404", "0505050505050505"] at 100 of a1/80000001/3 for marketing with []
    accepted 2, lost (class) 2
    "#);
    // A span that is dropped takes its parts along.
    let marketing = request(None, scope("shop.marketing", vec![]), vec![with_parts(BOB)]);
    assert_snapshot!(shown(&treat(marketing)), @"accepted 0, dropped (no consent) 1");
}

#[test]
fn a_part_about_somebody_else_does_not_share_ids_of_things() {
    let spans = vec![Span {
        events: vec![event("", vec![text("user.id", BOB)])],
        ..span("", vec![])
    }];
    let around = resource(vec![text("user.id", ADA), text("order.id", "1")]);
    assert_snapshot!(shown(&treat(request(around, None, spans))), @r#"
    span - Some(2) None Some(250) ("01010101010101010101010101010101", "0202020202020202", "0303030303030303") at 100 of a1/80000001/3 for - from - ["resource.order.id=po1_2_49"] with []
    accepted 1, lost (class) 1
    "#);
}
