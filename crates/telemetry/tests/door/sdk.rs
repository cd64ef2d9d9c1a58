//! Real OpenTelemetry SDKs against a listening door.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use privet_telemetry::{Limits, Signal, serve};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::bed::{ADA, Door, TOKEN, open};
use crate::stored::rows;

pub(crate) struct Serving {
    pub(crate) address: String,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) task: JoinHandle<()>,
}

pub(crate) async fn listen(door: &Door) -> Serving {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, stopped) = watch::channel(false);
    let intake = Arc::clone(&door.intake);
    let task = tokio::spawn(async move { serve(intake, None, listener, stopped).await.unwrap() });
    Serving {
        address,
        stop,
        task,
    }
}

/// Runs a client apart, so that this test's runtime goes on serving it.
async fn client(mut command: Command) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let [said, error] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{said}{error}");
    assert_eq!(said.trim(), "sent", "{error}");
}

/// What every client here sends: one log record, one span with an event and a link, one point, all about one person.
pub(crate) async fn check(door: &Door, folder: &Path) {
    for signal in Signal::ALL {
        let counts = door.intake.counts(signal);
        assert_eq!((counts.accepted, counts.rejected()), (1, 0), "{signal:?}");
    }
    door.storing.store_all().await.unwrap();
    let all: Vec<_> = [
        rows(door, folder, "logs").await,
        rows(door, folder, "spans").await,
        rows(door, folder, "points").await,
    ]
    .concat();
    for (row, parts) in all.iter().zip([
        &[
            "event=order.placed",
            "body=3 rows",
            "order.id=po1_",
            "resource.service.name=shop",
        ][..],
        &[
            "name=GET /orders",
            "kind=server",
            "http.status=200",
            "status=error",
        ][..],
        &[
            "metric=orders",
            "kind=cumulative_counter",
            "value=3",
            "scope=shop",
        ][..],
    ]) {
        assert!(row.contains(&format!("tyid={}", "a1".repeat(16))), "{row}");
        assert!(!row.contains("canary") && !row.contains(ADA), "{row}");
        for part in parts {
            assert!(row.contains(part), "{part} is not in {row}");
        }
    }
    assert_eq!(all.len(), 3, "{all:?}");
}

const PYTHON: &str = r#"
import logging, sys
protocol, address, token, ada = sys.argv[1:]
logging.raiseExceptions = False
headers = {"authorization": "Bearer " + token}
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
if protocol == "http":
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    of = lambda kind, path: kind(endpoint="http://" + address + path, headers=headers, compression=Compression.Gzip)
else:
    from grpc import Compression
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    of = lambda kind, path: kind(endpoint="http://" + address, insecure=True, headers=tuple(headers.items()), compression=Compression.Gzip)
resource = Resource.create({"service.name": "shop", "host.name": "canary"})
about = {"user.id": ada, "user.name": "canary"}

logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(SimpleLogRecordProcessor(of(OTLPLogExporter, "/v1/logs")))
logs.get_logger("shop").emit(LogRecord(
    timestamp=1, event_name="order.placed", body="3 rows", severity_number=SeverityNumber.INFO,
    severity_text="canary", attributes={**about, "order.id": 4711}))
logs.shutdown()

spans = TracerProvider(resource=resource)
spans.add_span_processor(SimpleSpanProcessor(of(OTLPSpanExporter, "/v1/traces")))
with spans.get_tracer("shop").start_as_current_span("GET /orders", kind=SpanKind.SERVER, attributes={**about, "http.status": 200}) as span:
    span.set_status(Status(StatusCode.ERROR, "canary"))
spans.shutdown()

reader = PeriodicExportingMetricReader(of(OTLPMetricExporter, "/v1/metrics"), export_interval_millis=3_600_000)
metrics = MeterProvider(resource=resource, metric_readers=[reader])
metrics.get_meter("shop").create_counter("orders", unit="1", description="canary").add(3, about)
metrics.shutdown()
print("sent")
"#;

const MISSING: &str = "OpenTelemetry's SDK for Python is not installed (`./test` installs it)";

/// `./test` makes it.
fn python() -> Option<PathBuf> {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("opentelemetry/bin/python");
    let script =
        "import opentelemetry.exporter.otlp.proto.http, opentelemetry.exporter.otlp.proto.grpc";
    let found = Command::new(&program).args(["-c", script]).output();
    found
        .is_ok_and(|output| output.status.success())
        .then_some(program)
}

/// `false`: it is not installed.
async fn python_over(protocol: &str) -> bool {
    let Some(program) = python() else {
        return false;
    };
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let serving = listen(&door).await;
    let mut command = Command::new(program);
    command.args(["-c", PYTHON, protocol, &serving.address, TOKEN, ADA]);
    client(command).await;
    check(&door, folder.path()).await;
    serving.stop.send(true).unwrap();
    serving.task.await.unwrap();
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn python_over_http() {
    if !python_over("http").await {
        println!("left out: {MISSING}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_over_grpc() {
    if !python_over("grpc").await {
        println!("left out: {MISSING}");
    }
}

const NODE: &str = r#"
const [address, token, ada] = process.argv.slice(1)
const { LoggerProvider, SimpleLogRecordProcessor } = require('@opentelemetry/sdk-logs')
const { BasicTracerProvider, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-base')
const { MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics')
const { resourceFromAttributes } = require('@opentelemetry/resources')
const { OTLPLogExporter } = require('@opentelemetry/exporter-logs-otlp-http')
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-http')
const { OTLPMetricExporter } = require('@opentelemetry/exporter-metrics-otlp-http')
const { SpanKind, SpanStatusCode } = require('@opentelemetry/api')
const to = (path) => ({ url: `http://${address}${path}`, headers: { authorization: `Bearer ${token}` }, compression: 'gzip' })
const resource = resourceFromAttributes({ 'service.name': 'shop', 'host.name': 'canary' })
const about = { 'user.id': ada, 'user.name': 'canary' }
async function main() {
  const exporter = new OTLPLogExporter(to('/v1/logs'))
  const logs = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter })] })
  logs.getLogger('shop').emit({ eventName: 'order.placed', body: '3 rows', severityNumber: 9, severityText: 'canary', attributes: { ...about, 'order.id': 4711 } })
  await logs.forceFlush()
  await logs.shutdown()
  const spans = new BasicTracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter(to('/v1/traces')))] })
  const span = spans.getTracer('shop').startSpan('GET /orders', { kind: SpanKind.SERVER, attributes: { ...about, 'http.status': 200 } })
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'canary' })
  span.end()
  await spans.forceFlush()
  await spans.shutdown()
  const reader = new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter(to('/v1/metrics')), exportIntervalMillis: 3600000 })
  const metrics = new MeterProvider({ resource, readers: [reader] })
  metrics.getMeter('shop').createCounter('orders', { unit: '1', description: 'canary' }).add(3, about)
  await metrics.forceFlush()
  console.log('sent')
  // The reader would send the same once more when it is shut down.
  process.exit(0)
}
main().catch((error) => { console.error(error); process.exit(1) })
"#;

#[tokio::test(flavor = "multi_thread")]
async fn node_over_http() {
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node_modules");
    let script = "require('@opentelemetry/sdk-logs'); require('@opentelemetry/sdk-metrics'); \
                  require('@opentelemetry/exporter-trace-otlp-http')";
    let node = |script: &str| {
        let mut command = Command::new("node");
        command.args(["-e", script]).env("NODE_PATH", &installed);
        command
    };
    if !node(script)
        .output()
        .is_ok_and(|output| output.status.success())
    {
        println!(
            "left out: OpenTelemetry's SDK for Node.js is not installed (`./test` installs it)"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let serving = listen(&door).await;
    let mut command = node(NODE);
    command.args([&serving.address, TOKEN, ADA]);
    client(command).await;
    check(&door, folder.path()).await;
    serving.stop.send(true).unwrap();
    serving.task.await.unwrap();
}
