//! A door over a folder, with a table in the vault's place.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use privet_classify::DataMap;
use privet_seal::Entropy;
use privet_telemetry::{
    Intake, Journal, JournalError, JournalLimits, Limits, Monitor, People, Rules, Stamp, Storing,
    router,
};
use privet_telemetry_store::{Access, Machine, Settings, Store};
use privet_vault::{Error, Oid};
use prost::Message as _;
use tower::ServiceExt as _;

/// How often a folder that is in use is tried again, and after which pause.
const ATTEMPTS_MAX: u32 = 6_000;
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) const TOKEN: &str = "a token that is let in";
pub(crate) const ADA: &str = "00000000-0000-4000-8000-0000000000a1";
pub(crate) const BOB: &str = "00000000-0000-4000-8000-0000000000b0";

pub(crate) const MAP: &str = r#"
[purposes]
service = { basis = "contract" }
improvement = { basis = "consent", bit = 0, notice = "2026-11" }

[telemetry.attributes]
"user.id" = "UPI"
"order.id" = "UPI"
"user.name" = "UII"
"note" = "CC"
"http.method" = "SYS"
"http.status" = { class = "SYS", type = "int" }
"load" = { class = "SYS", type = "double" }
"service.name" = "SYS"

[telemetry.events]
"order.placed" = { purpose = "improvement", exportable = true, body = "SYS" }
"GET /orders" = {}

[telemetry.scopes]
"shop" = {}

[telemetry.metrics]
"orders" = {}
"#;

#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Whether it is not known what people agree to now.
    pub(crate) is_unready: AtomicBool,
}

struct Known;

impl People for Known {
    fn stamp(&self, oid: &Oid) -> Option<Stamp> {
        let (tyid, bits) = match oid.to_string().as_str() {
            ADA => (0xa1, 1),
            BOB => (0xb0, 0),
            _ => return None,
        };
        Some(Stamp {
            tyid: [tyid; 16],
            bits,
            number: 1,
        })
    }

    fn object(&self, _: Option<&Oid>, value: &[u8]) -> String {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(value) {
            *to = *from ^ 0x55;
        }
        let secret = privet_seal::Secret32::generate(&Zeros);
        privet_seal::ObjectSalt::new(secret, 1)
            .id(1, &bytes)
            .to_text()
    }

    fn notice(&self) -> &str {
        "2026-11"
    }
}

#[async_trait]
impl Monitor for Table {
    async fn admit(&self, bearer: &str, _: &str) -> Result<(), Error> {
        match bearer {
            TOKEN => Ok(()),
            _ => Err(Error::Unauthenticated),
        }
    }

    async fn people(&self, _: Vec<Oid>) -> Result<Box<dyn People + Send>, Error> {
        match self.is_unready.load(Ordering::Relaxed) {
            true => Err(Error::unready("sequence_stale", "not read")),
            false => Ok(Box::new(Known)),
        }
    }

    fn now_ms(&self) -> i64 {
        1_795_000_000_000
    }
}

pub(crate) struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// An open door.
pub(crate) struct Door {
    pub(crate) router: Router,
    pub(crate) intake: Arc<Intake>,
    pub(crate) storing: Storing,
    pub(crate) rules: Arc<Rules>,
    pub(crate) store: Store,
    pub(crate) journal: Journal,
    pub(crate) monitor: Arc<Table>,
}

pub(crate) fn store(folder: &Path) -> Store {
    let address = folder.join("store").display().to_string();
    Store::open(&address, Settings::new(Access::Write), Arc::new(Machine)).unwrap()
}

pub(crate) fn open(folder: &Path, limits: Limits) -> Door {
    open_over(folder, limits, store(folder))
}

pub(crate) fn open_over(folder: &Path, limits: Limits, store: Store) -> Door {
    open_with(folder, limits, store, MAP)
}

pub(crate) fn open_with(folder: &Path, limits: Limits, store: Store, map: &str) -> Door {
    let rules = Arc::new(Rules::new(&DataMap::parse(map).unwrap()));
    let journal_limits = JournalLimits {
        bytes_max: limits.journal_bytes_max,
        segment_bytes: 1 << 20,
    };
    let journal = journal(&folder.join("journal"), journal_limits);
    let monitor = Arc::new(Table::default());
    let intake = Intake::new(monitor.clone(), Arc::clone(&rules), limits, journal.clone());
    let intake = Arc::new(intake);
    let (to_store, by) = (store.clone(), Arc::clone(&rules));
    Door {
        router: router(Arc::clone(&intake)),
        intake,
        storing: Storing::new(journal.clone(), to_store, by, "acme").unwrap(),
        rules,
        store,
        journal,
        monitor,
    }
}

/// Opens a journal that nobody uses any more. A process that another test starts has all files open for a moment, locks included, until
/// it becomes another program.
fn journal(folder: &Path, limits: JournalLimits) -> Journal {
    for _ in 0..ATTEMPTS_MAX {
        match Journal::open(folder, limits, &Zeros) {
            Err(JournalError::InUse(_)) => std::thread::park_timeout(PAUSE),
            opened => return opened.unwrap(),
        }
    }
    Journal::open(folder, limits, &Zeros).unwrap()
}

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Door {
    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self
            .router
            .clone()
            .oneshot(request)
            .await
            .unwrap()
            .into_parts();
        let collected = body.collect().await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            trailers: collected.trailers().cloned(),
            body: collected.to_bytes(),
        }
    }

    /// Sends a body as a client would that is let in.
    pub(crate) async fn post(&self, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
        self.ask(post(path, kind).body(body.into()).unwrap()).await
    }

    pub(crate) async fn logs(&self, request: &ExportLogsServiceRequest) -> Answer {
        self.post("/v1/logs", PROTOBUF, request.encode_to_vec())
            .await
    }
}

pub(crate) const PROTOBUF: &str = "application/x-protobuf";

pub(crate) fn post(path: &str, kind: &str) -> axum::http::request::Builder {
    Request::post(path)
        .header("content-type", kind)
        .header("authorization", format!("Bearer {TOKEN}"))
}

pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        key_strindex: 0,
    }
}

/// A log record, known again by its time.
pub(crate) fn record(time_unix_nano: u64, who: &str) -> LogRecord {
    LogRecord {
        time_unix_nano,
        event_name: "order.placed".to_owned(),
        attributes: vec![
            text("user.id", who),
            text("http.method", "PUT"),
            text("order.id", "4711"),
        ],
        ..LogRecord::default()
    }
}

pub(crate) fn logs(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![ScopeLogs {
                log_records,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    }
}
