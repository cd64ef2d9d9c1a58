//! Forms: read strictly, and only from these pages themselves.
//!
//! Two checks, each of which alone keeps other sites' forms out: the browser says where the form came from
//! (`Sec-Fetch-Site`, else `Origin`), and the form carries what only its login knows.

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::signed_in::SignedIn;
use crate::body::collect;
use crate::refusal::Refusal;
use crate::router::{Api, Transport};

/// A note of 4,000 characters, each of four bytes, each byte as three characters, and what is beside it.
const BYTES_MAX: usize = 64 * 1024;
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// A form of somebody who is not logged in yet.
pub(crate) struct OpenForm<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Api> for OpenForm<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refusal> {
        check_origin(request.headers(), api.transport)?;
        read(request).await.map(Self)
    }
}

/// A form of somebody who is logged in.
pub(crate) struct Form<T> {
    pub(super) who: SignedIn,
    pub(super) fields: T,
}

#[derive(Deserialize)]
pub(super) struct Guarded<T> {
    pub(super) form: String,
    #[serde(flatten)]
    pub(super) fields: T,
}

impl<T: DeserializeOwned> FromRequest<Api> for Form<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let who = SignedIn::from_request_parts(&mut parts, api).await?;
        check_origin(&parts.headers, api.transport)?;
        let Guarded { form, fields } = read(Request::from_parts(parts, body)).await?;
        if form != who.form_token.as_str() {
            return Err(foreign());
        }
        Ok(Self { who, fields })
    }
}

pub(super) async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Refusal> {
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_a_form",
            "send a form, as the pages do",
        ));
    }
    let bytes = collect(request.into_body(), BYTES_MAX).await?;
    serde_urlencoded::from_bytes(bytes.as_slice()).map_err(|_| {
        Refusal::malformed(
            "malformed_form",
            "the form lacks something or has something that is not its own: go back and load the page again",
        )
    })
}

/// Refuses what another site made a browser send. Browsers that say nothing of where a form came from are refused, too.
pub(super) fn check_origin(headers: &HeaderMap, transport: Transport) -> Result<(), Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(SEC_FETCH_SITE) {
        return (site == "same-origin").then_some(()).ok_or_else(foreign);
    }
    let scheme = match transport {
        Transport::Tls => "https",
        Transport::Loopback => "http",
    };
    let own = text(HOST.as_str()).map(|host| format!("{scheme}://{host}"));
    let same = own.is_some() && own.as_deref() == text(ORIGIN.as_str());
    same.then_some(()).ok_or_else(foreign)
}

pub(super) fn foreign() -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        "foreign_form",
        "this form did not come from this login's own pages: go back, load the page again, and send it once more; \
         an old browser that does not say where forms come from cannot be used",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&str, &str)], transport: Transport) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = axum::http::HeaderName::try_from(*name).unwrap();
            map.insert(name, value.parse().unwrap());
        }
        check_origin(&map, transport).is_ok()
    }

    #[test]
    fn only_forms_of_the_same_origin_pass() {
        let loopback = Transport::Loopback;
        assert!(check(
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
            loopback
        ));
        for site in ["cross-site", "same-site", "none"] {
            let own = [
                ("sec-fetch-site", site),
                ("host", "a"),
                ("origin", "http://a"),
            ];
            assert!(!check(&own, loopback), "{site}");
        }
        assert!(check(
            &[("host", "a:1"), ("origin", "http://a:1")],
            loopback
        ));
        assert!(!check(
            &[("host", "a:1"), ("origin", "http://a:2")],
            loopback
        ));
        assert!(!check(
            &[("host", "a:1"), ("origin", "http://a:1")],
            Transport::Tls
        ));
        assert!(!check(&[("host", "a:1"), ("origin", "null")], loopback));
        assert!(!check(&[("host", "a:1")], loopback));
        assert!(!check(&[], loopback));
    }
}
