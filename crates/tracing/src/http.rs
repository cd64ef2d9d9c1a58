//! A preset for `tower-http`: request lines without paths, queries, headers and addresses.
//!
//! ```
//! use axum::Router;
//! use axum::extract::MatchedPath;
//! use axum::routing::get;
//!
//! let route = |parts: &http::Extensions| {
//!     parts.get::<MatchedPath>().map(|path| path.as_str().to_owned())
//! };
//! let app: Router = Router::new()
//!     .route("/customers/{id}", get(|| async { "hello" }))
//!     .layer(privet_tracing::http::trace_layer(route));
//! // … INFO request{http.request.method="GET" http.route="/customers/{id}" …}: answered …
//! ```

use std::time::Duration;

use ::http::{Extensions, Method, Request, Response, Version};
use tower_http::classify::{ServerErrorsAsFailures, ServerErrorsFailureClass, SharedClassifier};
use tower_http::trace::{MakeSpan, OnFailure, OnResponse, TraceLayer};
use tracing::{Span, field};

/// The layer of [`trace_layer`].
///
/// ```
/// use axum::extract::MatchedPath;
/// use privet_tracing::http::{RequestLayer, trace_layer};
///
/// type Route = fn(&http::Extensions) -> Option<String>;
/// fn layer() -> RequestLayer<Route> {
///     trace_layer(|parts| Some(parts.get::<MatchedPath>()?.as_str().to_owned()))
/// }
/// # layer();
/// ```
pub type RequestLayer<R> = TraceLayer<
    SharedClassifier<ServerErrorsAsFailures>,
    RequestSpan<R>,
    (),
    Answered,
    (),
    (),
    Failed,
>;

/// A span for each request, with its method, its route's template and the protocol's version; one
/// event when it is answered, with status and time; one more when it failed. `route` finds the
/// template in the request's extensions, where the router put it; a request that it finds none for
/// has none in its span.
///
/// The names are those of OpenTelemetry's conventions, which [`crate::Policy::new`] lists.
///
/// ```
/// use axum::{Router, extract::MatchedPath, routing::get};
/// use privet_tracing::http::trace_layer;
///
/// let route = |parts: &http::Extensions| Some(parts.get::<MatchedPath>()?.as_str().to_owned());
/// let app: Router = Router::new().route("/orders/{id}", get(|| async {})).layer(trace_layer(route));
/// # drop(app);
/// ```
pub fn trace_layer<R>(route: R) -> RequestLayer<R>
where
    R: Fn(&Extensions) -> Option<String> + Clone,
{
    TraceLayer::new_for_http()
        .make_span_with(RequestSpan { route })
        .on_request(())
        .on_response(Answered)
        .on_body_chunk(())
        .on_eos(())
        .on_failure(Failed)
}

/// Makes the span of a request.
///
/// ```
/// use privet_tracing::http::RequestSpan;
/// use tower_http::trace::MakeSpan;
///
/// /// Whatever finds the route, this makes spans for requests.
/// fn makes_spans<R>(span: RequestSpan<R>) -> impl MakeSpan<axum::body::Body>
/// where
///     R: Fn(&http::Extensions) -> Option<String>,
/// {
///     span
/// }
/// # let _ = makes_spans::<fn(&http::Extensions) -> Option<String>>;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RequestSpan<R> {
    route: R,
}

impl<B, R: Fn(&Extensions) -> Option<String>> MakeSpan<B> for RequestSpan<R> {
    fn make_span(&mut self, request: &Request<B>) -> Span {
        let route = (self.route)(request.extensions());
        tracing::info_span!(
            "request",
            otel.kind = "server",
            http.request.method = method(request.method()),
            http.route = route,
            network.protocol.version = version(request.version()),
            http.response.status_code = field::Empty,
        )
    }
}

/// Records that a request was answered.
///
/// ```
/// use privet_tracing::http::Answered;
/// use tower_http::trace::TraceLayer;
///
/// let layer = TraceLayer::new_for_http().on_response(Answered);
/// # drop(layer);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Answered;

impl<B> OnResponse<B> for Answered {
    fn on_response(self, response: &Response<B>, latency: Duration, span: &Span) {
        let status = response.status().as_u16();
        span.record("http.response.status_code", status);
        tracing::info!(
            http.response.status_code = status,
            duration_ms = latency.as_secs_f64() * 1e3,
            "answered"
        );
    }
}

/// Records that a request failed: with its status, or without the error's text, which may hold
/// anything.
///
/// ```
/// use privet_tracing::http::Failed;
/// use tower_http::trace::TraceLayer;
///
/// let layer = TraceLayer::new_for_http().on_failure(Failed);
/// # drop(layer);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Failed;

impl OnFailure<ServerErrorsFailureClass> for Failed {
    fn on_failure(&mut self, class: ServerErrorsFailureClass, latency: Duration, _span: &Span) {
        let duration_ms = latency.as_secs_f64() * 1e3;
        match class {
            ServerErrorsFailureClass::StatusCode(status) => {
                let status = status.as_u16();
                tracing::error!(http.response.status_code = status, duration_ms, "failed");
            }
            ServerErrorsFailureClass::Error(_) => {
                tracing::error!(error.type = "service", duration_ms, "failed");
            }
        }
    }
}

/// The methods of RFC 9110 and 5789; a client can send any other text as one.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::CONNECT => "CONNECT",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::PATCH => "PATCH",
        _ => "_OTHER",
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "_OTHER",
    }
}
