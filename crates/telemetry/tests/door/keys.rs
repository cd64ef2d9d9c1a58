//! Names that nobody has heard of: more of them than a server could remember, and some that are made to do harm.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use privet_telemetry::{Counts, Dropped, Limits, Lost, Signal};
use privet_telemetry_store::{Attribute, Table};
use prost::Message as _;

use crate::bed::{ADA, Door, PROTOBUF, logs, open, post, record, text};
use crate::stored::{files, rows};

/// Where the other process of the first test works.
const FOLDER: &str = "PRIVET_TEST_KEYS";
/// As many keys as one request may have: each takes two parts of a quarter of a million.
const RECORDS: usize = 500;
const KEYS_EACH: usize = 240;
const REQUESTS: usize = 10;
/// What a million keys would take at the very least if they were kept: their forty bytes, and where to find them.
const KEPT_BYTES: u64 = (REQUESTS as u64 - 1) * (RECORDS * KEYS_EACH) as u64 * (40 + 24);

/// A request in which no key is that of another, nor of another request.
fn request(number: usize) -> Vec<u8> {
    let records = (0..RECORDS).map(|row| {
        let mut record = record(1, ADA);
        let first = (number * RECORDS + row) * KEYS_EACH;
        let unknown = (first..first + KEYS_EACH).map(|key| text(&format!("key.{key:036}"), "v"));
        record.attributes.extend(unknown);
        record
    });
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let body = logs(records.collect()).encode_to_vec();
    packed.write_all(&body).unwrap();
    packed.finish().unwrap()
}

/// The most memory that this process has ever held (proc_pid_status(5)).
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() * 1024
}

fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Runs as the other process of the next test, and by itself does nothing that could fail.
#[tokio::test]
async fn takes_requests_of_many_keys() {
    let Some(folder) = folder() else { return };
    let door = open(&folder, Limits::default());
    let mut first = 0;
    for number in 0..REQUESTS {
        let packed = post("/v1/logs", PROTOBUF).header("content-encoding", "gzip");
        let answer = door.ask(packed.body(request(number).into()).unwrap()).await;
        assert_eq!(answer.status, 200);
        door.storing.store_all().await.unwrap();
        if number == 0 {
            first = peak_bytes();
        }
    }
    let counts = door.intake.counts(Signal::Logs);
    assert_eq!(counts.accepted, (REQUESTS * RECORDS) as u64);
    assert_eq!(
        counts.lost(Lost::Unknown),
        (REQUESTS * RECORDS * KEYS_EACH) as u64
    );
    assert_eq!(columns(&door).await, ["http.method", "order.id"]);
    let mut out = std::io::stdout().lock();
    writeln!(out, "\npeaks {first} {}", peak_bytes()).unwrap();
}

/// What counts is made of a fixed number of numbers, whatever was sent.
fn is_of_fixed_size<T: Copy>(_: T) {}

/// A million keys and more, over some requests, as many in each as it may have: behind the first of them the server's memory
/// grows by less than the names alone would take, and the store has the columns that the data map knows.
#[tokio::test]
async fn a_million_keys_are_not_kept() {
    is_of_fixed_size(Counts::default());
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "keys::takes_requests_of_many_keys",
            "--nocapture",
        ])
        .env(FOLDER, folder.path())
        // Memory that one thread freed is used by another, so that what is measured is what is kept.
        .env("MALLOC_ARENA_MAX", "1")
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let peaks = said.lines().find_map(|line| line.strip_prefix("peaks "));
    let (first, last) = peaks.unwrap().split_once(' ').unwrap();
    let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
    println!("peak after one request {first} bytes, after {REQUESTS} {last} bytes");
    assert!(last - first < KEPT_BYTES, "from {first} to {last} bytes");
}

/// The columns of attributes that any table has.
async fn columns(door: &Door) -> Vec<String> {
    let snapshot = door.store.snapshot().await.unwrap();
    let all = Table::ALL
        .into_iter()
        .flat_map(|table| snapshot.attributes(table));
    let mut names: Vec<_> = all.map(|attribute| attribute.name().to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

/// Names of our columns, and of what the data map lists in other letters or at another place; words of SQL and of paths.
fn hostile() -> Vec<String> {
    let ours = Table::ALL.into_iter().flat_map(Table::columns);
    let mut names: Vec<String> = ours.map(|column| column.name.to_owned()).collect();
    names.extend(
        [
            "tenant",
            "day",
            "TYID",
            "tyid\"; DROP TABLE logs; --",
            "' OR 1=1 --",
            "HTTP.METHOD",
            "Http.Method",
            "http.method ",
            "http.method\u{0}",
            "http\u{2024}method",
            "resource.http.method",
            "scope.http.method",
            "resource.service.name",
            "User.ID",
            "a\0b",
            "a\nb",
            "\u{202e}\u{feff}",
            "",
            ".",
            "..",
            "../../../etc/passwd",
            "day=1970-01-01",
            "privet.Purpose",
        ]
        .map(str::to_owned),
    );
    names.push("x".repeat(70_000));
    names.push("ä".repeat(200));
    names
}

fn canaries() -> Vec<KeyValue> {
    let names = hostile();
    names.iter().map(|name| text(name, "canary")).collect()
}

fn resource() -> Option<Resource> {
    Some(Resource {
        attributes: canaries(),
        ..Resource::default()
    })
}

fn scope(name: &str) -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: name.to_owned(),
        version: "canary".to_owned(),
        attributes: canaries(),
        ..InstrumentationScope::default()
    })
}

fn log_request(name: &str) -> ExportLogsServiceRequest {
    let mut record = record(1, ADA);
    record.attributes.extend(canaries());
    let mut nameless = record.clone();
    nameless.event_name = name.to_owned();
    let mut request = logs(vec![record, nameless]);
    for of in &mut request.resource_logs {
        of.resource = resource();
        for within in &mut of.scope_logs {
            within.scope = scope(name);
        }
    }
    request
}

fn span_request(name: &str) -> ExportTraceServiceRequest {
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: name.to_owned(),
        trace_state: "canary=1".to_owned(),
        attributes: canaries(),
        events: vec![Event {
            name: name.to_owned(),
            attributes: canaries(),
            ..Event::default()
        }],
        links: vec![Link {
            trace_id: vec![3; 16],
            span_id: vec![4; 8],
            trace_state: "canary=1".to_owned(),
            attributes: canaries(),
            ..Link::default()
        }],
        ..Span::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: resource(),
            scope_spans: vec![ScopeSpans {
                scope: scope(name),
                spans: vec![span],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

fn metric_request(name: &str) -> ExportMetricsServiceRequest {
    let metric = |name: &str| Metric {
        name: name.to_owned(),
        description: "canary".to_owned(),
        data: Some(Data::Gauge(Gauge {
            data_points: vec![NumberDataPoint {
                attributes: canaries(),
                ..NumberDataPoint::default()
            }],
        })),
        ..Metric::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: resource(),
            scope_metrics: vec![ScopeMetrics {
                scope: scope(name),
                metrics: vec![metric(name), metric("orders")],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

#[tokio::test]
async fn names_that_are_made_to_do_harm_do_none() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let names = hostile();
    for name in &names {
        let bodies = [
            ("/v1/logs", log_request(name).encode_to_vec()),
            ("/v1/traces", span_request(name).encode_to_vec()),
            ("/v1/metrics", metric_request(name).encode_to_vec()),
        ];
        for (path, body) in bodies {
            let answer = door.post(path, PROTOBUF, body).await;
            assert_eq!(answer.status, 200, "{path} {name:?}");
        }
    }
    door.storing.store_all().await.unwrap();
    // Nothing but what was meant to pass has: the record's own method and order, and no name.
    assert_eq!(columns(&door).await, ["http.method", "order.id"]);
    let sent = names.len() as u64;
    let counts = Signal::ALL.map(|signal| door.intake.counts(signal));
    assert_eq!(counts.map(|of| of.accepted), [2 * sent, sent, sent]);
    assert_eq!(counts[2].dropped(Dropped::Metric), sent);
    assert!(counts.iter().all(|of| of.lost(Lost::Unknown) > sent));
    let logs = rows(&door, folder.path(), "logs").await;
    assert_eq!(logs.len(), 3 * names.len());
    assert!(
        logs.iter()
            .all(|row| !row.contains("scope=") && !row.contains("canary"))
    );
    let named = logs.iter().filter(|row| row.contains("event=")).count();
    assert_eq!(named, names.len());
    no_canary(folder.path());
}

fn no_canary(folder: &Path) {
    let found = files(folder);
    assert!(found.len() > 3, "{found:?}");
    for path in found {
        let shown = path.display().to_string();
        assert!(
            !shown.contains("passwd") && !shown.contains("1970"),
            "{shown}"
        );
        let bytes = fs::read(&path).unwrap();
        let has = bytes.windows(6).any(|window| window == b"canary");
        assert!(!has, "{shown}");
    }
}

/// An attribute that bears a column's name, in any letters, is none that a column is made for.
#[test]
fn no_attribute_takes_a_columns_place() {
    for name in hostile().iter().filter(|name| {
        let ours = Table::ALL.into_iter().flat_map(Table::columns);
        ours.map(|column| column.name)
            .any(|ours| ours.eq_ignore_ascii_case(name))
    }) {
        for name in [name.clone(), name.to_uppercase()] {
            let made = Attribute::new(&name, privet_telemetry_store::Type::String);
            assert!(made.is_err(), "{name}");
        }
    }
}

/// Clients whose clocks stand in 1970 or 2100, or nowhere: days are those on which the door took the records.
#[tokio::test]
async fn clocks_that_are_wrong_move_no_record_to_another_day() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let in_2100 = 4_102_444_800_000_000_000;
    let times = [
        1,
        in_2100,
        i64::MAX as u64,
        i64::MAX as u64 + 1,
        u64::MAX,
        0,
    ];
    let records = times.map(|time| record(time, ADA)).to_vec();
    assert_eq!(door.logs(&logs(records)).await.status, 200);
    door.storing.store_all().await.unwrap();
    door.storing.tend().await.unwrap();
    let snapshot = door.store.snapshot().await.unwrap();
    let found: Vec<_> = snapshot.files(Table::Logs).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].day.to_string(), "2026-11-18");
    assert_eq!(found[0].times, (1, i64::MAX));
    // What no column can hold, and no time at all, is the door's own.
    let stored = crate::stored::times(&door, folder.path()).await;
    insta::assert_snapshot!(stored.join("\n"), @r"
    time=1970-01-01T00:00:00.000000001Z
    time=2026-11-18T11:06:40Z
    time=2026-11-18T11:06:40Z
    time=2026-11-18T11:06:40Z
    time=2100-01-01T00:00:00Z
    time=2262-04-11T23:47:16.854775807Z
    ");
}
