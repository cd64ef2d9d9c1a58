//! Who asks for a page of their own, and forms of theirs.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use privet_vault::{Error, Me, OwnLogin};
use privet_wire::Personal;
use serde::de::DeserializeOwned;

use super::super::cookie::Jar;
use super::super::form::{Guarded, check_origin, foreign, read};
use crate::authenticated::address;
use crate::refusal::Refusal;
use crate::router::Api;

/// Somebody who is logged in to their own pages. A handler that takes one is closed to everybody else.
pub(crate) struct OwnPerson {
    pub(super) me: Me,
    /// What forms of this login carry.
    pub(super) form_token: Personal,
}

impl FromRequestParts<Api> for OwnPerson {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refusal> {
        let secret = Jar::Own.secret(&parts.headers, api.transport);
        let secret = secret.ok_or(Error::Unauthenticated)?;
        let OwnLogin { me, form_token } = api.vault.me(secret, address(parts)).await?;
        Ok(Self {
            me,
            form_token: Personal::new(form_token.as_str()),
        })
    }
}

/// A form of somebody who is logged in to their own pages.
pub(crate) struct OwnForm<T> {
    pub(super) who: OwnPerson,
    pub(super) fields: T,
}

impl<T: DeserializeOwned> FromRequest<Api> for OwnForm<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let who = OwnPerson::from_request_parts(&mut parts, api).await?;
        check_origin(&parts.headers, api.transport)?;
        let Guarded { form, fields } = read(Request::from_parts(parts, body)).await?;
        if form != who.form_token.as_str() {
            return Err(foreign());
        }
        Ok(Self { who, fields })
    }
}
