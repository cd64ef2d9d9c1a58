//! The one stylesheet, under a name that changes with its content, so that browsers may keep it.

use std::sync::LazyLock;

use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;

use crate::answer::plain;

const TEXT: &str = include_str!("../../assets/privet.css");
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The route; the name is part of it.
pub(crate) const PATH: &str = "/assets/{name}";

/// Where the stylesheet is.
pub(super) static ADDRESS: LazyLock<String> =
    LazyLock::new(|| format!("/assets/privet-{:016x}.css", fingerprint(TEXT.as_bytes())));

/// The stylesheet, whatever its name: a page of a former version still gets a sheet.
pub(crate) async fn style() -> Response {
    let mut response = plain("text/css; charset=utf-8", TEXT);
    response.headers_mut().insert(CACHE_CONTROL, KEPT);
    response
}

/// FNV-1a: it tells versions of our own file apart, and nothing rests on it.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
