//! Real receivers: the project's own door through TLS, and OpenTelemetry's own code in Python.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use privet_telemetry::{Limits, Protocol, Signal, serve};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{Calm, Running};
use crate::bed::{ADA, Door, TOKEN, logs, open, open_with, record, store};
use crate::stored::rows;

/// What a second door lets pass of what the first forwards.
const MAP: &str = r#"
[purposes]
improvement = { basis = "contract" }
[telemetry.attributes]
"user.hash" = "SYS"
"http.method" = "SYS"
"order.id" = "SYS"
[telemetry.events]
"order.placed" = { body = "SYS" }
"#;

fn tls() -> (Vec<u8>, Arc<rustls::ServerConfig>) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let mut server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (cert.pem().into_bytes(), Arc::new(server))
}

/// Sends to a first door, which forwards to a second one.
async fn another_door(protocol: Protocol) {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [here, there] = folders.each_ref().map(|folder| folder.path());
    let mut first = open(here, Limits::default());
    let second = open_with(there, Limits::default(), store(there), MAP);
    let (certificate, config) = tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = watch::channel(false);
    let intake = Arc::clone(&second.intake);
    let serving = tokio::spawn(serve(intake, Some(config), listener, stopped));
    let calm = Calm {
        protocol,
        headers: vec![("authorization", format!("Bearer {TOKEN}"))],
        authorities: Some(certificate),
        ..Calm::default()
    };
    let running = Running::start(&mut first, &format!("https://localhost:{port}"), &calm);
    let request = logs(vec![record(1, ADA), record(2, ADA)]);
    assert_eq!(first.logs(&request).await.status, 200);
    first.storing.store_all().await.unwrap();
    running.drained().await;
    assert_eq!(running.forwarding.counts().sent(Signal::Logs), 2);
    second.storing.store_all().await.unwrap();
    let stored = rows(&second, there, "logs").await;
    assert_eq!(stored.len(), 2, "{stored:?}");
    let tyid = "a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1";
    for row in stored {
        for part in [
            &format!("user.hash={tyid}"),
            "order.id=po1_",
            "purpose=improvement",
        ] {
            assert!(row.contains(part), "{part} is not in {row}");
        }
    }
    running.end().await;
    stop.send(true).unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_door_over_http() {
    another_door(Protocol::Http).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_door_over_grpc() {
    another_door(Protocol::Grpc).await;
}

/// A certificate that nobody here vouches for.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_has_to_be_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let ((_, config), (other, _)) = (tls(), tls());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = watch::channel(false);
    let intake = Arc::clone(&door.intake);
    let serving = tokio::spawn(serve(intake, Some(config), listener, stopped));
    let calm = Calm {
        authorities: Some(other),
        ..Calm::default()
    };
    let running = Running::start(&mut door, &format!("https://localhost:{port}"), &calm);
    assert_eq!(door.logs(&logs(vec![record(1, ADA)])).await.status, 200);
    door.storing.store_all().await.unwrap();
    running
        .until(|counts| counts.failing_since_ms.is_some())
        .await;
    assert_eq!(running.forwarding.counts().sent(Signal::Logs), 0);
    running.end().await;
    stop.send(true).unwrap();
    serving.await.unwrap().unwrap();
}

const PYTHON: &str = r#"
import gzip, sys
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs, logs_service_pb2_grpc as logs_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace, trace_service_pb2_grpc as trace_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics, metrics_service_pb2_grpc as metrics_grpc

def got(request, who):
    print(MessageToJson(request, indent=None), who, flush=True)

# It can do it only later, then leaves one record out, then takes what comes.
turns = {"taken": 0}

if sys.argv[1] == "http":
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    kinds = {"/v1/logs": (logs.ExportLogsServiceRequest, logs.ExportLogsServiceResponse),
             "/v1/traces": (trace.ExportTraceServiceRequest, trace.ExportTraceServiceResponse),
             "/v1/metrics": (metrics.ExportMetricsServiceRequest, metrics.ExportMetricsServiceResponse)}
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def do_POST(self):
            ask, answer = kinds[self.path]
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers["content-encoding"] == "gzip":
                body = gzip.decompress(body)
            request = ask.FromString(body)
            turns["taken"] += 1
            reply = answer()
            if turns["taken"] == 1:
                self.send_response(503)
                self.send_header("retry-after", "0")
                reply = None
            else:
                self.send_response(200)
                if turns["taken"] == 2:
                    reply.partial_success.rejected_log_records = 1
                    reply.partial_success.error_message = "one too many"
                got(request, self.headers["x-who"])
            body = reply.SerializeToString() if reply is not None else b""
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        def log_message(self, *_):
            pass
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
else:
    import grpc
    from concurrent.futures import ThreadPoolExecutor
    def servicer(base, answer):
        class Servicer(base):
            def Export(self, request, context):
                turns["taken"] += 1
                reply = answer()
                if turns["taken"] == 1:
                    context.abort(grpc.StatusCode.UNAVAILABLE, "later")
                if turns["taken"] == 2:
                    reply.partial_success.rejected_log_records = 1
                    reply.partial_success.error_message = "one too many"
                got(request, dict(context.invocation_metadata())["x-who"])
                return reply
        return Servicer()
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    logs_grpc.add_LogsServiceServicer_to_server(servicer(logs_grpc.LogsServiceServicer, logs.ExportLogsServiceResponse), server)
    trace_grpc.add_TraceServiceServicer_to_server(servicer(trace_grpc.TraceServiceServicer, trace.ExportTraceServiceResponse), server)
    metrics_grpc.add_MetricsServiceServicer_to_server(servicer(metrics_grpc.MetricsServiceServicer, metrics.ExportMetricsServiceResponse), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()
"#;

/// Ends with the test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `None`: it is not installed.
fn python(protocol: &str) -> Option<(Ending, BufReader<std::process::ChildStdout>)> {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("opentelemetry/bin/python");
    let script = "import grpc, opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc";
    let found = Command::new(&program).args(["-c", script]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let mut child = Command::new(program)
        .args(["-c", PYTHON, protocol])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    Some((Ending(child), output))
}

/// `false`: it is not installed.
async fn to_python(protocol: &'static str, speaks: Protocol) -> bool {
    let Some((ending, mut output)) = python(protocol) else {
        return false;
    };
    let mut line = String::new();
    let (line, output) = tokio::task::spawn_blocking(move || {
        output.read_line(&mut line).unwrap();
        (line, output)
    })
    .await
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let calm = Calm {
        protocol: speaks,
        headers: vec![("x-who", "shop".to_owned())],
        ..Calm::default()
    };
    let address = format!("http://127.0.0.1:{}", line.trim());
    let running = Running::start(&mut door, &address, &calm);
    send_all(&door).await;
    running.drained().await;
    let counts = running.forwarding.counts();
    assert_eq!(counts.sent(Signal::Logs), 1);
    assert_eq!(counts.unsent(privet_telemetry::Unsent::Rejected), 1);
    assert_eq!(
        (counts.sent(Signal::Traces), counts.sent(Signal::Metrics)),
        (1, 1)
    );
    running.end().await;
    drop(ending);
    let lines: Vec<_> = output.lines().map(Result::unwrap).collect();
    let [logs, spans, points] = <&[String; 3]>::try_from(&*lines).unwrap();
    let tyid = "a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1";
    for (line, part) in [
        (logs, "\"eventName\": \"order.placed\""),
        (logs, tyid),
        (spans, "\"name\": \"GET /orders\""),
        (spans, "\"endTimeUnixNano\": \"160\""),
        (points, "\"name\": \"orders\""),
        (points, "\"isMonotonic\": true"),
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    for line in &lines {
        assert!(line.ends_with(" shop") && !line.contains(ADA), "{line}");
    }
    true
}

const MISSING: &str = "OpenTelemetry's SDK for Python is not installed (`./test` installs it)";

/// Two log records, a span and a point.
async fn send_all(door: &Door) {
    let logs = logs(vec![record(1, ADA), record(2, ADA)]);
    assert_eq!(door.logs(&logs).await.status, 200);
    for (path, body) in [
        (
            "/v1/traces",
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10",
                "spanId":"0102030405060708","name":"GET /orders","startTimeUnixNano":"100","endTimeUnixNano":"160"}]}]}]}"#,
        ),
        (
            "/v1/metrics",
            r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"orders","sum":{"isMonotonic":true,
                "aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"7","asDouble":3.0}]}}]}]}]}"#,
        ),
    ] {
        let answer = door.post(path, "application/json", body).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.body),
            (200, &b"{}"[..]),
            "{path}"
        );
    }
    door.storing.store_all().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn python_over_http() {
    if !to_python("http", Protocol::Http).await {
        println!("left out: {MISSING}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_over_grpc() {
    if !to_python("grpc", Protocol::Grpc).await {
        println!("left out: {MISSING}");
    }
}
