//! The collector that telemetry is forwarded to: one request, and what its answer means.
//!
//! OTLP 1.x, "OTLP/HTTP Response" and "OTLP/gRPC Response" say which answers are final. What a collector writes into an answer goes
//! into no log: it may quote what it was sent.

use std::time::{Duration, UNIX_EPOCH};

use http_body_util::{BodyExt as _, Limited};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use prost::Message as _;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER, TE};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Response, StatusCode, Url};

use super::endpoint::{Endpoint, Protocol};
use super::grpc;
use super::requests::Parcel;
use crate::intake::Packing;
use crate::message::Signal;

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How a collector is spoken to.
#[derive(Clone)]
pub struct CollectorSettings {
    /// Where it is.
    pub endpoint: Endpoint,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// How requests are packed.
    pub packing: Packing,
    /// What is sent with each request, such as a token.
    pub headers: HeaderMap,
    /// PEM certificates of the authorities that its certificate is checked with; none: those of this machine.
    pub authorities: Option<Vec<u8>>,
    /// How long one request may take.
    pub request_time: Duration,
}

impl std::fmt::Debug for CollectorSettings {
    // Headers hold tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CollectorSettings")
            .field("endpoint", &self.endpoint)
            .field("protocol", &self.protocol)
            .field("packing", &self.packing)
            .finish_non_exhaustive()
    }
}

/// Why a collector cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// There is no certificate in what was named.
    #[error("the authorities hold no certificate in PEM")]
    Authorities,
    /// This machine cannot make connections.
    #[error("no connection can be made on this machine")]
    Client(#[source] reqwest::Error),
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was taken, but for so many records.
    Taken { rejected: u64 },
    /// It may be sent again, once this has passed if the collector says so.
    Later {
        why: Trouble,
        after: Option<Duration>,
    },
    /// It is of no use to send it again.
    Refused(Trouble),
}

/// What went wrong, without a word of the collector's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There is no connection to it, or a certificate that is not trusted.
    Unreachable,
    /// It does not answer in time.
    Slow,
    /// The connection broke off, or what came is no answer.
    Broken,
    /// An HTTP status.
    Status(u16),
    /// A gRPC code.
    Code(u32),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable => {
                f.write_str("it cannot be reached, or its certificate is not trusted")
            }
            Self::Slow => f.write_str("it does not answer in time"),
            Self::Broken => f.write_str("the connection broke off"),
            Self::Status(status) => write!(f, "it answers with status {status}"),
            Self::Code(code) => write!(f, "it answers with gRPC code {code}"),
        }
    }
}

/// A collector.
pub struct Collector {
    client: Client,
    settings: CollectorSettings,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Collector {
    /// Connects when it is sent something.
    ///
    /// # Errors
    /// [`CollectorError`]
    pub fn new(settings: CollectorSettings) -> Result<Self, CollectorError> {
        let mut builder = Client::builder()
            .user_agent(concat!("privet/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.request_time)
            .timeout(settings.request_time)
            // A redirect would carry headers and telemetry elsewhere, and a proxy would see them pass.
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            // Where another crate switches these on, an answer would be as long as its sender likes before it is counted.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .https_only(settings.endpoint.is_tls());
        if settings.protocol == Protocol::Grpc {
            builder = builder.http2_prior_knowledge();
        }
        if let Some(pem) = &settings.authorities {
            let certificates = Certificate::from_pem_bundle(pem).ok();
            let certificates = certificates.filter(|found| !found.is_empty());
            builder = builder.tls_certs_only(certificates.ok_or(CollectorError::Authorities)?);
        }
        let client = builder.build().map_err(CollectorError::Client)?;
        Ok(Self { client, settings })
    }

    /// How requests are to be packed.
    pub(super) fn packing(&self) -> Packing {
        self.settings.packing
    }

    /// Sends a request. `now_ms` is for answers that say by a date when to come again.
    pub(super) async fn send(&self, parcel: &Parcel, now_ms: i64) -> Answer {
        match self.settings.protocol {
            Protocol::Http => self.over_http(parcel, now_ms).await,
            Protocol::Grpc => self.over_grpc(parcel, now_ms).await,
        }
    }

    async fn over_http(&self, parcel: &Parcel, now_ms: i64) -> Answer {
        let mut request = self
            .client
            .post(self.url(parcel.signal))
            .headers(self.settings.headers.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(parcel.body.clone());
        if self.settings.packing == Packing::Gzip {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return failed(&error),
        };
        match answer.status() {
            status if status.is_success() => {
                // The status says that it was taken, whatever becomes of the body.
                let body = read(answer).await.unwrap_or_default();
                let rejected = rejected(&body);
                Answer::Taken { rejected }
            }
            status => by_status(status, answer.headers(), now_ms),
        }
    }

    async fn over_grpc(&self, parcel: &Parcel, now_ms: i64) -> Answer {
        let is_packed = self.settings.packing == Packing::Gzip;
        let Some(body) = grpc::framed(&parcel.body, is_packed) else {
            return Answer::Refused(Trouble::Code(grpc::RESOURCE_EXHAUSTED));
        };
        let mut request = self
            .client
            .post(self.url(parcel.signal))
            .headers(self.settings.headers.clone())
            .header(CONTENT_TYPE, "application/grpc+proto")
            .header(TE, "trailers")
            .body(body);
        if is_packed {
            request = request.header("grpc-encoding", "gzip");
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return failed(&error),
        };
        if answer.status() != StatusCode::OK {
            return by_status(answer.status(), answer.headers(), now_ms);
        }
        let (head, body) = http::Response::from(answer).into_parts();
        let Ok(collected) = Limited::new(body, ANSWER_BYTES_MAX).collect().await else {
            return later(Trouble::Broken);
        };
        let trailers = collected.trailers().cloned().unwrap_or_default();
        grpc::answer(&head.headers, &trailers, &collected.to_bytes())
    }

    fn url(&self, signal: Signal) -> Url {
        self.settings.endpoint.url(self.settings.protocol, signal)
    }
}

/// Nothing is known of what became of the request.
pub(super) fn later(why: Trouble) -> Answer {
    Answer::Later { why, after: None }
}

fn failed(error: &reqwest::Error) -> Answer {
    later(if error.is_connect() {
        Trouble::Unreachable
    } else if error.is_timeout() {
        Trouble::Slow
    } else {
        Trouble::Broken
    })
}

fn by_status(status: StatusCode, headers: &HeaderMap, now_ms: i64) -> Answer {
    let why = Trouble::Status(status.as_u16());
    match status.as_u16() {
        429 | 502 | 503 | 504 => Answer::Later {
            why,
            after: retry_after(headers, now_ms),
        },
        _ => Answer::Refused(why),
    }
}

/// RFC 9110 section 10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap, now_ms: i64) -> Option<Duration> {
    let said = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = said.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(said).ok()?;
    let now = Duration::from_millis(u64::try_from(now_ms).ok()?);
    Some(date.duration_since(UNIX_EPOCH).ok()?.saturating_sub(now))
}

async fn read(mut answer: Response) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        if read.len() + chunk.len() > ANSWER_BYTES_MAX {
            return None;
        }
        read.extend_from_slice(&chunk);
    }
    Some(read)
}

/// How many records a collector says that it left out. OTLP's three responses differ in names alone, which are not written.
pub(super) fn rejected(body: &[u8]) -> u64 {
    let answer = ExportLogsServiceResponse::decode(body).ok();
    let partial = answer.and_then(|answer| answer.partial_success);
    let rejected = partial.map_or(0, |partial| partial.rejected_log_records);
    u64::try_from(rejected).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_with_each_request_is_not_shown() {
        let headers = [("authorization", "Bearer hunter2"), ("x-hunter2", "1")];
        let headers = headers.map(|(name, value)| {
            let name = reqwest::header::HeaderName::from_static(name);
            (name, value.parse().unwrap())
        });
        let settings = CollectorSettings {
            endpoint: Endpoint::parse("https://collector.example:4318").unwrap(),
            protocol: Protocol::Http,
            packing: Packing::Gzip,
            headers: headers.into_iter().collect(),
            authorities: None,
            request_time: Duration::from_secs(1),
        };
        let shown = format!("{settings:?}");
        assert!(shown.contains("collector.example"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_time_to_wait_is_seconds_or_a_date() {
        let check = |said: &str| {
            let headers = [(RETRY_AFTER, said.parse().unwrap())];
            retry_after(&headers.into_iter().collect(), 784_111_777_000)
        };
        assert_eq!(check("7"), Some(Duration::from_secs(7)));
        assert_eq!(check("0"), Some(Duration::ZERO));
        let date = "Sun, 06 Nov 1994 08:49:47 GMT";
        assert_eq!(check(date), Some(Duration::from_secs(10)));
        assert_eq!(check("Sun, 06 Nov 1994 08:49:17 GMT"), Some(Duration::ZERO));
        for nonsense in ["", "-1", "soon", "1.5", "Sun, 06 Nov"] {
            assert_eq!(check(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn statuses_are_final_as_otlp_says() {
        for status in 300..600 {
            let status = StatusCode::from_u16(status).unwrap();
            let answer = by_status(status, &HeaderMap::new(), 0);
            let is_later = matches!(answer, Answer::Later { .. });
            assert_eq!(
                is_later,
                [429, 502, 503, 504].contains(&status.as_u16()),
                "{status}"
            );
        }
    }
}
