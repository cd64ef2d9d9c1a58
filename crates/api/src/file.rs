//! A file of a person as an answer: in ranges (RFC 9110, section 14), as a stream, kept by nobody on the way.

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use privet_vault::subject_request::{FileRange, FileReading, FileWish};

use crate::refusal::Refusal;

/// Which bytes a request wants. What is no range of bytes, or several, means the whole (section 14.2).
pub(crate) fn wish_of(headers: &HeaderMap) -> FileWish {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let range = text(RANGE).and_then(range_of).unwrap_or(FileRange::Whole);
    // A date, or a weak tag, is of no file.
    let tag = headers.contains_key(IF_RANGE).then(|| {
        let tag = text(IF_RANGE).and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
        tag.unwrap_or_default().to_owned()
    });
    FileWish { range, tag }
}

fn range_of(text: &str) -> Option<FileRange> {
    let (unit, range) = text.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number that is too large is beyond every file.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    match (first, last) {
        ("", last) => Some(FileRange::Last(number(last)?)),
        (first, "") => Some(FileRange::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(FileRange::From(first, Some(last)))
        }
    }
}

/// The answer; it breaks off when something goes wrong on the way, or the person is erased meanwhile.
pub(crate) fn file_out(reading: FileReading) -> Result<Response, Refusal> {
    let (start, end) = reading.range();
    let size = reading.size_bytes();
    let is_whole = (start, end) == (0, size);
    let value = |text: String| HeaderValue::try_from(text).map_err(|_| Refusal::internal());
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/zip")),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (ETAG, value(format!("\"{}\"", reading.tag()))?),
        (
            CONTENT_DISPOSITION,
            value(format!("attachment; filename=\"{}\"", reading.name()))?,
        ),
        (CONTENT_LENGTH, HeaderValue::from(end - start)),
    ];
    let content_range = value(format!("bytes {start}-{}/{size}", end.saturating_sub(1)))?;
    let parts = stream::try_unfold(reading, |mut reading| async move {
        let part = reading.next().await?;
        let part = part.map(Bytes::from_owner);
        Ok::<_, privet_vault::Error>(part.map(|part| (part, reading)))
    });
    let mut response = Response::new(Body::from_stream(parts));
    response.headers_mut().extend(headers);
    if !is_whole {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        response.headers_mut().insert(CONTENT_RANGE, content_range);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_a_part_and_all_else_is_the_whole() {
        let check =
            |text: &str, range: Option<FileRange>| assert_eq!(range_of(text), range, "{text}");
        check("bytes=0-0", Some(FileRange::From(0, Some(0))));
        check("Bytes=5-", Some(FileRange::From(5, None)));
        check("bytes=-5", Some(FileRange::Last(5)));
        let beyond = FileRange::From(u64::MAX, None);
        check("bytes=99999999999999999999-", Some(beyond));
        for whole in [
            "bytes=5-4",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "lines=0-1",
            "0-1",
            "bytes=+1-2",
        ] {
            check(whole, None);
        }
    }

    #[test]
    fn a_tag_of_another_kind_is_of_no_file() {
        let check = |header: Option<&'static str>, tag: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.extend(header.map(|text| (IF_RANGE, HeaderValue::from_static(text))));
            assert_eq!(wish_of(&headers).tag.as_deref(), tag);
        };
        check(None, None);
        check(Some("\"a\""), Some("a"));
        check(Some("W/\"a\""), Some(""));
        check(Some("Thu, 26 Nov 2026 10:00:00 GMT"), Some(""));
    }
}
