//! Requests over the network.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use privet_wire::SecretBuffer;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Url};

use crate::{Error, Settings, Transport, TransportError};

/// The most room that is made because an answer says that it is long; more is made as it comes.
const ROOM_BYTES_MAX: usize = 1 << 20;

/// A server's address, and connections to it.
pub(crate) struct Http {
    connections: reqwest::Client,
    server: Url,
    answer_bytes_max: usize,
}

impl Http {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        let server = settings.url()?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("privet-client/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.limits.connect)
            // A redirect would carry the token elsewhere, and a proxy would see it pass.
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            // Where another crate switches these on, an answer would be as long as its sender likes before it is counted.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .https_only(server.scheme() == "https");
        if let Some(file) = &settings.authorities {
            let shown = file.display();
            let pem = std::fs::read(file)
                .map_err(|error| Error::setting(format!("cannot read `{shown}`: {error}")))?;
            let certificates = Certificate::from_pem_bundle(&pem).ok();
            let certificates = certificates
                .filter(|found| !found.is_empty())
                .ok_or_else(|| Error::setting(format!("`{shown}` holds no certificate in PEM")))?;
            builder = builder.tls_certs_only(certificates);
        }
        let connections = builder.build().map_err(|error| {
            Error::setting(format!(
                "no connection can be made on this machine: {error}"
            ))
        })?;
        Ok(Self {
            connections,
            server,
            answer_bytes_max: settings.limits.answer_bytes_max,
        })
    }
}

#[async_trait]
impl Transport for Http {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let (head, body) = request.into_parts();
        let mut url = self.server.clone();
        url.set_path(head.uri.path());
        url.set_query(head.uri.query());
        let request = self.connections.request(head.method, url);
        let request = request.headers(head.headers).body(body);
        let mut answer = request.send().await.map_err(failure)?;
        let mut whole = Response::new(Bytes::new());
        *whole.status_mut() = answer.status();
        std::mem::swap(whole.headers_mut(), answer.headers_mut());
        let announced = answer.content_length().unwrap_or_default();
        let announced = usize::try_from(announced).unwrap_or(usize::MAX);
        if announced > self.answer_bytes_max {
            return Err(TransportError::TooLarge);
        }
        let mut read = SecretBuffer::with_capacity(announced.clamp(1024, ROOM_BYTES_MAX));
        while let Some(chunk) = answer.chunk().await.map_err(failure)? {
            if read.len() + chunk.len() > self.answer_bytes_max {
                return Err(TransportError::TooLarge);
            }
            read.push(&chunk);
        }
        *whole.body_mut() = read.into_bytes();
        Ok(whole)
    }
}

/// Without the address, whose path may name a subject.
fn failure(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        TransportError::Unsent(error.into())
    } else {
        TransportError::Broken(error.into())
    }
}
