//! Where the application writes: lines on the standard output, JSON and OTLP (traces and logs) in files.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{LogExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use privet_classify::Class;
use privet_tracing::{Policy, redacted};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::prelude::*;

/// What the database was asked to do; SQLite calls back a function, which has no state.
pub(crate) static DATABASE: OnceLock<Log> = OnceLock::new();

/// A file that several parts write to.
#[derive(Clone, Debug)]
pub(crate) struct Log(Arc<Mutex<File>>);

impl Log {
    pub(crate) fn create(path: &Path) -> Self {
        Self(Arc::new(Mutex::new(File::create(path).unwrap())))
    }

    pub(crate) fn line(&self, text: &str) {
        writeln!(self.0.lock().unwrap(), "{text}").unwrap();
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The wire of the exporter: what would be sent to a collector is kept in a file.
#[async_trait::async_trait]
impl HttpClient for Log {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let mut file = self.0.lock().unwrap();
        write!(file, "{parts:?}").unwrap();
        file.write_all(&body).unwrap();
        Ok(Response::new(Bytes::new()))
    }
}

/// What exports to a collector.
pub(crate) struct Exporters {
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
}

impl Exporters {
    fn new(folder: &Path) -> Self {
        let traces = SpanExporter::builder()
            .with_http()
            .with_http_client(Log::create(&folder.join("otlp-traces.bin")))
            .with_endpoint("http://127.0.0.1:4318/v1/traces")
            .with_protocol(Protocol::HttpBinary)
            .build()
            .unwrap();
        let logs = LogExporter::builder()
            .with_http()
            .with_http_client(Log::create(&folder.join("otlp-logs.bin")))
            .with_endpoint("http://127.0.0.1:4318/v1/logs")
            .with_protocol(Protocol::HttpBinary)
            .build()
            .unwrap();
        Self {
            traces: SdkTracerProvider::builder()
                .with_simple_exporter(traces)
                .build(),
            logs: SdkLoggerProvider::builder()
                .with_simple_exporter(logs)
                .build(),
        }
    }

    /// Sends what is left.
    pub(crate) fn shutdown(&self) {
        self.traces.shutdown().unwrap();
        self.logs.shutdown().unwrap();
    }
}

/// Makes the stack the process's: four sinks, and the policy in front where it is `guarded`.
pub(crate) fn install(guarded: bool, folder: &Path) -> Exporters {
    let json = Log::create(&folder.join("json.log"));
    let exporters = Exporters::new(folder);
    let stack = tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_span_events(FmtSpan::FULL),
        )
        .with(
            tracing_subscriber::fmt::layer()
                .json()
                .with_writer(move || json.clone()),
        )
        .with(tracing_opentelemetry::layer().with_tracer(exporters.traces.tracer("desk")))
        .with(OpenTelemetryTracingBridge::new(&exporters.logs));
    if guarded {
        let policy = Policy::new().field("user.id", Class::Upi).system(["lines"]);
        redacted(stack, policy).init();
    } else {
        stack.init();
    }
    // Libraries that use the `log` crate, at every level. `init` may have done it, by a feature that another crate asked for.
    let _ = tracing_log::LogTracer::init();
    exporters
}
