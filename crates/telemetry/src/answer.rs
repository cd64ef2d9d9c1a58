//! What clients are told: OTLP's answers and errors, over HTTP and over gRPC.
//!
//! OTLP 1.x, "OTLP/HTTP response" and "Failures": an error's body is a `google.rpc.Status` in the encoding of the request; what
//! may be sent again is told by the status, and when by `Retry-After`.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceResponse,
};
use privet_vault::Error as VaultError;
use prost::Message as _;
use serde_json::json;
use tonic::Code;

use crate::counts::Counts;
use crate::intake::{NotTaken, Unpacked};
use crate::journal::Refused;
use crate::message::{Encoding, Signal, Undecoded};

/// A server that cannot now is asked again after this many seconds.
const SOON: u32 = 1;
/// A store that does not keep up needs more.
const LATER: u32 = 10;

/// Why a request gets no answer, as both protocols tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: Code,
    pub(crate) detail: String,
    pub(crate) retry_seconds: Option<u32>,
}

/// `google.rpc.Status`, of which OTLP uses two fields.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: Code, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            retry_seconds: None,
        }
    }

    pub(crate) fn unavailable(detail: impl Into<String>, seconds: u32) -> Self {
        Self {
            retry_seconds: Some(seconds),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, detail)
        }
    }

    pub(crate) fn too_slow() -> Self {
        Self::unavailable("the request took too long: send it again", SOON)
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        // Without a time to retry, gRPC clients take this for final, as it is.
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::ResourceExhausted,
            detail,
        )
    }

    /// As HTTP tells it.
    pub(crate) fn http(self, encoding: Encoding) -> Response {
        let body = match encoding {
            Encoding::Protobuf => {
                let message = self.detail.clone();
                let code = self.code.into();
                RpcStatus { code, message }.encode_to_vec()
            }
            Encoding::Json => {
                let code: i32 = self.code.into();
                json!({ "code": code, "message": self.detail })
                    .to_string()
                    .into_bytes()
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, content_type(encoding));
        if let Some(seconds) = self.retry_seconds {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"privet\""),
            );
        }
        response
    }

    /// As gRPC tells it.
    pub(crate) fn grpc(self) -> tonic::Status {
        tonic::Status::new(self.code, self.detail)
    }
}

impl From<VaultError> for Refusal {
    fn from(error: VaultError) -> Self {
        let (status, code) = match &error {
            VaultError::Unauthenticated => (StatusCode::UNAUTHORIZED, Code::Unauthenticated),
            VaultError::Denied(_) => (StatusCode::FORBIDDEN, Code::PermissionDenied),
            VaultError::Limited(_) => {
                let refusal = Self::unavailable(error.to_string(), LATER);
                return Self {
                    status: StatusCode::TOO_MANY_REQUESTS,
                    ..refusal
                };
            }
            VaultError::AuditUnavailable(_) | VaultError::Unready(_) | VaultError::Store(_) => {
                tracing::warn!(
                    code = error.code(),
                    "the vault does not answer the telemetry door"
                );
                return Self::unavailable("the server cannot decide now: send it again", SOON);
            }
            _ => {
                tracing::error!(code = error.code(), "the vault failed the telemetry door");
                return Self::from(NotTaken::Internal);
            }
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<NotTaken> for Refusal {
    fn from(error: NotTaken) -> Self {
        let detail = error.to_string();
        match error {
            NotTaken::Vault(error) => error.into(),
            NotTaken::Undecoded(Undecoded::TooLarge) | NotTaken::Unpacked(Unpacked::TooLong) => {
                Self::too_large(detail)
            }
            NotTaken::Undecoded(Undecoded::Malformed) | NotTaken::Unpacked(Unpacked::NotGzip) => {
                Self::new(StatusCode::BAD_REQUEST, Code::InvalidArgument, detail)
            }
            NotTaken::Refused(Refused::Full) => Self::unavailable(detail, LATER),
            NotTaken::Refused(Refused::Disk | Refused::Closed) => Self::unavailable(detail, SOON),
            NotTaken::Internal => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, detail)
            }
        }
    }
}

/// The answer to a request that was taken. OTLP's three responses differ in names alone, and Protocol Buffers do not write names.
pub(crate) fn taken(signal: Signal, encoding: Encoding, counts: &Counts) -> Bytes {
    let rejected = counts.rejected();
    let message = counts.message();
    match encoding {
        Encoding::Protobuf => {
            let partial_success = (rejected > 0).then(|| ExportLogsPartialSuccess {
                rejected_log_records: i64::try_from(rejected).unwrap_or(i64::MAX),
                error_message: message,
            });
            ExportLogsServiceResponse { partial_success }
                .encode_to_vec()
                .into()
        }
        Encoding::Json if rejected == 0 => Bytes::from_static(b"{}"),
        Encoding::Json => {
            let name = match signal {
                Signal::Logs => "rejectedLogRecords",
                Signal::Traces => "rejectedSpans",
                Signal::Metrics => "rejectedDataPoints",
            };
            // Numbers of 64 bits are strings in the JSON of Protocol Buffers.
            let partial = json!({ "errorMessage": message, name: rejected.to_string() });
            json!({ "partialSuccess": partial }).to_string().into()
        }
    }
}

pub(crate) fn content_type(encoding: Encoding) -> HeaderValue {
    HeaderValue::from_static(match encoding {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    })
}
