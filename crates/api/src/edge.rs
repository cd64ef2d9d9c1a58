//! The edge: what happens around every request. It gives the request an id, bounds its time, catches panics, writes
//! problems, counts, and logs one line. Nothing here sees a body, a path's values or a query.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, STRICT_TRANSPORT_SECURITY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use privet_wire::{PROBLEM_JSON, Problem};
use tokio::time::timeout;

use crate::pages;
use crate::refusal::Refusal;
use crate::router::{Api, Transport};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// For a year, this host is asked through TLS alone, whatever somebody types or links (RFC 6797). Hosts below it may be
/// others'.
const TLS_ALONE: HeaderValue = HeaderValue::from_static("max-age=31536000");
const BEARER: HeaderValue = HeaderValue::from_static("Bearer realm=\"privet\"");
const PROBLEM: HeaderValue = HeaderValue::from_static(PROBLEM_JSON);

/// Names requests in the log and in problems. An id says nothing and proves nothing; it only has to differ from the
/// others, also across restarts.
pub(crate) struct RequestIds {
    start: u32,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        // The one thing here that has to differ between starts; hashers are seeded by the system.
        let start = RandomState::new().build_hasher().finish();
        Self {
            start: u32::try_from(start >> 32).unwrap_or_default(),
            next: AtomicU64::new(0),
        }
    }

    fn next(&self) -> String {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-{count:x}", self.start)
    }
}

/// The layer around all routes.
pub(crate) async fn edge(State(api): State<Api>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let id = api.request_ids.next();
    let template = matched.as_ref().map(MatchedPath::as_str);
    let for_people = pages::is_page(template, request.uri(), request.headers());
    let uri = request.uri().clone();
    let answered = timeout(api.limits.request_time, caught(next.run(request))).await;
    let mut response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(Panicked)) => {
            tracing::error!(route, request_id = id, "a request panicked");
            Refusal::internal().into_response()
        }
        Err(_) => too_slow().into_response(),
    };
    let refusal = response.extensions_mut().remove::<Refusal>();
    if let Some(refusal) = &refusal {
        let page = match for_people {
            true => pages::refused(&api, refusal, &id, &method, &uri),
            false => None,
        };
        match page {
            Some(page) => response = page,
            None => write_problem(&mut response, refusal, &id),
        }
        // So that whoever asked for too much knows what there is (RFC 9110, section 15.5.17).
        let range = refusal.size_bytes.map(|size| format!("bytes */{size}"));
        if let Some(Ok(range)) = range.map(HeaderValue::try_from) {
            response.headers_mut().insert(CONTENT_RANGE, range);
        }
    }
    if for_people {
        pages::harden(response.headers_mut());
    }
    let code = refusal.map_or("", |refusal| refusal.code);
    finish(&mut response, &id, api.transport);
    let (status, took) = (response.status().as_u16(), started.elapsed());
    api.metrics.answered(&method, route, status, code, took);
    tracing::info!(
        method = method.as_str(),
        route,
        status,
        code,
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        request_id = id,
        "answered"
    );
    response
}

fn too_slow() -> Refusal {
    Refusal::new(
        StatusCode::REQUEST_TIMEOUT,
        "request_timeout",
        "the request took too long: send the body faster, or ask for less at a time",
    )
}

struct Panicked;

/// A panic ends its own request and no other; what it said stays out of the answer.
async fn caught(answer: impl Future<Output = Response>) -> Result<Response, Panicked> {
    let mut answer = pin!(answer);
    std::future::poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
            Ok(progress) => progress.map(Ok),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    })
    .await
}

fn write_problem(response: &mut Response, refusal: &Refusal, id: &str) {
    let status = refusal.status;
    let problem = Problem {
        kind: format!("urn:privet:error:{}", refusal.code),
        title: status.canonical_reason().unwrap_or_default().to_owned(),
        status: status.as_u16(),
        code: refusal.code.to_owned(),
        detail: refusal.detail.clone().into_owned(),
        request_id: id.to_owned(),
    };
    *response.body_mut() = Body::from(serde_json::to_vec(&problem).unwrap_or_default());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, PROBLEM);
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, BEARER);
    }
    if let Some(retry) = refusal.retry {
        headers.insert(RETRY_AFTER, retry.0.into());
    }
}

fn finish(response: &mut Response, id: &str, transport: Transport) {
    let headers = response.headers_mut();
    if transport == Transport::Tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, TLS_ALONE);
    }
    headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_its_request_alone() {
        let panicking = async {
            std::future::ready(()).await;
            panic!("ada@example.com");
        };
        assert!(caught(panicking).await.is_err());
        let fine = async { StatusCode::OK.into_response() };
        assert!(caught(fine).await.is_ok());
    }

    #[test]
    fn ids_of_requests_differ() {
        let ids = RequestIds::new();
        assert_ne!(ids.next(), ids.next());
        assert_ne!(RequestIds::new().start, RequestIds::new().start);
    }
}
