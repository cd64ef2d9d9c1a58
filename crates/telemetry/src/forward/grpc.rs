//! gRPC's framing of one call, and what its end means.
//!
//! "gRPC over HTTP2"; OTLP 1.x, "OTLP/gRPC Throttling": which codes are final, and where a time to wait stands.

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use prost::Message as _;
use reqwest::header::HeaderMap;

use super::collector::{Answer, Trouble, later, rejected};

pub(super) const RESOURCE_EXHAUSTED: u32 = 8;
/// Cancelled, deadline exceeded, aborted, out of range, unavailable, data loss.
const AGAIN: [u32; 6] = [1, 4, 10, 11, 14, 15];
/// A message's flag and length.
const HEAD_BYTES: usize = 5;

/// "Implementations MUST split … and accept padded and un-padded values."
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
struct Detail {
    #[prost(string, tag = "1")]
    of: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// A message with its head; `None`: it is longer than one can be.
pub(super) fn framed(message: &[u8], is_packed: bool) -> Option<Vec<u8>> {
    let length = u32::try_from(message.len()).ok()?;
    let mut framed = Vec::with_capacity(HEAD_BYTES + message.len());
    framed.push(u8::from(is_packed));
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(message);
    Some(framed)
}

/// What the end of a call means. A call that fails at once has its code among the headers.
pub(super) fn answer(headers: &HeaderMap, trailers: &HeaderMap, body: &[u8]) -> Answer {
    let of = if trailers.contains_key("grpc-status") {
        trailers
    } else {
        headers
    };
    let code = of.get("grpc-status").and_then(|code| code.to_str().ok());
    let Some(code) = code.and_then(|code| code.parse().ok()) else {
        return later(Trouble::Broken);
    };
    let why = Trouble::Code(code);
    match (code, delay(of)) {
        (0, _) => Answer::Taken {
            rejected: body.get(HEAD_BYTES..).map_or(0, rejected),
        },
        // A collector that says when to come again has recovered then; one that does not never takes this.
        (RESOURCE_EXHAUSTED, None) => Answer::Refused(why),
        (RESOURCE_EXHAUSTED, after) => Answer::Later { why, after },
        (code, after) if AGAIN.contains(&code) => Answer::Later { why, after },
        _ => Answer::Refused(why),
    }
}

fn delay(headers: &HeaderMap) -> Option<Duration> {
    let details = BASE64
        .decode(headers.get("grpc-status-details-bin")?)
        .ok()?;
    let status = Status::decode(&*details).ok()?;
    let info = status
        .details
        .iter()
        .find(|detail| detail.of.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&*info.value).ok()?.delay?;
    let seconds = u64::try_from(delay.seconds).ok()?;
    Some(Duration::new(
        seconds,
        u32::try_from(delay.nanos)
            .unwrap_or_default()
            .min(999_999_999),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, details: Option<&Status>) -> Answer {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", code.parse().unwrap());
        if let Some(details) = details {
            let text = BASE64.encode(details.encode_to_vec());
            let text = text.trim_end_matches('=').parse().unwrap();
            trailers.insert("grpc-status-details-bin", text);
        }
        answer(&HeaderMap::new(), &trailers, &[])
    }

    #[test]
    fn codes_are_final_as_otlp_says() {
        assert_eq!(check("0", None), Answer::Taken { rejected: 0 });
        for code in 1..17_u32 {
            let is_later = matches!(check(&code.to_string(), None), Answer::Later { .. });
            assert_eq!(is_later, AGAIN.contains(&code), "{code}");
        }
        assert_eq!(check("x", None), later(Trouble::Broken));
    }

    #[test]
    fn a_time_to_wait_is_among_the_details() {
        let delay = Some(Delay {
            seconds: 3,
            nanos: 500_000_000,
        });
        let status = Status {
            details: vec![Detail {
                of: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
                value: RetryInfo { delay }.encode_to_vec(),
            }],
        };
        let after = Some(Duration::from_millis(3_500));
        for code in [8, 14] {
            let why = Trouble::Code(code);
            let answer = check(&code.to_string(), Some(&status));
            assert_eq!(answer, Answer::Later { why, after });
        }
    }
}
