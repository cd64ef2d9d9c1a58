//! Requests as the SDK of an application sends them, made before any clock runs.

use std::io::Write;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use serde::{Deserialize, Serialize};

/// What the data map says of these records: of ten attributes one is the person, one an object, six pass as they are, one
/// never passes and one is unknown.
pub(super) const MAP: &str = r#"
[telemetry.attributes]
"user.id" = "UPI"
"order.id" = "UPI"
"http.request.method" = "SYS"
"http.route" = "SYS"
"http.response.status_code" = { class = "SYS", type = "int" }
"http.server.duration_ms" = { class = "SYS", type = "double" }
"cache.hit" = { class = "SYS", type = "bool" }
"geo.country.iso_code" = { class = "UDI", values = ["DE", "NO", "SE"] }
"client.address" = "UII"
"service.name" = "SYS"
"service.version" = "SYS"
"deployment.environment.name" = "SYS"
"telemetry.sdk.language" = "SYS"

[telemetry.events]
"order.placed" = { purpose = "service", exportable = true, body = "SYS" }
"order.shown" = { purpose = "service" }
"cart.changed" = { purpose = "service" }
"search.done" = { purpose = "service" }

[telemetry.scopes]
"shop.http" = {}
"#;

/// Attributes of one record.
pub(super) const ATTRIBUTES: usize = 10;

const EVENTS: [(&str, &str); 4] = [
    ("order.placed", "an order was placed"),
    ("order.shown", "an order was shown"),
    ("cart.changed", "a cart was changed"),
    ("search.done", "a search was answered"),
];
const METHODS: [&str; 4] = ["GET", "GET", "POST", "PUT"];
const ROUTES: [&str; 8] = [
    "/orders/{id}",
    "/orders",
    "/cart",
    "/cart/items/{id}",
    "/search",
    "/products/{id}",
    "/account",
    "/checkout",
];
const STATUSES: [i64; 8] = [200, 200, 200, 200, 201, 204, 302, 404];
const COUNTRIES: [&str; 3] = ["DE", "NO", "SE"];
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36";
/// 2026-11-26, noon.
const START_NS: u64 = 1_795_694_400_000_000_000;

/// How a request is written and packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Form {
    Protobuf,
    ProtobufGzip,
    Json,
}

impl Form {
    pub(super) fn head(self) -> &'static str {
        match self {
            Self::Protobuf => "content-type: application/x-protobuf\r\n",
            Self::ProtobufGzip => {
                "content-type: application/x-protobuf\r\ncontent-encoding: gzip\r\n"
            }
            Self::Json => "content-type: application/json\r\n",
        }
    }

    pub(super) fn write(self, request: &ExportLogsServiceRequest) -> Result<Vec<u8>> {
        Ok(match self {
            Self::Protobuf => request.encode_to_vec(),
            Self::ProtobufGzip => {
                // What SDKs pack with.
                let mut packed = GzEncoder::new(Vec::new(), Compression::default());
                packed.write_all(&request.encode_to_vec())?;
                packed.finish()?
            }
            Self::Json => serde_json::to_vec(request)?,
        })
    }
}

/// The request of that number: records about these people, in the order of time, of one process.
pub(super) fn request(
    people: &[String],
    number: usize,
    records: usize,
) -> ExportLogsServiceRequest {
    let first = number * records;
    let log_records = (first..first + records).map(|nth| record(people, nth));
    let scope = ScopeLogs {
        scope: Some(InstrumentationScope {
            name: "shop.http".to_owned(),
            version: "3.2.1".to_owned(),
            ..InstrumentationScope::default()
        }),
        log_records: log_records.collect(),
        ..ScopeLogs::default()
    };
    let of = ResourceLogs {
        resource: Some(Resource {
            attributes: vec![
                text("service.name", "shop"),
                text("service.version", "2026.11.3"),
                text("service.instance.id", &format!("shop-{}", number % 16)),
                text("host.name", &format!("node-{}", number % 16)),
                text("deployment.environment.name", "production"),
                text("telemetry.sdk.language", "java"),
                text("telemetry.sdk.name", "opentelemetry"),
                text("telemetry.sdk.version", "1.55.0"),
            ],
            ..Resource::default()
        }),
        scope_logs: vec![scope],
        ..ResourceLogs::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![of],
    }
}

fn record(people: &[String], nth: usize) -> LogRecord {
    let nth = nth as u64;
    let random = scattered(nth);
    let (event, said) = pick(&EVENTS, random >> 8);
    let trace = scattered(!(nth / 4));
    let time = START_NS + nth * 10_000 + random % 10_000;
    let trace_bytes = [trace.to_be_bytes(), scattered(trace).to_be_bytes()];
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time + 1_000,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        event_name: event.to_owned(),
        body: Some(any(Value::StringValue(said.to_owned()))),
        attributes: vec![
            text("user.id", pick_owned(people, random)),
            text("http.request.method", pick(&METHODS, random >> 16)),
            text("http.route", pick(&ROUTES, random >> 20)),
            key(
                "http.response.status_code",
                Value::IntValue(pick(&STATUSES, random >> 24)),
            ),
            key(
                "http.server.duration_ms",
                Value::DoubleValue((random >> 40) as f64 / 65_536.0),
            ),
            text("geo.country.iso_code", pick(&COUNTRIES, random >> 28)),
            text("client.address", &format!("192.0.2.{}", random % 256)),
            text("user_agent.original", AGENT),
            text("order.id", &format!("{}", 1_000_000 + random % 500_000)),
            key("cache.hit", Value::BoolValue(random & 1 == 0)),
        ],
        trace_id: trace_bytes.concat(),
        span_id: random.to_be_bytes().to_vec(),
        flags: 1,
        ..LogRecord::default()
    }
}

fn pick<T: Copy + Default>(list: &[T], random: u64) -> T {
    let place = (random % list.len() as u64) as usize;
    list.get(place).copied().unwrap_or_default()
}

fn pick_owned(list: &[String], random: u64) -> &str {
    let place = (random % list.len() as u64) as usize;
    list.get(place).map_or("", String::as_str)
}

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn key(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(any(value)),
        ..KeyValue::default()
    }
}

fn text(of: &str, value: &str) -> KeyValue {
    key(of, Value::StringValue(value.to_owned()))
}

/// Numbers that look random and are the same each time.
fn scattered(n: u64) -> u64 {
    let x = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
