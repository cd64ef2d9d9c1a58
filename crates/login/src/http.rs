//! The HTTP client that a provider is asked with: it goes nowhere that it is sent, and reads no more than an answer takes.

use std::time::Duration;

use openidconnect::{HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};

use crate::SettingsError;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer: keys, a discovery document, a token.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("no connection, or no whole answer")]
    Request(#[from] reqwest::Error),
    #[error("the answer is longer than an answer can be")]
    TooLong,
    #[error("not an answer")]
    Malformed(#[from] openidconnect::http::Error),
}

/// The client.
#[derive(Debug, Clone)]
pub(crate) struct Http(Client);

impl Http {
    pub(crate) fn new(authorities: Option<&[u8]>, is_tls: bool) -> Result<Self, SettingsError> {
        let mut builder = Client::builder()
            .user_agent(concat!("privet/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(PATIENCE)
            .timeout(PATIENCE)
            // A redirect would carry codes and secrets elsewhere, and a proxy would see them pass.
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            // Where another crate switches these on, an answer would be as long as its sender likes before it is counted.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .https_only(is_tls);
        if let Some(pem) = authorities {
            let certificates = Certificate::from_pem_bundle(pem).ok();
            let certificates = certificates.filter(|found| !found.is_empty());
            builder = builder.tls_certs_only(certificates.ok_or(SettingsError::Authorities)?);
        }
        Ok(Self(builder.build().map_err(SettingsError::Client)?))
    }

    pub(crate) async fn call(self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut answer = self.0.execute(request.try_into()?).await?;
        let mut response = openidconnect::http::Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.extend(answer.headers().clone());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(HttpError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(response.body(body)?)
    }
}
