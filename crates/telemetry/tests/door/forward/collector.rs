//! A collector that does what a test says; after that it takes what comes.

use std::collections::VecDeque;
use std::io::Read as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::PATIENCE;

/// What it does with a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Does {
    /// Answers with a status, and says when to come again.
    Status(u16, Option<&'static str>),
    /// Takes it without so many records.
    Partial(i64),
    /// Says nothing, for ever.
    Hang,
}

/// A request that it got.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    /// Unpacked.
    pub(super) body: Vec<u8>,
    pub(super) was_taken: bool,
}

impl Seen {
    /// The times of its log records, by which they are known.
    pub(super) fn times(&self) -> Vec<u64> {
        let request = ExportLogsServiceRequest::decode(&*self.body).unwrap();
        let scopes = request.resource_logs.iter().flat_map(|of| &of.scope_logs);
        let records = scopes.flat_map(|scope| &scope.log_records);
        records.map(|record| record.time_unix_nano).collect()
    }
}

#[derive(Debug, Default)]
struct Mind {
    script: Mutex<VecDeque<Does>>,
    seen: watch::Sender<Vec<Seen>>,
}

pub(super) struct Scripted {
    pub(super) address: String,
    mind: Arc<Mind>,
    task: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    pub(super) async fn new(script: impl IntoIterator<Item = Does>) -> Self {
        let mind = Arc::new(Mind {
            script: Mutex::new(script.into_iter().collect()),
            ..Mind::default()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&mind));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            mind,
            task,
        }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.mind.seen.borrow().clone()
    }

    /// Waits until it got so many requests.
    pub(super) async fn has_seen(&self, requests: usize) {
        let mut seen = self.mind.seen.subscribe();
        let waiting = seen.wait_for(|seen| seen.len() >= requests);
        let waiting = tokio::time::timeout(PATIENCE, waiting).await;
        waiting.unwrap().unwrap();
    }

    /// The times of log records in requests that were taken, in order.
    pub(super) fn times(&self) -> Vec<u64> {
        let taken = self.seen().into_iter().filter(|seen| seen.was_taken);
        taken.flat_map(|seen| seen.times()).collect()
    }

    /// From the next request on it does this, and then takes what comes.
    pub(super) fn does(&self, script: impl IntoIterator<Item = Does>) {
        *self.mind.script.lock().unwrap() = script.into_iter().collect();
    }
}

async fn answer(
    State(mind): State<Arc<Mind>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let does = mind.script.lock().unwrap().pop_front();
    let is_packed = headers
        .get("content-encoding")
        .is_some_and(|of| of == "gzip");
    let mut unpacked = Vec::new();
    if is_packed {
        let mut reader = flate2::read::GzDecoder::new(&*body);
        reader.read_to_end(&mut unpacked).unwrap();
    } else {
        unpacked.extend_from_slice(&body);
    }
    let seen = Seen {
        path: uri.path().to_owned(),
        headers,
        body: unpacked,
        was_taken: matches!(does, None | Some(Does::Partial(_))),
    };
    mind.seen.send_modify(|all| all.push(seen));
    match does {
        None => StatusCode::OK.into_response(),
        Some(Does::Partial(rejected)) => {
            let partial_success = Some(ExportLogsPartialSuccess {
                rejected_log_records: rejected,
                error_message: "canary".to_owned(),
            });
            ExportLogsServiceResponse { partial_success }
                .encode_to_vec()
                .into_response()
        }
        Some(Does::Status(status, after)) => {
            let status = StatusCode::from_u16(status).unwrap();
            let mut answer = (status, "canary").into_response();
            if let Some(after) = after {
                let after = after.parse().unwrap();
                answer.headers_mut().insert("retry-after", after);
            }
            answer
        }
        Some(Does::Hang) => std::future::pending().await,
    }
}
