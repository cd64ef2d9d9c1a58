//! What comes in: JSON bodies, ids in paths, queries. Each is parsed at the edge into a type that cannot be wrong, and
//! a refusal says where, never what: the content may be personal.

use std::str::FromStr;

use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;
use crate::router::Api;
use privet_wire::SecretBuffer;

/// A JSON body, read strictly.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Api> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "send the body as JSON, with `content-type: application/json`",
            ));
        }
        let bytes = collect(request.into_body(), api.limits.body_bytes_max).await?;
        serde_json::from_slice(bytes.as_slice())
            .map(Self)
            .map_err(|error| Refusal::malformed("malformed_json", where_wrong(&error)))
    }
}

/// A body of JSON lines, each of which is read strictly and by itself. Blank ones are left out.
pub(crate) struct Lines<T>(pub(crate) Vec<Read<T>>);

/// A line that is not blank.
pub(crate) struct Read<T> {
    /// Which, from 1.
    pub(crate) line: u32,
    /// What it says, or what is wrong with it and where.
    pub(crate) content: Result<T, String>,
}

impl<T: DeserializeOwned> FromRequest<Api> for Lines<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refusal> {
        if !is_json(request.headers()) && !is_kind(request.headers(), "application/x-ndjson") {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "send the body as JSON lines, with `content-type: application/x-ndjson`",
            ));
        }
        let bytes = collect(request.into_body(), api.limits.body_bytes_max).await?;
        let lines = bytes.as_slice().split(|byte| *byte == b'\n');
        let lines = (1..).zip(lines.map(<[u8]>::trim_ascii));
        let lines = lines.filter(|(_, text)| !text.is_empty());
        let read = lines.map(|(line, text)| Read {
            line,
            content: serde_json::from_slice(text).map_err(|error| where_in_line(&error)),
        });
        Ok(Self(read.collect()))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    is_kind(headers, "application/json")
}

fn is_kind(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

pub(crate) async fn collect(mut body: Body, bytes_max: usize) -> Result<SecretBuffer, Refusal> {
    let too_large = || {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!("a body has at most {bytes_max} bytes: send several requests"),
        )
    };
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bytes_max {
        return Err(too_large());
    }
    let mut bytes = SecretBuffer::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let truncated = |_| Refusal::malformed("body_truncated", "the body ended too early");
        let Ok(data) = frame.map_err(truncated)?.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > bytes_max {
            return Err(too_large());
        }
        bytes.push(&data);
    }
    Ok(bytes)
}

/// Where a body is wrong. Of serde's messages only what it expected is kept: the rest may repeat the content.
fn where_wrong(error: &serde_json::Error) -> String {
    wrong_at(
        error,
        &format!("line {} column {}", error.line(), error.column()),
    )
}

/// The same of one line.
fn where_in_line(error: &serde_json::Error) -> String {
    wrong_at(error, &format!("column {}", error.column()))
}

fn wrong_at(error: &serde_json::Error, place: &str) -> String {
    match error.classify() {
        serde_json::error::Category::Data => match expected(&error.to_string()) {
            Some(expected) => format!("{expected}, at {place}"),
            None => format!("not what the API's description says, at {place}"),
        },
        _ => format!("not JSON, at {place}"),
    }
}

/// The part of a serde message that is made of our own names.
fn expected(message: &str) -> Option<String> {
    let message = message
        .rsplit_once(" at line ")
        .map_or(message, |(said, _)| said);
    if message.starts_with("missing field `") || message.starts_with("duplicate field `") {
        return Some(message.to_owned());
    }
    let (found, expected) = message.rsplit_once(", expected ")?;
    let what = if found.starts_with("unknown field") {
        "an unknown member; expected "
    } else {
        "expected "
    };
    Some(format!("{what}{expected}"))
}

/// An id in the path.
pub(crate) struct PathId<T>(pub(crate) T);

impl<T: FromStr> FromRequestParts<Api> for PathId<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refusal> {
        let text = Path::<String>::from_request_parts(parts, api).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| {
            Refusal::malformed("invalid_id", "the id in the path has not the form of one")
        })
    }
}

/// Two ids in the path.
pub(crate) struct PathIds<A, B>(pub(crate) A, pub(crate) B);

impl<A: FromStr, B: FromStr> FromRequestParts<Api> for PathIds<A, B> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refusal> {
        let texts = Path::<(String, String)>::from_request_parts(parts, api).await;
        let ids = texts.ok().and_then(|Path((first, second))| {
            let ids = (first.parse().ok()?, second.parse().ok()?);
            Some(Self(ids.0, ids.1))
        });
        ids.ok_or_else(|| {
            Refusal::malformed("invalid_id", "an id in the path has not the form of one")
        })
    }
}

/// The query, read strictly.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Refusal> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(query)| Self(query))
            .map_err(|_| {
                Refusal::malformed(
                    "invalid_query",
                    "a query parameter is unknown or has a value of another kind: see `/openapi.json`",
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use privet_wire::{CreateSubject, RevealRequest};

    use super::*;

    fn check<T: DeserializeOwned>(json: &str) -> String {
        let Err(error) = serde_json::from_str::<T>(json) else {
            panic!("accepted");
        };
        let said = where_wrong(&error);
        assert!(!said.contains("ada"), "{said}");
        said
    }

    #[test]
    fn a_wrong_body_is_told_where_and_not_what() {
        assert_eq!(
            check::<RevealRequest>(r#"{"subjects":["ada"],"ada@example.com":1}"#),
            "an unknown member; expected one of `subjects`, `fields`, `purpose`, `form`, `reason`, \
             at line 1 column 37"
        );
        assert_eq!(
            check::<RevealRequest>(r#"{"subjects":"ada, expected ada"}"#),
            "expected a sequence, at line 1 column 31"
        );
        assert_eq!(
            check::<RevealRequest>(r#"{"subjects":["ada"]}"#),
            "missing field `fields`, at line 1 column 20"
        );
        assert_eq!(
            check::<RevealRequest>(r#"{"subjects":[],"form":"ada at line 7"}"#),
            "expected one of `clear`, `masked`, `pseudonym`, `sealed`, at line 1 column 37"
        );
        assert_eq!(
            check::<CreateSubject>(r#"{"fields":{"email":"ada@example.c"#),
            "not JSON, at line 1 column 33"
        );
        assert_eq!(
            check::<CreateSubject>(r#"{"fields":{"email":{"ada":1}}}"#),
            "expected a string, at line 1 column 19"
        );
    }
}
