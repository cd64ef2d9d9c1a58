//! OpenTelemetry's own SDK for Rust against a listening door: its records, its batches, its exporters; the wire alone is ours, as
//! an application may choose it.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{Span as _, SpanKind, Status, Tracer as _, TracerProvider as _};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{
    Compression, LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig as _,
    WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use privet_telemetry::Limits;

use crate::bed::{ADA, TOKEN, open};
use crate::sdk::{check, listen};

/// HTTP/1.1, one connection a request: the SDK exports from threads of its own, which may wait.
#[derive(Debug)]
struct Wire;

#[async_trait::async_trait]
impl HttpClient for Wire {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let place = parts.uri.authority().ok_or("no host")?.as_str();
        let mut head = format!(
            "POST {} HTTP/1.1\r\nhost: {place}\r\nconnection: close\r\ncontent-length: {}\r\n",
            parts.uri.path(),
            body.len()
        );
        for (name, value) in &parts.headers {
            head += &format!("{name}: {}\r\n", value.to_str()?);
        }
        let mut stream = TcpStream::connect(place)?;
        stream.write_all(head.as_bytes())?;
        stream.write_all(b"\r\n")?;
        stream.write_all(&body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.ok_or("no head")? + 4;
        let status = std::str::from_utf8(answer.get(9..12).ok_or("no status")?)?;
        let content = Bytes::copy_from_slice(answer.get(end..).unwrap_or_default());
        Ok(Response::builder().status(status).body(content)?)
    }
}

/// Where the three exporters send to.
struct To {
    address: String,
}

impl To {
    fn path(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn headers() -> HashMap<String, String> {
        HashMap::from([("authorization".to_owned(), format!("Bearer {TOKEN}"))])
    }

    fn logs(&self, resource: Resource) -> SdkLoggerProvider {
        let exporter = LogExporter::builder()
            .with_http()
            .with_http_client(Wire)
            .with_endpoint(self.path("/v1/logs"))
            .with_protocol(Protocol::HttpBinary)
            .with_headers(Self::headers())
            .with_compression(Compression::Gzip)
            .build()
            .unwrap();
        let provider = SdkLoggerProvider::builder().with_resource(resource);
        provider.with_batch_exporter(exporter).build()
    }

    fn spans(&self, resource: Resource) -> SdkTracerProvider {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Wire)
            .with_endpoint(self.path("/v1/traces"))
            .with_protocol(Protocol::HttpBinary)
            .with_headers(Self::headers())
            .build()
            .unwrap();
        let provider = SdkTracerProvider::builder().with_resource(resource);
        provider.with_batch_exporter(exporter).build()
    }

    fn metrics(&self, resource: Resource) -> SdkMeterProvider {
        let exporter = MetricExporter::builder()
            .with_http()
            .with_http_client(Wire)
            .with_endpoint(self.path("/v1/metrics"))
            .with_protocol(Protocol::HttpBinary)
            .with_headers(Self::headers())
            .build()
            .unwrap();
        // It exports each minute, and when it is shut down; this ends before a minute has passed, or with the same sum twice.
        let reader = opentelemetry_sdk::metrics::PeriodicReader::builder(exporter)
            .with_interval(std::time::Duration::from_secs(3_600))
            .build();
        let provider = SdkMeterProvider::builder().with_resource(resource);
        provider.with_reader(reader).build()
    }
}

fn about() -> [KeyValue; 2] {
    [
        KeyValue::new("user.id", ADA),
        KeyValue::new("user.name", "canary"),
    ]
}

/// What an application does.
fn send(to: &To) {
    let resource = Resource::builder_empty()
        .with_service_name("shop")
        .with_attribute(KeyValue::new("host.name", "canary"))
        .build();
    let scope = || InstrumentationScope::builder("shop").build();

    let logs = to.logs(resource.clone());
    let logger = logs.logger_with_scope(scope());
    let mut record = logger.create_log_record();
    record.set_event_name("order.placed");
    record.set_severity_number(Severity::Info);
    record.set_severity_text("canary");
    record.set_body(AnyValue::from("3 rows"));
    record.add_attribute("user.id", ADA);
    record.add_attribute("user.name", "canary");
    record.add_attribute("order.id", 4711);
    logger.emit(record);
    logs.shutdown().unwrap();

    let spans = to.spans(resource.clone());
    let tracer = spans.tracer_with_scope(scope());
    let mut span = tracer
        .span_builder("GET /orders")
        .with_kind(SpanKind::Server)
        .with_attributes(about())
        .start(&tracer);
    span.set_attribute(KeyValue::new("http.status", 200));
    span.set_status(Status::error("canary"));
    span.end();
    spans.shutdown().unwrap();

    let metrics = to.metrics(resource);
    let meter = metrics.meter_with_scope(scope());
    let orders = meter.u64_counter("orders").with_unit("1");
    orders.with_description("canary").build().add(3, &about());
    metrics.shutdown().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let serving = listen(&door).await;
    let to = To {
        address: serving.address.clone(),
    };
    tokio::task::spawn_blocking(move || send(&to))
        .await
        .unwrap();
    check(&door, folder.path()).await;
    serving.stop.send(true).unwrap();
    serving.task.await.unwrap();
}
