//! A page as an answer: rendered into a buffer that is overwritten when it is dropped, under headers that let nothing
//! run and nothing leave.

use askama::Template;
use axum::body::Body;
use axum::http::header::{
    ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::Response;

use crate::refusal::Refusal;
use privet_wire::SecretBuffer;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const CSP: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const DENY: HeaderValue = HeaderValue::from_static("DENY");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");
const NO_PERMISSIONS: HeaderValue =
    HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()");

/// Room for most pages.
const CAPACITY: usize = 16 * 1024;

/// Renders a page.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Result<Response, Refusal> {
    let mut buffer = SecretBuffer::with_capacity(CAPACITY);
    template
        .render_into(&mut buffer)
        .map_err(|_| Refusal::internal())?;
    let mut response = Response::new(Body::from(buffer.into_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HTML);
    Ok(response)
}

/// Leads on to another page, by a GET (RFC 9110 section 15.4.4).
pub(super) fn see_other(path: &str) -> Result<Response, Refusal> {
    let location = HeaderValue::from_str(path).map_err(|_| Refusal::internal())?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// An address of these pages.
pub(super) fn address(path: &str, query: &str) -> String {
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{path}{mark}{query}")
}

/// Whether a request is answered with pages: by its route, and where there is none by what it accepts.
pub(crate) fn is_page(route: Option<&str>, uri: &Uri, headers: &HeaderMap) -> bool {
    let path = route.unwrap_or_else(|| uri.path());
    let is_api = ["/v1", "/health", "/metrics", "/openapi.json"]
        .iter()
        .any(|start| path.strip_prefix(start).is_some_and(is_end));
    if is_api || route.is_some() {
        return !is_api;
    }
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    accepts.is_some_and(|kinds| kinds.contains("text/html"))
}

fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

/// Lets nothing run, nothing be framed, and nothing be told to where a link leads.
pub(crate) fn harden(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, CSP);
    headers.insert(REFERRER_POLICY, NO_REFERRER);
    headers.insert(X_FRAME_OPTIONS, DENY);
    headers.insert(OPENER_POLICY, SAME_ORIGIN);
    headers.insert(RESOURCE_POLICY, SAME_ORIGIN);
    headers.insert(PERMISSIONS, NO_PERMISSIONS);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(route: Option<&str>, path: &str, accept: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        is_page(route, &path.parse().unwrap(), &headers)
    }

    #[test]
    fn programs_get_problems_and_people_get_pages() {
        let html = "text/html,application/xhtml+xml,*/*;q=0.8";
        assert!(check(Some("/sessions/{id}"), "/sessions/x", "*/*"));
        assert!(check(None, "/nonsense", html));
        assert!(check(None, "/v1x", html));
        assert!(!check(None, "/nonsense", "*/*"));
        assert!(!check(None, "/v1/nonsense", html));
        assert!(!check(Some("/v1/sessions"), "/v1/sessions", html));
        assert!(!check(Some("/metrics"), "/metrics", html));
    }
}
