//! Who asks for a page: the login of the request's cookie.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use privet_vault::{Caller, Error, LoggedIn, Rights};
use privet_wire::Personal;

use super::cookie::Jar;
use crate::authenticated::address;
use crate::refusal::Refusal;
use crate::router::Api;

/// Somebody who is logged in. A handler that takes one is closed to everybody else.
pub(crate) struct SignedIn {
    pub(super) caller: Caller,
    /// What forms of this login carry.
    pub(super) form_token: Personal,
    /// Which pages lead somewhere for them.
    pub(super) rights: Rights,
}

impl FromRequestParts<Api> for SignedIn {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refusal> {
        let secret = Jar::Staff
            .secret(&parts.headers, api.transport)
            .ok_or(Error::Unauthenticated)?;
        let LoggedIn { caller, form_token } = api.vault.logged_in(secret, address(parts))?;
        Ok(Self {
            rights: api.vault.rights(&caller)?,
            caller,
            form_token: form_token.into(),
        })
    }
}
