//! What an answer says: a value, a refusal, or nothing that Privet would say.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Response, StatusCode};
use privet_wire::Problem;
use serde::de::DeserializeOwned;

use crate::Error;

/// The longest refusal, in bytes: those of Privet are a sentence or two.
const PROBLEM_BYTES_MAX: usize = 16 * 1024;
/// The longest code or request id, in bytes.
const WORD_BYTES_MAX: usize = 64;

/// Reads the answer to a call that succeeded.
pub(crate) fn read_success<T: DeserializeOwned>(
    call: &'static str,
    answer: &Response<Bytes>,
) -> Result<T, Error> {
    success(call, answer)?;
    read(call, answer)
}

/// Takes the answer to a call that is no JSON.
pub(crate) fn bytes(call: &'static str, answer: Response<Bytes>) -> Result<Bytes, Error> {
    success(call, &answer)?;
    let kind = answer.headers().get(CONTENT_TYPE);
    // A page of what stands before the server.
    match kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) {
        true => Err(wrong(call, answer.status())),
        false => Ok(answer.into_body()),
    }
}

/// Reads an answer whatever its status.
pub(crate) fn read<T: DeserializeOwned>(
    call: &'static str,
    answer: &Response<Bytes>,
) -> Result<T, Error> {
    let content: &[u8] = match answer.body().as_ref() {
        // No content is `()`. Only if it is said: whatever else answers with nothing did not do what was asked.
        [] if answer.status() == StatusCode::NO_CONTENT => b"null",
        content => content,
    };
    // What the parser says may quote a value.
    serde_json::from_slice(content).map_err(|_| wrong(call, answer.status()))
}

fn success(call: &'static str, answer: &Response<Bytes>) -> Result<(), Error> {
    if answer.status().is_success() {
        return Ok(());
    }
    match refusal(answer) {
        Some(problem) => Err(Error::Refused(Box::new(problem))),
        None => Err(wrong(call, answer.status())),
    }
}

/// The refusal, if it has the shape that Privet gives it. It ends in logs and on terminals, and anything may have written it.
fn refusal(answer: &Response<Bytes>) -> Option<Problem> {
    if answer.body().len() > PROBLEM_BYTES_MAX {
        return None;
    }
    let mut problem: Problem = serde_json::from_slice(answer.body()).ok()?;
    let ours = problem.status == answer.status().as_u16()
        && is_word(&problem.code)
        && is_word(&problem.request_id);
    for text in [&mut problem.kind, &mut problem.title, &mut problem.detail] {
        *text = text.replace(char::is_control, " ");
    }
    ours.then_some(problem)
}

fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
}

/// It is not what Privet answers.
pub(crate) fn wrong(call: &'static str, status: StatusCode) -> Error {
    Error::Answer {
        call,
        status: status.as_u16(),
    }
}

/// How long the server asks to wait, in whole seconds (RFC 9110 section 10.2.3; Privet sends no dates).
pub(crate) fn retry_after(answer: &Response<Bytes>) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response<Bytes> {
        let mut answer = Response::new(Bytes::from(body.to_owned()));
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        answer
    }

    fn problem(status: u16, code: &str, detail: &str) -> String {
        serde_json::json!({
            "type": "urn:privet:error:x", "title": "x", "status": status, "code": code, "detail": detail, "request_id": "r-1",
        })
        .to_string()
    }

    fn check(status: u16, body: &str) -> String {
        read_success::<()>("/v1/x", &answer(status, body))
            .map_or_else(|error| error.to_string(), |()| "done".to_owned())
    }

    const WRONG: &str = "the answer to `/v1/x` is not one of Privet";

    #[test]
    fn a_refusal_is_one_of_privet_or_none() {
        let body = problem(403, "policy_denied", "no policy allows it");
        assert_eq!(
            check(403, &body),
            "no policy allows it (`policy_denied`, request r-1)"
        );
        for body in [
            // A status that is not the answer's would say that nothing was done when something may have been.
            problem(400, "policy_denied", "no"),
            problem(502, "policy_denied\r\n", "no"),
            problem(502, "", "no"),
            problem(502, "policy_denied", &"x".repeat(PROBLEM_BYTES_MAX)),
            "<html>".to_owned(),
            String::new(),
        ] {
            assert!(check(502, &body).starts_with(WRONG), "{body}");
        }
    }

    #[test]
    fn a_refusal_stays_on_its_line() {
        let said = check(
            403,
            &problem(403, "policy_denied", "no\n2026-11-26 all well\u{1b}[2J"),
        );
        assert_eq!(
            said,
            "no 2026-11-26 all well [2J (`policy_denied`, request r-1)"
        );
    }

    #[test]
    fn nothing_is_an_answer_only_if_it_is_said() {
        assert_eq!(check(204, ""), "done");
        assert!(check(200, "").starts_with(WRONG));
        assert!(check(200, "<html>").starts_with(WRONG));
        assert!(
            bytes("/v1/x", answer(200, "c2sp"))
                .unwrap()
                .starts_with(b"c2sp")
        );
        let mut page = answer(200, "<html>");
        let kind = http::HeaderValue::from_static("text/html; charset=utf-8");
        page.headers_mut().insert(CONTENT_TYPE, kind);
        assert!(bytes("/v1/x", page).is_err());
    }

    #[test]
    fn what_is_nested_deep_is_no_answer() {
        let deep = "[".repeat(1_000_000);
        let read = read_success::<serde_json::Value>("/v1/x", &answer(200, &deep));
        assert!(matches!(read, Err(Error::Answer { status: 200, .. })));
        assert!(check(502, &"[".repeat(10_000)).starts_with(WRONG));
    }
}
