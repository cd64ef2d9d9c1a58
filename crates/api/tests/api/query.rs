//! Questions to telemetry over HTTP: answers come in pieces, and one that breaks off is no answer.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use privet_vault::port::{QueryAnswer, QueryEngine, QueryError, QueryTask};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::bed::{Bed, bed};

/// Answers with the same pieces each time.
struct Pieces(Mutex<Vec<Result<Vec<u8>, QueryError>>>);

struct Answer(std::vec::IntoIter<Result<Vec<u8>, QueryError>>);

#[async_trait]
impl QueryEngine for Pieces {
    async fn start(&self, task: QueryTask) -> Result<Box<dyn QueryAnswer>, QueryError> {
        if task.sql == "SELEC" {
            return Err(QueryError::Invalid("expected a statement".to_owned()));
        }
        Ok(Box::new(Answer(self.0.lock().unwrap().clone().into_iter())))
    }
}

#[async_trait]
impl QueryAnswer for Answer {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, QueryError> {
        self.0.next().transpose()
    }

    fn rows(&self) -> u64 {
        0
    }
}

fn answers(bed: &Bed, pieces: Vec<Result<Vec<u8>, QueryError>>) {
    bed.vault
        .answer_queries(Arc::new(Pieces(Mutex::new(pieces))));
}

/// What chunks hold (RFC 9112, section 7.1); the last one, which is empty, must be there.
fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|pair| pair == b"\r\n").unwrap();
        let size = std::str::from_utf8(&body[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.extend(&body[end + 2..end + 2 + size]);
        assert_eq!(&body[end + 2 + size..end + 4 + size], b"\r\n");
        body = &body[end + 4 + size..];
        if size == 0 {
            assert!(body.is_empty());
            return whole;
        }
    }
}

#[tokio::test]
async fn an_answer_comes_in_pieces_and_says_what_it_is() {
    let bed = bed().await;
    let job = bed.of("job").await;
    let order = |format: &str| json!({"purpose": "service", "sql": "SELECT 1", "format": format});
    let off = job.post("/v1/query", order("csv")).await;
    assert_eq!(off.problem(), "503 telemetry_off");
    let long = vec![b'x'; 300_000];
    answers(
        &bed,
        vec![Ok(b"n\n".to_vec()), Ok(long.clone()), Ok(b"\n".to_vec())],
    );
    for (format, kind) in [
        ("table", "text/plain; charset=utf-8"),
        ("csv", "text/csv; charset=utf-8"),
        ("json", "application/x-ndjson"),
        ("parquet", "application/vnd.apache.parquet"),
        ("arrow", "application/vnd.apache.arrow.stream"),
    ] {
        let answer = job.post("/v1/query", order(format)).await.expect(200);
        assert_eq!(answer.header("content-type"), Some(kind));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(unchunked(&answer.body), [b"n\n", &long[..], b"\n"].concat());
    }
    job.post("/v1/query", order("xml")).await.expect(400);
    let unasked = json!({"purpose": "service", "sql": "SELECT 1", "everybody": true});
    job.post("/v1/query", unasked).await.expect(400);
    let wrong = json!({"purpose": "service", "sql": "SELEC"});
    let refused = job.post("/v1/query", wrong).await;
    assert_eq!(refused.problem(), "422 query_invalid");
    let nothing = json!({"purpose": "curiosity", "sql": "SELECT 1"});
    let refused = job.post("/v1/query", nothing).await;
    assert_eq!(refused.problem(), "422 unknown_purpose");
}

#[tokio::test]
async fn what_breaks_off_at_once_is_told_and_later_ends_the_connection() {
    let bed = bed().await;
    let limit = || Err(QueryError::Limit("too much".to_owned()));
    answers(&bed, vec![limit()]);
    let job = bed.of("job").await;
    let order = json!({"purpose": "service", "sql": "SELECT 1"});
    let refused = job.post("/v1/query", order.clone()).await;
    assert_eq!(refused.problem(), "429 query_limit");

    let bed = crate::bed::bed().await;
    answers(&bed, vec![Ok(b"{\"n\":1}\n".to_vec()), limit()]);
    let job = bed.of("job").await;
    let mut stream = TcpStream::connect(job.address).await.unwrap();
    let (token, body) = (job.token.unwrap(), order.to_string());
    let request = format!(
        "POST /v1/query HTTP/1.1\r\nhost: privet\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The connection ends; whether it is reset or closed, the last chunk never comes.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("{\"n\":1}"), "{answer}");
    assert!(!answer.contains("\r\n0\r\n\r\n"), "{answer}");
}
