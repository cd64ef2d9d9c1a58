//! The route table, and the handlers of both protocols.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;
use tonic::Code;

use crate::answer::{Refusal, content_type, taken};
use crate::grpc;
use crate::intake::{Intake, Packing};
use crate::message::{Encoding, Signal};

type Door = State<Arc<Intake>>;

/// Every route of the door: OTLP over HTTP by its usual paths, and over gRPC by its services' names.
pub fn router(intake: Arc<Intake>) -> Router {
    Router::new()
        .route("/v1/logs", post(http_logs))
        .route("/v1/traces", post(http_traces))
        .route("/v1/metrics", post(http_metrics))
        .route(
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            post(grpc_logs),
        )
        .route(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            post(grpc_traces),
        )
        .route(
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            post(grpc_metrics),
        )
        .fallback(unknown)
        .with_state(intake)
}

async fn http_logs(State(intake): Door, request: Request) -> Response {
    http(&intake, Signal::Logs, request).await
}

async fn http_traces(State(intake): Door, request: Request) -> Response {
    http(&intake, Signal::Traces, request).await
}

async fn http_metrics(State(intake): Door, request: Request) -> Response {
    http(&intake, Signal::Metrics, request).await
}

async fn grpc_logs(State(intake): Door, request: Request) -> Response {
    grpc::export(intake, Signal::Logs, request).await
}

async fn grpc_traces(State(intake): Door, request: Request) -> Response {
    grpc::export(intake, Signal::Traces, request).await
}

async fn grpc_metrics(State(intake): Door, request: Request) -> Response {
    grpc::export(intake, Signal::Metrics, request).await
}

/// gRPC clients are told in their own way which method there is none of.
async fn unknown(request: Request) -> Response {
    if is_grpc(request.headers()) {
        return tonic::Status::unimplemented("there is no such method").into_http();
    }
    let detail =
        "there is nothing under this path: send to `/v1/logs`, `/v1/traces` or `/v1/metrics`";
    Refusal::new(StatusCode::NOT_FOUND, Code::Unimplemented, detail).http(Encoding::Json)
}

async fn http(intake: &Intake, signal: Signal, request: Request) -> Response {
    let encoding = encoding(request.headers());
    let answered = timeout(intake.limits().request_time, take(intake, signal, request)).await;
    let (status, answer) = match answered.unwrap_or_else(|_| Err(Refusal::too_slow())) {
        Ok((encoding, answer)) => {
            let mut response = Response::new(Body::from(answer));
            response
                .headers_mut()
                .insert(CONTENT_TYPE, content_type(encoding));
            (StatusCode::OK, response)
        }
        // What cannot be told in the request's own encoding is told in the one that people can read.
        Err(refusal) => (
            refusal.status,
            refusal.http(encoding.unwrap_or(Encoding::Json)),
        ),
    };
    tracing::debug!(
        protocol = "http",
        signal = signal.as_str(),
        status = status.as_u16(),
        "answered"
    );
    answer
}

async fn take(
    intake: &Intake,
    signal: Signal,
    request: Request,
) -> Result<(Encoding, Bytes), Refusal> {
    let (parts, body) = request.into_parts();
    admit(intake, &parts.headers, &parts.extensions).await?;
    let encoding = encoding(&parts.headers).ok_or_else(|| {
        let detail = "send `application/x-protobuf` or `application/json`";
        Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::InvalidArgument,
            detail,
        )
    })?;
    let packing = packing(&parts.headers).ok_or_else(|| {
        let detail = "pack the body with `gzip`, or not at all";
        Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::InvalidArgument,
            detail,
        )
    })?;
    let bytes_max = intake.limits().body_bytes_max;
    // Who does not say how long the body is may send as much as is taken.
    let stated = body.size_hint().exact();
    let stated = stated.and_then(|bytes| usize::try_from(bytes).ok());
    let _room = intake
        .room(stated.unwrap_or(bytes_max).min(bytes_max))
        .await;
    let body = collect(body, bytes_max).await?;
    let counts = intake.take(signal, encoding, packing, body).await?;
    Ok((encoding, taken(signal, encoding, &counts)))
}

/// The client's network address as the connection has it.
#[derive(Debug, Clone)]
pub(crate) struct ClientAddress(pub(crate) Arc<str>);

/// Asks whether whoever sends this may; nothing of the body is read before.
pub(crate) async fn admit(
    intake: &Intake,
    headers: &HeaderMap,
    extensions: &axum::http::Extensions,
) -> Result<(), Refusal> {
    let address = extensions.get::<ClientAddress>();
    // Without a network there is no address: calls in process.
    let address = address.map_or("in process", |address| &address.0);
    let bearer = bearer(headers).ok_or(privet_vault::Error::Unauthenticated)?;
    Ok(intake.monitor().admit(bearer, address).await?)
}

async fn collect(body: Body, bytes_max: usize) -> Result<Bytes, Refusal> {
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            let detail = format!("a body has at most {bytes_max} bytes: send smaller batches");
            Err(Refusal::too_large(detail))
        }
        Err(_) => {
            let detail = "the body ended too early";
            Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                Code::InvalidArgument,
                detail,
            ))
        }
    }
}

/// RFC 6750 section 2.1; of several tokens none counts.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start_matches(' '))
}

fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next()?.trim();
    if kind.eq_ignore_ascii_case("application/x-protobuf") {
        Some(Encoding::Protobuf)
    } else if kind.eq_ignore_ascii_case("application/json") {
        Some(Encoding::Json)
    } else {
        None
    }
}

fn packing(headers: &HeaderMap) -> Option<Packing> {
    let Some(packing) = headers.get(CONTENT_ENCODING) else {
        return Some(Packing::Plain);
    };
    match packing.as_bytes() {
        b"" | b"identity" => Some(Packing::Plain),
        b"gzip" => Some(Packing::Gzip),
        _ => None,
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}
