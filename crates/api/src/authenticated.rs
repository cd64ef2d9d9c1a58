//! Who asks: the bearer token of a request (RFC 6750 section 2.1).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use privet_vault::{Caller, Error};

use crate::refusal::Refusal;
use crate::router::Api;

/// The client's network address as the connection has it. Forwarding headers are not looked at: anybody can write one.
#[derive(Debug, Clone)]
pub(crate) struct ClientAddress(Arc<str>);

impl From<SocketAddr> for ClientAddress {
    fn from(peer: SocketAddr) -> Self {
        Self(peer.ip().to_canonical().to_string().into())
    }
}

/// The caller that the request's token proves. A handler that takes one is closed to everybody else, and its body is
/// not read before.
pub(crate) struct Authenticated(pub(crate) Caller);

impl FromRequestParts<Api> for Authenticated {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refusal> {
        let bearer = bearer(parts).ok_or(Error::Unauthenticated)?;
        Ok(Self(api.vault.authenticate(bearer, address(parts)).await?))
    }
}

/// Where a request comes from.
pub(crate) fn address(parts: &Parts) -> &str {
    let address = parts.extensions.get::<ClientAddress>();
    // Without a network there is no address: calls in process.
    address.map_or("in process", |address| &address.0)
}

/// The address of whoever asks, known or not.
pub(crate) struct Asking(pub(crate) String);

impl FromRequestParts<Api> for Asking {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Refusal> {
        Ok(Self(address(parts).to_owned()))
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start_matches(' '))
}
